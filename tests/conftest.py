"""A tiny encoder and a tiny model, made here, so that the suite needs no network and no minutes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel

from complaint_router import Router
from complaint_router.learn.train import train

NOISE = ["工地半夜打桩吵得睡不着", "楼下酒吧音响震天响", "广场舞喇叭太吵", "邻居装修电钻从早响到晚"]
WATER = ["家里停水两天了", "自来水发黄有味道", "水压太低三楼上不去", "水费突然多了一倍"]
COLUMNS = {"category": "topic", "department": "department", "kind": "kind", "urgency": "urgency", "unit": "unit"}


def labelled_rows(count: int) -> list[dict[str, str]]:
    """Rows about noise and water in turn; every text differs."""
    rows = []
    for number in range(count):
        texts, topic, department = (
            (NOISE, "0502", "urban_management") if number % 2 else (WATER, "0101", "water_supply")
        )
        rows.append(
            {
                "id": str(number),
                "text": f"{texts[number // 2 % 4]}，第{number}次来电",
                "topic": topic,
                "department": department,
                "kind": "投诉" if number % 3 else "咨询",
                "urgency": "紧急" if number % 5 == 0 else "普通",
                "unit": "城管大队" if number % 2 else "自来水公司",
            }
        )
    return rows


def write_jsonl(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder of a BERT with 2 layers of width 32 that reads single characters."""
    folder = tmp_path_factory.mktemp("encoder")
    characters = sorted(
        set("".join(row["text"] for row in labelled_rows(400))) | set("公用事业供水环境保护噪声城市管理执法")
    )
    vocabulary = {piece: at for at, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>", *characters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        pad_token_id=1,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def labelled_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_jsonl(tmp_path_factory.mktemp("data") / "train.jsonl", labelled_rows(400))


@pytest.fixture(scope="session")
def tiny_model(tiny_encoder: Path, labelled_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with all five targets."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    train([labelled_file], targets=COLUMNS, output=folder, init=tiny_encoder, home="460100", epochs=20)
    return folder


@pytest.fixture(scope="session")
def tiny_router(tiny_model: Path) -> Router:
    return Router.from_pretrained(tiny_model)


@pytest.fixture(scope="session")
def router() -> Router:
    """The bundled national model."""
    return Router.from_pretrained()
