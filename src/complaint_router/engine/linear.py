"""The linear partner of the encoder: hashed character n-grams of the text times one weight matrix.

It sees the very words, which the encoder blurs into meanings: each errs where the other does not, so the sum of both
is better than either. And it is fast enough to answer plain complaints alone.

Fitted by `complaint_router.learn.linear`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

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

_ALONE = "alone."
"""Before the name of a target, in the file, what belongs to a head that only stands alone."""
_TOGETHER = 16
"""Texts whose rows of weights are gathered together: of short ones, few enough for the processor's cache."""


Logits = Mapping[str, NDArray[np.float32]]
"""By target, shape (texts, labels)."""


class Features(NamedTuple):
    """Hashed n-grams of several texts: those of text i stand from `starts[i]` up to `starts[i + 1]`.

    `found` are indices of features, rising within a text, and `weights` what each weighs; `starts` has the shape
    (texts + 1,).
    """

    starts: NDArray[np.int64]
    found: NDArray[np.int64]
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class Scores:
    """By target, of shape (texts, labels): scores to stand beside the encoder's logits, and those to stand alone."""

    beside: Mapping[str, NDArray[np.float32]]
    alone: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Head:
    """What the n-grams say of one target.

    `weights` has the shape (features, labels), in steps of `scale` (labels,); `bias` has the shape (labels,). `mix` is
    what a score counts beside a logit of the encoder.
    """

    weights: NDArray[np.int8]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    mix: float = 0.0


def ngrams(texts: Sequence[str]) -> Features:
    """Character 1- to 3-grams of prepared texts as hashed features, each weighing 1 + ln(times it occurs).

    All texts are hashed in one go; n-grams that reach over a border between two are dropped. No text may be empty.
    """
    lengths = np.array([len(text) for text in texts])
    text_of = np.repeat(np.arange(len(texts)), lengths)
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    spread = codes.astype(np.uint64) * _SPREAD
    gram, grams, owners = spread, [spread], [text_of]
    for length in range(1, LONGEST):
        gram = (gram[:-1] ^ (gram[:-1] >> np.uint64(29))) * _MIX + spread[length:]
        inside = text_of[length:] == text_of[: len(text_of) - length]
        grams.append(gram[inside])
        owners.append(text_of[length:][inside])
    hashed = np.concatenate(grams)
    hashed = (hashed ^ (hashed >> np.uint64(32))) * _LAST >> np.uint64(64 - BITS)
    keys = np.sort(np.concatenate(owners) << BITS | hashed.astype(np.int64))
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    counts = np.diff(np.append(first, len(keys)))
    keys = keys[first]
    starts = np.searchsorted(keys >> BITS, np.arange(len(texts) + 1))
    return Features(starts, keys & ((1 << BITS) - 1), (1 + np.log(counts)).astype(np.float32))


def weighted(features: Features, rarity: NDArray[np.float32]) -> Features:
    """The features weighed by their rarity (inverse document frequency), those of each text to length 1."""
    weights = features.weights * rarity[features.found]
    lengths = np.sqrt(np.add.reduceat(np.square(weights), features.starts[:-1]))
    return features._replace(weights=weights / np.repeat(lengths, np.diff(features.starts)))


