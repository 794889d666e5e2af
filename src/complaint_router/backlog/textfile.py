"""Bytes to lines of text: gzip undone, the encoding told, bytes that cannot be read replaced and never fatal."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from complaint_router.errors import DataError

GZIP = ".gz"

LOST = "\ufffd"
"""Stands in a text for bytes that could not be read."""

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text file: its encoding, `utf-8`, `utf-8-sig` or `gb18030`, and how many lines it has."""

    path: Path
    encoding: str
    lines: int

    @classmethod
    def survey(cls, path: Path) -> TextFile:
        """Read the whole file once, in blocks.

        Raises:
            DataError: the file is neither UTF-8 nor GB18030, or is a gzip file that ends too early.
        """
        with opened(path) as file:
            mark = file.read(3)
        if mark[:2] in _UTF16:
            raise DataError(f"{path}: is UTF-16; save it as UTF-8")
        utf8 = "utf-8-sig" if mark == codecs.BOM_UTF8 else "utf-8"
        for encoding in (utf8, "gb18030"):
            good, bad, lines = _read_as(path, encoding)
            # Chinese text of one encoding, read as the other, is mostly not readable; a few bad bytes are just that.
            if bad == 0 or good > bad:
                return cls(path, encoding, lines)
        raise DataError(f"{path}: is neither UTF-8 nor GB18030; save it as UTF-8")

    @contextmanager
    def text(self, newline: str | None = None) -> Iterator[io.TextIOWrapper]:
        """Open the file for reading; what cannot be read is `LOST`."""
        with (
            opened(self.path) as file,
            io.TextIOWrapper(file, self.encoding, errors="replace", newline=newline) as text,
        ):
            yield text


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, or what a gzip file holds, for reading bytes.

    Raises:
        DataError: while it is read: the gzip file is broken.
    """
    try:
        with path.open("rb") as raw:
            yield cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if path.suffix.lower() == GZIP else raw
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: is a broken gzip file ({error}); copy it anew") from error


def _read_as(path: Path, encoding: str) -> tuple[int, int, int]:
    """Characters beyond ASCII that can be read in the encoding, those that cannot, and lines."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    good = bad = lines = 0
    block, last = b"\n", ""
    with opened(path) as file:
        while block:
            block = file.read(_BLOCK)
            text = decoder.decode(block, final=not block)
            lost = text.count(LOST)
            bad += lost
            good += 0 if text.isascii() else len(text) - len(text.encode("ascii", "ignore")) - lost
            lines += text.count("\n")
            last = text[-1:] or last
    return good, bad, lines + (last not in ("", "\n"))
