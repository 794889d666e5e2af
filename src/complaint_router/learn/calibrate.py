"""Fit mixes, temperatures and thresholds to what the written model says of held-out examples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta
from sklearn.linear_model import LogisticRegression

from complaint_router.answers import Answers
from complaint_router.dispatch import Calibration, Curve, TargetCalibration
from complaint_router.dispatch.labels import CANDIDATES
from complaint_router.engine.linear import Logits
from complaint_router.folder import FULL, TIERS
from complaint_router.learn.data import Example
from complaint_router.probability import log_odds, softmax

AUTO_PRECISION = 0.95
"""Default of the share of automatic dispatches that shall be right."""
CONFIDENCE = 0.95
"""With which the held-out examples must vouch for that share."""

MIXES = np.arange(0.0, 6.1, 0.5)
"""What a score of the linear partner may count beside a logit of the encoder."""
DEFAULT_MIX = 2.0
"""Where there are too few held-out examples to fit it."""

_FIRST, _STEP = 0.2, 0.02
"""Share of the answers, the surest first, that is tested first, and by which it then grows."""
_LABEL_LEAST = 10
"""Automatic answers of a label below which it is not judged by itself."""
_TEMPERATURES = np.geomspace(0.02, 5.0, 300)
"""Scores of the n-grams differ by less than 1 where logits of the encoder differ by some."""
_MIX_TEMPERATURES = np.geomspace(0.3, 5.0, 20)
"""Coarse, since the best mix hardly depends on it."""
_LOOSE = 100.0
"""C of the logistic regression: two numbers from hundreds of examples need hardly any rein."""
_FEWEST = 30
"""Held-out examples below which mix, curve and threshold are left at their defaults, and no score is made surer."""

Labelled = Sequence[tuple[int, ...] | None]
"""For each example the indices of its right labels: none where the model has no such label, None without a label."""
Right = Mapping[str, Labelled]
"""By target."""


@dataclass(frozen=True)
class _Known:
    """The examples that are labelled, and which of the model's labels are right: shape (examples, labels).

    `learned` are those of them whose label the model has; an answer to the others is always wrong.
    """

    rows: NDArray[np.int64]
    right: NDArray[np.bool_]

    @classmethod
    def of(cls, right: Labelled, labels: int) -> _Known:
        rows = [at for at, known in enumerate(right) if known is not None]
        mask = np.zeros((len(rows), labels), bool)
        for at, row in enumerate(rows):
            mask[at, list(right[row] or ())] = True
        return cls(np.array(rows, int), mask)

    @property
    def learned(self) -> NDArray[np.bool_]:
        return np.asarray(self.right.any(axis=1))


def fit_mixes(logits: Logits, scores: Logits, right: Right) -> dict[str, float]:
    """What the linear partner's scores shall count, by target: that which makes right labels likeliest.

    Args:
        logits: of the encoder.
        scores: of its linear partner.
        right: labels of the examples, of the targets to be mixed.
    """
    return {
        target: _mix(logits[target], scores[target], known)
        for target, known in right.items()
        if target in scores and target in logits
    }


def calibrate(
    tiers: Mapping[str, Logits],
    answering: NDArray[np.int8],
    right: Right,
    labels: Mapping[str, Sequence[str]],
    precision: float = AUTO_PRECISION,
) -> Calibration:
    """Fit a temperature and a logistic curve for each tier and target, and thresholds for each target.

    The temperature makes right labels likeliest. A score is the probability that the answer is right, be it the main
    label or an alternative; the curve is the one under which the scores of the answers given best foretell whether
    they are. Each tier's is fitted to all examples, whoever answers them. Thresholds are found on the answers of the
    cascade; see `threshold` and `held_back`.

    Args:
        tiers: what each tier says of held-out examples.
        answering: which tier answers each example, as indices into `TIERS`.
        right: their right labels, of each target to be calibrated.
        labels: names of each target's labels, in the order of the logits.
        precision: share of automatic dispatches that shall be right.
    """
    return Calibration(
        {
            target: _fit(
                {tier: logits[target] for tier, logits in tiers.items()}, answering, known, labels[target], precision
            )
            for target, known in right.items()
        }
    )


def calibrate_like(full: Curve, tiers: Logits) -> dict[str, Curve]:
    """Curves for a target that has no labels here, from what the whole model says.

    The temperature makes the labels that the whole model gives likeliest, and the curve foretells the score that it
    gives to the same label.

    Args:
        full: the curve of the whole model.
        tiers: what each tier says of the same examples, the full one included, of shape (examples, labels).
    """
    curves = {FULL: full}
    whole = full(tiers[FULL])
    for tier, logits in tiers.items():
        if tier != FULL:
            likely = whole[np.arange(len(logits)), logits.argmax(axis=1)] if len(logits) else np.zeros(0)
            same = np.eye(logits.shape[1], dtype=bool)[tiers[FULL].argmax(axis=1)] if len(logits) else None
            temperature = _temperature(logits, same) if same is not None else 1.0
            odds = log_odds(softmax(logits, temperature).max(axis=1, initial=0))
            slope, offset = _curve(odds, likely)
            curves[tier] = Curve(round(temperature, 4), round(slope, 4), round(offset, 4))
    return curves


def cascaded(
    calibration: Calibration, target: str, tiers: Mapping[str, NDArray[np.float32]], answering: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Scores of a target as the cascade gives them: shape (examples, labels)."""
    scores = calibration.scores(target, tiers[FULL])
    for tier, logits in tiers.items():
        rows = answering == TIERS.index(tier)
        scores[rows] = calibration.scores(target, logits[rows], tier)
    return scores


