from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from complaint_router import DataError, Router
from complaint_router.cli import main
from complaint_router.dispatch import UnitDirectory, UnitEntry
from complaint_router.errors import ModelError
from complaint_router.learn.data import Example
from complaint_router.learn.locate import write_places
from complaint_router.learn.places import learn_places
from complaint_router.learn.units import learn_units
from complaint_router.locality import Gazetteer, Resolver
from complaint_router.schema import Candidate, Department

GAZETTEER = Gazetteer.load()
HAIKOU = Resolver(GAZETTEER, "460100")
DIRECTORY = UnitDirectory(
    [
        UnitEntry("龙华区城管局", "urban_management", "460106"),
        UnitEntry("美兰区城管局", "urban_management", "460108"),
        UnitEntry("市公安局", "public_security", "460100"),
        UnitEntry("金贸街道办", "town", "460106003"),
        UnitEntry("海垦街道办", "town", "460106005"),
    ],
    GAZETTEER,
)


def department(*scores: tuple[str, float]) -> Department:
    candidates = tuple(Candidate(code, code, score) for code, score in scores)
    return Department(candidates[0].code, candidates[0].name, candidates[0].score, (), candidates)


@pytest.mark.parametrize(
    ("text", "function", "unit"),
    [
        ("龙华区金贸街道烧烤摊占道", "urban_management", "龙华区城管局"),
        ("美兰区有人占道", "urban_management", "美兰区城管局"),
        ("美兰区有人打架", "public_security", "市公安局"),
        ("龙华区金贸街道的楼道堆杂物", "town", "金贸街道办"),
    ],
)
def test_function_and_place_give_the_unit(text: str, function: str, unit: str) -> None:
    found = DIRECTORY.assign(department((function, 0.9)), HAIKOU.resolve(text))
    assert found is not None
    assert found.name == unit
    assert 0.8 < found.score < 0.9


def test_every_possible_function_and_place_counts() -> None:
    both = department(("urban_management", 0.6), ("public_security", 0.4))
    found = DIRECTORY.assign(both, HAIKOU.resolve("龙华区夜市打架"))
    assert found is not None
    assert [each.name for each in found.candidates] == ["龙华区城管局", "市公安局"]
    inside = DIRECTORY.assign(department(("town", 1.0)), HAIKOU.resolve("龙华区楼道堆杂物"))
    assert inside is not None
    assert {each.name for each in inside.candidates} == {"金贸街道办", "海垦街道办"}
    nowhere = DIRECTORY.assign(department(("public_security", 0.7)), None)
    assert nowhere is not None
    assert (nowhere.name, nowhere.score) == ("市公安局", 0.7)
    assert DIRECTORY.assign(department(("water_supply", 0.9)), HAIKOU.resolve("龙华区停水")) is None


def test_the_place_speaks_for_its_units() -> None:
    spread = HAIKOU.spread("龙华区有人占道")
    districts = {code: chance for code, chance in spread.items() if len(code) == 6}
    assert sum(districts.values()) == pytest.approx(1)
    assert max(districts, key=districts.__getitem__) == "460106"
    assert sum(chance for code, chance in spread.items() if code.startswith("460106") and len(code) == 9) == (
        pytest.approx(districts["460106"])
    )
    added = DIRECTORY.evidence(["龙华区城管局", "美兰区城管局", "市公安局", "别的单位"], spread)
    assert added[0] > 0 > added[1]
    assert np.all(added[2:] == 0)
    assert not HAIKOU.spread("深圳市龙华区有人占道")
    assert not Resolver(GAZETTEER).spread("龙华区有人占道")


def test_a_directory_of_a_part_leaves_the_rest_to_nobody() -> None:
    alone = UnitDirectory(
        [UnitEntry("龙华区城管局", "urban_management", "460106"), UnitEntry("市公安局", "public_security", "460100")],
        GAZETTEER,
    )
    anywhere = alone.assign(department(("urban_management", 1.0)), HAIKOU.resolve("夜市占道"))
    assert anywhere is not None
    assert anywhere.score == pytest.approx(0.95 / 4)
    without_place = alone.assign(department(("urban_management", 1.0)), None)
    assert without_place is not None
    assert without_place.score == pytest.approx(1 / 4)


def test_a_unit_may_act_in_several_divisions() -> None:
    both = UnitDirectory(
        [UnitEntry("一分局", "", "460108"), UnitEntry("一分局", "", "460106"), UnitEntry("二分局", "", "460107")],
        GAZETTEER,
    )
    for text in ("龙华区停水", "美兰区停水"):
        first, second = both.evidence(["一分局", "二分局"], HAIKOU.spread(text))
        assert first > 0 > second


def test_a_named_place_that_no_ticket_taught_still_counts() -> None:
    tickets = [
        Example(f"{words}第{number}次", {"kind": ("投诉",)}, {"district": district})
        for number in range(10)
        for words, district in (("老钟塔下垃圾没人清", "龙华区"), ("海边长廊旁路灯坏了", "美兰区"))
    ]
    learned = Resolver(GAZETTEER, "460100", learn_places(tickets, "460100").places)
    spread = learned.spread("秀英区海边长廊旁停水")
    assert max((code for code in spread if len(code) == 6), key=spread.__getitem__) == "460105"
    assert learned.spread("海边长廊旁停水")["460108"] > 0.5


