"""Quantise a graph's linear layers to int8, with scales that are fixed beforehand.

Fixed scales, unlike those that onnxruntime's dynamic quantisation takes from whatever is in a batch, give the same text
the same answer in any company: sums of int8 products are exact, whatever their order. Three things keep it true to
float32:

- Channels of an encoder's activations differ in size by a hundredfold, and one step for all would drown the small
  ones. Part of the excess moves over to the weights, which have a scale for each output (SmoothQuant: Xiao et al.,
  2023, arXiv:2211.10438).
- The few channels that are far larger still, in what the second layers of the feed-forward blocks read, stay in float32
  (LLM.int8(): Dettmers et al., 2022, arXiv:2208.07339). Eight of them halve the error of the whole.
- Embeddings have a scale for each token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

from complaint_router.engine.session import INPUT, run_options
from complaint_router.learn.graph import MICROSOFT, Graph, Node

OUTLIERS = 8
"""Channels that stay in float32; 16 to 64 bring hardly more."""
_SMOOTHING = 0.8
"""Share of a channel's excess that goes over to the weights; 0.65 does as well, 0.5 worse."""
_TINY = 1e-4
_LEAST_EMBEDDINGS = 1_000
"""Rows from which a table of embeddings is worth quantising."""


@dataclass(frozen=True)
class _Linear:
    """A linear layer: the product, the addition of the bias, and their constants."""

    product: Node
    addition: Node
    weight: str
    bias: str

    @property
    def name(self) -> str:
        return str(self.product.name)

    @property
    def source(self) -> str:
        return str(self.product.input[0])


@dataclass(frozen=True)
class _Range:
    """Least and largest values of each channel, both of shape (channels,)."""

    least: NDArray[np.float32]
    largest: NDArray[np.float32]

    @property
    def size(self) -> NDArray[np.float32]:
        return np.maximum(np.maximum(-self.least, self.largest), _TINY)


def quantise(graph: Graph, ids: Sequence[Sequence[int]]) -> Graph:
    """A copy of a float32 graph in int8.

    Args:
        graph: the graph, with token ids as its only input.
        ids: token ids of texts that show how large the channels become.
    """
    graph = graph.copy()
    layers = list(_linears(graph))
    ranges = _ranges(graph, layers, ids)
    new: dict[str, list[Node]] = {}
    for source in dict.fromkeys(layer.source for layer in layers):
        several = [layer for layer in layers if layer.source == source]
        new |= _quantised(graph, several, ranges[source])
    products = {layer.product.name for layer in layers}
    graph.rewrite(lambda node: [] if node.name in products else new.get(node.name) or _embedded(graph, node))
    return graph


def _linears(graph: Graph) -> Iterator[_Linear]:
    for node in graph.nodes:
        if node.op_type != "MatMul" or node.input[1] not in graph.constants:
            continue
        users = graph.users.get(node.output[0], [])
        if len(users) == 1 and users[0].op_type == "Add":
            biases = [name for name in users[0].input if name in graph.constants]
            if biases and graph.value(node.input[1]).ndim == 2:
                yield _Linear(node, users[0], node.input[1], biases[0])


def _ranges(graph: Graph, layers: Sequence[_Linear], ids: Sequence[Sequence[int]]) -> dict[str, _Range]:
    """How large each channel becomes of the values that linear layers read."""
    names = sorted({layer.source for layer in layers})
    watched = onnx.ModelProto()
    watched.CopyFrom(graph.serving())
    watched.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    session = ort.InferenceSession(
        watched.SerializeToString(), run_options(threads=0), providers=["CPUExecutionProvider"]
    )
    ranges: dict[str, _Range] = {}
    for row in ids if names else ():
        values = session.run(names, {INPUT: np.array([row], np.int64)})
        for name, value in zip(names, values, strict=True):
            channels = value.reshape(-1, value.shape[-1])
            now = _Range(channels.min(axis=0), channels.max(axis=0))
            before = ranges.get(name, now)
            ranges[name] = _Range(np.minimum(before.least, now.least), np.maximum(before.largest, now.largest))
    return ranges


