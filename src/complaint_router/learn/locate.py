"""What training keeps of places and units, and what they add to the logits of units."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from complaint_router.folder import FILES
from complaint_router.learn.data import Example
from complaint_router.learn.places import learn_places
from complaint_router.learn.units import learn_units
from complaint_router.locality import Gazetteer, LearnedPlaces, Resolver
from complaint_router.text import TEXT_LIMIT

Evidence = Callable[[str], NDArray[np.float32]]
"""From a text to what its place adds to the logits of units, of shape (units,)."""


def unit_evidence(
    examples: Sequence[Example],
    targets: Mapping[str, Sequence[str]],
    home: str | None,
    base: Path | None,
    located: bool,
) -> Evidence | None:
    """What a text's place adds to the logits of units, or None without units or a home.

    Args:
        examples: the training rows alone, so that held-out rows judge it.
        targets: what is trained, with the labels of each.
        home: the division whose hotline this is.
        base: the model gone on from.
        located: whether the rows say where their matter lies.
    """
    if home is None or "unit" not in targets:
        return None
    gazetteer = Gazetteer.load()
    places = learn_places(examples, home).places if located else base and LearnedPlaces.load(base, gazetteer)
    resolver = Resolver(gazetteer, home, places or None)
    directory = learn_units(examples, home)
    return lambda text: directory.evidence(targets["unit"], resolver.spread(text[:TEXT_LIMIT]))


def write_places(
    folder: Path,
    examples: Sequence[Example],
    targets: Mapping[str, Sequence[str]],
    home: str | None,
    base: Path | None,
    located: bool,
) -> int:
    """Write what the rows, or else the model gone on from, know of places and units.

    Returns how many rows name places that home does not have.
    """
    if home is not None and "unit" in targets:
        learn_units(examples, home).save(folder)
    elif base and (base / FILES.units).is_file():
        shutil.copyfile(base / FILES.units, folder / FILES.units)
    if located:
        lesson = learn_places(examples, home)
        lesson.places.save(folder, Gazetteer.load())
        return lesson.unknown
    for name in (FILES.places, FILES.place_words):
        if base and (base / name).is_file():
            shutil.copyfile(base / name, folder / name)
    return 0
