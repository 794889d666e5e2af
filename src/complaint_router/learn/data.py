"""Labelled complaints: read them from files, take inventory, hold a part out."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

from complaint_router.backlog.readers import open_source
from complaint_router.errors import DataError
from complaint_router.folder import TARGETS
from complaint_router.text import has_chinese, prepare, with_title

Rare = Literal["keep", "merge", "drop"]
"""What is done about rare labels."""
OTHER = "其他"
"""The label into which rare ones are merged."""

PLACE_LEVELS = ("district", "town")

Labelled = str | Path | Iterable[str | Path] | Iterable[Mapping[str, Any]]
"""Where labelled complaints come from: a file, several files, or rows that map columns to cells."""

_DATE = re.compile(
    r"(?:(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{4})(\d\d)(\d\d))"
    r"(?:[T ]*(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2}))?(?:\.\d+)?[分秒]?(?:Z|[+-]\d\d:?\d\d)?)?"
)


@dataclass(frozen=True, slots=True)
class Example:
    """One complaint as it came.

    `labels` holds, for each target, its right labels, the main one first; `places` the names of the district and the
    town where its matter lies; what is unknown is absent. `row` says where it stands, such as "tickets.csv:12" for the
    twelfth row under the header; `date` when it came, in a form that sorts by time, "" where unknown.
    """

    text: str
    labels: Mapping[str, tuple[str, ...]]
    places: Mapping[str, str] = field(default_factory=dict)
    row: str = ""
    date: str = ""


@dataclass(frozen=True)
class LabelledData:
    """Examples with what was left out of them."""

    examples: Sequence[Example]
    left_out: int = 0
    """Rows that were left out: without any label or, after `usable`, without Chinese text."""

    def usable(self) -> LabelledData:
        """The examples from which something can be learned: those with Chinese text."""
        examples = [example for example in self.examples if has_chinese(prepare(example.text))]
        return LabelledData(examples, self.left_out + len(self.examples) - len(examples))

    def labels(self, target: str) -> tuple[str, ...]:
        """The target's labels, sorted."""
        return tuple(sorted(self.counts(target)))

    def counts(self, target: str) -> Counter[str]:
        """How often each label of the target stands in front."""
        return Counter(example.labels[target][0] for example in self.examples if target in example.labels)

    def part(self, positions: Sequence[int]) -> LabelledData:
        """The examples at these positions."""
        return LabelledData([self.examples[at] for at in positions], self.left_out)

    def with_texts(self, change: Callable[[str], str]) -> LabelledData:
        """The examples with their texts changed."""
        return LabelledData([replace(each, text=change(each.text)) for each in self.examples], self.left_out)

    def common(self, target: str, floor: int) -> set[str]:
        """The labels of the target that stand in front at least `floor` times."""
        return {label for label, count in self.counts(target).items() if count >= floor}

    def without_rare(
        self, common: Mapping[str, Collection[str]], policy: Literal["merge", "drop"], groups: Sequence[int]
    ) -> tuple[LabelledData, list[int]]:
        """Merge or drop, target by target, the labels that are none of the common ones.

        An example without any label left is left out; the groups of those that stay come with them.
        """
        examples, kept = [], []
        for example, group in zip(self.examples, groups, strict=True):
            labels: dict[str, tuple[str, ...]] = {}
            for target, several in example.labels.items():
                left = [label for label in several if label in common[target]]
                merged = [OTHER] if policy == "merge" and len(left) < len(several) else []
                # The main label stays in front: where it is rare, what it was merged into.
                labels[target] = tuple(left + merged if several[0] in common[target] else merged + left)
            labels = {target: several for target, several in labels.items() if several}
            if labels:
                examples.append(replace(example, labels=labels))
                kept.append(group)
        return LabelledData(examples, self.left_out + len(self.examples) - len(examples)), kept

    def split(
        self, share: float, most: int, groups: Sequence[int] | None = None, fresh: Sequence[bool] | None = None
    ) -> tuple[LabelledData, LabelledData]:
        """Hold out about `share` of the examples, at most `most`.

        Where examples have dates, the latest are held out: a model is to do well on what comes next. Else the choice
        hangs on a hash of the text, so it is the same whatever the order of the rows. Examples of one group fall on
        one side; without `groups`, equal texts are a group.

        Args:
            share: of the examples.
            most: examples to be held out.
            groups: a number for each example, the same for those that belong together.
            fresh: whether each example may be held out, the same for those that belong together; default: all may.
        """
        count = min(most, int(len(self.examples) * share))
        hashes = [_hash(example) for example in self.examples]
        group: Sequence[int | str] = hashes if groups is None else groups
        sizes = Counter(group)
        least: dict[int | str, str] = {}
        for each, hashed in zip(group, hashes, strict=True):
            least[each] = min(hashed, least.get(each, hashed))
        # Latest first, then by hash; undated ones come last. Sorts are stable.
        order = sorted(range(len(group)), key=lambda at: least[group[at]])
        order.sort(key=lambda at: self.examples[at].date, reverse=True)
        out: set[int | str] = set()
        for each in dict.fromkeys(group[at] for at in order if fresh is None or fresh[at]):
            if sizes[each] <= count:  # of what is left; a group larger than that stays in training
                out.add(each)
                count -= sizes[each]
        held = [example for example, each in zip(self.examples, group, strict=True) if each in out]
        rest = [example for example, each in zip(self.examples, group, strict=True) if each not in out]
        return LabelledData(rest, self.left_out), LabelledData(held)

    def folds(self, count: int, groups: Sequence[int]) -> list[int]:
        """A number from 0 to `count` - 1 for each example, the same for those of one group, by a hash of the texts."""
        least: dict[int, str] = {}
        for example, group in zip(self.examples, groups, strict=True):
            least[group] = min(_hash(example), least.get(group, "g"))  # g stands behind all hexadecimal digits
        ranked = sorted(least, key=least.__getitem__)
        fold = {group: number % count for number, group in enumerate(ranked)}
        return [fold[group] for group in groups]


