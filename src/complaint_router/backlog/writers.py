"""Write rows with their routes: JSON Lines, CSV, Parquet or XLSX, told by the ending.

JSON Lines and Parquet gain one field, `route`; CSV and XLSX gain the flat columns of `FLAT_COLUMNS`. With groups, each
gains `group` behind them. The same rows and routes always give the same bytes. The file appears under its name only
when it is complete; until then it is `NAME.writing`.
"""

from __future__ import annotations

import csv
import errno
import gzip
import io
import json
import os
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from complaint_router.backlog.arrow import route_type
from complaint_router.backlog.cells import as_cell, as_text, encodable, is_formula
from complaint_router.backlog.chunk import Chunk
from complaint_router.backlog.packing import FLAT_COLUMNS, unpack_cells, unpack_column, unpack_lines
from complaint_router.backlog.parquet_types import schema_of, table_of
from complaint_router.backlog.readers import Source, known_ending
from complaint_router.backlog.textfile import GZIP, LOST
from complaint_router.errors import DataError
from complaint_router.optional import require

GROUP = "group"
"""The column that holds the row number of the first complaint of the same matter."""

XLSX_LONGEST = 32_767
"""Characters that a cell of XLSX can hold."""

_XLSX_ROWS, _XLSX_COLUMNS = 1_048_576, 16_384
_XLSX_DIGITS = 15
"""Digits of a number that Excel keeps."""

_XLSX_FORBIDDEN = re.compile("[\ufffe\uffff]")
_ROW_GROUP = 16_384
"""Rows of a row group of Parquet."""
_ROW_GROUP_BYTES = 1 << 26
"""Bytes from which it is full with fewer."""


class Writer(ABC):
    """Writes rows to `NAME.writing`; `finish` gives it its name."""

    def __init__(self, path: Path, source: Source, *, grouped: bool, number: str | None, safe_cells: bool) -> None:
        self.path = path
        self.source = source
        self.grouped = grouped
        self.number = number
        self.columns = [*([number] if number else ()), *source.columns]
        self.safe_cells = safe_cells
        self.unfinished = path.with_name(path.name + ".writing")

    @abstractmethod
    def write(self, chunk: Chunk, routes: bytes, groups: Sequence[int]) -> None:
        """Write the rows of a chunk.

        Args:
            chunk: the rows.
            routes: theirs, as `pack` packed them for this format.
            groups: of each row, where the writer is grouped; else empty.
        """

    @abstractmethod
    def close(self) -> None:
        """Flush and close the unfinished file."""

    def finish(self) -> None:
        """Close the file and put it in its place at once, safe from a power cut."""
        self.close()
        with self.unfinished.open("r+b") as file:
            os.fsync(file.fileno())
        self.unfinished.replace(self.path)
        if os.name == "posix":
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def discard(self) -> None:
        """Close and remove the unfinished file."""
        with suppress(Exception):  # what went wrong before is the error to tell
            self.close()
        self.unfinished.unlink(missing_ok=True)


def open_writer(
    path: Path, source: Source, *, grouped: bool = False, number: str | None = None, safe_cells: bool = True
) -> Writer:
    """Open a writer for the rows of `source` by the file's ending.

    A CSV file is written in the source's encoding, JSON Lines in UTF-8, both packed where the name ends in `.gz`. An
    older file at `path` is replaced when the new one is complete.

    Args:
        path: the file.
        source: the rows' own, for their columns and types.
        grouped: the rows get the column `group`.
        number: a column of row numbers that the rows have in front.
        safe_cells: cells that begin like a formula are written so that no spreadsheet runs them.

    Raises:
        DataError: the ending is unknown, the file cannot be written or its format cannot hold the rows.
        MissingExtraError: Parquet or XLSX without the extra `files`.
    """
    writer = WRITERS[known_ending(path, WRITERS)]
    try:
        return writer(path, source, grouped=grouped, number=number, safe_cells=safe_cells)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from error


class _TextWriter(Writer):
    """Of text files: encoding, and gzip without the time of day."""

    encoding: str | None = None
    """Default: that of the source."""

    def __init__(self, path: Path, source: Source, *, grouped: bool, number: str | None, safe_cells: bool) -> None:
        super().__init__(path, source, grouped=grouped, number=number, safe_cells=safe_cells)
        self._raw = self.unfinished.open("wb")
        packed = path.suffix.lower() == GZIP
        file = gzip.GzipFile("", "wb", 6, self._raw, mtime=0) if packed else self._raw
        encoding = self.encoding or source.encoding or "utf-8"
        self._file = io.TextIOWrapper(file, encoding, errors="replace", newline="")

    def close(self) -> None:
        self._file.close()
        self._raw.close()


