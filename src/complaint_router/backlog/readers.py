"""Stream the rows of a file: JSON Lines, CSV, Parquet or XLSX, told by its ending."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from complaint_router.errors import DataError
from complaint_router.optional import require
from complaint_router.text import mask

Row = dict[str, Any]

ENCODINGS = ("utf-8-sig", "gb18030")
"""Tried in this order: UTF-8 with or without a byte order mark, then what Excel in China saves."""

_BLOCK = 1 << 20
_LARGEST_CELL = 1 << 30
_LONGEST_NAME = 30
"""A longer column name is taken for data, and not shown in a message."""


@dataclass(frozen=True)
class Source:
    """A file of rows; `rows()` reads from the start each time."""

    path: Path
    columns: Sequence[str]
    rows: Callable[[], Iterator[Row]]
    total: int | None = None
    """Rows, where that can be told cheaply; of CSV an upper bound."""
    encoding: str | None = None
    """Of a text file."""
    arrow_schema: Any = None
    """Of a Parquet file."""

    def require_columns(self, *names: str) -> None:
        """Make sure that the columns are there.

        Raises:
            DataError: one is not; the message says which are.
        """
        for name in names:
            if name not in self.columns and (self.columns or self.total):
                raise DataError(f"{self.path}: has no column {name!r}; {_described(self.columns)}")


def open_source(path: str | Path) -> Source:
    """Open a file by its ending.

    Raises:
        DataError: there is no such file, its ending is unknown, its bytes are neither UTF-8 nor GB18030, its header
            cannot be read, or a line of JSON Lines is not an object.
        MissingExtraError: Parquet or XLSX without the extra `files`.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    ending = path.suffix.lower()
    if ending not in READERS:
        raise DataError(f"{path}: ending {ending!r} is not one of {', '.join(READERS)}")
    return READERS[ending](path)


def _open_jsonl(path: Path) -> Source:
    encoding = _encoding_of(path)
    columns: dict[str, None] = {}
    total = 0
    for row in _read_jsonl(path, encoding):
        columns.update(dict.fromkeys(row))
        total += 1
    return Source(path, list(columns), lambda: _read_jsonl(path, encoding), total, encoding)


def _read_jsonl(path: Path, encoding: str) -> Iterator[Row]:
    with path.open(encoding=encoding) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}:{number}: is not JSON ({str(error).split(':')[0]})") from error
            if not isinstance(row, dict):
                raise DataError(f'{path}:{number}: is not a JSON object such as {{"text": …}}')
            yield row


def _open_csv(path: Path) -> Source:
    encoding = _encoding_of(path)
    header = next(_csv_lines(path, encoding), (1, []))[1]
    columns = _distinct(header)
    return Source(path, columns, lambda: _read_csv(path, encoding, columns), max(0, _lines(path) - 1), encoding)


def _read_csv(path: Path, encoding: str, columns: Sequence[str]) -> Iterator[Row]:
    lines = _csv_lines(path, encoding)
    next(lines, None)
    for number, cells in lines:
        if not cells and len(columns) > 1:
            continue  # a blank line; under a header of one column it is an empty cell
        if len(cells) > len(columns):
            raise DataError(
                f"{path}:{number}: has {len(cells)} cells under a header of {len(columns)}; "
                "quote cells that hold commas or line breaks"
            )
        yield dict(zip_longest(columns, cells, fillvalue=""))


def _csv_lines(path: Path, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of its last line."""
    csv.field_size_limit(_LARGEST_CELL)
    with path.open(encoding=encoding, newline="") as lines:
        reader = csv.reader(lines)
        try:
            for cells in reader:
                yield reader.line_num, cells
        except csv.Error as error:
            raise DataError(f"{path}:{reader.line_num}: is not CSV ({error})") from error


def _open_parquet(path: Path) -> Source:
    parquet = require("pyarrow.parquet", "files")
    try:
        with parquet.ParquetFile(path) as file:
            schema, total = file.schema_arrow, file.metadata.num_rows
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: is not a Parquet file") from error

    def rows() -> Iterator[Row]:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                yield from batch.to_pylist()

    return Source(path, schema.names, rows, total, arrow_schema=schema)


def _open_xlsx(path: Path) -> Source:
    openpyxl = require("openpyxl", "files")

    def lines() -> Iterator[Sequence[Any]]:
        try:
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        except Exception as error:  # zip, XML and openpyxl errors have no common base but Exception
            raise DataError(f"{path}: is not an XLSX workbook") from error
        try:
            yield from book.active.iter_rows(values_only=True)
        finally:
            book.close()

    columns = _distinct("" if name is None else str(name) for name in next(lines(), ()))

    def rows() -> Iterator[Row]:
        for number, cells in enumerate(lines(), 1):
            if number > 1:
                if any(cell is not None for cell in cells[len(columns) :]):
                    raise DataError(f"{path}:{number}: has {len(cells)} cells under a header of {len(columns)}")
                yield dict(zip_longest(columns, cells[: len(columns)]))

    return Source(path, columns, rows)


READERS: dict[str, Callable[[Path], Source]] = {
    ".jsonl": _open_jsonl,
    ".csv": _open_csv,
    ".parquet": _open_parquet,
    ".xlsx": _open_xlsx,
}


def _distinct(header: Iterable[str]) -> list[str]:
    """Column names that keep every column: the second 备注 becomes 备注.2."""
    columns: list[str] = []
    for name in header:
        distinct, count = name, 1
        while distinct in columns:
            count += 1
            distinct = f"{name}.{count}"
        columns.append(distinct)
    return columns


def _described(columns: Sequence[str]) -> str:
    """The columns for a message; a header line that is data rather than names is not shown."""
    if any(len(name) > _LONGEST_NAME or mask(name) != name for name in columns):
        return "its first line looks like data; put a header above it"
    return f"it has {', '.join(map(repr, columns))}"


def _encoding_of(path: Path) -> str:
    """The first of `ENCODINGS` in which the whole file can be read; plain "utf-8" where there is no mark."""
    with path.open("rb") as file:
        marked = file.read(3) == codecs.BOM_UTF8
    for encoding in ENCODINGS:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    decoder.decode(block)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return "utf-8" if encoding == "utf-8-sig" and not marked else encoding
    raise DataError(f"{path}: is neither UTF-8 nor GB18030; save it as UTF-8")


def _lines(path: Path) -> int:
    count, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n")
