"""Fit the linear partner: TF-IDF of hashed character n-grams and a linear SVM for each target.

The strong simple baseline of Chinese text classification, here beside the encoder. scikit-learn's LinearSVC (Fan et
al., LIBLINEAR, JMLR 2008) finds the weights; they are kept in int8, in steps of their own for each label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from complaint_router.engine.linear import BITS, Features, Head, Linear, ngrams, weighted
from complaint_router.learn.data import Example
from complaint_router.optional import require
from complaint_router.progress import progress_bar
from complaint_router.text import prepare

PENALTY = 0.5
"""C of the SVM; 0.25 to 1 differ little on short Chinese texts."""
_UNSEEN = -1.0
"""Score of a label without an example: what the SVM aims at for a label that is wrong."""


def fit_linear(
    examples: Sequence[Example], targets: Mapping[str, Sequence[str]], base: Linear | None, seed: int
) -> Linear:
    """Fit a head for each target, on the main label of each example; their mix is 0 until `mixed` sets it.

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
            rows = [row for row, example in enumerate(examples) if example.labels.get(target)]
            texts = _matrix([weighted(features[row], rarity) for row in rows])
            heads[target] = _fit(texts, [examples[row].labels[target][0] for row in rows], targets[target], seed)
    return Linear(rarity, heads)


def mixed(linear: Linear, mixes: Mapping[str, float]) -> Linear:
    """The same with what each target's scores count beside the encoder's logits."""
    return Linear(
        linear.rarity, {name: replace(head, mix=mixes.get(name, head.mix)) for name, head in linear.heads.items()}
    )


def _rarity(features: Sequence[Features]) -> NDArray[np.float32]:
    """Smoothed inverse document frequency, as scikit-learn's TfidfVectorizer has it; shape (features,)."""
    holding = np.zeros(1 << BITS)
    for found, _ in features:
        holding[found] += 1
    rarity = np.log((1 + len(features)) / (1 + holding)) + 1
    # As they are stored: training and serving then weigh alike.
    return rarity.astype(np.float16).astype(np.float32)


def _matrix(rows: Sequence[Features]) -> Any:
    ends = np.cumsum([0, *(len(found) for found, _ in rows)])
    found, weights = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    return require("scipy.sparse", "train").csr_matrix((weights, found, ends), shape=(len(rows), 1 << BITS))


def _fit(texts: Any, given: Sequence[str], labels: Sequence[str], seed: int) -> Head:
    svm = require("sklearn.svm", "train").LinearSVC(C=PENALTY, random_state=seed)
    weights = np.zeros((1 << BITS, len(labels)), np.float32)
    bias = np.full(len(labels), _UNSEEN, np.float32)
    if len(set(given)) > 1:
        svm.fit(texts, given)
        coefficients, intercepts, classes = svm.coef_, svm.intercept_, list(svm.classes_)
        if len(classes) == 2:  # one row says both
            coefficients, intercepts = (
                np.concatenate([-coefficients, coefficients]),
                np.array([-intercepts[0], intercepts[0]]),
            )
        columns = [labels.index(name) for name in classes]
        weights[:, columns], bias[columns] = coefficients.T, intercepts
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-6) / 127
    return Head(np.round(weights / scale).astype(np.int8), scale, bias, 0.0)
