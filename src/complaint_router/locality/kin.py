"""Roads, parks and estates that are called like a town of home: 海甸五西路 lies in 海甸街道 as often as not."""

from __future__ import annotations

import re

from complaint_router.locality.gazetteer import Gazetteer, town_stem
from complaint_router.text import fold

# How often the first such name of a ticket told the town, and the district where none is named, on 351 tickets of one
# city that people located: 32 of 63 where the text names the district, else 9 and 16 of 26.
_TOWN_OF_DISTRICT = 0.5
_TOWN, _DISTRICT = 0.35, 0.6


class Kin:
    """Finds towns of home, a city or a district, by names that are kin to theirs."""

    def __init__(self, gazetteer: Gazetteer, home: str) -> None:
        self._towns: dict[str, list[str]] = {}
        for code, name in gazetteer.names.items() if not gazetteer.is_province(home) else ():
            if len(code) == 9 and home in gazetteer.chain(code):
                self._towns.setdefault(fold(town_stem(name)), []).append(code)
        longest_first = sorted(self._towns, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        self._gazetteer = gazetteer

    def find(self, text: str, within: str) -> list[tuple[str, float]]:
        """Divisions in `within` (home, or a division in it) that the first name of kin speaks for, with their scores.

        None is sure enough to be settled.
        """
        for stem in self._pattern.findall(text):
            inside = [code for code in self._towns[stem] if within in self._gazetteer.chain(code)[:-1]]
            if len(inside) == 1:
                town = inside[0]
                district = self._gazetteer.chain(town)[-2]
                if district == within:
                    return [(town, _TOWN_OF_DISTRICT)]
                return [(district, _DISTRICT), (town, _TOWN)]
        return []
