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
from complaint_router.engine.linear import Linear, Logits, Scores
from complaint_router.learn.batch import Encoded
from complaint_router.learn.data import Example, LabelledData
from complaint_router.learn.fit import Epoch, predict
from complaint_router.learn.linear import fit_linear
from complaint_router.learn.locate import unit_evidence
from complaint_router.learn.model import MultiTargetModel
from complaint_router.progress import progress_bar
from complaint_router.text import prepare

FOLDS = 4
_CHUNK = 256

Network = Callable[[int, Sequence[Encoded], Sequence[Encoded]], tuple[MultiTargetModel, Sequence[Epoch]]]
"""Trains a network: the number of the fold, what to learn from, what to choose the epoch by."""


@dataclass(frozen=True)
class Unseen:
    """What is said of `examples`, by target, of every target that the model has, of shape (examples, labels).

    `said` are the logits of the network, `scores` those of its linear partner. `placed` is what the place adds to the
    logits of units, of shape (examples, units); None without.
    """

    examples: Sequence[Example]
    said: Logits
    scores: Scores
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
    said: list[Logits] = []
    with progress_bar() as progress:
        task = progress.add_task("calibrating", total=len(texts))
        for begin in range(0, max(len(texts), 1), _CHUNK):
            said.append(engine.encoded(texts[begin : begin + _CHUNK]))
            progress.advance(task, len(texts[begin : begin + _CHUNK]))
    joined = {target: np.concatenate([each[target] for each in said]) for target in said[0]}
    return Unseen(examples, joined, linear.scores(texts), _placed(examples, data, targets, home))


def cross_fitted(
    data: LabelledData,
    encoded: Sequence[Encoded],
    folds: Sequence[int],
    train: Network,
    targets: Mapping[str, Sequence[str]],
    base: Linear | None,
    home: str | None,
    seed: int,
) -> tuple[Unseen, list[Epoch]]:
    """Judge each fold by a network that learned from the others.

    Args:
        data: all examples.
        encoded: the same, encoded.
        folds: number of each example's fold; -1 for those that are only learned from.
        train: trains a network.
        targets: what is trained, with the labels of each.
        base: linear partner of the model gone on from.
        home: division whose hotline this is.
        seed: of the linear partners.

    Returns:
        What is said of the examples that have a fold, in their order, and what the epochs gave on average over the
        folds.
    """
    judged = [at for at, fold in enumerate(folds) if fold >= 0]
    place = {at: number for number, at in enumerate(judged)}
    said: dict[str, NDArray[np.float32]] = {}
    beside: dict[str, NDArray[np.float32]] = {}
    alone: dict[str, NDArray[np.float32]] = {}
    placed: NDArray[np.float32] | None = None
    histories = []
    for fold in sorted({folds[at] for at in judged}):
        inside = [at for at in judged if folds[at] == fold]
        outside = [at for at in range(len(folds)) if folds[at] != fold]
        rows = [place[at] for at in inside]
        rest, part = data.part(outside).examples, data.part(inside).examples
        model, history = train(fold, [encoded[at] for at in outside], [encoded[at] for at in inside])
        histories.append(history)
        logits = predict(model, [encoded[at] for at in inside], "judging what was not learned from")
        scores = fit_linear(rest, targets, base, seed).scores([prepare(example.text) for example in part])
        for arrays, found in ((said, logits), (beside, scores.beside), (alone, scores.alone)):
            for target, values in found.items():
                arrays.setdefault(target, np.zeros((len(judged), values.shape[1]), np.float32))[rows] = values
        if (each := _placed(part, rest, targets, home)) is not None:
            placed = np.zeros((len(judged), each.shape[1]), np.float32) if placed is None else placed
            placed[rows] = each
    return Unseen(data.part(judged).examples, said, Scores(beside, alone), placed), averaged(histories)


def averaged(histories: Sequence[Sequence[Epoch]]) -> list[Epoch]:
    """Epoch by epoch the mean over several trainings; of one that stopped early its last epoch counts on."""
    longest = max(map(len, histories))
    epochs = [[history[min(number, len(history) - 1)] for history in histories] for number in range(longest)]
    return [
        Epoch(
            float(np.mean([epoch.loss for epoch in several])),
            _mean([epoch.accuracy for epoch in several]),
            _mean([epoch.macro_f1 for epoch in several]),
        )
        for several in epochs
    ]


def _mean(several: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """By target, the mean over those that have it: a fold may lack the labels of one."""
    names = sorted({name for each in several for name in each})
    return {name: float(np.mean([each[name] for each in several if name in each])) for name in names}


def _placed(
    examples: Sequence[Example], data: Sequence[Example], targets: Mapping[str, Sequence[str]], home: str | None
) -> NDArray[np.float32] | None:
    evidence = unit_evidence(data, targets, home)
    return None if evidence is None else _stacked([evidence(each.text) for each in examples], len(targets["unit"]))


def _stacked(rows: Sequence[NDArray[np.float32]], labels: int) -> NDArray[np.float32]:
    """Rows as one array, of shape (0, labels) where there are none."""
    return np.array(rows, np.float32).reshape(len(rows), labels)
