"""Set the margins from which n-grams answer alone, so that the answers stay those of the whole model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from complaint_router.engine.cascade import Cascade, margin
from complaint_router.engine.linear import Logits
from complaint_router.folder import FULL, LINEAR, TIERS
from complaint_router.learn.calibrate import Right

MOST_CHANGED = 0.0025
"""Share of the texts to which the cascade may give another label than the whole model, for each target taught.

On one city's tickets 0.01 let the n-grams answer 0.49 of them and cost 0.004 of accuracy; this, 0.43 and 0.001.
"""
MOST_KEPT_CHANGED = 0.02
"""The same for each target that is kept from before."""
FEWEST = 400
"""Held-out texts below which there is no cascade: of fewer, that share is less than one."""

_ALLOWED = (0.0, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15)
"""Shares that are tried: of the texts that a margin lets pass, so many may be changed."""


def fit_cascade(
    tiers: Mapping[str, Logits], right: Right, placed: NDArray[np.float32] | None = None
) -> tuple[Cascade, NDArray[np.int8]]:
    """The margins, and which tier then answers each held-out text, as indices into `TIERS`.

    Those margins are taken under which the n-grams answer most of the held-out texts, no more labels are changed than
    allowed, and each target taught is right as often as with the whole model. One share of changes is tried for the
    targets taught and one for those kept; each target's margin is the lowest that keeps to it.

    Args:
        tiers: what each tier says of the held-out texts, by target; n-grams are mixed into the full one.
        right: their right labels, of each target taught.
        placed: what the place adds to the logits of units, after the margins were looked at.
    """
    full, alone = tiers[FULL], tiers.get(LINEAR, {})
    answering = np.full(len(next(iter(full.values()))), TIERS.index(FULL), np.int8)
    if len(answering) < FEWEST or alone.keys() != full.keys():
        return Cascade(), answering
    ahead = {target: margin(values) for target, values in alone.items()}
    whole, said = (
        {target: given(target, values, placed) for target, values in logits.items()} for logits in (full, alone)
    )
    changed = {target: said[target] != whole[target] for target in full}
    gain = {target: _gain(said[target], whole[target], labels) for target, labels in right.items()}
    lowest = {
        (target, allowed): _lowest(ahead[target], changed[target], allowed) for target in full for allowed in _ALLOWED
    }
    best: dict[str, float] | None = None
    for taught, kept in product(_ALLOWED, _ALLOWED if full.keys() - right.keys() else (0.0,)):
        margins = {target: lowest[target, taught if target in right else kept] for target in full}
        stands = np.logical_and.reduce([ahead[target] >= margins[target] for target in full])
        if stands.sum() <= np.sum(answering == TIERS.index(LINEAR)):
            continue
        if any(
            np.mean(changed[target] & stands) > (MOST_CHANGED if target in right else MOST_KEPT_CHANGED)
            for target in full
        ) or any(gain[target][stands].sum() < 0 for target in right):
            continue
        best = margins
        answering = np.where(stands, TIERS.index(LINEAR), TIERS.index(FULL)).astype(np.int8)
    return Cascade(best), answering


def shares(answering: NDArray[np.int8]) -> dict[str, float]:
    """What share of the texts each tier answers."""
    return {tier: float(np.mean(answering == at)) if len(answering) else 0.0 for at, tier in enumerate(TIERS)}


def given(target: str, logits: NDArray[np.float32], placed: NDArray[np.float32] | None) -> NDArray[np.int64]:
    """Index of the label that each text gets; `placed` counts for units."""
    return np.asarray((logits + placed if target == "unit" and placed is not None else logits).argmax(axis=1))


def _lowest(ahead: NDArray[np.float32], changed: NDArray[np.bool_], allowed: float) -> float:
    """The lowest margin such that of the texts from there up at most the share `allowed` is changed."""
    order = np.argsort(-ahead, kind="stable")
    so_far = np.cumsum(changed[order]) / np.arange(1, len(order) + 1)
    fine = np.flatnonzero(so_far <= allowed)
    return float(ahead[order[fine[-1]]]) if len(fine) else float("inf")


def _gain(
    said: NDArray[np.int64], whole: NDArray[np.int64], right: Sequence[tuple[int, ...] | None]
) -> NDArray[np.int64]:
    """For each text 1 where only the first answer is right, -1 where only the second is, else 0."""
    return np.array(
        [
            0 if labels is None else int(first in labels) - int(second in labels)
            for first, second, labels in zip(said.tolist(), whole.tolist(), right, strict=True)
        ]
    )
