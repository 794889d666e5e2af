"""A progress bar on standard error: done, rate, time left; silent where that is no terminal."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "-/s")


class _Note(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.fields.get("note", ""))


def progress_bar(*, hidden: bool = False) -> Progress:
    """A bar to be used as a context manager, one task for each piece of long work; its field `note` is shown behind."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        _Note(),
        console=Console(stderr=True),
        disable=hidden or not sys.stderr.isatty(),
    )
