"""Find the places that a complaint names and settle where its matter lies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from complaint_router.locality.gazetteer import Gazetteer, level
from complaint_router.locality.places import LearnedPlaces
from complaint_router.locality.scan import NameIndex
from complaint_router.schema import LEVELS, Locality, Mention, Place
from complaint_router.text import fold

_OTHER_NAME = re.compile(
    "[东南西北中]?(?:路|街|大道|巷|弄)|[桥里村园苑城庄湾港河江湖山话菜]|公园|广场|大厦|花园|小区|银行|大学|医院|酒店|烤鸭"
)
"""A short name before one of these is part of another name: 南京东路, 和平里, 中山公园, 上海银行."""

_MOST_OTHERS = 9
"""Other places of the text that stand behind the settled one."""

# How often a place settled this way was right, measured on addresses and on one city's tickets whose place is known:
# a name under another name, a name that only one division bears, one of several settled by home, no name but home.
_NESTED = 0.96
_SINGLE = 0.95
_BY_HOME = 0.92
_HOME_ONLY = 0.95


@dataclass(frozen=True, slots=True)
class _Found:
    """A name found in the text with the divisions that bear it."""

    mention: Mention
    codes: tuple[str, ...]
    short: bool


class Resolver:
    """Finds divisions by name and nesting.

    `home` (a division code) settles what the text leaves open; `places`, learned from a city's tickets, lead on from
    there to the district or town in which a named estate or road lies.
    """

    def __init__(self, gazetteer: Gazetteer, home: str | None = None, places: LearnedPlaces | None = None) -> None:
        """Raises ArgumentError where `home` is not a division code."""
        self._gazetteer = gazetteer
        self._home = gazetteer.home(home) if home else None
        self._places = places or LearnedPlaces({})
        self._index = NameIndex((*gazetteer.full, *gazetteer.short))

    @property
    def home(self) -> str | None:
        """Code of the division whose hotline this is."""
        return self._home

    def resolve(self, text: str) -> Locality | None:
        """The place of the matter, or None where the text names no place and there is no home.

        Traditional characters are read as simplified ones; mentions quote the text as it stands.
        """
        folded = fold(text)
        locality = self._deepened(self._named(folded), folded)
        if locality is None or folded == text:
            return locality
        quoted = tuple(Mention(text[each.start : each.end], each.start, each.end) for each in locality.mentions)
        return replace(locality, mentions=quoted)

    def _named(self, text: str) -> Locality | None:
        """Settle by the divisions that the text names."""
        found = list(self._scan(text))
        ranked = self._rank(found)
        mentions = tuple(item.mention for item in found if not item.short or any(code in ranked for code in item.codes))
        if not ranked:
            return self._at_home(mentions)
        best = max(ranked.values())
        # Equal support by different names: the caller begins with the place of the matter. By one name: open.
        first = next(item for item in found if any(ranked.get(code) == best for code in item.codes))
        open_codes = [code for code in first.codes if ranked.get(code) == best]
        if len(open_codes) > 1:
            return self._left_open(open_codes, mentions)
        if self._home and open_codes[0] in self._gazetteer.chain(self._home):
            return self._at_home(mentions)
        return self._settled(open_codes[0], best, mentions, ranked)

    def _deepened(self, named: Locality | None, text: str) -> Locality | None:
        """Go on from a settled division to the deepest learned place inside it."""
        if named is None or named.code is None:
            return named
        inside = [
            (mention, code, purity)
            for mention, code, purity in self._places.find(text)
            if code != named.code and named.code in self._gazetteer.chain(code)
        ]
        if not inside:
            return named
        mention, code, purity = max(inside, key=lambda each: (len(each[1]), each[2]))
        place = self._gazetteer.place(code, purity)
        mentions = sorted((*named.mentions, mention), key=lambda each: each.start)
        others = [each for each in named.candidates if each.code not in self._gazetteer.chain(code)]
        return _locality(place, tuple(mentions), [place, *others])

    def _scan(self, text: str) -> Iterator[_Found]:
        """Names of divisions in the text, but for short ones that are part of another name."""
        full, short = self._gazetteer.full, self._gazetteer.short
        for at, name in self._index.scan(text, full, short):
            end = at + len(name)
            if name in full:
                yield _Found(Mention(name, at, end), full[name], short=False)
            elif not _OTHER_NAME.match(text, end):
                yield _Found(Mention(name, at, end), short[name], short=True)

    def _rank(self, found: list[_Found]) -> dict[str, tuple[int, bool, int]]:
        """For each possible division: how many other names stand above it, whether it is at home, its depth."""
        ranked: dict[str, tuple[int, bool, int]] = {}
        # A division named more than once counts once, by its full name where that is there too.
        distinct = {item.codes: item for item in sorted(found, key=lambda item: not item.short)}.values()
        for item in distinct:
            for code in item.codes:
                chain = self._gazetteer.chain(code)
                support = sum(any(above in chain[:-1] for above in other.codes) for other in distinct)
                at_home = self._home is not None and self._home in chain
                depth = LEVELS.index(level(code))
                if item.short and depth >= LEVELS.index("district") and not support and not at_home:
                    continue
                ranked[code] = (support, at_home, depth if support or at_home else 0)
        return ranked

    def _settled(
        self,
        code: str,
        rank: tuple[int, bool, int],
        mentions: tuple[Mention, ...],
        ranked: dict[str, tuple[int, bool, int]],
    ) -> Locality:
        support, at_home, _ = rank
        score = _NESTED if support else _BY_HOME if at_home else _SINGLE
        chain = self._gazetteer.chain(code)
        others = sorted((other for other in ranked if other not in chain), key=ranked.__getitem__, reverse=True)
        rest = (1 - score) / max(1, len(others))
        places = [self._gazetteer.place(code, score)]
        places += [self._gazetteer.place(other, rest) for other in others[:_MOST_OTHERS]]
        return _locality(places[0], mentions, places)

    def _at_home(self, mentions: tuple[Mention, ...]) -> Locality | None:
        if self._home is None:
            return None
        home = self._gazetteer.place(self._home, _HOME_ONLY)
        return _locality(home, mentions, [home])

    def _left_open(self, codes: list[str], mentions: tuple[Mention, ...]) -> Locality:
        """Settle only what all possible places have in common, which may be nothing."""
        score = 1 / len(codes)
        places = [self._gazetteer.place(code, score) for code in codes]
        chains = [self._gazetteer.chain(code) for code in codes]
        common = [code for code in chains[0] if all(code in chain for chain in chains)]
        settled = self._gazetteer.place(common[-1], _SINGLE) if common else _NOWHERE
        return _locality(settled, mentions, places)


_NOWHERE = Place(None, None, None, None, None, None, None, 0.0)


def _locality(place: Place, mentions: tuple[Mention, ...], candidates: list[Place]) -> Locality:
    return Locality(
        place.code,
        place.level,
        place.province,
        place.city,
        place.district,
        place.town,
        place.community,
        place.score,
        mentions,
        tuple(candidates),
    )
