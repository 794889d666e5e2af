"""Export the network to ONNX, quantise it to int8, and hold both to the network that was trained."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from complaint_router.engine import Tokens
from complaint_router.engine.linear import Logits
from complaint_router.engine.session import INPUT, OUTPUT_PREFIX, run_options
from complaint_router.errors import ModelError
from complaint_router.learn.calibrate import Right
from complaint_router.learn.graph import Graph, fuse_attention
from complaint_router.learn.model import MultiTargetModel
from complaint_router.learn.quantise import quantise

LEAST_AGREEMENT = 0.99
"""Share of texts, for each target, that must get the same label in int8 as in float32."""
MOST_LOST = 0.002
"""Share of texts by which int8 may be right less often."""

_FLOAT_TOLERANCE = 1e-2
"""Largest difference of logits between torch and float32 ONNX; they differ by the order of sums only."""
_OPSETS = {"sdpa": 23, "eager": 20}
"""By the way of computing attention: 23 is the first that has one operator for it."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How near the written graph is to the network, n-grams mixed in.

    `agreement` is the share of texts with the same label as in float32, by target; `lost` the share of labelled ones
    that float32 gets right and the written graph does not, less those the other way.
    """

    precision: str
    agreement: dict[str, float]
    lost: dict[str, float]

    @property
    def failing(self) -> str:
        """Why the written graph may not stand for the network; empty where it may."""
        for target, share in self.agreement.items():
            if share < LEAST_AGREEMENT:
                return f"{self.precision} gives another {target} to {1 - share:.1%} of the texts"
        for target, share in self.lost.items():
            if share > MOST_LOST:
                return f"{self.precision} costs {share:.1%} of the right answers of {target}"
        return ""


@dataclass(frozen=True)
class Trial:
    """Prepared texts on which parity is measured, what the n-grams add to their logits, and their right labels.

    `shown` are texts from which the scales of int8 are taken.
    """

    texts: Sequence[str]
    added: Logits
    right: Right
    shown: Sequence[str]


class _Export(nn.Module):
    """Token ids, all of them real, to logits."""

    def __init__(self, model: MultiTargetModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor) -> tuple[Tensor, ...]:
        pooled = _mean(self.model.hidden(input_ids, None))
        return tuple(self.model.heads[target](pooled) for target in self.model.targets)


def _mean(states: Tensor) -> Tensor:
    """Mean over tokens as a product of matrices: it does not depend on how many texts are in the batch."""
    ones = torch.ones_like(states[:, :, :1]).transpose(1, 2)
    return (ones @ states / ones.sum(-1, keepdim=True)).squeeze(1)


def export(model: MultiTargetModel, tokens: Tokens, path: Path, trial: Trial) -> Parity:
    """Write the graph: in int8, or in float32, with a warning, where int8 does not hold.

    Args:
        model: the trained network.
        tokens: its tokenizer.
        path: of the graph.
        trial: texts on which activations are looked at and parity is measured.

    Raises:
        ModelError: the float32 graph does not do what the network does.
    """
    model = model.float().eval()
    ids = [tokens(text) for text in trial.texts]
    trained = _torch_logits(model, ids)
    graph = _exact_graph(model, tokens, ids, trained, path)
    chosen, parity = graph, _parity("float32", trained, trained, trial)
    try:
        whole = quantise(graph, [tokens(text) for text in trial.shown])
        found = _parity("int8", trained, _onnx_logits(whole, model, ids), trial)
        failing = found.failing
    except Exception as error:  # of numpy, onnx and onnxruntime: they have no common base but Exception
        failing = f"int8 does not work for this encoder ({type(error).__name__}: {error})"
    if failing:
        warnings.warn(f"{failing}; the graph stays in float32, which is slower and larger", stacklevel=2)
    else:
        chosen, parity = whole, found
    onnx.save(chosen.serving(), path)
    return parity


def _exact_graph(
    model: MultiTargetModel, tokens: Tokens, ids: Sequence[Sequence[int]], trained: Logits, path: Path
) -> Graph:
    """The network as a float32 graph: with attention as one operator, or as written where that changes what it says."""
    heads = int(getattr(model.encoder.config, "num_attention_heads", 1))
    with suppress(Exception):  # of the exporter and of onnxruntime, for an encoder that has no such attention
        graph = _exported(model, tokens.max_tokens, "sdpa")
        fuse_attention(graph, heads)
        if _difference(trained, graph, model, ids) <= _FLOAT_TOLERANCE:
            return graph
    graph = _exported(model, tokens.max_tokens, "eager")
    if (difference := _difference(trained, graph, model, ids)) > _FLOAT_TOLERANCE:
        raise ModelError(f"{path}: the exported graph differs from the network by {difference:.3g} in a logit")
    return graph


def _difference(trained: Logits, graph: Graph, model: MultiTargetModel, ids: Sequence[Sequence[int]]) -> float:
    """The largest of all logits' differences."""
    found = _onnx_logits(graph, model, ids)
    return max((float(np.abs(trained[target] - found[target]).max()) for target in trained), default=0.0)


