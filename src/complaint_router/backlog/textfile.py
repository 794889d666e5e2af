"""Bytes to lines of text: gzip undone, the encoding told, bytes that cannot be read replaced and never fatal."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from complaint_router.errors import DataError

GZIP = ".gz"

LOST = "\ufffd"
"""Stands in a text for bytes that could not be read; a file may hold it too, from an earlier reading."""

MARK = "\udfff"
"""Stands there while a file is read: no bytes of UTF-8 or GB18030 mean this."""

_MARKING = "complaint_router.mark"
codecs.register_error(_MARKING, lambda error: (MARK, error.end))  # type: ignore[attr-defined]

_CHINESE = re.compile("[\u3400-\u9fff]+")
_LEAST_CHINESE = 0.02
"""Share of Chinese characters below which a file that is not quite UTF-8 is not taken for GB18030."""
_MOST_LOST = 0.1
"""Share of lost characters from which a file is not text."""

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
        utf8 = _Reading.of(path, "utf-8-sig" if mark == codecs.BOM_UTF8 else "utf-8")
        # Three bytes of Chinese in UTF-8 do not come about by chance.
        if utf8.lost == 0 or utf8.chinese > utf8.lost:
            return utf8.file(path)
        gb18030 = _Reading.of(path, "gb18030")
        if gb18030.chinese > max(gb18030.lost, gb18030.characters * _LEAST_CHINESE):
            return gb18030.file(path)
        if utf8.lost < utf8.characters * _MOST_LOST:
            return utf8.file(path)
        raise DataError(f"{path}: is neither UTF-8 nor GB18030; save it as UTF-8")

    @contextmanager
    def text(self, newline: str | None = None) -> Iterator[io.TextIOWrapper]:
        """Open the file for reading; what cannot be read is `MARK`."""
        with (
            opened(self.path) as file,
            io.TextIOWrapper(file, self.encoding, errors=_MARKING, newline=newline) as text,
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


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a file reads in one encoding: characters, those that are Chinese, those that are lost, and lines."""

    encoding: str
    characters: int
    chinese: int
    lost: int
    lines: int

    @classmethod
    def of(cls, path: Path, encoding: str) -> _Reading:
        # Lines end as Python ends them: \n, \r or both.
        decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(_MARKING), translate=True)
        characters = chinese = lost = lines = 0
        block, last = b"\n", ""
        with opened(path) as file:
            while block:
                block = file.read(_BLOCK)
                text = decoder.decode(block, final=not block)
                characters += len(text)
                lost += text.count(MARK)
                chinese += 0 if text.isascii() else sum(map(len, _CHINESE.findall(text)))
                lines += text.count("\n")
                last = text[-1:] or last
        return cls(encoding, characters, chinese, lost, lines + (last not in ("", "\n")))

    def file(self, path: Path) -> TextFile:
        return TextFile(path, self.encoding, self.lines)
