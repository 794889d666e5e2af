"""Tell the place of the matter from those where people live, firms are seated and goods come from."""

from __future__ import annotations

import re
from collections.abc import Iterable

from complaint_router.locality.mentions import Found

_FAR, _ASIDE = 2, 1
"""Distances from the matter: where the caller or a firm is from, and where somebody works or learns."""

_BEFORE = re.compile(
    r"(?:住|户籍|户口|籍贯|老家|祖籍|身份证|来自|(?:房东|老板|包工头|司机)人?[是在]|"
    r"总部|注册地?|公司|厂家|卖家|商家|开发商|甲方|从|由|寄自|发自|原籍|退休于|毕业于)"
    r"(?:是|在|于|为|地|[:,])?(?:一[名位个])?$"
)
_SELF = re.compile("(?:我|我们|本人|他|她|对方)(?:自己)?是$")
_FROM = re.compile("的?人(?!民)|的(?:$|[,。;!])")
"""我是海口的, 我是海口人: but 我是海口某小区的业主 speaks of the matter's place."""
_BEHIND_FAR = re.compile(
    r"(?:的|的?一?[家个名])?(?:本地|当地)?(?:人(?!民|行|员|社|力|才|防|大|口|流|多|均|工|为|家|在|们?都)|籍|户口|户籍|总部|牌照|牌的|"
    r"产的|买的|购买的|(?:发货|发来|发出|寄出|寄来|开往|出发|过来|来的|打来)|"
    r"(?:的|一家|某|有家)[^,。;的区县市镇]{0,6}?(?:公司|企业|集团|厂家|总部|商家|卖家|平台))"
)
_BEHIND_ASIDE = re.compile(r"[^,。;]{0,4}?(?:上班|工作|打工|务工|读书|上学|上小学|上初中|上高中|上大学|念书|租房住)")
_WINDOW = 12


def distance(text: str, items: Iterable[Found]) -> int:
    """How far from the matter a place seems to be that `items` name: 0 where nothing speaks against it.

    Of a place named more than once the nearest counts.
    """
    return min(_distance(text, start, end) for start, end in _runs(items))


def _distance(text: str, start: int, end: int) -> int:
    behind = text[end : end + _WINDOW]
    before = text[max(0, start - _WINDOW) : start]
    if _BEFORE.search(before) or _BEHIND_FAR.match(behind) or (_SELF.search(before) and _FROM.match(behind)):
        return _FAR
    return _ASIDE if _BEHIND_ASIDE.match(behind) else 0


def _runs(items: Iterable[Found]) -> list[tuple[int, int]]:
    """Stretches of names that stand side by side."""
    runs: list[tuple[int, int]] = []
    for item in items:
        if runs and item.start - runs[-1][1] <= 1:
            runs[-1] = runs[-1][0], item.end
        else:
            runs.append((item.start, item.end))
    return runs
