"""The training loop: length-sorted batches, bfloat16 where there is any, averaged weights, the best epoch kept."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from complaint_router.learn.batch import BATCH, Encoded, batches, padded, parts
from complaint_router.learn.checkpoint import Checkpoint
from complaint_router.learn.loss import Loss, label_loss
from complaint_router.learn.model import MultiTargetModel
from complaint_router.metrics import accuracy, macro_f1
from complaint_router.progress import progress_bar

LEARNING_RATE = 1e-4
"""Peak rate of AdamW for an encoder of this size; heads learn at `HEAD_FACTOR` times that."""
HEAD_FACTOR = 5.0
WARM_UP = 0.1
WEIGHT_DECAY = 0.01
AVERAGING = 0.99
"""What an update leaves of the averaged weights."""
LEAST_STEPS = 600
"""Updates that the default number of epochs gives a small data set."""
EPOCHS = (4, 20)
"""Fewest and most epochs by default."""
PATIENCE = 2
"""Epochs without a better result after which training stops."""

Twins = Callable[[int], Sequence[Encoded]]
"""Gives what the epoch of a number, from 1 up, reads in the place of the examples: as many, varied anew each time."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch gave: mean loss, and accuracy and macro-F1 of each trained target on the held-out part."""

    loss: float
    accuracy: dict[str, float]
    macro_f1: dict[str, float]

    @property
    def merit(self) -> float:
        """By which the best epoch is chosen: the mean of all accuracies and macro-F1s."""
        values = (*self.accuracy.values(), *self.macro_f1.values())
        return sum(values) / len(values) if values else -self.loss


def best_epoch(history: Sequence[Epoch]) -> Epoch:
    """The first of the epochs with the highest merit."""
    return max(history, key=lambda epoch: epoch.merit)


def with_kept(examples: Sequence[Encoded], model: MultiTargetModel, kept: Sequence[str]) -> list[Encoded]:
    """Add the network's present logits of the `kept` targets, which training shall then not forget.

    Learning without forgetting: Li and Hoiem, ECCV 2016.
    """
    if not kept:
        return list(examples)
    logits = predict(model.to(best_device()), examples, "remembering what the model knows")
    return [
        Encoded(example.ids, example.right, {target: logits[target][row] for target in kept})
        for row, example in enumerate(examples)
    ]


