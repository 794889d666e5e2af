"""From rows as they came to what is learned from and what is held out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from complaint_router.errors import DataError
from complaint_router.folder import Config
from complaint_router.learn.audit import Audit, audit
from complaint_router.learn.data import LabelledData
from complaint_router.learn.leakage import cut_answers
from complaint_router.learn.learned import LearnedTexts
from complaint_router.learn.plan import Plan
from complaint_router.near import near_duplicates

HELD_SHARE = 0.1
"""Share of the rows that is held out for choosing the epoch and for calibration, where no dev file is given."""
HELD_MOST = 2_000
FEW_ROWS = 2_500
"""Rows below which they are cross-fitted: a tenth of so many is 250, on which a share is known to 3 %."""
FEWEST_FRESH = 100
"""Rows that the model gone on from must not know, so that only such are held out."""
MOST_SEEN = 0.1
"""Share of the rows measured on that it may know."""

_log = logging.getLogger("complaint_router")


@dataclass(frozen=True)
class Lesson:
    """What a training learns from.

    `every` are all rows, `data` those to learn from, `judged` those to measure on; where rows are few and so
    cross-fitted, both are all of them, and `folds` numbers their quarters, -1 for rows that are not measured on.
    `labels` are those of each target; `split` says how rows were held out: "file", "cross_fitted", "time" or
    "near_duplicates"; `seen` whether the model gone on from has learned from too many of the rows measured on.
    """

    audit: Audit
    every: LabelledData
    data: LabelledData
    judged: LabelledData
    groups: Sequence[int]
    folds: Sequence[int] | None
    labels: Mapping[str, tuple[str, ...]]
    split: str
    seen: bool

    def parted(self) -> tuple[LabelledData, LabelledData]:
        """What to learn from and what to measure on, where one split has to do."""
        if self.folds is not None:
            return self.data.split(HELD_SHARE, HELD_MOST, self.groups)
        return self.data, self.judged


def lesson_from(
    data: LabelledData, held: LabelledData | None, targets: Sequence[str], base: Path | None, folds: int, plan: Plan
) -> Lesson:
    """Audit the rows, do what the plan says about them, and hold a part out.

    What the audit finds worth a look is logged as warnings.

    Args:
        data: the rows.
        held: rows to be held out; default: a part of `data`.
        targets: what is to be learned.
        base: folder of the model gone on from, if any.
        folds: into how many parts few rows are cut.
        plan: how the training goes.

    Raises:
        DataError: a target has fewer than two labels, or nothing is left to learn from.
    """
    data, held = data.usable(), held.usable() if held else None
    if not data.examples:
        raise DataError("no row has Chinese text; name the column of the text with --text-field")
    # Grouped as they are learned from, and with those held out: what differs in the clause alone is equal without it.
    texts = [each.text for each in (*data.examples, *(held.examples if held else ()))]
    groups = near_duplicates([cut_answers(text) for text in texts] if plan.cut_answers else texts)
    groups, others = groups[: len(data.examples)], set(groups[len(data.examples) :])
    found = audit(data, targets, groups, plan.floor, plan.seed)
    for line in found.lines():
        _log.warning(line)
    if plan.cut_answers:
        data, held = data.with_texts(cut_answers), held.with_texts(cut_answers) if held else None
    if plan.rare != "keep":
        common = {target: data.common(target, plan.floor) for target in targets}
        data, groups = data.without_rare(common, plan.rare, groups)
        if held:
            held, _ = held.without_rare(common, plan.rare, [0] * len(held.examples))
    if others.intersection(groups):
        kept = [at for at, group in enumerate(groups) if group not in others]
        _log.warning(f"{len(groups) - len(kept):,} rows stand in the dev file too, or nearly so: they are left out")
        data, groups = data.part(kept), [groups[at] for at in kept]
    labels = {}
    for target in targets:
        labels[target] = _with_known(data, target, set(found.labels[target]), base)
        if (count := len(data.labels(target))) < 2:
            raise DataError(f"target {target}: the rows have {count} label(s), and at least 2 are needed")
    if held is None and len(set(groups)) < folds:
        raise DataError(f"the rows have {len(set(groups))} different text(s), and at least {folds} are needed")
    return _split(found, data, held, groups, labels, base, folds)


def _split(
    found: Audit,
    data: LabelledData,
    held: LabelledData | None,
    groups: Sequence[int],
    labels: Mapping[str, tuple[str, ...]],
    base: Path | None,
    folds: int,
) -> Lesson:
    learned = LearnedTexts.load(base)
    known = {group for example, group in zip(data.examples, groups, strict=True) if example.text in learned}
    fresh = [group not in known for group in groups]
    if sum(fresh) < FEWEST_FRESH:
        fresh = [True] * len(groups)
    every, numbers, split = data, None, "file"
    dated = any(example.date for example in every.examples)
    if held is None and len(every.examples) < FEW_ROWS and not dated:
        split, numbers = "cross_fitted", data.folds(folds, groups)
        numbers = [number if each else -1 for number, each in zip(numbers, fresh, strict=True)]
        held = data.part([at for at, each in enumerate(fresh) if each])
    elif held is None:
        split = "time" if dated else "near_duplicates"
        data, held = data.split(HELD_SHARE, HELD_MOST, groups, fresh)
    if not data.examples:
        raise DataError("no rows are left to train on; give more, or fewer to --dev")
    seen = sum(example.text in learned for example in held.examples) > MOST_SEEN * len(held.examples)
    if seen:
        _log.warning(
            "the model gone on from has learned from rows that this one is measured on: its measures are too good;"
            " give rows that it does not know with --dev, or train with --init default"
        )
    return Lesson(found, every, data, held, groups, numbers, labels, split, seen)


def _with_known(data: LabelledData, target: str, before: set[str], base: Path | None) -> tuple[str, ...]:
    """The target's labels, with those of the model gone on from where most rows bear such.

    Rows of some weeks lack departments and matters that will come; the model knows them already. `before` are the
    labels before rare ones were dropped, which are not to come back.
    """
    counts = data.counts(target)
    known = set(Config.load(base).targets.get(target, ())) if base else set()
    shared = sum(count for label, count in counts.items() if label in known)
    if 2 * shared <= counts.total():
        return data.labels(target)
    return tuple(sorted({*counts, *known.difference(before)}))
