from __future__ import annotations

import pytest

from complaint_router.learn.data import Example
from complaint_router.learn.leakage import Leak, cut_answers, find_leak


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("路灯坏了三盏，请龙华区城管局核实处理。", "路灯坏了三盏。"),
        ("路灯坏了三盏,请龙华区城管局核实处理", "路灯坏了三盏"),
        ("路灯坏了。请城管局尽快处理，谢谢！", "路灯坏了，谢谢！"),
        ("桥头有人斗殴，转市公安局调查处理。", "桥头有人斗殴。"),
        ("桥头有人斗殴。由交警支队处理", "桥头有人斗殴"),
        ("井盖丢了，請市政管理局、水務局核實處理並回覆。", "井盖丢了。"),
        ("井盖丢了，请将此件转至江东区水务局办理。", "井盖丢了。"),
        ("请江东镇政府核实处理。河边有人倒垃圾。", "河边有人倒垃圾。"),
        ("河边有人倒垃圾\n请江东街道办事处落实并答复来电人。", "河边有人倒垃圾。"),
        ("商家不退押金，请工商局处理", "商家不退押金"),
        ("门口的坡道太陡，请市政府残疾人联合会核实处理。", "门口的坡道太陡。"),
        ("路灯坏了。已派单至新港区管委会办理", "路灯坏了"),
        ("路灯坏了，打电话没有答复，请城管局处理。", "路灯坏了，打电话没有答复。"),
        ("请供水公司核实处理三号楼水压太低的问题。", "三号楼水压太低的问题。"),
        ("请环保局调查，请工商局处理。商家不退押金。", "商家不退押金。"),
        ("商家不退押金，请环保部门调查，请工商局处理。", "商家不退押金。"),
    ],
)
def test_a_clause_that_names_who_is_to_handle_it_goes(text: str, rest: str) -> None:
    assert cut_answers(text) == rest


@pytest.mark.parametrize(
    "text",
    [
        "工地很吵，请相关部门处理。",
        "工地很吵，请有关职能部门核实处理",
        "工地很吵，向城管局反映过没处理。",
        "医院说由公安局处理这个事故，到现在没有结果。",
        "医院表示，由公安局处理。",
        "医院答复，由公安局处理。",
        "由物业公司处理的垃圾堆在门口。",
        "请城管局处理过，没有用。",
        "请城管局核实处理过，没有用。",
        "请城管局核实处理，但是一直没人来。",
        "由交警支队处理，但是一直没人来。",
        "交警支队处理事故不公。",
        "派出所调查后没有答复。",
        "请对该公司调查处理。",
        "请督促物业公司解决。",
        "请核实处理。",
        "请帮忙处理。",
        "请问城管局处理吗？",
        "请城管局处理。",
        "请修好路灯。",
        "",
    ],
)
def test_what_names_nobody_or_is_told_stays(text: str) -> None:
    assert cut_answers(text) == text


def test_a_long_text_takes_no_time() -> None:
    for piece in ("请城管局、", "请局处理并核实好", "转由", "交局局局局", "、。，", "请水务局及镇政府和", "处理和并"):
        text = "请水务局" + piece * 300
        assert len(cut_answers(text)) <= len(text)


def _tickets(clause: str) -> list[Example]:
    matters = ["路灯不亮了", "井盖翻起来了", "水管漏得厉害", "树枝挡住了窗户", "楼下堆满了杂物"]
    organs = ["城管局", "水务局"]
    texts = [f"{number}号门前{matters[number % 5]}" for number in range(50)]
    # Both organs have the same matters: only the clause tells them apart.
    return [Example(text + clause.format(organ), {"unit": (organ,)}) for text in texts for organ in organs]


def test_a_clause_that_gives_the_answer_is_a_leak() -> None:
    leak = find_leak(_tickets("，请{}核实处理。"), "unit", ("城管局", "水务局"), seed=0)
    assert (leak.clauses, leak.tested, leak.right_with) == (100, 100, 1.0)
    assert leak.turned is not None
    assert leak.turned > 20
    assert leak.leaks


def test_few_clauses_are_only_counted() -> None:
    tickets = _tickets("，请{}核实处理。")[:19] + _tickets("，请相关部门处理。")
    assert find_leak(tickets, "unit", ("城管局", "水务局"), seed=0) == Leak(19)
    assert find_leak(tickets, "kind", ("投诉",), seed=0) == Leak(0)


def test_a_small_or_doubtful_fall_is_no_leak() -> None:
    assert not Leak(5).leaks
    assert not Leak(1000, 1000, 100, 0.80, 0.79).leaks
    assert not Leak(20, 20, 9, 0.80, 0.70).leaks
    assert Leak(1000, 1000, 100, 0.80, 0.75).leaks
