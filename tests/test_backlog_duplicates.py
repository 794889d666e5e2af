from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from complaint_router import DataError, Router
from complaint_router.backlog import open_source, route_file

LAMP = "龙华区金贸街道玉沙路三号楼门前的路灯坏了半个多月，晚上出门什么也看不见，老人走路很不方便，请尽快派人来修"


def grouped(router: Router, folder: Path, texts: Sequence[str | None], ending: str = "jsonl") -> list[int]:
    lines = (json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    (folder / "in.jsonl").write_text("".join(lines), encoding="utf-8")
    out = folder / f"out.{ending}"
    route_file(router, folder / "in.jsonl", out, group_duplicates=True)
    return [int(row["group"]) for row in open_source(out).rows()]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "xlsx", "parquet"])
def test_a_complaint_that_comes_again_has_the_number_of_the_first(
    tiny_router: Router, tmp_path: Path, ending: str
) -> None:
    texts = ["停水了", LAMP, "停水了", LAMP + "！！", "楼下酒吧吵", LAMP.replace("，", " ，")]
    assert grouped(tiny_router, tmp_path, texts, ending) == [1, 2, 1, 2, 5, 2]


def test_the_same_words_about_another_place_are_another_matter(tiny_router: Router, tmp_path: Path) -> None:
    texts = [LAMP, LAMP.replace("金贸街道", "大同街道"), LAMP.replace("龙华区金贸街道", "美兰区"), LAMP]
    assert grouped(tiny_router, tmp_path, texts) == [1, 2, 3, 1]


def test_rows_without_a_text_are_groups_of_their_own(tiny_router: Router, tmp_path: Path) -> None:
    assert grouped(tiny_router, tmp_path, ["", None, "停水", "hello", "hello", "停水"]) == [1, 2, 3, 4, 5, 3]
    assert grouped(tiny_router, tmp_path, [""]) == [1]


def test_numbers_that_are_masked_tell_no_texts_apart(tiny_router: Router, tmp_path: Path) -> None:
    assert grouped(tiny_router, tmp_path, ["停水，电话13800000000", "停水，电话13911111111"]) == [1, 1]


def test_groups_reach_over_chunks_and_are_counted(tiny_router: Router, tmp_path: Path) -> None:
    texts = [f"{number % 1_500}号楼停水" for number in range(3_000)]
    lines = (json.dumps({"text": text}) + "\n" for text in texts)
    (tmp_path / "in.jsonl").write_text("".join(lines), encoding="utf-8")
    counts = []
    for workers in (1, 2):
        out = tmp_path / f"{workers}.jsonl"
        summary = route_file(tiny_router, tmp_path / "in.jsonl", out, group_duplicates=True, workers=workers)
        counts.append(summary.duplicates)
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()
    groups = [row["group"] for row in open_source(tmp_path / "1.jsonl").rows()]
    assert groups[1_500:] == groups[:1_500]
    assert counts == [3_000 - len(set(groups))] * 2


def test_a_column_of_that_name_is_not_written_over(tiny_router: Router, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,group\n停水,甲\n", encoding="utf-8")
    with pytest.raises(DataError, match="has a column 'group' of its own; rename it"):
        route_file(tiny_router, tmp_path / "in.csv", tmp_path / "out.csv", group_duplicates=True)
