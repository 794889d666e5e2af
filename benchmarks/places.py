"""Places: the resolver beside other libraries, on addresses, on tickets of a city, and on hard cases.

    python benchmarks/places.py --addresses dev.bio [--tickets FILE --learn FILE --home CODE]

`--addresses` names addresses with BIO tags (one character and its tag a line): of those with a province, city, district
or town, the share that a library names right. A name is right when the place given lies in a division that bears it,
with or without its suffix, or that holds now what bore it once. Where a text leaves several places open, the first
candidate counts, and the share settled stands beside it. Peers that are not installed are left out:
`pip install cpca==0.5.5 'setuptools<81' cnloc==0.1.7 jionlp==1.5.31` brings them.

`--tickets` names rows with the district and the town in which their matter lies (JSON Lines: text, district, town);
`--learn` those to learn from (text, unit, unit_district, unit_town). The baseline takes the name, else what a linear
SVM over character n-grams says.

The hard cases are those of `tests/hard_places.tsv`. A peer is right where it names the province, city and district (and
the town, if it knows towns) of the place expected and goes no deeper. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import csv
import gc
import importlib
import json
import re
import time
import timeit
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from complaint_router.learn.data import Example
from complaint_router.learn.places import learn_places
from complaint_router.locality import Gazetteer, LearnedPlaces, Resolver
from complaint_router.locality.gazetteer import level
from complaint_router.schema import Locality

HARD = Path(__file__).parent.parent / "tests" / "hard_places.tsv"
LEVELS = ("province", "city", "district", "town")
TAGS = {"prov": "province", "city": "city", "district": "district", "town": "town"}
Named = dict[str, str]
"""From a level to the name given for it."""
Address = tuple[str, Named]
GAZETTEER = Gazetteer.load()
ANYWHERE = Resolver(GAZETTEER)
_SUFFIX = re.compile(
    r"(?<=..)(?:特别行政区|(?:壮族|回族|维吾尔)?自治区|街道办事处|街道办|街道|街办|地区|[省市区县旗盟州镇乡])$"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--addresses", type=Path, required=True)
    parser.add_argument("--tickets", type=Path)
    parser.add_argument("--learn", type=Path)
    parser.add_argument("--home")
    args = parser.parse_args()
    if args.tickets and not args.home:
        parser.error("--tickets needs --home")
    libraries = {"complaint-router": ours, **peers()}
    compare_addresses(list(read_addresses(args.addresses)), libraries)
    compare_hard(libraries)
    if args.tickets:
        measure_tickets(read_rows(args.tickets), read_rows(args.learn) if args.learn else [], args.home)


def compare_addresses(
    addresses: Sequence[Address], libraries: dict[str, Callable[[Sequence[str]], list[Named]]]
) -> None:
    print(f"| {len(addresses)} addresses | {' | '.join(LEVELS)} | a second |\n|---|---|---|---|---|---|")
    texts = [text for text, _ in addresses]
    for name, library in libraries.items():
        seconds, given = timed(library, texts)
        print(f"| {name} | {' | '.join(shares(addresses, given))} | {len(texts) / seconds:,.0f} |")
    settled = [fields(ANYWHERE.resolve(text)) for text in texts]
    print(f"| complaint-router, settled | {' | '.join(shares(addresses, settled))} | |\n")


def shares(addresses: Sequence[Address], given: Sequence[Named]) -> Iterator[str]:
    for each in LEVELS:
        pairs = [(right[each], named) for (_, right), named in zip(addresses, given, strict=True) if each in right]
        yield format(sum(bears(named, name) for name, named in pairs) / len(pairs), ".3f")


def bears(given: Named, name: str) -> bool:
    """Whether one of the divisions given has the name, or holds what had it."""
    short = _SUFFIX.sub("", name)
    if any(each.startswith(short) for each in given.values()):
        return True
    bearers = [bearer for stem in {name, short} for bearer in GAZETTEER.bearers(stem)]
    once = {code for bearer in bearers if bearer.former or bearer.area for code in bearer.codes}
    once |= {code for bearer in bearers for each in bearer.codes for code in GAZETTEER.extents.get(each, ())}
    return any(GAZETTEER.names[code] in given.values() for code in once)


def compare_hard(libraries: dict[str, Callable[[Sequence[str]], list[Named]]]) -> None:
    with HARD.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    print(f"| {len(rows)} hard cases | right |\n|---|---|")
    resolvers = {home: Resolver(GAZETTEER, home or None) for home in {row["home"] for row in rows}}
    right = sum(
        (found.code if (found := resolvers[row["home"]].resolve(row["text"])) else None) == (row["code"] or None)
        for row in rows
    )
    print(f"| complaint-router | {right / len(rows):.3f} |")
    for name, library in list(libraries.items())[1:]:
        given = library([row["text"] for row in rows])
        towns = name == "jionlp"
        right = sum(as_expected(named, row["code"], towns) for named, row in zip(given, rows, strict=True))
        print(f"| {name} | {right / len(rows):.3f} |")
    print()


def as_expected(given: Named, code: str, towns: bool) -> bool:
    wanted = fields(place(code)) if code else {}
    return all(given.get(each, "") == wanted.get(each, "") for each in LEVELS if towns or each != "town") and (
        towns or "town" not in given
    )


def measure_tickets(rows: list[dict[str, Any]], known: list[dict[str, Any]], home: str) -> None:
    names = {GAZETTEER.names[code]: code for code in GAZETTEER.names if home in GAZETTEER.chain(code)[:-1]}
    # 大同路街道 is 大同街道 by its former name.
    names |= {re.sub("街道$", "路街道", name): code for name, code in names.items() if name.endswith("街道")} | names
    right = [(names[row["district"]], names[row["town"]]) for row in rows]
    texts = [row["text"] for row in rows]
    bare = Resolver(GAZETTEER, home)
    print(
        f"| {len(rows)} tickets, home {home} | district | settled right | town | settled right |\n|---|---|---|---|---|"
    )
    print_tickets("nothing learned", [bare.resolve(text) for text in texts], right)
    if not known:
        return
    examples = [
        Example(
            row["text"],
            {"unit": (row["unit"],)},
            {each: row[f"unit_{each}"] for each in ("district", "town") if row[f"unit_{each}"]},
        )
        for row in known
    ]
    begin = time.perf_counter()
    places = learn_places(examples, home).places
    seconds = time.perf_counter() - begin
    resolver = Resolver(GAZETTEER, home, places)
    print_tickets(f"learned from {len(known)}", [resolver.resolve(text) for text in texts], right)
    by_name = Resolver(GAZETTEER, home, LearnedPlaces(places.names))
    print_tickets("learned names alone", [by_name.resolve(text) for text in texts], right)
    print_baseline(texts, right, known, names, bare)
    print(f"\n{len(places.names)} names learned, in {seconds:.0f} s")


def print_tickets(name: str, found: Sequence[Locality | None], right: Sequence[tuple[str, str]]) -> None:
    """A level counts by the first candidate that reaches it; beside it how many settled ones are right."""
    cells = []
    for at, (digits, wanted) in enumerate(((6, "district"), (9, "town"))):
        answers = [both[at] for both in right]
        given = [first(each, digits) for each in found]
        cells.append(f"{share(given, answers):.3f}")
        settled = [
            each.code[:digits] == answer
            for each, answer in zip(found, answers, strict=True)
            if each and each.code and LEVELS.index(level(each.code)) >= LEVELS.index(wanted)
        ]
        cells.append(f"{sum(settled)} of {len(settled)}")
    print(f"| {name} | {' | '.join(cells)} |")


def first(locality: Locality | None, digits: int) -> str | None:
    codes = [each.code for each in locality.candidates if each.code] if locality else []
    return next((code[:digits] for code in codes if len(code) >= digits and level(code[:digits]) != "city"), None)


def share(given: Sequence[str | None], answers: Sequence[str]) -> float:
    return sum(one == answer for one, answer in zip(given, answers, strict=True)) / len(answers)


def print_baseline(
    texts: list[str], right: list[tuple[str, str]], known: list[dict[str, Any]], names: dict[str, str], bare: Resolver
) -> None:
    named = [bare.below_home(bare.resolve(text)) or "" for text in texts]
    cells = []
    for at, (each, digits) in enumerate((("district", 6), ("town", 9))):
        rows = [row for row in known if row[f"unit_{each}"] in names]
        vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
        matrix = vectorizer.fit_transform(row["text"] for row in rows)
        svm = LinearSVC(C=0.5).fit(matrix, [names[row[f"unit_{each}"]] for row in rows])
        guesses = svm.predict(vectorizer.transform(texts))
        given = [code[:digits] if len(code) >= digits else guess for code, guess in zip(named, guesses, strict=True)]
        cells.append(share(given, [both[at] for both in right]))
    print(f"| the name, else a character SVM | {cells[0]:.3f} | | {cells[1]:.3f} | |")


def ours(texts: Sequence[str]) -> list[Named]:
    found = [ANYWHERE.resolve(text) for text in texts]
    return [fields(each.candidates[0] if each and each.candidates else None) for each in found]


def peers() -> dict[str, Callable[[Sequence[str]], list[Named]]]:
    """The peers that are installed, each as a function from texts to names."""
    installed: dict[str, Callable[[Sequence[str]], list[Named]]] = {}
    for name, adapter in (("cpca", of_cpca), ("cnloc", of_cnloc), ("jionlp", of_jionlp)):
        try:
            installed[name] = adapter(importlib.import_module(name))
        except ImportError:
            print(f"{name} is not installed and is left out", flush=True)
    return installed


def of_cpca(cpca: Any) -> Callable[[Sequence[str]], list[Named]]:
    def name(texts: Sequence[str]) -> list[Named]:
        table = cpca.transform(list(texts))
        return [named(*row) for row in zip(table["省"], table["市"], table["区"], strict=True)]

    return name


def of_cnloc(cnloc: Any) -> Callable[[Sequence[str]], list[Named]]:
    def name(texts: Sequence[str]) -> list[Named]:
        table = cnloc.getlocation(list(texts), county_short=True, max_workers=1)
        columns = (table["province_name"], table["city_name"], table["county_name"])
        return [named(*row) for row in zip(*columns, strict=True)]

    return name


def of_jionlp(jionlp: Any) -> Callable[[Sequence[str]], list[Named]]:
    def name(texts: Sequence[str]) -> list[Named]:
        found = [jionlp.parse_location(text, town_village=True) for text in texts]
        return [named(each["province"], each["city"], each["county"], each["town"]) for each in found]

    return name


def named(*values: Any) -> Named:
    """Names by level; 市辖区 and the like stand for the province."""
    given = {each: value for each, value in zip(LEVELS, values, strict=False) if isinstance(value, str) and value}
    if given.get("city") in ("市辖区", "县"):
        given["city"] = given["province"]
    return given


def place(code: str) -> Any:
    return GAZETTEER.place(code, 1.0)


def fields(found: Any) -> Named:
    return {each: value for each in LEVELS if found is not None and (value := getattr(found, each))}


def timed(library: Callable[[Sequence[str]], list[Named]], texts: Sequence[str]) -> tuple[float, list[Named]]:
    """Seconds of the fastest of three passes, as a long run has it, and what is named."""
    given = library(texts)
    gc.collect()
    gc.freeze()  # else the collector walks through what other libraries have loaded
    return min(timeit.repeat(lambda: library(texts), number=1, repeat=3)), given


def read_addresses(path: Path) -> Iterator[Address]:
    """Each address with the first name of each level."""
    for block in path.read_text("utf-8").split("\n\n"):
        text, spans = "", []
        for line in filter(str.strip, block.split("\n")):
            part, tag = line.rsplit(" ", 1)
            if tag.startswith("B-"):
                spans.append([tag[2:], ""])
            if spans and tag != "O":
                spans[-1][1] += part
            text += part
        if text:
            yield text, {TAGS[tag]: name for tag, name in reversed(spans) if tag in TAGS}


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


if __name__ == "__main__":
    main()
