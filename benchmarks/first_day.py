"""The bundled model on tickets and letters labelled by reading: no training on the city's own data.

    python benchmarks/first_day.py --data gold/dev.jsonl [--model DIR]

The file has the fields text, topic, alt_topics, department, alt_departments, kind, urgency (JSON Lines). An answer
is right when it is the label or one of its alternatives. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from complaint_router import Router, Taxonomy
from complaint_router.evaluation import Scores, evaluate
from complaint_router.learn.data import Example, LabelledData


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="model folder (default: the bundled one)")
    args = parser.parse_args()
    rows = [json.loads(line) for line in args.data.read_text("utf-8").splitlines()]
    router = Router.from_pretrained(args.model)

    data = LabelledData([Example(row["text"], _labels(row)) for row in rows])
    scores = evaluate(router, data, ("category", "department", "kind", "urgency"))
    print("| target | n | accuracy | macro-F1 | top 3 | ECE | auto share | auto accuracy |")
    print("|---|---|---|---|---|---|---|---|")
    for target, each in scores.items():
        print(f"| {target} | {_cells(each)} |")
    topics = Taxonomy.load().topics
    hits = 0
    for row in rows:
        route = router.route(row["text"])
        domains = {topics[code].domain for code in (row["topic"], *row["alt_topics"])}
        hits += route.category is not None and route.category.path[0] in domains
    print(f"| domain | {len(rows)} | {hits / len(rows):.3f} | | | | | |")


def _labels(row: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {
        "category": (row["topic"], *row["alt_topics"]),
        "department": (row["department"], *row["alt_departments"]),
        "kind": (row["kind"],),
        "urgency": (row["urgency"],),
    }


def _cells(scores: Scores) -> str:
    numbers = (scores.accuracy, scores.macro_f1, scores.top3, scores.ece, scores.auto_coverage, scores.auto_accuracy)
    return " | ".join((str(scores.n), *("" if number is None else f"{number:.3f}" for number in numbers)))


if __name__ == "__main__":
    main()
