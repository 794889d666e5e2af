from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import COLUMNS, labelled_rows, write_jsonl
from numpy.typing import NDArray

from complaint_router import DataError, ModelError, Router, Taxonomy
from complaint_router.dispatch import Calibration, Curve
from complaint_router.engine import Engine
from complaint_router.engine.linear import Linear
from complaint_router.folder import FILES, FULL, TIERS, Config, seal
from complaint_router.learn import Example, LabelledData, export
from complaint_router.learn.batch import Encoded, encode
from complaint_router.learn.calibrate import Labelled, calibrate, calibrate_like, held_back, judge, threshold
from complaint_router.learn.fit import best_epoch, fit, predict
from complaint_router.learn.model import start_from
from complaint_router.learn.train import train
from complaint_router.locality import Gazetteer, LearnedPlaces
from complaint_router.locality.places import LearnedName
from complaint_router.text import prepare

LEAST_AGREEMENT = 0.93
"""Share of texts for which int8 must give the label that torch gives."""


def test_the_tiny_model_learned_its_rows(tiny_router: Router) -> None:
    rows = labelled_rows(400)[:40]
    routes = tiny_router.route_batch(row["text"] for row in rows)
    right = [route.department is not None and route.department.code for route in routes]
    assert np.mean([code == row["department"] for code, row in zip(right, rows, strict=True)]) > 0.9


def test_a_model_folder_holds_its_files_and_no_complaint(tiny_model: Path) -> None:
    names = {path.name for path in tiny_model.iterdir()}
    assert names == {
        FILES.config, FILES.tokenizer, FILES.graph, FILES.linear, FILES.cascade, FILES.weights,
        FILES.calibration, FILES.taxonomy,
        FILES.card, FILES.plot, FILES.learned, FILES.report, FILES.report_data, FILES.manifest, FILES.places,
        FILES.units,
    }  # fmt: skip
    for name in (FILES.card, FILES.report, FILES.report_data):
        assert "次来电" not in (tiny_model / name).read_text("utf-8")
    assert Config.load(tiny_model).home == "460100"


@pytest.mark.parametrize("which", ["tiny", "bundled"])
def test_torch_and_int8_onnx_agree_for_each_head(which: str, tiny_model: Path) -> None:
    start = start_from(tiny_model if which == "tiny" else "default", {}, Taxonomy.load())
    assert start.folder is not None
    assert start.config is not None
    texts = [prepare(row["text"]) for row in labelled_rows(100)]
    found = Engine(start.folder, start.config).encoded(texts)
    exact = predict(start.model, [Encoded(start.tokens(text), {}) for text in texts], "")
    same = {target: np.mean(found[target].argmax(1) == values.argmax(1)) for target, values in exact.items()}
    assert {target: share >= LEAST_AGREEMENT for target, share in same.items()} == dict.fromkeys(same, True)


