"""Multiply the written texts: the same matter elsewhere, in another frame, with other hasty habits of typing.

A composed twin keeps its text's labels, so nothing here may name a matter or ask for more than its kind does anyway.
Landmarks name offices on purpose: where something lies says nothing of who must act. Twins are made anew in each pass
over the texts, after the held-out texts have been set apart: no twin of a held-out text is ever trained on.
"""

from __future__ import annotations

import random
import re

from complaint_router.locality import Gazetteer, Resolver

ELSEWHERE = 0.6
"""How often the divisions that a text names are exchanged for others."""
ANONYMOUS = 0.3
"""How often they become letters instead, as on message boards that publish letters anonymised."""
LOCATED = 0.25
"""How often a note that names no division gets an address in front."""
FRAMED = 0.3
"""How often a note gets an operator's words around it."""
CLOSED = 0.3
"""How often a letter gets a greeting or a closing."""
MISTYPED = 0.2
"""How often a text is mistyped, about one character in fifty."""
UNPUNCTUATED = 0.1
"""How often a text loses its punctuation."""

_ROAD_WORDS = "和平|长青|文昌|东湖|青年|金山|新华|迎春|龙泉|凤鸣|望江|胜利|学府|滨河|永安|兴隆|桂花|白云|紫荆|振兴"
_ROAD_KINDS = "路|街|大道|巷|东路|西路|南街|北路|一路|二横路"
_ESTATE_WORDS = "锦绣|阳光|翠湖|金桂|御景|香樟|盛世|水岸|枫林|碧桂|书香|世纪|荷塘|东方|和谐|丽景|名仕|云溪|天玺|福星"
_ESTATE_KINDS = "花园|小区|家园|新城|名苑|公馆|雅苑|华府|新村|佳园|一期|安置小区|家属院|公寓"
_LANDMARKS = (
    "交警大队|自来水公司宿舍|中心医院|第三小学|加油站|红绿灯路口|农贸市场|邮政局|汽车站|派出所|供电所|妇幼保健院|税务局|"
    "人民公园|水果批发市场|客运中心|电信营业厅|实验幼儿园|体育馆|建设银行|老火车站|污水处理厂|公交站|法院|收费站|"
    "驾校|技工学校|社区服务中心|消防站|工业园|菜市场|大润发超市|地铁口|烟草局宿舍|粮库|电影院|村委会"
)
_SIDES = "对面|旁边|后面|门口|附近|斜对面|往东200米|隔壁|楼下"
_LEADS = {
    "投诉": "市民反映：|来电人反映，|其反映|市民来电反映，|网友反映：|其投诉：|来电人称|诉求人反映：|市民称",
    "咨询": "市民咨询：|来电人咨询，|其想咨询|其来电咨询：|请问，|诉求人咨询|想问一下，",
    "求助": "市民求助：|来电人求助，|其来电称|其求助：|诉求人称|",
    "建议": "市民建议：|来电人建议，|其建议|网友建议：|",
    "举报": "市民举报：|来电人举报，|其举报|匿名举报：|",
}
_ENDS = {
    "投诉": "其认为不合理。|望尽快处理。|请核实处理并回复。|希望有关部门重视。|要求给个说法。|多次反映没有结果。",
    "咨询": "请答复。|望告知。|请工作人员解答。|想了解清楚。|盼回复，谢谢。",
    "求助": "望协调解决。|希望尽快帮忙处理。|请工作人员联系。|拜托了。|请求帮助。",
    "建议": "望采纳。|供参考。|希望能考虑。|盼回复。",
    "举报": "请查处。|请核实。|希望为举报人保密。|望严查。",
}
_GREETINGS = (
    "尊敬的领导：您好！|领导好，|您好：|尊敬的市长：|书记您好！|县长好，打扰了。|敬爱的领导，|你好，|各位领导："
)
_FAREWELLS = (
    "谢谢！|盼复。|恳请领导重视，谢谢。|此致敬礼！|期待您的回复，不胜感激。|麻烦了，祝工作顺利。|希望得到答复。|"
    "以上情况属实，可来人调查。|万分感谢！"
)
_FILLERS = "嗯|那个|就是|就是说|然后呢|这个|我跟你讲|对|啊"
_ALIKE = (
    "的地得|在再|做作|帐账|须需|已以|象像|那哪|坐座|他她它|份分|园圆|即既|带戴|其期|报抱|反返|查察|理里|是事|交缴|定订|"
    "长常|办半|停廷|路露|费废|安按|修休|车扯|到道|进近|工公|应因|住驻|位为|申审|业叶|部布|清情|房防|电店|气汽|水税|号好|"
    "没每|后候|现线|管官|证正|社设|保堡|学雪|校效|老劳|村存|时十|间见|人任|员原"
)
"""Characters that sound alike: what a pinyin keyboard or speech recognition puts for one another."""
_PUNCTUATION = re.compile(r"[，。！？；：、,.!?;:…]+")


