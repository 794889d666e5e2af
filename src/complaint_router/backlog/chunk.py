"""Rows that go through a run together, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from complaint_router.backlog.arrow import plain_column
from complaint_router.backlog.cells import characters_of

Row = dict[str, Any]

UNDECODABLE = "undecodable"
BROKEN_LINE = "broken_line"
STRAY_QUOTE = "stray_quote"
EXTRA_CELLS = "extra_cells"
MISSING_CELLS = "missing_cells"
LONG_CELL = "long_cell"

ROWS = 1_024
"""Rows of a chunk at most; a run that was killed does the last ones anew."""

CHARACTERS = 4_000_000
"""Characters from which a chunk is full, so that long texts do not fill the memory."""

LONGEST_CELL = 1_000_000
"""Characters of a cell; a longer one is no complaint."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row as it was read, with the flags of what is wrong with it and the number of its line in the file."""

    row: Row
    line: int
    flags: tuple[str, ...] = ()


class Chunk:
    """Rows in order with their flags: plain ones, or a table of Arrow, whose types no detour may change."""

    def __init__(self, flags: Sequence[tuple[str, ...]], rows: list[Row] | None = None, table: Any = None) -> None:
        self.flags = flags
        self.table = table
        self._rows = rows

    def __len__(self) -> int:
        return len(self.flags)

    @cached_property
    def rows(self) -> list[Row]:
        """The rows as plain values."""
        if self._rows is not None:
            return self._rows
        columns = {name: self.values(name) for name in self.table.column_names}
        return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]

    def values(self, column: str) -> list[Any]:
        """The cells of a column, None where a row of JSON Lines has none."""
        if self._rows is not None:
            return [row.get(column) for row in self._rows]
        return plain_column(self.table.column(column))

    def some(self, numbers: Sequence[int], first: int, column: str) -> Chunk:
        """The rows of these numbers, from 0, with their numbers, counted on from `first`, as a first column."""
        flags = [self.flags[number] for number in numbers]
        named = [number + first for number in numbers]
        if self._rows is not None:
            return Chunk(flags, [{column: at, **self._rows[number]} for at, number in zip(named, numbers, strict=True)])
        return Chunk(flags, table=self.table.take(numbers).add_column(0, column, [named]))


def chunked(records: Iterable[Record]) -> Iterator[Chunk]:
    """Put records together; where a chunk ends depends on nothing but the records."""
    rows: list[Row] = []
    flags: list[tuple[str, ...]] = []
    characters = 0
    for record in records:
        longest = 0
        for cell in record.row.values():
            size = characters_of(cell)
            characters += size
            longest = max(longest, size)
        rows.append(record.row)
        flags.append((*record.flags, LONG_CELL) if longest > LONGEST_CELL else record.flags)
        if len(rows) == ROWS or characters >= CHARACTERS:
            yield Chunk(flags, rows)
            rows, flags, characters = [], [], 0
    if rows:
        yield Chunk(flags, rows)
