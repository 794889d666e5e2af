"""Route a whole file: rows in, the same rows out, in order; a run that was stopped goes on where it stood.

First the chunks of the input are routed and kept in a journal beside the output; then input and journal are read side
by side and the output is written in one go, so that it is the same however often the run was stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from complaint_router import __version__, near
from complaint_router.backlog.cells import characters_of
from complaint_router.backlog.chunk import LONG_CELL, Chunk, Row
from complaint_router.backlog.files import Files, ending
from complaint_router.backlog.journal import Journal
from complaint_router.backlog.readers import Source, distinct, open_source
from complaint_router.backlog.summary import Summary, Tally
from complaint_router.backlog.work import Task, Work
from complaint_router.backlog.workers import check_workers, in_order
from complaint_router.backlog.writers import GROUP, XLSX_LONGEST, open_writer, own_flat_columns
from complaint_router.errors import DataError
from complaint_router.folder import file_sha256
from complaint_router.optional import require
from complaint_router.progress import progress_bar
from complaint_router.router import Router
from complaint_router.text import with_titles

_NESTED = {".jsonl", ".parquet"}
"""Formats in which the route is one field, `route`."""

_FLAT = {".csv", ".xlsx"}
"""Formats in which it is many columns."""

_FEW = 1_000
"""Rows below which starting other processes takes longer than they save."""


def route_file(
    router: Router,
    source: str | Path,
    destination: str | Path,
    *,
    text_field: str = "text",
    title_field: str | None = None,
    workers: int = 1,
    rejects: str | Path | None = None,
    summary: str | Path | None = None,
    group_duplicates: bool = False,
    safe_cells: bool = True,
) -> Summary:
    """Route every row of `source` and write it, with its route, to `destination`.

    A run that was stopped, by whatever, leaves `DESTINATION.partial`; the same call goes on from there, and the
    finished file is byte for byte that of an unbroken run.

    Args:
        router: the model.
        source: a .jsonl, .csv, .parquet or .xlsx file; text files in UTF-8 or GB18030, and packed if they end in .gz.
        destination: where the rows go, in the format of its ending; it appears only when it is complete.
        text_field: column of the complaint's text. A row in which it is missing or no text is flagged, not lost.
        title_field: column of a title that stands in front of the text; offsets of places then count from its start.
        workers: processes that route side by side, this one included, each with a model of its own (about 200 MB); the
            output is the same for any number. A script that asks for more than one needs
            `if __name__ == "__main__":`. Where the number of rows is known beforehand and below 1,000, they are routed
            in this process anyway.
        rejects: file for a copy of the flagged rows, in the format of its ending, with the number of each row, from 1,
            as a first column `row`.
        summary: file for the summary as JSON.
        group_duplicates: add the column `group`: the number of the first row, from 1, with an equal or nearly equal
            text about the same place; a row's own number where it is the first (extra `duplicates`).
        safe_cells: write cells that begin like a formula so that no spreadsheet runs them: in CSV with an apostrophe
            in front, in XLSX as quoted text.

    Raises:
        ArgumentError: `workers` is below 1, a worker died, or two of the files are the same.
        DataError: a file cannot be read or written, a column is missing, or the journal is that of another run; the
            message says where.
        MissingExtraError: a format or `group_duplicates` needs an extra.
        OSError: the disk is full.
        KeyboardInterrupt: Ctrl-C was pressed; the message says how to go on.
    """
    files = Files.of(source, destination, rejects, summary)
    check_workers(workers)
    state = files.state()
    table = open_source(files.source, text_field)
    table.require_columns(*filter(None, (text_field, title_field)))
    run = _Run(router, table, files, text_field, title_field, group_duplicates, safe_cells)
    run.check_columns()
    if table.total is not None and table.total < _FEW:
        workers = min(workers, 1)
    tally = Tally()
    try:
        with Journal.opened(files.journal, run.identity()) as journal:
            run.try_writers(journal)
            for dumped in journal.tallies():
                tally.add(dumped)
            run.route(journal, tally, workers)
            begin = time.perf_counter()
            groups = run.groups(journal, tally.rows) if group_duplicates else None
            run.write(journal, groups, state)
            journal.spend(time.perf_counter() - begin)
            duplicates = None if groups is None else len(groups) - len(np.unique(groups))
            found = tally.summary(journal.seconds, duplicates)
            if files.summary:
                found.write(files.summary)
            journal.remove()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped after {tally.rows:,} rows; the same command goes on from there") from None
    return found


@dataclass(frozen=True, slots=True)
class _Run:
    router: Router
    source: Source
    files: Files
    text_field: str
    title_field: str | None
    grouped: bool
    safe_cells: bool

    def identity(self) -> dict[str, Any]:
        """All that the journal depends on."""
        return {
            "input": file_sha256(self.source.path),
            "model": self.router.fingerprint,
            "column": [self.text_field, self.title_field],
            "grouping": self.grouped,
            "rejects": ending(self.files.rejects),
            "format": ending(self.files.destination),
            "version of complaint-router": __version__,
        }

    def check_columns(self) -> None:
        """Make sure that no column of the input stands where one of the output will."""
        clashes = []
        if self.grouped:
            require("datasketch", "duplicates")
            clashes += [GROUP] if GROUP in self.source.columns else []
        if self.source.foreign_route and {ending(self.files.destination), ending(self.files.rejects)} & _NESTED:
            clashes.append("route")
        if {ending(self.files.destination), ending(self.files.rejects)} & _FLAT:
            clashes += own_flat_columns(self.source.columns)
        if clashes:
            raise DataError(f"{self.source.path}: has a column {clashes[0]!r} of its own; rename it")

    def try_writers(self, journal: Journal) -> None:
        """Find out before the work begins whether its result can be written."""
        try:
            open_writer(self.files.destination, self.source, grouped=self.grouped).discard()
            if self.files.rejects:
                open_writer(self.files.rejects, self.source, number="row").discard()
        except BaseException:
            if not journal.chunks:
                journal.remove()
            raise

    def route(self, journal: Journal, tally: Tally, workers: int) -> None:
        """Route all chunks that the journal does not have yet."""
        begun = journal.chunks
        work = Work(self.router, ending(self.files.destination), ending(self.files.rejects), self.grouped)
        with progress_bar() as progress:
            bar = progress.add_task("routing", total=self.source.total, completed=tally.rows)
            since = time.perf_counter()
            for number, done in enumerate(in_order(work, self._tasks(begun), workers), begun):
                now = time.perf_counter()
                journal.add(number, done, now - since)
                since = now
                tally.add(done.tally)
                progress.update(bar, completed=tally.rows, note=tally.shares)
            progress.update(bar, total=tally.rows)

    def groups(self, journal: Journal, rows: int) -> NDArray[np.int64]:
        """Of each row the number of the first one of its group; shape (rows,)."""
        groups = np.arange(1, rows + 1)
        numbers = journal.rows()

        with progress_bar() as progress:
            bar = progress.add_task("grouping", total=near.BANDS)

            def band(at: int) -> NDArray[np.uint64]:
                progress.update(bar, completed=at)
                return journal.band(at)

            firsts = near.group(len(numbers), band, lambda at: journal.text(int(numbers[at])))
            progress.update(bar, completed=near.BANDS)
        groups[numbers - 1] = numbers[np.asarray(firsts, np.int64)]
        return groups

    def write(self, journal: Journal, groups: NDArray[np.int64] | None, state: tuple[int, int]) -> None:
        """Write output and rejects from the journal and the input, which must be in its state of before."""
        self._check_unchanged(journal, state)
        output = open_writer(
            self.files.destination, self.source, grouped=groups is not None, safe_cells=self.safe_cells
        )
        number = distinct("row", self.source.columns)
        rejects = None
        try:
            if self.files.rejects:
                rejects = open_writer(self.files.rejects, self.source, number=number, safe_cells=self.safe_cells)
            first = 0
            with progress_bar() as progress:
                bar = progress.add_task("writing", total=self.source.total)
                for chunk, (routes, rejected, places) in zip(self.source.chunks(), journal.answers(), strict=False):
                    own = () if groups is None else groups[first : first + len(chunk)].tolist()
                    output.write(chunk, routes, own)
                    if rejects and places:
                        rejects.write(chunk.some(places, first + 1, number), rejected, ())
                    first += len(chunk)
                    progress.update(bar, completed=first)
                progress.update(bar, total=first)
            self._check_unchanged(journal, state)
            if rejects:
                rejects.finish()
            output.finish()
        except BaseException as error:
            for writer in filter(None, (output, rejects)):
                writer.discard()
            if isinstance(error, Exception):
                self._check_unchanged(journal, state)
            if isinstance(error, OSError):
                told = f"{error.strerror or error}; when that is mended, the same command goes on"
                raise OSError(error.errno, told, str(error.filename or self.files.destination)) from error
            raise

    def _check_unchanged(self, journal: Journal, state: tuple[int, int]) -> None:
        if self.files.state() != state:
            told = f"was changed while it was read; remove {journal.path} and begin anew"
            raise DataError(f"{self.source.path}: {told}") from None  # what went wrong may name a cell

    def _tasks(self, begun: int) -> Iterator[Task]:
        first = 1
        for number, chunk in enumerate(self.source.chunks()):
            if number >= begun:
                yield Task(first, self._texts(chunk), self._flags(chunk))
            first += len(chunk)

    def _texts(self, chunk: Chunk) -> list[Any]:
        """Of each row the text with its title; None where there is no text, for the router to flag."""
        # What is no text stays here: nested deep enough it cannot go to another process.
        texts = [text if isinstance(text, str) else None for text in chunk.values(self.text_field)]
        return with_titles(chunk.values(self.title_field), texts) if self.title_field else texts

    def _flags(self, chunk: Chunk) -> Sequence[tuple[str, ...]]:
        """The flags of the rows, with those of cells that the output cannot hold whole."""
        if ".xlsx" not in (ending(self.files.destination), ending(self.files.rejects)):
            return chunk.flags
        return [
            (*flags, LONG_CELL) if LONG_CELL not in flags and _longest(row) > XLSX_LONGEST else flags
            for row, flags in zip(chunk.rows, chunk.flags, strict=True)
        ]


def _longest(row: Row) -> int:
    return max(map(characters_of, row.values()), default=0)
