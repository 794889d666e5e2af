"""Mend a cut encoder: teach it, on the written corpus, the hidden states that the whole encoder gives.

    python training/backbone.py --output build/whole --layers 12
    python training/backbone.py --output build/cut --layers 6
    python training/distil.py --teacher build/whole --student build/cut --output build/backbone

Layers that were taken out leave the others with inputs that they have never seen. A few passes over unlabelled text,
with the mean squared distance of last hidden states as the loss, bring most of it back (as in DistilBERT, Sanh et al.
2019, arXiv:1910.01108), before any label is learned.
"""

from __future__ import annotations

import argparse
import random
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel

from complaint_router.engine import Tokens
from complaint_router.learn.fit import BATCH, Encoded, autocast, batches, best_device, padded, update, warm_up_and_down
from complaint_router.learn.model import MAX_TOKENS
from complaint_router.progress import progress_bar
from complaint_router.text import prepare
from national import read_corpus

LEARNING_RATE = 4e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--student", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    order = random.Random(args.seed)
    tokens = Tokens.load(args.student / "tokenizer.json", MAX_TOKENS)
    examples = [Encoded(tokens(prepare(example.text)), {}) for example in read_corpus().examples]
    device = best_device()
    teacher, student = (_load(folder).to(device) for folder in (args.teacher, args.student))
    steps = args.epochs * -(-len(examples) // BATCH)
    optimizer = torch.optim.AdamW(student.parameters(), lr=LEARNING_RATE, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_up_and_down(steps))
    with progress_bar() as progress:
        task = progress.add_task("distilling", total=args.epochs * len(examples))
        for epoch in range(1, args.epochs + 1):
            losses = []
            for batch in batches(examples, order):
                ids, mask = padded(batch, device)
                with autocast(device):
                    with torch.no_grad():
                        aim = _hidden(teacher, ids, mask)
                    loss = nn.functional.mse_loss(_hidden(student, ids, mask), aim)
                losses.append(update(student, loss, optimizer, schedule))
                progress.advance(task, len(batch))
            print(f"epoch {epoch}: loss {sum(losses) / len(losses):.5f}", flush=True)
    student.half().cpu().save_pretrained(args.output)
    shutil.copyfile(args.student / "tokenizer.json", args.output / "tokenizer.json")


def _load(folder: Path) -> Any:
    options = {"attn_implementation": "eager", "add_pooling_layer": False}
    return AutoModel.from_pretrained(folder, dtype=torch.float32, **options).eval()


def _hidden(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    """Last hidden states of the real tokens, in float32: shape (tokens of the batch, width)."""
    hidden: Tensor = model(input_ids=ids, attention_mask=mask).last_hidden_state
    return hidden[mask.bool()].float()


if __name__ == "__main__":
    main()
