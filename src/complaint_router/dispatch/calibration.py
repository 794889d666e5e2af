"""Calibrated scores: a temperature and a logistic curve for each tier and target, and from where it is dispatched.

Temperature scaling: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017. The curve on top of it: Platt,
"Probabilistic outputs for support vector machines", 1999.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from complaint_router.errors import ModelError
from complaint_router.folder import FILES, FULL, read_json
from complaint_router.probability import log_odds, softmax


@dataclass(frozen=True, slots=True)
class Curve:
    """How logits become scores.

    `temperature` divides the logits before the softmax; a probability with the log-odds x becomes a score with the
    log-odds `slope` · x + `offset`.
    """

    temperature: float = 1.0
    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores; shape as given."""
        odds = self.slope * log_odds(softmax(logits, self.temperature)) + self.offset
        scores: NDArray[np.float64] = 1 / (1 + np.exp(-odds))
        return scores


@dataclass(frozen=True, slots=True)
class TargetCalibration:
    """Calibration of one target.

    `curves` has one for each tier that may answer. From `threshold` on, a score is sure enough to dispatch, unless its
    label is one of those `held_back`. `precision` is the share of dispatches that was asked to be right.
    """

    curves: Mapping[str, Curve] = field(default_factory=dict)
    threshold: float = 0.8
    held_back: tuple[str, ...] = ()
    precision: float = 0.95

    def sure(self, label: str, score: float) -> bool:
        """Whether an answer may be dispatched."""
        return score >= self.threshold and label not in self.held_back


@dataclass(frozen=True)
class Calibration:
    """Calibration of every target of a model."""

    targets: Mapping[str, TargetCalibration]

    def scores(self, target: str, logits: NDArray[np.float32], tier: str = FULL) -> NDArray[np.float64]:
        """How likely each label is right; shape as given.

        Several answers to a complaint may be right, so the scores of all labels need not sum to 1.
        """
        return self.targets[target].curves[tier](logits)

    def save(self, folder: Path) -> None:
        """Write `calibration.json`."""
        content = {name: asdict(target) for name, target in self.targets.items()}
        (folder / FILES.calibration).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Calibration:
        """Read `calibration.json`.

        Raises:
            ModelError: it is missing or broken.
        """
        path = folder / FILES.calibration
        try:
            targets = {name: TargetCalibration(**values) for name, values in read_json(path).items()}
            return cls({name: _typed(target) for name, target in targets.items()})
        except (TypeError, AttributeError) as error:
            raise ModelError(f"{path}: is broken ({error}); train or copy the model anew") from error


def _typed(raw: TargetCalibration) -> TargetCalibration:
    """With curves and labels as what they are, instead of as JSON has them."""
    values: Any = raw.curves
    curves = {str(tier): Curve(**each) for tier, each in values.items()}
    return replace(raw, curves=curves, held_back=tuple(raw.held_back))
