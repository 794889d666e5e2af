"""The unit directory: which concrete unit has a function in a place, and how the place weighs among a model's units."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from complaint_router.dispatch.labels import CANDIDATES
from complaint_router.errors import ArgumentError, DataError, ModelError
from complaint_router.folder import FILES
from complaint_router.locality.gazetteer import Gazetteer, level
from complaint_router.schema import Department, Locality, Unit, UnitCandidate

COLUMNS = ("name", "function", "division", "level")
WEIGHT = 0.5
"""What the place counts beside a trained unit head, as a power of its probability over chance. 1 would be right if the
head knew nothing of places; it has read the same words, and one city's tickets gave 0.5 to 0.75 as best."""
_DOUBT = 0.02
"""Probability left to a place that nothing speaks for."""


@dataclass(frozen=True, slots=True)
class UnitEntry:
    """A unit, the function that it has (a department's code; empty where unknown) and the division that it acts in."""

    name: str
    function: str
    division: str


class UnitDirectory:
    """Units by function and division."""

    def __init__(self, entries: Iterable[UnitEntry], gazetteer: Gazetteer) -> None:
        self.entries = tuple(entries)
        self._gazetteer = gazetteer
        self._divisions: dict[str, list[str]] = {}
        self._by_place: dict[tuple[str, str], list[str]] = {}
        self._by_function: dict[str, list[UnitEntry]] = {}
        for entry in self.entries:
            self._divisions.setdefault(entry.name, []).append(entry.division)
            self._by_place.setdefault((entry.function, entry.division), []).append(entry.name)
            self._by_function.setdefault(entry.function, []).append(entry)
        self._all = gazetteer.common(entry.division for entry in self.entries) if self.entries else None

    def assign(self, department: Department | None, locality: Locality | None) -> Unit | None:
        """The unit that has the function in the place; None where the directory has none.

        Every function and place that is possible counts with its probability. Without a place it is all that the
        directory is about.
        """
        scores: dict[str, float] = {}
        for function in department.candidates if department else ():
            for code, chance in _places(locality, self._all):
                for name, share in self._responsible(function.code, code).items():
                    scores[name] = scores.get(name, 0.0) + function.score * chance * share
        ranked = sorted(scores, key=lambda name: (-scores[name], name))[:CANDIDATES]
        if not ranked:
            return None
        candidates = tuple(UnitCandidate(name, min(1.0, scores[name])) for name in ranked)
        return Unit(candidates[0].name, candidates[0].score, candidates)

    def _responsible(self, function: str, place: str) -> dict[str, float]:
        """Units with the function, and the share of matters in `place` that is theirs.

        Those of the deepest division from `place` upwards that has the function. Where none has it, those of the
        divisions inside `place`, each with the share that its division has by chance: what has no unit there gets none.
        """
        chain = self._gazetteer.chain
        for code in reversed(chain(place)):
            names = self._by_place.get((function, code), ())
            if names:
                return dict.fromkeys(names, 1 / len(names))
        shares: dict[str, float] = {}
        for entry in self._by_function.get(function, ()):
            path = chain(entry.division)
            if place in path:
                share = math.prod(1 / len(self._gazetteer.below(code)) for code in path[path.index(place) : -1])
                same = len(self._by_place[function, entry.division])
                shares[entry.name] = shares.get(entry.name, 0.0) + share / same
        return shares

    def evidence(self, units: Sequence[str], spread: Mapping[str, float]) -> NDArray[np.float32]:
        """What the place adds to the logits of units, of shape (units,); 0 for a unit of no known or of every place.

        Args:
            units: names of units.
            spread: probability that the matter lies in each division; siblings sum to 1.
        """
        by_chance: dict[str, float] = {}
        siblings = Counter(self._gazetteer.chain(code)[-2:-1] for code in spread)
        for code in spread:  # parents stand before their children
            parent = self._gazetteer.chain(code)[-2:-1]
            by_chance[code] = by_chance.get("".join(parent), 1.0) / siblings[parent]
        added = np.zeros(len(units), np.float32)
        for at, name in enumerate(units):
            known = [code for code in self._divisions.get(name, ()) if code in spread]
            if known:
                expected = sum(by_chance[code] for code in known)
                told = sum(spread[code] for code in known)
                added[at] = WEIGHT * math.log((told + _DOUBT * expected) / (expected * (1 + _DOUBT)))
        return added

    def merged(self, other: UnitDirectory | None) -> UnitDirectory:
        """This directory with the entries of another, which come before those of the same name."""
        if other is None:
            return self
        names = {entry.name for entry in other.entries}
        kept = [entry for entry in self.entries if entry.name not in names]
        return UnitDirectory([*other.entries, *kept], self._gazetteer)

    def limited(self, functions: Collection[str]) -> UnitDirectory:
        """The same without the functions that are none of these."""
        entries = (each if each.function in functions else replace(each, function="") for each in self.entries)
        return UnitDirectory(entries, self._gazetteer)

    def save(self, folder: Path) -> None:
        """Write `units.csv`."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows((each.name, each.function, each.division, level(each.division)) for each in self.entries)
        (folder / FILES.units).write_text(text.getvalue(), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, gazetteer: Gazetteer, functions: Collection[str] | None = None) -> UnitDirectory | None:
        """The directory that a model learned; None where it has none.

        Raises:
            ModelError: it is broken.
        """
        path = folder / FILES.units
        try:
            return cls.read(path, gazetteer, functions) if path.is_file() else None
        except DataError as error:
            raise ModelError(f"{error}; train or copy the model anew") from error

    @classmethod
    def read(cls, path: Path, gazetteer: Gazetteer, functions: Collection[str] | None = None) -> UnitDirectory:
        """Read a CSV file with the columns name, function, division and, if wanted as a check, level.

        Args:
            path: in UTF-8 or GB18030.
            gazetteer: holds the division codes.
            functions: the department codes that may stand in the column function; default: any.

        Raises:
            DataError: the file cannot be read, a column is missing, or a cell is wrong; names row and column.
        """
        # Backlogs are faces over the router, which has a directory: at the top this import would be a circle.
        from complaint_router.backlog.readers import open_source

        source = open_source(path)
        source.require_columns(*COLUMNS[:3])
        entries, seen = [], set()
        for number, row in enumerate(source.rows(), start=2):
            cells = {column: str(row.get(column) or "").strip() for column in COLUMNS}
            if not any(cells.values()):
                continue  # as Excel leaves them behind a table
            try:
                division = gazetteer.home(cells["division"])
            except ArgumentError:
                division = ""
            entry = UnitEntry(cells["name"], cells["function"], division)
            wrong = None
            if not entry.name:
                wrong = "name", "is empty"
            elif not division:
                wrong = "division", f"{cells['division']!r} is not the code of a division; 海口市, for one, is 460100"
            elif entry.function and functions is not None and entry.function not in functions:
                wrong = "function", f"{entry.function!r} is not the code of a department"
            elif cells["level"] and cells["level"] != level(division):
                wrong = "level", f"{cells['level']!r} is not that of {division}, which is {level(division)}"
            elif entry in seen:
                wrong = "name", f"{entry.name!r} is there twice with this function and division"
            if wrong:
                raise DataError(f"{path}, row {number}, column {wrong[0]}: {wrong[1]}")
            seen.add(entry)
            entries.append(entry)
        if not entries:
            raise DataError(f"{path}: has no units")
        return cls(entries, gazetteer)


def _places(locality: Locality | None, otherwise: str | None) -> list[tuple[str, float]]:
    """The divisions in which the matter may lie, and how likely each is."""
    if locality is None or not locality.candidates:
        return [(otherwise, 1.0)] if otherwise else []
    if locality.code and locality.candidates[0].code == locality.code:
        return [(locality.code, locality.score)]
    return [(each.code, each.score) for each in locality.candidates if each.code]
