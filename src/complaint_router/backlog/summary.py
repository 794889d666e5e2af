"""What a run found: counts that add up over chunks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from complaint_router.schema import Place, Route


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did. Each dict counts rows, the most frequent first; "" counts those that have no such answer.

    `actions`: decisions, `auto` and `review`; `reasons`: why a person looks; `domains`: of the categories;
    `departments`: by name; `districts`: by full name, such as 海南省海口市龙华区; `flags`: what was wrong with rows.
    `seconds` are those of all starts of the run; `duplicates`, where they were looked for, are the rows that tell of
    the same matter as an earlier one.
    """

    rows: int
    seconds: float
    actions: dict[str, int]
    reasons: dict[str, int]
    domains: dict[str, int]
    departments: dict[str, int]
    districts: dict[str, int]
    flags: dict[str, int]
    duplicates: int | None = None

    def write(self, path: Path) -> None:
        """Write the summary as JSON, all or nothing."""
        unfinished = path.with_name(path.name + ".writing")
        rate = round(self.rows / self.seconds, 1) if self.seconds else None
        told = {**asdict(self), "seconds": round(self.seconds, 1), "rows_per_second": rate}
        unfinished.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        unfinished.replace(path)


class Tally:
    """Counts by field of `Summary`, which can be written and added up."""

    def __init__(self) -> None:
        self.rows = 0
        self.counts: dict[str, Counter[str]] = {
            field.name: Counter() for field in fields(Summary) if field.type == "dict[str, int]"
        }

    @classmethod
    def of(cls, routes: Sequence[Route]) -> Tally:
        """Count routes."""
        tally = cls()
        tally.rows = len(routes)
        counts = tally.counts
        for route in routes:
            counts["actions"][route.decision.action] += 1
            counts["reasons"].update(route.decision.reasons)
            counts["domains"][route.category.path[0] if route.category else ""] += 1
            counts["departments"][route.department.name if route.department else ""] += 1
            counts["districts"][_district(route.locality)] += 1
            counts["flags"].update(route.flags)
        return tally

    def dumps(self) -> str:
        """The counts as JSON."""
        return json.dumps({"rows": self.rows, "counts": self.counts}, ensure_ascii=False)

    def add(self, dumped: str) -> None:
        """Add counts that `dumps` wrote."""
        found = json.loads(dumped)
        self.rows += found["rows"]
        for name, counts in found["counts"].items():
            self.counts[name].update(counts)

    def summary(self, seconds: float, duplicates: int | None) -> Summary:
        """The counts as a summary."""
        counts = {name: dict(counted.most_common()) for name, counted in self.counts.items()}
        return Summary(self.rows, seconds, duplicates=duplicates, **counts)

    @property
    def shares(self) -> str:
        """The shares of the decisions, for people."""
        parts: Iterable[tuple[str, int]] = sorted(self.counts["actions"].items())
        return ", ".join(f"{action} {count / self.rows:.0%}" for action, count in parts)


def _district(place: Place | None) -> str:
    if place is None or place.district is None:
        return ""
    return "".join(dict.fromkeys(filter(None, (place.province, place.city, place.district))))
