"""Labelled complaints: read them from files, take inventory, hold a part out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from complaint_router.backlog.readers import Row, open_source
from complaint_router.errors import DataError
from complaint_router.folder import TARGETS
from complaint_router.text import has_chinese, prepare, with_title

PLACE_LEVELS = ("district", "town")


@dataclass(frozen=True, slots=True)
class Example:
    """One complaint as it came.

    `labels` holds, for each target, its right labels, the main one first; `places` the names of the district and the
    town where its matter lies. What is unknown is absent.
    """

    text: str
    labels: Mapping[str, tuple[str, ...]]
    places: Mapping[str, str] = field(default_factory=dict)


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

    def split(self, share: float, most: int) -> tuple[LabelledData, LabelledData]:
        """Hold out about `share` of the examples, at most `most`.

        The choice hangs on a hash of the text, so equal texts fall on one side, whatever the order of the rows.
        """
        ranked = sorted(self.examples, key=_hash)
        count = min(most, int(len(ranked) * share))
        last = _hash(ranked[count - 1]) if count else ""
        held = [example for example in self.examples if _hash(example) <= last]
        rest = [example for example in self.examples if _hash(example) > last]
        return LabelledData(rest, self.left_out), LabelledData(held)


def read_labelled(
    files: Iterable[str | Path],
    *,
    targets: Mapping[str, str],
    text_field: str = "text",
    title_field: str | None = None,
    places: Mapping[str, str] | None = None,
    limit: int | None = None,
) -> LabelledData:
    """Read labelled complaints.

    Args:
        files: .jsonl, .csv, .parquet or .xlsx, one after the other.
        targets: for each target the column of its labels, such as {"department": "department"}. An empty cell means
            that the label is unknown.
        text_field: column of the text.
        title_field: column of a title that stands in front of the text.
        places: for each level (district, town) the column that names where the matter lies.
        limit: take the first so many rows of all files together.

    Raises:
        DataError: a file cannot be read, a column is missing, a target or level is unknown, or no row has a label.
    """
    places = places or {}
    if odd := [level for level in places if level not in PLACE_LEVELS]:
        raise DataError(f"place {', '.join(odd)}: name {' or '.join(PLACE_LEVELS)}")
    unknown = [target for target in targets if target not in TARGETS]
    if unknown or not targets:
        raise DataError(f"target {', '.join(unknown) or '(none)'}: name one or more of {', '.join(TARGETS)}")
    sources = [open_source(file) for file in files]
    for source in sources:
        source.require_columns(text_field, *targets.values(), *places.values(), *filter(None, (title_field,)))
    rows = islice(chain.from_iterable(source.rows() for source in sources), limit)
    examples, left_out = [], 0
    for row in rows:
        example = _example(row, targets, places, text_field, title_field)
        if example is None:
            left_out += 1
        else:
            examples.append(example)
    if not examples:
        names = ", ".join(str(source.path) for source in sources)
        raise DataError(f"{names}: none of {left_out} rows has a label")
    return LabelledData(examples, left_out)


def _example(
    row: Row, targets: Mapping[str, str], places: Mapping[str, str], text_field: str, title_field: str | None
) -> Example | None:
    labels = {target: (label,) for target, label in _filled(row, targets).items()}
    if not labels:
        return None
    text, title = row.get(text_field), row.get(title_field) if title_field else None
    text = text if isinstance(text, str) else ""
    return Example(with_title(title, text) if isinstance(title, str) else text, labels, _filled(row, places))


def _filled(row: Row, columns: Mapping[str, str]) -> dict[str, str]:
    """The cells of the named columns as text, without the empty ones."""
    cells = {name: row.get(column) for name, column in columns.items()}
    texts = {name: str(cell).strip() for name, cell in cells.items() if cell is not None}
    return {name: text for name, text in texts.items() if text}


def _hash(example: Example) -> str:
    return hashlib.sha256(example.text.encode("utf-8", "surrogatepass")).hexdigest()
