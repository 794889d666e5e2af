"""What a model says of texts that it did not learn from: mix, calibration and measures stand on it.

Of many rows a part is held out. Of few, a part would be too small to vouch for anything and would be missed in
training: they are cross-fitted (Stone, "Cross-validatory choice and assessment of statistical predictions", 1974). Each
quarter is judged by a network that learned from the other three, and the model itself learns from all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from complaint_router.engine import Engine
from complaint_router.engine.linear import Linear
from complaint_router.learn.batch import Encoded
from complaint_router.learn.calibrate import Logits
from complaint_router.learn.data import Example, LabelledData
from complaint_router.learn.fit import Epoch, predict
from complaint_router.learn.linear import fit_linear
from complaint_router.learn.locate import unit_evidence
from complaint_router.learn.model import MultiTargetModel
from complaint_router.progress import progress_bar
from complaint_router.text import prepare

FOLDS = 4

Network = Callable[[int, Sequence[Encoded], Sequence[Encoded]], tuple[MultiTargetModel, Sequence[Epoch]]]
"""Trains a network: the number of the fold, what to learn from, what to choose the epoch by."""


@dataclass(frozen=True)
class Unseen:
    """By target, logits of the network and scores of its linear partner, of shape (examples, labels).

    `placed` is what the place adds to the logits of units, of shape (examples, units); None without.
    """

    examples: Sequence[Example]
    said: Logits
    added: Logits
    placed: NDArray[np.float32] | None


def held_out(
    engine: Engine,
    linear: Linear,
    examples: Sequence[Example],
    data: Sequence[Example],
    targets: Mapping[str, Sequence[str]],
    home: str | None,
) -> Unseen:
    """What the written graph says of `examples`, which are none of `data`, the examples learned from."""
    texts = [prepare(example.text) for example in examples]
    with progress_bar() as progress:
        said = [engine.graph_logits(text) for text in progress.track(texts, description="calibrating")]
    return Unseen(
        examples,
        {target: _stacked([each[target] for each in said], len(labels)) for target, labels in targets.items()},
        _added(linear, examples, targets),
        _placed(examples, data, targets, home),
    )


def cross_fitted(
    data: LabelledData,
    encoded: Sequence[Encoded],
    groups: Sequence[int],
    train: Network,
    targets: Mapping[str, Sequence[str]],
    base: Linear | None,
    home: str | None,
    seed: int,
) -> tuple[Unseen, list[Epoch]]:
    """Judge each fold by a network that learned from the others; those of one of `groups` share a fold.

    Returns what is said of all examples, in their order, and what the epochs gave on average over the folds.
    """
    count = len(data.examples)
    folds = data.folds(FOLDS, groups)
    said = {target: np.zeros((count, len(labels)), np.float32) for target, labels in targets.items()}
    added = {target: np.zeros((count, len(labels)), np.float32) for target, labels in targets.items()}
    placed: NDArray[np.float32] | None = None
    histories = []
    for fold in range(FOLDS):
        inside = [at for at in range(count) if folds[at] == fold]
        outside = [at for at in range(count) if folds[at] != fold]
        rest = [data.examples[at] for at in outside]
        model, history = train(fold, [encoded[at] for at in outside], [encoded[at] for at in inside])
        histories.append(history)
        logits = predict(model, [encoded[at] for at in inside], "judging what was not learned from")
        part = [data.examples[at] for at in inside]
        scores = _added(fit_linear(rest, targets, base, seed), part, targets)
        for target in targets:
            said[target][inside] = logits[target]
            added[target][inside] = scores[target]
        if (each := _placed(part, rest, targets, home)) is not None:
            placed = np.zeros((count, each.shape[1]), np.float32) if placed is None else placed
            placed[inside] = each
    return Unseen(data.examples, said, added, placed), _averaged(histories)


def _averaged(histories: Sequence[Sequence[Epoch]]) -> list[Epoch]:
    """Epoch by epoch, the mean over the trainings that came so far; up to where more than half did."""
    averaged = []
    for number in range(max(map(len, histories))):
        reached = [history[number] for history in histories if len(history) > number]
        if 2 * len(reached) <= len(histories):
            break
        averaged.append(
            Epoch(
                float(np.mean([epoch.loss for epoch in reached])),
                {
                    name: float(np.mean([epoch.accuracy.get(name, 0.0) for epoch in reached]))
                    for name in reached[0].accuracy
                },
                {
                    name: float(np.mean([epoch.macro_f1.get(name, 0.0) for epoch in reached]))
                    for name in reached[0].macro_f1
                },
            )
        )
    return averaged


def _added(linear: Linear, examples: Sequence[Example], targets: Mapping[str, Sequence[str]]) -> Logits:
    each = [linear.scores(prepare(example.text)) for example in examples]
    return {target: _stacked([row[target] for row in each], len(labels)) for target, labels in targets.items()}


def _placed(
    examples: Sequence[Example], data: Sequence[Example], targets: Mapping[str, Sequence[str]], home: str | None
) -> NDArray[np.float32] | None:
    evidence = unit_evidence(data, targets, home)
    return None if evidence is None else _stacked([evidence(each.text) for each in examples], len(targets["unit"]))


def _stacked(rows: Sequence[NDArray[np.float32]], labels: int) -> NDArray[np.float32]:
    """Rows as one array, of shape (0, labels) where there are none."""
    return np.array(rows, np.float32).reshape(len(rows), labels)
