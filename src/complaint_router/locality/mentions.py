"""Find the names of divisions in a text: one pass, the longest name at each place, none inside another name.

The scan looks names up by their first two characters: 5 µs for an address. An automaton (ahocorasick_rs) takes 1.4 µs,
but 30 ms at each start, and gives the longest name alone where the next shorter one may be the one that is meant:
南京东路 is a town's short name too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from complaint_router.locality.gazetteer import Bearer, Gazetteer, depth, level


class Form(IntEnum):
    """How a division is written, the surest first."""

    FULL = 0
    """With the suffix that it has: 龙华区, 金贸街办, 延边州; or a known area: 雄安新区."""
    FORMER = 1
    """By a former name: 崇文区."""
    SHORT = 2
    """Without a suffix: 海口, 浦东, 望京 behind 朝阳区."""
    CHANGED = 3
    """With another suffix than it has now: 无为县, 良渚镇."""


class Reading(NamedTuple):
    """Divisions that a name may mean, as one form of writing; `codes` has the main one first."""

    form: Form
    codes: tuple[str, ...]


class Found(NamedTuple):
    """A name in the text, from `start` to `end`, and how it may be read, the surest reading first."""

    start: int
    end: int
    readings: tuple[Reading, ...]


_SUFFIX = re.compile(
    "街道办事处|街道办|街道(?!两[边旁侧]|上[的有都到全]|[旁边]|路[面灯上边旁])|街办|办事处|镇(?![静痛压定])|"
    "民族乡|乡(?![亲下镇]|结合|统筹|居民|一体)|苏木|自治[州县旗区]|地区|新区|林区|特区|省(?![得吃下钱心会])|"
    "市(?:(?=政[府协法])|(?!中区|[南北]区|[场民值面价政]|容(?!县)))|州(?!际)|盟(?!友)|县(?!级)|"
    "区(?![域别间分块位隔])|旗(?![下舰帜号])"
)
"""A suffix, where the characters behind it do not make another word of it: 市民, 区域, 街道两旁."""
_KIND = {
    "街道办事处": "道", "街道办": "道", "街道": "道", "街办": "道", "办事处": "道", "民族乡": "乡", "苏木": "木",
    "自治区": "省", "自治州": "州", "自治县": "县", "自治旗": "旗", "地区": "地", "新区": "新", "林区": "区",
    "特区": "区", "特别行政区": "省",
}  # fmt: skip
"""What a suffix of several characters is the same as; others go by their last character."""
_LEVEL_KINDS = {"town": "道镇乡木地", "district": "市区县旗", "city": "市州盟地", "province": "省市"}

_ROAD_NAME = re.compile(
    r"[东南西北中上下新老]?[一二三四五六七八九十\d]*[东南西北中]?"
    "(?:路(?!桥)|街(?![道办])|大街|大道|巷|弄|胡同|横路|快速路)|里(?![的面有边])"
)
"""A short name before one of these is a road's: 南京东路, 和平里."""
_OTHER_NAME = re.compile(
    "[村园苑庄湾港山湖话菜坡塔寺庙街]|(?:大|立交|高架)桥|桥[头下上边]|新城(?!区)|新村|牌|"
    "(?:市场(?!监)|公园|广场|大厦|大楼|花园|小区|家园|公寓|豪庭|华府|银行|保险|人寿|证券|航空|大学|学院|师范|"
    "医科|中学|小学|医院|"
    "酒店(?![订预退])|饭店|宾馆|酒家|餐厅|超市|商城|百货|烤鸭|拉面|小面|小吃|面馆|饺子|包子|小笼|火锅|烧烤|牛肉|羊肉|"
    "米粉|粉店|炒粉|肠粉|热干面|臭豆腐|火腿|咸菜|辣酱|啤酒|白酒|茅台|汽车|轿车|现代|大众|通用|手表|时间|晚报|日报|电视|"
    "卫视|新东方|足球|移动公司|三角洲)(?![东南西北中]?[路街巷])"
)
"""A short name before one of these is part of another name, if no division that holds it stands in front: 中山公园."""
_LANDSCAPE = re.compile("索道|景区|风景|边上|旅游")
"""Before one of these a town's short name is the hill or lake that the town is called after."""
_OTHER_BEFORE = frozenset("老小")
"""Nor is it the division behind one of these: 老北京, 小南京."""
_LONGEST_SHORT = 3
_SHORTEST_TOWN = 2
_COMMON = tuple("中区村场站园城镇乡县桥门港湖山河岛")
"""Endings of names that are words as well: 江南中(学), 新农村."""
_COMMON_START = "一二三四五六七八九十新"
_ROAD = ("路", "街", "道", "巷")
"""A town called like a road, such as 南京东路街道, needs its suffix."""
_HERE = re.compile("[这那](?:边|里|儿|块|一带)|一带")
_JOINTS = frozenset(("", " ", "市", "市辖区", "的", "-", "_", "·", "/", "—"))
"""What may stand between a division and the one in it."""


