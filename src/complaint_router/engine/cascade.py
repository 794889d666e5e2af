"""Who answers: n-grams alone, where they are sure enough that the whole model would say the same, else that.

Cascades of classifiers: Viola and Jones, CVPR 2001. `complaint_router.learn.cascade` sets the margins at training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from complaint_router.engine.linear import Logits
from complaint_router.errors import ModelError
from complaint_router.folder import FILES, read_json


@dataclass(frozen=True)
class Cascade:
    """By target, how far the best label of the n-grams must be ahead of the next for them to answer alone.

    They answer a text where that holds for every target; without margins never.
    """

    margins: Mapping[str, float] | None = None

    def stands(self, logits: Logits) -> NDArray[np.bool_]:
        """Whether what the n-grams say stands, for each text: shape (texts,)."""
        count = len(next(iter(logits.values())))
        if self.margins is None:
            return np.zeros(count, bool)
        passed = [margin(values) >= self.margins[target] for target, values in logits.items()]
        return np.asarray(np.logical_and.reduce(passed))

    def save(self, folder: Path) -> None:
        """Write `cascade.json`, where there are margins."""
        if self.margins is not None:
            text = json.dumps({"margins": self.margins}, indent=1)
            (folder / FILES.cascade).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, targets: Mapping[str, object]) -> Cascade:
        """Read `cascade.json`; without one, nothing but the whole model answers.

        Raises:
            ModelError: it is broken, or does not fit the model's targets.
        """
        path = folder / FILES.cascade
        if not path.is_file():
            return cls()
        try:
            margins = {str(target): float(value) for target, value in read_json(path)["margins"].items()}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{path}: is broken ({error}); train or copy the model anew") from error
        if set(margins) != set(targets):
            raise ModelError(f"{path}: does not fit the targets of {FILES.config}; train or copy the model anew")
        return cls(margins)


def margin(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each text's best label is ahead of the next: shape (texts,); infinite where there is one label only."""
    if logits.shape[1] < 2:
        return np.full(len(logits), np.inf, np.float32)
    two = np.partition(logits, -2, axis=1)[:, -2:]
    return np.asarray(two[:, 1] - two[:, 0])
