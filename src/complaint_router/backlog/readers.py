"""Stream the rows of a file: JSON Lines, CSV, Parquet or XLSX, told by its ending.

A broken row never ends a backlog: it is given with its flags (`Source.chunks`). Where each row must be right, as in
training, `Source.rows` raises instead.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import dropwhile, islice, zip_longest
from pathlib import Path
from typing import Any

from complaint_router.backlog.arrow import is_route, plain_column, readable
from complaint_router.backlog.cells import characters_of
from complaint_router.backlog.chunk import (
    BROKEN_LINE,
    EXTRA_CELLS,
    LONG_CELL,
    LONGEST_CELL,
    MISSING_CELLS,
    ROWS,
    STRAY_QUOTE,
    UNDECODABLE,
    Chunk,
    Record,
    Row,
    chunked,
)
from complaint_router.backlog.csvlines import CsvRecord, read_csv
from complaint_router.backlog.textfile import GZIP, LOST, MARK, TextFile
from complaint_router.backlog.xlsx import read_sheet, sheet_size
from complaint_router.errors import DataError
from complaint_router.optional import require
from complaint_router.text import mask

_log = logging.getLogger("complaint_router")

_BYTE_ORDER_MARK = "\ufeff"
"""GB18030 has one too, and files put together from several have it within."""

_LONGEST_NAME = 30
"""A longer column name is taken for data, and not shown in a message."""

_LARGEST_ROW_BATCH = 1 << 24
"""Bytes of Parquet, unpacked, that are read together."""

_FATAL = {
    BROKEN_LINE: 'is not a JSON object such as {"text": …}',
    EXTRA_CELLS: "has more cells than the header; quote cells that hold commas or line breaks",
    UNDECODABLE: "holds bytes that cannot be read as text; save the file as UTF-8",
}
"""What `Source.rows` does not take. A line with fewer cells is taken: Excel leaves out empty ones at the end."""


@dataclass(frozen=True)
class Source:
    """A file of rows; `chunks()` and `rows()` read from the start each time."""

    path: Path
    columns: Sequence[str]
    records: Callable[[], Iterator[Record]] | None
    """Reads rows one by one."""
    tables: Callable[[], Iterator[tuple[Any, list[tuple[str, ...]]]]] | None = None
    """Of Parquet: reads Arrow tables with the flags of their rows."""
    total: int | None = None
    """Rows, where that can be told cheaply: of CSV an upper bound, of XLSX what the workbook says."""
    encoding: str | None = None
    """Of a text file."""
    arrow_schema: Any = None
    """Of a Parquet file."""
    foreign_route: bool = False
    """Whether a column `route` holds anything but routes."""

    def require_columns(self, *names: str) -> None:
        """Make sure that the columns are there.

        Raises:
            DataError: one is not; the message says which are.
        """
        for name in names:
            if name not in self.columns and (self.columns or self.total):
                raise DataError(f"{self.path}: has no column {name!r}; {described(self.columns)}")

    def chunks(self) -> Iterator[Chunk]:
        """All rows, in chunks, the broken ones flagged.

        Raises:
            DataError: the file is broken so that nothing more can be read.
        """
        if self.tables is not None:
            return (Chunk(flags, table=table) for table, flags in self.tables())
        assert self.records is not None
        return chunked(self.records())

    def rows(self) -> Iterator[Row]:
        """All rows.

        Raises:
            DataError: a row is broken, or the file; the message names the line.
        """
        if self.tables is not None:
            for table, flags in self.tables():
                yield from Chunk(flags, table=table).rows
            return
        assert self.records is not None
        for record in self.records():
            if STRAY_QUOTE in record.flags and MISSING_CELLS in record.flags:
                raise DataError(f"{self.path}:{record.line}: a quotation mark is not closed where its cell ends")
            if fatal := next((_FATAL[flag] for flag in record.flags if flag in _FATAL), None):
                raise DataError(f"{self.path}:{record.line}: {fatal}")
            yield record.row


def open_source(path: str | Path, text_field: str = "text") -> Source:
    """Open a file by its ending; text files may be packed, as in `tickets.csv.gz`.

    Args:
        path: the file.
        text_field: the column that takes a line of JSON Lines which is not JSON.

    Raises:
        DataError: there is no such file, its ending is unknown, its bytes are neither UTF-8 nor GB18030, or its header
            cannot be read.
        MissingExtraError: Parquet or XLSX without the extra `files`.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    ending = known_ending(path, READERS)
    return _open_jsonl(path, text_field) if ending == ".jsonl" else READERS[ending](path)


