"""Route the batches of a distributed run, such as those of Ray Data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from complaint_router.backlog.arrow import is_route, plain_column, route_type
from complaint_router.backlog.packing import FLAT_COLUMNS, flatten
from complaint_router.backlog.readers import described
from complaint_router.errors import ArgumentError
from complaint_router.optional import require
from complaint_router.router import Router
from complaint_router.schema import Route
from complaint_router.text import with_titles

_NUMBERS = ("score", "confidence")


class RouteBatch:
    """A callable over a batch, for `ray.data.Dataset.map_batches` and whatever else hands out tables piece by piece.

    A batch is a mapping of column names to numpy arrays, a pandas data frame or an Arrow table; what comes back is of
    the same kind, with the same rows and columns in the same order. An Arrow table gains the column `route`, as a
    Parquet file does; the others gain the flat columns that a CSV file gets, scores as float64 (NaN where there is
    none), all else as str.

        rows = ray.data.read_parquet("tickets")
        routed = rows.map_batches(RouteBatch, fn_constructor_kwargs={"home": "460100"}, concurrency=16)
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        home: str | None = None,
        units: str | Path | None = None,
        text_field: str = "text",
        title_field: str | None = None,
    ) -> None:
        """Load the model; once in each process, since nothing of it is sent.

        Args:
            model: as in `Router.from_pretrained`; the folder must be there on every machine.
            home: code of the division whose hotline this is.
            units: a unit directory.
            text_field: column of the complaint's text.
            title_field: column of a title in front of it.

        Raises:
            ModelError, ArgumentError, DataError: as `Router.from_pretrained` raises them.
        """
        self._router = Router.from_pretrained(model, home=home, units=units)
        self._text_field = text_field
        self._title_field = title_field

    def __call__(self, batch: Any) -> Any:
        """Route a batch.

        Raises:
            ArgumentError: the batch is of no known kind, or has no such column.
        """
        routes = self._router.route_batch(self._texts(batch))
        if hasattr(batch, "column_names"):
            arrow = require("pyarrow", "files")
            column = arrow.array([route.to_dict() for route in routes], route_type(arrow))
            kept = batch
            if "route" in batch.column_names:
                if not is_route(batch.schema.field("route").type):
                    raise ArgumentError("the batch has a column 'route' of its own; rename it")
                kept = batch.drop_columns(["route"])
            return kept.append_column("route", column)
        columns = _columns(routes)
        return batch.assign(**columns) if hasattr(batch, "assign") else {**batch, **columns}

    def _texts(self, batch: Any) -> Iterable[Any]:
        if not (isinstance(batch, Mapping) or hasattr(batch, "column_names") or hasattr(batch, "assign")):
            kind = type(batch).__name__
            raise ArgumentError(f"a batch is a dict of arrays, a pandas data frame or an Arrow table, not {kind}")
        texts: Iterable[Any] = self._values(batch, self._text_field)
        return with_titles(self._values(batch, self._title_field), texts) if self._title_field else texts

    @staticmethod
    def _values(batch: Any, column: str) -> Any:
        names = getattr(batch, "column_names", batch)
        if column not in names:
            raise ArgumentError(f"the batch has no column {column!r}; {described([str(name) for name in names])}")
        return plain_column(batch[column]) if hasattr(batch, "column_names") else batch[column]


def _columns(routes: Iterable[Route]) -> dict[str, Any]:
    """The flat columns as arrays."""
    rows = [flatten(route) for route in routes]
    columns: dict[str, Any] = {}
    for at, name in enumerate(FLAT_COLUMNS):
        cells = [row[at] for row in rows]
        if name.endswith(_NUMBERS):
            columns[name] = np.array([np.nan if cell == "" else cell for cell in cells], np.float64)
        else:
            columns[name] = np.array(cells, object)
    return columns
