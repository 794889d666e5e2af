"""Measure a router on labelled complaints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from complaint_router.errors import ArgumentError
from complaint_router.learn.data import LabelledData
from complaint_router.metrics import accuracy, expected_calibration_error, macro_f1, top_k
from complaint_router.progress import progress_bar
from complaint_router.router import Router
from complaint_router.schema import Route

Ranked = list[tuple[str, float | None]]

NO_ANSWER = ""
"""Stands for the answer to a text that cannot be used; it is always wrong."""

_CHUNK = 64


@dataclass(frozen=True, slots=True)
class Scores:
    """Measures of one target.

    `auto_coverage` is the share of texts dispatched without a person, `auto_accuracy` the share of those that is right
    (None where there are none). `ece` is None where a route shows no score. `unknown` counts texts whose label the
    model does not have.
    """

    n: int
    accuracy: float
    macro_f1: float
    top3: float
    ece: float | None
    auto_coverage: float
    auto_accuracy: float | None
    unknown: int


def evaluate(router: Router, data: LabelledData, targets: Sequence[str]) -> dict[str, Scores]:
    """Route all examples and compare with their labels, target by target.

    Raises:
        ArgumentError: the model gives no answer for a target, or no example has a label for it.
    """
    routes: list[Route] = []
    with progress_bar() as progress:
        task = progress.add_task("evaluating", total=len(data.examples))
        for begin in range(0, len(data.examples), _CHUNK):
            chunk = data.examples[begin : begin + _CHUNK]
            routes += router.route_batch(example.text for example in chunk)
            progress.advance(task, len(chunk))
    return {target: _score(router, target, data, routes) for target in targets}


def _score(router: Router, target: str, data: LabelledData, routes: Sequence[Route]) -> Scores:
    pairs = [
        (example.labels[target], route)
        for example, route in zip(data.examples, routes, strict=True)
        if target in example.labels
    ]
    if not pairs:
        raise ArgumentError(f"no row has a label for {target}")
    right = [labels for labels, _ in pairs]
    answers = [ranked(route, target) for _, route in pairs]
    if not any(answers):
        raise ArgumentError(f"the model gives no {target}; it gives {', '.join(router.targets)}")
    given = [candidates[0][0] if candidates else NO_ANSWER for candidates in answers]
    hits = [answer in labels for labels, answer in zip(right, given, strict=True)]
    auto = [hit for hit, (_, route) in zip(hits, pairs, strict=True) if route.decision.action == "auto"]
    known = set(router.targets.get(target, ()))
    return Scores(
        n=len(pairs),
        accuracy=accuracy(right, given),
        macro_f1=macro_f1(right, given),
        top3=top_k(right, [[label for label, _ in candidates] for candidates in answers], 3),
        ece=_calibration_error(answers, hits),
        auto_coverage=len(auto) / len(pairs),
        auto_accuracy=sum(auto) / len(auto) if auto else None,
        unknown=sum(labels[0] not in known for labels in right) if known else 0,
    )


def _calibration_error(answers: Sequence[Ranked], hits: Sequence[bool]) -> float | None:
    scores = [candidates[0][1] if candidates else 0.0 for candidates in answers]
    known = [score for score in scores if score is not None]
    return expected_calibration_error(known, hits) if len(known) == len(scores) else None


def ranked(route: Route, target: str) -> Ranked:
    """A route's labels and scores for one target, best first; empty where it has none."""
    if target == "category" and route.category:
        return [(candidate.code, candidate.score) for candidate in route.category.candidates]
    if target == "department" and route.department:
        return [(candidate.code, candidate.score) for candidate in route.department.candidates]
    if target == "unit" and route.unit:
        return [(candidate.name, candidate.score) for candidate in route.unit.candidates]
    label = {"kind": route.kind, "urgency": route.urgency}.get(target)
    return [(label, None)] if label else []
