"""Normalise a complaint's text, mask personal data in it, join a title to it.

`fold` keeps the length, so a place found in the folded text stands at the same offsets in the original;
`prepare` is what the model reads.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

TEXT_LIMIT = 2_000
"""Characters of a complaint that are read; of a longer one the head and the tail."""

HEAD_SHARE = 0.75
"""Share of `TEXT_LIMIT` that goes to the head: callers name place and matter early and the demand at the end."""

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_MASKS = (
    ("[身份证]", re.compile(r"(?<!\d)\d{6}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)")),
    (
        "[电话]",
        re.compile(
            r"(?<!\d)(?:(?:\+|00)?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)|(?<!\d)0\d{2,3}[ -]?\d{7,8}(?!\d)"
        ),
    ),
    ("[车牌]", re.compile(rf"[{_PROVINCES}][A-Z][· ]?[A-Z0-9]{{5,6}}(?![A-Z0-9])")),
)
_CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_BLANKS = re.compile(r"\s+")
_NOT_ASCII = (*range(0x80, 0x3400), *range(0xF900, 0xFFFE))


def fold(text: str) -> str:
    """Fold characters one to one: NFKC where it gives one character, traditional to simplified, controls to spaces.

    The result has the length of `text`. Lone surrogates become spaces.
    """
    return text.translate(_folding())


def prepare(text: str) -> str:
    """What the model reads: folded, personal data masked, blanks squeezed, a long text cut to head and tail."""
    return _BLANKS.sub(" ", mask(fold(_head_and_tail(text)))).strip()


def mask(text: str) -> str:
    """Replace ID numbers, phone numbers and number plates by [身份证], [电话] and [车牌]."""
    for label, pattern in _MASKS:
        text = pattern.sub(label, text)
    return text


def with_title(title: str, text: str) -> str:
    """Put a letter's title in front of its text."""
    title = title.strip()
    if not title:
        return text
    return title + ("" if unicodedata.category(title[-1]).startswith("P") else "。") + text


def with_titles(titles: Iterable[Any], texts: Iterable[Any]) -> list[Any]:
    """Each text with its title in front; what stands in the place of a text but is none stays as it is."""
    return [
        with_title(title, text) if isinstance(title, str) and isinstance(text, str) else text
        for title, text in zip(titles, texts, strict=True)
    ]


def has_chinese(text: str) -> bool:
    """Whether there is at least one Chinese character in `text`."""
    return _CHINESE.search(text) is not None


def _head_and_tail(text: str) -> str:
    if len(text) <= TEXT_LIMIT:
        return text
    head = int(TEXT_LIMIT * HEAD_SHARE)
    return text[:head] + text[head - TEXT_LIMIT :]


@cache
def _folding() -> dict[int, str]:
    """The table behind `fold`: built once, then one C-level pass a text."""
    table: dict[int, str] = {}
    for code in _NOT_ASCII:
        folded = unicodedata.normalize("NFKC", chr(code))
        if len(folded) == 1 and ord(folded) != code:
            table[code] = folded
    traditional, simplified = files(__package__).joinpath("traditional.txt").read_text("utf-8").splitlines()
    table.update(zip(map(ord, traditional), simplified, strict=True))
    table.update(dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000)), " "))
    table.update(dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF), " "))
    return table
