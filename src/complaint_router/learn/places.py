"""Learn from located tickets which named places lie in which division."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from complaint_router.errors import ArgumentError
from complaint_router.learn.data import PLACE_LEVELS, Example
from complaint_router.locality import Gazetteer, LearnedPlaces
from complaint_router.locality.gazetteer import short_name
from complaint_router.text import fold

FEWEST = 3
"""Tickets that must name a place before it is learned."""
LEAST_PURITY = 0.8
"""Share of them that must lie in one division."""

_SUFFIX = re.compile(
    "小区|花园|家园|花苑|公寓|广场|大厦|市场|商城|工业园|村|苑|城|府|湾|大道|路|街|巷|小学|中学|学校|医院|公园|车站"
)
_CHINESE = re.compile(r"[\u4e00-\u9fff]+")
_BEFORE_SUFFIX = range(2, 7)
"""Characters that a name may have before its suffix: where it begins in the text is left to the counts."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned, and how many place names of the data are no divisions under home."""

    places: LearnedPlaces
    unknown: int


def learn_places(examples: Iterable[Example], home: str | None) -> Lesson:
    """Learn place names from examples that say where their matter lies.

    Raises:
        ArgumentError: no home is given, so the names of districts and towns cannot be told apart.
    """
    if home is None:
        raise ArgumentError("--place needs --home, the division code whose districts and towns the columns name")
    codes = _codes_under(home)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    unknown = 0
    for example in examples:
        code = _code(example.places, codes)
        unknown += code is None and bool(example.places)
        if code is not None:
            for name in set(_names(fold(example.text))):
                counts[name][code] += 1
    settled = {name: place for name, found in counts.items() if (place := _settle(found))}
    return Lesson(LearnedPlaces({name: place for name, place in settled.items() if _is_own(name, settled)}), unknown)


def _is_own(name: str, settled: Mapping[str, tuple[str, float]]) -> bool:
    """Whether no ending of the name says the same: what callers put in front of a place is not kept."""
    return not any(name[at:] in settled and settled[name[at:]][0] == settled[name][0] for at in range(1, len(name)))


def _settle(found: Counter[str]) -> tuple[str, float] | None:
    """The town that is pure enough, else the district, else nothing."""
    by_district: Counter[str] = Counter()
    for code, count in found.items():
        by_district[code[:6]] += count
    for counts in (Counter({code: count for code, count in found.items() if len(code) == 9}), by_district):
        if counts:
            code, count = counts.most_common(1)[0]
            if count >= FEWEST and count >= LEAST_PURITY * found.total():
                return code, round(count / found.total(), 4)
    return None


def _names(text: str) -> Iterable[str]:
    for run in _CHINESE.findall(text):
        for suffix in _SUFFIX.finditer(run):
            for length in _BEFORE_SUFFIX:
                if suffix.start() >= length:
                    yield run[suffix.start() - length : suffix.end()]


def _codes_under(home: str) -> dict[tuple[str, ...], str]:
    """Codes of the districts by (district,), short names too, and of the towns by (town,) and (district, town)."""
    gazetteer = Gazetteer.load()
    codes: dict[tuple[str, ...], str] = {}
    ambiguous = set()
    for code, name in gazetteer.names.items():
        chain = gazetteer.chain(code)
        if home in chain[:-1]:
            keys = {(name,), (short_name(code, name),), (gazetteer.names[chain[-2]], name)}
            for key in keys:
                if key in codes:
                    ambiguous.add(key)
                codes[key] = code
    return {key: code for key, code in codes.items() if key not in ambiguous}


def _code(places: Mapping[str, str], codes: Mapping[tuple[str, ...], str]) -> str | None:
    district, town = (places.get(level, "") for level in PLACE_LEVELS)
    return codes.get((district, town)) or codes.get((town,)) or codes.get((district,))
