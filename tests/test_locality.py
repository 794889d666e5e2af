from __future__ import annotations

import csv
import json
import random
from functools import cache
from pathlib import Path

import pytest

from complaint_router.errors import ArgumentError, ModelError
from complaint_router.learn.data import Example
from complaint_router.learn.places import learn_places
from complaint_router.locality import Gazetteer, LearnedPlaces, Resolver
from complaint_router.locality.places import LearnedName
from complaint_router.schema import Mention

HARD_PLACES = Path(__file__).parent / "hard_places.tsv"
"""Hard cases, written for this test: the text, the hotline's home, the division settled, those left open."""

ANYWHERE = Resolver(Gazetteer.load())
HAIKOU = Resolver(Gazetteer.load(), "460100")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("龙华区金贸街道玉沙路烧烤店", "460106003"),
        ("海口市龙华区有人占道", "460106"),
        ("广东深圳的南山停水", "440305"),
        ("东莞市长安镇工厂排废气", "441900119"),
        ("儋州那大镇停电", "460400100"),
        ("仙桃市的公交", "429004"),
        ("上海浦东新区", "310115"),
        ("长春朝阳区的供暖", "220104"),
        ("北京朝阳区望京街道", "110105026"),
        ("延边州的医院", "222400"),
        ("海南省三亚市", "460200"),
        ("咸阳市乾县停水", "610424"),
        ("浦东新区停水，浦东这边天天停", "310115"),
    ],
)
def test_names_are_settled_by_nesting(text: str, code: str) -> None:
    found = ANYWHERE.resolve(text)
    assert found is not None
    assert found.code == code


def test_fields_of_a_settled_place() -> None:
    found = ANYWHERE.resolve("在海口市龙华区金贸街道")
    assert found is not None
    assert (found.level, found.province, found.city, found.district, found.town) == (
        "town", "海南省", "海口市", "龙华区", "金贸街道",
    )  # fmt: skip
    assert [(mention.text, mention.start, mention.end) for mention in found.mentions] == [
        ("海口市", 1, 4), ("龙华区", 4, 7), ("金贸街道", 7, 11),
    ]  # fmt: skip
    assert found.candidates[0].code == found.code


def test_a_municipality_is_province_and_city() -> None:
    found = ANYWHERE.resolve("北京市海淀区")
    assert found is not None
    assert (found.province, found.city, found.district) == ("北京市", "北京市", "海淀区")


def test_an_ambiguous_name_stays_at_the_candidates() -> None:
    found = ANYWHERE.resolve("朝阳区有人占道经营")
    assert found is not None
    assert (found.code, found.level, found.district) == (None, None, None)
    assert {place.code for place in found.candidates} == {"110105", "220104"}


def test_what_the_candidates_share_is_settled() -> None:
    found = ANYWHERE.resolve("八里庄街道停水")
    assert found is not None
    assert found.code == "110000"
    assert {place.town for place in found.candidates} == {"八里庄街道"}
    assert all(place.code != found.code for place in found.candidates)
    many = ANYWHERE.resolve("城关镇的学校")
    assert many is not None
    assert len(many.candidates) == 84  # two of them are 城关回族镇


def test_a_name_that_lies_elsewhere_more_than_once_stays_open_for_a_home_too() -> None:
    found = HAIKOU.resolve("朝阳区停水")
    assert found is not None
    assert found.code is None


def test_home_settles_what_the_text_leaves_open() -> None:
    for text, code in [
        ("龙华区停水", "460106"),
        ("城西镇停水", "460106100"),
        ("没有地名", "460100"),
        ("海南省供水公司", "460100"),
    ]:
        found = HAIKOU.resolve(text)
        assert found is not None
        assert found.code == code


def test_a_named_place_elsewhere_wins_over_home() -> None:
    found = HAIKOU.resolve("广东省深圳市龙华区停水")
    assert found is not None
    assert found.code == "440309"


@pytest.mark.parametrize("text", ["小区停水", "广东路堵车", "和平里市场", "中山公园", "", "A3区K5县"])
def test_no_place_is_no_place(text: str) -> None:
    assert ANYWHERE.resolve(text) is None


def test_home_must_be_a_division() -> None:
    with pytest.raises(ArgumentError, match="'999999' is not the code of a division"):
        Resolver(Gazetteer.load(), "999999")
    assert Resolver(Gazetteer.load(), "110100").home == "110000"


def test_the_table_is_whole() -> None:
    codes = Gazetteer.load().names
    assert len([code for code in codes if len(code) == 9]) == 38_723
    assert len([code for code in codes if code.endswith("0000")]) == 34


def test_former_names_and_forms() -> None:
    gazetteer = Gazetteer.load()
    former = [
        each
        for name in gazetteer._tokens
        for each in gazetteer.bearers(name)
        if each.former and each.rest.endswith(("县", "区", "市"))
    ]
    assert len(former) > 400
    assert all(code in gazetteer.names for each in former for code in each.codes)
    assert all(code in gazetteer.names for codes in gazetteer.extents.values() for code in codes)


def test_a_mention_quotes_the_text_as_it_stands() -> None:
    found = ANYWHERE.resolve("廣東省深圳市南山區停水")
    assert found is not None
    assert [each.text for each in found.mentions] == ["廣東省", "深圳市", "南山區"]


