"""Find complaints that stand in the data more than once, word for word or nearly so.

A ticket that was copied with another number or a word more is no new evidence: where one copy is in training and the
other held out, the measured accuracy is too high.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from zlib import crc32

from datasketch import MinHash, MinHashLSH
from scipy.cluster.hierarchy import DisjointSet

from complaint_router.progress import progress_bar
from complaint_router.text import prepare

NEAR = 0.8
"""Jaccard similarity of two texts' shingles from which they count as one. One changed character touches three shingles
of the 60 or so of a ticket, so about two small corrections fall under it, but not another address or matter."""

SHINGLE = 3
"""Characters of a shingle: Chinese words have mostly two, so a shingle sees their order too."""

BANDS, ROWS = 20, 6
"""Of the MinHash index: it finds a pair of similarity 0.8 with probability 1 - (1 - 0.8 ** 6) ** 20 = 0.998. What it
finds beyond is sorted out by the exact similarity."""

SEED = 1
"""Of MinHash's permutations: fixed, so that the same texts always have the same groups."""


def near_duplicates(texts: Sequence[str]) -> list[int]:
    """A group number for each text, from 0 in order of first appearance.

    Texts that are equal after `prepare`, or at least `NEAR` alike, share a group, and so do those between which a
    chain of such texts lies.
    """
    prepared = [prepare(text) for text in texts]
    distinct = list(dict.fromkeys(prepared))
    joined = _join([_shingles(text) for text in distinct])
    group = {text: joined[at] for at, text in enumerate(distinct)}
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(group[text], len(numbers)) for text in prepared]


def _join(shingles: Sequence[frozenset[bytes]]) -> DisjointSet:
    """The sets by number, those that are alike joined; `[number]` gives a number that stands for the whole group."""
    groups = DisjointSet(range(len(shingles)))
    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    hashes = MinHash.generator(shingles, num_perm=BANDS * ROWS, seed=SEED, hashfunc=crc32)
    with progress_bar() as progress:
        tracked = progress.track(hashes, total=len(shingles), description="finding duplicates")
        for number, hashed in enumerate(tracked):
            for earlier in index.query(hashed):
                # Asked first: in a large group nearly every pair is joined already.
                if not groups.connected(earlier, number) and _alike(shingles[earlier], shingles[number]):
                    groups.merge(earlier, number)
            index.insert(number, hashed, check_duplication=False)
    return groups


def _shingles(text: str) -> frozenset[bytes]:
    """The runs of `SHINGLE` characters; of a shorter text the text itself."""
    starts = range(max(1, len(text) - SHINGLE + 1))
    return frozenset(text[start : start + SHINGLE].encode("utf-8", "surrogatepass") for start in starts)


def _alike(one: frozenset[bytes], other: frozenset[bytes]) -> bool:
    both = len(one & other)
    return both >= NEAR * (len(one) + len(other) - both)
