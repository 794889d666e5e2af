"""The Arrow type of a route, for Parquet."""

from __future__ import annotations

from typing import Any


def route_type(arrow: Any) -> Any:
    """The Arrow type of a route, field by field that of `Route.to_dict`; `arrow` is the module pyarrow."""
    text, number = arrow.string(), arrow.float64()
    texts = arrow.list_(text)
    label = {"code": text, "name": text}
    candidates = arrow.list_(arrow.struct({**label, "score": number}))
    units = arrow.list_(arrow.struct({"name": text, "score": number}))
    mentions = arrow.list_(arrow.struct({"text": text, "start": arrow.int64(), "end": arrow.int64()}))
    levels = dict.fromkeys(("code", "level", "province", "city", "district", "town", "community"), text)
    place = {**levels, "score": number}
    return arrow.struct(
        {
            "category": arrow.struct({**label, "path": texts, "score": number, "candidates": candidates}),
            "department": arrow.struct({**label, "score": number, "co": texts, "candidates": candidates}),
            "unit": arrow.struct({"name": text, "score": number, "candidates": units}),
            "locality": arrow.struct(
                {
                    **place,
                    "mentions": mentions,
                    "candidates": arrow.list_(arrow.struct(place)),
                    "contradictory": arrow.bool_(),
                }
            ),
            "decision": arrow.struct({"action": text, "confidence": number, "reasons": texts}),
            "kind": text,
            "urgency": text,
            "flags": texts,
        }
    )
