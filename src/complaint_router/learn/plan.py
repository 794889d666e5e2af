"""The choices of a training, beside its data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from complaint_router.errors import ArgumentError
from complaint_router.learn.calibrate import AUTO_PRECISION
from complaint_router.learn.data import Rare

FLOOR = 5
"""Default of the number of rows below which a label counts as rare."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a training goes.

    Attributes:
        init: "default" (the bundled model), a model folder, a local encoder, or the name of one on the hub.
        epochs: passes over the rows; default: 4 to 20, more for fewer rows.
        seed: of all that is random.
        auto_precision: share of automatic dispatches that shall be right, which the held-out rows must vouch for.
        floor: rows below which a label counts as rare.
        rare: what is done about rare labels: "keep" them, "merge" them into one called 其他, or "drop" them.
        cut_answers: cut clauses out of the texts that name the unit asked to act, such as 请某某局核实处理.
        resume: go on from the checkpoint of a training that was interrupted, where there is one.
        against: a former model to compare with. Default: the model gone on from, where it knows the labels.
        learning_curve: measure too how well fewer rows would do; this takes about as long again.
        language: of the report, "zh" or "en".
    """

    init: str | Path = "default"
    epochs: int | None = None
    seed: int = 0
    auto_precision: float = AUTO_PRECISION
    floor: int = FLOOR
    rare: Rare = "keep"
    cut_answers: bool = False
    resume: bool = False
    against: str | Path | None = None
    learning_curve: bool = False
    language: Literal["zh", "en"] = "zh"

    def __post_init__(self) -> None:
        if not 0 < self.auto_precision < 1:
            raise ArgumentError(f"auto_precision is {self.auto_precision}; name a share between 0 and 1, such as 0.95")
        for name, number in (("epochs", self.epochs), ("floor", self.floor)):
            if number is not None and number < 1:
                raise ArgumentError(f"{name} is {number}; name a whole number from 1 up")
        if not 0 <= self.seed < 2**32:
            raise ArgumentError(f"seed is {self.seed}; name a whole number from 0 to 4294967295")
        for name, value, known in (
            ("rare", self.rare, ("keep", "merge", "drop")),
            ("language", self.language, ("zh", "en")),
        ):
            if value not in known:
                raise ArgumentError(f"{name} is {value!r}; name one of {', '.join(known)}")
