"""Fit mixes, temperatures and thresholds to what the written model says of held-out examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from complaint_router.dispatch import Calibration, TargetCalibration
from complaint_router.metrics import macro_f1
from complaint_router.probability import log_odds, softmax

AUTO_PRECISION = 0.95
"""Share of automatic dispatches that shall be right, with 95 % confidence by the held-out examples."""

MIXES = np.arange(0.0, 6.1, 0.5)
"""What a score of the linear partner may count beside a logit of the encoder."""
DEFAULT_MIX = 2.0
"""Where there are too few held-out examples to fit it."""

_SIDE = 1.645
"""Standard deviations that a one-sided bound of 95 % confidence lies off."""
_TEMPERATURES = np.geomspace(0.3, 5.0, 200)
_LOOSE = 100.0
"""C of the logistic regression: two numbers from hundreds of examples need hardly any rein."""
_FEWEST = 30
"""Held-out examples below which mix, curve and threshold are left at their defaults, and no score is made surer."""

Logits = Mapping[str, NDArray[np.float32]]
"""By target, shape (examples, labels)."""
Right = Mapping[str, Sequence[tuple[int, ...]]]
"""By target, for each example the indices of its right labels; empty where unknown."""


@dataclass(frozen=True)
class _Known:
    """The examples whose label of a target is known, and which of its labels are right: shape (examples, labels)."""

    rows: NDArray[np.int64]
    right: NDArray[np.bool_]

    @classmethod
    def of(cls, right: Sequence[tuple[int, ...]], labels: int) -> _Known:
        rows = [at for at, known in enumerate(right) if known]
        mask = np.zeros((len(rows), labels), bool)
        for at, row in enumerate(rows):
            mask[at, list(right[row])] = True
        return cls(np.array(rows, int), mask)


def fit_mixes(logits: Logits, scores: Logits, right: Right) -> dict[str, float]:
    """What the linear partner's scores shall count, by target: that which makes right labels likeliest.

    Args:
        logits: of the encoder.
        scores: of its linear partner.
        right: labels of the examples.
    """
    return {
        target: _mix(values, scores[target], right[target]) for target, values in logits.items() if target in scores
    }


def calibrate(logits: Logits, right: Right) -> Calibration:
    """Fit a temperature, a logistic curve and a threshold for each target.

    The temperature makes right labels likeliest. A score is the probability that the answer is right, be it the main
    label or an alternative; the curve is the one under which the scores of the answers given best foretell whether
    they are.
    """
    return Calibration({target: _fit(values, right[target]) for target, values in logits.items()})


@dataclass(frozen=True)
class Judged:
    """How a target's answers to the held-out examples did: their scores, whether they are right, and macro-F1.

    Both arrays have the shape (examples with a known label,).
    """

    scores: NDArray[np.float64]
    hits: NDArray[np.bool_]
    macro_f1: float


def judge(calibration: Calibration, logits: Logits, right: Right) -> dict[str, Judged]:
    """Hold calibrated answers to the labels; targets of which no label is known are left out."""
    judged = {}
    for target, values in logits.items():
        known = _Known.of(right[target], values.shape[1])
        if len(known.rows):
            scores = calibration.scores(target, values[known.rows])
            given = scores.argmax(axis=1)
            labels = [right[target][row] for row in known.rows.tolist()]
            hits = known.right[np.arange(len(given)), given]
            judged[target] = Judged(scores.max(axis=1), hits, macro_f1(labels, given.tolist()))
    return judged


def _mix(logits: NDArray[np.float32], scores: NDArray[np.float32], right: Sequence[tuple[int, ...]]) -> float:
    known = _Known.of(right, logits.shape[1])
    if len(known.rows) < _FEWEST:
        return DEFAULT_MIX
    losses = []
    for mix in MIXES:
        mixed = (logits[known.rows] + mix * scores[known.rows]).astype(np.float32)
        losses.append(min(_surprise(mixed, known.right, temperature) for temperature in _TEMPERATURES[::10]))
    return float(MIXES[int(np.argmin(losses))])


def _surprise(logits: NDArray[np.float32], right: NDArray[np.bool_], temperature: float) -> float:
    """Mean negative log-probability of the right labels together."""
    return float(-np.log(np.maximum((softmax(logits, temperature) * right).sum(axis=1), 1e-12)).mean())


def _fit(logits: NDArray[np.float32], right: Sequence[tuple[int, ...]]) -> TargetCalibration:
    known = _Known.of(right, logits.shape[1])
    if not len(known.rows):
        return TargetCalibration()
    rows = logits[known.rows]
    losses = [_surprise(rows, known.right, temperature) for temperature in _TEMPERATURES]
    temperature = float(_TEMPERATURES[int(np.argmin(losses))])
    if len(rows) < _FEWEST:
        return TargetCalibration(round(max(temperature, 1.0), 4))
    hits = known.right[np.arange(len(rows)), rows.argmax(axis=1)]
    slope, offset = _curve(log_odds(softmax(rows, temperature).max(axis=1)), hits)
    fitted = TargetCalibration(round(temperature, 4), slope=round(slope, 4), offset=round(offset, 4))
    threshold = _threshold(Calibration({"": fitted}).scores("", rows).max(axis=1), hits)
    return replace(fitted, threshold=threshold)


def _curve(odds: NDArray[np.float64], hits: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset of the logistic curve from log-odds to being right; 1 and 0 where none rises."""
    if hits.all() or not hits.any():
        return 1.0, 0.0
    curve = LogisticRegression(C=_LOOSE).fit(odds[:, None], hits)
    slope, offset = float(curve.coef_[0, 0]), float(curve.intercept_[0])
    return (slope, offset) if slope > 0 else (1.0, 0.0)


def _threshold(scores: NDArray[np.float64], hits: NDArray[np.bool_]) -> float:
    """The lowest score such that of all results from there up `AUTO_PRECISION` are right; else 1.

    Not only seen to be: the lower bound of 95 % confidence of that share (Wilson, JASA 1927) must reach it.
    """
    order = np.argsort(-scores, kind="stable")
    count = np.arange(1, len(order) + 1)
    share = np.cumsum(hits[order]) / count
    square = _SIDE**2 / count
    bound = (share + square / 2 - _SIDE * np.sqrt(share * (1 - share) / count + square / count / 4)) / (1 + square)
    enough = np.flatnonzero(bound >= AUTO_PRECISION)
    return float(scores[order][enough[-1]]) if len(enough) else 1.0
