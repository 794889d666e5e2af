"""Fit temperatures and thresholds to the trained network's logits on held-out examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from complaint_router.dispatch import Calibration, TargetCalibration

AUTO_PRECISION = 0.95
"""Share of automatic dispatches that shall be right, as seen on the held-out examples."""

_TEMPERATURES = np.geomspace(0.3, 5.0, 200)
_FEWEST = 30
"""Held-out examples below which a threshold is not fitted but left at its default."""


def calibrate(logits: Mapping[str, NDArray[np.float32]], right: Mapping[str, Sequence[tuple[int, ...]]]) -> Calibration:
    """Fit one temperature (least negative log-likelihood) and one threshold for each target.

    Args:
        logits: by target, shape (examples, labels).
        right: by target, for each example the indices of its right labels; empty where unknown.
    """
    return Calibration({target: _fit(target, values, right[target]) for target, values in logits.items()})


def _fit(target: str, logits: NDArray[np.float32], right: Sequence[tuple[int, ...]]) -> TargetCalibration:
    known = [at for at, labels in enumerate(right) if labels]
    if not known:
        return TargetCalibration()
    rows = logits[known]
    answers = [right[at] for at in known]
    losses = []
    for temperature in _TEMPERATURES:
        probabilities = _probabilities(target, rows, temperature)
        of_right = [row[list(labels)].sum() for row, labels in zip(probabilities, answers, strict=True)]
        losses.append(-np.log(np.maximum(of_right, 1e-12)).mean())
    temperature = float(_TEMPERATURES[int(np.argmin(losses))])
    probabilities = _probabilities(target, rows, temperature)
    scores = probabilities.max(axis=1)
    hits = np.array([best in labels for best, labels in zip(probabilities.argmax(axis=1), answers, strict=True)])
    threshold = _threshold(scores, hits) if len(known) >= _FEWEST else TargetCalibration().threshold
    return TargetCalibration(round(temperature, 4), round(threshold, 4))


def _probabilities(target: str, logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    return Calibration({target: TargetCalibration(temperature)}).probabilities(target, logits)


def _threshold(scores: NDArray[np.float64], hits: NDArray[np.bool_]) -> float:
    """The lowest score such that of all results from there up at least `AUTO_PRECISION` are right; else 1."""
    order = np.argsort(-scores, kind="stable")
    precision = np.cumsum(hits[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision >= AUTO_PRECISION)
    return float(scores[order][enough[-1]]) if len(enough) else 1.0