@pytest.mark.parametrize("home", ["", "460100", "110105", "441900", "440000"])
def test_what_holds_for_any_text(home: str) -> None:
    names = list(Gazetteer.load()._tokens)
    between = ["的", "市", "区", "街道", "镇", ",", "路", "在", "家住", "公司", "这边", "地区", "\ud800", "A", "號"]
    chance = random.Random(0)
    for _ in range(1_500):
        parts = [chance.choice(names if chance.random() < 0.5 else between) for _ in range(chance.randint(1, 12))]
        text = "".join(parts)
        found = resolver_at(home).resolve(text)
        if found is None:
            assert not home
            continue
        assert all(text[each.start : each.end] == each.text for each in found.mentions)
        assert all(0 <= each.score <= 1 and each.code for each in found.candidates)
        if found.candidates[0].code == found.code:
            assert found.candidates[0].score == found.score
        assert found == resolver_at(home).resolve(text)


def test_a_prefecture_by_its_old_suffix_is_not_a_town_in_it() -> None:
    for text, code in (("大理地区停电", "532900"), ("日照地区停水", "371100"), ("天水地区停水", "620500")):
        found = ANYWHERE.resolve(text)
        assert found is not None
        assert (found.code, found.candidates[0].code) == (code, code)


def test_a_road_called_like_a_town_of_home_makes_it_a_candidate() -> None:
    found = HAIKOU.resolve("龙华区金贸西路井盖坏了")
    assert found is not None
    assert (found.code, [each.code for each in found.candidates]) == ("460106", ["460106", "460106003"])
    unnamed = HAIKOU.resolve("白龙南路井盖坏了")
    assert unnamed is not None
    assert (unnamed.code, [each.code for each in unnamed.candidates]) == ("460100", ["460100", "460108", "460108006"])


def test_words_speak_for_a_district_that_no_name_gives(tmp_path: Path) -> None:
    gazetteer = Gazetteer.load()
    tickets = [
        Example(f"{place}{matter}{number}", {"kind": ("投诉",)}, {"district": district})
        for number in range(20)
        for place, district in (("海边长廊旁", "秀英区"), ("老钟塔下", "美兰区"))
        for matter in ("路灯坏了", "垃圾没人清")
    ]
    lesson = learn_places(tickets, "460100")
    assert lesson.places.words is not None
    lesson.places.save(tmp_path, gazetteer)
    learned = LearnedPlaces.load(tmp_path, gazetteer)
    found = Resolver(gazetteer, "460100", learned).resolve("长廊那边井盖坏了")
    assert found is not None
    assert (found.code, found.candidates[0].code) == ("460105", "460105")
    assert 0.5 < found.score < 1
    (tmp_path / "places.npz").write_bytes(b"broken")
    with pytest.raises(ModelError, match=r"places\.npz: is broken"):
        LearnedPlaces.load(tmp_path, gazetteer)


def test_learned_places_lead_on_from_home(tmp_path: Path) -> None:
    gazetteer = Gazetteer.load()
    names = {"玉沙路": LearnedName("460106003", 12, 0.9), "海德路": LearnedName("440305", 9, 1.0)}
    LearnedPlaces(names).save(tmp_path, gazetteer)
    resolver = Resolver(gazetteer, "460100", LearnedPlaces.load(tmp_path, gazetteer))
    found = resolver.resolve("玉沙路的烧烤店")
    assert found is not None
    assert (found.code, found.score) == ("460106003", 0.9)
    assert found.mentions == (Mention("玉沙路", 0, 3),)
    outside = resolver.resolve("海德路的烧烤店")
    assert outside is not None
    assert outside.code == "460100"
    named_elsewhere = resolver.resolve("琼山区玉沙路的烧烤店")
    assert named_elsewhere is not None
    assert named_elsewhere.code == "460107"


def test_broken_learned_places_are_refused(tmp_path: Path) -> None:
    gazetteer = Gazetteer.load()
    path = tmp_path / "places.json"
    for content, message in [
        ('{"玉沙路": 3}', r"places\.json: is broken"),
        ('{"gazetteer": "2020-12-31", "names": {}}', "as of 2020-12-31, and these are as of"),
        (
            json.dumps({"gazetteer": gazetteer.version, "names": {"玉沙路": ["999999", 3, 1.0]}}),
            "999999 is not the code",
        ),
    ]:
        path.write_text(content, encoding="utf-8")
        with pytest.raises(ModelError, match=message):
            LearnedPlaces.load(tmp_path, gazetteer)


def hard_places() -> list[dict[str, str]]:
    with HARD_PLACES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("row", hard_places(), ids=lambda row: f"{row['sort']}-{row['text'][:12]}")
def test_hard_places(row: dict[str, str]) -> None:
    found = resolver_at(row["home"]).resolve(row["text"])
    code, candidates = (found.code, [each.code for each in found.candidates]) if found else (None, [])
    assert (code or "") == row["code"]
    if row["candidates"]:
        assert sorted(filter(None, candidates)) == sorted(row["candidates"].split("|"))
    elif code:
        assert candidates[0] == code
    assert bool(found and found.contradictory) == (row["flag"] == "contradictory")


@cache
def resolver_at(home: str) -> Resolver:
    return Resolver(Gazetteer.load(), home or None)
