"""What the words of a text say of the division that its matter lies in, where no name of a division does.

A linear model over hashed character n-grams and over the names of roads, estates, markets and the like. Fitted by
`complaint_router.learn.places`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from complaint_router.engine.linear import BITS, ngrams
from complaint_router.errors import ModelError
from complaint_router.folder import FILES
from complaint_router.schema import Mention

FEATURES = 2 << BITS
"""One half for n-grams, one for names; those that fall on the same feature share its weight."""

_CHINESE = re.compile(r"[\u4e00-\u9fff]+")
_PLACE = re.compile(
    "小区|花园|家园|花苑|公寓|广场|大厦|市场|商城|工业园|大道|小学|中学|学校|医院|公园|车站|酒店|超市|路口|公司|银行|机场|"
    "派出所|社区|居委会|委会|大楼|中心|[村苑城府湾路街巷港桥岛坡园里庄站店厂楼院墟庙湖山河横]"
)
_BLOT = "。"
_BEFORE = range(2, 6)
"""Characters that a name may have before its last word: where it begins in the text is left to the counts."""


def without(text: str, mentions: Iterable[Mention]) -> str:
    """The text with the divisions that it names blotted out: the words around them are to speak for themselves."""
    for mention in mentions:
        text = text[: mention.start] + _BLOT * (mention.end - mention.start) + text[mention.end :]
    return text


def place_names(text: str) -> Iterator[str]:
    """Stretches of a text that may be names of places: each ends like one and begins wherever it may."""
    for run in _CHINESE.findall(text):
        for last in _PLACE.finditer(run):
            for length in _BEFORE:
                if last.start() >= length:
                    yield run[last.start() - length : last.end()]


def features(text: str) -> tuple[NDArray[np.int64], NDArray[np.float32], int]:
    """Indices of a text's features, the weight of each, and how many of them, the first, are n-grams."""
    _, found, weights = ngrams([text or " "])
    names = sorted({(1 << BITS) + (zlib.crc32(name.encode()) & ((1 << BITS) - 1)) for name in place_names(text)})
    return (
        np.concatenate([found, np.array(names, np.int64)]),
        np.concatenate([weights, np.ones(len(names), np.float32)]),
        len(found),
    )


def weighted(text: str, rarity: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Features weighed by their rarity; the n-grams to length 1 together, and so the names."""
    found, weights, grams = features(text)
    weights = weights * rarity[found]
    for part in (weights[:grams], weights[grams:]):
        if part.size:
            part /= np.sqrt(np.square(part).sum(dtype=np.float32))
    return found, weights


@dataclass(frozen=True)
class PlaceWords:
    """Scores of the districts and towns under home.

    `codes`: the divisions; `weights` (FEATURES, codes) in steps of `scale` (codes,); `rarity` (FEATURES,);
    `temperatures`: what the scores of districts and those of towns are divided by, so that their softmax is a
    calibrated probability.
    """

    codes: Sequence[str]
    weights: NDArray[np.int8]
    scale: NDArray[np.float32]
    rarity: NDArray[np.float32]
    temperatures: tuple[float, float]

    def scores(self, text: str) -> NDArray[np.float32]:
        """Scores of a folded text, of shape (codes,)."""
        found, weights = weighted(text, self.rarity)
        total: NDArray[np.float32] = (self.weights[found] * weights[:, None]).sum(axis=0, dtype=np.float32)
        return total * self.scale

    def save(self, folder: Path) -> None:
        """Write `places.npz`."""
        np.savez_compressed(
            folder / FILES.place_words,
            codes=np.array(self.codes),
            weights=self.weights,
            scale=self.scale,
            rarity=self.rarity.astype(np.float16),
            temperatures=np.array(self.temperatures),
        )

    @classmethod
    def load(cls, folder: Path) -> PlaceWords | None:
        """Read `places.npz`; None where the model has none.

        Raises:
            ModelError: it is broken.
        """
        path = folder / FILES.place_words
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as arrays:
                district, town = arrays["temperatures"].tolist()
                words = cls(
                    arrays["codes"].tolist(),
                    arrays["weights"],
                    arrays["scale"],
                    arrays["rarity"].astype(np.float32),
                    (district, town),
                )
        except Exception as error:  # of numpy, zipfile and zlib: they have no common base but Exception
            raise ModelError(f"{path}: is broken ({type(error).__name__}); train or copy the model anew") from error
        shapes = words.weights.shape, words.scale.shape, words.rarity.shape
        if shapes != ((FEATURES, len(words.codes)), (len(words.codes),), (FEATURES,)):
            raise ModelError(f"{path}: is broken (its parts do not fit); train or copy the model anew")
        return words
