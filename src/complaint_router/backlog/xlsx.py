"""Read the rows of an XLSX workbook one by one, in constant memory.

openpyxl reads rows as they come, but first takes all texts of the workbook into memory, since Excel keeps them apart in
a table of shared strings. Here that table goes to a temporary file on disk; cells are read by openpyxl's own parser.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from xml.etree.ElementTree import iterparse
from zipfile import BadZipFile

from complaint_router.errors import DataError
from complaint_router.optional import require

_ROWS = 1_048_576
"""Rows that a sheet can have."""


def read_sheet(path: Path) -> Iterator[tuple[int, Sequence[Any]]]:
    """The rows of the sheet that was in front when the workbook was saved, with their numbers, as values: of a formula,
    what Excel last computed. They begin with the first that is not blank; later blank ones are given where others
    follow.

    Raises:
        DataError: the file is not a workbook, or breaks off.
        MissingExtraError: openpyxl is not installed.
    """
    row = 0
    with _opened(path) as sheet:
        try:
            for number, cells in _cells(sheet):
                if number > _ROWS:
                    raise ValueError("a row beyond the last that there can be")
                if any(cell is not None for cell in cells):
                    yield from ((blank, ()) for blank in range(row + 1, number) if row)
                    row = number
                    yield number, cells
        except (ValueError, KeyError, SyntaxError, IndexError, BadZipFile, zlib.error, EOFError) as error:
            raise DataError(f"{path}: is a broken XLSX workbook after row {row:,}; save it anew") from error


def sheet_size(path: Path) -> tuple[int | None, int]:
    """Rows of the sheet in front, if the workbook tells, and how many other sheets have any."""
    with _opened(path) as sheet:
        others = sum(each is not sheet and each.max_row != 1 for each in sheet.parent.worksheets)
        return sheet.max_row if sheet.max_row and sheet.max_row > 1 else None, others


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    excel = require("openpyxl.reader.excel", "files")

    class Reader(excel.ExcelReader):  # type: ignore[misc, name-defined]
        def read_strings(self) -> None:
            name = next((name for name in self.archive.namelist() if name.lower() == "xl/sharedstrings.xml"), None)
            if name:
                with self.archive.open(name) as xml:
                    self.shared_strings = _StringsOnDisk(xml)

    try:
        reader = Reader(path, read_only=True, data_only=True, keep_links=False)
        reader.read()
        sheet = reader.wb.active
        sheet.max_row  # noqa: B018 - a chart has no rows
    except OSError:
        raise
    except Exception as error:  # zip, XML and openpyxl errors have no common base but Exception
        raise DataError(f"{path}: is not an XLSX workbook") from error
    try:
        yield sheet
    finally:
        reader.wb.close()


def _cells(sheet: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    """Each row with its number. openpyxl's own loop keeps the elements of all rows, and stops where the workbook says
    that the sheet ends, which is not always true."""
    parsing = require("openpyxl.worksheet._reader", "files")
    unescape = require("openpyxl.utils.escape", "files").unescape
    from_excel = require("openpyxl.utils.datetime", "files").from_excel
    book = sheet.parent

    def value_of(value: Any, kind: str, style: int) -> Any:
        if kind == "s" and value:
            return unescape(value)
        if kind == "n" and value is not None and style in book._date_formats:
            with suppress(OverflowError, ValueError):
                return from_excel(value, book.epoch, timedelta=style in book._timedelta_formats)
        return value

    with sheet._get_source() as xml:
        parser = parsing.WorkSheetParser(
            xml,
            sheet._shared_strings,
            data_only=True,
            # Times are told below: the parser warns of what is none, such as a phone number, with the number.
            date_formats=(),
            timedelta_formats=(),
        )
        data = None
        for event, element in iterparse(xml, ("start", "end")):
            if event == "start":
                data = element if element.tag.endswith("}sheetData") else data
            elif element.tag == parsing.ROW_TAG:
                number, found = parser.parse_row(element)
                cells = [None] * max((cell["column"] for cell in found), default=0)
                for cell in found:
                    cells[cell["column"] - 1] = value_of(cell["value"], cell["data_type"], cell["style_id"])
                yield number, cells
                data.clear()  # type: ignore[union-attr]
                parser.row_dimensions.clear()


class _StringsOnDisk:
    """The shared strings of a workbook, looked up by number."""

    def __init__(self, xml: IO[bytes]) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - lives as long as the workbook
        self._starts = array("q", [0])
        events = iterparse(xml, ("start", "end"))
        _, table = next(events)
        for event, node in events:
            if event == "end" and node.tag.endswith("}si"):
                size = self._file.write(_text(node).encode("utf-8", "surrogatepass"))
                self._starts.append(self._starts[-1] + size)
                table.clear()

    def __getitem__(self, number: int) -> str:
        begin, end = self._starts[number], self._starts[number + 1]
        self._file.seek(begin)
        return self._file.read(end - begin).decode("utf-8", "surrogatepass")


def _text(node: Any) -> str:
    """The text of a string: its own, or that of its runs; not how it is pronounced."""
    parts = (part for child in node for part in ([child] if child.tag.endswith("}t") else _runs(child)))
    return "".join(part.text or "" for part in parts)


def _runs(child: Any) -> list[Any]:
    return [part for part in child if part.tag.endswith("}t")] if child.tag.endswith("}r") else []
