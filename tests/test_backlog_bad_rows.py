"""A broken row keeps its place, gets its flag and takes no other row along."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from complaint_router import DataError, Router
from complaint_router.backlog import csvlines, open_source, route_file

GOOD = "1,家里停水两天了,甲"


def route_csv(router: Router, folder: Path, content: bytes, **options: Any) -> list[dict[str, str]]:
    (folder / "in.csv").write_bytes(content)
    route_file(router, folder / "in.csv", folder / "out.csv", **options)
    with (folder / "out.csv").open(encoding=open_source(folder / "in.csv").encoding, newline="") as file:
        return list(csv.DictReader(file))


def lines(*rows: str) -> bytes:
    return "\n".join(["id,text,note", *rows, ""]).encode()


def test_ragged_lines_lose_no_cell(tiny_router: Router, tmp_path: Path) -> None:
    rows = route_csv(tiny_router, tmp_path, lines(GOOD, "2,停水,乙,丙,丁", "3,楼下酒吧吵", "4", "5,停水,甲,,", GOOD))
    assert [(row["id"], row["text"], row["note"], row["route.flags"]) for row in rows] == [
        ("1", "家里停水两天了", "甲", ""),
        ("2", "停水", "乙,丙,丁", "extra_cells"),
        ("3", "楼下酒吧吵", "", "missing_cells"),
        ("4", "", "", "missing_cells|empty"),
        ("5", "停水", "甲", ""),
        ("1", "家里停水两天了", "甲", ""),
    ]
    assert rows[1]["route.decision.action"] == "review"
    assert rows[1]["route.decision.reasons"].startswith("extra_cells")
    assert rows[1]["route.category.name"], "a person who looks gets a suggestion"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_bytes_that_cannot_be_read_are_told_and_the_rest_is_kept(
    tiny_router: Router, tmp_path: Path, encoding: str
) -> None:
    content = lines(GOOD, "2,水压太低@三楼上不去,乙", GOOD).decode().encode(encoding).replace(b"@", b"\xff")
    rows = route_csv(tiny_router, tmp_path, content)
    assert [row["route.flags"] for row in rows] == ["", "undecodable", ""]
    assert (rows[1]["text"], rows[1]["note"]) == ("水压太低\ufffd三楼上不去", "乙")


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("text\n停水停电\n".encode() + b"\xe5\n", "utf-8"),
        (b"text\n\xff only a few of these letters\n", "utf-8"),
        (b"text\nmany letters, none Chinese, and one caf\xe9s among them\n" * 9, "utf-8"),
        ("text\n停水停电\n".encode("gb18030") + b"\xff\n", "gb18030"),
        (("text,编号\n" + "a long line of letters,1\n" * 99).encode("gb18030"), "gb18030"),
        ("text\n停水\n".encode("gb18030"), "gb18030"),
        ("text\n一个café\n".encode(), "utf-8"),
        ("text\ncafé\n".encode(), "utf-8"),
        ("\r".join(["text", *["停水停电"] * 1_100]).encode("gb18030"), "gb18030"),
    ],
)
def test_a_few_bad_bytes_do_not_hide_the_encoding(tmp_path: Path, content: bytes, encoding: str) -> None:
    (tmp_path / "in.csv").write_bytes(content)
    source = open_source(tmp_path / "in.csv")
    assert source.encoding == encoding
    assert source.total == sum(1 for chunk in source.chunks() for _ in chunk.rows)


def test_a_quotation_mark_that_is_never_closed_swallows_no_rows(tiny_router: Router, tmp_path: Path) -> None:
    rows = route_csv(tiny_router, tmp_path, lines(GOOD, '2,"楼下酒吧吵,乙', GOOD, '3,"停水\n停电",丙', "4,停水,丁"))
    assert [(row["id"], row["text"], row["note"], row["route.flags"]) for row in rows] == [
        ("1", "家里停水两天了", "甲", ""),
        ("2", '"楼下酒吧吵', "乙", "stray_quote"),
        ("1", "家里停水两天了", "甲", ""),
        ("3", "停水\n停电", "丙", ""),
        ("4", "停水", "丁", ""),
    ]


def test_the_last_line_may_open_a_quotation_mark(tiny_router: Router, tmp_path: Path) -> None:
    rows = route_csv(tiny_router, tmp_path, lines(GOOD, '2,"停水,乙')[:-1])
    assert [row["route.flags"] for row in rows] == ["", "stray_quote"]


def test_quotation_marks_within_a_cell_are_kept(tiny_router: Router, tmp_path: Path) -> None:
    rows = route_csv(tiny_router, tmp_path, lines('1,"停水"严重,甲', '2,他说"停水"了,乙', '3,"又""停水""了",丙'))
    assert [(row["text"], row["route.flags"]) for row in rows] == [
        ('"停水"严重', "stray_quote"),
        ('他说"停水"了', ""),
        ('又"停水"了', ""),
    ]


def test_nul_is_no_text(tiny_router: Router, tmp_path: Path) -> None:
    rows = route_csv(tiny_router, tmp_path, lines("1,停\0水,甲"))
    assert rows[0]["text"] == "停\ufffd水"
    assert "undecodable" in rows[0]["route.flags"].split("|")


def test_a_field_beyond_the_limit_is_a_broken_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvlines, "LONGEST_FIELD", 50)
    every = ["a,b\n", '1,"x\n', *["y,y\n"] * 30, '2,"z"\n']
    records = list(csvlines.read_csv(every))
    assert [record.line for record in records] == list(range(1, 34))
    assert [record.line for record in records if record.stray_quote] == [2]
    assert records[-1].cells == ["2", "z"]


def test_cells_of_ten_megabytes_are_flagged_in_each_format(tiny_router: Router, tmp_path: Path) -> None:
    rows = [
        {"text": "停水" * 2_000_000, "note": ""},
        {"text": "停水", "note": "x" * 10_000_000},
        {"text": "停水", "note": ""},
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="ascii")
    for ending in ("csv", "parquet", "jsonl"):
        route_file(tiny_router, tmp_path / "in.jsonl", tmp_path / f"in2.{ending}")
        summary = route_file(tiny_router, tmp_path / f"in2.{ending}", tmp_path / f"out.{ending}")
        assert summary.flags == {"long_cell": 2}
        out = list(open_source(tmp_path / f"out.{ending}").rows())
        assert [{name: row[name] for name in rows[0]} for row in out] == rows


def test_lines_that_are_not_json_keep_their_text(tiny_router: Router, tmp_path: Path) -> None:
    content = ['{"id": 1, "内容": "停水"}', '{"id": 2, "内容": "停水', "[1, 2]", "", '"停电"', "NaN", '{"id": 3}']
    (tmp_path / "in.jsonl").write_text("\n".join(content), encoding="utf-8")
    summary = route_file(tiny_router, tmp_path / "in.jsonl", tmp_path / "out.jsonl", text_field="内容")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [row.get("内容") for row in rows] == ["停水", '{"id": 2, "内容": "停水', "[1, 2]", '"停电"', "NaN", None]
    assert [row["route"]["flags"] for row in rows] == [
        [],
        ["broken_line"],
        ["broken_line", "no_chinese"],
        ["broken_line"],
        ["broken_line", "no_chinese"],
        ["not_text"],
    ]
    assert summary.flags == {"broken_line": 4, "no_chinese": 2, "not_text": 1}


def test_a_file_of_nothing_but_broken_lines(tiny_router: Router, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("停水\n停电\n", encoding="utf-8")
    for ending in ("csv", "parquet"):
        assert route_file(tiny_router, tmp_path / "in.jsonl", tmp_path / f"out.{ending}").flags == {"broken_line": 2}


def test_texts_of_the_wrong_type(tiny_router: Router, tmp_path: Path) -> None:
    values = [12345, 1.5, True, None, ["停水"], {"a": "停水"}, "停水"]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": each}) + "\n" for each in values), "utf-8")
    assert route_file(tiny_router, tmp_path / "in.jsonl", tmp_path / "out.jsonl").flags == {"not_text": 6}
    pq.write_table(pa.table({"text": [b"a", None]}), tmp_path / "in.parquet")
    assert route_file(tiny_router, tmp_path / "in.parquet", tmp_path / "out.parquet").flags == {"not_text": 2}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "xlsx", "parquet"])
def test_rejects_hold_the_flagged_rows_with_their_numbers(tiny_router: Router, tmp_path: Path, ending: str) -> None:
    (tmp_path / "in.csv").write_bytes(lines(GOOD, "2,,乙", GOOD, "4,停水", "5,停水,甲,乙"))
    rejects = tmp_path / f"rejects.{ending}"
    route_file(tiny_router, tmp_path / "in.csv", tmp_path / "out.jsonl", rejects=rejects)
    rows = list(open_source(rejects).rows())
    assert [(str(row["row"]), row["id"]) for row in rows] == [("2", "2"), ("4", "4"), ("5", "5")]
    flags = [row["route"]["flags"] if "route" in row else row["route.flags"].split("|") for row in rows]
    assert flags == [["empty"], ["missing_cells"], ["extra_cells"]]
    route_file(tiny_router, rejects, tmp_path / "whole.jsonl", rejects=tmp_path / f"again.{ending}")
    assert [row["row.2"] for row in open_source(tmp_path / f"again.{ending}").rows()]
    (tmp_path / "good.csv").write_bytes(lines(GOOD))
    route_file(tiny_router, tmp_path / "good.csv", tmp_path / "out.jsonl", rejects=rejects)
    assert list(open_source(rejects).rows()) == []


def test_strings_of_parquet_that_are_no_utf8(tiny_router: Router, tmp_path: Path) -> None:
    broken = pa.array([b"\xe5\x81", None, "停水".encode()], pa.binary())
    strings = pa.StringArray.from_buffers(3, broken.buffers()[1], broken.buffers()[2], broken.buffers()[0])
    table = pa.table({"text": ["停水"] * 3, "note": strings, "label": strings.dictionary_encode()})
    pq.write_table(table, tmp_path / "in.parquet")
    for ending in ("parquet", "csv", "jsonl"):
        out = tmp_path / f"out.{ending}"
        assert route_file(tiny_router, tmp_path / "in.parquet", out).flags == {"undecodable": 1}
        assert [row["note"] or None for row in open_source(out).rows()] == ["\ufffd", None, "停水"]
        if ending != "parquet":  # where it stands as text, it is text
            assert route_file(tiny_router, out, tmp_path / f"again.{ending}").flags == {}


def test_times_that_python_has_no_form_for(tiny_router: Router, tmp_path: Path) -> None:
    table = pa.table(
        {"text": ["停水"], "far": pa.array([2**62], pa.timestamp("us")), "wait": pa.array([5], pa.duration("ns"))}
    )
    pq.write_table(table, tmp_path / "in.parquet")
    for ending in ("csv", "jsonl", "xlsx", "parquet"):
        assert route_file(tiny_router, tmp_path / "in.parquet", tmp_path / f"out.{ending}").rows == 1
    (row,) = open_source(tmp_path / "out.jsonl").rows()
    assert row["far"]


def test_columns_of_one_name_are_all_kept(tiny_router: Router, tmp_path: Path) -> None:
    columns = [pa.array(["停水"]), pa.array(["甲"]), pa.array(["乙"])]
    pq.write_table(pa.table(columns, names=["text", "n", "n"]), tmp_path / "in.parquet")
    for ending in ("csv", "jsonl", "xlsx", "parquet"):
        route_file(tiny_router, tmp_path / "in.parquet", tmp_path / f"out.{ending}")
        (row,) = open_source(tmp_path / f"out.{ending}").rows()
        assert (row["n"], row["n.2"]) == ("甲", "乙")


def test_workbooks_as_other_programs_write_them(
    tiny_router: Router, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for at, row in enumerate([("text", "电话"), ("停水_x000D_\n两天", 13800001111), (), ("_x005F_x0041_", 45000)], 3):
        for column, value in enumerate(row, 1):
            sheet.cell(at, column, value)
    sheet["B4"].number_format = sheet["B6"].number_format = "yyyy-mm-dd"
    book.create_sheet("其他").append(["停水"])
    book.save(tmp_path / "in.xlsx")
    route_file(tiny_router, tmp_path / "in.xlsx", tmp_path / "out.xlsx")
    rows = [tuple(row.values())[:2] for row in open_source(tmp_path / "out.xlsx").rows()]
    assert rows == [("停水\r\n两天", 13800001111), (None, None), ("_x0041_", datetime(2023, 3, 15))]
    assert not recwarn.list


def test_a_workbook_of_more_columns_than_xlsx_holds_is_refused(tiny_router: Router, tmp_path: Path) -> None:
    row = {"text": "停水", **{f"c{number}": number for number in range(16_370)}}
    (tmp_path / "in.jsonl").write_text(json.dumps(row), encoding="ascii")
    with pytest.raises(DataError, match="more columns than XLSX holds"):
        route_file(tiny_router, tmp_path / "in.jsonl", tmp_path / "out.xlsx")
    assert not (tmp_path / "out.xlsx.partial").exists()


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_column_route_that_holds_no_routes_is_not_written_over(
    tiny_router: Router, tmp_path: Path, ending: str
) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "停水", "route": "45路"}\n', encoding="utf-8")
    with pytest.raises(DataError, match="has a column 'route' of its own; rename it"):
        route_file(tiny_router, tmp_path / "in.jsonl", tmp_path / f"out.{ending}")
    assert route_file(tiny_router, tmp_path / "in.jsonl", tmp_path / "out.csv").rows == 1
    with pytest.raises(DataError, match="of its own"):
        route_file(tiny_router, tmp_path / "out.csv", tmp_path / f"out.{ending}")


def test_what_the_column_is_called_that_would_be_written_over(tiny_router: Router, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,route.unit\n停水,A线\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"has a column 'route\.unit' of its own"):
        route_file(tiny_router, tmp_path / "in.csv", tmp_path / "out.csv")
    assert route_file(tiny_router, tmp_path / "in.csv", tmp_path / "out.jsonl").rows == 1


def test_values_that_no_cell_of_xlsx_can_hold_become_text(tiny_router: Router, tmp_path: Path) -> None:
    moments = [datetime(1900, 1, 1, 8), datetime(1999, 5, 5, 8, 30), datetime(2020, 1, 1, 0, 0, 0, 999_999)]
    pq.write_table(pa.table({"text": ["停水"] * 3, "moment": moments}), tmp_path / "in.parquet")
    route_file(tiny_router, tmp_path / "in.parquet", tmp_path / "out.xlsx")
    found = [row["moment"] for row in open_source(tmp_path / "out.xlsx").rows()]
    assert found == ["1900-01-01T08:00:00", datetime(1999, 5, 5, 8, 30), "2020-01-01T00:00:00.999999"]
    huge = 10**300
    (tmp_path / "in.jsonl").write_text(json.dumps({"text": "停水", "n": huge, "m": float("inf")}), encoding="utf-8")
    route_file(tiny_router, tmp_path / "in.jsonl", tmp_path / "out.xlsx")
    (row,) = open_source(tmp_path / "out.xlsx").rows()
    assert (row["n"], row["m"]) == (str(huge), "inf")


def test_nested_cells_of_parquet_that_python_cannot_read(tiny_router: Router, tmp_path: Path) -> None:
    far = pa.array([[2**62]], pa.list_(pa.timestamp("us")))
    zone = pa.array([1], pa.timestamp("ns", "Foo/Bar"))
    pq.write_table(pa.table({"text": ["停水"], "far": far, "zone": zone}), tmp_path / "in.parquet")
    for ending in ("csv", "jsonl", "xlsx", "parquet"):
        assert route_file(tiny_router, tmp_path / "in.parquet", tmp_path / f"out.{ending}").rows == 1


def test_a_text_nested_too_deep_for_another_process(tiny_router: Router, tmp_path: Path) -> None:
    rows = ['{"text": "停水"}'] * 1_500
    rows[3] = '{"text": ' + "[" * 900 + "]" * 900 + "}"
    (tmp_path / "in.jsonl").write_text("\n".join(rows), encoding="utf-8")
    assert route_file(tiny_router, tmp_path / "in.jsonl", tmp_path / "out.jsonl", workers=2).flags == {"not_text": 1}


def test_byte_order_marks_wherever_they_stand(tiny_router: Router, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes("\ufefftext\n停水\n".encode("gb18030"))
    assert route_file(tiny_router, tmp_path / "in.csv", tmp_path / "out.csv").flags == {}
    (tmp_path / "in.jsonl").write_text('\ufeff{"text": "停水"}\n\ufeff{"text": "停电"}\n', encoding="utf-8")
    assert route_file(tiny_router, tmp_path / "in.jsonl", tmp_path / "out.jsonl").flags == {}


def test_an_empty_sheet_in_front_is_told(tiny_router: Router, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("数据")
    for row in (["text"], ["停水"]):
        sheet.append(row)
    book.save(tmp_path / "in.xlsx")
    with pytest.raises(DataError, match="the sheet in front is empty"):
        route_file(tiny_router, tmp_path / "in.xlsx", tmp_path / "out.xlsx")


def test_names_of_columns_that_are_one_after_writing(tiny_router: Router, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "停水", "\\ud800": 1, "?": 2}', encoding="utf-8")
    route_file(tiny_router, tmp_path / "in.jsonl", tmp_path / "out.parquet")
    (row,) = open_source(tmp_path / "out.parquet").rows()
    assert (row["?"], row["?.2"]) == (1, 2)