def fit(
    model: MultiTargetModel,
    train: Sequence[Encoded],
    held: Sequence[Encoded],
    *,
    epochs: int | None,
    seed: int,
    learning_rate: float = LEARNING_RATE,
    twins: Twins | None = None,
    loss: Loss | None = None,
    stop: int | None = None,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
) -> list[Epoch]:
    """Train the network in place and leave it with the averaged weights of its best epoch on the held-out part.

    Averages of the weights along the way are better and steadier than the weights themselves (Izmailov et al., UAI
    2018), above all while the learning rate is still high.

    Args:
        model: the network.
        train: examples to learn from.
        held: examples that choose the epoch; without any, it is the last one.
        epochs: passes over `train`; default: 4 to 20, more for fewer examples.
        seed: of all that is random.
        learning_rate: peak rate of the encoder; heads learn at `HEAD_FACTOR` times that.
        twins: what each epoch reads in the place of `train`.
        loss: what is brought down, of a batch; default: `label_loss`.
        stop: epoch after which training stops, though the learning rate falls as for `epochs`.
        checkpoint: where the state is saved, after each epoch and every two minutes.
        resume: go on from the checkpoint where there is one. The result is the same as without the interruption, with
            the same number of threads on the same kind of machine.

    Returns:
        One entry for each epoch.

    Raises:
        DataError: the checkpoint is of another training.
    """
    steps = -(-len(train) // BATCH)
    epochs = epochs or usual_epochs(len(train))
    run = _Run(model.to(best_device()), learning_rate, steps * epochs, seed)
    if checkpoint is not None and resume and (state := checkpoint.load()) is not None:
        run.restore(state)
    loss_of = loss or label_loss
    with progress_bar() as progress:
        task = progress.add_task("training", total=epochs * len(train), completed=run.epoch * len(train))
        while run.epoch < min(epochs, stop or epochs) and not run.stale:
            examples = twins(run.epoch + 1) if twins else train
            order = list(batches(examples, run.order_of_epoch()))
            progress.update(task, advance=sum(map(len, order[: run.batch])))
            for batch in order[run.batch :]:
                now = run.step(batch, loss_of)
                progress.update(task, advance=len(batch), description=f"epoch {run.epoch + 1}/{epochs}, loss {now:.3f}")
                if checkpoint is not None and checkpoint.due:
                    checkpoint.save(run.state())
            run.examine(held)
            if checkpoint is not None:
                checkpoint.save(run.state())
    model.load_state_dict(run.best)
    model.cpu().eval()
    return run.history


def usual_epochs(examples: int) -> int:
    """Epochs by default: 4 to 20, more for fewer examples."""
    return min(max(EPOCHS[0], -(-LEAST_STEPS * BATCH // max(examples, 1))), EPOCHS[1])


class _Run:
    """All that changes while a network is trained, so that it can be saved and restored as a whole."""

    def __init__(self, model: MultiTargetModel, rate: float, steps: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.device = next(model.parameters()).device
        self.model = model
        self.seed = seed
        self.optimizer = torch.optim.AdamW(_groups(model, rate), fused=True)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, warm_up_and_down(steps))
        self.average = copy.deepcopy(model.state_dict())
        self.best = self.average
        self.history: list[Epoch] = []
        self.losses: list[float] = []
        """Of the epoch under way."""
        self.steps = 0

    @property
    def epoch(self) -> int:
        """How many epochs are over."""
        return len(self.history)

    @property
    def batch(self) -> int:
        """How many batches of the epoch under way are done."""
        return len(self.losses)

    @property
    def stale(self) -> bool:
        """Whether `PATIENCE` epochs have brought nothing better to the held-out examples."""
        return (
            bool(self.history and self.history[0].accuracy)
            and self.epoch - 1 - self.history.index(best_epoch(self.history)) >= PATIENCE
        )

    def order_of_epoch(self) -> random.Random:
        """What shuffles the epoch under way: the same after an interruption."""
        return random.Random(f"{self.seed} {self.epoch}")

    def step(self, batch: Sequence[Encoded], loss_of: Loss) -> float:
        """Learn from one batch, down the gradient clipped to norm 1; gives its loss."""
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for part in parts(batch):
            with autocast(self.device):
                loss = loss_of(self.model, part, self.device) * (len(part) / len(batch))
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.losses.append(total)
        self.steps += 1
        # The first averages are short: else the weights of the start would weigh in them for long.
        kept = min(AVERAGING, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                if value.dtype.is_floating_point:
                    self.average[name].lerp_(value, 1 - kept)
        return self.losses[-1]

    def examine(self, held: Sequence[Encoded]) -> None:
        """End the epoch: hold the averaged weights to the held-out examples, and keep them if they are the best."""
        raw = copy.deepcopy(self.model.state_dict())
        self.model.load_state_dict(self.average)
        self.history.append(_examined(self.model, held, sum(self.losses) / len(self.losses)))
        self.model.load_state_dict(raw)
        self.losses = []
        if not held or best_epoch(self.history) is self.history[-1]:
            self.best = copy.deepcopy(self.average)

    def state(self) -> dict[str, Any]:
        """Everything, as tensors, numbers, strings, lists and dicts."""
        return {
            "model": self.model.state_dict(),
            "average": self.average,
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "history": [asdict(epoch) for epoch in self.history],
            "losses": self.losses,
            "steps": self.steps,
            "random": [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else ())],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what `state` gave."""
        self.model.load_state_dict(state["model"])
        self.average, self.best = state["average"], state["best"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.history = [Epoch(**epoch) for epoch in state["history"]]
        self.losses, self.steps = state["losses"], state["steps"]
        torch.set_rng_state(state["random"][0])
        for number, each in enumerate(state["random"][1:]):
            torch.cuda.set_rng_state(each, number)


def predict(model: MultiTargetModel, examples: Sequence[Encoded], description: str) -> dict[str, NDArray[np.float32]]:
    """Logits of all targets, each of shape (examples, labels), in the order of the examples."""
    device = next(model.parameters()).device
    model.eval()
    found = {target: np.zeros((len(examples), len(labels)), np.float32) for target, labels in model.targets.items()}
    order = sorted(range(len(examples)), key=lambda at: len(examples[at].ids))
    with torch.inference_mode(), autocast(device), progress_bar() as progress:
        task = progress.add_task(description, total=len(examples))
        for begin in range(0, len(order), BATCH):
            rows = order[begin : begin + BATCH]
            for target, logits in model(*padded([examples[row] for row in rows], device)).items():
                found[target][rows] = logits.float().cpu().numpy()
            progress.advance(task, len(rows))
    return found


def _examined(model: MultiTargetModel, held: Sequence[Encoded], loss: float) -> Epoch:
    accuracies, f1s = {}, {}
    logits: Mapping[str, NDArray[np.float32]] = predict(model, held, "examining") if held else {}
    for target, values in logits.items():
        known = [row for row, example in enumerate(held) if example.right.get(target)]
        if known:
            right = [held[row].right[target] for row in known]
            given = values[known].argmax(axis=1).tolist()
            accuracies[target] = accuracy(right, given)
            f1s[target] = macro_f1(right, given)
    return Epoch(loss, accuracies, f1s)


def _groups(model: MultiTargetModel, rate: float) -> list[dict[str, object]]:
    return [
        {"params": list(model.encoder.parameters()), "lr": rate, "weight_decay": WEIGHT_DECAY},
        {"params": list(model.heads.parameters()), "lr": rate * HEAD_FACTOR, "weight_decay": WEIGHT_DECAY},
    ]


def warm_up_and_down(steps: int) -> Callable[[int], float]:
    """Factor of the learning rate at each step: up along `WARM_UP` of all steps, then down to nothing."""
    warm = max(1, int(steps * WARM_UP))
    return lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 where it is fast: on a GPU, and on a CPU that has instructions for it."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda" or _has_bfloat16())


def best_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _has_bfloat16() -> bool:
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return available and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
