"""The weights of a complaint-router model as an ordinary transformers classifier, and as onnxruntime's int8 graph."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModel, BertConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from complaint_router.folder import Config
from complaint_router.learn.model import start_from
from complaint_router.taxonomy import Taxonomy


class Classifier(PreTrainedModel):  # type: ignore[misc]  # transformers is not typed
    """An encoder, the mean of its last hidden states, and a linear head."""

    config_class = BertConfig

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.encoder = AutoModel.from_config(config, add_pooling_layer=False)
        self.head = torch.nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids: Any, attention_mask: Any, **_: Any) -> SequenceClassifierOutput:
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        return SequenceClassifierOutput(logits=self.head((states * mask).sum(1) / mask.sum(1)))


def export(model: Path, target: str, folder: Path) -> None:
    """Write `transformers/`, `int8.onnx` and `labels.json` for one target of a model folder."""
    start = start_from(model, {}, Taxonomy.load())
    labels = Config.load(model).targets[target]
    config = start.model.encoder.config
    config.id2label, config.label2id = dict(enumerate(labels)), {label: at for at, label in enumerate(labels)}
    classifier = Classifier(config)
    classifier.encoder.load_state_dict(start.model.encoder.state_dict())
    classifier.head.load_state_dict(start.model.heads[target].state_dict())
    classifier.eval().save_pretrained(folder / "transformers")
    (folder / "labels.json").write_text(json.dumps(labels, ensure_ascii=False), encoding="utf-8")
    sizes = {0: torch.export.Dim("batch", min=1, max=4096), 1: torch.export.Dim("tokens", min=2, max=256)}
    ids = torch.arange(2, 18).repeat(2, 1)
    logging.disable(logging.WARNING)  # exporter and quantiser warn of their own insides
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Logits(classifier), (ids, torch.ones_like(ids)), folder / "float32.onnx",
            input_names=["input_ids", "attention_mask"], output_names=["logits"],
            dynamic_shapes={"input_ids": sizes, "attention_mask": sizes}, dynamo=True, external_data=False,
            verbose=False,
        )  # fmt: skip
        quantize_dynamic(folder / "float32.onnx", folder / "int8.onnx", weight_type=QuantType.QInt8)
    logging.disable(logging.NOTSET)


class _Logits(torch.nn.Module):
    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        return self.classifier(input_ids, attention_mask).logits