def _parity(precision: str, trained: Logits, found: Logits, trial: Trial) -> Parity:
    agreement, lost = {}, {}
    for target, exact in trained.items():
        added = trial.added.get(target, np.float32(0))
        was, now = (exact + added).argmax(axis=1), (found[target] + added).argmax(axis=1)
        agreement[target] = float(np.mean(was == now))
        pairs = [
            (int(before in labels), int(after in labels))
            for before, after, labels in zip(was, now, trial.right.get(target, ()), strict=False)
            if labels
        ]
        if pairs:
            # One text is no evidence: of few, it would be more than the share allowed.
            lost[target] = max(0, sum(before - after for before, after in pairs) - 1) / len(pairs)
    return Parity(precision, agreement, lost)


def _torch_logits(model: MultiTargetModel, ids: Sequence[Sequence[int]]) -> dict[str, NDArray[np.float32]]:
    with torch.inference_mode():
        each = [model(row, torch.ones_like(row)) for row in (torch.tensor([row]) for row in ids)]
    return {target: torch.cat([logits[target] for logits in each]).numpy() for target in model.targets}


def _onnx_logits(graph: Graph, model: MultiTargetModel, ids: Sequence[Sequence[int]]) -> dict[str, NDArray[np.float32]]:
    names = [OUTPUT_PREFIX + target for target in model.targets]
    session = ort.InferenceSession(
        graph.copy().serving().SerializeToString(), run_options(threads=0), providers=["CPUExecutionProvider"]
    )
    each = [session.run(names, {INPUT: np.array([row], np.int64)}) for row in ids]
    columns = zip(*each, strict=True)
    return {target: np.concatenate(values) for target, values in zip(model.targets, columns, strict=True)}


def _exported(model: MultiTargetModel, max_tokens: int, attention: str) -> Graph:
    example = torch.arange(2, 18).repeat(2, 1) % model.encoder.config.vocab_size
    names = [OUTPUT_PREFIX + target for target in model.targets]
    sizes = {0: torch.export.Dim("batch", min=1, max=4096), 1: torch.export.Dim("tokens", min=2, max=max_tokens)}
    with TemporaryDirectory() as folder, _quiet(), _with_attention(model.encoder, attention):
        path = Path(folder) / "float32.onnx"
        torch.onnx.export(
            _Export(model),
            (example,),
            path,
            input_names=[INPUT],
            output_names=names,
            dynamic_shapes={"input_ids": sizes},
            opset_version=_OPSETS[attention],
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        return Graph.load(path)


@contextmanager
def _with_attention(encoder: Any, name: str) -> Iterator[None]:
    """Let the encoder compute attention in one operation, which can be found in the graph, or step by step."""
    before = encoder.config._attn_implementation
    encoder.set_attn_implementation(name)
    try:
        yield
    finally:
        encoder.set_attn_implementation(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of its own insides."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