class _JsonLinesWriter(_TextWriter):
    encoding = "utf-8"  # as RFC 8259 wants it, whatever the source

    def write(self, chunk: Chunk, routes: bytes, groups: Sequence[int]) -> None:
        numbers = groups if self.grouped else [None] * len(chunk)
        for row, route, number in zip(chunk.rows, unpack_lines(routes), numbers, strict=True):
            own = {name: value for name, value in row.items() if name != "route"}
            line = json.dumps(own, ensure_ascii=False, default=as_text)
            if encodable(line) != line:  # a lone surrogate has no bytes of its own, only an escape
                line = json.dumps(own, default=as_text)
            comma = ", " if own else ""
            end = "" if number is None else f', "{GROUP}": {number}'
            self._file.write(f'{line[:-1]}{comma}"route": {route}{end}}}\n')


class _CsvWriter(_TextWriter):
    def __init__(self, path: Path, source: Source, *, grouped: bool, number: str | None, safe_cells: bool) -> None:
        super().__init__(path, source, grouped=grouped, number=number, safe_cells=safe_cells)
        self._columns = _own(self.columns)
        self._csv = csv.writer(self._file)
        self._csv.writerow([*map(self._cell, self._columns), *_added(grouped)])

    def write(self, chunk: Chunk, routes: bytes, groups: Sequence[int]) -> None:
        for at, (row, flat) in enumerate(zip(chunk.rows, unpack_cells(routes), strict=True)):
            cells = [self._cell(row.get(name)) for name in self._columns]
            cells += map(self._cell, flat)
            self._csv.writerow([*cells, groups[at]] if self.grouped else cells)

    def _cell(self, value: Any) -> Any:
        value = as_cell(value)
        if isinstance(value, str):
            value = value.replace("\0", LOST)  # the module csv of Python 3.10 cannot write it, and no text holds it
        return "'" + value if self.safe_cells and is_formula(value) else value


class _XlsxWriter(Writer):
    def __init__(self, path: Path, source: Source, *, grouped: bool, number: str | None, safe_cells: bool) -> None:
        super().__init__(path, source, grouped=grouped, number=number, safe_cells=safe_cells)
        xlsxwriter = require("xlsxwriter", "files")
        self._cannot_write = xlsxwriter.exceptions.FileCreateError
        self._columns = _own(self.columns)
        if source.total is not None and source.total >= _XLSX_ROWS:
            raise DataError(f"{path}: {source.total:,} rows may be more than XLSX holds; write .csv or .parquet")
        if len(self._columns) + len(_added(grouped)) > _XLSX_COLUMNS:
            raise DataError(f"{path}: has more columns than XLSX holds; write .csv or .parquet")
        self.unfinished.touch()
        self._folder = self.unfinished.with_name(self.unfinished.name + ".tmp")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        options = {"constant_memory": True, "tmpdir": str(self._folder)}
        self._book = xlsxwriter.Workbook(self.unfinished, options)
        self._book.use_zip64()
        self._book.set_properties({"created": datetime(2000, 1, 1)})  # else now, and no two files were the same
        self._sheet = self._book.add_worksheet("routes")
        self._sheet.freeze_panes(1, 0)
        self._quoted = self._book.add_format({"quote_prefix": True})
        self._times = {
            kind: self._book.add_format({"num_format": form})
            for kind, form in (
                (datetime, "yyyy-mm-dd hh:mm:ss"),
                (date, "yyyy-mm-dd"),
                (time, "hh:mm:ss"),
                (timedelta, "[h]:mm:ss"),
            )
        }
        self._row = 0
        self._append([*self._columns, *_added(grouped)])

    def write(self, chunk: Chunk, routes: bytes, groups: Sequence[int]) -> None:
        for at, (row, flat) in enumerate(zip(chunk.rows, unpack_cells(routes), strict=True)):
            cells = [*(as_cell(row.get(name)) for name in self._columns), *flat]
            self._append([*cells, groups[at]] if self.grouped else cells)

    def close(self) -> None:
        try:
            if not self._book.fileclosed:
                self._book.close()
        except self._cannot_write as error:
            raise OSError(errno.EIO, str(error)) from error
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _append(self, cells: Sequence[Any]) -> None:
        if self._row == _XLSX_ROWS:
            raise DataError(f"{self.path}: there are more rows than XLSX holds; write .csv or .parquet")
        for column, value in enumerate(cells):
            self._put(column, value)
        self._row += 1

    def _put(self, column: int, value: Any) -> None:
        sheet, row = self._sheet, self._row
        if value is None:
            return
        if isinstance(value, bool):
            sheet.write_boolean(row, column, value)
        elif isinstance(value, int | float) and abs(value) < 10**_XLSX_DIGITS:
            sheet.write_number(row, column, value)
        elif type(value) in self._times and _known_to_excel(value):
            sheet.write_datetime(row, column, value, self._times[type(value)])
        else:
            # The format has no place for two characters and lone surrogates; text stays text, even after "=".
            text = encodable(_XLSX_FORBIDDEN.sub("", as_text(value)))[:XLSX_LONGEST]
            quoted = self._quoted if self.safe_cells and is_formula(text) else None
            sheet.write_string(row, column, text, quoted)


