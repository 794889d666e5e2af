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
from complaint_router.learn.near import near_duplicates
from complaint_router.learn.plan import Plan

HELD_SHARE = 0.1
"""Share of the rows that is held out for choosing the epoch and for calibration, where no dev file is given."""
HELD_MOST = 2_000
FEW_ROWS = 2_500
"""Rows below which they are cross-fitted: a tenth of so many is 250, on which a share is known to 3 %."""

_log = logging.getLogger("complaint_router")


@dataclass(frozen=True)
class Lesson:
    """What a training learns from.

    `held` is None where rows are few: they are cross-fitted then. `groups` numbers near-duplicates among `data`;
    `labels` are those of each target; `split` says how rows were held out: "file", "cross_fitted", "time" or
    "near_duplicates".
    """

    audit: Audit
    every: LabelledData
    data: LabelledData
    held: LabelledData | None
    groups: Sequence[int]
    labels: Mapping[str, tuple[str, ...]]
    split: str

    def parted(self) -> tuple[LabelledData, LabelledData]:
        """What to learn from and what to measure on, where one split has to do."""
        if self.held is None:
            return self.data.split(HELD_SHARE, HELD_MOST, self.groups)
        return self.data, self.held


def lesson_from(
    data: LabelledData, held: LabelledData | None, targets: Sequence[str], base: Path | None, plan: Plan
) -> Lesson:
    """Audit the rows, do what the plan says about them, and hold a part out.

    What the audit finds worth a look is logged as warnings.

    Args:
        data: the rows.
        held: rows to be held out; default: a part of `data`.
        targets: what is to be learned.
        base: folder of the model gone on from, if any.
        plan: how the training goes.

    Raises:
        DataError: a target has fewer than two labels, or nothing is left to learn from.
    """
    data, held = data.usable(), held.usable() if held else None
    groups = near_duplicates([example.text for example in data.examples])
    found = audit(data, targets, groups, plan.floor, plan.seed)
    for line in found.lines():
        _log.warning(line)
    if plan.cut_answers:
        data, held = data.with_texts(cut_answers), held.with_texts(cut_answers) if held else None
    data, groups = data.with_rare(targets, plan.floor, plan.rare, groups)
    labels = {}
    for target in targets:
        labels[target] = _with_known(data, target, set(found.labels[target]), base)
        if len(data.labels(target)) < 2:
            raise DataError(
                f"target {target}: the rows have {len(data.labels(target))} label(s), and at least 2 are needed"
            )
    every, split = data, "file"
    dated = any(example.date for example in every.examples)
    if held is None and len(every.examples) < FEW_ROWS and not dated:
        split = "cross_fitted"
    elif held is None:
        split = "time" if dated else "near_duplicates"
        data, held = data.split(HELD_SHARE, HELD_MOST, groups)
    if not data.examples:
        raise DataError("no rows are left to train on: they all have the same text, or none has Chinese text")
    return Lesson(found, every, data, held, groups, labels, split)


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
