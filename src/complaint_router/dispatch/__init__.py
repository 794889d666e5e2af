"""From logits and a place to a decision: calibration, the duty matrix, thresholds."""

from complaint_router.dispatch.calibration import Calibration, Curve, TargetCalibration
from complaint_router.dispatch.decision import decide
from complaint_router.dispatch.labels import Labels
from complaint_router.dispatch.units import UnitDirectory, UnitEntry

__all__ = ["Calibration", "Curve", "Labels", "TargetCalibration", "UnitDirectory", "UnitEntry", "decide"]
