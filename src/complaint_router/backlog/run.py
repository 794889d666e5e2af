"""Route a whole file: rows in, the same rows out, in order."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from complaint_router.backlog.readers import Row, open_source
from complaint_router.backlog.workers import routed
from complaint_router.backlog.writers import open_writer
from complaint_router.progress import progress_bar
from complaint_router.router import Router
from complaint_router.text import with_title

_FEW = 1_000
"""Rows below which starting other processes takes longer than they save."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did. `actions` counts decisions, `flags` what was wrong with rows that could not be used."""

    rows: int
    seconds: float
    actions: dict[str, int]
    flags: dict[str, int]


def route_file(
    router: Router,
    source: str | Path,
    destination: str | Path,
    *,
    text_field: str = "text",
    title_field: str | None = None,
    workers: int = 1,
) -> Summary:
    """Route every row of `source` and write it, with its route, to `destination`.

    Args:
        router: the model.
        source: a .jsonl, .csv, .parquet or .xlsx file; text files in UTF-8 or GB18030.
        destination: where the rows go, in the format of its ending; it appears only when it is complete.
        text_field: column of the complaint's text. A row in which it is missing or no text is flagged, not lost.
        title_field: column of a title that stands in front of the text; offsets of places then count from its start.
        workers: processes that route side by side, each with a model of its own (about 300 MB); the output is the same
            for any number. A script that asks for more than one needs `if __name__ == "__main__":`. Where the number
            of rows is known beforehand and below 1,000, they are routed in this process anyway.

    Raises:
        ArgumentError: `workers` is below 1, or a worker died.
        DataError: a file cannot be read or written, a column is missing, a line is broken; the message says where.
        KeyboardInterrupt: Ctrl-C was pressed; the message says where the finished rows stand.
    """
    table = open_source(source)
    if table.total is not None and table.total < _FEW:
        workers = 1
    table.require_columns(*filter(None, (text_field, title_field)))
    writer = open_writer(destination, table)
    actions: Counter[str] = Counter()
    flags: Counter[str] = Counter()
    begin = time.perf_counter()
    rows = 0
    try:
        with progress_bar() as progress:
            task = progress.add_task("routing", total=table.total)
            texts = ((row, _text(row, text_field, title_field)) for row in table.rows())
            for row, route in routed(router, texts, workers):
                writer.write(row, route)
                rows += 1
                actions[route.decision.action] += 1
                flags.update(route.flags)
                progress.advance(task)
            progress.update(task, total=rows)
        writer.finish()
    except KeyboardInterrupt:
        writer.close()
        raise KeyboardInterrupt(f"stopped after {rows:,} rows; they stand in {writer.partial}") from None
    except BaseException:
        with suppress(Exception):  # the first error is the one to tell
            writer.close()
        raise
    return Summary(rows, time.perf_counter() - begin, dict(actions), dict(flags))


def _text(row: Row, text_field: str, title_field: str | None) -> Any:
    """The row's text with its title; whatever stands there when it is no text, for the router to flag."""
    text = row.get(text_field)
    title = row.get(title_field) if title_field else None
    return with_title(title, text) if isinstance(text, str) and isinstance(title, str) else text
