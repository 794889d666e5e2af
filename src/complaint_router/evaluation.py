"""Measure a router on labelled complaints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from complaint_router.answers import Answers, Ranked, Scores
from complaint_router.errors import ArgumentError
from complaint_router.learn.data import Labelled, LabelledData, read_labelled
from complaint_router.progress import progress_bar
from complaint_router.router import Router
from complaint_router.schema import Route

_CHUNK = 64


@dataclass(frozen=True)
class Evaluation:
    """What a router answered to `n` labelled texts, and the measures of that, by target."""

    n: int
    answers: Mapping[str, Answers]
    scores: Mapping[str, Scores]


def evaluate(
    model: Router | str | Path | None,
    data: Labelled,
    *,
    targets: Mapping[str, str],
    text_field: str = "text",
    title_field: str | None = None,
    alternatives: Mapping[str, str] | None = None,
    home: str | None = None,
) -> Evaluation:
    """Route labelled complaints and compare; what `complaint-router evaluate` does.

    Args:
        model: a router, or the folder of a model; None: the bundled one.
        data: a file or several, or rows; see `complaint_router.learn.read_labelled`.
        targets: for each target the column of its labels.
        text_field: column of the text.
        title_field: column of a title that stands in front of the text.
        alternatives: for targets, the column of labels that are right too.
        home: code of the division whose hotline this is; used where `model` is no router yet.

    Raises:
        DataError: `data` cannot be read.
        ModelError: `model` cannot be loaded.
        ArgumentError: the model gives no answer for a target, or no row has a label for it.
    """
    router = model if isinstance(model, Router) else Router.from_pretrained(model, home=home)
    read = read_labelled(
        data, targets=targets, text_field=text_field, title_field=title_field, alternatives=alternatives
    )
    return evaluate_on(router, read, tuple(targets))


def evaluate_on(router: Router, data: LabelledData, targets: Sequence[str]) -> Evaluation:
    """Route all examples and compare with their labels, target by target; what `evaluate` does once rows are read.

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
    answers = {target: _answers(router, target, data, routes) for target in targets}
    scores = {target: each.measures(router.targets.get(target, ())) for target, each in answers.items()}
    return Evaluation(len(data.examples), answers, scores)


def _answers(router: Router, target: str, data: LabelledData, routes: Sequence[Route]) -> Answers:
    pairs = [(example, route) for example, route in zip(data.examples, routes, strict=True) if target in example.labels]
    if not pairs:
        raise ArgumentError(f"no row has a label for {target}")
    answers = Answers(
        right=[example.labels[target] for example, _ in pairs],
        ranked=[ranked(route, target) for _, route in pairs],
        auto=[route.decision.action == "auto" for _, route in pairs],
        rows=[example.row for example, _ in pairs],
    )
    if not any(answers.ranked):
        raise ArgumentError(f"the model gives no {target}; it gives {', '.join(router.targets)}")
    return answers


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
