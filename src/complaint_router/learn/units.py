"""Learn the unit directory from tickets: what each unit does and where."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from complaint_router.dispatch import UnitDirectory, UnitEntry
from complaint_router.learn.data import Example
from complaint_router.locality import Gazetteer, Resolver

LEAST_SHARE = 0.5
"""Share of a unit's tickets that must have one department before it is the unit's function."""


def learn_units(examples: Sequence[Example], home: str) -> UnitDirectory:
    """The units of the tickets: where each acts is read off its name, what it does off the department labels.

    A unit whose name holds no division below home acts in all of home.
    """
    gazetteer = Gazetteer.load()
    resolver = Resolver(gazetteer, home)
    functions: dict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        for unit in example.labels.get("unit", ()):
            functions[unit].update(example.labels.get("department", ("",))[:1])
    return UnitDirectory(
        (
            UnitEntry(unit, _function(found), resolver.below_home(resolver.resolve(unit)) or home)
            for unit, found in sorted(functions.items())
        ),
        gazetteer,
    )


def _function(found: Counter[str]) -> str:
    function, count = found.most_common(1)[0]
    return function if count >= LEAST_SHARE * found.total() else ""
