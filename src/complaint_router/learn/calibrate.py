"""Fit mixes, temperatures and thresholds to what the written model says of held-out examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from complaint_router.dispatch import Calibration, TargetCalibration
from complaint_router.metrics import macro_f1

AUTO_PRECISION = 0.95
"""Share of automatic dispatches that shall be right, as seen on the held-out examples."""

MIXES = np.arange(0.0, 6.1, 0.5)
"""What a score of the linear partner may count beside a logit of the encoder."""
DEFAULT_MIX = 2.0
"""Where there are too few held-out examples to fit it."""

_TEMPERATURES = np.geomspace(0.3, 5.0, 200)
_FEWEST = 30
"""Held-out examples below which mix and threshold are not fitted but left at their defaults."""

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
    """Fit one temperature and one threshold for each target.

    A score is the probability that the answer is right, be it the main label or an alternative, so the temperature is
    the one under which the scores of the answers given best foretell whether they are.
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
            probabilities = calibration.probabilities(target, values[known.rows])
            given = probabilities.argmax(axis=1)
            labels = [right[target][row] for row in known.rows.tolist()]
            hits = known.right[np.arange(len(given)), given]
            judged[target] = Judged(probabilities.max(axis=1), hits, macro_f1(labels, given.tolist()))
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
    probabilities = _probabilities(logits, temperature)
    return float(-np.log(np.maximum((probabilities * right).sum(axis=1), 1e-12)).mean())


def _fit(logits: NDArray[np.float32], right: Sequence[tuple[int, ...]]) -> TargetCalibration:
    known = _Known.of(right, logits.shape[1])
    if not len(known.rows):
        return TargetCalibration()
    rows = logits[known.rows]
    hits = known.right[np.arange(len(rows)), rows.argmax(axis=1)]
    losses = []
    for temperature in _TEMPERATURES:
        scores = np.clip(_probabilities(rows, temperature).max(axis=1), 1e-6, 1 - 1e-6)
        losses.append(-np.log(np.where(hits, scores, 1 - scores)).mean())
    temperature = float(_TEMPERATURES[int(np.argmin(losses))])
    scores = _probabilities(rows, temperature).max(axis=1)
    threshold = _threshold(scores, hits) if len(rows) >= _FEWEST else TargetCalibration().threshold
    return TargetCalibration(round(temperature, 4), round(threshold, 4))


def _probabilities(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    return Calibration({"": TargetCalibration(temperature)}).probabilities("", logits)


def _threshold(scores: NDArray[np.float64], hits: NDArray[np.bool_]) -> float:
    """The lowest score such that of all results from there up at least `AUTO_PRECISION` are right; else 1."""
    order = np.argsort(-scores, kind="stable")
    precision = np.cumsum(hits[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision >= AUTO_PRECISION)
    return float(scores[order][enough[-1]]) if len(enough) else 1.0
