"""The report of a training, rendered from a made-up account."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from string import Formatter
from typing import Any
from xml.etree import ElementTree

import pytest

from complaint_router.learn.report import render
from complaint_router.learn.report.words import WORDS

LANGUAGES = ("zh", "en")
NAMES = {"water": "城东水务所", "roads": "城东养路所", "trees": "城东<绿化&>所"}
NAMESPACE = "http://www.w3.org/2000/svg"
EMPTY = {"meta", "br", "hr", "img", "link", "circle", "line", "rect", "polyline"}
CHARTS_OF_A_TARGET = 6


def made_up_target() -> dict[str, Any]:
    numbers = {"water": 60, "roads": 30, "trees": 10}
    return {
        "n": 100,
        "accuracy": 0.82,
        "accuracy_interval": [0.73, 0.88],
        "macro_f1": 0.634,
        "top3": 0.95,
        "ece": 0.021,
        "threshold": 0.87,
        "coverage": 0.6,
        "auto_accuracy": 0.967,
        "auto_bound": 0.951,
        "linear_only": {"accuracy": 0.8, "macro_f1": 0.57},
        "encoder_only": {"accuracy": 0.81, "macro_f1": 0.6},
        "labels": [
            {
                "label": label,
                "name": name,
                "n": numbers[label],
                "given": numbers[label],
                "precision": 0.9,
                "recall": 0.88,
                "f1": 0.89,
                "threshold": None if label == "roads" else 0.7,
                "held_back": label == "trees",
            }
            for label, name in NAMES.items()
        ],
        "confusion": [
            {"right": "water", "given": "water", "n": 55},
            {"right": "water", "given": "roads", "n": 5},
            {"right": "roads", "given": "roads", "n": 30},
            {"right": "trees", "given": "roads", "n": 9},
            {"right": "trees", "given": "", "n": 1},
        ],
        "reliability": [{"score": 0.95, "right": 0.96, "n": 60}, {"score": 0.6, "right": 0.55, "n": 40}],
        "coverage_curve": [{"share": at / 10, "right": 1 - at / 55, "score": 1 - at / 12} for at in range(1, 11)],
        "errors": [{"row": f"data.csv:{at}", "label": "trees", "given": "roads", "score": 0.98} for at in range(60)],
    }


def made_up_account() -> dict[str, Any]:
    verdict = {
        "promote": False,
        "reasons": [
            *(f"{code}:department" for code in ("better", "worse", "level", "coverage_fell", "imprecise")),
            *(f"{code}:kind" for code in ("no_threshold", "few", "uncalibrated")),
            "<odd>:department",
        ],
    }
    return {
        "name": "made-up",
        "version": "0.1.0",
        "day": "2026-11-25",
        "home": "460100",
        "init": "national",
        "seed": 0,
        "minutes": 11.2,
        "auto_precision": 0.95,
        "data": {
            "rows": 11277,
            "left_out": 3,
            "duplicates": 12,
            "near_duplicates": 140,
            "conflicts": {"department": {"groups": 1, "rows": ["data.csv:12", "data.csv:70"]}},
            "unlabelled": {"department": 0},
            "labels": {"department": {"water": 600, "roads": 300, "trees": 4}},
            "rare": {"department": {"trees": 4}},
            "rare_policy": "keep",
            "floor": 5,
            "masked": {"[电话]": 40, "[身份证]": 0},
            "lengths": {"0.05": 20, "0.5": 60, "0.95": 180, "max": 900},
            "dates": {"first": "2026-01-01", "last": "2026-06-30", "undated": 2},
            "leaks": {
                "department": {"clauses": 210, "turned": 12, "right_with": 0.9, "right_without": 0.8, "leaks": True}
            },
            "answers_cut": False,
        },
        "training": {
            "rows": 900,
            "held": 100,
            "split": "time",
            "epochs": [
                {"loss": 1.5 / at, "accuracy": {"department": 0.7 + at / 20}, "macro_f1": {"department": 0.4 + at / 20}}
                for at in (1, 2)
            ],
            "best": 2,
        },
        "targets": {"department": made_up_target()},
        "cascade": {"answering": {"linear": 0.6, "full": 0.4}, "changed": {"department": 0.008}},
        "learning_curve": [
            {"rows": rows, "targets": {"department": {"accuracy": 0.7 + rows / 9000, "macro_f1": 0.4}}}
            for rows in (100, 300, 900)
        ],
        "against": {
            "name": "former",
            "targets": {
                "department": {
                    "n": 100,
                    "before": 0.8,
                    "after": 0.82,
                    "won": 6,
                    "lost": 4,
                    "same_right": 76,
                    "same_wrong": 14,
                    "p": 0.754,
                    "labels": [{"label": "water", "name": NAMES["water"], "won": 6, "lost": 4}],
                }
            },
        },
        "verdict": verdict,
    }


def bare_account() -> dict[str, Any]:
    """An account that lacks all that it may lack."""
    account = made_up_account()
    account |= dict.fromkeys(("home", "learning_curve", "against", "verdict"))
    account["data"] |= {"dates": None, "conflicts": {}, "leaks": {}, "rare": {"department": {}}, "masked": {}}
    target = account["targets"]["department"]
    target |= dict.fromkeys(("ece", "threshold", "auto_accuracy", "auto_bound", "linear_only", "encoder_only"))
    target |= {"coverage": 0.0, "errors": [], "reliability": [], "coverage_curve": [], "confusion": []}
    return account


class Balance(HTMLParser):
    """Complains of a tag that is closed without being the last one opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY:
            assert self.open.pop() == tag


