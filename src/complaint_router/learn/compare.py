"""What a new model changed against a former one, text by text, and whether that is more than chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import binomtest

from complaint_router.answers import Answers
from complaint_router.evaluation import evaluate_on
from complaint_router.learn.data import LabelledData
from complaint_router.router import Router

SIGNIFICANT = 0.05
"""Chance of so uneven a count of won and lost texts, were both models alike, below which one is held to be better."""


@dataclass(frozen=True)
class Change:
    """Former and new answers to the same texts, for one target.

    `won` texts were wrong and are right now, `lost` ones the other way; `p` is the chance of so uneven a split if the
    models were alike (McNemar's exact test: McNemar, Psychometrika 1947). `labels` holds what each label won and lost,
    the largest changes first.
    """

    before: float
    after: float
    won: int
    lost: int
    same_right: int
    same_wrong: int
    p: float
    coverage_before: float
    labels: Sequence[tuple[str, int, int]]

    @property
    def verdict(self) -> str:
        """ "better", "worse" or "level"."""
        if self.p >= SIGNIFICANT:
            return "level"
        return "better" if self.won > self.lost else "worse"


def former_answers(model: Path, held: LabelledData, targets: Sequence[str], home: str | None) -> dict[str, Answers]:
    """What a former model answers to the held-out texts, for those of `targets` whose labels it knows.

    It must know most of the labels that occur: else the two speak of different things.
    """
    router = Router.from_pretrained(model, home=home)
    shared = [target for target in targets if _knows(router, held, target)]
    return dict(evaluate_on(router, held, shared).answers) if shared else {}


def change(before: Answers, after: Answers) -> Change:
    """Compare two models' answers to the same texts."""
    pairs = list(zip(before.hits.tolist(), after.hits.tolist(), strict=True))
    kinds = Counter(pairs)
    won, lost = kinds[False, True], kinds[True, False]
    by_label: dict[str, list[int]] = {}
    for (was, now), labels in zip(pairs, after.right, strict=True):
        if was != now:
            by_label.setdefault(labels[0], [0, 0])[was] += 1
    ordered = sorted(by_label.items(), key=lambda item: (-sum(item[1]), item[0]))
    return Change(
        before=float(before.hits.mean()),
        after=float(after.hits.mean()),
        won=won,
        lost=lost,
        same_right=kinds[True, True],
        same_wrong=kinds[False, False],
        p=float(binomtest(won, won + lost).pvalue) if won + lost else 1.0,
        coverage_before=sum(before.auto) / len(before.auto),
        labels=[(label, won, lost) for label, (won, lost) in ordered],
    )


def _knows(router: Router, held: LabelledData, target: str) -> bool:
    counts, known = held.counts(target), set(router.targets.get(target, ()))
    return bool(counts) and sum(counts[label] for label in counts if label in known) > counts.total() / 2