def judge(
    calibration: Calibration,
    tiers: Mapping[str, Logits],
    answering: NDArray[np.int8],
    examples: Sequence[Example],
    labels: Mapping[str, Sequence[str]],
) -> dict[str, Answers]:
    """Calibrated answers of the cascade beside the right labels, by target; those with no known label are left out.

    Args:
        calibration: of the model; its targets are judged.
        tiers: what each tier says of the texts, by target, of shape (examples, labels).
        answering: which tier answers each text, as indices into `TIERS`.
        examples: the texts.
        labels: names of each target's labels, in the order of the logits.
    """
    judged = {}
    for target in calibration.targets:
        known = [at for at, example in enumerate(examples) if example.labels.get(target)]
        if not known:
            continue
        every = {tier: logits[target] for tier, logits in tiers.items()}
        scores = cascaded(calibration, target, every, answering)[known]
        names, fitted = labels[target], calibration.targets[target]
        ranked = [
            [(names[at], float(row[at])) for at in np.argsort(-row, kind="stable")[:CANDIDATES].tolist()]
            for row in scores
        ]
        judged[target] = Answers(
            right=[examples[at].labels[target] for at in known],
            ranked=ranked,
            auto=[fitted.sure(*candidates[0]) for candidates in ranked],
            rows=[examples[at].row for at in known],
        )
    return judged


def _mix(logits: NDArray[np.float32], scores: NDArray[np.float32], right: Labelled) -> float:
    known = _Known.of(right, logits.shape[1])
    rows, labels = known.rows[known.learned], known.right[known.learned]
    if len(rows) < _FEWEST:
        return DEFAULT_MIX
    losses = []
    for mix in MIXES:
        mixed = (logits[rows] + mix * scores[rows]).astype(np.float32)
        losses.append(min(_surprise(mixed, labels, temperature) for temperature in _MIX_TEMPERATURES))
    return float(MIXES[int(np.argmin(losses))])


def _surprise(logits: NDArray[np.float32], right: NDArray[np.bool_], temperature: float) -> float:
    """Mean negative log-probability of the right labels together."""
    return float(-np.log(np.maximum((softmax(logits, temperature) * right).sum(axis=1), 1e-12)).mean())


def _fit(
    tiers: Mapping[str, NDArray[np.float32]],
    answering: NDArray[np.int8],
    right: Labelled,
    labels: Sequence[str],
    precision: float,
) -> TargetCalibration:
    known = _Known.of(right, len(labels))
    curves = {tier: _tier_curve(logits[known.rows], known) for tier, logits in tiers.items()}
    fitted = TargetCalibration(curves, threshold=1.0, precision=precision)  # nothing vouches for any score
    if len(known.rows) < _FEWEST or not known.learned.any():
        return fitted
    rows = {tier: logits[known.rows] for tier, logits in tiers.items()}
    scores = cascaded(Calibration({"": fitted}), "", rows, answering[known.rows])
    given = scores.argmax(axis=1)
    hits = known.right[np.arange(len(given)), given]
    lowest, bad = held_back(scores.max(axis=1), hits, given, precision)
    return replace(fitted, threshold=lowest, held_back=tuple(labels[at] for at in bad))


