"""Records of a CSV file, of which no broken one takes its neighbours along."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LONGEST_FIELD = 1 << 24
"""Characters; a longer field is taken for a quotation mark that nobody closed."""


@dataclass(frozen=True, slots=True)
class CsvRecord:
    """The cells of one record, the number of its last line, and whether a quotation mark in it was never closed."""

    cells: list[str]
    line: int
    broken: bool = False


def read_csv(lines: Iterable[str]) -> Iterator[CsvRecord]:
    """Read records; where a quotation mark is never closed, its line alone is given as it stands, and the next line
    begins a record again.

    Args:
        lines: with their line ends, as a file opened with newline="" gives them.
    """
    csv.field_size_limit(LONGEST_FIELD)
    source = _Lines(lines)
    reader = csv.reader(source)
    while True:
        source.taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:  # a field beyond the limit, or a NUL where Python is older than 3.11
            broken = True
        else:
            # The reader asks for a line beyond the last one only when a quotation mark is still open.
            broken = source.ended or (len(source.taken) > 1 and not _well_quoted(source.taken))
        if not broken:
            yield CsvRecord(cells, source.line)
            continue
        first, *others = source.taken
        source.put_back(others)
        yield CsvRecord(first.rstrip("\r\n").split(","), source.line, broken=True)
        reader = csv.reader(source)


def _well_quoted(lines: list[str]) -> bool:
    """Whether quotation marks close where a cell ends. Where not, one that nobody closed ran into the next."""
    try:
        list(csv.reader(lines, strict=True))
    except csv.Error:
        return False
    return True


class _Lines:
    """An iterator over lines that remembers which it gave and takes them back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._waiting: deque[str] = deque()
        self.taken: list[str] = []
        self.line = 0
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = self._waiting.popleft() if self._waiting else next(self._lines)
        except StopIteration:
            self.ended = True
            raise
        self.taken.append(line)
        self.line += 1
        return line

    def put_back(self, lines: list[str]) -> None:
        self._waiting.extendleft(reversed(lines))
        self.line -= len(lines)
        self.ended = False
