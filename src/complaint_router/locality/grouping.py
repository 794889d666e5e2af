"""Group the names of a text into places: province, city, district and town that go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

from complaint_router.locality.gazetteer import Gazetteer, depth
from complaint_router.locality.mentions import Form, Found

_MOST_CONTRADICTING = 3
"""A town that so many places bear at most contradicts the district in front of it; of a commoner name the gazetteer
may lack the very one that is meant."""
_NEAR = 8
"""A name joins one of so many groups before it: a text full of names must not take the square of their number."""


@dataclass(slots=True)
class Group:
    """Names that go together, and the divisions that they leave possible.

    `codes`: those divisions, all of one level; `form`: the least sure form of a name that narrowed them; `nested`:
    whether another name speaks for them; `contradicting`: what the last name means, where that lies elsewhere.
    """

    codes: tuple[str, ...]
    form: Form
    items: list[Found] = field(default_factory=list)
    nested: bool = False
    contradicting: tuple[str, ...] = ()


def grouped(found: Sequence[Found], gazetteer: Gazetteer) -> list[Group]:
    """Groups in the order of their first names."""
    groups: list[Group] = []
    last: tuple[Found, Group] | None = None
    for item in found:
        group = next((each for each in reversed(groups[-_NEAR:]) if _joins(item, each, gazetteer)), None)
        if group is None and last and last[0].end == item.start and _contradicts(item, last[1]):
            group = last[1]
            group.items.append(item)
        if group is None:
            reading = item.readings[0]
            group = Group(reading.codes, reading.form, [item])
            groups.append(group)
        last = item, group
    if len(groups) > 1:
        _narrow_by_neighbours(groups)
    return groups


def _joins(item: Found, group: Group, gazetteer: Gazetteer) -> bool:
    """Narrow the group by the name, if one of its readings lies in a division of the group, or holds one."""
    if group.contradicting:
        return False
    # Until a second name narrows it, the first may be read in all its ways.
    others = (each.codes for each in group.items[0].readings[1:]) if len(group.items) == 1 else ()
    for present, reading in product((group.codes, *others), item.readings):
        codes = _narrowed(present, reading.codes, gazetteer)
        if codes:
            group.nested |= codes != group.codes or (len(group.codes) == 1 and reading.codes != group.codes)
            if codes != group.codes:
                group.form = max(group.form, reading.form)
            group.codes = codes
            group.items.append(item)
            return True
    return False


def _narrowed(present: tuple[str, ...], named: tuple[str, ...], gazetteer: Gazetteer) -> tuple[str, ...]:
    """The deeper of both where one holds the other; empty where they do not go together."""
    chain = gazetteer.chain
    deeper = tuple(code for code in named if any(each in present for each in chain(code)))
    if deeper:
        return deeper
    held = tuple(code for code in present if any(each in named for each in chain(code)))
    if held:
        return held
    once = {each for code in present for each in gazetteer.extents.get(code, ())}
    return tuple(code for code in named if any(each in once for each in chain(code))) if once else ()


def _contradicts(item: Found, group: Group) -> bool:
    """Whether the name, right behind the group's, is of a lower level and lies elsewhere; marks the group."""
    reading = item.readings[0]
    if reading.form is not Form.FULL or len(group.codes) > 1 or len(reading.codes) > _MOST_CONTRADICTING:
        return False
    if depth(reading.codes[0]) <= depth(group.codes[0]):
        return False
    group.contradicting = reading.codes
    return True


def _narrow_by_neighbours(groups: Sequence[Group]) -> None:
    """Of several possible divisions keep those that share city or province with another place of the text."""
    settled = [group.codes[0] for group in groups if len(group.codes) == 1]
    for group in groups:
        for digits in (4, 2):
            near = tuple(code for code in group.codes if any(code[:digits] == other[:digits] for other in settled))
            if len(group.codes) > 1 and near:
                group.codes, group.nested = near, True
