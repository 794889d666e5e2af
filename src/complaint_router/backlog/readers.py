"""Stream the rows of a file: JSON Lines, CSV, Parquet or XLSX, told by its ending."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from complaint_router.errors import DataError
from complaint_router.optional import require

Row = dict[str, Any]

ENCODINGS = ("utf-8-sig", "gb18030")
"""Tried in this order: UTF-8 with or without a byte order mark, then what Excel in China saves."""

_BLOCK = 1 << 20
_LARGEST_CELL = 1 << 30


@dataclass(frozen=True)
class Source:
    """A file of rows. `encoding` is None where the format has its own; `rows()` reads from the start each time."""

    path: Path
    encoding: str | None
    total: int | None
    """Rows, where that is known or can be told cheaply; of CSV an upper bound."""
    rows: Callable[[], Iterator[Row]]

    def columns(self) -> list[str]:
        """Columns of the first row; empty for a file without rows."""
        return list(next(self.rows(), {}))

    def require_columns(self, *names: str) -> None:
        """Make sure that the columns are there.

        Raises:
            DataError: one is not; the message says which are.
        """
        columns = self.columns()
        for name in names:
            if columns and name not in columns:
                raise DataError(f"{self.path}: has no column {name!r}; it has {', '.join(map(repr, columns))}")


def open_source(path: str | Path) -> Source:
    """Open a file by its ending.

    Raises:
        DataError: there is no such file, its ending is unknown, or its bytes are neither UTF-8 nor GB18030.
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
    return Source(path, encoding, _lines(path), lambda: _read_jsonl(path, encoding))


def _read_jsonl(path: Path, encoding: str) -> Iterator[Row]:
    with path.open(encoding=encoding) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise DataError(f"{path}:{number}: is not JSON ({error.args[0].split(':')[0]})") from error
            if not isinstance(row, dict):
                raise DataError(f'{path}:{number}: is not a JSON object such as {{"text": …}}')
            yield row


def _open_csv(path: Path) -> Source:
    encoding = _encoding_of(path)
    return Source(path, encoding, max(0, _lines(path) - 1), lambda: _read_csv(path, encoding))


def _read_csv(path: Path, encoding: str) -> Iterator[Row]:
    csv.field_size_limit(_LARGEST_CELL)
    with path.open(encoding=encoding, newline="") as lines:
        reader = csv.DictReader(lines, restval="")
        try:
            for row in reader:
                if None in row:
                    cells = len(row) - 1 + len(row[None])
                    raise DataError(
                        f"{path}:{reader.line_num}: has {cells} cells under a header of {len(row) - 1}; "
                        "quote cells that hold commas or line breaks"
                    )
                yield row
        except csv.Error as error:
            raise DataError(f"{path}:{reader.line_num}: is not CSV ({error})") from error


def _open_parquet(path: Path) -> Source:
    parquet = require("pyarrow.parquet", "files")
    try:
        total = parquet.read_metadata(path).num_rows
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: is not Parquet ({error})") from error

    def rows() -> Iterator[Row]:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                yield from batch.to_pylist()

    return Source(path, None, total, rows)


def _open_xlsx(path: Path) -> Source:
    openpyxl = require("openpyxl", "files")

    def rows() -> Iterator[Row]:
        try:
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        except Exception as error:  # zip, XML and openpyxl errors have no common base but Exception
            raise DataError(f"{path}: is not an XLSX workbook ({error})") from error
        try:
            cells = book.active.iter_rows(values_only=True)
            header = [str(name) if name is not None else "" for name in next(cells, ())]
            for values in cells:
                yield dict(zip(header, values, strict=False))
        finally:
            book.close()

    return Source(path, None, None, rows)


READERS: dict[str, Callable[[Path], Source]] = {
    ".jsonl": _open_jsonl,
    ".csv": _open_csv,
    ".parquet": _open_parquet,
    ".xlsx": _open_xlsx,
}


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
