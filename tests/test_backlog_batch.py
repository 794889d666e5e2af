from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import labelled_rows

from complaint_router import Router
from complaint_router.backlog import RouteBatch, route_file
from complaint_router.backlog.packing import FLAT_COLUMNS, flatten
from complaint_router.errors import ArgumentError

TEXTS = ["家里停水两天了", "", None, "楼下酒吧音响震天响"]


@pytest.fixture(scope="module")
def route_batch(tiny_model: Path) -> RouteBatch:
    return RouteBatch(tiny_model, text_field="内容")


def test_an_arrow_table_gains_the_column_route(route_batch: RouteBatch, tiny_router: Router) -> None:
    table = pa.table({"id": [1, 2, 3, 4], "内容": TEXTS})
    once = route_batch(table)
    assert once.drop_columns(["route"]).equals(table)
    assert once.column("route").to_pylist() == [
        route.to_dict()
        for route in tiny_router.route_batch(TEXTS)  # type: ignore[arg-type]
    ]
    assert route_batch(once).equals(once)
    assert route_batch(table.slice(0, 0)).schema == once.schema


def test_arrays_and_frames_gain_the_flat_columns(route_batch: RouteBatch, tiny_router: Router) -> None:
    arrays = route_batch({"id": np.arange(4), "内容": np.array(TEXTS, object)})
    frame = route_batch(pd.DataFrame({"id": range(4), "内容": TEXTS}, index=[3, 1, 2, 0]))
    for found in (arrays, frame):
        assert list(found) == ["id", "内容", *FLAT_COLUMNS]
        for number, route in enumerate(tiny_router.route_batch(TEXTS)):  # type: ignore[arg-type]
            cells = [np.asarray(found[name])[number] for name in FLAT_COLUMNS]
            assert ["" if cell != cell else cell for cell in cells] == flatten(route)
    assert arrays["route.category.score"].dtype == np.float64
    assert list(frame.index) == [3, 1, 2, 0]


def test_a_title_stands_in_front(tiny_model: Path, tiny_router: Router) -> None:
    routed = RouteBatch(tiny_model, title_field="title")(pa.table({"title": ["停水"], "text": ["两天了"]}))
    assert routed.column("route").to_pylist() == [tiny_router.route("停水。两天了").to_dict()]


def test_what_is_no_batch_is_told(route_batch: RouteBatch) -> None:
    with pytest.raises(ArgumentError, match="has a column 'route' of its own"):
        route_batch(pa.table({"内容": ["停水"], "route": ["45路"]}))
    with pytest.raises(ArgumentError, match="has no column '内容'; it has 'text'"):
        route_batch({"text": np.array(TEXTS, object)})
    with pytest.raises(ArgumentError, match="not list"):
        route_batch(TEXTS)


def test_on_ray_with_two_workers_the_rows_are_those_of_a_plain_run(
    tiny_model: Path, tiny_router: Router, tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    rows = [{**row, "id": str(number)} for number, row in enumerate(labelled_rows(3_000))]
    rows[7]["text"] = ""
    for part in range(3):
        table = pa.Table.from_pylist(rows[part * 1_000 : (part + 1) * 1_000])
        (tmp_path / "in").mkdir(exist_ok=True)
        pq.write_table(table, tmp_path / "in" / f"part{part}.parquet")
    example = Path(__file__).parents[1] / "examples" / "ray_backlog.py"
    command = [sys.executable, example, "--input", tmp_path / "in", "--output", tmp_path / "out", "--workers", "2"]
    done = subprocess.run(
        [str(part) for part in (*command, "--model", tiny_model)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "whole.parquet")
    route_file(tiny_router, tmp_path / "whole.parquet", tmp_path / "plain.parquet")
    parts = pq.read_table(tmp_path / "out").sort_by([("id", "ascending")])
    assert parts.equals(pq.read_table(tmp_path / "plain.parquet").sort_by([("id", "ascending")]))
