from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from complaint_router import Taxonomy
from complaint_router.dispatch import Calibration, Labels, TargetCalibration, decide
from complaint_router.errors import ModelError
from complaint_router.locality import Gazetteer, Resolver
from complaint_router.schema import Category, Unit

TOPICS = ("0101", "0502", "0505")
LABELS = Labels(Taxonomy.load(), {"category": TOPICS, "department": ("water_supply", "自来水一厂")})
CALIBRATION = Calibration({"category": TargetCalibration(2.0, 0.6), "department": TargetCalibration(1.0, 0.9)})


def category(*probabilities: float) -> Category:
    return LABELS.category(np.array(probabilities))


def test_temperature_softens() -> None:
    logits = np.array([2.0, 0.0], np.float32)
    assert CALIBRATION.scores("department", logits)[0] == pytest.approx(0.8808, abs=1e-4)
    assert CALIBRATION.scores("category", logits)[0] == pytest.approx(0.7311, abs=1e-4)


def test_the_curve_lifts_and_bends_and_keeps_the_order() -> None:
    bent = Calibration({"kind": TargetCalibration(1.0, 0.8, slope=0.5, offset=1.0)})
    scores = bent.scores("kind", np.array([3.0, 0.0, 5.0], np.float32))
    assert scores.argsort().tolist() == [1, 0, 2]
    assert bent.scores("kind", np.array([0.0, 0.0], np.float32))[0] == pytest.approx(1 / (1 + np.exp(-1)))
    assert ((scores >= 0) & (scores <= 1)).all()


def test_calibration_survives_the_folder(tmp_path: Path) -> None:
    CALIBRATION.save(tmp_path)
    assert Calibration.load(tmp_path) == CALIBRATION
    (tmp_path / "calibration.json").write_text('{"category": {"heat": 1}}', encoding="utf-8")
    with pytest.raises(ModelError, match=r"calibration\.json"):
        Calibration.load(tmp_path)


def test_labels_get_names_and_duties() -> None:
    found = category(0.1, 0.2, 0.7)
    assert (found.code, found.name, found.path, found.score) == ("0505", "餐饮油烟", ("环境保护", "餐饮油烟"), 0.7)
    assert [candidate.code for candidate in found.candidates] == ["0505", "0502", "0101"]
    department = LABELS.department(np.array([0.3, 0.7]), category(0.8, 0.1, 0.1))
    assert (department.code, department.name) == ("自来水一厂", "自来水一厂")
    assert department.co == ("water_supply", "water_affairs")


def test_department_by_duty_matrix_adds_up_the_topics_it_leads() -> None:
    probabilities = np.array([0.4, 0.3, 0.3])
    department = LABELS.department_of_duty(probabilities, LABELS.category(probabilities))
    assert department is not None
    assert (department.code, department.score) == ("urban_management", 0.6)
    own = Labels(Taxonomy.load(), {"category": ("城乡建设", "政法")})
    assert own.department_of_duty(np.array([0.5, 0.5]), own.category(np.array([0.5, 0.5]))) is None


def test_decision_holds_the_addressee_to_its_threshold() -> None:
    sure = LABELS.department(np.array([0.95, 0.05]), None)
    unsure = LABELS.department(np.array([0.8, 0.2]), None)
    assert decide(None, sure, None, None, CALIBRATION).action == "auto"
    decision = decide(None, unsure, None, None, CALIBRATION)
    assert (decision.action, decision.confidence, decision.reasons) == ("review", 0.8, ("low_confidence",))
    assert decide(category(0.7, 0.2, 0.1), None, None, None, CALIBRATION).action == "auto"


def test_an_open_place_goes_to_a_person() -> None:
    sure = LABELS.department(np.array([0.95, 0.05]), None)
    for text in ("朝阳区停水", "八里庄街道停水"):
        decision = decide(None, sure, None, Resolver(Gazetteer.load()).resolve(text), CALIBRATION)
        assert (decision.action, decision.reasons) == ("review", ("ambiguous_place",))
    settled = Resolver(Gazetteer.load()).resolve("海口市龙华区停水")
    assert decide(None, sure, None, settled, CALIBRATION).action == "auto"


def test_a_contradictory_place_goes_to_review() -> None:
    sure = LABELS.department(np.array([0.95, 0.05]), None)
    resolver = Resolver(Gazetteer.load())
    assert decide(None, sure, None, resolver.resolve("海口市天河区停水"), CALIBRATION).reasons == (
        "contradictory_place",
    )
    settled = resolver.resolve("海口市龙华区停水")
    assert settled is not None
    assert decide(None, sure, None, settled, CALIBRATION).action == "auto"


def test_only_what_was_taught_decides() -> None:
    sure, unsure = LABELS.department(np.array([0.95, 0.05]), None), LABELS.department(np.array([0.3, 0.2]), None)
    topic = category(0.9, 0.05, 0.05)
    assert decide(topic, unsure, None, None, CALIBRATION, ("category",)).action == "auto"
    assert decide(category(0.2, 0.1, 0.1), sure, None, None, CALIBRATION, ("category", "kind")).action == "review"
    assert decide(topic, unsure, None, None, CALIBRATION, ("kind",)).action == "review"
    unit = Unit("水厂", 0.2, ())
    assert decide(topic, sure, unit, None, CALIBRATION, ("category",)).action == "auto"
    assert decide(topic, sure, unit, None, CALIBRATION, ("department",)).action == "review"


def test_a_label_held_back_goes_to_a_person() -> None:
    calibration = Calibration({"department": TargetCalibration(threshold=0.5, held_back=("water_supply",))})
    assert decide(None, LABELS.department(np.array([0.95, 0.05]), None), None, None, calibration).reasons == (
        "held_back",
    )