@pytest.mark.parametrize("home", ["110000", "110105", "440000", "441900", "460000"])
def test_every_home_has_a_spread(home: str) -> None:
    resolver = Resolver(GAZETTEER, home)
    spread = resolver.spread("路口停水")
    children = GAZETTEER.below(home)
    assert sum(spread[code] for code in children) == pytest.approx(1)
    assert resolver.resolve("新城路口停水") is not None


def test_what_is_kept_of_another_model(tmp_path: Path, tiny_model: Path) -> None:
    base = Path(shutil.copytree(tiny_model, tmp_path / "base"))
    UnitDirectory([UnitEntry("甲局", "旧职能", "460106")], GAZETTEER).save(base)
    for home, kept in (("460100", True), ("440100", False)):
        folder = tmp_path / home
        folder.mkdir()
        write_places(folder, [], {"kind": ("投诉",)}, home, base, False, {"town"})
        assert (folder / "units.csv").is_file() == kept
        if kept:
            again = UnitDirectory.load(folder, GAZETTEER, {"town"})
            assert again is not None
            assert again.entries == (UnitEntry("甲局", "", "460106"),)
    with pytest.raises(ModelError, match=r"units\.csv, row 2, column function"):
        UnitDirectory.load(base, GAZETTEER, {"town"})


def test_units_are_learned_from_tickets() -> None:
    tickets = [
        Example("占道", {"unit": ("龙华区城管局",), "department": ("urban_management",)}),
        Example("占道", {"unit": ("龙华区城管局",), "department": ("urban_management",)}),
        Example("打架", {"unit": ("市公安局",)}),
    ]
    learned = learn_units(tickets, "460100")
    assert learned.entries == (
        UnitEntry("市公安局", "", "460100"),
        UnitEntry("龙华区城管局", "urban_management", "460106"),
    )
    given = UnitDirectory([UnitEntry("市公安局", "public_security", "460100")], GAZETTEER)
    assert {entry.function for entry in learned.merged(given).entries} == {"public_security", "urban_management"}


def test_a_directory_is_read_back(tmp_path: Path) -> None:
    DIRECTORY.save(tmp_path)
    functions = {entry.function for entry in DIRECTORY.entries}
    again = UnitDirectory.load(tmp_path, GAZETTEER, functions)
    assert again is not None
    assert again.entries == DIRECTORY.entries


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",urban_management,460106,district", "row 3, column name: is empty"),
        ("某局,urban_management,999999,district", "row 3, column division: '999999' is not the code of a division"),
        ("某局,no_such,460106,district", "row 3, column function: 'no_such' is not the code of a department"),
        ("某局,urban_management,460106,town", "row 3, column level: 'town' is not that of 460106, which is district"),
        ("甲局,urban_management,460106,", "row 3, column name: '甲局' is there twice"),
    ],
)
def test_a_wrong_cell_is_named(row: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "units.csv"
    file.write_text(f"name,function,division,level\n甲局,urban_management,460106,\n{row}\n", encoding="gb18030")
    with pytest.raises(DataError, match=message):
        UnitDirectory.read(file, GAZETTEER, {"urban_management"})


def test_excel_leaves_blank_rows_and_formal_codes(tmp_path: Path) -> None:
    file = tmp_path / "units.csv"
    file.write_text("name,function,division\n市公安局,,110100\n,,\n", encoding="utf-8-sig")
    assert UnitDirectory.read(file, GAZETTEER).entries == (UnitEntry("市公安局", "", "110000"),)
    file.write_text("name,function,division\n", encoding="utf-8")
    with pytest.raises(DataError, match="has no units"):
        UnitDirectory.read(file, GAZETTEER)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    file = tmp_path / "units.csv"
    file.write_text("name,function\n", encoding="utf-8")
    with pytest.raises(DataError, match="has no column 'division'"):
        UnitDirectory.read(file, GAZETTEER, ())


def test_the_router_takes_a_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "units.csv"
    file.write_text(
        "name,function,division,level\n龙华区城管局,urban_management,460106,district\n市环境局,ecology_environment,460100,city\n",
        encoding="utf-8",
    )
    router = Router.from_pretrained(home="460100", units=file)
    route = router.route("龙华区玉沙路烧烤店占道经营，城管来了就走")
    assert route.unit is not None
    assert route.unit.name == "龙华区城管局"
    assert route.unit.score == pytest.approx(route.department.score * route.locality.score, abs=0.02)  # type: ignore[union-attr]
    router.save_pretrained(tmp_path / "saved")
    assert Router.from_pretrained(tmp_path / "saved").route("龙华区玉沙路烧烤店占道经营").unit is not None
    assert main(["route", "龙华区玉沙路烧烤店占道经营", "--home", "460100", "--units", str(file)]) == 0
    assert "龙华区城管局" in capsys.readouterr().out
    file.write_text("name,function,division\n某局,urban_management,999999\n", encoding="utf-8")
    assert main(["route", "停水", "--units", str(file)]) == 2
    assert "row 2, column division" in capsys.readouterr().err
