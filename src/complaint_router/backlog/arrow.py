"""Arrow, for Parquet: the type of a route, and values that can be broken or have no form in Python."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from complaint_router.backlog.textfile import LOST
from complaint_router.optional import require


def route_type(arrow: Any) -> Any:
    """The Arrow type of a route, field by field that of `Route.to_dict`; `arrow` is the module pyarrow."""
    text, number = arrow.string(), arrow.float64()
    texts = arrow.list_(text)
    label = {"code": text, "name": text}
    candidates = arrow.list_(arrow.struct({**label, "score": number}))
    units = arrow.list_(arrow.struct({"name": text, "score": number}))
    mentions = arrow.list_(arrow.struct({"text": text, "start": arrow.int64(), "end": arrow.int64()}))
    levels = dict.fromkeys(("code", "level", "province", "city", "district", "town", "community"), text)
    place = {**levels, "score": number}
    return arrow.struct(
        {
            "category": arrow.struct({**label, "path": texts, "score": number, "candidates": candidates}),
            "department": arrow.struct({**label, "score": number, "co": texts, "candidates": candidates}),
            "unit": arrow.struct({"name": text, "score": number, "candidates": units}),
            "locality": arrow.struct(
                {
                    **place,
                    "mentions": mentions,
                    "candidates": arrow.list_(arrow.struct(place)),
                    "contradictory": arrow.bool_(),
                }
            ),
            "decision": arrow.struct({"action": text, "confidence": number, "reasons": texts}),
            "kind": text,
            "urgency": text,
            "flags": texts,
        }
    )


def is_route(kind: Any) -> bool:
    """Whether an Arrow type is that of a route, of this version or another."""
    arrow = require("pyarrow", "files")
    return bool(arrow.types.is_struct(kind) and kind.get_field_index("decision") >= 0)


def plain_column(column: Any) -> list[Any]:
    """The cells of an Arrow column as plain values; what Python has no form for becomes text: times in nanoseconds,
    beyond the year 9999 or in an unknown zone."""
    arrow = require("pyarrow", "files")
    try:
        if arrow.types.is_timestamp(column.type) and column.type.unit == "ns":
            column = column.cast(arrow.string())
        cells: list[Any] = column.to_pylist()
    except (ValueError, OverflowError, AttributeError, NotImplementedError, KeyError):
        cells = [_plain(cell, arrow) for cell in column]
    return cells


def _plain(cell: Any, arrow: Any) -> Any:
    forms: tuple[Callable[[], Any], ...] = (cell.as_py, lambda: cell.cast(arrow.string()).as_py(), lambda: str(cell))
    for form in forms:
        with suppress(ValueError, OverflowError, AttributeError, NotImplementedError, KeyError):
            return form()
    return LOST


def readable(table: Any) -> tuple[Any, set[int]]:
    """The table with bytes that are no UTF-8 replaced in its columns of strings, and the numbers of those rows, from 0;
    a file may hold such, as nobody checks them when it is written."""
    arrow = require("pyarrow", "files")
    damaged: set[int] = set()
    for at, field in enumerate(table.schema):
        kind = field.type.value_type if arrow.types.is_dictionary(field.type) else field.type
        if not (arrow.types.is_string(kind) or arrow.types.is_large_string(kind)):
            continue
        try:
            table.column(at).validate(full=True)
        except arrow.ArrowInvalid:
            binary = table.column(at).cast(kind).cast(arrow.large_binary()).to_pylist()
            texts = [cell if cell is None else cell.decode("utf-8", "replace") for cell in binary]
            damaged.update(row for row, text in enumerate(texts) if text is not None and LOST in text)
            table = table.set_column(at, field, arrow.array(texts, kind).cast(field.type))
    return table, damaged
