"""Run the ONNX graph and its linear partner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from complaint_router.engine.linear import Linear
from complaint_router.engine.tokens import Tokens
from complaint_router.errors import ModelError
from complaint_router.folder import FILES, Config

INPUT = "input_ids"
OUTPUT_PREFIX = "logits_"
"""The graph has one output for each target: `logits_category` and so on, each of shape (batch, labels)."""


class Engine:
    """Tokenizer, graph and linear partner of one model folder. Safe to call from several threads at once."""

    def __init__(self, folder: Path, config: Config) -> None:
        """Raises ModelError where tokenizer, graph or linear partner cannot be loaded or do not fit the config."""
        self._tokens = Tokens.load(folder / FILES.tokenizer, config.max_tokens)
        options = ort.SessionOptions()
        # One thread a call: callers run texts side by side, and the sum of floats has one order only.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        path = folder / FILES.graph
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the library's errors have no common base but Exception
            raise ModelError(f"{path}: is not an ONNX graph that can be run ({type(error).__name__})") from error
        self._targets = tuple(config.targets)
        self._outputs = [OUTPUT_PREFIX + target for target in self._targets]
        shapes = {output.name: output.shape for output in self._session.get_outputs()}
        for target, output in zip(self._targets, self._outputs, strict=True):
            if output not in shapes or shapes[output][-1] != len(config.targets[target]):
                raise ModelError(f"{path}: does not give {len(config.targets[target])} logits for {target}")
        self._linear = Linear.load(folder, config.targets)

    def logits(self, text: str) -> dict[str, NDArray[np.float32]]:
        """Logits of one prepared text, n-grams mixed in: for each target an array of shape (labels,)."""
        logits = self.graph_logits(text)
        if self._linear is not None:
            for target, scores in self._linear.scores(text).items():
                logits[target] = logits[target] + np.float32(self._linear.heads[target].mix) * scores
        return logits

    def graph_logits(self, text: str) -> dict[str, NDArray[np.float32]]:
        """What the graph alone says of one prepared text: for each target an array of shape (labels,).

        Texts run one by one: int8 activations are scaled by what is in the batch, so only a batch of one gives the
        same text the same answer in any company; and without padding it is as fast on a CPU core.
        """
        ids = np.array([self._tokens(text)], dtype=np.int64)
        values: Sequence[NDArray[np.float32]] = self._session.run(self._outputs, {INPUT: ids})
        return {target: value[0] for target, value in zip(self._targets, values, strict=True)}
