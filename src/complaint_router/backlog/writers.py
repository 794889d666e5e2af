"""Write rows with their routes: JSON Lines, CSV, Parquet or XLSX, told by the ending.

JSON Lines and Parquet gain one field, `route`; CSV and XLSX gain the flat columns of `FLAT_COLUMNS`. The file appears
under its name only when it is complete; until then it is `NAME.partial`.
"""

from __future__ import annotations

import csv
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from complaint_router.backlog.readers import Row
from complaint_router.errors import DataError
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

_PARQUET_BATCH = 4096


def flatten(route: Route) -> dict[str, str]:
    """The route as the flat columns; several values are joined by `|`, what is unknown is empty."""
    plain = route.to_dict()
    plain["unit"] = plain["unit"] and plain["unit"]["name"]
    flat = {}
    for column in FLAT_COLUMNS:
        value: Any = plain
        for part in column.split(".")[1:]:
            value = value.get(part) if isinstance(value, dict) else None
        flat[column] = "|".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return flat


class Writer(ABC):
    """Writes rows to `NAME.partial`; `finish` gives it its name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.partial = path.with_name(path.name + ".partial")

    @abstractmethod
    def write(self, row: Row, route: Route) -> None:
        """Write one row with its route."""

    @abstractmethod
    def close(self) -> None:
        """Flush and close the partial file."""

    def finish(self) -> None:
        """Close the file and put it in its place at once."""
        self.close()
        self.partial.replace(self.path)


def open_writer(path: str | Path, columns: list[str], encoding: str | None) -> Writer:
    """Open a writer by the file's ending.

    Args:
        path: where the finished file shall stand; an older file there is replaced.
        columns: the input's columns.
        encoding: of the input, where it has one: the output is written in the same.

    Raises:
        DataError: the ending is unknown or the folder cannot be written to.
        MissingExtraError: Parquet or XLSX without the extra `files`.
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise DataError(f"{path}: ending {path.suffix!r} is not one of {', '.join(WRITERS)}")
    try:
        return writer(path, [name for name in columns if name not in FLAT_COLUMNS], encoding or "utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from error


class _JsonLinesWriter(Writer):
    def __init__(self, path: Path, columns: list[str], encoding: str) -> None:  # noqa: ARG002
        super().__init__(path)
        self._file = self.partial.open("w", encoding=encoding, newline="\n")

    def write(self, row: Row, route: Route) -> None:
        record = {**row, "route": route.to_dict()}
        line = json.dumps(record, ensure_ascii=False)
        try:
            self._file.write(line + "\n")
        except UnicodeEncodeError:  # a lone surrogate has no bytes of its own, only an escape
            self._file.write(json.dumps(record) + "\n")

    def close(self) -> None:
        self._file.close()


class _CsvWriter(Writer):
    def __init__(self, path: Path, columns: list[str], encoding: str) -> None:
        super().__init__(path)
        self._file = self.partial.open("w", encoding=encoding, errors="replace", newline="")
        self._writer = csv.DictWriter(self._file, [*columns, *FLAT_COLUMNS], extrasaction="ignore")
        self._writer.writeheader()

    def write(self, row: Row, route: Route) -> None:
        cells = {name: _cell(value) for name, value in row.items()}
        self._writer.writerow({**cells, **flatten(route)})

    def close(self) -> None:
        self._file.close()


class _XlsxWriter(Writer):
    def __init__(self, path: Path, columns: list[str], encoding: str) -> None:  # noqa: ARG002
        super().__init__(path)
        openpyxl = require("openpyxl", "files")
        self._illegal = openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet("routes")
        self._columns = columns
        self._sheet.append([*columns, *FLAT_COLUMNS])

    def write(self, row: Row, route: Route) -> None:
        cells = [_cell(row.get(name)) for name in self._columns]
        self._sheet.append([self._legal(cell) for cell in (*cells, *flatten(route).values())])

    def close(self) -> None:
        self._book.save(self.partial)

    def _legal(self, cell: Any) -> Any:
        # The format has no place for control characters and lone surrogates.
        return self._illegal.sub("", cell).encode("utf-8", "replace").decode() if isinstance(cell, str) else cell


class _ParquetWriter(Writer):
    def __init__(self, path: Path, columns: list[str], encoding: str) -> None:  # noqa: ARG002
        super().__init__(path)
        self._arrow = require("pyarrow", "files")
        self._parquet = require("pyarrow.parquet", "files")
        self._rows: list[Row] = []
        self._writer: Any = None

    def write(self, row: Row, route: Route) -> None:
        self._rows.append({**row, "route": route.to_dict()})
        if len(self._rows) >= _PARQUET_BATCH:
            self._flush()

    def close(self) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        if not self._rows and self._writer is not None:
            return
        if self._writer is None:
            schema = self._arrow.Table.from_pylist([{**row, "route": None} for row in self._rows]).schema
            for at, column in enumerate(schema):
                if self._arrow.types.is_null(column.type):  # empty so far: a later row may hold text
                    schema = schema.set(at, column.with_type(self._arrow.string()))
            route = self._arrow.field("route", route_type(self._arrow))
            self._schema = schema.set(schema.get_field_index("route"), route)
            self._writer = self._parquet.ParquetWriter(self.partial, self._schema)
        try:
            table = self._arrow.Table.from_pylist(self._rows, schema=self._schema)
        except (self._arrow.ArrowInvalid, self._arrow.ArrowTypeError) as error:
            raise DataError(f"{self.path}: a column changes its type ({error}); write .jsonl instead") from error
        self._writer.write_table(table)
        self._rows = []


def route_type(arrow: Any) -> Any:
    """The Arrow type of a route, field by field that of `Route.to_dict`; `arrow` is the module pyarrow."""
    text, number = arrow.string(), arrow.float64()
    candidates = arrow.list_(arrow.struct({"code": text, "name": text, "score": number}))
    place = {"code": text, "level": text, "province": text, "city": text, "district": text, "town": text}
    place |= {"community": text, "score": number}
    mention = arrow.struct({"text": text, "start": arrow.int64(), "end": arrow.int64()})
    label = {"code": text, "name": text}
    texts = arrow.list_(text)
    return arrow.struct(
        {
            "category": arrow.struct({**label, "path": texts, "score": number, "candidates": candidates}),
            "department": arrow.struct({**label, "score": number, "co": texts, "candidates": candidates}),
            "unit": arrow.struct(
                {
                    "name": text,
                    "score": number,
                    "candidates": arrow.list_(arrow.struct({"name": text, "score": number})),
                }
            ),
            "locality": arrow.struct(
                {**place, "mentions": arrow.list_(mention), "candidates": arrow.list_(arrow.struct(place))}
            ),
            "decision": arrow.struct({"action": text, "confidence": number, "reasons": texts}),
            "kind": text,
            "urgency": text,
            "flags": texts,
        }
    )


WRITERS: dict[str, Callable[[Path, list[str], str], Writer]] = {
    ".jsonl": _JsonLinesWriter,
    ".csv": _CsvWriter,
    ".parquet": _ParquetWriter,
    ".xlsx": _XlsxWriter,
}


def _cell(value: Any) -> Any:
    """Lists and objects of JSON Lines become JSON text in a cell."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
