from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import labelled_rows
from tokenizers import Tokenizer, models

from complaint_router.engine import Cascade, Engine, Tokens
from complaint_router.engine.cascade import margin
from complaint_router.engine.linear import Linear
from complaint_router.errors import ModelError
from complaint_router.folder import FILES, LINEAR, TIERS, Config


def test_tokens_keep_head_and_tail() -> None:
    vocabulary = {"<unk>": 0, **{chr(0x4E00 + at): at + 1 for at in range(100)}}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokens = Tokens(tokenizer, max_tokens=8)
    assert tokens("".join(chr(0x4E00 + at) for at in range(100))) == [1, 2, 3, 4, 5, 6, 99, 100]
    assert tokens("一丁") == [1, 2]


def test_logits_have_the_shapes_of_the_config(tiny_model: Path) -> None:
    config = Config.load(tiny_model)
    said = Engine(tiny_model, config).said(["停水", "油烟"])
    assert {target: values.shape for target, values in said.logits.items()} == {
        target: (2, len(labels)) for target, labels in config.targets.items()
    }
    assert all(values.dtype == np.float32 for values in said.logits.values())
    assert said.tiers.shape == (2,)


@pytest.mark.parametrize("tier", TIERS)
def test_each_tier_says_what_it_says_alone(tiny_model: Path, tmp_path: Path, tier: str) -> None:
    """With margins that nothing reaches or everything does, the tier is known."""
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    config, linear = Config.load(folder), Linear.load(folder, Config.load(folder).targets)
    assert linear is not None
    assert any(head.mix for head in linear.heads.values())
    Cascade(dict.fromkeys(config.targets, -1.0 if tier == LINEAR else 1e9)).save(folder)
    engine, texts = Engine(folder, config), [row["text"] for row in labelled_rows(30)]
    said, scores, encoded = engine.said(texts), linear.scores(texts), engine.encoded(texts)
    assert set(said.tiers.tolist()) == {TIERS.index(tier)}
    for target, head in linear.heads.items():
        exact = encoded[target] + np.float32(head.mix) * scores.beside[target]
        assert np.array_equal(said.logits[target], scores.alone[target] if tier == LINEAR else exact)


def test_tiers_answer_side_by_side(tiny_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    config, linear = Config.load(folder), Linear.load(folder, Config.load(folder).targets)
    assert linear is not None
    texts = [row["text"] for row in labelled_rows(40)]
    ahead = margin(linear.scores(texts).alone["category"])
    margins = dict.fromkeys(config.targets, -1.0) | {"category": float(np.median(ahead))}
    Cascade(margins).save(folder)
    engine = Engine(folder, config)
    said = engine.said(texts)
    alone = said.tiers == TIERS.index(LINEAR)
    assert 0 < alone.sum() < len(texts)
    assert np.array_equal(alone, ahead >= np.float32(margins["category"]))
    for at, text in enumerate(texts):
        for target, values in engine.said([text]).logits.items():
            assert np.array_equal(values[0], said.logits[target][at])


@pytest.mark.parametrize("name", [FILES.graph, FILES.tokenizer])
def test_broken_files_are_named(tiny_model: Path, tmp_path: Path, name: str) -> None:
    for file in (FILES.graph, FILES.tokenizer):
        (tmp_path / file).write_bytes((tiny_model / file).read_bytes() if file != name else b"broken")
    with pytest.raises(ModelError, match=name):
        Engine(tmp_path, Config.load(tiny_model))


def test_a_graph_of_other_labels_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    config = Config.load(tiny_model)
    other = replace(config, targets={"category": ("one", "two", "three")})
    for name in (FILES.graph, FILES.tokenizer):
        shutil.copyfile(tiny_model / name, tmp_path / name)
    with pytest.raises(ModelError, match="does not give 3 logits for category"):
        Engine(tmp_path, other)
