"""The linear partner of the encoder: hashed character n-grams of the text times one weight matrix.

It sees the very words, which the encoder blurs into meanings: each errs where the other does not, so the sum of both
is better than either. Fitted by `complaint_router.learn.linear`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from complaint_router.errors import ModelError
from complaint_router.folder import FILES

BITS = 17
"""There are 2 ** BITS features; n-grams that fall on the same one share its weight."""

LONGEST = 3
"""Characters of the longest n-grams."""

# Odd constants of 64 bits without structure (the golden ratio, and those of splitmix64) spread the characters' codes.
_SPREAD, _MIX, _LAST = (np.uint64(each) for each in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))

Features = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Indices of features, rising, and the weight of each."""


@dataclass(frozen=True)
class Head:
    """What the n-grams say of one target.

    `weights` has the shape (features, labels), in steps of `scale` (labels,); `bias` has the shape (labels,). `mix` is
    what a score counts beside a logit of the encoder.
    """

    weights: NDArray[np.int8]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    mix: float


def ngrams(text: str) -> Features:
    """Character 1- to 3-grams of a prepared text as hashed features, each weighing 1 + ln(times it occurs)."""
    spread = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32).astype(np.uint64) * _SPREAD
    gram, parts = spread, [spread]
    for length in range(1, min(LONGEST, len(spread))):
        gram = (gram[:-1] ^ (gram[:-1] >> np.uint64(29))) * _MIX + spread[length:]
        parts.append(gram)
    hashed = np.concatenate(parts)
    hashed = (hashed ^ (hashed >> np.uint64(32))) * _LAST >> np.uint64(64 - BITS)
    found, counts = np.unique(hashed.astype(np.int64), return_counts=True)
    return found, (1 + np.log(counts)).astype(np.float32)


def weighted(features: Features, rarity: NDArray[np.float32]) -> Features:
    """The features of a text weighed by their rarity (inverse document frequency), to length 1."""
    found, weights = features
    weights = weights * rarity[found]
    return found, weights / np.sqrt(np.square(weights).sum(dtype=np.float32))


class Linear:
    """Scores of n-grams for each target. Read-only after loading; may be used by several threads."""

    def __init__(self, rarity: NDArray[np.float32], heads: Mapping[str, Head]) -> None:
        self.rarity = rarity
        # One row for each feature, all targets side by side: a text gathers its rows once.
        self._weights = np.concatenate([head.weights for head in heads.values()], axis=1)
        self._scale = np.concatenate([head.scale for head in heads.values()])
        self._bias = np.concatenate([head.bias for head in heads.values()])
        ends = np.cumsum([len(head.bias) for head in heads.values()]).tolist()
        self._slices = {name: slice(end - len(heads[name].bias), end) for name, end in zip(heads, ends, strict=True)}
        self.heads = {name: replace(head, weights=self._weights[:, self._slices[name]]) for name, head in heads.items()}

    def scores(self, text: str) -> dict[str, NDArray[np.float32]]:
        """Scores of one prepared text, not yet mixed: for each target an array of shape (labels,)."""
        found, weights = weighted(ngrams(text), self.rarity)
        # Not a matrix product: a sum along the rows has one order only, so equal texts have equal scores to the bit.
        total = (self._weights[found] * weights[:, None]).sum(axis=0, dtype=np.float32) * self._scale + self._bias
        return {name: total[part] for name, part in self._slices.items()}

    def mixed(self, mixes: Mapping[str, float]) -> Linear:
        """The same with what each of these targets' scores count beside the encoder's logits."""
        other = copy.copy(self)
        other.heads = {name: replace(head, mix=mixes.get(name, head.mix)) for name, head in self.heads.items()}
        return other

    def save(self, folder: Path) -> None:
        """Write `linear.npz`."""
        arrays: dict[str, Any] = {"rarity": self.rarity.astype(np.float16)}
        for name, head in self.heads.items():
            arrays |= {f"{name}.weights": head.weights, f"{name}.scale": head.scale, f"{name}.bias": head.bias}
            arrays[f"{name}.mix"] = np.float32(head.mix)
        np.savez_compressed(folder / FILES.linear, **arrays)

    @classmethod
    def load(cls, folder: Path, targets: Mapping[str, Sequence[str]]) -> Linear | None:
        """Read `linear.npz`; None where the model has none.

        Raises:
            ModelError: it is broken, or does not fit the model's targets.
        """
        path = folder / FILES.linear
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as arrays:
                names = [name for name in targets if f"{name}.weights" in arrays]
                heads = {
                    name: Head(
                        arrays[f"{name}.weights"],
                        arrays[f"{name}.scale"],
                        arrays[f"{name}.bias"],
                        float(arrays[f"{name}.mix"]),
                    )
                    for name in names
                }
                rarity = arrays["rarity"].astype(np.float32)
        except Exception as error:  # of numpy, zipfile and zlib: they have no common base but Exception
            raise ModelError(f"{path}: is broken ({type(error).__name__}); train or copy the model anew") from error
        fits = rarity.shape == (1 << BITS,) and all(
            head.weights.dtype == np.int8
            and head.weights.shape == (1 << BITS, len(targets[name]))
            and head.scale.shape == head.bias.shape == (len(targets[name]),)
            for name, head in heads.items()
        )
        if not heads or not fits:
            raise ModelError(f"{path}: does not fit the labels of {FILES.config}; train or copy the model anew")
        return cls(rarity, heads)
