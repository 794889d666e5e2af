"""Edit an ONNX graph: fuse attention, put nodes in the place of others, drop what nothing uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

MICROSOFT = "com.microsoft"
"""Domain of the operators that onnxruntime has besides the standard ones."""
OPSET, IR_VERSION = 21, 10
"""Of the graphs that serve: what onnxruntime reads since 1.20. The operators left after fusion are all that old."""

Node = Any
"""onnx.NodeProto"""


class Graph:
    """A model's graph with the ways from a value to the node that makes it and to those that use it."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.nodes: list[Node] = list(model.graph.node)
        self._index()

    @classmethod
    def load(cls, path: Any) -> Graph:
        """Read a model."""
        return cls(onnx.load(str(path)))

    def copy(self) -> Graph:
        """Another graph of the same."""
        model = onnx.ModelProto()
        model.CopyFrom(self.finished())
        return Graph(model)

    def _index(self) -> None:
        self.makers = {output: node for node in self.nodes for output in node.output}
        self.users: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in node.input:
                self.users.setdefault(name, []).append(node)
        self.constants = {each.name: each for each in self.model.graph.initializer}

    def value(self, name: str) -> NDArray[Any]:
        """A constant of the graph."""
        return np.asarray(numpy_helper.to_array(self.constants[name]))

    def add_constant(self, name: str, value: NDArray[Any]) -> str:
        """Put a constant in; gives its name."""
        self.model.graph.initializer.append(numpy_helper.from_array(value, name))
        self.constants[name] = self.model.graph.initializer[-1]
        return name

    def rewrite(self, change: Callable[[Node], Sequence[Node] | None]) -> None:
        """Put in the place of each node those that `change` gives; None leaves it."""
        nodes: list[Node] = []
        for node in self.nodes:
            changed = change(node)
            nodes += [node] if changed is None else changed
        self.nodes = nodes
        self._index()

    def finished(self) -> onnx.ModelProto:
        """The model with its nodes as they are now, without what leads to no output."""
        outputs = {output.name for output in self.model.graph.output}
        self.nodes = _leading_to(self.nodes, outputs)
        self._index()
        graph = self.model.graph
        kept = [each for each in graph.initializer if each.name in self.users or each.name in outputs]
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(self.nodes)
        graph.initializer.extend(kept)
        self._index()
        return self.model

    def serving(self) -> onnx.ModelProto:
        """The finished model, marked as of `OPSET`, without the exporter's notes on where each node came from."""
        model = self.finished()
        for part in (*model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output):
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
        for holder in (model, model.graph):
            holder.ClearField("metadata_props")
            holder.ClearField("doc_string")
        del model.opset_import[:]
        model.opset_import.extend([helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)])
        model.ir_version = IR_VERSION
        return model


def fuse_attention(graph: Graph, heads: int) -> None:
    """Let one operator do what follows the projections to queries, keys and values, cut into so many heads.

    Masks are dropped: texts of a batch have the same length, and every token sees every other. Not so in an encoder
    with windows, so hold the fused graph to the network.
    """
    new: dict[str, list[Node]] = {}
    gone: set[str] = set()
    for node in graph.nodes:
        if node.op_type != "Attention":
            continue
        chains = [_back(graph, name, "Transpose", "Reshape") for name in node.input[:3]]
        ahead = _ahead(graph, node.output[0], "Transpose", "Reshape")
        if not all(chains) or not ahead:
            continue
        sources = [chain[-1].input[0] for chain in chains]
        fused = helper.make_node(
            "MultiHeadAttention", sources, ahead[-1].output[:1], f"{node.name}_fused", domain=MICROSOFT, num_heads=heads
        )
        new[node.name] = [fused]
        gone.update(each.name for each in ahead)
    graph.rewrite(lambda node: [] if node.name in gone else new.get(node.name))


def _leading_to(nodes: Sequence[Node], outputs: Iterable[str]) -> list[Node]:
    """Those of the nodes, which are in order, that the outputs need."""
    needed, kept = set(outputs), []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    return kept[::-1]


def _back(graph: Graph, name: str, *types: str) -> list[Node]:
    """The nodes of these types that make a value, the last one first; none where they are others."""
    chain: list[Node] = []
    for kind in types:
        node = graph.makers.get(name)
        if node is None or node.op_type != kind:
            return []
        chain.append(node)
        name = node.input[0]
    return chain


def _ahead(graph: Graph, name: str, *types: str) -> list[Node]:
    """The nodes of these types that alone use a value, one after the other; none where they are others."""
    chain: list[Node] = []
    for kind in types:
        users = graph.users.get(name, [])
        if len(users) != 1 or users[0].op_type != kind:
            return []
        chain.append(users[0])
        name = users[0].output[0]
    return chain
