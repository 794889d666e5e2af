"""Export the network to ONNX, quantise it to int8, and hold both to the network that was trained."""

from __future__ import annotations

import copy
import logging
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from complaint_router.engine import Tokens
from complaint_router.engine.session import INPUT, OUTPUT_PREFIX
from complaint_router.errors import ModelError
from complaint_router.learn.model import MultiTargetModel

GRAVE = 1.0
"""int8 is wrong gravely where it gives a label that float32 holds to be so many logits behind its own.

With 146 topics some texts lie so near the border of two that any rounding turns them, which costs no accuracy; what
must not happen is that a clear answer turns.
"""
MOST_GRAVE = 0.01
"""Share of texts, for each target, that int8 may get gravely wrong; beyond it the float32 graph is kept."""

_FLOAT_TOLERANCE = 1e-2
"""Largest difference of logits between torch and float32 ONNX; they differ by the order of sums only."""

_SMOOTHING = 0.65
"""Share of a channel's excess that goes over to the weights; 0.5 to 0.9 were tried, and differ little from 0.65 on."""
_TINY = 1e-4


@dataclass(frozen=True, slots=True)
class Parity:
    """How the graph compares to torch, by target: share of texts with the same label, and of gravely wrong ones.

    `precision` is "int8", or "float32" where int8 was not good enough.
    """

    precision: str
    agreement: dict[str, float]
    grave: dict[str, float]


class _Smoothed(nn.Module):
    """A linear layer whose input channels are brought to like size first.

    SmoothQuant (Xiao et al., ICML 2023): a few channels of an encoder are far larger than the rest, and one int8 scale
    for all would round the rest away. Each is divided by a factor that its weights take on; the product is the same.
    """

    def __init__(self, linear: nn.Linear, largest: Tensor) -> None:
        super().__init__()
        weights = linear.weight.detach().abs().amax(0)
        factor = largest.clamp(min=_TINY) ** _SMOOTHING / weights.clamp(min=_TINY) ** (1 - _SMOOTHING)
        self.inverse = nn.Parameter(1 / factor)
        self.linear = nn.Linear(linear.in_features, linear.out_features)
        self.linear.weight = nn.Parameter(linear.weight.detach() * factor)
        self.linear.bias = linear.bias

    def forward(self, inputs: Tensor) -> Tensor:
        output: Tensor = self.linear(inputs * self.inverse)
        return output


class _Graph(nn.Module):
    """What is exported: one text without padding, so no attention mask is needed."""

    def __init__(self, model: MultiTargetModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor) -> tuple[Tensor, ...]:
        logits = self.model(input_ids, torch.ones_like(input_ids))
        return tuple(logits.values())


def export(model: MultiTargetModel, tokens: Tokens, texts: Sequence[str], path: Path) -> Parity:
    """Write the graph to `path`: in int8, or in float32, with a warning, where int8 turns clear answers.

    Args:
        model: the trained network.
        tokens: its tokenizer.
        texts: prepared texts on which parity is measured.
        path: of the graph.

    Raises:
        ModelError: the float32 graph does not do what the network does.
    """
    model = model.float().eval()
    ids = [tokens(text) for text in texts]
    trained = _torch_logits(model, ids)
    with TemporaryDirectory() as folder:
        plain, smooth = Path(folder) / "float32.onnx", Path(folder) / "smooth.onnx"
        _to_onnx(model, plain, tokens.max_tokens)
        exact = _onnx_logits(plain, model, ids)
        difference = max((float(np.abs(trained[target] - exact[target]).max()) for target in trained), default=0.0)
        if difference > _FLOAT_TOLERANCE:
            raise ModelError(f"{path}: the exported graph differs from the network by {difference:.3g} in a logit")
        _to_onnx(_smoothed(model, ids), smooth, tokens.max_tokens)
        with _quiet():
            quantize_dynamic(
                smooth, path, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul", "Gather"]
            )
        parity = _compare("int8", trained, _onnx_logits(path, model, ids))
        if any(share > MOST_GRAVE for share in parity.grave.values()):
            worst = max(parity.grave, key=parity.grave.__getitem__)
            warnings.warn(
                f"int8 turns {parity.grave[worst]:.1%} of clear {worst} labels; the graph stays in float32, which is"
                " slower and larger",
                stacklevel=2,
            )
            shutil.copyfile(plain, path)
            parity = _compare("float32", trained, exact)
    return parity


Logits = dict[str, NDArray[np.float32]]
"""By target, shape (texts, labels)."""


def _compare(precision: str, trained: Logits, found: Logits) -> Parity:
    agreement, grave = {}, {}
    for target, exact in trained.items():
        rows = np.arange(len(exact))
        given = found[target].argmax(axis=1)
        agreement[target] = float(np.mean(given == exact.argmax(axis=1)))
        grave[target] = float(np.mean(exact.max(axis=1) - exact[rows, given] > GRAVE))
    return Parity(precision, agreement, grave)


def _torch_logits(model: MultiTargetModel, ids: list[list[int]]) -> Logits:
    with torch.inference_mode():
        each = [model(row, torch.ones_like(row)) for row in _rows(ids)]
    return {target: torch.cat([logits[target] for logits in each]).numpy() for target in model.targets}


def _onnx_logits(path: Path, model: MultiTargetModel, ids: list[list[int]]) -> Logits:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [OUTPUT_PREFIX + target for target in model.targets]
    each = [session.run(names, {INPUT: row.numpy()}) for row in _rows(ids)]
    columns = zip(*each, strict=True)
    return {target: np.concatenate(values) for target, values in zip(model.targets, columns, strict=True)}


def _smoothed(model: MultiTargetModel, ids: list[list[int]]) -> MultiTargetModel:
    """A copy whose encoder has smoothed linear layers; `ids` show how large its channels become."""
    model = copy.deepcopy(model)
    largest: dict[str, Tensor] = {}

    def watch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            now = inputs[0].abs().flatten(0, -2).amax(0)
            largest[name] = torch.maximum(largest[name], now) if name in largest else now

        return hook

    linears = {name: layer for name, layer in model.encoder.named_modules() if isinstance(layer, nn.Linear)}
    hooks = [layer.register_forward_pre_hook(watch(name)) for name, layer in linears.items()]
    with torch.inference_mode():
        for row in _rows(ids):
            model(row, torch.ones_like(row))
    for hook in hooks:
        hook.remove()
    for name, layer in linears.items():
        parent, _, own = name.rpartition(".")
        # Clones, since tensors of inference mode cannot become parameters.
        setattr(model.encoder.get_submodule(parent), own, _Smoothed(layer, largest[name].clone()))
    return model


def _rows(ids: list[list[int]]) -> Iterator[Tensor]:
    return (torch.tensor([each]) for each in ids)


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporter and quantiser warn of their own insides and advise steps that do nothing for these graphs."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _to_onnx(model: MultiTargetModel, path: Path, max_tokens: int) -> None:
    example = torch.arange(2, 18).unsqueeze(0) % model.encoder.config.vocab_size
    length = torch.export.Dim("tokens", min=2, max=max_tokens)
    with _quiet():
        torch.onnx.export(
            _Graph(model),
            (example,),
            path,
            input_names=[INPUT],
            output_names=[OUTPUT_PREFIX + target for target in model.targets],
            dynamic_shapes={"input_ids": {1: length}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
