from __future__ import annotations

from pathlib import Path

import pytest
from conftest import COLUMNS

from complaint_router import Router
from complaint_router.errors import ArgumentError
from complaint_router.evaluation import evaluate_on
from complaint_router.learn import Example, LabelledData, read_labelled


def test_scores_of_every_target(tiny_router: Router, labelled_file: Path) -> None:
    data = read_labelled([labelled_file], targets=COLUMNS, limit=100)
    scores = evaluate_on(tiny_router, data, tuple(COLUMNS)).scores
    assert set(scores) == set(COLUMNS)
    department = scores["department"]
    assert department.n == 100
    assert department.accuracy > 0.9
    assert department.accuracy <= department.top3
    assert department.ece is not None
    assert 0 <= department.ece < 0.2
    assert scores["kind"].ece is None


def test_unknown_labels_count_as_wrong_and_are_told(tiny_router: Router) -> None:
    data = LabelledData([Example("家里停水两天了", {"department": ("别的部门",)})])
    scores = evaluate_on(tiny_router, data, ("department",)).scores["department"]
    assert (scores.accuracy, scores.top3, scores.unknown) == (0.0, 0.0, 1)


def test_a_text_that_cannot_be_used_counts_as_wrong(tiny_router: Router) -> None:
    label = {"department": ("water_supply",)}
    data = LabelledData([Example("家里停水两天了，第2次来电", label), Example("", label)])
    scores = evaluate_on(tiny_router, data, ("department",)).scores["department"]
    assert (scores.n, scores.accuracy) == (2, 0.5)


def test_a_target_without_labels_or_answers_is_an_error(tiny_router: Router, router: Router) -> None:
    data = LabelledData([Example("家里停水两天了", {"unit": ("水厂",)})])
    with pytest.raises(ArgumentError, match="no row has a label for kind"):
        evaluate_on(tiny_router, data, ("kind",))
    with pytest.raises(ArgumentError, match="the model gives no unit; it gives category, department, kind, urgency"):
        evaluate_on(router, data, ("unit",))
