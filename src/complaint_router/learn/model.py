"""The network: one encoder shared by all targets, mean pooling, one linear head for each target."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import logging

from complaint_router import folder as model_folder
from complaint_router.engine import Tokens
from complaint_router.engine.linear import Linear
from complaint_router.errors import ModelError
from complaint_router.folder import FILES, Config
from complaint_router.taxonomy import Taxonomy

MAX_TOKENS = 256
"""Of a new model; a retrained one keeps what it has."""

TRAINING_FILES = (FILES.config, FILES.tokenizer, FILES.weights, FILES.calibration, FILES.taxonomy)
"""What training reads of the model folder that it goes on from."""

_DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob")
_WITH_POOLER = ("bert", "roberta", "xlm-roberta")
_HEAD_SCALE = 10.0
"""Sharpness of a head that starts at descriptions: cosines of mean-pooled E5 vectors differ by about 0.1."""


class MultiTargetModel(nn.Module):
    """Token ids to one logit vector for each target."""

    encoder: Any

    def __init__(self, encoder: Any, targets: Mapping[str, Sequence[str]], dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.targets = {target: tuple(labels) for target, labels in targets.items()}
        width = encoder.config.hidden_size
        self.heads = nn.ModuleDict({target: nn.Linear(width, len(labels)) for target, labels in targets.items()})

    def drop(self, target: str) -> None:
        """Forget a target."""
        del self.targets[target], self.heads[target]

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Logits by target, each of shape (batch, labels); both inputs have the shape (batch, tokens)."""
        pooled = self.dropout(self.pool(input_ids, attention_mask))
        return {target: self.heads[target](pooled) for target in self.targets}

    def hidden(self, input_ids: Tensor, attention_mask: Tensor | None) -> Tensor:
        """Last hidden states: shape (batch, tokens, width), float32."""
        states: Tensor = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return states.float()

    def pool(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Mean of the last hidden states over real tokens: shape (batch, width), float32."""
        return mean_of_real(self.hidden(input_ids, attention_mask), attention_mask)

    def save(self, folder: Path) -> None:
        """Write the weights as float16 safetensors."""
        state = {name: value.to(torch.float16).contiguous() for name, value in self.state_dict().items()}
        save_file(state, folder / FILES.weights)
        (folder / FILES.weights).chmod(0o644)  # the library makes it readable for its owner only


def mean_of_real(hidden: Tensor, attention_mask: Tensor) -> Tensor:
    """Mean over real tokens: shape (batch, width)."""
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    mean: Tensor = (hidden * mask).sum(1) / mask.sum(1)
    return mean


@dataclass
class Start:
    """Where training starts: a network, its tokenizer, and the model folder that it comes from, if any."""

    model: MultiTargetModel
    tokens: Tokens
    folder: Path | None
    config: Config | None

    def partner(self) -> Linear | None:
        """The linear partner of the model that training goes on from, if it has one."""
        return Linear.load(self.folder, self.config.targets) if self.folder and self.config else None


def base_folder(init: str | Path) -> Path | None:
    """The model folder that `init` names, its files held to the manifest; None where it names a bare encoder.

    Raises:
        ModelError: a file of the model folder is missing or not what the manifest vouches for.
    """
    folder = model_folder.bundled() if str(init) == "default" else Path(init)
    if str(init) != "default" and not (folder / FILES.manifest).is_file():
        return None
    learned = [FILES.learned] if (folder / FILES.learned).is_file() else []
    model_folder.verify(folder, (*TRAINING_FILES, *learned))
    return folder


def start_from(init: str | Path, targets: Mapping[str, Sequence[str]], taxonomy: Taxonomy) -> Start:
    """Load the network that training goes on from, with heads for `targets` added or replaced.

    Args:
        init: "default" (the bundled model), a model folder, a local Hugging Face folder, or the name of a BERT-like
            encoder on the Hugging Face hub such as "intfloat/multilingual-e5-small".
        targets: labels of the targets to be trained. Other targets of a model folder stay as they are. Rows of a head
            for labels known before stay too; new ones start at the embedded descriptions of their classes.
        taxonomy: describes the labels that are its codes.

    Raises:
        ModelError: nothing can be loaded from `init`.
    """
    folder = base_folder(init)
    if folder is not None:
        config = Config.load(folder)
        tokens = Tokens.load(folder / FILES.tokenizer, config.max_tokens)
        encoder = AutoModel.from_config(_encoder_config(config.encoder), **_options(config.encoder))
        model = MultiTargetModel(encoder, config.targets)
        try:
            model.load_state_dict({name: value.float() for name, value in load_file(folder / FILES.weights).items()})
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{folder / FILES.weights}: does not fit {FILES.config}; copy the model anew") from error
        start = Start(model, tokens, folder, config)
    else:
        start = _start_from_encoder(str(init))
    _fit_heads(start, targets, taxonomy)
    return start


def _start_from_encoder(name: str) -> Start:
    """Load a bare encoder from a local folder or the hub."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        values = config.to_dict()
        encoder = AutoModel.from_pretrained(
            name, config=_encoder_config(values), dtype=torch.float32, **_options(values)
        )
        if (Path(name) / FILES.tokenizer).is_file():
            tokenizer = Tokenizer.from_file(str(Path(name) / FILES.tokenizer))
        else:
            tokenizer = Tokenizer.from_str(
                AutoTokenizer.from_pretrained(name, trust_remote_code=False).backend_tokenizer.to_str()
            )
    except Exception as error:  # of the hub, of files and of parsers: they have no common base but Exception
        raise ModelError(
            f"{name}: is no model folder, no local encoder, and cannot be had from the hub ({_first_line(error)})"
        ) from error
    most = min(MAX_TOKENS, int(getattr(config, "max_position_embeddings", MAX_TOKENS)))
    return Start(MultiTargetModel(encoder, {}), Tokens(tokenizer, most), None, None)


def _fit_heads(start: Start, targets: Mapping[str, Sequence[str]], taxonomy: Taxonomy) -> None:
    """Add or replace heads so that the model has one for each of `targets`, with just these labels."""
    model = start.model
    for target, labels in targets.items():
        old: Any = model.heads[target] if target in model.targets else None
        known = {label: row for row, label in enumerate(model.targets.get(target, ()))}
        head = nn.Linear(model.encoder.config.hidden_size, len(labels))
        with torch.no_grad():
            described = _described_rows(start, [_description(target, label, taxonomy) for label in labels])
            head.weight.copy_(described[0])
            head.bias.copy_(described[1])
            for at, label in enumerate(labels):
                if label in known:
                    head.weight[at] = old.weight[known[label]]
                    head.bias[at] = old.bias[known[label]]
        model.heads[target] = head
        model.targets[target] = tuple(labels)


def _described_rows(start: Start, descriptions: list[str]) -> tuple[Tensor, Tensor]:
    """Rows of a head that gives each class the cosine to its description, centred over the classes."""
    start.model.eval()
    ids = [torch.tensor([start.tokens(description)]) for description in descriptions]
    pooled = torch.cat([start.model.pool(each, torch.ones_like(each)) for each in ids])
    centre = pooled.mean(0)
    weight = nn.functional.normalize(pooled - centre, dim=1)
    weight = weight * (_HEAD_SCALE / pooled.norm(dim=1).mean())
    return weight, -(weight @ centre)


def _description(target: str, label: str, taxonomy: Taxonomy) -> str:
    """What a class is about, in words: from the taxonomy where the label is a code of it."""
    if target == "category" and label in taxonomy.topics:
        topic = taxonomy.topics[label]
        return f"{topic.name}：{topic.scope}"
    if target == "department" and label in taxonomy.departments:
        department = taxonomy.departments[label]
        return f"{department.name}：{department.duty}"
    return label


def _encoder_config(values: Mapping[str, Any]) -> Any:
    """A Hugging Face configuration without dropout inside the encoder: on a CPU it costs more than it brings."""
    values = {key: 0.0 if key in _DROPOUTS else value for key, value in values.items()}
    return AutoConfig.for_model(values.pop("model_type"), **values)


def encoder_values(encoder: Any) -> dict[str, Any]:
    """The encoder's Hugging Face configuration as JSON data, without what the machine and version add."""
    values: dict[str, Any] = json.loads(encoder.config.to_json_string(use_diff=True))
    return {
        key: value for key, value in values.items() if key not in ("transformers_version", "dtype", "_name_or_path")
    }


def _options(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain attention is the fastest on a CPU with bfloat16; BERT's pooler is a layer that mean pooling never uses."""
    pooler = {"add_pooling_layer": False} if values.get("model_type") in _WITH_POOLER else {}
    return {"attn_implementation": "eager", "trust_remote_code": False, **pooler}


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
