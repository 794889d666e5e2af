"""Write rows with their routes: JSON Lines, CSV, Parquet or XLSX, told by the ending.

JSON Lines and Parquet gain one field, `route`; CSV and XLSX gain the flat columns of `FLAT_COLUMNS`. The file appears
under its name only when it is complete; until then it is `NAME.partial`.
"""

from __future__ import annotations

import csv
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from complaint_router.backlog.arrow import route_type
from complaint_router.backlog.readers import Row, Source
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
_XLSX_LONGEST = 32_767
"""Characters that a cell of XLSX can hold."""


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
        self.partial.touch()  # where nothing can be written, that is found before the work begins

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


def open_writer(path: str | Path, source: Source) -> Writer:
    """Open a writer for the rows of `source` by the file's ending.

    A text file is written in the source's encoding. An older file at `path` is replaced when the new one is complete.

    Raises:
        DataError: the ending is unknown or the file cannot be written.
        MissingExtraError: Parquet or XLSX without the extra `files`.
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise DataError(f"{path}: ending {path.suffix!r} is not one of {', '.join(WRITERS)}")
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name a file")
    try:
        return writer(path, source)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from error


class _JsonLinesWriter(Writer):
    def __init__(self, path: Path, source: Source) -> None:
        super().__init__(path)
        self._file = self.partial.open("w", encoding=source.encoding or "utf-8", newline="\n")

    def write(self, row: Row, route: Route) -> None:
        record = {**row, "route": route.to_dict()}
        line = json.dumps(record, ensure_ascii=False, default=_as_text)
        try:
            self._file.write(line + "\n")
        except UnicodeEncodeError:  # a lone surrogate has no bytes of its own, only an escape
            self._file.write(json.dumps(record, default=_as_text) + "\n")

    def close(self) -> None:
        self._file.close()


class _CsvWriter(Writer):
    def __init__(self, path: Path, source: Source) -> None:
        super().__init__(path)
        self._columns = _own(source.columns)
        self._file = self.partial.open("w", encoding=source.encoding or "utf-8", errors="replace", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow([*self._columns, *FLAT_COLUMNS])

    def write(self, row: Row, route: Route) -> None:
        self._writer.writerow([*(_cell(row.get(name)) for name in self._columns), *flatten(route).values()])

    def close(self) -> None:
        self._file.close()


class _XlsxWriter(Writer):
    def __init__(self, path: Path, source: Source) -> None:
        super().__init__(path)
        openpyxl = require("openpyxl", "files")
        self._illegal = openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE
        self._new_cell = openpyxl.cell.WriteOnlyCell
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet("routes")
        self._columns = _own(source.columns)
        self._rows = 1
        self._sheet.append([self._written(name) for name in (*self._columns, *FLAT_COLUMNS)])

    def write(self, row: Row, route: Route) -> None:
        self._rows += 1
        cells = (*(_cell(row.get(name)) for name in self._columns), *flatten(route).values())
        self._sheet.append([self._written(cell) for cell in cells])

    def close(self) -> None:
        self._book.save(self.partial)

    def _written(self, value: Any) -> Any:
        if getattr(value, "tzinfo", None) is not None:
            value = _as_text(value)  # the format knows no time zones
        if not isinstance(value, str):
            return value
        if len(value) > _XLSX_LONGEST:
            raise DataError(
                f"{self.path}: the text of row {self._rows} has {len(value):,} characters, and a cell of XLSX holds"
                f" {_XLSX_LONGEST:,}; write .csv or .jsonl"
            )
        # The format has no place for control characters and lone surrogates; text stays text, even after "=".
        cell = self._new_cell(self._sheet, _encodable(self._illegal.sub("", value)))
        cell.data_type = "s"
        return cell


class _ParquetWriter(Writer):
    def __init__(self, path: Path, source: Source) -> None:
        super().__init__(path)
        self._arrow = require("pyarrow", "files")
        self._parquet = require("pyarrow.parquet", "files")
        self._source = source
        self._rows: list[Row] = []
        self._writer: Any = None

    def write(self, row: Row, route: Route) -> None:
        self._rows.append({**_encodable(row), "route": _encodable(route.to_dict())})
        if len(self._rows) >= _PARQUET_BATCH:
            self._flush()

    def close(self) -> None:
        try:
            self._flush()
        finally:
            if self._writer is not None:
                self._writer.close()

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        if self._writer is None:
            self._schema = self._schema_of(rows)
            self._writer = self._parquet.ParquetWriter(self.partial, self._schema)
        try:
            table = self._arrow.Table.from_pylist(rows, schema=self._schema)
        except (self._arrow.ArrowInvalid, self._arrow.ArrowTypeError) as error:
            raise DataError(f"{self.path}: a column holds values of different types; write .jsonl instead") from error
        self._writer.write_table(table)

    def _schema_of(self, rows: list[Row]) -> Any:
        """The source's own schema, else that of the first rows; a column empty so far may hold text later."""
        arrow = self._arrow
        fields = {name: arrow.field(name, arrow.string()) for name in self._source.columns}
        known = self._source.arrow_schema
        if known is None and rows:
            table = arrow.Table.from_pylist([{name: row.get(name) for name in fields} for row in rows])
            known = table.schema
        for field in known or ():
            if not arrow.types.is_null(field.type):
                fields[field.name] = field
        fields["route"] = arrow.field("route", route_type(arrow))
        return arrow.schema(list(fields.values()))


WRITERS: dict[str, Callable[[Path, Source], Writer]] = {
    ".jsonl": _JsonLinesWriter,
    ".csv": _CsvWriter,
    ".parquet": _ParquetWriter,
    ".xlsx": _XlsxWriter,
}


def _own(columns: Sequence[str]) -> list[str]:
    """The input's columns without those of an earlier route, which are written anew."""
    return [name for name in columns if name not in FLAT_COLUMNS]


def _cell(value: Any) -> Any:
    """Lists and objects of JSON Lines become JSON text in a cell."""
    return json.dumps(value, ensure_ascii=False, default=_as_text) if isinstance(value, list | dict) else value


def _as_text(value: Any) -> str:
    """What JSON has no form for: dates in ISO 8601, anything else as Python prints it."""
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def _encodable(value: Any) -> Any:
    """The value with lone surrogates, which no file of bytes can hold, replaced by question marks."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _encodable(part) for key, part in value.items()}
    return [_encodable(part) for part in value] if isinstance(value, list) else value