def charts(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(found) for found in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("account", [made_up_account(), bare_account()], ids=["full", "bare"])
def test_page_is_well_formed_and_needs_nothing_from_outside(account: dict[str, Any], language: str) -> None:
    page = render(account, language)
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert '<meta charset="utf-8">' in page
    assert "http" not in page.replace(NAMESPACE, "")
    for outside in ("src=", "<script", "<link", "url(", "@import"):
        assert outside not in page
    assert "None" not in page
    assert "nan" not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_charts_are_named_and_stay_inside_their_picture(language: str) -> None:
    drawn = charts(render(made_up_account(), language))
    assert len(drawn) == CHARTS_OF_A_TARGET + 1
    for chart in drawn:
        assert chart.get("role") == "img"
        assert chart.get("aria-label")
        width, height = (float(size) for size in chart.attrib["viewBox"].split()[2:])
        for shape in chart.iter():
            for axis, most in (("x", width), ("cx", width), ("y", height), ("cy", height)):
                assert 0 <= float(shape.get(axis, 0)) <= most


def test_heat_map_tells_percentages_of_the_row() -> None:
    page = render(made_up_account(), "en")
    assert "right: 城东水务所; answer: 城东养路所; 5 texts, 8.3%" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_are_escaped(language: str) -> None:
    page = render(made_up_account(), language)
    assert "城东<绿化" not in page
    assert "城东&lt;绿化&amp;&gt;所" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_missing_is_left_out(language: str) -> None:
    page, words = render(bare_account(), language), WORDS[language]
    assert 'id="against"' not in page
    assert 'class="verdict' not in page
    for left_out in ("learning_curve", "reliability", "coverage_curve", "leaks", "parts", "dates"):
        assert f">{words[left_out]}<" not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_verdict_gives_each_reason_a_sentence_and_shows_unknown_ones_as_they_are(language: str) -> None:
    account, words = made_up_account(), WORDS[language]
    page = render(account, language)
    assert words["keep_former"] in page
    for reason in account["verdict"]["reasons"][:-1]:
        code, target = reason.split(":")
        assert words[code].format(target=words[target]) in page
        assert reason not in page
    assert "&lt;odd&gt;:department" in page
    account["verdict"] = {"promote": True, "reasons": []}
    assert words["promote"] in render(account, language)


def test_numbers_are_written_for_readers() -> None:
    page = render(made_up_account(), "en")
    for written in ("11,277", "82.0%", "73.0% – 88.0%", "0.634", "+2.0", "0.754", "not significant"):
        assert f">{written}<" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_that_are_held_back_and_texts_without_an_answer_are_told(language: str) -> None:
    page, words = render(made_up_account(), language), WORDS[language]
    assert f"<td>{words['held_back']}</td>" in page
    assert f">{words['no_answer']}</td>" in page


def test_only_the_surest_errors_are_listed() -> None:
    page = render(made_up_account(), "en")
    assert "data.csv:49" in page
    assert "data.csv:50" not in page


def test_both_languages_have_the_same_words() -> None:
    zh, en = (
        {key: {field for _, field, _, _ in Formatter().parse(said) if field} for key, said in WORDS[language].items()}
        for language in LANGUAGES
    )
    assert zh == en
