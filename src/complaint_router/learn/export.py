"""Export the network to ONNX, quantise it to int8, and hold both to the network that was trained."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from complaint_router.engine.session import INPUT, OUTPUT_PREFIX
from complaint_router.errors import ModelError
from complaint_router.learn.graph import Graph, fuse_attention
from complaint_router.learn.model import MultiTargetModel
from complaint_router.learn.quantise import quantise

LEAST_AGREEMENT = 0.99
"""Share of texts, for each target, that must get the same label in int8 as in float32."""
MOST_LOST = 0.002
"""Share of texts by which int8 may be right less often."""

_FLOAT_TOLERANCE = 1e-2
"""Largest difference of logits between torch and float32 ONNX; they differ by the order of sums only."""
_MOST_CALIBRATION = 512
"""Texts that show how large activations become."""
_OPSET = 23
"""In which the exporter writes attention as one operator."""

Logits = Mapping[str, NDArray[np.float32]]
"""By target, shape (texts, labels)."""
Right = Mapping[str, Sequence[tuple[int, ...] | None]]
"""By target, the indices of each text's right labels; None where it has no label."""


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
    def holds(self) -> bool:
        """Whether the written graph may stand for the network."""
        return min(self.agreement.values()) >= LEAST_AGREEMENT and max(self.lost.values(), default=0.0) <= MOST_LOST


@dataclass(frozen=True)
class Trial:
    """Texts on which parity is measured: prepared, what the n-grams add to their logits, and their right labels."""

    texts: Sequence[str]
    added: Logits
    right: Right


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
    chosen = quantise(graph, ids[:_MOST_CALIBRATION])
    parity = _parity("int8", trained, _onnx_logits(chosen, model, ids), trial)
    if not parity.holds:
        worst = min(parity.agreement, key=parity.agreement.__getitem__)
        warnings.warn(
            f"int8 gives another {worst} to {1 - parity.agreement[worst]:.1%} of the texts; the graph stays in float32,"
            " which is slower and larger",
            stacklevel=2,
        )
        chosen, parity = graph, _parity("float32", trained, trained, trial)
    onnx.save(chosen.serving(), path)
    return parity


def _exact_graph(
    model: MultiTargetModel, tokens: Tokens, ids: Sequence[Sequence[int]], trained: Logits, path: Path
) -> Graph:
    """The network as a float32 graph: fused, or as exported where fusion would change what it says."""
    graph = _exported(model, tokens.max_tokens)
    fused = graph.copy()
    fuse_attention(fused, int(getattr(model.encoder.config, "num_attention_heads", 1)))
    for each in (fused, graph):
        if (difference := _difference(trained, each, model, ids)) <= _FLOAT_TOLERANCE:
            return each
    raise ModelError(f"{path}: the exported graph differs from the network by {difference:.3g} in a logit")


def _difference(trained: Logits, graph: Graph, model: MultiTargetModel, ids: Sequence[Sequence[int]]) -> float:
    """The largest of all logits' differences; infinite where the graph cannot be run."""
    try:
        found = _onnx_logits(graph, model, ids)
    except Exception:  # the library's errors have no common base but Exception
        return float("inf")
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
    model_bytes = graph.copy().serving().SerializeToString()
    session = ort.InferenceSession(model_bytes, providers=["CPUExecutionProvider"])
    each = [session.run(names, {INPUT: np.array([row], np.int64)}) for row in ids]
    columns = zip(*each, strict=True)
    return {target: np.concatenate(values) for target, values in zip(model.targets, columns, strict=True)}


def _exported(model: MultiTargetModel, max_tokens: int) -> Graph:
    example = torch.arange(2, 18).repeat(2, 1) % model.encoder.config.vocab_size
    names = [OUTPUT_PREFIX + target for target in model.targets]
    sizes = {0: torch.export.Dim("batch", min=1, max=4096), 1: torch.export.Dim("tokens", min=2, max=max_tokens)}
    with TemporaryDirectory() as folder, _quiet(), _one_attention(model.encoder):
        path = Path(folder) / "float32.onnx"
        torch.onnx.export(
            _Export(model),
            (example,),
            path,
            input_names=[INPUT],
            output_names=names,
            dynamic_shapes={"input_ids": sizes},
            opset_version=_OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        return Graph.load(path)


@contextmanager
def _one_attention(encoder: Any) -> Iterator[None]:
    """Let the encoder compute attention in one operation, which can be found in the graph, where it can."""
    before = encoder.config._attn_implementation
    try:
        encoder.set_attn_implementation("sdpa")
    except (AttributeError, ValueError, ImportError):
        yield
        return
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
