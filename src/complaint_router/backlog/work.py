"""What is done with a chunk of texts, in whichever process: route, flag, count, pack."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import numpy as np

from complaint_router.backlog.journal import Done, Likeness
from complaint_router.backlog.packing import pack
from complaint_router.backlog.summary import Tally
from complaint_router.near import minhash_keys
from complaint_router.router import Router
from complaint_router.schema import Decision, Locality, Route
from complaint_router.text import has_chinese, prepare

_NO_WORD = re.compile(r"[\W_]+")
"""Blanks and punctuation: two clerks who take down the same words set them differently."""


@dataclass(frozen=True, slots=True)
class Task:
    """The texts of a chunk, the flags of their rows, and the number of the first row, from 1."""

    first: int
    texts: Sequence[Any]
    flags: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Work:
    """Routes tasks. Goes to other processes, where the router loads its model anew."""

    router: Router
    ending: str
    """Of the output."""
    rejects_ending: str
    """Empty where the flagged rows are not wanted apart."""
    grouped: bool

    def __call__(self, task: Task) -> Done:
        """Route the texts of a task."""
        found = self.router.route_batch(task.texts)
        routes = [flagged(route, flags) for route, flags in zip(found, task.flags, strict=True)]
        rejected = [at for at, route in enumerate(routes) if route.flags and self.rejects_ending]
        rejects = pack([routes[at] for at in rejected], self.rejects_ending) if self.rejects_ending else b""
        likeness = self._likeness(task, routes) if self.grouped else None
        return Done(pack(routes, self.ending), rejects, rejected, Tally.of(routes).dumps(), likeness)

    def _likeness(self, task: Task, routes: Sequence[Route]) -> Likeness:
        prepared = [_NO_WORD.sub("", prepare(text)) if isinstance(text, str) else "" for text in task.texts]
        usable = [at for at, text in enumerate(prepared) if has_chinese(text)]
        texts = [prepared[at] for at in usable]
        places = [place_key(routes[at].locality) for at in usable]
        apart = np.array([crc32(place.encode()) for place in places], np.uint64) << np.uint64(32)
        return Likeness([task.first + at for at in usable], places, texts, minhash_keys(texts) ^ apart[:, None])


def flagged(route: Route, flags: tuple[str, ...]) -> Route:
    """The route of a row with these flags: one with any goes to a person."""
    if not flags:
        return route
    decision = Decision("review", route.decision.confidence, (*flags, *route.decision.reasons))
    return replace(route, decision=decision, flags=(*flags, *route.flags))


def place_key(locality: Locality | None) -> str:
    """The same for complaints about the same place: the division that is settled, or all those that are possible."""
    if locality is None:
        return ""
    return locality.code or "|".join(sorted(place.code or "" for place in locality.candidates))
