"""Read the written corpus."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from complaint_router.learn.data import Example, LabelledData
from complaint_router.learn.fit import Encoded, encode
from complaint_router.learn.model import Start
from compose import Composer

FOLDER = Path(__file__).parent / "corpus"
COMPOSED = 0.7
"""Share of the texts that a pass reads as twins; the others it reads as they were written."""


@dataclass(frozen=True)
class Corpus:
    """All texts with their labels, the main one first, its alternatives behind it; and the register of each."""

    data: LabelledData
    registers: dict[str, str]

    @classmethod
    def read(cls) -> Corpus:
        """Read all files of the corpus."""
        examples, registers = [], {}
        for file in sorted(FOLDER.glob("*.tsv")):
            with file.open(encoding="utf-8", newline="") as lines:
                for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                    labels = {
                        "category": (file.stem, *_codes(row["alt_topics"])),
                        "department": (row["department"], *_codes(row["alt_departments"])),
                        "kind": (row["kind"],),
                        "urgency": (row["urgency"],),
                    }
                    examples.append(Example(row["text"], labels))
                    registers[row["text"]] = row["register"]
        return cls(LabelledData(examples), registers)

    def twins(self, examples: Sequence[Example], start: Start, seed: int) -> Callable[[], list[Encoded]]:
        """What gives, at each call, other twins of the examples."""
        compose = Composer(seed)

        def twin(example: Example) -> Example:
            if not compose.often(COMPOSED):
                return example
            text = compose(example.text, self.registers[example.text], example.labels["kind"][0])
            return Example(text, example.labels)

        return lambda: encode([twin(example) for example in examples], start)


def _codes(cell: str) -> tuple[str, ...]:
    return tuple(filter(None, cell.split(",")))
