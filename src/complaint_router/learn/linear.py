"""Fit the linear partner: TF-IDF of hashed character n-grams and a linear SVM for each target.

The strong simple baseline of Chinese text classification, here beside the encoder. scikit-learn's LinearSVC (Fan et
al., LIBLINEAR, JMLR 2008) finds the weights; they are kept in int8, in steps of their own for each label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
_UNSEEN = -1.0
"""Score of a label without an example: what the SVM aims at for a label that is wrong."""


def fit_linear(
    examples: Sequence[Example], targets: Mapping[str, Sequence[str]], base: Linear | None, seed: int
) -> Linear:
    """Fit a head for each target, on the first label of each example that is one of its labels.

    The mix of these heads is 0 until `Linear.mixed` sets it.

    Args:
        examples: those to learn from.
        targets: for each target to be fitted its labels.
        base: the partner of the model gone on from. Its heads for other targets stay, and so do its rarities, which
            those heads are made for.
        seed: of the SVM's order of examples.
    """
    features = [ngrams(prepare(example.text)) for example in examples]
    rarity = base.rarity if base else _rarity(features)
    heads = dict(base.heads) if base else {}
    with progress_bar() as progress:
        for target in progress.track(targets, description="fitting n-grams"):
            labels = targets[target]
            known = [
                (weighted(texts, rarity), label)
                for texts, example in zip(features, examples, strict=True)
                if (label := next((each for each in example.labels.get(target, ()) if each in labels), None))
            ]
            heads[target] = _fit(known, labels, seed)
    return Linear(rarity, heads)


def _rarity(features: Sequence[Features]) -> NDArray[np.float32]:
    """Smoothed inverse document frequency, as scikit-learn's TfidfVectorizer has it; shape (features,)."""
    holding = np.zeros(1 << BITS)
    for found, _ in features:
        holding[found] += 1
    rarity = np.log((1 + len(features)) / (1 + holding)) + 1
    # As they are stored: training and serving then weigh alike.
    return rarity.astype(np.float16).astype(np.float32)


def _fit(known: Sequence[tuple[Features, str]], labels: Sequence[str], seed: int) -> Head:
    weights = np.zeros((1 << BITS, len(labels)), np.int8)
    scale = np.ones(len(labels), np.float32)
    bias = np.full(len(labels), _UNSEEN, np.float32)
    given = [label for _, label in known]
    if len(set(given)) > 1:
        svm = LinearSVC(C=PENALTY, random_state=seed).fit(_matrix([features for features, _ in known]), given)
        rows, biases = svm.coef_, svm.intercept_
        if len(svm.classes_) == 2:  # one row says both
            rows, biases = np.concatenate([-rows, rows]), np.concatenate([-biases, biases])
        for name, row, intercept in zip(svm.classes_, rows, biases, strict=True):
            at = labels.index(name)
            scale[at] = max(np.abs(row).max(), 1e-6) / 127
            weights[:, at] = np.round(row / scale[at])
            bias[at] = intercept
    return Head(weights, scale, bias, 0.0)


def _matrix(texts: Sequence[Features]) -> csr_matrix:
    ends = np.cumsum([0, *(len(found) for found, _ in texts)])
    found, weights = (np.concatenate(parts) for parts in zip(*texts, strict=True))
    return csr_matrix((weights, found, ends), shape=(len(texts), 1 << BITS))
