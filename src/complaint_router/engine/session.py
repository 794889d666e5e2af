"""Run a model: the n-grams on all texts, the encoder's graph on those that they leave open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from complaint_router.engine.cascade import Cascade
from complaint_router.engine.linear import Linear, Logits
from complaint_router.engine.tokens import Tokens
from complaint_router.errors import ModelError
from complaint_router.folder import FILES, FULL, LINEAR, TIERS, Config

INPUT = "input_ids"
OUTPUT_PREFIX = "logits_"
"""The graph has one output for each target: `logits_category` and so on, each of shape (batch, labels)."""

_TOKENS_TOGETHER = 512
"""Tokens that go through the graph at once. More would not be faster: what its layers write would leave the cache."""


@dataclass(frozen=True)
class Said:
    """What the model says of texts, and which tier said it.

    `tiers` has the shape (texts,) and holds indices into `TIERS`; `logits` holds, by target, what that tier said, with
    the shape (texts, labels).
    """

    tiers: NDArray[np.int8]
    logits: Logits


class Engine:
    """Tokenizer, graph and linear partner of one model folder. Safe to call from several threads at once.

    `tiers` are those that can answer.

    Equal texts get equal logits, to the bit, in any company: the graph works with fixed scales on texts of one length
    at a time, without padding, and every sum has one order only.
    """

    def __init__(self, folder: Path, config: Config, threads: int = 1) -> None:
        """Load what the folder holds and run it once, so that the first complaint is answered as fast as the others.

        Args:
            folder: the model folder.
            config: its config.
            threads: that share the work of one call.

        Raises:
            ModelError: tokenizer, graph, linear partner or cascade cannot be loaded or do not fit the config.
        """
        self._targets = config.targets
        self._outputs = [OUTPUT_PREFIX + target for target in config.targets]
        self._tokens = Tokens.load(folder / FILES.tokenizer, config.max_tokens)
        path = folder / FILES.graph
        self._session = _session(path, threads)
        shapes = {output.name: output.shape for output in self._session.get_outputs()}
        for (target, labels), output in zip(config.targets.items(), self._outputs, strict=True):
            if shapes.get(output, [None])[-1] != len(labels):
                raise ModelError(f"{path}: does not give {len(labels)} logits for {target}")
        self._linear = Linear.load(folder, config.targets)
        self._cascade = Cascade.load(folder, config.targets)
        self.tiers = (LINEAR, FULL) if self._cascade.margins else (FULL,)
        if self._cascade.margins and (self._linear is None or set(self._linear.heads) != set(config.targets)):
            raise ModelError(f"{folder / FILES.cascade}: needs a head for every target in {FILES.linear}")
        self.encoded(["您好"])

    def said(self, texts: Sequence[str]) -> Said:
        """What the cascade says of prepared texts, none of them empty: the n-grams first, the encoder of the rest."""
        tiers = np.full(len(texts), TIERS.index(FULL), np.int8)
        if self._linear is None:
            return Said(tiers, self.encoded(texts))
        scores = self._linear.scores(texts)
        if self._cascade.margins:
            tiers[self._cascade.stands(scores.alone)] = TIERS.index(LINEAR)
        rest = np.flatnonzero(tiers == TIERS.index(FULL))
        logits = dict(self._linear.mix(self.encoded([texts[row] for row in rest.tolist()]), scores, rest))
        if len(rest) < len(texts):
            for target, values in logits.items():
                logits[target] = np.array(scores.alone[target])
                logits[target][rest] = values
        return Said(tiers, logits)

    def encoded(self, texts: Sequence[str]) -> Logits:
        """What the graph alone says of prepared texts, n-grams not mixed in."""
        ids = [self._tokens(text) for text in texts]
        logits = {target: np.empty((len(texts), len(names)), np.float32) for target, names in self._targets.items()}
        for rows in _batches([len(each) for each in ids]):
            values = self._session.run(self._outputs, {INPUT: np.array([ids[row] for row in rows], np.int64)})
            for target, each in zip(self._targets, values, strict=True):
                logits[target][rows] = each
        return logits


def run_options(threads: int) -> Any:
    """How onnxruntime runs a graph with so many threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # No more than basic optimisation: beyond it onnxruntime fuses sum and normalisation into SkipLayerNormalization,
    # which takes six times as long as both (592 instead of 89 µs for 8 texts of 38 tokens, a fifth of all time).
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    # Waiting threads would burn the time of those that route beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _session(path: Path, threads: int) -> Any:
    try:
        return ort.InferenceSession(str(path), run_options(threads), providers=["CPUExecutionProvider"])
    except Exception as error:  # the library's errors have no common base but Exception
        raise ModelError(f"{path}: is not an ONNX graph that can be run ({type(error).__name__})") from error


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows of equal length together, the short ones first, `_TOKENS_TOGETHER` tokens at a time."""
    same: defaultdict[int, list[int]] = defaultdict(list)
    for row, length in enumerate(lengths):
        same[length].append(row)
    for length, rows in sorted(same.items()):
        size = max(1, _TOKENS_TOGETHER // length)
        for begin in range(0, len(rows), size):
            yield rows[begin : begin + size]