def known_ending(path: Path, endings: Iterable[str]) -> str:
    """The ending that says what a file holds, such as ".csv" of `tickets.csv.gz`.

    Raises:
        DataError: it is none of `endings`, or a packed file of a format that is packed already.
    """
    packed = path.suffix.lower() == GZIP
    ending = Path(path.stem).suffix.lower() if packed else path.suffix.lower()
    if ending not in endings:
        raise DataError(f"{path}: ending {ending!r} is not one of {', '.join(endings)}")
    if packed and ending not in (".csv", ".jsonl"):
        raise DataError(f"{path}: {ending} is packed already; name it without {GZIP}")
    return ending


def _open_jsonl(path: Path, text_field: str = "text") -> Source:
    file = TextFile.survey(path)
    columns: dict[str, None] = {}
    total, foreign = 0, False
    for record in _read_jsonl(file, text_field):
        if BROKEN_LINE not in record.flags:
            columns.update(dict.fromkeys(record.row))
            former = record.row.get("route")
            foreign |= former is not None and not (isinstance(former, dict) and "decision" in former)
        else:
            foreign |= text_field == "route"
        total += 1
    if total and not columns:
        columns = {text_field: None}
    records = partial(_read_jsonl, file, text_field)
    return Source(path, list(columns), records, total=total, encoding=file.encoding, foreign_route=foreign)


def _read_jsonl(file: TextFile, text_field: str) -> Iterator[Record]:
    with file.text() as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            flags = (UNDECODABLE,) if MARK in line else ()
            line = line.replace(MARK, LOST).removeprefix(_BYTE_ORDER_MARK)
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if isinstance(row, dict):
                yield Record(row, number, flags)
            else:
                yield Record({text_field: line.rstrip("\n")}, number, (*flags, BROKEN_LINE))


def _open_csv(path: Path) -> Source:
    file = TextFile.survey(path)
    header = next(_csv_records(file), CsvRecord([], 1)).cells
    columns = distinct_names(cell.replace(MARK, LOST).removeprefix(_BYTE_ORDER_MARK) for cell in header)
    read = partial(_read_csv, file, columns)
    total, foreign = max(0, file.lines - 1), "route" in columns
    return Source(path, columns, read, total=total, encoding=file.encoding, foreign_route=foreign)


def _read_csv(file: TextFile, columns: Sequence[str]) -> Iterator[Record]:
    records = _csv_records(file)
    next(records, None)
    for record in records:
        if not record.cells and len(columns) > 1:
            continue  # a blank line; under a header of one column it is an empty cell
        extra = any(record.cells[len(columns) :])
        found = {
            UNDECODABLE: any(MARK in cell or "\0" in cell for cell in record.cells),
            STRAY_QUOTE: record.stray_quote,
            EXTRA_CELLS: extra,
            MISSING_CELLS: 0 < len(record.cells) < len(columns),
        }
        flags = tuple(flag for flag, is_so in found.items() if is_so)
        cells = [cell.replace(MARK, LOST) for cell in _within(record.cells, len(columns), extra)]
        yield Record(dict(zip_longest(columns, cells, fillvalue="")), record.line, flags)


def _csv_records(file: TextFile) -> Iterator[CsvRecord]:
    """The records from the first one that is not blank: the header."""
    with file.text(newline="") as lines:
        yield from dropwhile(lambda record: not any(record.cells), read_csv(lines))


