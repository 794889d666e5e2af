"""Train the bundled national model on the written corpus.

The whole recipe; on 2 cores with bfloat16 about 10 minutes for the third step and 15 for the fourth:

    python training/backbone.py --output build/whole --layers 12
    python training/backbone.py --output build/cut --layers 6
    python training/distil.py --teacher build/whole --student build/cut --output build/backbone
    python training/national.py --backbone build/backbone --output models/national
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from complaint_router.learn.data import Example, LabelledData
from complaint_router.learn.train import train_on
from complaint_router.taxonomy import Taxonomy

CORPUS = Path(__file__).parent / "corpus"
TARGETS = ("category", "department", "kind", "urgency")
NOTES = """
The national model: it knows the 146 topics and 50 functions of the national taxonomy, the kind of a complaint and
its urgency, before any city has trained it. Its encoder began as multilingual-e5-small (MIT), cut to 6 of 12 layers
and to the word pieces that Chinese needs, and mended by distilling the whole encoder's hidden states; everything else
it learned from the written corpus in `training/corpus`, whose every text was written for this project. No real
complaint was used.

What it does not know: the habits of a city (which function truly takes a matter there), its units, its local names;
topics beyond the 146; texts in other languages or in dialect writing. Urgent cases are rare in the corpus, so
`urgency` misses some. Retrain it on your own closed tickets: `complaint-router train`.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", type=Path, required=True, help="folder that training/distil.py wrote")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    taxonomy = Taxonomy.load()
    trained = train_on(
        read_corpus(),
        targets=TARGETS,
        labels={"category": tuple(taxonomy.topics), "department": tuple(taxonomy.departments)},
        output=args.output,
        init=args.backbone,
        epochs=args.epochs,
        seed=args.seed,
        taxonomy=taxonomy,
        notes=NOTES,
    )
    for number, epoch in enumerate(trained.history, 1):
        print(number, f"loss {epoch.loss:.3f}", {name: round(value, 3) for name, value in epoch.accuracy.items()})
    print(f"{trained.folder}: {trained.rows} texts, {trained.seconds / 60:.1f} minutes, parity {trained.parity}")


def read_corpus() -> LabelledData:
    """All texts of the corpus with their labels, the main one first, its alternatives behind it."""
    examples = []
    for file in sorted(CORPUS.glob("*.tsv")):
        with file.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                labels = {
                    "category": (file.stem, *_codes(row["alt_topics"])),
                    "department": (row["department"], *_codes(row["alt_departments"])),
                    "kind": (row["kind"],),
                    "urgency": (row["urgency"],),
                }
                examples.append(Example(row["text"], labels))
    return LabelledData(examples)


def _codes(cell: str) -> tuple[str, ...]:
    return tuple(filter(None, cell.split(",")))


if __name__ == "__main__":
    main()
