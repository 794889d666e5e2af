from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from conftest import labelled_rows

from complaint_router.engine.linear import BITS, Head, Linear, ngrams, weighted
from complaint_router.errors import ModelError
from complaint_router.folder import FILES
from complaint_router.learn import Example
from complaint_router.learn.calibrate import DEFAULT_MIX, fit_mixes
from complaint_router.learn.linear import Answered, fit_linear

LABELS = {"category": ("0101", "0502", "0901"), "kind": ("咨询", "投诉")}


@pytest.fixture(scope="module")
def linear() -> Linear:
    examples = [
        Example(row["text"], {"category": (row["topic"],), "kind": (row["kind"],)}) for row in labelled_rows(60)
    ]
    return fit_linear(examples, LABELS, None, 0)


def test_a_text_has_its_ngrams_counted() -> None:
    starts, found, weights = ngrams(["停水停水"])  # 停 水 停水 twice, 水停 停水停 水停水 once
    assert starts.tolist() == [0, 6]
    assert sorted(weights.tolist()) == pytest.approx([1, 1, 1] + [1 + np.log(2)] * 3)
    assert (np.diff(found) > 0).all()
    assert found.max() < 1 << BITS


@pytest.mark.parametrize("text", ["水", "停水", "\ud800停水", "a"])
def test_short_and_odd_texts_have_features_of_length_one(text: str) -> None:
    _, _, weights = weighted(ngrams([text]), np.ones(1 << BITS, np.float32))
    assert np.square(weights).sum() == pytest.approx(1)


def test_ngrams_do_not_reach_from_one_text_into_the_next() -> None:
    texts = ["停水", "水", "漏水了停水", "a"]
    together = ngrams(texts)
    for at, text in enumerate(texts):
        inside = slice(together.starts[at], together.starts[at + 1])
        _, found, weights = ngrams([text])
        assert np.array_equal(together.found[inside], found)
        assert np.array_equal(together.weights[inside], weights)


def test_it_learns_what_words_say(linear: Linear) -> None:
    scores = linear.scores(["自来水发黄"]).beside
    assert LABELS["category"][int(scores["category"].argmax())] == "0101"
    assert scores["category"].dtype == np.float32
    assert scores["category"][0, 2] == pytest.approx(-1)  # a label without an example


def test_what_is_written_says_the_same(linear: Linear, tmp_path: Path) -> None:
    linear.mixed({"kind": 1.5}).save(tmp_path)
    loaded = Linear.load(tmp_path, LABELS)
    assert loaded is not None
    assert {name: head.mix for name, head in loaded.heads.items()} == {"category": 0.0, "kind": 1.5}
    texts = [row["text"] for row in random.Random(0).sample(labelled_rows(200), 20)]
    for target, scores in linear.scores(texts).beside.items():
        assert np.array_equal(scores, loaded.scores(texts).beside[target])


def test_a_text_has_the_same_scores_in_any_company(linear: Linear) -> None:
    texts = [row["text"] * (1 + number % 7) for number, row in enumerate(labelled_rows(60))]
    together = linear.scores(texts).beside
    for at, text in enumerate(texts):
        for target, scores in linear.scores([text]).beside.items():
            assert np.array_equal(scores[0], together[target][at])
    assert linear.scores([]).beside["kind"].shape == (0, 2)


def test_what_the_model_answers_is_learned_to_stand_alone(linear: Linear, tmp_path: Path) -> None:
    examples = [Example(row["text"], {"unit": (row["unit"],)}) for row in labelled_rows(40)]
    given = ["咨询" if number % 2 else "投诉" for number in range(40)]
    answered = {"kind": Answered(LABELS["kind"], given)}
    more = fit_linear(examples, {"unit": ("城管大队", "自来水公司")}, linear, 0, answered)
    more.save(tmp_path)
    loaded = Linear.load(tmp_path, {**LABELS, "unit": ("城管大队", "自来水公司")})
    assert loaded is not None
    texts = [example.text for example in examples]
    for each in (more, loaded):
        found = each.scores(texts)
        assert np.array_equal(found.beside["kind"], linear.scores(texts).beside["kind"])
        assert [LABELS["kind"][at] for at in found.alone["kind"].argmax(axis=1)] == given
        assert np.array_equal(found.alone["unit"], found.beside["unit"])


def test_other_targets_of_the_model_gone_on_from_stay(linear: Linear) -> None:
    examples = [Example(row["text"], {"unit": (row["unit"],)}) for row in labelled_rows(20)]
    more = fit_linear(examples, {"unit": ("城管大队", "自来水公司")}, linear, 0)
    assert list(more.heads) == ["category", "kind", "unit"]
    assert np.array_equal(more.scores(["停水"]).beside["kind"], linear.scores(["停水"]).beside["kind"])


def test_a_broken_or_foreign_file_is_refused(linear: Linear, tmp_path: Path) -> None:
    assert Linear.load(tmp_path, LABELS) is None
    linear.save(tmp_path)
    with pytest.raises(ModelError, match="does not fit the labels"):
        Linear.load(tmp_path, {"category": ("0101",)})
    (tmp_path / FILES.linear).write_bytes(b"broken")
    with pytest.raises(ModelError, match=r"linear\.npz: is broken"):
        Linear.load(tmp_path, LABELS)


def test_the_mix_is_what_makes_right_labels_likeliest() -> None:
    random_ = np.random.default_rng(0)
    truth = random_.integers(0, 4, 400)
    clear = np.eye(4, dtype=np.float32)[truth]
    noise = random_.normal(size=(400, 4)).astype(np.float32)
    right = {"kind": [(int(label),) for label in truth]}
    assert fit_mixes({"kind": clear}, {"kind": noise}, right)["kind"] == 0
    assert fit_mixes({"kind": noise}, {"kind": clear * 4}, right)["kind"] > 2
    assert fit_mixes({"kind": noise[:5]}, {"kind": clear[:5]}, {"kind": right["kind"][:5]})["kind"] == DEFAULT_MIX


def test_mixing_changes_no_other_head() -> None:
    head = Head(np.zeros((1 << BITS, 2), np.int8), np.ones(2, np.float32), np.zeros(2, np.float32), 0.5)
    both = Linear(np.ones(1 << BITS, np.float32), {"kind": head, "unit": head}).mixed({"kind": 2.0})
    assert (both.heads["kind"].mix, both.heads["unit"].mix) == (2.0, 0.5)


def test_labels_that_are_not_asked_for_and_targets_without_examples_do_no_harm() -> None:
    examples = [Example(row["text"], {"category": ("9999", row["topic"])}) for row in labelled_rows(20)]
    found = fit_linear(examples, LABELS, None, 0)
    assert LABELS["category"][int(found.scores(["自来水发黄"]).beside["category"].argmax())] == "0101"
    assert found.scores(["停水"]).beside["kind"].tolist() == [[-1, -1]]
