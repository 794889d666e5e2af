"""The administrative divisions of China, by code and by name.

Codes follow GB/T 2260 (6 digits, province to county) and the 9-digit codes of towns and sub-districts; a parent
follows from the code, so only code and name are stored.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from complaint_router.errors import ArgumentError
from complaint_router.schema import Level, Place
from complaint_router.text import fold

_PROVINCE_SUFFIX = re.compile(r"(?:省|市|特别行政区|(?:壮族|回族|维吾尔)?自治区)$")
_DIVISION_SUFFIX = re.compile(r"(?:自治[州县旗]|地区|新区|[市盟区县旗])$")
_MUNICIPALITIES = ("11", "12", "31", "50")
"""Provinces that are cities at once: 北京, 天津, 上海, 重庆."""

_SHORTEST_NAME = 2
_ETHNIC_GROUPS = (
    "蒙古|回|藏|维吾尔|苗|彝|壮|布依|朝鲜|满|侗|瑶|白|土家|哈尼|哈萨克|傣|黎|傈僳|佤|畲|高山|拉祜|水|东乡|纳西|景颇|"
    "柯尔克孜|土|达斡尔|仫佬|羌|布朗|撒拉|毛南|仡佬|锡伯|阿昌|普米|塔吉克|怒|乌孜别克|俄罗斯|鄂温克|德昂|保安|裕固|"
    "京|塔塔尔|独龙|鄂伦春|赫哲|门巴|珞巴|基诺|各"
)
_ETHNIC_SUFFIX = re.compile(rf"(?<=..)(?:(?:{_ETHNIC_GROUPS})族|蒙古|哈萨克|柯尔克孜)+$")


@dataclass(frozen=True)
class Gazetteer:
    """Names of divisions by code, and the codes behind each folded name.

    `full` holds official names (金贸街道, 龙华区); `short` holds what is left without 省, 市, 区, 县 and the like
    (海口, 龙华), provinces to districts only. Names of two characters such as 城区 or 赵县 count as short, since
    they stand in other words too.
    """

    names: dict[str, str]
    full: dict[str, tuple[str, ...]]
    short: dict[str, tuple[str, ...]]

    @classmethod
    @cache
    def load(cls) -> Gazetteer:
        """The divisions that the package carries (as of 2025-12-31), read once for the whole process."""
        packed = files(__package__).joinpath("divisions.tsv.gz").read_bytes()
        lines = gzip.decompress(packed).decode().splitlines()
        names = dict(line.split("\t") for line in lines if not line.startswith("#"))
        full: dict[str, list[str]] = {}
        short: dict[str, list[str]] = {}
        for code, name in names.items():
            written = fold(name)  # as it stands in a folded text: 乾 is also a traditional form of 干
            (full if len(name) > _SHORTEST_NAME else short).setdefault(written, []).append(code)
            if len(code) == 6:
                brief = fold(short_name(code, name))
                if _SHORTEST_NAME <= len(brief) < len(name):
                    short.setdefault(brief, []).append(code)
        return cls(
            names,
            {name: tuple(codes) for name, codes in full.items()},
            {name: tuple(codes) for name, codes in short.items()},
        )

    def chain(self, code: str) -> tuple[str, ...]:
        """Codes from the province down to `code` itself."""
        above = (code[:2] + "0000", code[:4] + "00", code[:6])
        return (*dict.fromkeys(part for part in above if part in self.names and part != code), code)

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


def level(code: str) -> Level:
    """The level of a division, read off its code."""
    if len(code) == 9:
        return "town"
    if code.endswith("0000"):
        return "province"
    return "city" if code.endswith("00") else "district"


def short_name(code: str, name: str) -> str:
    """What is left of a name without 省, 市, 区, 县 and the like: 海口, 浦东, 延边."""
    if level(code) == "province":
        return _PROVINCE_SUFFIX.sub("", name)
    return _ETHNIC_SUFFIX.sub("", _DIVISION_SUFFIX.sub("", name))
