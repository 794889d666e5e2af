"""Look over labelled complaints before a model learns from them: what in them would mislead it, or its measurement."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from complaint_router.learn.data import Example, LabelledData
from complaint_router.learn.leakage import Leak, find_leak
from complaint_router.text import TEXT_LIMIT, prepare

MASKS = ("[电话]", "[身份证]", "[车牌]")
"""What `text.mask` writes in place of personal data."""

QUANTILES = (0.05, 0.5, 0.95)
"""Of the texts' lengths: short ones, the usual one, long ones."""

REFERENCES = 50
"""References to rows in a list of the report: enough to see what is wrong, few enough to read."""

SHOWN = 3
"""References in a line for the terminal."""


@dataclass(frozen=True)
class Dates:
    """When the complaints came: the first and the last day, and how many rows have no date."""

    first: str
    last: str
    undated: int


@dataclass(frozen=True)
class Audit:
    """What the data hold. Counts, labels and references to rows, never a complaint's text.

    What is "for each target" has a target's name as its key.
    """

    rows: int
    left_out: int
    duplicates: int
    """Rows whose prepared text stood before."""
    near_duplicates: int
    """Rows that are nearly equal to an earlier one, but equal to none."""
    conflicts: Mapping[str, Sequence[Sequence[str]]]
    """For each target the equal texts that have different first labels: the references of their rows."""
    labels: Mapping[str, Mapping[str, int]]
    """For each target how often each label stands in front, the most frequent first."""
    floor: int
    rare: Mapping[str, Mapping[str, int]]
    """Of `labels` those with fewer than `floor` rows."""
    unlabelled: Mapping[str, int]
    """For each target the rows without a label of it."""
    masked: Mapping[str, int]
    """Rows that hold personal data, by the label that takes its place; what came masked does not count."""
    lengths: Mapping[str, int]
    """Quantiles of the texts' characters, and the most."""
    dates: Dates | None
    """None where no row has one."""
    leaks: Mapping[str, Leak]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, with at most `REFERENCES` references a list: those of equal texts side by side."""
        plain = asdict(self)
        plain["conflicts"] = {
            target: {
                "groups": len(groups),
                "rows": [row for group in groups for row in group][:REFERENCES],
            }
            for target, groups in self.conflicts.items()
        }
        plain["leaks"] = {target: asdict(leak) | {"leaks": leak.leaks} for target, leak in self.leaks.items()}
        return plain

    def lines(self) -> list[str]:
        """How much there is, then what deserves a look, a line for each: what it is, and what mends it."""
        targets = ", ".join(f"{target} with {len(counts):,} labels" for target, counts in self.labels.items())
        return [
            f"{_rows(self.rows)}: {targets}",
            *self._on_rows(),
            *(line for target in self.labels for line in self._on_target(target)),
        ]

    def _on_rows(self) -> list[str]:
        lines = []
        if self.left_out:
            lines.append(f"{_rows(self.left_out)} left out: without a label or without Chinese text")
        if self.duplicates or self.near_duplicates:
            lines.append(
                f"{_rows(self.duplicates)} equal to an earlier one, {self.near_duplicates:,} nearly so:"
                " they are kept; splits keep them on one side"
            )
        if self.masked:
            found = ", ".join(f"{label} {count:,}" for label, count in self.masked.items())
            lines.append(f"rows with personal data: {found}; a model reads these labels in its place")
        if self.lengths["max"] > TEXT_LIMIT:
            lines.append(
                f"longest text: {self.lengths['max']:,} characters; of over {TEXT_LIMIT:,} head and tail are read"
            )
        if self.dates and self.dates.undated:
            lines.append(f"{_rows(self.dates.undated)} without a date: they count as older than all others")
        return lines

    def _on_target(self, target: str) -> list[str]:
        lines = []
        if missing := self.unlabelled[target]:
            lines.append(
                f"{target}: {missing:,} of {_rows(self.rows)} without a label of it; it does not learn from them"
            )
        if rare := self.rare[target]:
            lines.append(
                f"{target}: {len(rare):,} of {len(self.labels[target]):,} labels have fewer than {self.floor} rows"
                f" ({_rows(sum(rare.values()))}): --rare merge or --rare drop mends it; --floor N moves the limit"
            )
        if groups := self.conflicts[target]:
            lines.append(
                f"{target}: {len(groups):,} texts stand in {_rows(sum(map(len, groups)))} with different labels"
                f" ({', '.join(groups[0][:SHOWN])} …): correct these rows or take them out"
            )
        leak = self.leaks[target]
        if leak.leaks:
            lines.append(
                f"{target}: {_rows(leak.clauses)} name who is to handle them (请…局处理);"
                f" {leak.right_with:.0%} of such rows are right with this clause, {leak.right_without:.0%} without:"
                " --cut-answers takes it out"
            )
        return lines


def audit(data: LabelledData, targets: Sequence[str], groups: Sequence[int], floor: int, seed: int) -> Audit:
    """Look over the data.

    Args:
        data: to be learned from.
        targets: that are to be learned.
        groups: of each example, as `near_duplicates` numbers them.
        floor: rows that a label needs so as not to be rare.
        seed: of `find_leak`.
    """
    examples = data.examples
    prepared = [prepare(example.text) for example in examples]
    duplicates = len(prepared) - len(set(prepared))
    labels = {target: dict(data.counts(target).most_common()) for target in targets}
    return Audit(
        rows=len(examples),
        left_out=data.left_out,
        duplicates=duplicates,
        # Equal texts share a group, so whatever else follows the first of a group is nearly equal only.
        near_duplicates=len(groups) - len(set(groups)) - duplicates,
        conflicts={target: _conflicts(examples, prepared, target) for target in targets},
        labels=labels,
        floor=floor,
        rare={
            target: {label: count for label, count in counts.items() if count < floor}
            for target, counts in labels.items()
        },
        unlabelled={target: len(examples) - sum(labels[target].values()) for target in targets},
        masked=_masked(examples, prepared),
        lengths=_lengths(examples),
        dates=_dates(examples),
        leaks={target: find_leak(examples, target, data.labels(target), seed) for target in targets},
    )


def _conflicts(examples: Sequence[Example], prepared: Sequence[str], target: str) -> list[list[str]]:
    alike: defaultdict[str, list[Example]] = defaultdict(list)
    for example, text in zip(examples, prepared, strict=True):
        if target in example.labels:
            alike[text].append(example)
    return [
        [example.row for example in group]
        for group in alike.values()
        if len({example.labels[target][0] for example in group}) > 1
    ]


def _masked(examples: Sequence[Example], prepared: Sequence[str]) -> dict[str, int]:
    found = Counter(
        label
        for example, text in zip(examples, prepared, strict=True)
        for label in MASKS
        if text.count(label) > example.text.count(label)
    )
    return {label: found[label] for label in MASKS if found[label]}


def _lengths(examples: Sequence[Example]) -> dict[str, int]:
    lengths = [len(example.text) for example in examples] or [0]
    found = np.quantile(lengths, QUANTILES, method="nearest").tolist()
    return {**{str(share): int(length) for share, length in zip(QUANTILES, found, strict=True)}, "max": max(lengths)}


def _dates(examples: Sequence[Example]) -> Dates | None:
    days = [example.date[:10] for example in examples if example.date]
    return Dates(min(days), max(days), len(examples) - len(days)) if days else None


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