class Composer:
    """Makes twins of written texts. Two composers with the same seed make the same twins in the same order."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._gazetteer = Gazetteer.load()
        self._resolver = Resolver(self._gazetteer)
        self._districts = [code for code in self._gazetteer.names if len(code) == 6 and not code.endswith("00")]
        self._towns = [code for code in self._gazetteer.names if len(code) == 9]
        self._mistypings = {one: group.replace(one, "") for group in _ALIKE.split("|") for one in group}

    def __call__(self, text: str, register: str, kind: str) -> str:
        """A twin of `text`, which was written in this register and is of this kind."""
        text, placed = self._elsewhere(text)
        if register in ("note", "short") and kind != "表扬":
            if not placed and kind != "咨询" and self.often(LOCATED):
                text = self._address() + text
            if self.often(FRAMED):
                text = self._one_of(_LEADS[kind]) + text
            if self.often(FRAMED):
                text = f"{text.rstrip('。，')}，{self._one_of(_ENDS[kind])}"
        elif register == "letter" and self.often(CLOSED):
            text = self._greeted(text)
        elif register == "spoken":
            text = self._hesitant(text)
        if self.often(MISTYPED):
            text = "".join(self._mistyped(each) for each in text)
        if self.often(UNPUNCTUATED):
            text = _PUNCTUATION.sub(self._one_of("|| "), text)
        return text

    def often(self, share: float) -> bool:
        """True in this share of the calls."""
        return self._random.random() < share

    def _one_of(self, choices: str) -> str:
        return self._random.choice(choices.split("|"))

    def _elsewhere(self, text: str) -> tuple[str, bool]:
        """The text with other divisions in the place of those it names, and whether it names any."""
        locality = self._resolver.resolve(text)
        if locality is None or not locality.mentions:
            return text, False
        if not self.often(ELSEWHERE):
            return text, True
        parts, end, anonymous = [], 0, self.often(ANONYMOUS)
        for mention in sorted(locality.mentions, key=lambda each: each.start):
            if mention.start < end:
                continue
            # Names that follow one another, 扬州市邗江区, are exchanged together.
            joined = mention.start == end and end > 0
            parts += [text[end : mention.start], "" if joined else self._division(anonymous)]
            end = mention.end
        return "".join((*parts, text[end:])), True

    def _division(self, anonymous: bool) -> str:
        if anonymous:
            letter, number = self._random.choice("ABCDEFGHIJKLM"), self._random.randint(1, 12)
            return self._random.choice(
                (f"{letter}市", f"{letter}{number}区", f"{letter}{number}县", f"{letter}市{number}区")
            )
        names = self._gazetteer.names
        town = self.often(0.3)
        chain = self._gazetteer.chain(self._random.choice(self._towns if town else self._districts))
        return "".join(names[code] for code in chain[-self._random.choice((1, 1, 2)) :])

    def _address(self) -> str:
        where = self._division(self.often(ANONYMOUS / 2)) if self.often(0.6) else ""
        shape = self._random.randrange(4)
        road = self._one_of(_ROAD_WORDS) + self._one_of(_ROAD_KINDS)
        estate = self._one_of(_ESTATE_WORDS) + self._one_of(_ESTATE_KINDS)
        near = self._one_of(_LANDMARKS) + self._one_of(_SIDES)
        number = self._random.randint(1, 260)
        if shape == 0:
            return f"{where}{road}{number}号"
        if shape == 1:
            return f"{where}{road}{number}号{near}"
        if shape == 2:
            return f"{where}{estate}{number % 30 + 1}栋，"
        return f"{where}{road}{near}"

    def _greeted(self, text: str) -> str:
        title, stop, body = text.partition("。") if len(text) > 60 else ("", "", text)
        if stop and len(title) <= 30:
            body = self._one_of(_GREETINGS) + body
        return f"{title}{stop}{body}" + (self._one_of(_FAREWELLS) if self.often(0.5) else "")

    def _hesitant(self, text: str) -> str:
        """Fillers behind some of the commas and blanks."""
        return "".join(each + (self._one_of(_FILLERS) if each in "，, " and self.often(0.15) else "") for each in text)

    def _mistyped(self, character: str) -> str:
        others = self._mistypings.get(character)
        return self._random.choice(others) if others and self.often(0.1) else character
