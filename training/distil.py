"""Teach an encoder of few layers what a trained one of many says.

The student begins as some of the teacher's layers. Layers that were taken out leave the others with inputs that they
have never seen, so it learns the teacher's last hidden states token by token (as in DistilBERT, Sanh et al. 2019,
arXiv:1910.01108) along with the teacher's answers (Hinton et al. 2015, arXiv:1503.02531).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from complaint_router.learn.batch import Encoded, padded
from complaint_router.learn.loss import Loss, cross_entropy
from complaint_router.learn.model import MultiTargetModel, mean_of_real

HIDDEN_WEIGHT = 3.0
"""What the mean squared distance of hidden states counts."""
TEACHER_SHARE = 0.9
"""What of the cross-entropy is to the teacher's answers; the rest is to the labels."""


def cut(teacher: MultiTargetModel, layers: int) -> MultiTargetModel:
    """A copy of the teacher that has so many of its layers, evenly spread, the last one always in."""
    student = copy.deepcopy(teacher)
    stack = student.encoder.encoder.layer
    kept = np.linspace(len(stack) - 1, 0, layers)[::-1].round().astype(int)
    student.encoder.encoder.layer = nn.ModuleList(stack[at] for at in kept.tolist())
    student.encoder.config.num_hidden_layers = layers
    return student.requires_grad_(requires_grad=True)


def distilling(teacher: MultiTargetModel) -> Loss:
    """The loss under which a student learns from the teacher, which stays as it is."""
    teacher.eval().requires_grad_(requires_grad=False)

    def loss(student: MultiTargetModel, batch: Sequence[Encoded], device: torch.device) -> Tensor:
        ids, mask = padded(batch, device)
        aim, answers = _states_and_answers(teacher.to(device), ids, mask)
        states, said = _states_and_answers(student, ids, mask)
        distance = nn.functional.mse_loss(states, aim)
        likeness = torch.stack(
            [-(answers[target].softmax(1) * said[target].log_softmax(1)).sum(1).mean() for target in said]
        ).sum()
        return HIDDEN_WEIGHT * distance + TEACHER_SHARE * likeness + (1 - TEACHER_SHARE) * cross_entropy(said, batch)

    return loss


def _states_and_answers(model: MultiTargetModel, ids: Tensor, mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Last hidden states of the real tokens, of shape (tokens of the batch, width), and logits by target."""
    hidden = model.hidden(ids, mask)
    pooled = model.dropout(mean_of_real(hidden, mask))
    return hidden[mask.bool()], {target: head(pooled).float() for target, head in model.heads.items()}
