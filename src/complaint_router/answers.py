"""A model's answers beside the right labels, and what can be told from them; in numpy alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from complaint_router.metrics import accuracy, expected_calibration_error, macro_f1, top_k

Ranked = Sequence[tuple[str, float | None]]
"""Labels with their scores, best first; a score is None where the model shows none. Empty: no answer."""

NO_ANSWER = ""
"""Stands for the answer to a text that cannot be used; it is always wrong."""

RELIABILITY_BINS = 10


@dataclass(frozen=True, slots=True)
class Scores:
    """Measures of one target.

    `auto_coverage` is the share of texts dispatched without a person, `auto_accuracy` the share of those that is right
    (None where there are none). `ece` is None where no score is shown. `unknown` counts texts whose label the model
    does not have.
    """

    n: int
    accuracy: float
    macro_f1: float
    top3: float
    ece: float | None
    auto_coverage: float
    auto_accuracy: float | None
    unknown: int


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Measures of one label: texts that bear it, texts that are given it, and how both agree."""

    label: str
    n: int
    given: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Answers:
    """Answers to the texts whose label of a target is known; all sequences have that length.

    An answer is right when it is one of the right labels, of which the main one stands first. `auto` says which were
    dispatched without a person, `rows` where each text stands.
    """

    right: Sequence[tuple[str, ...]]
    ranked: Sequence[Ranked]
    auto: Sequence[bool]
    rows: Sequence[str]

    @cached_property
    def given(self) -> list[str]:
        """The label given to each text."""
        return [candidates[0][0] if candidates else NO_ANSWER for candidates in self.ranked]

    @cached_property
    def hits(self) -> NDArray[np.bool_]:
        """Which answers are right."""
        return np.array([answer in labels for labels, answer in zip(self.right, self.given, strict=True)], bool)

    @cached_property
    def scores(self) -> NDArray[np.float64] | None:
        """The score of each answer; None where the model shows none."""
        scores = [candidates[0][1] if candidates else 0.0 for candidates in self.ranked]
        known = [score for score in scores if score is not None]
        return np.array(known, float) if len(known) == len(scores) else None

    def part(self, positions: Sequence[int]) -> Answers:
        """The answers at these positions."""
        return Answers(
            [self.right[at] for at in positions],
            [self.ranked[at] for at in positions],
            [self.auto[at] for at in positions],
            [self.rows[at] for at in positions],
        )

    def measures(self, known: Sequence[str] = ()) -> Scores:
        """All measures of the target; `known` are the labels that the model has."""
        auto = self.hits[np.array(self.auto, bool)]
        labels = set(known)
        return Scores(
            n=len(self.right),
            accuracy=accuracy(self.right, self.given),
            macro_f1=macro_f1(self.right, self.given),
            top3=top_k(self.right, [[label for label, _ in candidates] for candidates in self.ranked], 3),
            ece=None if self.scores is None else expected_calibration_error(self.scores.tolist(), self.hits.tolist()),
            auto_coverage=len(auto) / len(self.right),
            auto_accuracy=float(auto.mean()) if len(auto) else None,
            unknown=sum(right[0] not in labels for right in self.right) if labels else 0,
        )

    def labels(self) -> list[LabelScores]:
        """Measures of each label that is right or given somewhere, the commonest first."""
        # An answer that is an alternative counts for the label given, as in `macro_f1`.
        wanted = Counter(
            answer if hit else labels[0] for labels, answer, hit in zip(self.right, self.given, self.hits, strict=True)
        )
        given = Counter(self.given)
        right = Counter(answer for answer, hit in zip(self.given, self.hits, strict=True) if hit)
        names = sorted({*wanted, *given} - {NO_ANSWER}, key=lambda label: (-wanted[label], label))
        return [
            LabelScores(
                label,
                wanted[label],
                given[label],
                precision=right[label] / given[label] if given[label] else 0.0,
                recall=right[label] / wanted[label] if wanted[label] else 0.0,
                f1=2 * right[label] / (wanted[label] + given[label]),
            )
            for label in names
        ]

    def confusions(self) -> list[tuple[str, str, int]]:
        """How often texts of one label were given another, or the same: right label, given label, texts."""
        pairs = Counter(
            (answer if hit else labels[0], answer)
            for labels, answer, hit in zip(self.right, self.given, self.hits, strict=True)
        )
        return [(right, given, count) for (right, given), count in pairs.most_common()]

    def reliability(self) -> list[tuple[float, float, int]]:
        """For each tenth of the scores that occurs: mean score, share right, answers. Empty without scores."""
        if self.scores is None:
            return []
        bins = np.minimum((self.scores * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
        found = []
        for at in np.unique(bins):
            inside = bins == at
            found.append((float(self.scores[inside].mean()), float(self.hits[inside].mean()), int(inside.sum())))
        return found

    def coverage_curve(self) -> list[tuple[float, float, float]]:
        """If the surest were dispatched, in steps of 1 %: share of all texts, share right, lowest score."""
        if self.scores is None:
            return []
        order = np.argsort(-self.scores, kind="stable")
        right = np.cumsum(self.hits[order])
        counts = np.unique(np.ceil(np.arange(1, 101) / 100 * len(order)).astype(int))
        return [
            (count / len(order), float(right[count - 1] / count), float(self.scores[order[count - 1]]))
            for count in counts.tolist()
        ]

    def coverage_at(self, precision: float) -> float:
        """The largest share of the texts, the surest first, of which the share `precision` is right."""
        if self.scores is None:
            return 0.0
        order = np.argsort(-self.scores, kind="stable")
        share = np.cumsum(self.hits[order]) / np.arange(1, len(order) + 1)
        enough = np.flatnonzero(share >= precision)
        return float((enough[-1] + 1) / len(order)) if len(enough) else 0.0

    def confident_errors(self, most: int) -> list[int]:
        """Positions of the wrong answers with the highest scores: their labels may be what is wrong."""
        if self.scores is None:
            return []
        scores = self.scores
        wrong = np.flatnonzero(~self.hits).tolist()
        return sorted(wrong, key=lambda at: -scores[at])[:most]