def test_training_goes_on_and_keeps_what_it_is_not_taught(
    tiny_model: Path, labelled_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "city"
    trained = train([labelled_file], targets={"category": "unit"}, output=output, init=tiny_model, limit=120, epochs=1)
    assert (trained.rows, trained.held, len(trained.history)) == (120, 120, 1)
    router = Router.from_pretrained(output)
    assert router.targets == {**Config.load(tiny_model).targets, "category": ("城管大队", "自来水公司")}
    fitted, was = (Calibration.load(folder).targets["kind"] for folder in (output, tiny_model))
    assert (fitted.curves["full"], fitted.threshold) == (was.curves["full"], was.threshold)
    before, after = (Linear.load(folder, Config.load(folder).targets) for folder in (tiny_model, output))
    assert before is not None
    assert after is not None
    assert np.array_equal(after.heads["kind"].weights, before.heads["kind"].weights)
    assert after.heads["kind"].mix == before.heads["kind"].mix
    route = router.route("楼下酒吧音响震天响，第1次来电")
    assert route.category is not None
    assert route.category.path == (route.category.code,)
    assert route.department is not None
    assert "kept from the model gone on from: department" in (output / FILES.card).read_text("utf-8")


def test_a_model_without_a_linear_partner_gets_one(tiny_model: Path, labelled_file: Path, tmp_path: Path) -> None:
    old = Path(shutil.copytree(tiny_model, tmp_path / "old"))
    (old / FILES.linear).unlink()
    with pytest.raises(ModelError, match=r"linear\.npz: is missing"):
        Router.from_pretrained(old)
    (old / FILES.cascade).unlink()
    seal(old)
    assert Router.from_pretrained(old).route("家里停水两天了").department is not None
    train([labelled_file], targets={"kind": "kind"}, output=tmp_path / "new", init=old, limit=60, epochs=1)
    linear = Linear.load(tmp_path / "new", Config.load(tmp_path / "new").targets)
    assert linear is not None
    assert list(linear.heads) == ["kind"]


def test_known_labels_keep_their_rows_and_new_ones_start_at_their_description(tiny_model: Path) -> None:
    old: Any = start_from(tiny_model, {}, Taxonomy.load()).model
    new: Any = start_from(tiny_model, {"department": ("urban_management", "town")}, Taxonomy.load()).model
    row = old.targets["department"].index("urban_management")
    assert torch.equal(new.heads["department"].weight[0], old.heads["department"].weight[row])
    assert new.heads["department"].out_features == 2


def test_training_is_repeatable(tiny_encoder: Path, labelled_file: Path, tmp_path: Path) -> None:
    for name in "ab":
        train([labelled_file], targets={"kind": "kind"}, output=tmp_path / name, init=tiny_encoder, limit=80, epochs=1)
    assert (tmp_path / "a" / FILES.graph).read_bytes() == (tmp_path / "b" / FILES.graph).read_bytes()


def test_places_are_learned_and_used(tiny_encoder: Path, tmp_path: Path) -> None:
    rows = [{**row, "text": row["text"] + "在翠竹花园", "where": "龙华区"} for row in labelled_rows(60)]
    file = write_jsonl(tmp_path / "train.jsonl", rows)
    output = tmp_path / "city"
    options = {"home": "460100", "init": tiny_encoder, "epochs": 1}
    train([file], targets={"kind": "kind"}, places={"district": "where"}, output=output, **options)  # type: ignore[arg-type]
    route = Router.from_pretrained(output).route("翠竹花园停水")
    assert route.locality is not None
    assert route.locality.district == "龙华区"


def test_learned_places_and_home_stay_when_training_goes_on(
    tiny_model: Path, labelled_file: Path, tmp_path: Path
) -> None:
    first = Path(shutil.copytree(tiny_model, tmp_path / "first"))
    LearnedPlaces({"翠竹花园": LearnedName("460106", 5, 1.0)}).save(first, Gazetteer.load())
    seal(first)
    train([labelled_file], targets={"kind": "kind"}, output=tmp_path / "second", init=first, limit=60, epochs=1)
    route = Router.from_pretrained(tmp_path / "second").route("翠竹花园停水")
    assert route.locality is not None
    assert route.locality.district == "龙华区"


def test_a_graph_that_int8_spoils_stays_in_float32(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "LEAST_AGREEMENT", 1.1)
    start = start_from(tiny_model, {}, Taxonomy.load())
    with pytest.warns(UserWarning, match="the graph stays in float32"):
        parity = export.export(
            start.model, start.tokens, tmp_path / "model.onnx", export.Trial(["停水", "油烟"], {}, {}, ["停水"])
        )
    assert parity.precision == "float32"
    assert set(parity.agreement.values()) == {1.0}


def test_parity_counts_labels_that_turn_and_what_they_cost() -> None:
    exact = np.eye(4, dtype=np.float32)[[0, 1, 2, 3] * 100]
    turned = exact.copy()
    turned[:3] = exact[1:4]
    right = {"kind": [(at % 4,) for at in range(400)]}
    trial = export.Trial(["停水"] * 400, {"kind": np.zeros((400, 4), np.float32)}, right, [])
    parity = export._parity("int8", {"kind": exact}, {"kind": turned}, trial)
    assert parity.agreement["kind"] == pytest.approx(397 / 400)
    assert parity.lost["kind"] == pytest.approx(2 / 400)
    assert parity.failing == "int8 costs 0.5% of the right answers of kind"
    parity = export._parity("int8", {"kind": exact}, {"kind": exact[::-1]}, trial)
    assert parity.failing.startswith("int8 gives another kind to ")
    assert not export._parity("int8", {"kind": exact}, {"kind": exact}, trial).failing


def test_runners_up_of_ngrams_do_not_look_sure() -> None:
    """Scores of n-grams lie close together; a curve made for logits would give the next nearly what the best has."""
    random = np.random.default_rng(7)
    ahead = random.uniform(0.1, 1.5, 4000)
    scores = random.normal(-1, 0.05, size=(4000, 20)).astype(np.float32)
    best = random.integers(0, 20, 4000)
    scores[np.arange(4000), best] += ahead.astype(np.float32)
    truth = np.where(random.random(4000) < 0.5 + ahead / 3, best, (best + 1) % 20)
    right: Labelled = [(int(label),) for label in truth]
    whole_logits = np.eye(20, dtype=np.float32)[truth] * np.float32(8)
    tiers = {FULL: {"kind": whole_logits}, "linear": {"kind": scores}}
    labels = {"kind": [str(label) for label in range(20)]}
    taught = calibrate(tiers, whole(4000), {"kind": right}, labels).targets["kind"].curves["linear"]
    for curve in (taught, calibrate_like(Curve(), {FULL: whole_logits, "linear": scores})["linear"]):
        ranked = np.sort(curve(scores), axis=1)
        assert ranked[:, -1].mean() == pytest.approx((truth == best).mean(), abs=0.03)
        assert ranked[:, -2].mean() < 0.4


def test_an_encoder_that_int8_does_not_fit_stays_in_float32(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no such layer")

    monkeypatch.setattr(export, "quantise", broken)
    start = start_from(tiny_model, {}, Taxonomy.load())
    with pytest.warns(UserWarning, match="int8 does not work for this encoder"):
        parity = export.export(start.model, start.tokens, tmp_path / "model.onnx", export.Trial(["停水"], {}, {}, []))
    assert parity.precision == "float32"


def test_attention_that_is_not_one_operator_is_exported_step_by_step(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "fuse_attention", lambda *_: None)
    start = start_from(tiny_model, {}, Taxonomy.load())
    trial = export.Trial(["家里停水两天了"] * 3, {}, {}, ["家里停水两天了"])
    assert export.export(start.model, start.tokens, tmp_path / "model.onnx", trial).precision == "int8"


def test_a_folder_that_is_no_model_is_not_overwritten(labelled_file: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(DataError, match="is there already and is not a model folder"):
        train([labelled_file], targets=COLUMNS, output=tmp_path)


def test_a_former_model_of_another_format_is_refused_before_the_training(
    tiny_model: Path, labelled_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Path(shutil.copytree(tiny_model, tmp_path / "old"))
    config = json.loads((old / FILES.config).read_text("utf-8"))
    (old / FILES.config).write_text(json.dumps({**config, "format": 1}), encoding="utf-8")
    seal(old)
    monkeypatch.setattr("complaint_router.learn.train.fit", lambda *_, **__: pytest.fail("it trained"))
    with pytest.raises(ModelError, match="of a model folder of format"):
        train([labelled_file], targets={"kind": "kind"}, output=tmp_path / "new", init=tiny_model, against=old)


def test_a_failed_training_leaves_nothing_behind(
    tiny_encoder: Path, labelled_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("complaint_router.learn.train.fit", pressed)
    with pytest.raises(KeyboardInterrupt):
        train([labelled_file], targets={"kind": "kind"}, output=tmp_path / "model", init=tiny_encoder)
    assert list(tmp_path.iterdir()) == []


def test_one_label_is_not_enough(tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "train.jsonl", [{"text": f"{n}楼停水", "kind": "投诉"} for n in range(20)])
    with pytest.raises(DataError, match=r"target kind: the rows have 1 label\(s\), and at least 2 are needed"):
        train([file], targets={"kind": "kind"}, output=tmp_path / "model")


def test_what_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch, tiny_model: Path, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="nobody/nothing: is no model folder, no local encoder"):
        start_from("nobody/nothing", {"kind": ("投诉", "咨询")}, Taxonomy.load())
    for path in tiny_model.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes() if path.name != FILES.weights else b"broken")
    with pytest.raises(ModelError, match=r"model\.safetensors: is not the file"):
        start_from(tmp_path, {}, Taxonomy.load())


def test_labels_that_the_model_lacks_are_left_out(tiny_model: Path) -> None:
    start = start_from(tiny_model, {}, Taxonomy.load())
    (encoded,) = encode([Example("停水", {"kind": ("闲聊",), "urgency": ("普通",)})], start)
    assert encoded.right["kind"] == ()
    assert len(encoded.right["urgency"]) == 1


def test_the_best_epoch_is_kept(tiny_encoder: Path) -> None:
    data = LabelledData([Example(row["text"], {"category": (row["topic"],)}) for row in labelled_rows(80)])
    start = start_from(tiny_encoder, {"category": data.labels("category")}, Taxonomy.load())
    examples = encode(data.examples, start)
    history = fit(start.model, examples, examples[:20], epochs=8, seed=0)
    assert history[-1].loss < history[0].loss
    found = predict(start.model, examples[:20], "")["category"].argmax(axis=1)
    right = [example.right["category"][0] for example in examples[:20]]
    assert np.mean(found == right) == pytest.approx(best_epoch(history).accuracy["category"])


def whole(count: int) -> NDArray[np.int8]:
    """Every text answered by the whole model."""
    return np.full(count, TIERS.index(FULL), np.int8)


def whole_calibration(logits: NDArray[np.float32], right: Labelled) -> Calibration:
    labels = "abcdefgh"[: logits.shape[1]]
    return calibrate({FULL: {"kind": logits}}, whole(len(logits)), {"kind": right}, {"kind": labels})


def test_calibration_finds_the_temperature() -> None:
    random = np.random.default_rng(0)
    exact = random.normal(size=(4000, 5)) * 4
    probabilities = np.exp(exact) / np.exp(exact).sum(1, keepdims=True)
    right = [(int(random.choice(5, p=row)),) for row in probabilities]
    calibration = whole_calibration((exact * 3).astype(np.float32), right)
    assert calibration.targets["kind"].curves["full"].temperature == pytest.approx(3.0, rel=0.1)
    found = calibration.scores("kind", (exact * 3).astype(np.float32))
    sure = found.max(1) >= calibration.targets["kind"].threshold
    hits = [int(row.argmax()) in labels for row, labels in zip(found, right, strict=True)]
    assert np.mean(np.array(hits)[sure]) >= 0.95


def test_scores_tell_how_often_answers_or_alternatives_are_right() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(size=(3000, 6)).astype(np.float32) * 2
    ranked = np.argsort(-logits, axis=1)
    # The answer given is right more often than a softmax says, since the second label would do as well.
    right = [(int(row[0]), int(row[1])) if random.random() < 0.9 else (int(row[5]),) for row in ranked]
    calibration = whole_calibration(logits, right)
    examples = [Example("", {"kind": tuple("abcdef"[at] for at in labels)}) for labels in right]
    judged = judge(calibration, {"full": {"kind": logits}}, whole(3000), examples, {"kind": "abcdef"})["kind"]
    assert judged.scores is not None
    assert judged.hits.mean() == pytest.approx(judged.scores.mean(), abs=0.01)
    assert calibration.targets["kind"].threshold == 1  # no score is sure enough for 95 %


def test_a_threshold_needs_enough_examples_to_be_sure() -> None:
    logits = np.tile(np.array([[4.0, 0.0]], np.float32), (40, 1))
    few = whole_calibration(logits, [(0,)] * 40).targets["kind"]
    many = whole_calibration(np.tile(logits, (10, 1)), [(0,)] * 400).targets["kind"]
    assert few.threshold == 1
    assert whole_calibration(np.tile(logits, (2, 1)), [(0,)] * 80).targets["kind"].threshold < 1
    assert whole_calibration(logits, [None] * 40).targets["kind"].threshold == 1
    assert many.threshold < 1
    assert whole_calibration(logits[:5], [(0,)] * 5).targets["kind"].curves["full"].temperature >= 1


def test_the_threshold_keeps_the_precision_asked() -> None:
    random = np.random.default_rng(2)
    kept = []
    for _ in range(200):
        scores = random.uniform(0.3, 1.0, 600)
        lowest = threshold(scores, random.random(600) < scores, 0.9)
        # Scores are true here, so the share right from `lowest` up is its middle; 1 dispatches nothing.
        kept.append((1 + lowest) / 2 >= 0.9)
    assert np.mean(kept) >= 0.93


def test_a_label_that_is_often_wrong_is_held_back() -> None:
    scores = np.full(1000, 0.97)
    given = np.arange(1000) % 10
    hits = (given != 3) | (np.arange(1000) % 20 < 10)
    lowest, bad = held_back(scores, hits, given, 0.95)
    assert bad == [3]
    assert lowest <= 0.97


def test_a_target_without_labels_gets_scores_like_those_of_the_whole_model() -> None:
    random = np.random.default_rng(3)
    exact = random.normal(size=(2000, 5)).astype(np.float32) * 3
    noise = random.normal(size=exact.shape).astype(np.float32)
    rough = ((exact + 0.5 * noise) / 2).astype(np.float32)
    curves = calibrate_like(Curve(1.5), {FULL: exact, "linear": rough})
    whole_scores = Curve(1.5)(exact)[np.arange(2000), rough.argmax(axis=1)]
    assert curves[FULL] == Curve(1.5)
    assert curves["linear"](rough).max(axis=1).mean() == pytest.approx(whole_scores.mean(), abs=0.02)
