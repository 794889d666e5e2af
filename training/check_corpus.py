"""Check the written corpus: columns, codes, near-duplicates, and that nothing in it is copied from real data.

    python training/check_corpus.py [TOPIC ...] [--real DIR]

Prints one line for each fault (file, line, what is wrong) and a closing count; exits 1 where there is a fault.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from complaint_router import Taxonomy
from corpus import FOLDER, ORDINARY_DAYS

COLUMNS = ["register", "kind", "urgency", "department", "alt_departments", "alt_topics", "text"]
REGISTERS = {"note", "letter", "spoken", "angry", "short"}
KINDS = {"投诉", "咨询", "求助", "建议", "举报", "表扬"}
URGENCIES = {"普通", "紧急"}
FEWEST = 40
"""Texts that each topic has at least."""
COPIED_RUN = 14
"""So many Chinese characters in a row that also stand in the real data count as copied."""
NEAR = 0.6
"""Jaccard similarity of character 3-grams from which two texts count as nearly alike."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topics", nargs="*", help="topic codes whose faults are wanted (default: all faults)")
    parser.add_argument("--real", type=Path, help="folder of real data (*.jsonl, field text) that must not be copied")
    args = parser.parse_args()
    taxonomy = Taxonomy.load()
    files = [*sorted(FOLDER.glob("*.tsv")), ORDINARY_DAYS]
    copied = _runs_of(args.real) if args.real else set()
    faults = 0
    grams: dict[str, set[str]] = {}
    for file in files:
        for where, fault in _check(file, taxonomy, copied, grams):
            if not args.topics or file.stem in args.topics:
                print(f"{where}: {fault}")
                faults += 1
    for where, other in _nearly_alike(grams):
        if not args.topics or {where.split(".")[0], other.split(".")[0]} & set(args.topics):
            print(f"{where}: nearly the same as {other}")
            faults += 1
    print(f"{len(files)} files, {len(grams)} texts, {faults} faults")
    return 1 if faults else 0


def _check(file: Path, taxonomy: Taxonomy, copied: set[str], grams: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Yield the faults of one file, and put each text's 3-grams into `grams`, by where it stands."""
    topics, departments = taxonomy.topics, taxonomy.departments
    columns = ["topic", *COLUMNS] if file == ORDINARY_DAYS else COLUMNS
    lines = file.read_text(encoding="utf-8").splitlines()
    if not lines or lines[0].split("\t") != columns:
        yield f"{file.name}:1", f"header is not {columns}"
        return
    if len(lines) - 1 < FEWEST:
        yield file.name, f"has {len(lines) - 1} texts, fewer than {FEWEST}"
    for number, line in enumerate(lines[1:], 2):
        where = f"{file.name}:{number}"
        fields = line.split("\t")
        if len(fields) != len(columns):
            yield where, f"{len(fields)} columns instead of {len(columns)}"
            continue
        row = {"topic": file.stem, **dict(zip(columns, fields, strict=True))}
        for column, allowed in (("register", REGISTERS), ("kind", KINDS), ("urgency", URGENCIES)):
            if row[column] not in allowed:
                yield where, f"{column} {row[column]!r} is not one of {sorted(allowed)}"
        for column, known in (("topic", topics), ("department", departments)):
            if row[column] not in known:
                yield where, f"{column} {row[column]!r} is not in the taxonomy"
        for column, codes in (
            ("alt_departments", departments),
            ("alt_topics", topics),
        ):
            for code in filter(None, row[column].split(",")):
                if code not in codes:
                    yield where, f"{column} {code!r} is not in the taxonomy"
        if row["topic"] in row["alt_topics"].split(","):
            yield where, "alt_topics repeats the topic"
        if row["department"] in row["alt_departments"].split(","):
            yield where, "alt_departments repeats the department"
        chinese = "".join(re.findall(r"[\u4e00-\u9fff]", row["text"]))
        if len(chinese) < 4:
            yield where, "text has fewer than 4 Chinese characters"
        if any(chinese[i : i + COPIED_RUN] in copied for i in range(len(chinese) - COPIED_RUN + 1)):
            yield where, f"shares {COPIED_RUN} characters in a row with the real data"
        grams[where] = {chinese[i : i + 3] for i in range(len(chinese) - 2)}


def _nearly_alike(grams: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Yield each text that is nearly the same as one before it, with that one.

    Prefix filtering (Chaudhuri et al., ICDE 2006): of two sets as similar as `NEAR`, each has one of its
    `(1 - NEAR) * size + 1` rarest members in the other, so only texts that share such a member are compared.
    """
    frequency = Counter(chain.from_iterable(grams.values()))
    with_member: defaultdict[str, list[str]] = defaultdict(list)
    for where, members in grams.items():
        rarest = sorted(members, key=lambda gram: (frequency[gram], gram))[: int((1 - NEAR) * len(members)) + 1]
        for other in dict.fromkeys(chain.from_iterable(with_member[gram] for gram in rarest)):
            if len(members & grams[other]) >= NEAR * len(members | grams[other]):
                yield where, other
        for gram in rarest:
            with_member[gram].append(where)


def _runs_of(folder: Path) -> set[str]:
    runs: set[str] = set()
    for file in sorted(folder.rglob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                text = re.sub(r"[^\u4e00-\u9fff]", "", str(json.loads(line).get("text", "")))
                runs.update(text[i : i + COPIED_RUN] for i in range(len(text) - COPIED_RUN + 1))
    return runs


if __name__ == "__main__":
    sys.exit(main())
