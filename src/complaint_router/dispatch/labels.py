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
        self._known = {
            target: [(label, taxonomy.label_name(target, label)) for label in labels]
            for target, labels in targets.items()
        }

    def ranked(self, target: str, scores: NDArray[np.float64]) -> list[tuple[Candidate, ...]]:
        """The best labels of each text, the best first; `scores` has the shape (texts, labels)."""
        known = self._known[target]
        best = np.argsort(-scores, axis=1, kind="stable")[:, :CANDIDATES]
        values = np.take_along_axis(scores, best, axis=1)
        return [
            tuple(Candidate(known[at][0], known[at][1], score) for at, score in zip(labels, each, strict=True))
            for labels, each in zip(best.tolist(), values.tolist(), strict=True)
        ]

    def category(self, candidates: tuple[Candidate, ...]) -> Category:
        """The category of one text."""
        best = candidates[0]
        topic = self._taxonomy.topics.get(best.code)
        path = (topic.domain, topic.name) if topic else (best.name,)
        return Category(best.code, best.name, path, best.score, candidates)

    def department(self, candidates: tuple[Candidate, ...], category: Category | None) -> Department:
        """The department of one text; `category` says, through the duty matrix, who usually acts with it."""
        best = candidates[0]
        topic = self._taxonomy.topics.get(category.code) if category else None
        duty = (topic.lead, *topic.co) if topic else ()
        return Department(
            best.code, best.name, best.score, tuple(code for code in duty if code != best.code), candidates
        )

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
        return self.department(
            tuple(Candidate(code, name("department", code), sums[code]) for code in ranked), category
        )

    def unit(self, candidates: tuple[Candidate, ...]) -> Unit:
        """The unit of one text."""
        best = candidates[0]
        return Unit(best.name, best.score, tuple(UnitCandidate(each.name, each.score) for each in candidates))
