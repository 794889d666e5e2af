"""Read the written corpus."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from complaint_router.learn.batch import Encoded, encode
from complaint_router.learn.data import Example, LabelledData
from complaint_router.learn.model import Start
from compose import Composer

FOLDER = Path(__file__).parent / "corpus"
ORDINARY_DAYS = Path(__file__).parent / "ordinary_days.tsv"
HELD_SHARE = 0.5
"""Share of the ordinary days that is held out, to choose epochs, to mix and to calibrate."""
COMPOSED = 0.7
"""Share of the texts that a pass reads as twins; the others it reads as they were written."""


@dataclass(frozen=True)
class Corpus:
    """The written texts with their labels, the main one first, its alternatives behind it; and each one's register.

    The texts of the topics are spread evenly and seek what is hard; those of ordinary days come in the mix of matters,
    lengths and manners in which a hotline gets them. Only on the latter can scores be calibrated, so half of them are
    held out.
    """

    data: LabelledData
    held: LabelledData
    registers: dict[str, str]

    @classmethod
    def read(cls) -> Corpus:
        """Read all texts."""
        rows = [(file.stem, row) for file in sorted(FOLDER.glob("*.tsv")) for row in _rows(file)]
        days = [(row["topic"], row) for row in _rows(ORDINARY_DAYS)]
        rest, held = LabelledData([_example(*row) for row in days]).split(HELD_SHARE, len(days))
        registers = {row["text"]: row["register"] for _, row in (*rows, *days)}
        return cls(LabelledData([*(_example(*row) for row in rows), *rest.examples]), held, registers)

    def twins(self, examples: Sequence[Example], start: Start, seed: int) -> Callable[[], list[Encoded]]:
        """What gives, at each call, other twins of the examples."""
        compose = Composer(seed)

        def twin(example: Example) -> Example:
            if not compose.often(COMPOSED):
                return example
            text = compose(example.text, self.registers[example.text], example.labels["kind"][0])
            return Example(text, example.labels)

        return lambda: encode([twin(example) for example in examples], start)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def _example(topic: str, row: dict[str, str]) -> Example:
    labels = {
        "category": (topic, *_codes(row["alt_topics"])),
        "department": (row["department"], *_codes(row["alt_departments"])),
        "kind": (row["kind"],),
        "urgency": (row["urgency"],),
    }
    return Example(row["text"], labels)


def _codes(cell: str) -> tuple[str, ...]:
    return tuple(filter(None, cell.split(",")))