def _open_parquet(path: Path) -> Source:
    parquet = require("pyarrow.parquet", "files")
    arrow = require("pyarrow", "files")
    try:
        with parquet.ParquetFile(path) as file:
            schema, meta = file.schema_arrow, file.metadata
            columns = distinct_names(schema.names)
            schema = arrow.schema(
                [field.with_name(name) for field, name in zip(schema, columns, strict=True)], schema.metadata
            )
            unpacked = sum(meta.row_group(at).total_byte_size for at in range(meta.num_row_groups))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: is not a Parquet file") from error
    size = max(1, min(ROWS, _LARGEST_ROW_BATCH * meta.num_rows // max(1, unpacked)))

    def tables() -> Iterator[tuple[Any, list[tuple[str, ...]]]]:
        row = 0
        try:
            # Without a buffer ahead, a file of a single large row group is not taken into memory whole.
            with parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
                for batch in file.iter_batches(batch_size=size):
                    row += batch.num_rows
                    table, damaged = readable(arrow.Table.from_batches([batch]).rename_columns(columns))
                    table = table.replace_schema_metadata(schema.metadata)
                    yield table, _arrow_flags(table, damaged)
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: is a broken Parquet file after row {row:,}; copy it anew") from error

    foreign = "route" in columns and not is_route(schema.field("route").type)
    total = meta.num_rows
    return Source(path, columns, None, tables, total=total, arrow_schema=schema, foreign_route=foreign)


def _arrow_flags(table: Any, damaged: set[int]) -> list[tuple[str, ...]]:
    """Of each row of an Arrow table, the flags."""
    long: set[int] = set()
    if table.nbytes > LONGEST_CELL:
        for column in table.columns:
            sizes = map(characters_of, plain_column(column))
            long.update(row for row, size in enumerate(sizes) if size > LONGEST_CELL)
    flags = ((UNDECODABLE, damaged), (LONG_CELL, long))
    return [tuple(flag for flag, rows in flags if row in rows) for row in range(table.num_rows)]


def _open_xlsx(path: Path) -> Source:
    first, header = next(read_sheet(path), (1, ()))
    columns = distinct_names("" if name is None else str(name) for name in header)
    last, others = sheet_size(path)
    if others and not columns:
        raise DataError(f"{path}: the sheet in front is empty; put the one with the rows in front")
    if others:
        _log.warning("%s: only the sheet in front is read; %d others are not", path, others)

    def records() -> Iterator[Record]:
        for number, cells in islice(read_sheet(path), 1, None):
            extra = any(cell is not None for cell in cells[len(columns) :])
            within = _within(cells, len(columns), extra)
            yield Record(dict(zip_longest(columns, within)), number, (EXTRA_CELLS,) if extra else ())

    total = max(0, last - first) if last and columns else None
    return Source(path, columns, records, total=total, foreign_route="route" in columns)


READERS: dict[str, Callable[[Path], Source]] = {
    ".jsonl": _open_jsonl,
    ".csv": _open_csv,
    ".parquet": _open_parquet,
    ".xlsx": _open_xlsx,
}


def _within(cells: Sequence[Any], width: int, extra: bool) -> Sequence[Any]:
    """The cells of a line under a header of `width`: those beyond, if they hold anything, are joined to the last."""
    return (*cells[: width - 1], _joined(cells[width - 1 :])) if extra else cells[:width]


def _joined(cells: Sequence[Any]) -> str:
    last = max(at for at, cell in enumerate(cells) if cell not in (None, ""))
    return ",".join("" if cell is None else str(cell) for cell in cells[: last + 1])


def distinct_names(header: Iterable[str]) -> list[str]:
    """Column names that keep every column: the second 备注 becomes 备注.2."""
    columns: dict[str, None] = {}
    for name in header:
        columns[distinct(name, columns)] = None
    return list(columns)


def distinct(name: str, columns: Iterable[str]) -> str:
    """A name that is none of the columns': itself, or with .2, .3 and so on behind it."""
    taken, given, count = set(columns), name, 1
    while given in taken:
        count += 1
        given = f"{name}.{count}"
    return given


def described(columns: Sequence[str]) -> str:
    """The columns for a message; a header line that is data rather than names is not shown."""
    if any(len(name) > _LONGEST_NAME or mask(name) != name or name.isdigit() for name in columns):
        return "its first line looks like data; put a header above it"
    return f"it has {', '.join(map(repr, columns)) or 'none'}"