def _tier_curve(logits: NDArray[np.float32], known: _Known) -> Curve:
    learned = known.learned
    if not learned.any():
        return Curve()
    temperature = _temperature(logits[learned], known.right[learned])
    if len(logits) < _FEWEST:
        return Curve(round(max(temperature, 1.0), 4))
    hits = known.right[np.arange(len(logits)), logits.argmax(axis=1)]
    slope, offset = _curve(log_odds(softmax(logits, temperature).max(axis=1)), hits)
    return Curve(round(temperature, 4), round(slope, 4), round(offset, 4))


def _temperature(logits: NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    """That under which the right labels are likeliest."""
    return float(min(_TEMPERATURES, key=lambda temperature: _surprise(logits, right, temperature)))


def _curve(odds: NDArray[np.float64], likely: NDArray[Any]) -> tuple[float, float]:
    """Slope and offset of the logistic curve from log-odds to being right, or to how likely that is; 1 and 0 where none
    rises.
    """
    if len(likely) < 2 or likely.min() == likely.max():
        return 1.0, 0.0
    outcome = np.repeat([True, False], len(likely))
    weight = np.concatenate([likely, 1.0 - likely])
    curve = LogisticRegression(C=_LOOSE).fit(np.tile(odds, 2)[:, None], outcome, weight)
    slope, offset = float(curve.coef_[0, 0]), float(curve.intercept_[0])
    return (slope, offset) if slope > 0 else (1.0, 0.0)


def threshold(scores: NDArray[np.float64], hits: NDArray[np.bool_], precision: float) -> float:
    """The lowest score found such that of all answers from there up the share `precision` is right; 1 where none is.

    Not only seen to be: fixed-sequence testing (Angelopoulos et al., "Learn then Test", 2021, arXiv:2110.01052). The
    surest fifth of the answers is tested (at least as many as can pass), then ever larger shares, each by the exact
    binomial bound (Clopper and Pearson, Biometrika 1934), up to the first that fails. So the chance that the share
    dispatched from the threshold up is less precise than asked is at most 1 - `CONFIDENCE`, for texts like the held-out
    ones and a calibration that was not fitted to them; its few numbers were, which matters little.
    """
    ordered = np.sort(scores)[::-1]
    found = 1.0
    for count in range(_first(len(ordered), precision), len(ordered) + 1, max(1, int(len(ordered) * _STEP))):
        lowest = float(ordered[count - 1])
        sure = scores >= lowest
        if precision_bound(int(hits[sure].sum()), int(sure.sum())) < precision:
            break
        found = lowest
    return found


def _first(answers: int, precision: float) -> int:
    """How many answers are tested first."""
    fewest = math.ceil(math.log(1 - CONFIDENCE) / math.log(precision))  # all right, so many vouch for the precision
    return max(fewest, int(answers * _FIRST))


def precision_bound(right: int, count: int) -> float:
    """The share of right answers that `right` of `count` vouch for with `CONFIDENCE`; 0 for none."""
    return float(beta.ppf(1 - CONFIDENCE, right, count - right + 1)) if right else 0.0


def held_back(
    scores: NDArray[np.float64], hits: NDArray[np.bool_], given: NDArray[np.int64], precision: float
) -> tuple[float, list[int]]:
    """The threshold, and the labels that are not dispatched at all.

    A label is held back where its answers from the threshold up are too often wrong, with `CONFIDENCE`: the sure ones
    of other labels do not make up for it. The threshold is then found anew without it. All arrays have the shape
    (answers,); `given` holds the labels' numbers.
    """
    bad: list[int] = []
    while True:
        rest = ~np.isin(given, bad)
        lowest = threshold(scores[rest], hits[rest], precision)
        # Where no threshold holds, the surest answers show which labels are to blame.
        ordered = np.sort(scores[rest])[::-1]
        least = lowest if lowest < 1 or not len(ordered) else ordered[: _first(len(ordered), precision)][-1]
        sure = rest & (scores >= least)
        more = [
            label
            for label in np.unique(given[sure]).tolist()
            if (count := int((sure & (given == label)).sum())) >= _LABEL_LEAST
            # The bound of wrong answers: at most so many are right.
            and 1 - precision_bound(count - int(hits[sure & (given == label)].sum()), count) < precision
        ]
        if not more:
            return lowest, sorted(bad)
        bad += more
