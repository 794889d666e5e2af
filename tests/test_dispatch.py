from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from complaint_router import Taxonomy
from complaint_router.dispatch import Calibration, Curve, Labels, TargetCalibration, decide
from complaint_router.errors import ModelError
from complaint_router.locality import Gazetteer, Resolver
from complaint_router.schema import Category, Department, Unit

TOPICS = ("0101", "0502", "0505")
LABELS = Labels(Taxonomy.load(), {"category": TOPICS, "department": ("water_supply", "自来水一厂")})
CALIBRATION = Calibration(
    {
        "category": TargetCalibration({"full": Curve(2.0)}, 0.6),
        "department": TargetCalibration({"full": Curve(), "linear": Curve(0.5)}, 0.9),
    }
)


def category(*probabilities: float) -> Category:
    return LABELS.category(LABELS.ranked("category", np.array([probabilities]))[0])


def department(*probabilities: float, topic: Category | None = None) -> Department:
    return LABELS.department(LABELS.ranked("department", np.array([probabilities]))[0], topic)


def test_temperature_softens() -> None:
    logits = np.array([2.0, 0.0], np.float32)
    assert CALIBRATION.scores("department", logits)[0] == pytest.approx(0.8808, abs=1e-4)
    assert CALIBRATION.scores("category", logits)[0] == pytest.approx(0.7311, abs=1e-4)
    assert CALIBRATION.scores("department", logits, "linear")[0] == pytest.approx(0.9820, abs=1e-4)


def test_the_curve_lifts_and_bends_and_keeps_the_order() -> None:
    bent = Calibration({"kind": TargetCalibration({"full": Curve(slope=0.5, offset=1.0)})})
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
    plant = department(0.3, 0.7, topic=category(0.8, 0.1, 0.1))
    assert (plant.code, plant.name) == ("自来水一厂", "自来水一厂")
    assert plant.co == ("water_supply", "water_affairs")


def test_department_by_duty_matrix_adds_up_the_topics_it_leads() -> None:
    probabilities = (0.4, 0.3, 0.3)
    found = LABELS.department_of_duty(np.array(probabilities), category(*probabilities))
    assert found is not None
    assert (found.code, found.score) == ("urban_management", 0.6)
    own, halves = Labels(Taxonomy.load(), {"category": ("城乡建设", "政法")}), np.array([0.5, 0.5])
    assert own.department_of_duty(halves, own.category(own.ranked("category", halves[None])[0])) is None


def test_decision_holds_the_addressee_to_its_threshold() -> None:
    sure = department(0.95, 0.05)
    unsure = department(0.8, 0.2)
    assert decide(None, sure, None, None, CALIBRATION).action == "auto"
    decision = decide(None, unsure, None, None, CALIBRATION)
    assert (decision.action, decision.confidence, decision.reasons) == ("review", 0.8, ("low_confidence",))
    assert decide(category(0.7, 0.2, 0.1), None, None, None, CALIBRATION).action == "auto"


def test_an_open_place_goes_to_a_person() -> None:
    sure = department(0.95, 0.05)
    for text in ("朝阳区停水", "八里庄街道停水"):
        decision = decide(None, sure, None, Resolver(Gazetteer.load()).resolve(text), CALIBRATION)
        assert (decision.action, decision.reasons) == ("review", ("ambiguous_place",))
    settled = Resolver(Gazetteer.load()).resolve("海口市龙华区停水")
    assert decide(None, sure, None, settled, CALIBRATION).action == "auto"


def test_a_contradictory_place_goes_to_review() -> None:
    sure = department(0.95, 0.05)
    resolver = Resolver(Gazetteer.load())
    assert decide(None, sure, None, resolver.resolve("海口市天河区停水"), CALIBRATION).reasons == (
        "contradictory_place",
    )
    settled = resolver.resolve("海口市龙华区停水")
    assert settled is not None
    assert decide(None, sure, None, settled, CALIBRATION).action == "auto"


def test_only_what_was_taught_decides() -> None:
    sure, unsure = department(0.95, 0.05), department(0.3, 0.2)
    topic = category(0.9, 0.05, 0.05)
    assert decide(topic, unsure, None, None, CALIBRATION, ("category",)).action == "auto"
    assert decide(category(0.2, 0.1, 0.1), sure, None, None, CALIBRATION, ("category", "kind")).action == "review"
    assert decide(topic, unsure, None, None, CALIBRATION, ("kind",)).action == "review"
    unit = Unit("水厂", 0.2, ())
    assert decide(topic, sure, unit, None, CALIBRATION, ("category",)).action == "auto"
    assert decide(topic, sure, unit, None, CALIBRATION, ("department",)).action == "review"


def test_a_label_held_back_goes_to_a_person() -> None:
    calibration = Calibration({"department": TargetCalibration(threshold=0.5, held_back=("water_supply",))})
    assert decide(None, department(0.95, 0.05), None, None, calibration).reasons == ("held_back",)
