"""Records of a CSV file, of which no broken one takes its neighbours along."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LONGEST_FIELD = 1 << 24
"""Characters; a longer field is taken for a quotation mark that nobody closed. Set for the whole process, as the module
csv has it."""


@dataclass(frozen=True, slots=True)
class CsvRecord:
    """The cells of one record, the number of its last line, and whether it was not quoted as CSV is."""

    cells: list[str]
    line: int
    stray_quote: bool = False


def read_csv(lines: Iterable[str]) -> Iterator[CsvRecord]:
    """Read records. Where a quotation mark does not stand as CSV has it, its line alone is given as it stands, cut at
    the commas, and the next line begins a record again.

    Args:
        lines: with their line ends, as a file opened with newline="" gives them.
    """
    csv.field_size_limit(LONGEST_FIELD)
    source = _Lines(lines)
    reader = csv.reader(source, strict=True)
    while True:
        source.taken.clear()
        try:
            yield CsvRecord(next(reader), source.line)
        except StopIteration:
            return
        except csv.Error:
            # A quotation mark in a cell ends elsewhere than the cell, never, or beyond the limit.
            first, *others = source.taken
            source.put_back(others)
            yield CsvRecord(first.rstrip("\r\n").split(","), source.line, stray_quote=True)
            reader = csv.reader(source, strict=True)


class _Lines:
    """An iterator over lines that remembers which it gave and takes them back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._waiting: deque[str] = deque()
        self.taken: list[str] = []
        self.line = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else next(self._lines)
        self.taken.append(line)
        self.line += 1
        return line

    def put_back(self, lines: list[str]) -> None:
        self._waiting.extendleft(reversed(lines))
        self.line -= len(lines)
