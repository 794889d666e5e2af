"""`Route` and its parts: what the router says about one complaint.

All parts are frozen. `score` is always a calibrated probability in [0, 1]; lists of candidates are best first.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Action = Literal["auto", "review"]
Level = Literal["province", "city", "district", "town", "community"]

LEVELS: tuple[Level, ...] = ("province", "city", "district", "town", "community")
"""Levels of an administrative division, from the top down."""

SCORE_DIGITS = 4
"""Decimals of a score in `Route.to_dict`."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One possible answer: its code, its name and its probability."""

    code: str
    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Category:
    """What the complaint is about. `path` leads from the domain to the topic."""

    code: str
    name: str
    path: tuple[str, ...]
    score: float
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Department:
    """The function that is responsible; `co`: codes of those that usually handle the matter with it."""

    code: str
    name: str
    score: float
    co: tuple[str, ...]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class UnitCandidate:
    """One possible unit."""

    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Unit:
    """The concrete unit that is to act, such as 龙华区城管局."""

    name: str
    score: float
    candidates: tuple[UnitCandidate, ...]


@dataclass(frozen=True, slots=True)
class Mention:
    """A stretch of the text that names a place: `text == complaint[start:end]`."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Place:
    """An administrative division with the names above it; levels that it does not reach are None."""

    code: str | None
    level: Level | None
    province: str | None
    city: str | None
    district: str | None
    town: str | None
    community: str | None
    score: float


@dataclass(frozen=True, slots=True)
class Locality(Place):
    """Where the matter lies.

    When the text leaves several places possible, `candidates` holds them all, best first, and the fields hold
    only what they have in common: `code` is None where that is nothing. `contradictory`: the text names levels that
    exclude each other, such as 海口市天河区.
    """

    mentions: tuple[Mention, ...]
    candidates: tuple[Place, ...]
    contradictory: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Dispatch now (`auto`) or let a person look (`review`), with stable reason codes."""

    action: Action
    confidence: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """The whole answer for one complaint. A part that the model does not know is None."""

    category: Category | None
    department: Department | None
    unit: Unit | None
    locality: Locality | None
    decision: Decision
    kind: str | None
    urgency: str | None
    flags: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The route as plain JSON data: dicts, lists, strings, and scores rounded to 4 decimals."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return round(value, SCORE_DIGITS)
    return value
