"""What a new model changed against a former one, text by text, and whether that is more than chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import binomtest

from complaint_router.answers import Answers
from complaint_router.dispatch import Calibration
from complaint_router.evaluation import evaluate_on
from complaint_router.learn.data import OTHER, LabelledData
from complaint_router.learn.learned import LearnedTexts
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


def former_changes(
    model: Path,
    judged: LabelledData,
    answers: Mapping[str, Answers],
    home: str | None,
    labels: Mapping[str, Sequence[str]],
) -> dict[str, Change]:
    """What changed against a former model on the texts that it has not learned from.

    A target is left out where the former model does not know most of the labels that occur, since the two speak of
    different things then, or where it has learned from all the texts.

    Args:
        model: folder of the former model.
        judged: the texts that both are measured on.
        answers: the new model's, by target, to those of them that have a label of it.
        home: division whose hotline this is.
        labels: of each target that the new model has. A former answer that is none of them counts as 其他 where rare
            labels were merged into that.
    """
    learned = LearnedTexts.load(model)
    router, fitted = Router.from_pretrained(model, home=home), Calibration.load(model).targets
    changes = {}
    for target, after in answers.items():
        examples = [example for example in judged.examples if example.labels.get(target)]
        fresh = [at for at, example in enumerate(examples) if example.text not in learned]
        part = LabelledData([examples[at] for at in fresh])
        if not fresh or not _knows(router, part, target):
            continue
        routed = evaluate_on(router, part, [target]).answers[target]
        known = set(labels[target])
        ranked = [
            [(label if label in known or OTHER not in known else OTHER, score) for label, score in candidates]
            for candidates in routed.ranked
        ]
        auto = [bool(each) and fitted[target].sure(each[0][0], each[0][1] or 0.0) for each in routed.ranked]
        changes[target] = change(Answers(routed.right, ranked, auto, routed.rows), after.part(fresh))
    return changes


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
    return 2 * sum(count for label, count in counts.items() if label in known) > counts.total()
