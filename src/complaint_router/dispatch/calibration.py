"""Calibrated probabilities: one temperature for each target, and the score from which a result is dispatched.

Temperature scaling: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from complaint_router.errors import ModelError
from complaint_router.folder import FILES, read_json


@dataclass(frozen=True, slots=True)
class TargetCalibration:
    """`temperature` divides the logits; from `threshold` on, a score is sure enough to dispatch."""

    temperature: float = 1.0
    threshold: float = 0.8


@dataclass(frozen=True)
class Calibration:
    """Calibration of every target of a model."""

    targets: Mapping[str, TargetCalibration]

    def probabilities(self, target: str, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Softmax of the tempered logits, along the last axis; shape as given."""
        tempered = logits.astype(np.float64) / self.targets[target].temperature
        exponents = np.exp(tempered - tempered.max(axis=-1, keepdims=True))
        probabilities: NDArray[np.float64] = exponents / exponents.sum(axis=-1, keepdims=True)
        return probabilities

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
            return cls({name: TargetCalibration(**values) for name, values in read_json(path).items()})
        except (TypeError, AttributeError) as error:
            raise ModelError(f"{path}: is broken ({error}); train or copy the model anew") from error
