"""The files of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from complaint_router.backlog.readers import READERS, known_ending
from complaint_router.errors import ArgumentError, DataError


@dataclass(frozen=True, slots=True)
class Files:
    """What a run reads and writes."""

    source: Path
    destination: Path
    rejects: Path | None
    summary: Path | None

    @classmethod
    def of(
        cls, source: str | Path, destination: str | Path, rejects: str | Path | None, summary: str | Path | None
    ) -> Files:
        """The files of these names; a link to an output stands for what it leads to, which is replaced.

        Raises:
            ArgumentError: two of them are the same.
            DataError: the input is missing, or the folder of an output, or an output is a folder.
        """
        files = cls(
            Path(source),
            _target(destination),
            _target(rejects) if rejects else None,
            _target(summary) if summary else None,
        )
        if not files.source.is_file():
            raise DataError(f"{files.source}: there is no such file")
        given = [path for path in (files.source, files.destination, files.rejects, files.summary) if path]
        if len({path.resolve() for path in (*given, files.journal)}) <= len(given):
            raise ArgumentError("input, output, rejects, summary and OUTPUT.partial must be different files")
        for path in given[1:]:
            if path.is_dir():
                raise DataError(f"{path}: is a folder; name a file")
            if not path.absolute().parent.is_dir():
                raise DataError(f"{path}: cannot be written: there is no such folder")
        return files

    @property
    def journal(self) -> Path:
        """What is done so far."""
        return self.destination.with_name(self.destination.name + ".partial")

    def state(self) -> tuple[int, int]:
        """Size and time of the input: where they differ, it is another input."""
        found = self.source.stat()
        return found.st_size, found.st_mtime_ns


def ending(path: Path | None) -> str:
    """The ending that says what a file holds; empty for none.

    Raises:
        DataError: it is unknown.
    """
    return known_ending(path, READERS) if path else ""


def _target(name: str | Path) -> Path:
    path = Path(name)
    return path.resolve() if path.is_symlink() else path
