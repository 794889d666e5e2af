from __future__ import annotations

import pytest

from complaint_router.answers import Answers
from complaint_router.learn.compare import change

ANSWERS = Answers(
    right=[("a",), ("a", "b"), ("b",), ("c",), ("c",)],
    ranked=[[("a", 0.9), ("b", 0.1)], [("b", 0.8), ("a", 0.2)], [("a", 0.7), ("b", 0.2)], [("c", 0.6)], []],
    auto=[True, True, True, False, False],
    rows=["t:1", "t:2", "t:3", "t:4", "t:5"],
)


def test_measures() -> None:
    scores = ANSWERS.measures(["a", "b"])
    assert (scores.n, scores.unknown) == (5, 2)
    assert scores.accuracy == pytest.approx(0.6)
    assert scores.top3 == pytest.approx(0.8)
    assert scores.auto_coverage == pytest.approx(0.6)
    assert scores.auto_accuracy == pytest.approx(2 / 3)


def test_an_alternative_counts_for_the_label_given() -> None:
    labels = {each.label: each for each in ANSWERS.labels()}
    assert (labels["b"].n, labels["b"].given, labels["b"].recall) == (2, 1, 0.5)
    assert (labels["a"].precision, labels["a"].recall) == (0.5, 1.0)
    assert ("b", "a", 1) in ANSWERS.confusions()


def test_curves() -> None:
    assert ANSWERS.coverage_at(0.9) == pytest.approx(0.4)
    assert ANSWERS.coverage_curve()[-1] == pytest.approx((1.0, 0.6, 0.0))
    assert sum(count for _, _, count in ANSWERS.reliability()) == 5
    assert [ANSWERS.rows[at] for at in ANSWERS.confident_errors(1)] == ["t:3"]


def test_without_scores_there_are_no_curves() -> None:
    plain = Answers([("a",)], [[("a", None)]], [True], [""])
    assert plain.measures().ece is None
    assert (plain.reliability(), plain.coverage_curve(), plain.confident_errors(5)) == ([], [], [])
    assert plain.coverage_at(0.5) == 0


def test_a_change_counts_won_and_lost_texts() -> None:
    def answers(*hits: bool) -> Answers:
        return Answers(
            [("a",)] * len(hits), [[("a" if hit else "b", 0.9)] for hit in hits], [True] * len(hits), [""] * len(hits)
        )

    better = change(answers(*[False] * 10, True), answers(*[True] * 10, True))
    assert (better.won, better.lost, better.same_right, better.same_wrong) == (10, 0, 1, 0)
    assert better.p == pytest.approx(2 / 2**10)
    assert better.verdict == "better"
    assert list(better.labels) == [("a", 10, 0)]
    assert change(answers(True, False), answers(False, True)).verdict == "level"
    assert change(answers(True), answers(True)).p == 1
