"""What training brings down: soft cross-entropy of labels, their alternatives, and what is not to be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from complaint_router.learn.batch import Encoded, padded
from complaint_router.learn.model import MultiTargetModel

ALTERNATIVE_SHARE = 0.3
"""What of a label's weight goes to its alternatives, where an example has them."""
SMOOTHING = 0.1
"""What of the weight goes to all labels alike (label smoothing, Szegedy et al., CVPR 2016): labels are noisy."""

Loss = Callable[[MultiTargetModel, Sequence[Encoded], torch.device], Tensor]
"""The loss of a batch."""


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
