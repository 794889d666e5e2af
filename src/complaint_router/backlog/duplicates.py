"""What tells near-duplicates in a backlog: the words of a complaint and its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from complaint_router.near import minhash_keys
from complaint_router.schema import Locality, Route
from complaint_router.text import has_chinese, prepare

_NO_WORD = re.compile(r"[\W_]+")
"""Blanks and punctuation: two clerks who take down the same words set them differently."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Of each usable text of a chunk the number of its row, its place and its words."""

    rows: Sequence[int]
    places: Sequence[str]
    texts: Sequence[str]

    def keys(self) -> NDArray[np.uint64]:
        """The MinHash keys, other ones for other places; shape (texts, bands).

        Made in the process that keeps the journal, so that no other has to load what makes them.
        """
        apart = np.array([crc32(place.encode()) for place in self.places], np.uint64) << np.uint64(32)
        return minhash_keys(self.texts) ^ apart[:, None]


def likeness(first: int, texts: Sequence[Any], routes: Sequence[Route]) -> Likeness:
    """What tells near-duplicates among texts, whose rows are counted on from `first`."""
    words = [_NO_WORD.sub("", prepare(text)) if isinstance(text, str) else "" for text in texts]
    usable = [at for at, text in enumerate(words) if has_chinese(text)]
    places = [_place(routes[at].locality) for at in usable]
    return Likeness([first + at for at in usable], places, [words[at] for at in usable])


def _place(locality: Locality | None) -> str:
    """The same for complaints about the same place: the division that is settled, or all those that are possible."""
    if locality is None:
        return ""
    return locality.code or "|".join(sorted(place.code or "" for place in locality.candidates))
