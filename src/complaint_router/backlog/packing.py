"""Routes as the bytes that the journal keeps, in the form that the output will need. Workers do this, side by side."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from complaint_router.backlog.arrow import route_type
from complaint_router.optional import require
from complaint_router.schema import Route

FLAT_COLUMNS = (
    *(f"route.category.{part}" for part in ("code", "name", "score")),
    *(f"route.department.{part}" for part in ("code", "name", "score", "co")),
    "route.unit",
    *(f"route.locality.{part}" for part in ("code", "level", "province", "city", "district", "town", "community")),
    *(f"route.decision.{part}" for part in ("action", "confidence", "reasons")),
    "route.kind",
    "route.urgency",
    "route.flags",
)
"""Columns that CSV and XLSX gain."""

_PARTS = [column.split(".")[1:] for column in FLAT_COLUMNS]
_FAST = 1
"""Level of zlib: routes shrink to a tenth, and the disk is spared at hardly any time."""


def flatten(route: Route) -> list[str | float]:
    """The cells under `FLAT_COLUMNS`; several values are joined by `|`, what is unknown is empty."""
    plain = route.to_dict()
    plain["unit"] = plain["unit"] and plain["unit"]["name"]
    cells: list[str | float] = []
    for parts in _PARTS:
        value: Any = plain
        for part in parts:
            value = value.get(part) if isinstance(value, dict) else None
        cells.append("|".join(value) if isinstance(value, list) else "" if value is None else value)
    return cells


def pack(routes: Sequence[Route], ending: str) -> bytes:
    """Routes for an output of this ending."""
    return zlib.compress(_PACKERS[ending](routes), _FAST)


def unpack_lines(packed: bytes) -> list[str]:
    """For JSON Lines: each route as JSON."""
    return zlib.decompress(packed).decode().split("\n")[:-1]


def unpack_cells(packed: bytes) -> list[list[str | float]]:
    """For CSV and XLSX: of each route the flat cells."""
    cells: list[list[str | float]] = json.loads(zlib.decompress(packed))
    return cells


def unpack_column(packed: bytes) -> Any:
    """For Parquet: the routes as an Arrow column."""
    return require("pyarrow", "files").ipc.open_stream(zlib.decompress(packed)).read_all().column(0)


def _lines(routes: Sequence[Route]) -> bytes:
    return "".join(json.dumps(route.to_dict(), ensure_ascii=False) + "\n" for route in routes).encode()


def _cells(routes: Sequence[Route]) -> bytes:
    return json.dumps([flatten(route) for route in routes], ensure_ascii=False).encode()


def _column(routes: Sequence[Route]) -> bytes:
    arrow = require("pyarrow", "files")
    column = arrow.array([route.to_dict() for route in routes], route_type(arrow))
    table = arrow.table({"route": column})
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


_PACKERS: dict[str, Callable[[Sequence[Route]], bytes]] = {
    ".jsonl": _lines,
    ".csv": _cells,
    ".parquet": _column,
    ".xlsx": _cells,
}