def read_labelled(
    source: Labelled,
    *,
    targets: Mapping[str, str],
    text_field: str = "text",
    title_field: str | None = None,
    places: Mapping[str, str] | None = None,
    alternatives: Mapping[str, str] | None = None,
    date_field: str | None = None,
    limit: int | None = None,
) -> LabelledData:
    """Read labelled complaints.

    Args:
        source: a file or several, one after the other (.jsonl, .csv, .parquet, .xlsx), or rows that map columns to
            cells, such as a `datasets.Dataset` or a streamed `datasets.IterableDataset`.
        targets: for each target the column of its labels, such as {"department": "department"}. An empty cell means
            that the label is unknown.
        text_field: column of the text.
        title_field: column of a title that stands in front of the text.
        places: for each level (district, town) the column that names where the matter lies.
        alternatives: for targets, the column of labels that are right too: a list, or text with | between them.
        date_field: column of the day or time when a complaint came.
        limit: take the first so many rows of all files together.

    Raises:
        DataError: a file cannot be read, a column is missing, a target or level is unknown, a date is none, or no row
            has a label.
    """
    places, alternatives = places or {}, alternatives or {}
    if odd := [level for level in places if level not in PLACE_LEVELS]:
        raise DataError(f"place {', '.join(odd)}: name {' or '.join(PLACE_LEVELS)}")
    unknown = [target for target in targets if target not in TARGETS]
    if unknown or not targets:
        raise DataError(f"target {', '.join(unknown) or '(none)'}: name one or more of {', '.join(TARGETS)}")
    if odd := [target for target in alternatives if target not in targets]:
        raise DataError(f"alternatives of {', '.join(odd)}: this is no target here; name one of {', '.join(targets)}")
    columns = _Columns(text_field, title_field, targets, places, alternatives, date_field)
    examples, left_out = [], 0
    for where, row in islice(_rows(source, columns), limit):
        example = columns.example(row, where)
        if example is None:
            left_out += 1
        else:
            examples.append(example)
    if not examples:
        raise DataError(f"{_named(source)}: none of {left_out} rows has a label")
    return LabelledData(examples, left_out)


