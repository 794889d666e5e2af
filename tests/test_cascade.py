from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from complaint_router.engine.cascade import Cascade, margin
from complaint_router.errors import ModelError
from complaint_router.folder import LINEAR, TIERS
from complaint_router.learn.cascade import FEWEST, MOST_CHANGED, fit_cascade, shares

COUNT = 2_000


def made(seed: int, noise: float) -> tuple[NDArray[np.float32], NDArray[np.float32], list[tuple[int, ...]]]:
    """Logits of a whole model, those of a rougher one, and right labels."""
    random = np.random.default_rng(seed)
    full = random.normal(size=(COUNT, 6)).astype(np.float32) * 3
    rough = (full + random.normal(size=full.shape) * noise).astype(np.float32)
    right: list[tuple[int, ...]] = [
        (int(row.argmax()),) if random.random() < 0.9 else (int(random.integers(6)),) for row in full
    ]
    return full, rough, right


def test_the_margin_is_between_the_two_best() -> None:
    logits = np.array([[1, 3, 2.5], [0, 0, 0], [5, -1, 1]], np.float32)
    assert margin(logits).tolist() == [0.5, 0, 4]
    assert margin(logits[:, :1]).tolist() == [np.inf] * 3


def test_a_tier_stands_where_all_targets_are_clear() -> None:
    cascade = Cascade({"kind": 1.0, "urgency": 2.0})
    logits = {
        "kind": np.array([[3, 0], [3, 0], [0.5, 0]], np.float32),
        "urgency": np.array([[3, 0], [1, 0], [3, 0]], np.float32),
    }
    assert cascade.stands(logits).tolist() == [True, False, False]
    assert Cascade().stands(logits).tolist() == [False] * 3


def test_it_survives_the_folder_and_broken_ones_are_named(tmp_path: Path) -> None:
    assert Cascade.load(tmp_path, {"kind": ()}) == Cascade()
    Cascade().save(tmp_path)
    assert Cascade.load(tmp_path, {"kind": ()}) == Cascade()
    cascade = Cascade({"kind": 1.25})
    cascade.save(tmp_path)
    assert Cascade.load(tmp_path, {"kind": ()}) == cascade
    with pytest.raises(ModelError, match=r"cascade\.json: does not fit the targets"):
        Cascade.load(tmp_path, {"unit": ()})
    for broken in ("[]", '{"margins": 3}', '{"margins": {"kind": "much"}}'):
        (tmp_path / "cascade.json").write_text(broken, encoding="utf-8")
        with pytest.raises(ModelError, match=r"cascade\.json: is broken"):
            Cascade.load(tmp_path, {"kind": ()})


def test_ngrams_answer_what_they_do_not_change() -> None:
    full, rough, right = made(0, 1.0)
    cascade, answering = fit_cascade({"linear": {"kind": rough}, "full": {"kind": full}}, {"kind": right})
    alone = answering == TIERS.index(LINEAR)
    assert 0.1 < alone.mean() < 0.9
    assert shares(answering) == {"linear": pytest.approx(alone.mean()), "full": pytest.approx(1 - alone.mean())}
    assert np.array_equal(cascade.stands({"kind": rough}), alone)
    whole = full.argmax(axis=1)
    now = np.where(alone, rough.argmax(axis=1), whole)
    assert np.mean(now != whole) <= MOST_CHANGED
    before, after = (
        sum(at in labels for at, labels in zip(each.tolist(), right, strict=True)) for each in (whole, now)
    )
    assert after >= before


def test_what_is_kept_may_change_a_little_more_than_what_is_taught() -> None:
    full, rough, right = made(6, 1.0)
    tiers = {"linear": {"kind": rough}, "full": {"kind": full}}
    taught, kept = (shares(fit_cascade(tiers, known)[1])["linear"] for known in ({"kind": right}, {}))
    assert kept > taught


def test_a_target_that_a_tier_does_not_know_keeps_it_from_answering() -> None:
    full, rough, right = made(1, 0.5)
    noise = np.random.default_rng(4).normal(size=full.shape).astype(np.float32)
    tiers = {"linear": {"kind": rough, "unit": noise}, "full": {"kind": full, "unit": full}}
    _, answering = fit_cascade(tiers, {"kind": right})
    assert shares(answering)["linear"] < 0.05
    _, answering = fit_cascade({"linear": {"kind": rough}, "full": {"kind": full, "unit": full}}, {})
    assert shares(answering)["full"] == 1


def test_the_place_counts_for_units() -> None:
    full, rough, _ = made(2, 0.2)
    placed = np.random.default_rng(5).normal(size=full.shape).astype(np.float32) * 10
    tiers = {"linear": {"unit": rough}, "full": {"unit": full}}
    changed = [
        np.mean(((rough + place).argmax(1) != (full + place).argmax(1))[answering == 0])
        for place in (placed, np.zeros_like(placed))
        for _, answering in (fit_cascade(tiers, {}, place),)
    ]
    assert max(changed) <= 0.1


def test_few_texts_vouch_for_no_cascade() -> None:
    full, rough, right = made(3, 0.1)
    cut = slice(0, FEWEST - 1)
    tiers = {"linear": {"kind": rough[cut]}, "full": {"kind": full[cut]}}
    cascade, answering = fit_cascade(tiers, {"kind": right[cut]})
    assert cascade == Cascade()
    assert shares(answering)["full"] == 1