class _ParquetWriter(Writer):
    def __init__(self, path: Path, source: Source, *, grouped: bool, number: str | None, safe_cells: bool) -> None:
        super().__init__(path, source, grouped=grouped, number=number, safe_cells=safe_cells)
        self._arrow = require("pyarrow", "files")
        self._parquet = require("pyarrow.parquet", "files")
        self.unfinished.touch()
        self._schema: Any = None
        self._tables: list[Any] = []
        self._waiting = 0
        self._writer: Any = None

    def write(self, chunk: Chunk, routes: bytes, groups: Sequence[int]) -> None:
        self._schema = self._schema or schema_of(self.source, self.number)
        self._add(table_of(chunk, self.columns, self._schema), unpack_column(routes), groups)

    def close(self) -> None:
        if self._writer is None:
            none = schema_of(self.source, self.number).empty_table()
            self._add(none, self._arrow.chunked_array([], route_type(self._arrow)), [])
        self._flush()
        self._writer.close()

    def discard(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self.unfinished.unlink(missing_ok=True)

    def _add(self, table: Any, routes: Any, groups: Sequence[int]) -> None:
        if "route" in table.column_names:
            table = table.drop_columns(["route"])
        table = table.append_column("route", routes)
        if self.grouped:
            table = table.append_column(GROUP, self._arrow.array(groups, self._arrow.int64()))
        if self._writer is None:
            self._writer = self._parquet.ParquetWriter(self.unfinished, table.schema)
        self._tables.append(table)
        self._waiting += table.num_rows
        if self._waiting >= _ROW_GROUP or sum(each.nbytes for each in self._tables) >= _ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._tables:
            self._writer.write_table(self._arrow.concat_tables(self._tables))
        self._tables, self._waiting = [], 0


WRITERS: dict[str, Callable[..., Writer]] = {
    ".jsonl": _JsonLinesWriter,
    ".csv": _CsvWriter,
    ".parquet": _ParquetWriter,
    ".xlsx": _XlsxWriter,
}


def _own(columns: Sequence[str]) -> list[str]:
    """The input's columns without those of an earlier route, which are written anew."""
    return [name for name in columns if name not in FLAT_COLUMNS]


def own_flat_columns(columns: Sequence[str]) -> list[str]:
    """Columns of the input that bear a name of `FLAT_COLUMNS` and are not from an earlier route, which has them all."""
    found = [name for name in columns if name in FLAT_COLUMNS]
    return found if len(found) < len(FLAT_COLUMNS) else []


def _added(grouped: bool) -> tuple[str, ...]:
    return (*FLAT_COLUMNS, GROUP) if grouped else FLAT_COLUMNS


def _known_to_excel(value: Any) -> bool:
    """Whether the format has a form for this time: it knows no time zones, no days before 1900, as which it takes the
    first of that year too, and no more than milliseconds."""
    if isinstance(value, timedelta):
        return value >= timedelta() and value.microseconds % 1000 == 0
    if getattr(value, "tzinfo", None) is not None or getattr(value, "microsecond", 0) % 1000:
        return False
    return isinstance(value, time) or (value.year, value.month, value.day) > (1900, 1, 1)