@dataclass(frozen=True)
class _Columns:
    """Which column holds what."""

    text: str
    title: str | None
    targets: Mapping[str, str]
    places: Mapping[str, str]
    alternatives: Mapping[str, str]
    date: str | None

    def names(self) -> tuple[str, ...]:
        others = (*self.targets.values(), *self.places.values(), *self.alternatives.values())
        return (self.text, *others, *filter(None, (self.title, self.date)))

    def example(self, row: Mapping[str, Any], where: str) -> Example | None:
        """None without any label."""
        labels: dict[str, tuple[str, ...]] = {}
        labels |= {target: (label,) for target, label in _filled(row, self.targets).items()}
        if not labels:
            return None
        for target, column in self.alternatives.items():
            if target in labels:
                labels[target] = tuple(dict.fromkeys((*labels[target], *_several(row.get(column)))))
        text, title = row.get(self.text), row.get(self.title) if self.title else None
        text = text if isinstance(text, str) else ""
        text = with_title(title, text) if isinstance(title, str) else text
        day = _date(row.get(self.date), where) if self.date else ""
        return Example(text, labels, _filled(row, self.places), where, day)


def _rows(source: Labelled, columns: _Columns) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row with where it stands: the file's name and the row's number under the header."""
    if isinstance(source, str | Path):
        source = [source]
    if hasattr(source, "to_dict") and not hasattr(source, "features"):
        raise DataError('a data frame: give its rows, as in frame.to_dict("records")')
    if isinstance(source, Mapping):
        raise DataError(f"several data sets: give one of {', '.join(map(str, source))}")
    names = _class_names(source)
    every = iter(source)
    first = next(every, None)
    if first is None:
        return
    if isinstance(first, str | Path):
        files = [open_source(file) for file in (first, *every)]  # type: ignore[arg-type]
        for file in files:
            file.require_columns(*columns.names())
        for file in files:
            yield from ((f"{file.path.name}:{number}", row) for number, row in enumerate(file.rows(), 1))
    else:
        for number, row in enumerate(chain((first,), every), 1):
            if not isinstance(row, Mapping):
                raise DataError(f"row {number}: is no mapping of columns to cells but {type(row).__name__}")
            if number == 1 and (missing := [name for name in columns.names() if name not in row]):
                raise DataError(f"rows have no column {missing[0]!r}; they have {', '.join(map(repr, row))}")
            yield (
                str(number),
                {**row, **{name: each[row[name]] for name, each in names.items() if row[name] is not None}},
            )


def _class_names(source: object) -> dict[str, Sequence[str]]:
    """Of a data set of `datasets`: the names of the labels that a column holds as numbers."""
    features = getattr(source, "features", None) or {}
    return {column: feature.names for column, feature in features.items() if hasattr(feature, "names")}


def _named(source: Labelled) -> str:
    if isinstance(source, str | Path):
        return str(source)
    return ", ".join(map(str, source)) if isinstance(source, list | tuple) and _are_files(source) else "rows"


def _are_files(source: Sequence[object]) -> bool:
    return all(isinstance(each, str | Path) for each in source)


def _filled(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, str]:
    """The cells of the named columns as text, without the empty ones."""
    cells = {name: row.get(column) for name, column in columns.items()}
    texts = {name: str(cell).strip() for name, cell in cells.items() if not _blank(cell)}
    return {name: text for name, text in texts.items() if text}


def _several(cell: object) -> list[str]:
    """The labels in a cell: a list, or text with | between them."""
    if hasattr(cell, "tolist"):  # an array of numpy, as pandas has it
        cell = cell.tolist()
    parts = cell if isinstance(cell, list | tuple) else [] if _blank(cell) else str(cell).split("|")
    return [label for part in parts if not _blank(part) and (label := str(part).strip())]


def _blank(cell: object) -> bool:
    """Whether a cell is empty: None, or what pandas writes for it (NaN and NaT differ from themselves, NA is odd)."""
    return cell is None or cell != cell or type(cell).__name__ == "NAType"


def _date(cell: object, where: str) -> str:
    """A date, or date and time, in a form that sorts by time; "" for an empty cell."""
    text = "" if _blank(cell) else str(cell).strip()
    if not text:
        return ""
    try:
        found = _DATE.fullmatch(text)
        if found is None:
            raise ValueError
        spelt = found.groups()
        day = spelt[:3] if spelt[0] else spelt[3:6]
        year, month, number, hour, minute, second = (int(part or 0) for part in (*day, *spelt[6:]))
        moment = datetime(year, month, number, hour, minute, second)
    except ValueError as error:
        advice = "write it like 2018-01-31, 2018/1/31 08:30 or 20180131"
        raise DataError(f"{where}: the date is none; {advice}") from error
    return moment.isoformat(" ")


def _hash(example: Example) -> str:
    return hashlib.sha256(example.text.encode("utf-8", "surrogatepass")).hexdigest()
