import pytest

from complaint_router.metrics import accuracy, expected_calibration_error, macro_f1, top_k

RIGHT = [("a", "b"), ("a",), ("b",), ("c",)]
GIVEN = ["b", "a", "a", "c"]


def test_an_alternative_is_right() -> None:
    assert accuracy(RIGHT, GIVEN) == 0.75


def test_macro_f1() -> None:
    # a: 1 hit, 1 wanted, 2 answered; b: 1 hit, 2 wanted, 1 answered; c: all right.
    assert macro_f1(RIGHT, GIVEN) == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_top_k() -> None:
    assert top_k([("a",), ("c",)], [["b", "a"], ["b", "a"]], 2) == 0.5
    assert top_k([("a",), ("c",)], [["b", "a"], ["b", "a"]], 1) == 0.0


def test_expected_calibration_error() -> None:
    assert expected_calibration_error([1.0, 1.0, 0.5, 0.5], [True, True, True, False]) == 0.0
    assert expected_calibration_error([1.0, 1.0], [True, False]) == 0.5
