"""From scores to probabilities, and from probabilities to log-odds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST = 1e-9


def softmax(logits: NDArray[np.floating[Any]], temperature: float) -> NDArray[np.float64]:
    """Probabilities along the last axis; shape as given."""
    tempered = logits.astype(np.float64) / temperature
    exponents = np.exp(tempered - tempered.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float64] = exponents / exponents.sum(axis=-1, keepdims=True)
    return probabilities


def log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds, finite for probabilities of 0 and 1 too; shape as given."""
    clipped = np.clip(probabilities, _LEAST, 1 - _LEAST)
    odds: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return odds
