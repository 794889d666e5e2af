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
_SOME = 0.02
"""Share of Chinese characters, none beside another, from which a file is taken for GB18030 all the same."""
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
        # Three bytes of Chinese in UTF-8 do not come about by chance, as two of its other letters may in GB18030.
        if utf8.ascii or utf8.chinese > utf8.lost:
            return utf8.file(path)
        gb18030 = _Reading.of(path, "gb18030")
        # A letter of Latin-1 with the one behind it reads as a single Chinese character; those of words stand together.
        if gb18030.words > gb18030.lost or (
            gb18030.lost == 0 < utf8.lost and gb18030.chinese > gb18030.characters * _SOME
        ):
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
    """How a file reads in one encoding: characters, Chinese ones, those of them beside another, lost ones, lines."""

    encoding: str
    characters: int
    ascii: bool
    chinese: int
    words: int
    lost: int
    lines: int

    @classmethod
    def of(cls, path: Path, encoding: str) -> _Reading:
        # Lines end as Python ends them: \n, \r or both.
        decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(_MARKING), translate=True)
        characters = chinese = words = lost = lines = 0
        block, last, is_ascii = b"\n", "", True
        with opened(path) as file:
            while block:
                block = file.read(_BLOCK)
                text = decoder.decode(block, final=not block)
                characters += len(text)
                is_ascii &= text.isascii()
                lost += text.count(MARK)
                runs = [] if text.isascii() else list(map(len, _CHINESE.findall(text)))
                chinese += sum(runs)
                words += sum(length for length in runs if length > 1)
                lines += text.count("\n")
                last = text[-1:] or last
        return cls(encoding, characters, is_ascii, chinese, words, lost, lines + (last not in ("", "\n")))

    def file(self, path: Path) -> TextFile:
        return TextFile(path, self.encoding, self.lines)