def _quantised(graph: Graph, layers: Sequence[_Linear], found: _Range) -> dict[str, list[Node]]:
    """Nodes that stand for the layers that read one value, by the name of the addition that each ends in."""
    source, weights = layers[0].source, {layer.weight: graph.value(layer.weight) for layer in layers}
    wide = all(weight.shape[0] > weight.shape[1] for weight in weights.values())
    outliers = np.sort(np.argsort(-found.size)[:OUTLIERS]) if wide else np.zeros(0, int)
    rest = np.ones(len(found.size), bool)
    rest[outliers] = False
    strongest = np.max([np.abs(weight).max(axis=1) for weight in weights.values()], axis=0)
    factor = found.size**_SMOOTHING / np.maximum(strongest, _TINY) ** (1 - _SMOOTHING)
    factor = (factor / np.exp(np.log(factor).mean())).astype(np.float32)
    least = min(0.0, float((found.least / factor)[rest].min(initial=0)))
    largest = max(0.0, float((found.largest / factor)[rest].max(initial=0)))
    step = np.float32(max((largest - least) / 255, 1e-8))
    constants = {
        "factor": 1 / factor, "step": np.array(step), "zero": np.array(np.clip(round(-least / step), 0, 255), np.uint8)
    }  # fmt: skip
    names = {key: graph.add_constant(f"{source}.{key}", value) for key, value in constants.items()}
    nodes = [
        helper.make_node("Mul", [source, names["factor"]], [f"{source}.smooth"], f"{source}.smooth"),
        helper.make_node(
            "QuantizeLinear", [f"{source}.smooth", names["step"], names["zero"]], [f"{source}.int8"], f"{source}.int8"
        ),
    ]
    made: dict[str, list[Node]] = {}
    for number, layer in enumerate(layers):
        weight = weights[layer.weight] * factor[:, None]
        weight[outliers] = 0
        scale = (np.maximum(np.abs(weight).max(axis=0), 1e-8) / 127).astype(np.float32)
        whole = graph.add_constant(f"{layer.name}.int8", np.round(weight / scale).astype(np.int8))
        scales = graph.add_constant(f"{layer.name}.scale", scale)
        inputs = [f"{source}.int8", whole, names["step"], scales, names["zero"], "", layer.bias]
        output = str(layer.addition.output[0])
        ending: list[Node] = []
        if len(outliers):
            ending = _in_float(graph, layer, outliers, output)
            output = f"{output}.rest"
        product = helper.make_node("MatMulIntegerToFloat", inputs, [output], f"{layer.name}.int8", domain=MICROSOFT)
        made[layer.addition.name] = [*(nodes if number == 0 else []), product, *ending]
    return made


def _in_float(graph: Graph, layer: _Linear, channels: NDArray[Any], output: str) -> list[Node]:
    """What these channels give, in float32, added to what the others give."""
    index = graph.add_constant(f"{layer.name}.channels", channels.astype(np.int64))
    weight = graph.add_constant(f"{layer.name}.float", graph.value(layer.weight)[channels])
    few, part = f"{layer.name}.few", f"{layer.name}.part"
    return [
        helper.make_node("Gather", [layer.source, index], [few], few, axis=-1),
        helper.make_node("MatMul", [few, weight], [part], part),
        helper.make_node("Add", [f"{output}.rest", part], [output], f"{layer.name}.sum"),
    ]


def _embedded(graph: Graph, node: Node) -> list[Node] | None:
    """Nodes that look embeddings up in int8, in the place of one that does in float32."""
    if node.op_type != "Gather" or node.input[0] not in graph.constants:
        return None
    table = graph.value(node.input[0])
    if table.ndim != 2 or len(table) < _LEAST_EMBEDDINGS or table.dtype != np.float32:
        return None
    name, ids = node.input[0], node.input[1]
    scale = (np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-8) / 127).astype(np.float32)
    whole = graph.add_constant(f"{name}.int8", np.round(table / scale).astype(np.int8))
    scales = graph.add_constant(f"{name}.scale", scale)
    return [
        helper.make_node("Gather", [whole, ids], [f"{name}.row"], f"{name}.row"),
        helper.make_node("Cast", [f"{name}.row"], [f"{name}.cast"], f"{name}.cast", to=TensorProto.FLOAT),
        helper.make_node("Gather", [scales, ids], [f"{name}.step"], f"{name}.step"),
        helper.make_node("Mul", [f"{name}.cast", f"{name}.step"], [node.output[0]], f"{name}.value"),
    ]
