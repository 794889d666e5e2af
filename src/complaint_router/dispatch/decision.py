"""Dispatch now, or let a person look."""

from __future__ import annotations

from collections.abc import Collection

from complaint_router.dispatch.calibration import Calibration, TargetCalibration
from complaint_router.schema import Category, Decision, Department, Locality, Unit

LOW_CONFIDENCE = "low_confidence"
HELD_BACK = "held_back"
AMBIGUOUS_PLACE = "ambiguous_place"
CONTRADICTORY_PLACE = "contradictory_place"


def decide(
    category: Category | None,
    department: Department | None,
    unit: Unit | None,
    locality: Locality | None,
    calibration: Calibration,
    taught: Collection[str] = (),
) -> Decision:
    """Decide by the most concrete addressee that the model knows: unit, else department, else category.

    The addressee's score is the confidence, to be held against its threshold; a label that was found to be wrong too
    often is held back whatever its score. A place that the text leaves open, so that only what the candidates have in
    common is settled, or whose levels contradict each other sends the complaint to a person too: the block decides who
    acts as much as the line. A place that learned words speak for does not: it has a score of its own, and among units
    it has been weighed already.

    `taught` are the targets that the model was taught last, if it kept others from before. Of the addressees only
    these decide then: the tickets at hand vouch for no others.
    """
    reasons = []
    label, confidence, fitted = _addressee(category, department, unit, calibration, taught)
    if fitted is None or confidence < fitted.threshold:
        reasons.append(LOW_CONFIDENCE)
    elif label in fitted.held_back:
        reasons.append(HELD_BACK)
    if locality is not None:
        if locality.contradictory:
            reasons.append(CONTRADICTORY_PLACE)
        elif locality.candidates[0].code != locality.code:
            reasons.append(AMBIGUOUS_PLACE)
    return Decision("review" if reasons else "auto", confidence, tuple(reasons))


def _addressee(
    category: Category | None,
    department: Department | None,
    unit: Unit | None,
    calibration: Calibration,
    taught: Collection[str],
) -> tuple[str, float, TargetCalibration | None]:
    """Its label, its score, and what that is held against."""
    targets = calibration.targets
    if not {"unit", "department", "category"}.isdisjoint(taught):
        # By duty matrix alone, a department follows from the category.
        department = department if "department" in taught or "department" not in targets else None
        # A unit of a directory follows from the department.
        unit = unit if "unit" in taught or ("unit" not in targets and department is not None) else None
    if unit is not None and "unit" in targets:
        return unit.name, unit.score, targets["unit"]
    if department is not None:
        score = department.score if unit is None else unit.score  # of a directory: function and place together
        if "department" in targets:
            return department.code, score, targets["department"]
        # By duty matrix alone, a department is as sure as the category that it follows from.
        return category.code if category else "", score, targets["category"]
    if category is not None:
        return category.code, category.score, targets["category"]
    return "", 0.0, None
