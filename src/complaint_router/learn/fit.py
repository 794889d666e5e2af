"""The training loop: length-sorted batches, bfloat16 where the machine has it, the best epoch kept."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from complaint_router.learn.data import Example
from complaint_router.learn.model import MultiTargetModel, Start
from complaint_router.metrics import accuracy, macro_f1
from complaint_router.progress import progress_bar
from complaint_router.text import prepare

BATCH = 32
LEARNING_RATE = 2e-4
"""Peak rate of AdamW for an encoder of this size; heads learn at `HEAD_FACTOR` times that."""
HEAD_FACTOR = 5.0
WARM_UP = 0.1
WEIGHT_DECAY = 0.01
ALTERNATIVE_SHARE = 0.3
"""What of a label's weight goes to its alternatives, where an example has them."""
SMOOTHING = 0.1
"""What of the weight goes to all labels alike (label smoothing, Szegedy et al., CVPR 2016): labels are noisy."""
LEAST_STEPS = 600
"""Updates that the default number of epochs gives a small data set."""
EPOCHS = (4, 20)
"""Fewest and most epochs by default."""
PATIENCE = 2
"""Epochs without a better result after which training stops."""
_POOL = 64
"""Batches among which examples are sorted by length."""


@dataclass(frozen=True)
class Encoded:
    """An example as the network sees it: token ids, indices of right labels, and logits to be kept."""

    ids: list[int]
    right: Mapping[str, tuple[int, ...]]
    keep: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


Loss = Callable[[MultiTargetModel, Sequence[Encoded], torch.device], Tensor]
"""The loss of a batch."""


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


def encode(examples: Sequence[Example], start: Start) -> list[Encoded]:
    """Encode examples; labels that the model does not have are dropped."""
    index = {target: {label: at for at, label in enumerate(labels)} for target, labels in start.model.targets.items()}
    return [
        Encoded(
            start.tokens(prepare(example.text)),
            {
                target: tuple(index[target][label] for label in labels if label in index[target])
                for target, labels in example.labels.items()
                if target in index
            },
        )
        for example in examples
    ]


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
    twins: Callable[[], Sequence[Encoded]] | None = None,
    loss: Loss | None = None,
) -> list[Epoch]:
    """Train the network in place and leave it with the weights of its best epoch on the held-out part.

    Ctrl-C after the first epoch ends training early, with what is best so far.

    Args:
        model: the network.
        train: examples to learn from.
        held: examples that choose the epoch.
        epochs: passes over `train`; default: 4 to 20, more for fewer examples.
        seed: of all that is random.
        learning_rate: peak rate of the encoder; heads learn at `HEAD_FACTOR` times that.
        twins: gives what an epoch reads in the place of `train`: as many examples, varied anew each time.
        loss: what is brought down, of a batch; default: `label_loss`.

    Returns:
        One entry for each epoch.

    Raises:
        KeyboardInterrupt: Ctrl-C before the first epoch was over.
    """
    torch.manual_seed(seed)
    order = random.Random(seed)
    device = best_device()
    model.to(device)
    steps = -(-len(train) // BATCH)
    epochs = epochs or min(max(EPOCHS[0], -(-LEAST_STEPS // steps)), EPOCHS[1])
    loss_of = loss or label_loss
    optimizer = torch.optim.AdamW(_groups(model, learning_rate), fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_up_and_down(steps * epochs))
    history: list[Epoch] = []
    best: dict[str, Tensor] = {}
    try:
        with progress_bar() as progress:
            task = progress.add_task("training", total=epochs * len(train))
            for number in range(1, epochs + 1):
                model.train()
                losses = []
                for batch in batches(twins() if twins else train, order):
                    with autocast(device):
                        now = loss_of(model, batch, device)
                    losses.append(update(model, now, optimizer, schedule))
                    progress.update(
                        task, advance=len(batch), description=f"epoch {number}/{epochs}, loss {losses[-1]:.3f}"
                    )
                history.append(_examine(model, held, sum(losses) / len(losses)))
                best_number = history.index(best_epoch(history)) + 1
                if best_number == number:
                    best = copy.deepcopy(model.state_dict())
                elif number - best_number >= PATIENCE:
                    break
    except KeyboardInterrupt:
        if not history:
            raise
    model.load_state_dict(best)
    model.cpu().eval()
    return history


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


def _examine(model: MultiTargetModel, held: Sequence[Encoded], loss: float) -> Epoch:
    accuracies, f1s = {}, {}
    logits = predict(model, held, "examining") if held else {}
    for target, values in logits.items():
        known = [row for row, example in enumerate(held) if example.right.get(target)]
        if known:
            right = [held[row].right[target] for row in known]
            given = values[known].argmax(axis=1).tolist()
            accuracies[target] = accuracy(right, given)
            f1s[target] = macro_f1(right, given)
    return Epoch(loss, accuracies, f1s)


def label_loss(model: MultiTargetModel, batch: Sequence[Encoded], device: torch.device) -> Tensor:
    """Soft cross-entropy of what the network says of a batch; see `cross_entropy`."""
    return cross_entropy(model(*padded(batch, device)), batch)


def cross_entropy(said: Mapping[str, Tensor], batch: Sequence[Encoded]) -> Tensor:
    """Cross-entropy of labels and alternatives, averaged over the examples that have a target, summed over targets.

    `said` holds logits by target, each of shape (batch, labels).
    """
    device = next(iter(said.values())).device
    total = torch.zeros((), device=device)
    for target, logits in said.items():
        aims = torch.zeros(len(batch), logits.shape[1])
        for row, example in enumerate(batch):
            if target in example.keep:
                aims[row] = torch.from_numpy(example.keep[target]).softmax(0)
            elif example.right.get(target):
                main, *others = example.right[target]
                aims[row, main] = 1 - ALTERNATIVE_SHARE if others else 1.0
                for other in others:
                    aims[row, other] += ALTERNATIVE_SHARE / len(others)
                aims[row] = aims[row] * (1 - SMOOTHING) + SMOOTHING / logits.shape[1]
        known = aims.sum(1) > 0
        if known.any():
            aims, known = aims.to(device), known.to(device)
            total = total - (aims * logits.float().log_softmax(1)).sum(1)[known].mean()
    return total


def update(
    model: nn.Module, loss: Tensor, optimizer: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler
) -> float:
    """One step down the gradient of `loss`, clipped to norm 1; returns the loss as a number."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    return float(loss.detach())


def padded(batch: Sequence[Encoded], device: torch.device) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask of a batch, both of shape (batch, longest)."""
    ids = nn.utils.rnn.pad_sequence([torch.tensor(example.ids) for example in batch], batch_first=True)
    lengths = torch.tensor([len(example.ids) for example in batch])
    mask = (torch.arange(ids.shape[1]) < lengths.unsqueeze(1)).long()
    return ids.to(device), mask.to(device)


def batches(examples: Sequence[Encoded], order: random.Random) -> Iterator[list[Encoded]]:
    """Random batches of like length: sorted within large random pools, in random order."""
    shuffled = list(examples)
    order.shuffle(shuffled)
    cut = []
    for begin in range(0, len(shuffled), BATCH * _POOL):
        pool = sorted(shuffled[begin : begin + BATCH * _POOL], key=lambda example: len(example.ids))
        cut += [pool[at : at + BATCH] for at in range(0, len(pool), BATCH)]
    order.shuffle(cut)
    yield from cut


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