class _Name(NamedTuple):
    """What a name may mean, worked out when it is first met.

    `whole`: the long ends of official names, such as 朝鲜族自治州, with their readings; `areas`: read as a known area;
    `alone`: with nothing in front, empty for an ordinary word; `town`: the same for towns, where `alone` is empty;
    `suffixed`: readings by the kind of suffix behind, filled as they are met.
    """

    bearers: tuple[Bearer, ...]
    whole: tuple[tuple[str, tuple[Reading, ...]], ...]
    areas: tuple[Reading, ...]
    alone: tuple[Reading, ...]
    town: tuple[Reading, ...]
    ordinary: bool
    suffixed: dict[str, tuple[Reading, ...]]


class Reader:
    """Reads names. With `home` it also knows the towns in it by their short names: 海甸, 府城."""

    def __init__(self, gazetteer: Gazetteer, home: str | None = None) -> None:
        self._gazetteer = gazetteer
        self._home = home
        self._names: dict[str, _Name] = {}

    def read(self, text: str) -> list[Found]:
        """Names of divisions in a folded text, left to right."""
        lengths = self._gazetteer.lengths.get
        found: list[Found] = []
        at, end = 0, len(text)
        while at < end - 1:
            for length in lengths(text[at : at + 2], ()):
                if at + length > end:
                    continue
                item = self._read_at(text, at, at + length, found[-1] if found else None)
                if item is not None:
                    found.append(item)
                    at = item.end - 1
                    break
            at += 1
        return found

    def _read_at(self, text: str, start: int, end: int, before: Found | None) -> Found | None:
        stem = text[start:end]
        name = self._names.get(stem)
        if name is None:
            if not self._gazetteer.bearers(stem):
                return None
            name = self._names[stem] = self._known(stem)
        for rest, whole in name.whole:
            if text.startswith(rest, end):
                return Found(start, end + len(rest), whole)
        suffix = _SUFFIX.match(text, end)
        if suffix:
            readings = _with_suffix(name, suffix.group())
            if readings:
                return Found(start, suffix.end(), readings)
        readings = self._bare(name, text, start, end, before)
        return Found(start, end, readings) if readings else None

    def _known(self, stem: str) -> _Name:
        bearers = self._gazetteer.bearers(stem)
        ordinary = all(each.ordinary for each in bearers)
        usable = [each for each in bearers if not each.ordinary]
        alone = () if ordinary else _alone(usable)
        return _Name(
            bearers,
            whole=tuple((each.rest, (Reading(Form.FULL, each.codes),)) for each in bearers if len(each.rest) > 2),
            areas=tuple(Reading(Form.FULL, each.codes) for each in bearers if each.area),
            alone=alone,
            town=() if ordinary or alone else tuple(_reading(Form.SHORT, self._towns(stem, usable))),
            ordinary=ordinary,
            suffixed={},
        )

    def _bare(self, name: _Name, text: str, start: int, end: int, before: Found | None) -> tuple[Reading, ...]:
        """How a name without suffix may be read."""
        if name.areas and end - start > _LONGEST_SHORT:
            return name.areas
        if _ROAD_NAME.match(text, end):
            return ()
        landscape = _LANDSCAPE.match(text, end)
        if before and text[before.end : start] in _JOINTS and not landscape:
            road = text[end - 1] in _ROAD
            inside = [
                each for each in name.bearers if self._inside(each, before) and not (road and len(each.codes[0]) == 9)
            ]
            if inside:
                top = min(len(each.codes[0]) for each in inside)
                return tuple(_reading(Form.SHORT, (each for each in inside if len(each.codes[0]) == top)))
        if _OTHER_NAME.match(text, end) or (start and text[start - 1] in _OTHER_BEFORE):
            return ()
        if name.areas:
            return name.areas
        if name.ordinary:
            return _alone(self._in_spite(name.bearers, text, end))
        return name.alone or (() if landscape else name.town)

    def _in_spite(self, bearers: tuple[Bearer, ...], text: str, end: int) -> tuple[Bearer, ...]:
        """Those that an ordinary word does mean: one of home before 这边 and the like, or with a town right behind."""
        if self._home and _HERE.match(text, end):
            return tuple(each for each in bearers if self._home in self._gazetteer.chain(each.codes[0]))
        behind = {
            town.codes[0][:6]
            for length in self._gazetteer.lengths.get(text[end : end + 2], ())
            for town in self._gazetteer.bearers(text[end : end + length])
            if len(town.codes[0]) == 9
        }
        return tuple(each for each in bearers if each.codes[0] in behind)

    def _inside(self, bearer: Bearer, before: Found) -> bool:
        """Whether the bearer lies in a division that the name right before it may mean."""
        if bearer.former and bearer.rest:
            return False
        gazetteer = self._gazetteer
        chain = gazetteer.chain(bearer.codes[0])
        # What lies between a province and a town is not skipped in speech, but where the province is the city.
        above = chain[1:-1] if len(chain) == 4 else chain[:-1]
        for reading in before.readings:
            for code in reading.codes:
                if code in above or any(each in chain for each in gazetteer.extents.get(code, ())):
                    return True
        return False

    def _towns(self, stem: str, bearers: Sequence[Bearer]) -> list[Bearer]:
        """Towns that go by their short name with nothing in front.

        Those of home, or where there is no home the only one with a long name.
        """
        if stem.endswith(_ROAD):
            return []
        if self._home:
            return [each for each in bearers if self._home in self._gazetteer.chain(each.codes[0])[:-1]]
        only = len(bearers) == 1 and len(stem) > _SHORTEST_TOWN and not stem.endswith(_COMMON)
        return list(bearers) if only and stem[0] not in _COMMON_START else []