class Linear:
    """Scores of n-grams for each target. Read-only after loading; may be used by several threads.

    `heads` are those whose scores stand beside the encoder's logits. Where the linear partner answers alone, the scores
    of `alone` are added to them: what a city's complaints taught it of the answers that the model gives without it.
    """

    def __init__(
        self, rarity: NDArray[np.float32], heads: Mapping[str, Head], alone: Mapping[str, Head] | None = None
    ) -> None:
        self.rarity = rarity
        # One row for each feature, all targets side by side: a text gathers its rows once.
        every = [*heads.values(), *(alone or {}).values()]
        self._weights = np.concatenate([head.weights for head in every], axis=1)
        self._scale = np.concatenate([head.scale for head in every])
        self._bias = np.concatenate([head.bias for head in every])
        ends = np.cumsum([len(head.bias) for head in every]).tolist()
        slices = [slice(end - len(head.bias), end) for end, head in zip(ends, every, strict=True)]
        self._slices = dict(zip(heads, slices, strict=False))
        self._alone = dict(zip(alone or {}, slices[len(heads) :], strict=True))
        self.heads = {name: replace(head, weights=self._weights[:, self._slices[name]]) for name, head in heads.items()}
        self.alone = {
            name: replace(head, weights=self._weights[:, self._alone[name]]) for name, head in (alone or {}).items()
        }

    def scores(self, texts: Sequence[str]) -> Scores:
        """Scores of prepared texts, none of them empty."""
        parts = [self._together(texts[begin : begin + _TOGETHER]) for begin in range(0, max(len(texts), 1), _TOGETHER)]
        total = np.concatenate(parts)
        beside = {name: total[:, part] for name, part in self._slices.items()}
        alone = {name: beside[name] + total[:, part] for name, part in self._alone.items()}
        return Scores(beside, {**beside, **alone})

    def _together(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.zeros((0, len(self._bias)), np.float32)
        starts, found, weights = weighted(ngrams(texts), self.rarity)
        # Not a matrix product: a sum along rows has one order only, so equal texts have equal scores to the bit.
        sums = np.add.reduceat(self._weights[found] * weights[:, None], starts[:-1], axis=0)
        total: NDArray[np.float32] = sums * self._scale + self._bias
        return total

    def mix(self, logits: Logits, scores: Scores, rows: Any = slice(None)) -> Logits:
        """The encoder's logits with the scores of these rows mixed in."""
        return {
            target: values + np.float32(self.heads[target].mix) * scores.beside[target][rows]
            if target in self.heads
            else values
            for target, values in logits.items()
        }

    def mixed(self, mixes: Mapping[str, float]) -> Linear:
        """The same with what each of these targets' scores count beside the encoder's logits."""
        other = copy.copy(self)
        other.heads = {name: replace(head, mix=mixes.get(name, head.mix)) for name, head in self.heads.items()}
        return other

    def save(self, folder: Path) -> None:
        """Write `linear.npz`."""
        arrays: dict[str, Any] = {"rarity": self.rarity.astype(np.float16)}
        for prefix, heads in (("", self.heads), (_ALONE, self.alone)):
            for name, head in heads.items():
                fields = {"weights": head.weights, "scale": head.scale, "bias": head.bias, "mix": np.float32(head.mix)}
                arrays |= {f"{prefix}{name}.{field}": value for field, value in fields.items()}
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
                heads, alone = (
                    {name: _head(arrays, prefix + name) for name in targets if f"{prefix}{name}.weights" in arrays}
                    for prefix in ("", _ALONE)
                )
                rarity = arrays["rarity"].astype(np.float32)
        except Exception as error:  # of numpy, zipfile and zlib: they have no common base but Exception
            raise ModelError(f"{path}: is broken ({type(error).__name__}); train or copy the model anew") from error
        fits = rarity.shape == (1 << BITS,) and all(
            head.weights.dtype == np.int8
            and head.weights.shape == (1 << BITS, len(targets[name]))
            and head.scale.shape == head.bias.shape == (len(targets[name]),)
            for name, head in (*heads.items(), *alone.items())
        )
        if not heads or not fits or not alone.keys() <= heads.keys():
            raise ModelError(f"{path}: does not fit the labels of {FILES.config}; train or copy the model anew")
        return cls(rarity, heads, alone)


def _head(arrays: Any, name: str) -> Head:
    weights, scale, bias = (arrays[f"{name}.{field}"] for field in ("weights", "scale", "bias"))
    return Head(weights, scale, bias, float(arrays[f"{name}.mix"]))
