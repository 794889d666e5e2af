"""Find complaints that stand in the data more than once, word for word or nearly so.

In training a ticket that was copied with another number or a word more is no new evidence: where one copy is in
training and the other held out, the measured accuracy is too high. In a backlog it is the same matter, called again.

MinHash keys (Broder 1997, by datasketch) in bands find the pairs that may be alike; their shingles tell. Pairs are
sought one band at a time, by sorting its keys, so that a million texts need little memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from complaint_router.optional import require
from complaint_router.progress import progress_bar
from complaint_router.text import prepare

NEAR = 0.8
"""Jaccard similarity of two texts' shingles from which they count as one. One changed character touches three shingles
of the 60 or so of a ticket, so about two small corrections fall under it, but not another address or matter."""

SHINGLE = 3
"""Characters of a shingle: Chinese words have mostly two, so a shingle sees their order too."""

BANDS, ROWS = 20, 6
"""Of the MinHash keys: they find a pair of similarity 0.8 with probability 1 - (1 - 0.8 ** 6) ** 20 = 0.998. What they
find beyond is sorted out by the exact similarity."""

SEED = 1
"""Of MinHash's permutations and of the keys: fixed, so that the same texts always have the same groups."""

_WINDOW = 16
"""Texts with the same key before a text with which it is compared: where thousands share one, as forms do whose wording
is given, comparing all with all would take for ever."""

Text = tuple[str, str]
"""A place and a prepared text: only texts of one place are compared."""


def near_duplicates(texts: Sequence[str]) -> list[int]:
    """A group number for each text, from 0 in order of first appearance.

    Texts that are equal after `prepare`, or at least `NEAR` alike, share a group, and so do those between which a
    chain of such texts lies.
    """
    prepared = [prepare(text) for text in texts]
    distinct = list(dict.fromkeys(prepared))
    keys = minhash_keys(distinct, show=True)
    firsts = group(len(distinct), lambda band: keys[:, band], lambda number: ("", distinct[number]))
    of_text = dict(zip(distinct, firsts, strict=True))
    numbers: dict[int, int] = {}
    return [numbers.setdefault(of_text[text], len(numbers)) for text in prepared]


def minhash_keys(texts: Sequence[str], *, show: bool = False) -> NDArray[np.uint64]:
    """For each text, a key in each band; shape (texts, BANDS). Texts that are alike share at least one, most likely.

    Args:
        texts: prepared ones.
        show: a progress bar, where there is a terminal.

    Raises:
        MissingExtraError: datasketch is not installed.
    """
    minhash = require("datasketch", "duplicates").MinHash
    hashes = np.empty((len(texts), BANDS, ROWS), np.uint64)
    every = minhash.generator(map(_as_bytes, texts), num_perm=BANDS * ROWS, seed=SEED, hashfunc=crc32)
    with progress_bar(hidden=not show) as progress:
        for at, each in enumerate(progress.track(every, total=len(texts), description="finding duplicates")):
            hashes[at] = each.hashvalues.reshape(BANDS, ROWS)
    weights = np.random.default_rng(SEED).integers(1 << 62, size=(BANDS, ROWS), dtype=np.uint64) * 2 + 1
    keys: NDArray[np.uint64] = (hashes * weights).sum(-1, dtype=np.uint64)
    return keys


def group(count: int, band: Callable[[int], NDArray[np.uint64]], read: Callable[[int], Text]) -> Sequence[int]:
    """For each of `count` texts the first one of its group.

    Args:
        count: texts, numbered from 0.
        band: the keys of all texts in a band, of `BANDS`; shape (texts,).
        read: gives a text by its number.
    """
    first = array("q", range(count))

    def found(number: int) -> int:
        while first[number] != number:
            first[number] = number = first[first[number]]
        return number

    @lru_cache(4 * _WINDOW)
    def opened(number: int) -> tuple[Text, frozenset[str]]:
        text = read(number)
        return text, _shingles(text[1])

    for at in range(BANDS):
        keys = band(at)
        order = np.argsort(keys, kind="stable")
        ends = np.flatnonzero(np.diff(keys[order], append=keys[order[:1]] + np.uint64(1))) + 1 if count else order
        begin = 0
        for end in ends.tolist():
            members = order[begin:end].tolist() if end - begin > 1 else []
            begin = end
            for place, number in enumerate(members):
                for earlier in reversed(members[max(0, place - _WINDOW) : place]):
                    # Asked first: in a large group nearly every pair is joined already.
                    one, other = found(earlier), found(number)
                    if one != other and _alike(opened(earlier), opened(number)):
                        first[max(one, other)] = min(one, other)
    return array("q", map(found, range(count)))


def _alike(one: tuple[Text, frozenset[str]], other: tuple[Text, frozenset[str]]) -> bool:
    """Whether two texts of one place are equal or at least `NEAR` alike."""
    (first, shingles), (second, others) = one, other
    if first == second:
        return True
    fewer, more = sorted((len(shingles), len(others)))
    if first[0] != second[0] or fewer < NEAR * more:
        return False
    both = len(shingles & others)
    return both >= NEAR * (fewer + more - both)


def _shingles(text: str) -> frozenset[str]:
    """The runs of `SHINGLE` characters; of a shorter text the text itself."""
    return frozenset(text[start : start + SHINGLE] for start in range(max(1, len(text) - SHINGLE + 1)))


def _as_bytes(text: str) -> list[bytes]:
    return [shingle.encode("utf-8", "surrogatepass") for shingle in _shingles(text)]
