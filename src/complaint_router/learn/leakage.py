"""Texts that name their own answer: a clause in which the operator says who is to handle the matter.

In exported tickets it often stands behind the complaint: 请…局核实处理. A model that learns from such texts reads the
clause and not the matter, looks good on held-out tickets and fails on fresh complaints, which nobody has routed yet.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from complaint_router.learn.data import Example
from complaint_router.learn.linear import fit_linear
from complaint_router.text import fold, has_chinese, prepare

LEAST = 20
"""Rows with a clause from which its effect is measured: of fewer, one row is more than 5 %."""

SAMPLE = 5_000
"""Rows for the cross-fit: enough to learn to read the clause, if it gives the answer, within seconds."""

FOLDS = 5
"""Of the cross-fit: each model learns from four fifths of the sample."""

FALL = 0.03
"""Share of the rows with a clause that must turn wrong without it: less does not change what to think of a model."""

DEVIATIONS = 2
"""Standard deviations by which the fall must exceed chance."""

_MARKS = r",;:。!?、\n"
_CLOSES = rf"[{_MARKS}\s]|\.(?!\d)|$"

# Who hands on: words of an instruction. After 由, 交, 转 and 派 a clause may as well tell what happened.
_ASKS = r"(?:特|现|故|烦|麻烦|恳|敬|谨|还|再|并|另)?请(?![问示假教客人勿不])(?:贵|求|由|转|交|派)?"
_HANDS_ON = (
    r"(?:请|现|特|故|已|拟|应|建议)?(?:将?[此该本](?:件|单|工单|诉求|事项|问题))?"
    r"(?:移交|转交|交由|交办|交给|转由|转至|转给|转派|转办|转|派发|派送|派单|派给|派至|派(?!出)|责成|由"
    r"|交(?![警通管委投运]))[给至到]?"
)
# What is no part of an organ's name but shows that the clause speaks of something else.
_NOT_IN_NAME = (
    r"[对把将向到去给让被在因为该此这那没不]|核实|核查|处理|办理|调查|查处|协调|答复|解决|督促|责令|要求|联系|通知|反映"
)
_NOBODY = (
    r"(?:请|相关|有关|职能|主管|责任|[各本]级?|上级|[贵你我]|市|县|区|政府|当地|具体|属地|执法|行政|管理|的)*"
    r"(?:部门|单位|政府|局|中心)"
)
_ENDS = (
    r"(?:局|委员会|管委会|委|街道办事处|办事处|街道办|街道|办公室|办|总队|支队|大队|中队|中心|集团|公司|镇|乡|政府|部门"
    r"|居委会|村委会|联合会|社区|指挥部|开发区|派出所|机场|小组|专班|[院厅署所站])"
)
_ORGAN = rf"(?:(?!{_NOT_IN_NAME})[^{_MARKS}.\s]){{1,20}}?{_ENDS}"
_ORGANS = rf"{_ORGAN}(?:(?:[、和及与或]|以及|会同){_ORGAN}){{0,3}}"
_MANNER = (
    r"(?:尽快|尽早|及时|立即|马上|依法|严肃|认真|妥善|予以|给予|进行|抓紧|迅速|派人|派员|安排人员|前往|现场|按规定|介入"
    r"|积极|牵头|负责|加强|一并|联合|共同|分别|帮忙|协助)"
)
_VERB = (
    r"(?:核实|核查|核处|查实|查证|查明|查处|调查|调处|处理|处置|办理|承办|受理|协调|解决|跟进|跟踪|落实|督办|督促|整治|整改"
    r"|研究|阅处|了解|答复|回复|回覆|反馈|回访)"
)
_CLOSING = (
    r"(?:[并和及与、好]|后(?=[并及答回反])|一下|情况|结果|来电人|来信人|诉求人|当事人|市民|群众|[该此](?:事|问题|情况|诉求|事项|件)"
    r"|为盼|为谢|谢谢|感谢)"
)
_DOES = rf"\s?(?:{_MANNER}|{_VERB})"
_MORE = rf"(?:{_MANNER}|{_VERB}|{_CLOSING})"
_HANDLES = rf"{_MANNER}*{_VERB}{_MORE}*"
# After these the verb tells of something past or stands in front of a noun. `_MORE` forbids half of 核实处理 to match.
_MATTER = rf"(?!{_CLOSES}|{_MORE}|[的过了着时完中期后得不]|意见)"
_NOT_TOLD = r"(?![,、\s]*(?:但|可是|可|却|结果|至今|一直|仍|还是|没|不过|然而))"

_NAMED = rf"\s?(?!{_NOBODY}{_DOES}){_ORGANS}\s?{_HANDLES}"
_CLAUSE = re.compile(
    rf"(?P<lead>^|(?<![{_MARKS}.\s])[{_MARKS}.\s]+|(?<=[)】\]]))(?:"
    rf"(?P<asked>{_ASKS}{_NAMED})(?:(?=(?P<close>{_CLOSES})){_NOT_TOLD}|{_MATTER})"
    rf"|(?P<handed>{_HANDS_ON}{_NAMED})(?=(?P<end>[。;!.\n]|\s*$)))"
)
# Who speaks before a comma tells what was said; 没有答复 does not.
_SPEECH = re.compile(r"(?:说|称|讲|表示|告知|认为|(?<![没未无不人有到得予给])(?:回复|答复|回应|承诺))$")


@dataclass(frozen=True)
class Leak:
    """What the clauses that name an answer do for one target.

    The effect is None where there are fewer than `LEAST` rows to measure it on.
    """

    clauses: int
    """Rows that hold such a clause."""
    tested: int | None = None
    """Those of them that were predicted, with the clause and without, by a model that had not seen them."""
    turned: int | None = None
    """Tested rows whose prediction changes when the clause is cut."""
    right_with: float | None = None
    """Share of the tested rows that are right with the clause."""
    right_without: float | None = None

    @property
    def leaks(self) -> bool:
        """Whether the clause gives the answer away: clearly fewer rows are right without it."""
        if self.tested is None or self.turned is None or self.right_with is None or self.right_without is None:
            return False
        fall = self.right_with - self.right_without
        # Were the clause no help, each turned row would be as likely to turn right as wrong (McNemar's test).
        return fall >= FALL and fall * self.tested > DEVIATIONS * self.turned**0.5


def cut_answers(text: str) -> str:
    """The text without the clauses that name who is to handle it.

    A clause goes with the marks in front of it; where more than the demand follows in the same clause, that stays.
    What is told ("由…局处理过", "向…局反映") stays too, and a text that is nothing else stays as it is.
    """
    folded = fold(text)  # of the same length, so offsets hold in the text
    kept: list[str] = []
    end = 0
    for found in _CLAUSE.finditer(folded):
        if _SPEECH.search(folded[: found.start()]):
            continue
        start, stop = _span(found, first=not any(kept) and found.start() <= end)
        kept.append(text[end:start])
        end = stop
    rest = "".join((*kept, text[end:]))
    return rest if has_chinese(fold(rest)) else text


def find_leak(examples: Sequence[Example], target: str, labels: Sequence[str], seed: int) -> Leak:
    """Measure, on at most `SAMPLE` of the examples, what the clauses give away of a target.

    Each row is predicted by a linear model that was fitted on the texts as they are, but on none equal to it.

    Args:
        examples: those with labels of the target, and others.
        target: one of the targets.
        labels: of the target.
        seed: of the sample and the folds.
    """
    known = [example for example in examples if target in example.labels]
    clauses = sum(cut_answers(example.text) != example.text for example in known)
    if clauses < LEAST:
        return Leak(clauses)
    sample = [known[at] for at in np.random.default_rng(seed).permutation(len(known))[:SAMPLE]]
    # Equal texts share a fold.
    folds: dict[str, int] = {}
    fold_of = [folds.setdefault(prepare(example.text), len(folds) % FOLDS) for example in sample]
    pairs: list[tuple[Example, str, str]] = []
    for fold_number in range(FOLDS):
        held = [example for example, each in zip(sample, fold_of, strict=True) if each == fold_number]
        rest = [example for example, each in zip(sample, fold_of, strict=True) if each != fold_number]
        pairs += _with_and_without(held, rest, target, labels, seed)
    if len(pairs) < LEAST:
        return Leak(clauses)
    return Leak(
        clauses,
        tested=len(pairs),
        turned=sum(before != after for _, before, after in pairs),
        right_with=sum(before in example.labels[target] for example, before, _ in pairs) / len(pairs),
        right_without=sum(after in example.labels[target] for example, _, after in pairs) / len(pairs),
    )


def _with_and_without(
    held: Sequence[Example], rest: Sequence[Example], target: str, labels: Sequence[str], seed: int
) -> list[tuple[Example, str, str]]:
    """The held rows that hold a clause, each with the label predicted for its text and for what is left of it."""
    cut = [(example, without) for example in held if (without := cut_answers(example.text)) != example.text]
    if not cut:
        return []
    model = fit_linear(rest, {target: labels}, None, seed)

    def label(text: str) -> str:
        return labels[int(model.scores([prepare(text)]).beside[target].argmax())]

    return [(example, label(example.text), label(without)) for example, without in cut]


def _span(found: re.Match[str], first: bool) -> tuple[int, int]:
    """From where to where a clause goes.

    The mark that closes it stays and closes what stood before; where nothing stood before, it goes too. What follows
    in a clause that is not closed stays, with the mark before it.
    """
    name = "asked" if found["asked"] is not None else "handed"
    start, end = found.span(name)
    closing = "close" if name == "asked" else "end"
    if found[closing] is None:
        return start, end
    return found.start("lead"), found.end(closing) if first else end
