"""The administrative divisions of China, by code and by name.

Codes follow GB/T 2260 (6 digits, province to county) and the 9-digit codes of towns and sub-districts; a parent
follows from the code, so only code and name are stored.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from complaint_router.errors import ArgumentError
from complaint_router.schema import LEVELS, Level, Place

FILE = "gazetteer.gz"
"""Compiled by `training/gazetteer.py`, which says what is in it."""
FORMER, ZONE, ORDINARY = "<", "~", "*"
"""What the tokens of a name begin with in the file, but for present divisions."""

_PROVINCE_SUFFIX = re.compile(r"(?:省|市|特别行政区|(?:壮族|回族|维吾尔)?自治区)$")
_DIVISION_SUFFIX = re.compile(r"(?:自治[州县旗]|地区|新区|[市盟区县旗])$")
_TOWN_SUFFIX = re.compile(r"(?:街道|地区|(?:民族)?乡|民族苏木|苏木|镇)$")
_MUNICIPALITIES = ("11", "12", "31", "50")
"""Provinces that are cities at once: 北京, 天津, 上海, 重庆."""

_LETTER = ord("a")
_SHORTEST_NAME = 2
_ETHNIC_GROUPS = (
    "蒙古|回|藏|维吾尔|苗|彝|壮|布依|朝鲜|满|侗|瑶|白|土家|哈尼|哈萨克|傣|黎|傈僳|佤|畲|高山|拉祜|水|东乡|纳西|景颇|"
    "柯尔克孜|土|达斡尔|仫佬|羌|布朗|撒拉|毛南|仡佬|锡伯|阿昌|普米|塔吉克|怒|乌孜别克|俄罗斯|鄂温克|德昂|保安|裕固|"
    "京|塔塔尔|独龙|鄂伦春|赫哲|门巴|珞巴|基诺|各"
)
_ETHNIC_SUFFIX = re.compile(rf"(?<=..)(?:(?:{_ETHNIC_GROUPS})族|蒙古|哈萨克|柯尔克孜)+$")


class Bearer(NamedTuple):
    """What bears a name.

    `codes`: the division; of a former division or a zone those that hold its land now, the main one first.
    `rest`: what the official name has after the short one, such as 区 or 朝鲜族自治州; empty where it has nothing.
    `area`: no division of its own but a known area or a usual form, such as 雄安新区 or 内蒙.
    `ordinary`: the short name standing alone is mostly something else; so are 城区 and 和县, which have no other.
    """

    codes: tuple[str, ...]
    rest: str = ""
    former: bool = False
    area: bool = False
    ordinary: bool = False


@dataclass(frozen=True)
class Gazetteer:
    """Names of divisions by code, and who bears each name.

    `version`: the date of the table.
    `lengths`: for the first two characters of each name the lengths of the names that begin so, longest first.
    `extents`: for a division what lay in it once and is another division now.
    """

    version: str
    names: dict[str, str]
    extents: dict[str, tuple[str, ...]]
    lengths: dict[str, tuple[int, ...]]
    _tokens: dict[str, str] = field(repr=False)
    _bearers: dict[str, tuple[Bearer, ...]] = field(default_factory=dict, repr=False, compare=False)
    _chains: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False, compare=False)
    _below: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    @cache
    def load(cls) -> Gazetteer:
        """The divisions that the package carries (as of 2025-12-31), read once for the whole process."""
        text = gzip.decompress(files(__package__).joinpath(FILE).read_bytes()).decode()
        source, *columns = (part.split("\n") for part in text.split("\n\n"))
        codes, names, old, new, bearers, tokens, starts, lengths = columns
        # The lengths of one start are one short string of letters; few are different.
        known = {each: tuple(ord(part) - _LETTER for part in each) for each in set(lengths)}
        return cls(
            version=source[0].split()[-1],
            names=dict(zip(codes, names, strict=True)),
            extents=_extents(old, new),
            lengths={start: known[each] for start, each in zip(starts, lengths, strict=True)},
            _tokens=dict(zip(bearers, tokens, strict=True)),
        )

    def bearers(self, name: str) -> tuple[Bearer, ...]:
        """Who bears a name, given without 省, 市, 区, 街道 and the like; empty where nobody does."""
        found = self._bearers.get(name)
        if found is None:
            tokens = self._tokens.get(name)
            if tokens is None:
                return ()
            # Parsed when it is first met: a process meets few of the 50,000 names.
            found = self._bearers[name] = self._parse(name, tokens)
        return found

    def _parse(self, name: str, tokens: str) -> tuple[Bearer, ...]:
        bearers = []
        ordinary = tokens.startswith(ORDINARY)
        for token in tokens.removeprefix(ORDINARY).split():
            if token[0] == FORMER:
                rest = token[1:].rstrip("0123456789+")
                codes = token[1 + len(rest) :]
                # A former district's short name is out of use, but for those that are kept as usual forms.
                unused = ordinary or depth(codes.split("+")[0]) > depth("110100")
                bearers.append(Bearer(tuple(codes.split("+")), rest, former=True, ordinary=unused))
            elif token[0] == ZONE:
                bearers.append(Bearer(tuple(token[1:].split("+")), area=True))
            else:
                rest = self.names[token][len(name) :]
                bearers.append(Bearer((token,), rest, ordinary=ordinary or not rest))
        return tuple(bearers)

    def chain(self, code: str) -> tuple[str, ...]:
        """Codes from the province down to `code` itself."""
        chain = self._chains.get(code)
        if chain is None:
            above = (code[:2] + "0000", code[:4] + "00", code[:6])
            chain = (*dict.fromkeys(part for part in above if part in self.names and part != code), code)
            self._chains[code] = chain
        return chain

    def below(self, code: str) -> tuple[str, ...]:
        """The divisions right below one."""
        if not self._below:
            below: dict[str, list[str]] = {}
            for each in self.names:
                for parent in self.chain(each)[-2:-1]:
                    below.setdefault(parent, []).append(each)
            self._below.update((parent, tuple(children)) for parent, children in below.items())
        return self._below.get(code, ())

    def common(self, codes: Iterable[str]) -> str | None:
        """The deepest division that holds all of `codes`."""
        chains = [self.chain(code) for code in codes]
        shared = [code for code in chains[0] if all(code in chain for chain in chains)]
        return shared[-1] if shared else None

    def is_province(self, code: str) -> bool:
        """Whether cities lie in it: a municipality is a city."""
        return level(code) == "province" and not code.startswith(_MUNICIPALITIES)

    def home(self, code: str) -> str:
        """The division whose hotline `code` names; 110100, the formal city level of a municipality, is 110000.

        Raises:
            ArgumentError: there is no such division.
        """
        if len(code) == 6 and code.endswith("0100") and code.startswith(_MUNICIPALITIES):
            code = code[:2] + "0000"
        if code not in self.names:
            raise ArgumentError(f"home {code!r} is not the code of a division; 海口市, for one, is 460100")
        return code

    def place(self, code: str, score: float) -> Place:
        """The division with the names above it. A municipality is both province and city."""
        fields: dict[Level, str] = {level(part): self.names[part] for part in self.chain(code)}
        if code.startswith(_MUNICIPALITIES):
            fields["city"] = fields["province"]
        return Place(
            code=code,
            level=level(code),
            province=fields.get("province"),
            city=fields.get("city"),
            district=fields.get("district"),
            town=fields.get("town"),
            community=None,
            score=score,
        )


def letter(length: int) -> str:
    """The letter that stands for a length in the file."""
    return chr(_LETTER + length)


def _extents(old: Iterable[str], new: Iterable[str]) -> dict[str, tuple[str, ...]]:
    extents: dict[str, tuple[str, ...]] = {}
    for code, taken in zip(old, new, strict=True):
        extents[code] = tuple(dict.fromkeys((*extents.get(code, ()), *taken.split(" "))))
    return extents


@cache
def level(code: str) -> Level:
    """The level of a division, read off its code."""
    if len(code) == 9:
        return "town"
    if code.endswith("0000"):
        return "province"
    return "city" if code.endswith("00") else "district"


def depth(code: str) -> int:
    """How far down a division is: 0 for a province, 3 for a town."""
    return LEVELS.index(level(code))


def short_name(code: str, name: str) -> str:
    """What is left of a name without 省, 市, 区, 县 and the like: 海口, 浦东, 延边.

    The whole name where less than two characters would be left: 赵县, 城区.
    """
    suffix = _PROVINCE_SUFFIX if level(code) == "province" else _DIVISION_SUFFIX
    brief = suffix.sub("", name)
    if level(code) != "province":
        brief = _ETHNIC_SUFFIX.sub("", brief)
    return brief if len(brief) >= _SHORTEST_NAME else name


def town_stem(name: str) -> str:
    """What is left of a town's name without 街道, 镇, 乡 and the like: 金贸, 长流, 望京."""
    brief = _ETHNIC_SUFFIX.sub("", _TOWN_SUFFIX.sub("", name))
    return brief if len(brief) >= _SHORTEST_NAME else name
