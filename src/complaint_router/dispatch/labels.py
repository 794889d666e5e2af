"""Name a model's labels: taxonomy codes get their names and duties, a city's own labels name themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from complaint_router.schema import Candidate, Category, Department, Unit, UnitCandidate
from complaint_router.taxonomy import Taxonomy

CANDIDATES = 5
"""How many candidates a route carries for each target."""


class Labels:
    """Turns scores of a model's labels into the parts of a Route."""

    def __init__(self, taxonomy: Taxonomy, targets: Mapping[str, Sequence[str]]) -> None:
        self._taxonomy = taxonomy
        self._targets = targets

    def category(self, scores: NDArray[np.float64]) -> Category:
        """The category of one text; `scores` has the shape (categories,)."""
        candidates = self._candidates("category", scores)
        best = candidates[0]
        topic = self._taxonomy.topics.get(best.code)
        path = (topic.domain, topic.name) if topic else (best.name,)
        return Category(best.code, best.name, path, best.score, candidates)

    def department(self, scores: NDArray[np.float64], category: Category | None) -> Department:
        """The department of one text; `category` says, through the duty matrix, who usually acts with it."""
        return self._department(self._candidates("department", scores), category)

    def department_of_duty(self, scores: NDArray[np.float64], category: Category) -> Department | None:
        """The department by duty matrix alone, for a model without departments.

        Its score is the sum of the scores of the categories that it leads, at most 1. None where the model's
        categories are not those of the taxonomy. `scores` has the shape (categories,).
        """
        topics = self._taxonomy.topics
        if category.code not in topics:
            return None
        sums: dict[str, float] = {}
        for label, score in zip(self._targets["category"], scores, strict=True):
            if label in topics:
                lead = topics[label].lead
                sums[lead] = min(1.0, sums.get(lead, 0.0) + float(score))
        ranked = sorted(sums, key=sums.__getitem__, reverse=True)[:CANDIDATES]
        name = self._taxonomy.label_name
        candidates = tuple(Candidate(code, name("department", code), sums[code]) for code in ranked)
        return self._department(candidates, category)

    def unit(self, scores: NDArray[np.float64]) -> Unit:
        """The unit of one text."""
        candidates = self._candidates("unit", scores)
        best = candidates[0]
        return Unit(best.name, best.score, tuple(UnitCandidate(each.name, each.score) for each in candidates))

    def plain(self, target: str, scores: NDArray[np.float64]) -> str:
        """The best label itself, for kind and urgency."""
        return self._targets[target][int(scores.argmax())]

    def _department(self, candidates: tuple[Candidate, ...], category: Category | None) -> Department:
        best = candidates[0]
        topic = self._taxonomy.topics.get(category.code) if category else None
        duty = (topic.lead, *topic.co) if topic else ()
        return Department(
            best.code, best.name, best.score, tuple(code for code in duty if code != best.code), candidates
        )

    def _candidates(self, target: str, scores: NDArray[np.float64]) -> tuple[Candidate, ...]:
        labels = self._targets[target]
        best = np.argsort(-scores, kind="stable")[:CANDIDATES]
        name = self._taxonomy.label_name
        return tuple(Candidate(labels[at], name(target, labels[at]), float(scores[at])) for at in best)
