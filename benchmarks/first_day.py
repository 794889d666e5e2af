"""The bundled model on tickets and letters that it has never seen: nothing is trained on the city's own data.

    python benchmarks/first_day.py --gold gold/dev.jsonl [--letters messages7/dev.jsonl] [--model DIR] [--confusions]

`--gold` names tickets labelled by reading (JSON Lines: text, topic, alt_topics, department, alt_departments, kind,
urgency); an answer is right when it is the label or one of its alternatives. `--letters` names letters with a class of
the older petition taxonomy (title, text, class7); the answer is the class of the first candidate topic that has one of
those classes. All texts go through `complaint-router route`. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from complaint_router import Taxonomy
from complaint_router.cli import main as command
from complaint_router.metrics import expected_calibration_error

Row = dict[str, Any]
TOPICS = Taxonomy.load().topics
URGENT = "紧急"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gold", type=Path, required=True)
    parser.add_argument("--letters", type=Path)
    parser.add_argument("--model", type=Path, help="model folder (default: the bundled one)")
    parser.add_argument("--confusions", action="store_true", help="list the topics that were taken for others")
    args = parser.parse_args()
    rows = routed(args.gold, args.model)
    measures = of_gold(rows)
    if args.letters:
        letters = routed(args.letters, args.model, "--title-field", "title")
        measures[f"class of {len(letters)} letters"] = of_letters(letters)
    print(f"| measure on {len(rows)} texts | |\n|---|---|")
    for name, value in measures.items():
        print(f"| {name} | {value if isinstance(value, str) else format(value, '.3f')} |")
    if args.confusions:
        print("\n| right | taken for | times |\n|---|---|---|")
        for (right, given), times in confusions(rows).most_common():
            print(f"| {_name(right)} | {_name(given)} | {times} |")


def routed(file: Path, model: Path | None, *options: str) -> list[Row]:
    """The rows of a file, each with its `route`, as the command line writes them."""
    with TemporaryDirectory() as folder:
        output = Path(folder) / "routed.jsonl"
        chosen = ("--model", str(model)) if model else ()
        if command(["route", "--input", str(file), "--output", str(output), *chosen, *options]):
            raise SystemExit(f"{file}: could not be routed")
        return [json.loads(line) for line in output.read_text("utf-8").splitlines()]


def of_gold(rows: list[Row]) -> dict[str, float | str]:
    """Measures by name."""
    topics = [(row["topic"], *row["alt_topics"]) for row in rows]
    departments = [(row["department"], *row["alt_departments"]) for row in rows]
    routes = [row["route"] for row in rows]
    category_hits = _among(1, routes, "category", topics)
    department_hits = _among(1, routes, "department", departments)
    domains = [
        bool({TOPICS[code].domain for code in codes(route, "category")[:1]} & {TOPICS[code].domain for code in right})
        for route, right in zip(routes, topics, strict=True)
    ]
    auto = [hit for hit, route in zip(department_hits, routes, strict=True) if route["decision"]["action"] == "auto"]
    urgent = [row["urgency"] == URGENT for row in rows]
    called = [route["urgency"] == URGENT for route in routes]
    both = sum(one and other for one, other in zip(urgent, called, strict=True))
    return {
        "topic": _share(category_hits),
        "among the first 3 topics": _share(_among(3, routes, "category", topics)),
        "domain": _share(domains),
        "department": _share(department_hits),
        "among the first 3 departments": _share(_among(3, routes, "department", departments)),
        "kind": _share([route["kind"] == row["kind"] for route, row in zip(routes, rows, strict=True)]),
        "urgent ones found, of those called urgent right": f"{both} of {sum(urgent)}, {both} of {sum(called)}",
        "calibration error of topics": expected_calibration_error(_scores(routes, "category"), category_hits),
        "calibration error of departments": expected_calibration_error(_scores(routes, "department"), department_hits),
        "dispatched without a person": len(auto) / len(rows),
        "of these to a right department": _share(auto),
    }


def of_letters(rows: list[Row]) -> float:
    """Share of letters whose class is that of the first candidate topic with one of the letters' classes."""
    classes = {row["class7"] for row in rows}
    hits = []
    for row in rows:
        candidates = [TOPICS[code].petition_class for code in codes(row["route"], "category")]
        hits.append(next((name for name in candidates if name in classes), "") == row["class7"])
    return _share(hits)


def confusions(rows: list[Row]) -> Counter[tuple[str, str]]:
    """How often each topic was taken for each other one."""
    pairs = [(row["topic"], row["alt_topics"], codes(row["route"], "category")) for row in rows]
    return Counter((right, given[0]) for right, others, given in pairs if given and given[0] not in (right, *others))


def codes(route: Row, target: str) -> list[str]:
    """Codes of the candidates, best first; none where the text could not be used."""
    return [candidate["code"] for candidate in (route[target] or {"candidates": []})["candidates"]]


def _among(first: int, routes: list[Row], target: str, right: list[tuple[str, ...]]) -> list[bool]:
    return [
        any(code in labels for code in codes(route, target)[:first])
        for route, labels in zip(routes, right, strict=True)
    ]


def _scores(routes: list[Row], target: str) -> list[float]:
    return [route[target]["score"] if route[target] else 0.0 for route in routes]


def _share(hits: list[bool]) -> float:
    return sum(hits) / len(hits) if hits else 0.0


def _name(code: str) -> str:
    return f"{code} {TOPICS[code].name}"


if __name__ == "__main__":
    main()
