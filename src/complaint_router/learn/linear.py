"""Fit the linear partner: TF-IDF of hashed character n-grams and a linear SVM for each target.

The strong simple baseline of Chinese text classification, here beside the encoder. scikit-learn's LinearSVC (Fan et
al., LIBLINEAR, JMLR 2008) finds the weights; they are kept in int8, in steps of their own for each label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.svm import LinearSVC

from complaint_router.engine.linear import BITS, Features, Head, Linear, ngrams, weighted
from complaint_router.learn.data import Example
from complaint_router.progress import progress_bar
from complaint_router.text import prepare

PENALTY = 0.5
"""C of the SVM; 0.25 to 1 differ little on short Chinese texts."""
_PART = 4_096
"""Texts that are hashed together."""
_UNSEEN = -1.0
"""Score of a label without an example: what the SVM aims at for a label that is wrong."""


@dataclass(frozen=True)
class Answered:
    """A target's labels, and which of them the model gives to each example."""

    labels: Sequence[str]
    given: Sequence[str]


def fit_linear(
    examples: Sequence[Example],
    targets: Mapping[str, Sequence[str]],
    base: Linear | None,
    seed: int,
    answered: Mapping[str, Answered] | None = None,
) -> Linear:
    """Fit a head for each target, on the first label of each example that is one of its labels.

    The mixes of these heads are 0 until `Linear.mixed` sets them.

    Args:
        examples: those to learn from.
        targets: for each target to be fitted its labels.
        base: the partner of the model gone on from. Its heads for other targets stay, and so do its rarities, which
            those heads are made for.
        seed: of the SVM's order of examples.
        answered: for other targets, what the model answers to the examples. A head that only stands alone learns them.
    """
    texts = _ngrams([prepare(example.text) for example in examples])
    rarity = base.rarity if base else _rarity(texts)
    features = weighted(texts, rarity)
    matrix = csr_matrix((features.weights, features.found, features.starts), shape=(len(examples), 1 << BITS))
    heads = dict(base.heads) if base else {}
    alone = {target: head for target, head in base.alone.items() if target not in targets} if base else {}
    with progress_bar() as progress:
        for target in progress.track([*targets, *(answered or ())], description="fitting n-grams"):
            if target in targets:
                names = targets[target]
                given = [_first_known(example.labels.get(target, ()), names) for example in examples]
                heads[target] = _fit(matrix, given, names, seed)
            elif answered and base and target in base.heads:
                alone[target] = _fit(matrix, answered[target].given, answered[target].labels, seed)
    return Linear(rarity, heads, alone)


def _ngrams(texts: Sequence[str]) -> Features:
    """As `ngrams`, a part of the texts at a time, so that memory does not grow with what lies between."""
    parts = [ngrams(texts[begin : begin + _PART]) for begin in range(0, len(texts), _PART)]
    ends = np.cumsum([0, *(len(part.found) for part in parts)])
    starts = [part.starts[:-1] + end for part, end in zip(parts, ends, strict=False)]
    found, weights = (np.concatenate([part[field] for part in parts]) for field in (1, 2))
    return Features(np.append(np.concatenate(starts), ends[-1]), found, weights)


def _first_known(labels: Sequence[str], known: Sequence[str]) -> str | None:
    return next((label for label in labels if label in known), None)


def _rarity(features: Features) -> NDArray[np.float32]:
    """Smoothed inverse document frequency, as scikit-learn's TfidfVectorizer has it; shape (features,)."""
    holding = np.bincount(features.found, minlength=1 << BITS)
    rarity = np.log((len(features.starts)) / (1 + holding)) + 1
    # As they are stored: training and serving then weigh alike.
    return rarity.astype(np.float16).astype(np.float32)


def _fit(matrix: csr_matrix, given: Sequence[str | None], labels: Sequence[str], seed: int) -> Head:
    weights = np.zeros((1 << BITS, len(labels)), np.int8)
    scale = np.ones(len(labels), np.float32)
    bias = np.full(len(labels), _UNSEEN, np.float32)
    known = [row for row, label in enumerate(given) if label is not None]
    if len({given[row] for row in known}) > 1:
        svm = LinearSVC(C=PENALTY, random_state=seed).fit(matrix[known], [given[row] for row in known])
        rows, biases = svm.coef_, svm.intercept_
        if len(svm.classes_) == 2:  # one row says both
            rows, biases = np.concatenate([-rows, rows]), np.concatenate([-biases, biases])
        for name, row, intercept in zip(svm.classes_, rows, biases, strict=True):
            at = labels.index(name)
            scale[at] = max(np.abs(row).max(), 1e-6) / 127
            weights[:, at] = np.round(row / scale[at])
            bias[at] = intercept
    return Head(weights, scale, bias)
