"""Which texts a model has learned from, so that a later training does not measure itself on them.

A city that retrains every month goes on from a model that knows most of the rows already: what it says of those tells
nothing about calls to come. Kept are hashes of 64 bits, from which no text can be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

import numpy as np

from complaint_router.errors import ModelError
from complaint_router.folder import FILES
from complaint_router.text import prepare


class LearnedTexts:
    """A set of texts by their hashes."""

    def __init__(self, hashes: frozenset[int] = frozenset()) -> None:
        self._hashes = hashes

    @classmethod
    def load(cls, folder: Path | None) -> LearnedTexts:
        """Read `learned.npy`; empty where there is none, as in the bundled model.

        Raises:
            ModelError: it is broken.
        """
        if folder is None or not (path := folder / FILES.learned).is_file():
            return cls()
        try:
            return cls(frozenset(np.load(path, allow_pickle=False).astype(np.uint64).tolist()))
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(f"{path}: is broken; train or copy the model anew") from error

    def save(self, folder: Path) -> None:
        """Write `learned.npy`."""
        np.save(folder / FILES.learned, np.array(sorted(self._hashes), np.uint64))

    def with_texts(self, texts: Iterable[str]) -> LearnedTexts:
        """These and the texts given."""
        return LearnedTexts(self._hashes.union(map(_hash, texts)))

    def __contains__(self, text: str) -> bool:
        return _hash(text) in self._hashes

    def __len__(self) -> int:
        return len(self._hashes)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(prepare(text).encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
