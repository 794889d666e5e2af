"""What is done with a chunk of texts, in whichever process: route, flag, count, pack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from complaint_router.backlog.duplicates import likeness
from complaint_router.backlog.journal import Done
from complaint_router.backlog.packing import pack
from complaint_router.backlog.summary import Tally
from complaint_router.router import Router
from complaint_router.schema import Decision, Route


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
        like = likeness(task.first, task.texts, routes) if self.grouped else None
        return Done(pack(routes, self.ending), rejects, rejected, Tally.of(routes).dumps(), like)


def flagged(route: Route, flags: tuple[str, ...]) -> Route:
    """The route of a row with these flags: one with any goes to a person."""
    if not flags:
        return route
    decision = Decision("review", route.decision.confidence, (*flags, *route.decision.reasons))
    return replace(route, decision=decision, flags=(*flags, *route.flags))
