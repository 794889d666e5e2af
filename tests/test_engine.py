from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models

from complaint_router.engine import Engine, Tokens
from complaint_router.engine.linear import Linear
from complaint_router.errors import ModelError
from complaint_router.folder import FILES, Config


def test_tokens_keep_head_and_tail() -> None:
    vocabulary = {"<unk>": 0, **{chr(0x4E00 + at): at + 1 for at in range(100)}}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokens = Tokens(tokenizer, max_tokens=8)
    assert tokens("".join(chr(0x4E00 + at) for at in range(100))) == [1, 2, 3, 4, 5, 6, 99, 100]
    assert tokens("一丁") == [1, 2]


def test_logits_have_the_shapes_of_the_config(tiny_model: Path) -> None:
    config = Config.load(tiny_model)
    logits = Engine(tiny_model, config).logits("停水")
    assert {target: values.shape for target, values in logits.items()} == {
        target: (len(labels),) for target, labels in config.targets.items()
    }
    assert all(values.dtype == np.float32 for values in logits.values())


def test_scores_of_ngrams_are_mixed_in(tiny_model: Path) -> None:
    config = Config.load(tiny_model)
    engine, linear = Engine(tiny_model, config), Linear.load(tiny_model, config.targets)
    assert linear is not None
    assert any(head.mix for head in linear.heads.values())
    logits, alone, scores = engine.logits("停水"), engine.graph_logits("停水"), linear.scores("停水")
    for target, head in linear.heads.items():
        assert logits[target] == pytest.approx(alone[target] + head.mix * scores[target], abs=1e-5)


@pytest.mark.parametrize("name", [FILES.graph, FILES.tokenizer])
def test_broken_files_are_named(tiny_model: Path, tmp_path: Path, name: str) -> None:
    for file in (FILES.graph, FILES.tokenizer):
        (tmp_path / file).write_bytes((tiny_model / file).read_bytes() if file != name else b"broken")
    with pytest.raises(ModelError, match=name):
        Engine(tmp_path, Config.load(tiny_model))


def test_a_graph_of_other_labels_is_refused(tiny_model: Path) -> None:
    config = Config.load(tiny_model)
    other = Config(config.name, {"category": ("one", "two", "three")}, config.max_tokens, config.encoder)
    with pytest.raises(ModelError, match="does not give 3 logits for category"):
        Engine(tiny_model, other)
