"""Examples as the network sees them: encoded, cut into batches of like length, padded."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from complaint_router.engine import Tokens
from complaint_router.learn.data import Example
from complaint_router.learn.model import Start
from complaint_router.text import prepare

BATCH = 32
_MOST_TOKENS = 2_048
"""Tokens, padding included, that go through the network at once: what training needs of memory grows with them."""
BLANKED = 0.15
"""Share of the tokens that are hidden from the network while it learns."""
_BLANKS = ("<mask>", "[MASK]", "<unk>", "[UNK]")
"""What may stand for a hidden token, the best first."""
_POOL = 64
"""Batches among which examples are sorted by length."""


@dataclass(frozen=True)
class Encoded:
    """An example as the network sees it: token ids, indices of right labels, and logits to be kept."""

    ids: list[int]
    right: Mapping[str, tuple[int, ...]]
    keep: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


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


def parts(batch: Sequence[Encoded]) -> Iterator[Sequence[Encoded]]:
    """A batch in parts that fit into memory; their gradients add up to that of the whole."""
    longest = max(len(example.ids) for example in batch)
    size = max(1, _MOST_TOKENS // longest)
    for begin in range(0, len(batch), size):
        yield batch[begin : begin + size]


def blanked(examples: Sequence[Encoded], tokens: Tokens, seed: int) -> Callable[[int], list[Encoded]]:
    """Gives, for the number of an epoch, the examples with some tokens hidden, others each time.

    Word dropout (Iyyer et al., ACL 2015): it keeps the network from learning single texts by heart, and costs nothing,
    where dropout inside the encoder is slow on a CPU.
    """
    known = (tokens.tokenizer.token_to_id(each) for each in _BLANKS)
    blank = next((number for number in known if number is not None), None)

    def hidden(ids: Sequence[int], chance: Callable[[], float]) -> Iterator[int]:
        for at, each in enumerate(ids):
            inside = 0 < at < len(ids) - 1  # not the special tokens at the ends
            yield blank if blank is not None and inside and chance() < BLANKED else each

    def twins(epoch: int) -> list[Encoded]:
        chance = random.Random(f"{seed} {epoch} blanks").random
        return [replace(example, ids=[*hidden(example.ids, chance)]) for example in examples]

    return twins
