"""The types of Parquet columns: the source's own, or those that hold every value of a text file or workbook."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from complaint_router.backlog.cells import as_text, encodable
from complaint_router.backlog.chunk import Chunk
from complaint_router.backlog.readers import READERS, Source, distinct_names, known_ending
from complaint_router.optional import require

_LARGEST_EXACT = 1 << 53
"""From here on a float64 does not hold every whole number."""


class _Large:
    """The kind of whole numbers from `_LARGEST_EXACT` on."""


class _Huge:
    """The kind of whole numbers that take more than 64 bits."""


def schema_of(source: Source, number: str | None = None) -> Any:
    """The Arrow schema of the input's columns, behind one of row numbers where `number` names it.

    A column of a workbook or of JSON Lines whose values are of several types, or are lists or objects, becomes text;
    to know that, the whole file is read once.
    """
    arrow = require("pyarrow", "files")
    numbers = [arrow.field(number, arrow.int64())] if number else []
    if source.arrow_schema is not None:
        return arrow.schema([*numbers, *source.arrow_schema], source.arrow_schema.metadata)
    kinds: defaultdict[str, set[type]] = defaultdict(set)
    if known_ending(source.path, READERS) != ".csv":
        for chunk in source.chunks():
            for row in chunk.rows:
                for name, value in row.items():
                    kinds[name].add(_kind(value))
    names = distinct_names(map(encodable, source.columns))
    types = [_type_of(kinds[name] - {type(None)}, arrow) for name in source.columns]
    fields = list(zip(names, types, strict=True))
    return arrow.schema([*numbers, *fields])


def _kind(value: Any) -> type:
    if type(value) is not int or abs(value) < _LARGEST_EXACT:
        return type(value)
    return _Large if abs(value) < 1 << 63 else _Huge


def _type_of(kinds: set[type], arrow: Any) -> Any:
    types = {
        frozenset({bool}): arrow.bool_(),
        frozenset({int}): arrow.int64(),
        frozenset({_Large}): arrow.int64(),
        frozenset({int, _Large}): arrow.int64(),
        frozenset({float}): arrow.float64(),
        frozenset({int, float}): arrow.float64(),
        frozenset({datetime}): arrow.timestamp("us"),
        frozenset({date}): arrow.date32(),
    }
    return types.get(frozenset(kinds), arrow.string())


def table_of(chunk: Chunk, columns: Sequence[str], schema: Any) -> Any:
    """The rows of a chunk as an Arrow table with these columns."""
    arrow = require("pyarrow", "files")
    if chunk.table is not None:
        return chunk.table
    cells = []
    for name, field in zip(columns, schema, strict=True):
        convert: Callable[[Any], Any] = _as_string if arrow.types.is_string(field.type) else _as_is
        cells.append(arrow.array([convert(row.get(name)) for row in chunk.rows], field.type))
    return arrow.table(cells, schema=schema)


def _as_is(value: Any) -> Any:
    return value


def _as_string(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value and encodable(value)
    if isinstance(value, list | dict | bool | int | float):
        return encodable(json.dumps(value, ensure_ascii=False, default=as_text))
    return as_text(value)