def _with_suffix(name: _Name, suffix: str) -> tuple[Reading, ...]:
    kind = _KIND.get(suffix, suffix[-1])
    readings = name.suffixed.get(kind)
    if readings is None:
        full = [each for each in name.bearers if each.rest and kind in _kinds(each)]
        changed = [
            each
            for each in name.bearers
            if each.rest and kind not in _kinds(each) and not each.former and kind in _LEVEL_KINDS[level(each.codes[0])]
        ]
        top = min((depth(each.codes[0]) for each in changed), default=0)  # 大理地区: rather the prefecture than a town
        changed = [each for each in changed if depth(each.codes[0]) == top]
        readings = name.suffixed[kind] = (
            *_reading(Form.FULL, (each for each in full if not each.former)),
            *(Reading(Form.FORMER, each.codes) for each in full if each.former),
            *_reading(Form.CHANGED, changed),
        )
    return readings


def _alone(bearers: Sequence[Bearer]) -> tuple[Reading, ...]:
    """Provinces before cities before districts: a bare 吉林 is the province; then former divisions."""
    present = [each for each in bearers if not each.former]
    return (
        *(
            reading
            for wanted in ("province", "city", "district")
            for reading in _reading(Form.SHORT, (each for each in present if level(each.codes[0]) == wanted))
        ),
        *(Reading(Form.FORMER, each.codes) for each in bearers if each.former),
    )


def _reading(form: Form, bearers: Iterable[Bearer]) -> Iterator[Reading]:
    codes = tuple(code for bearer in bearers for code in bearer.codes)
    if codes:
        yield Reading(form, codes)


def _kinds(bearer: Bearer) -> str:
    """The suffixes that the bearer goes by: 浦东新区 is 浦东区 too."""
    if bearer.rest == "新区":
        return "新区"
    if len(bearer.rest) > 1 and level(bearer.codes[0]) == "province":
        return "省"
    return _KIND.get(bearer.rest, bearer.rest[-1])
