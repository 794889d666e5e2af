from __future__ import annotations

import csv
import gzip
import json
import pickle
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from complaint_router import DataError, Router
from complaint_router.backlog import available_cores, open_source, route_file, workers
from complaint_router.backlog.packing import FLAT_COLUMNS
from complaint_router.errors import ArgumentError

ROWS = [
    {"id": "1", "text": "龙华区家里停水两天了", "note": "甲,乙"},
    {"id": "2", "text": "", "note": ""},
    {"id": "3", "text": "楼下酒吧\n音响震天响", "note": '"引号"'},
    {"id": "4", "text": "only English", "note": "丙"},
]


def write_csv(path: Path, rows: list[dict[str, str]], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_jsonl_keeps_rows_columns_and_order(tiny_router: Router, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [*ROWS, {"id": "5", "text": None}, {"id": "6"}, {"id": "7", "text": "水\ud83d"}]
    source = write_jsonl(tmp_path / "in.jsonl", rows)
    summary = route_file(tiny_router, source, tmp_path / "out.jsonl")
    out = read_jsonl(tmp_path / "out.jsonl")
    assert [{key: value for key, value in row.items() if key != "route"} for row in out] == rows
    assert [row["route"]["flags"] for row in out] == [
        [], ["empty"], [], ["no_chinese"], ["not_text"], ["not_text"], [],
    ]  # fmt: skip
    assert out[0]["route"] == tiny_router.route(ROWS[0]["text"]).to_dict()
    assert (summary.rows, summary.flags) == (7, {"not_text": 2, "empty": 1, "no_chinese": 1})
    assert not (tmp_path / "out.jsonl.partial").exists()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_keeps_its_encoding_and_gains_flat_columns(tiny_router: Router, tmp_path: Path, encoding: str) -> None:
    source = write_csv(tmp_path / "in.csv", ROWS, encoding)
    assert open_source(source).encoding == encoding
    route_file(tiny_router, source, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding=encoding, newline="") as file:
        out = list(csv.DictReader(file))
    assert [{name: row[name] for name in ROWS[0]} for row in out] == ROWS
    assert tuple(out[0])[3:] == FLAT_COLUMNS
    assert out[0]["route.locality.district"] == "龙华区"
    assert out[0]["route.unit"] in ("城管大队", "自来水公司")
    assert out[1]["route.flags"] == "empty"
    assert out[1]["route.category.code"] == ""


@pytest.mark.parametrize("ending", ["parquet", "xlsx"])
def test_parquet_and_xlsx(tiny_router: Router, tmp_path: Path, ending: str) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", list(ROWS))
    first, second = tmp_path / f"first.{ending}", tmp_path / f"second.{ending}"
    route_file(tiny_router, source, first)
    route_file(tiny_router, first, second)
    rows = list(open_source(second).rows())
    assert [row["id"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["text"] or "" for row in rows] == [row["text"] for row in ROWS]
    if ending == "parquet":
        assert rows[0]["route"] == tiny_router.route(ROWS[0]["text"]).to_dict()
    else:
        assert rows[0]["route.locality.district"] == "龙华区"


def test_columns_of_later_rows_dates_and_formulas_survive(tiny_router: Router, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["text", "受理时间", "备注", "备注"])
    book.active.append(["停水", datetime(2026, 1, 2, 3, 4), "甲", "乙"])
    book.save(tmp_path / "in.xlsx")
    route_file(tiny_router, tmp_path / "in.xlsx", tmp_path / "out.jsonl")
    (row,) = read_jsonl(tmp_path / "out.jsonl")
    assert (row["受理时间"], row["备注"], row["备注.2"]) == ("2026-01-02T03:04:00", "甲", "乙")

    rows = [{"text": "停水"}, {"text": '=HYPERLINK("x")停水\ud83d', "extra": "有"}]
    source = write_jsonl(tmp_path / "late.jsonl", rows)
    for ending in ("csv", "xlsx", "parquet"):
        route_file(tiny_router, source, tmp_path / f"late.{ending}")
        first, second = open_source(tmp_path / f"late.{ending}").rows()
        assert first["extra"] in ("", None)
        assert second["extra"] == "有"
        assert second["text"] == ("'" if ending == "csv" else "") + '=HYPERLINK("x")停水?'


def test_parquet_keeps_its_types(tiny_router: Router, tmp_path: Path) -> None:
    columns = {"text": pa.array(["停水", None]), "age": pa.array([None, None], pa.int32())}
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    route_file(tiny_router, tmp_path / "in.parquet", tmp_path / "out.parquet")
    schema = pq.read_schema(tmp_path / "out.parquet")
    assert (schema.field("text").type, schema.field("age").type) == (pa.string(), pa.int32())


def test_an_empty_cell_under_a_single_column_is_a_row(tiny_router: Router, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\n停水\n\n停电\n", encoding="utf-8")
    assert route_file(tiny_router, tmp_path / "in.csv", tmp_path / "out.csv").rows == 3


def test_a_text_too_long_for_a_cell_of_xlsx_is_cut_and_flagged(tiny_router: Router, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": "水" * 40_000}, {"text": "停水", "note": ["乙" * 40_000]}])
    assert route_file(tiny_router, source, tmp_path / "out.xlsx").flags == {"long_cell": 2}
    first, second = open_source(tmp_path / "out.xlsx").rows()
    assert (len(first["text"]), len(second["note"])) == (32_767, 32_767)
    assert route_file(tiny_router, source, tmp_path / "out.csv").flags == {}


def test_workers_do_not_change_the_file(tiny_router: Router, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": f"{number}号楼停水"} for number in range(1_600)])
    for count in (1, 2):
        route_file(tiny_router, source, tmp_path / f"{count}.jsonl", workers=count)
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()


def test_no_workers_and_workers_that_die_are_told(tiny_model: Path, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": f"{number}号楼停水"} for number in range(1_200)])
    router = Router.from_pretrained(Path(shutil.copytree(tiny_model, tmp_path / "model")))
    with pytest.raises(ArgumentError, match="workers is 0"):
        route_file(router, source, tmp_path / "out.jsonl", workers=0)
    shutil.rmtree(tmp_path / "model")
    with pytest.raises(ArgumentError, match="a worker died"):
        route_file(router, source, tmp_path / "out.jsonl", workers=2)


def test_a_router_goes_to_another_process_with_its_options(tiny_model: Path) -> None:
    router = Router.from_pretrained(tiny_model, home="110105")
    again = pickle.loads(pickle.dumps(router))
    assert again.route("停水") == router.route("停水")


def test_cores_are_those_of_affinity_and_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(8), raising=False)
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(workers, "_CGROUPS", ((str(tmp_path / "none"),), (str(quota),)))
    for content, cores in (("max 100000", 8), ("250000 100000", 2), ("50000 100000", 1), ("broken", 8)):
        quota.write_text(content, encoding="ascii")
        assert available_cores() == cores


def test_the_title_stands_in_front(tiny_router: Router, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"title": "停水", "text": "两天了"}, {"title": None, "text": "停水"}])
    route_file(tiny_router, source, tmp_path / "out.jsonl", title_field="title")
    first, second = read_jsonl(tmp_path / "out.jsonl")
    assert first["route"] == tiny_router.route("停水。两天了").to_dict()
    assert second["route"] == tiny_router.route("停水").to_dict()


@pytest.mark.parametrize("ending", ["jsonl", "csv", "xlsx", "parquet"])
def test_where_nothing_can_be_written_is_told_at_once(tiny_router: Router, tmp_path: Path, ending: str) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": "停水"}])
    with pytest.raises(DataError, match="cannot be written"):
        route_file(tiny_router, source, tmp_path / "nowhere" / f"out.{ending}")
    (tmp_path / f"folder.{ending}").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        route_file(tiny_router, source, tmp_path / f"folder.{ending}")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.jsonl", b'{"body": "x"}', r"in\.jsonl: has no column 'text'; it has 'body'"),
        ("in.csv", "张三,13800001111,油烟".encode(), r"its first line looks like data; put a header above it"),
        ("in.csv", b"text\n\xff\xff\xff", r"in\.csv: is neither UTF-8 nor GB18030"),
        ("in.csv", "text\n停水\n".encode("utf-16"), r"in\.csv: is UTF-16; save it as UTF-8"),
        ("in.csv.gz", gzip.compress(b"text\n" * 99)[:-9], r"in\.csv\.gz: is a broken gzip file"),
        ("in.csv.gz", b"text\n", r"in\.csv\.gz: is a broken gzip file"),
        ("in.xlsx.gz", b"text", r"in\.xlsx\.gz: \.xlsx is packed already; name it without \.gz"),
        ("in.txt", b"text", r"in\.txt: ending '\.txt' is not one of \.jsonl, \.csv, \.parquet, \.xlsx"),
        ("in.xlsx", b"text", r"in\.xlsx: is not an XLSX workbook"),
        ("in.parquet", b"text", r"in\.parquet: is not a Parquet file"),
    ],
)
def test_errors_name_file_and_line(
    tiny_router: Router, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        route_file(tiny_router, tmp_path / name, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_missing_files_and_folders_are_named(tiny_router: Router, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        route_file(tiny_router, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": "停水"}])
    with pytest.raises(DataError, match=r"ending '\.txt'"):
        route_file(tiny_router, source, tmp_path / "out.txt")


@pytest.mark.parametrize("ending", ["jsonl", "csv", "xlsx", "parquet"])
def test_an_empty_file_gives_an_empty_file(tiny_router: Router, tmp_path: Path, ending: str) -> None:
    (tmp_path / "in.csv").write_text("id,text\n", encoding="utf-8")
    out = tmp_path / f"out.{ending}"
    assert route_file(tiny_router, tmp_path / "in.csv", out).rows == 0
    assert list(open_source(out).rows()) == []
    assert ending == "jsonl" or open_source(out).columns[:2] == ["id", "text"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.jsonl", b'{"text": "x"}\n{"text":', r"in\.jsonl:2: is not a JSON object"),
        ("in.jsonl", b'{"text": "x"}\n[1]', r"in\.jsonl:2: is not a JSON object"),
        ("in.csv", b"id,text\n1,a,b\n", r"in\.csv:2: has more cells than the header"),
        ("in.csv", "text\n停水停水".encode()[:-1], r"in\.csv:2: holds bytes that cannot be read as text"),
    ],
)
def test_where_each_row_must_be_right_a_broken_one_is_an_error(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(open_source(tmp_path / name).rows())


def test_input_and_output_must_differ(tiny_router: Router, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": "停水"}])
    with pytest.raises(ArgumentError, match="must be different files"):
        route_file(tiny_router, source, tmp_path / "." / "in.jsonl")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_packed_files(tiny_router: Router, tmp_path: Path, ending: str, encoding: str) -> None:
    source = write_csv(tmp_path / "in.csv", ROWS, encoding)
    route_file(tiny_router, source, tmp_path / f"plain.{ending}")
    with gzip.open(tmp_path / f"packed.{ending}.gz", "wb") as packed:
        packed.write((tmp_path / f"plain.{ending}").read_bytes())
    route_file(tiny_router, tmp_path / f"packed.{ending}.gz", tmp_path / f"again.{ending}.gz")
    again = gzip.decompress((tmp_path / f"again.{ending}.gz").read_bytes())
    assert again == (tmp_path / f"plain.{ending}").read_bytes()


def test_the_summary_counts_rows_by_what_they_got(tiny_router: Router, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", list(ROWS))
    summary = route_file(tiny_router, source, tmp_path / "out.jsonl", summary=tmp_path / "counts.json")
    told = json.loads((tmp_path / "counts.json").read_text("utf-8"))
    assert told["rows"] == 4
    assert sum(told["actions"].values()) == 4
    assert told["domains"] == {"": 2, "公用事业": 1, "环境保护": 1}
    assert told["departments"] == {"": 2, "供水企业": 1, "城市管理综合执法": 1}
    assert told["districts"] == {"": 3, "海南省海口市龙华区": 1}
    assert told["flags"] == summary.flags == {"empty": 1, "no_chinese": 1}
    assert told["duplicates"] is None
    assert set(told["reasons"]) >= {"empty", "no_chinese"}


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_cells_that_begin_like_formulas_are_made_safe(tiny_router: Router, tmp_path: Path, ending: str) -> None:
    cells = ["=1+1", "+86 0898", "-停水", "@SUM(A1)", "\t=1", "＝1", "-12.5", "+3", "停水=1"]
    source = write_jsonl(tmp_path / "in.jsonl", [{"text": "停水", "=note": cell} for cell in cells])
    out = tmp_path / f"out.{ending}"
    route_file(tiny_router, source, out)
    if ending == "csv":
        written = [row["'=note"] for row in open_source(out).rows()]
        assert written == [*("'" + cell for cell in cells[:6]), "-12.5", "+3", "停水=1"]
        route_file(tiny_router, source, out, safe_cells=False)
        assert [row["=note"] for row in open_source(out).rows()] == cells
    else:
        sheet = openpyxl.load_workbook(out).active
        written = [row[1] for row in sheet.iter_rows()]
        assert [cell.value for cell in written] == ["=note", *cells]
        assert {cell.data_type for cell in written} == {"s"}
        assert [bool(cell.quotePrefix) for cell in written] == [True] * 7 + [False] * 3
