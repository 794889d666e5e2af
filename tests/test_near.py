from __future__ import annotations

import random

import pytest

from complaint_router.near import NEAR, near_duplicates

LAMP = "江东小区三号楼门前的路灯坏了半个多月，晚上出门什么也看不见，老人走路很不方便"


def test_equal_and_nearly_equal_texts_share_a_group() -> None:
    texts = [LAMP, "自来水发黄", LAMP + "！", "自来水发黄", LAMP.replace("，", ","), "楼下烧烤摊油烟很大"]
    assert near_duplicates(texts) == [0, 1, 0, 1, 0, 2]


def test_a_chain_joins_its_ends() -> None:
    texts = [LAMP + "请供电公司尽快派人来修好再回个电话"[: 4 * length] for length in range(5)]
    assert near_duplicates([texts[0], texts[-1]]) == [0, 1]
    assert near_duplicates(texts) == [0] * 5


def test_groups_do_not_hang_on_the_order_of_texts() -> None:
    texts = [LAMP + "！", "自来水发黄", LAMP]
    assert near_duplicates(texts) == near_duplicates(texts[::-1]) == [0, 1, 0]


def test_another_matter_at_the_same_place_is_another_group() -> None:
    assert near_duplicates([LAMP, LAMP[:8] + "井盖翻起来了，骑车经过差点摔倒，希望早点修"]) == [0, 1]


def test_masked_numbers_do_not_tell_texts_apart() -> None:
    assert near_duplicates(["停水，联系13800000000", "停水，联系13911111111"]) == [0, 0]


@pytest.mark.parametrize(
    ("texts", "groups"),
    [
        ([], []),
        (["", " ", "水"], [0, 0, 1]),
        (["停水", "停电", "停水", "停", "停水了"], [0, 1, 0, 2, 3]),
        (["\ud800停水", "停水"], [0, 0]),
    ],
)
def test_empty_and_short_texts(texts: list[str], groups: list[int]) -> None:
    assert near_duplicates(texts) == groups


def test_what_the_index_finds_is_what_comparing_all_finds() -> None:
    chance = random.Random(0)
    texts = []
    for _ in range(60):
        text = "".join(chance.choices("路灯坏了水管漏楼下吵井盖翻树枝断车位少", k=40))
        texts += [text, text[: chance.randrange(30, 40)], text[chance.randrange(1, 12) :]]
    groups = near_duplicates(texts)

    def shingles(text: str) -> set[str]:
        return {text[start : start + 3] for start in range(len(text) - 2)}

    sets = [shingles(text) for text in texts]
    for one, first in enumerate(sets):
        for other, second in enumerate(sets[:one]):
            if len(first & second) >= NEAR * len(first | second):
                assert groups[one] == groups[other]
    assert 60 < len(set(groups)) < 180
