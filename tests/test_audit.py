from __future__ import annotations

import json

import pytest

from complaint_router.learn.audit import REFERENCES, Audit, Dates, audit
from complaint_router.learn.data import Example, LabelledData
from complaint_router.learn.leakage import Leak
from complaint_router.near import near_duplicates

LAMP = "江东小区三号楼门前的路灯坏了半个多月，晚上出门什么也看不见，老人走路很不方便"


def _audit(examples: list[Example], targets: tuple[str, ...] = ("unit",), left_out: int = 0) -> Audit:
    groups = near_duplicates([example.text for example in examples])
    return audit(LabelledData(examples, left_out), targets, groups, floor=2, seed=0)


def _example(text: str, unit: str, row: int, date: str = "") -> Example:
    return Example(text, {"unit": (unit,)}, {}, f"a.csv:{row}", date)


@pytest.fixture(scope="module")
def found() -> Audit:
    examples = [
        _example(LAMP, "城管局", 1, "2024-03-01 08:00:00"),
        _example(LAMP + "！", "城管局", 2, "2024-01-05"),
        _example("停水，联系13800000000", "水务局", 3),
        _example("停水，联系13911111111", "城管局", 4),
        _example("停水，联系[电话]", "水务局", 5),
        _example("井盖翻起来了" * 400, "市政局", 6),
        Example("楼下太吵", {"kind": ("投诉",)}, {}, "a.csv:7"),
    ]
    return _audit(examples, ("unit", "kind"), left_out=3)


def test_what_the_data_hold_is_counted(found: Audit) -> None:
    assert (found.rows, found.left_out, found.duplicates, found.near_duplicates) == (7, 3, 2, 1)
    assert found.conflicts == {"unit": [["a.csv:3", "a.csv:4", "a.csv:5"]], "kind": []}
    assert found.labels == {"unit": {"城管局": 3, "水务局": 2, "市政局": 1}, "kind": {"投诉": 1}}
    assert found.rare == {"unit": {"市政局": 1}, "kind": {"投诉": 1}}
    assert found.unlabelled == {"unit": 1, "kind": 6}
    assert found.masked == {"[电话]": 2}
    assert found.lengths == {"0.05": 4, "0.5": 16, "0.95": 2400, "max": 2400}
    assert found.dates == Dates("2024-01-05", "2024-03-01", 5)
    assert found.leaks == {"unit": Leak(0), "kind": Leak(0)}


def test_lines_say_what_deserves_a_look_and_what_mends_it(found: Audit) -> None:
    assert found.lines() == [
        "7 rows: unit with 3 labels, kind with 1 labels",
        "3 rows left out: without a label or without Chinese text",
        "2 rows equal to an earlier one, 1 nearly so: they are kept; splits keep them on one side",
        "rows with personal data: [电话] 2; a model reads these labels in its place",
        "longest text: 2,400 characters; of over 2,000 head and tail are read",
        "5 rows without a date: they count as older than all others",
        "unit: 1 of 7 rows without a label of it; it does not learn from them",
        "unit: 1 of 3 labels have fewer than 2 rows (1 row): --rare merge or --rare drop mends it;"
        " --floor N moves the limit",
        "unit: 1 texts stand in 3 rows with different labels (a.csv:3, a.csv:4, a.csv:5 …):"
        " correct these rows or take them out",
        "kind: 6 of 7 rows without a label of it; it does not learn from them",
        "kind: 1 of 1 labels have fewer than 2 rows (1 row): --rare merge or --rare drop mends it;"
        " --floor N moves the limit",
    ]


def test_good_data_need_no_further_line() -> None:
    texts = ["路灯坏了", "井盖翻了", "楼下太吵", "水管漏水"]
    clean = _audit([_example(text, "城管局", row) for row, text in enumerate(texts)])
    assert clean.lines() == ["4 rows: unit with 1 labels"]
    assert clean.dates is None


def test_a_leak_has_a_line() -> None:
    texts = [f"{number}号门前路灯不亮" for number in range(40)]
    examples = [
        _example(f"{text}，请{unit}核实处理。", unit, row)
        for row, (text, unit) in enumerate((text, unit) for text in texts for unit in ("城管局", "水务局"))
    ]
    found = _audit(examples)
    (line,) = [line for line in found.lines() if "--cut-answers" in line]
    assert line.startswith("unit: 80 rows name who is to handle them")
    leak = found.to_dict()["leaks"]["unit"]
    assert (leak["clauses"], leak["tested"], leak["leaks"]) == (80, 80, True)


def test_json_holds_counts_and_references_but_no_text(found: Audit) -> None:
    plain = found.to_dict()
    assert plain["conflicts"]["unit"] == {"groups": 1, "rows": ["a.csv:3", "a.csv:4", "a.csv:5"]}
    written = json.dumps(plain, ensure_ascii=False)
    assert not any(piece in written for piece in ("路灯", "停水", "井盖", "太吵"))
    many = _audit([_example("停水", ("城管局", "水务局")[row % 2], row) for row in range(200)])
    assert len(many.to_dict()["conflicts"]["unit"]["rows"]) == REFERENCES


def test_no_rows_are_no_error() -> None:
    assert _audit([], left_out=2).lengths["max"] == 0
