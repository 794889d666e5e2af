from __future__ import annotations

import datetime
from pathlib import Path
from typing import Literal

import datasets
import pytest
from conftest import labelled_rows, write_jsonl

from complaint_router import DataError
from complaint_router.errors import ArgumentError
from complaint_router.learn import Example, LabelledData, read_labelled
from complaint_router.learn.data import OTHER
from complaint_router.learn.places import learn_places
from complaint_router.locality.places import LearnedName


def test_rows_without_label_or_text_are_counted(tmp_path: Path) -> None:
    rows = [
        {"text": "停水", "department": "water", "unit": ""},
        {"text": "", "department": "water"},
        {"text": None, "title": "停水", "department": "water"},
        {"text": "english", "department": "water"},
        {"text": "停水", "department": " "},
    ]
    file = write_jsonl(tmp_path / "a.jsonl", rows)  # type: ignore[arg-type]
    data = read_labelled([file], targets={"department": "department"}, title_field="title")
    assert (len(data.examples), data.left_out) == (4, 1)
    usable = data.usable()
    assert [example.text for example in usable.examples] == ["停水", "停水。"]
    assert usable.left_out == 3
    assert usable.split(0.5, 10)[0].left_out == 3


def test_several_files_a_title_and_a_limit(tmp_path: Path) -> None:
    files = [write_jsonl(tmp_path / f"{name}.jsonl", labelled_rows(4)) for name in "ab"]
    targets = {"category": "topic", "kind": "kind"}
    data = read_labelled(files, targets=targets, title_field="id", limit=6)
    assert len(data.examples) == 6
    assert data.examples[5].text.startswith("1。")
    assert data.labels("category") == ("0101", "0502")
    assert data.counts("category") == {"0101": 3, "0502": 3}


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({"mood": "kind"}, "target mood: name one or more of category, department, unit, kind, urgency"),
        ({"kind": "sort"}, r"train\.jsonl: has no column 'sort'; it has 'id', 'text'"),
    ],
)
def test_errors_name_target_and_column(labelled_file: Path, targets: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_labelled([labelled_file], targets=targets)


def test_no_labelled_row_is_an_error(tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", [{"text": "停水", "department": ""}])
    with pytest.raises(DataError, match="none of 1 rows has a label"):
        read_labelled([file], targets={"department": "department"})


def test_split_is_by_text_not_by_order() -> None:
    examples = [Example(f"{number % 50}号楼停水", {"kind": ("投诉",)}) for number in range(100)]
    train, held = LabelledData(examples).split(0.2, 1000)
    assert len(train.examples) + len(held.examples) == 100
    assert not {example.text for example in train.examples} & {example.text for example in held.examples}
    again = LabelledData(examples[::-1]).split(0.2, 1000)[1]
    assert {example.text for example in again.examples} == {example.text for example in held.examples}


def test_near_duplicates_stay_together_and_the_latest_are_held_out() -> None:
    examples = [
        Example(f"{number}号楼停水", {"kind": ("投诉",)}, date=f"2026-01-{number + 1:02}") for number in range(20)
    ]
    train, held = LabelledData(examples).split(0.2, 1000, groups=[number // 2 for number in range(20)])
    assert [example.date for example in held.examples] == [f"2026-01-{day}" for day in (17, 18, 19, 20)]
    assert len(train.examples) == 16
    one_group = LabelledData(examples).split(0.2, 1000, groups=[0] * 20)
    assert (len(one_group[0].examples), len(one_group[1].examples)) == (20, 0)


@pytest.mark.parametrize(
    ("cell", "date"),
    [
        ("2018-01-31", "2018-01-31 00:00:00"),
        ("2018/1/5 8:30", "2018-01-05 08:30:00"),
        ("20180105", "2018-01-05 00:00:00"),
        ("2018年1月5日 9时5分", "2018-01-05 09:05:00"),
        (datetime.datetime(2018, 1, 5, 8, 30), "2018-01-05 08:30:00"),
        (datetime.date(2018, 1, 5), "2018-01-05 00:00:00"),
        ("2018-01-05T08:30:00.125+08:00", "2018-01-05 08:30:00"),
        (float("nan"), ""),
        ("", ""),
        (None, ""),
    ],
)
def test_dates_are_read_in_the_usual_forms(cell: object, date: str) -> None:
    rows = [{"text": "停水", "kind": "投诉", "day": cell}]
    assert read_labelled(rows, targets={"kind": "kind"}, date_field="day").examples[0].date == date


def test_a_wrong_date_is_told_with_its_row(tmp_path: Path) -> None:
    rows = [{"text": "停水", "kind": "投诉", "day": day} for day in ("2018-01-31", "昨天")]
    file = write_jsonl(tmp_path / "a.jsonl", rows)
    with pytest.raises(DataError, match=r"a\.jsonl:2: the date is none; write it like 2018-01-31"):
        read_labelled(file, targets={"kind": "kind"}, date_field="day")


def test_rows_of_datasets_with_alternatives() -> None:
    rows = [{"text": "停水", "topic": "0101", "also": ["0102", "0101"]}, {"text": "油烟", "topic": "0505", "also": []}]
    read = {"targets": {"category": "topic"}, "alternatives": {"category": "also"}}
    dataset = datasets.Dataset.from_list(rows)
    for source in (rows, dataset, dataset.to_iterable_dataset()):
        examples = read_labelled(source, **read).examples  # type: ignore[arg-type]
        assert [example.labels["category"] for example in examples] == [("0101", "0102"), ("0505",)]
        assert [example.row for example in examples] == ["1", "2"]
    text = [{"text": "停水", "topic": "0101", "also": "0102 | 0103"}]
    assert read_labelled(text, **read).examples[0].labels["category"] == ("0101", "0102", "0103")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="rows have no column 'also'; they have 'text', 'topic'"):
        read_labelled([{"text": "停水", "topic": "0101"}], **read)  # type: ignore[arg-type]


def test_class_labels_of_datasets_get_their_names() -> None:
    features = datasets.Features(
        {"text": datasets.Value("string"), "kind": datasets.ClassLabel(names=["投诉", "咨询"])}
    )
    dataset = datasets.Dataset.from_list([{"text": "停水", "kind": 1}], features=features)
    assert read_labelled(dataset, targets={"kind": "kind"}).examples[0].labels["kind"] == ("咨询",)


def test_empty_cells_of_pandas_are_no_labels() -> None:
    rows: list[dict[str, object]] = [
        {"text": "停水", "kind": float("nan"), "unit": "水厂"},
        {"text": "停水", "kind": "投诉", "unit": None},
    ]
    data = read_labelled(rows, targets={"kind": "kind", "unit": "unit"})
    assert [set(example.labels) for example in data.examples] == [{"unit"}, {"kind"}]


@pytest.mark.parametrize("cell", ["1517356800", "201801", "2018-13-45", "43131.5", "下午3:20"])
def test_what_is_no_date_is_told(cell: str) -> None:
    with pytest.raises(DataError, match="1: the date is none"):
        read_labelled([{"text": "停水", "kind": "投诉", "day": cell}], targets={"kind": "kind"}, date_field="day")


@pytest.mark.parametrize(
    ("policy", "labels"),
    [
        ("merge", [("a",), ("a", OTHER), (OTHER,), ("a",)]),
        ("drop", [("a",), ("a",), ("a",)]),
    ],
)
def test_rare_labels_are_merged_or_dropped(policy: Literal["merge", "drop"], labels: list[tuple[str, ...]]) -> None:
    examples = [Example("停水", {"kind": several}) for several in [("a",), ("a", "b"), ("b",), ("a",)]]
    before = LabelledData(examples)
    data, groups = before.without_rare({"kind": before.common("kind", 2)}, policy, [0, 1, 2, 3])
    assert [example.labels["kind"] for example in data.examples] == labels
    assert len(groups) == len(labels)
    assert data.left_out == 4 - len(labels)


def test_places_are_learned_where_tickets_agree() -> None:
    def ticket(text: str, **places: str) -> Example:
        return Example(text, {"kind": ("投诉",)}, places)

    tickets = [ticket("在翠竹花园旁边", district="龙华区", town="金贸街道") for _ in range(4)]
    tickets += [ticket("人民路堵车", district=name) for name in ("龙华区", "美兰区") * 3]
    tickets += [ticket("红星市场门口", district="美兰区", town=town) for town in ("白龙街道", "蓝天街道") * 2]
    tickets += [ticket("王某某住翠竹花园三楼", district="龙华", town="金贸街道") for _ in range(3)]
    lesson = learn_places([*tickets, ticket("某处", district="不存在区")], "460100")
    assert lesson.places.names["翠竹花园"] == LearnedName("460106003", 7, 1.0)
    assert lesson.places.names["红星市场"] == LearnedName("460108", 4, 1.0)
    assert not any("王" in name for name in lesson.places.names)
    assert not any(name.endswith("人民路") for name in lesson.places.names)
    assert lesson.unknown == 1


def test_places_need_a_home() -> None:
    with pytest.raises(ArgumentError, match="--place needs --home"):
        learn_places([], None)
