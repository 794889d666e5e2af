"""Measures of a classifier, in numpy alone: serving machines evaluate too.

`right` holds, for each text, its right labels, the main one first; an answer counts as right when it is one of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

ECE_BINS = 15

Right = Sequence[tuple[Hashable, ...]]


def accuracy(right: Right, given: Sequence[Hashable]) -> float:
    """Share of answers that are right."""
    return sum(answer in labels for labels, answer in zip(right, given, strict=True)) / len(given)


def macro_f1(right: Right, given: Sequence[Hashable]) -> float:
    """Mean F1 over all labels that are right or given somewhere.

    An answer that is one of the alternatives counts for the label given.
    """
    hits: Counter[Hashable] = Counter()
    wanted: Counter[Hashable] = Counter()
    answered: Counter[Hashable] = Counter(given)
    for labels, answer in zip(right, given, strict=True):
        hit = answer in labels
        wanted[answer if hit else labels[0]] += 1
        hits[answer] += hit
    names = wanted.keys() | answered.keys()
    return sum(2 * hits[name] / (wanted[name] + answered[name]) for name in names) / len(names)


def top_k(right: Right, ranked: Sequence[Sequence[Hashable]], k: int) -> float:
    """Share of texts with a right label among the first `k` candidates."""
    found = [any(label in candidates[:k] for label in labels) for labels, candidates in zip(right, ranked, strict=True)]
    return sum(found) / len(found)


def expected_calibration_error(scores: Sequence[float], hits: Sequence[bool]) -> float:
    """Mean distance of score and accuracy over `ECE_BINS` bins of equal width (Guo et al., ICML 2017)."""
    score, hit = np.asarray(scores, float), np.asarray(hits, float)
    bins = np.minimum((score * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = [abs(score[bins == at].mean() - hit[bins == at].mean()) * (bins == at).sum() for at in np.unique(bins)]
    return float(sum(gaps) / len(score))
