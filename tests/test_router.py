from __future__ import annotations

import random
from typing import Any

import pytest

from complaint_router import Router

COMPLAINT = "龙华区金贸街道玉沙路一家烧烤店半夜油烟呛人，劝了不听"


def test_the_bundled_model_routes_a_complaint(router: Router) -> None:
    route = Router.from_pretrained(home="460100").route(COMPLAINT)
    assert route.category is not None
    assert route.department is not None
    assert route.locality is not None
    assert route.category.code == "0505"
    assert route.category.path == ("环境保护", "餐饮油烟")
    assert route.department.code == "urban_management"
    assert route.locality.code == "460106003"
    assert route.kind == "投诉"
    assert len(route.category.candidates) >= 3
    assert route.flags == ()
    assert set(router.targets) == {"category", "department", "kind", "urgency"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("家里停水两天了，打供水公司电话没人接", "0101"),
        ("公司拖欠我三个月工资不给", "0901"),
        ("一辆小车停在我家门口堵住了，麻烦通知车主挪一下", "0601"),
        ("小孩秋季上小学学区怎么划分", "1101"),
    ],
)
def test_everyday_matters(router: Router, text: str, code: str) -> None:
    route = router.route(text)
    assert route.category is not None
    assert route.category.code == code


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("", "empty"),
        ("  \n\u3000", "empty"),
        ("\x00\x07\ud800", "empty"),
        ("hello 123", "no_chinese"),
        ("😀😀", "no_chinese"),
        (None, "not_text"),
        (3.5, "not_text"),
        (b"bytes", "not_text"),
    ],
)
def test_unusable_texts_are_flagged_not_lost(tiny_router: Router, text: Any, flag: str) -> None:
    good, route, again = tiny_router.route_batch(["家里停水", text, "家里停水"])
    assert good == again
    assert route.flags == (flag,)
    assert (route.decision.action, route.decision.reasons) == ("review", (flag,))
    assert (route.category, route.department, route.locality) == (None, None, None)


def test_route_of_something_else_raises(tiny_router: Router) -> None:
    with pytest.raises(TypeError, match="a complaint must be a str, not NoneType"):
        tiny_router.route(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    ["水" * 100_000, "家里\x00停水\x1b", "家里\ud83d停水", "停水" + "😀" * 50, "\u202e停水\u202c", "停\u0301水"],
)
def test_odd_texts_are_routed(router: Router, text: str) -> None:
    assert router.route(text).category is not None


def test_traditional_and_full_width_text_is_read_as_simplified(router: Router) -> None:
    simplified = router.route("龙华区自来水公司停水3天")
    traditional = router.route("龍華區自來水公司停水３天")
    assert traditional.category == simplified.category
    assert traditional.locality is not None
    assert traditional.locality.mentions[0].text == "龍華區"


def test_same_text_same_answer_in_any_batch(router: Router) -> None:
    texts = [f"{number}号楼{matter}" for number in range(12) for matter in ("停水", "半夜施工", "电梯坏了没人修" * 9)]
    alone = {text: router.route(text) for text in texts}
    random.Random(0).shuffle(texts)
    assert router.route_batch(iter(texts)) == [alone[text] for text in texts]


def test_a_batch_is_not_one_str(tiny_router: Router) -> None:
    with pytest.raises(TypeError, match="for a single one call route"):
        tiny_router.route_batch("家里停水")


def test_home_must_be_a_division() -> None:
    with pytest.raises(ValueError, match="home '1' is not the code of a division"):
        Router.from_pretrained(home="1")


def test_home_of_the_model_is_used(tiny_router: Router) -> None:
    route = tiny_router.route("家里停水两天了")
    assert route.locality is not None
    assert route.locality.city == "海口市"
