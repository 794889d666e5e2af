"""What a run has done so far, kept so that a run which was killed can go on.

The journal is an SQLite file beside the output. It holds the routes of each finished chunk, not its rows, which the
input has. A chunk is written in one transaction: after a kill, a full disk or a power cut it is there or it is not.
"""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from complaint_router.backlog.duplicates import Likeness
from complaint_router.errors import DataError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (identity TEXT NOT NULL, seconds REAL NOT NULL);
CREATE TABLE IF NOT EXISTS chunks (
    number INTEGER PRIMARY KEY, routes BLOB NOT NULL, rejects BLOB NOT NULL, rejected TEXT NOT NULL, tally TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS texts (row INTEGER PRIMARY KEY, place TEXT, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bands (band INTEGER, chunk INTEGER, keys BLOB NOT NULL, PRIMARY KEY (band, chunk));
"""


@dataclass(frozen=True, slots=True)
class Done:
    """A chunk that is routed: its routes, those of its flagged rows, and where in the chunk these stand, from 0."""

    routes: bytes
    rejects: bytes
    rejected: Sequence[int]
    tally: str
    likeness: Likeness | None = None


class Journal:
    """The journal of one run; open it with `Journal.opened`, which tells what goes wrong."""

    def __init__(self, path: Path, base: sqlite3.Connection) -> None:
        self.path = path
        self._base = base

    @classmethod
    @contextmanager
    def opened(cls, path: Path, identity: Mapping[str, Any]) -> Iterator[Journal]:
        """Open the journal at `path`, or begin one, and close it again.

        Args:
            path: the SQLite file.
            identity: names all that the output depends on, with values that JSON can hold.

        Raises:
            DataError: the file is no journal, is that of another run, or another process writes it.
            OSError: the disk is full, or fails.
        """
        try:
            base = sqlite3.connect(path, timeout=0, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise DataError(f"{path}: cannot be written ({error})") from error
        try:
            with _told(path):
                base.execute("PRAGMA locking_mode = EXCLUSIVE")
                base.execute("PRAGMA synchronous = FULL")
                base.execute("BEGIN EXCLUSIVE")
                for statement in _SCHEMA.split(";"):
                    base.execute(statement)
                journal = cls(path, base)
                if not journal.chunks:
                    base.execute("DELETE FROM run")
                    base.execute("INSERT INTO run VALUES (?, 0)", (json.dumps(identity),))
                base.execute("COMMIT")
                former = json.loads(base.execute("SELECT identity FROM run").fetchone()[0])
                changed = [name for name in identity if former.get(name) != identity[name]]
                if changed:
                    raise DataError(
                        f"{path}: holds an unfinished run with another {' and '.join(changed)};"
                        " remove it to begin anew, or name another output"
                    )
                yield journal
        finally:
            base.close()

    def add(self, number: int, done: Done, seconds: float) -> None:
        """Keep a finished chunk for good, and count the seconds that it took."""
        self._base.execute("BEGIN")
        self._base.execute(
            "INSERT INTO chunks VALUES (?, ?, ?, ?, ?)",
            (number, done.routes, done.rejects, json.dumps(done.rejected), done.tally),
        )
        if done.likeness is not None:
            like = done.likeness
            self._base.executemany(
                "INSERT INTO texts VALUES (?, ?, ?)", zip(like.rows, like.places, like.texts, strict=True)
            )
            bands = np.ascontiguousarray(like.keys().T)
            self._base.executemany(
                "INSERT INTO bands VALUES (?, ?, ?)",
                ((band, number, keys.tobytes()) for band, keys in enumerate(bands)),
            )
        self.spend(seconds)
        self._base.execute("COMMIT")

    def spend(self, seconds: float) -> None:
        """Count seconds of the run."""
        self._base.execute("UPDATE run SET seconds = seconds + ?", (seconds,))

    @property
    def seconds(self) -> float:
        """What the run has taken, over all its starts."""
        (seconds,) = self._base.execute("SELECT seconds FROM run").fetchone()
        return float(seconds)

    @property
    def chunks(self) -> int:
        """Chunks that are finished: those numbered from 0 up to this."""
        (count,) = self._base.execute("SELECT count(*) FROM chunks").fetchone()
        return int(count)

    def tallies(self) -> Iterator[str]:
        """The tally of each chunk, in order."""
        return (tally for (tally,) in self._base.execute("SELECT tally FROM chunks ORDER BY number"))

    def answers(self) -> Iterator[tuple[bytes, bytes, list[int]]]:
        """Of each chunk, in order, the routes, those of its flagged rows, and where in it these stand, from 0."""
        found = self._base.execute("SELECT routes, rejects, rejected FROM chunks ORDER BY number")
        return ((routes, rejects, json.loads(rejected)) for routes, rejects, rejected in found)

    def rows(self) -> NDArray[np.int64]:
        """The rows whose texts are kept, in order."""
        found = self._base.execute("SELECT row FROM texts ORDER BY row")
        return np.fromiter((row for (row,) in found), np.int64)

    def band(self, band: int) -> NDArray[np.uint64]:
        """The keys of all kept texts in one band, in the order of `rows`."""
        found = self._base.execute("SELECT keys FROM bands WHERE band = ? ORDER BY chunk", (band,))
        return np.frombuffer(b"".join(keys for (keys,) in found), np.uint64)

    def text(self, row: int) -> tuple[str, str]:
        """The place and the text of a row."""
        place, text = self._base.execute("SELECT place, text FROM texts WHERE row = ?", (row,)).fetchone()
        return place, text

    def remove(self) -> None:
        """End the run: nothing of it is left."""
        self._base.close()
        self.path.unlink(missing_ok=True)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise DataError(f"{path}: another run is at work on it; wait for its end, or stop it") from error
        raise OSError(errno.EIO, f"{error}; when that is mended, the same command goes on", str(path)) from error
    except sqlite3.DatabaseError as error:
        raise DataError(f"{path}: is no journal of a run, or a damaged one; remove it to begin anew") from error
