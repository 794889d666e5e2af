"""Whatever stands in the columns of a file comes out as it went in, in every format."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from complaint_router import Router
from complaint_router.backlog import open_source, route_file

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffd")
TEXT = st.text(CHARACTERS, max_size=12)
XML_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff\ufffd"), max_size=12)
PLAIN = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXT
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=4
)
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def routed(router: Router, folder: str, name: str, write: Any, ending: str | None = None) -> Any:
    source = Path(folder) / name
    write(source)
    out = Path(folder) / f"out{ending or source.suffix}"
    route_file(router, source, out, safe_cells=False)
    return open_source(out)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@FEW
@given(rows=st.lists(st.tuples(TEXT, TEXT, st.text("停水,\"'\r\n =", max_size=12)), max_size=6))
def test_csv(tiny_router: Router, encoding: str, rows: list[tuple[str, ...]]) -> None:
    names = ["编号", "备注", "text"]

    def write(path: Path) -> None:
        with path.open("w", encoding=encoding, newline="") as file:
            csv.writer(file).writerows([names, *rows])

    with TemporaryDirectory() as folder:
        found = [tuple(row[name] for name in names) for row in routed(tiny_router, folder, "in.csv", write).rows()]
    assert found == rows


@FEW
@given(rows=st.lists(st.dictionaries(TEXT.filter(lambda name: name != "route"), JSON, max_size=4), max_size=6))
def test_json_lines(tiny_router: Router, rows: list[dict[str, Any]]) -> None:
    rows = [{**row, "text": "停水"} for row in rows]

    def write(path: Path) -> None:
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8", newline="")

    with TemporaryDirectory() as folder:
        found = list(routed(tiny_router, folder, "in.jsonl", write).rows())
    assert [{name: value for name, value in row.items() if name != "route"} for row in found] == rows


@FEW
@given(
    rows=st.lists(
        st.tuples(
            XML_TEXT,
            st.booleans()
            | st.integers(-(10**14), 10**14)
            | st.datetimes(
                min_value=datetime(1901, 1, 1),
                max_value=datetime(2100, 1, 1),
            ).map(lambda each: each.replace(microsecond=0)),
        ),
        max_size=6,
    )
)
def test_xlsx(tiny_router: Router, rows: list[tuple[Any, ...]]) -> None:
    def write(path: Path) -> None:
        book = openpyxl.Workbook()
        for row in [("text", "value"), *rows]:
            book.active.append(row)
            book.active.cell(book.active.max_row, 1).data_type = "s"
        book.save(path)

    with TemporaryDirectory() as folder:
        found = [(row["text"] or "", row["value"]) for row in routed(tiny_router, folder, "in.xlsx", write).rows()]
    assert found == rows


@FEW
@given(
    texts=st.lists(st.none() | TEXT, max_size=6),
    nested=st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=6, max_size=6),
    moments=st.lists(st.integers(-(2**60), 2**60), min_size=6, max_size=6),
)
def test_parquet(tiny_router: Router, texts: list[str | None], nested: list[list[int]], moments: list[int]) -> None:
    count = len(texts)
    columns = {
        "text": pa.array(texts, pa.string()),
        "nested": pa.array(nested[:count], pa.list_(pa.int8())),
        "moment": pa.array(moments[:count], pa.timestamp("ns", "Asia/Shanghai")),
        "label": pa.array([str(each) for each in moments[:count]], pa.dictionary(pa.int32(), pa.string())),
        "amount": pa.array(moments[:count], pa.decimal128(30, 2)),
    }
    table = pa.table(columns).replace_schema_metadata({"origin": "hotline"})
    with TemporaryDirectory() as folder:
        path = routed(tiny_router, folder, "in.parquet", lambda path: pq.write_table(table, path)).path
        before = pq.read_table(Path(folder) / "in.parquet")
        after = pq.read_table(path)
    assert after.schema.metadata[b"origin"] == b"hotline"
    assert after.drop_columns(["route"]).equals(before)
    assert len(after.column("route")) == count


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet"])
@FEW
@given(rows=st.lists(st.dictionaries(st.sampled_from(["甲", "乙", "丙"]), JSON, max_size=3), max_size=5))
def test_json_lines_fit_into_every_table(tiny_router: Router, ending: str, rows: list[dict[str, Any]]) -> None:
    rows = [{**row, "text": "停水"} for row in rows]

    def write(path: Path) -> None:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    with TemporaryDirectory() as folder:
        found = list(routed(tiny_router, folder, "in.jsonl", write, ending).rows())
    assert [row["text"] for row in found] == ["停水"] * len(rows)
    for row, out in zip(rows, found, strict=True):
        for name, value in row.items():
            if isinstance(value, list | dict):
                assert json.loads(out[name]) == value
