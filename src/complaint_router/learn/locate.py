"""What training keeps of places and units, and what they add to the logits of units."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from complaint_router.dispatch import UnitDirectory
from complaint_router.folder import Config
from complaint_router.learn.data import Example
from complaint_router.learn.places import learn_places
from complaint_router.learn.units import learn_units
from complaint_router.locality import Gazetteer, LearnedPlaces, Resolver
from complaint_router.text import TEXT_LIMIT

Evidence = Callable[[str], NDArray[np.float32]]
"""From a text to what its place adds to the logits of units, of shape (units,)."""


def unit_evidence(
    examples: Sequence[Example], targets: Mapping[str, Sequence[str]], home: str | None
) -> Evidence | None:
    """What a text's place adds to the logits of units, or None without units or a home.

    Args:
        examples: the training rows alone, so that held-out rows judge it.
        targets: what is trained, with the labels of each.
        home: the division whose hotline this is.
    """
    if home is None or "unit" not in targets:
        return None
    resolver = Resolver(Gazetteer.load(), home, learn_places(examples, home).places)
    directory = learn_units(examples, home)
    return lambda text: directory.evidence(targets["unit"], resolver.spread(text[:TEXT_LIMIT]))


def write_places(
    folder: Path,
    examples: Sequence[Example],
    targets: Mapping[str, Sequence[str]],
    home: str | None,
    base: Path | None,
    located: bool,
    functions: Collection[str],
) -> int:
    """Write what the rows, or else the model gone on from, know of places and units.

    Of a model with another home nothing is kept, and of its units not the functions that are none of `functions`.
    Returns how many rows name places that home does not have.
    """
    gazetteer = Gazetteer.load()
    if base is not None and Config.load(base).home != home:
        base = None
    if home is not None and "unit" in targets:
        learn_units(examples, home).save(folder)
    elif base is not None and (directory := UnitDirectory.load(base, gazetteer)):
        directory.limited(functions).save(folder)
    if located:
        lesson = learn_places(examples, home)
        lesson.places.save(folder, gazetteer)
        return lesson.unknown
    places = LearnedPlaces.load(base, gazetteer) if base is not None else None
    if places is not None:
        places.save(folder, gazetteer)
    return 0
