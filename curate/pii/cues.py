"""Names that their surroundings give away, in both languages: 联系人：张伟, 陈金凤女士, "Dr. Anna Kowalski".

So do a common given name before a capitalised word, and a Chinese name before its number. They are what is seen of
names without a language model; with one they add what it misses.
"""

from __future__ import annotations

import re
from functools import lru_cache

from curate.pii.kinds import CUED, GUESSED
from curate.pii.rules import HAN, Found, Rule
from seedbed.resources import resource

SURNAMES = resource("seeds") / "surnames.zh.txt"
GIVEN_NAMES = resource("seeds") / "given_names.en.txt"
HOUSE_BRANDS = resource("seeds") / "house_brands.zh.txt"
TITLES = (
    "先生|女士|小姐|太太|夫人|同志|老师|教授|博士|医生|大夫|律师|法官|师傅|主任|经理|总监|总裁|董事长|工程师|会计|护士|"
    "同学"
)


@lru_cache
def surnames() -> tuple[frozenset[str], frozenset[str]]:
    """Surnames of one sign and of two."""
    lines = SURNAMES.read_text(encoding="utf-8").splitlines()
    words = " ".join(line if " " in line else " ".join(line) for line in lines if line[:1] != "#").split()
    return frozenset(word for word in words if len(word) == 1), frozenset(word for word in words if len(word) == 2)


@lru_cache
def given_names() -> frozenset[str]:
    """Common English given names."""
    lines = GIVEN_NAMES.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if line[:1] != "#" for word in line.split())


@lru_cache
def house_brands() -> tuple[str, ...]:
    """Chinese brands written as names are (张小泉, 王老吉) that are hardly anybody's."""
    lines = HOUSE_BRANDS.read_text(encoding="utf-8").splitlines()
    return tuple(word for line in lines if line[:1] != "#" for word in line.split())


def surname_of(name: str) -> str:
    """The surname that a Chinese name begins with; empty where there is none."""
    single, double = surnames()
    return name[:2] if name[:2] in double and len(name) > 2 else name[:1] if name[:1] in single else ""


_LABELS = (
    "姓名|户名|联系人|负责人|经办人|申请人|收件人|收货人|寄件人|发件人|法定代表人|法人代表|被保险人|投保人|受益人|持卡人|户主|患者|司机|应聘者|候选人|"
    "客户|用户|会员|业主|员工|学生|乘客|旅客|住客|病人|"
    "编制|审核|校对|批准|作者|起草人|签发人|签字人|监护人|证人|承租人|出租人|甲方代表|乙方代表|客户名称|操作员|值班员"
)
# Signs that stand after a name and are in none: what follows two or three signs must be one of them, or no Chinese.
_AFTER = rf"(?!{HAN})|(?=[的在是说于和与及、因为对把被向从由已将])|(?={TITLES})"
# Smith, O'Brien, McDonald, Smith-Jones; of "Smith's", Smith.
_WORD = r"(?=[A-Z][a-z'’A-Z])[A-Z][a-z]{0,20}(?:['’-](?!s(?![a-z]))[A-Za-z][a-z]{1,20})?(?:[A-Z][a-z]{1,20})?"
_FULL = rf"{_WORD}(?: [A-Z]\.?)?(?: (?:van|von|de|der|la|bin|al) )?(?: {_WORD}){{1,2}}"


# Looked for ahead, so that "Then Jennifer" does not use up the name after "Then".
_TWO_WORDS = re.compile(rf"(?<![0-9A-Za-z_.-])(?=(?P<v>{_WORD}(?: [A-Z]\.)? {_WORD})(?![0-9A-Za-z_]|[-.][A-Za-z]))")
# Second words that make a place or a thing of a given name: Jackson Street, Scott City, Wayne Hospital.
_THING = re.compile(
    r"(?:Street|Road|Avenue|Lane|Park|City|County|University|College|School|Hospital|Airport|Station|River|Lake|Day|Island"
    r"|Beach|Hill|House|Hotel|Theorem|Transform|Method|Test|Model|Edition|Inc|Ltd|Corp|Group|Line|Series|Team|Department"
    r"|Report|Knife|Bridge|Tower|Museum|Award|Protocol|Project|Centre|Center)s?$"
)


def _known_given(found: Found) -> bool:
    given, *_, last = found.value.split()
    return given in given_names() and not _THING.match(last) and not _HEADING.search(found.before(80))


def _signs(found: Found) -> bool:
    """Not "Kind regards, Customer Care Team"."""
    return not re.search(r"\b(?:Team|Department|Support|Services?|Desk|Office)\Z", found.value)


_HEADING = re.compile(r"(?:\A|\n)[ >]{0,4}#{1,6} [^\n]*\Z")


@lru_cache
def rules() -> tuple[Rule, ...]:
    """The rules; made when first asked for, because the surnames come from a file."""
    single, double = surnames()
    name = rf"(?:(?:{'|'.join(sorted(double))}){HAN}{{1,2}}?|[{''.join(sorted(single))}]{HAN}{{1,2}}?)"
    name += "(?<![由被把的了们])"  # 时间由主任定
    return (
        Rule("person", re.compile(rf"(?:{_LABELS})(?:姓名)?(?:[:：\t ]|为|是|叫){{1,3}}(?P<v>{name})(?:{_AFTER})"),
             score=CUED),
        Rule("person", re.compile(rf"(?:我叫|名叫|本人)(?P<v>{name})(?:{_AFTER})"), score=CUED),
        Rule("person", re.compile(rf"(?<!{HAN})(?P<v>{name})(?={TITLES}|[你您]好)"), score=CUED),
        # a name before its number
        Rule("person", re.compile(rf"(?:(?<!{HAN})|{_LABELS})(?P<v>{name})(?=[ ,，:：(（/|]{{0,2}}"
                                  r"(?:(?:联系)?(?:手机|电话|身份证)(?:号码?)?[:： ]?)?"
                                  r"(?:(?:\+?86)?[- ]?1[3-9]\d{9}|\d{17}[0-9Xx])(?![0-9A-Za-z]))"), score=CUED),
        Rule("person", re.compile(rf"(?:尊敬的|亲爱的|[请找给由向])(?P<v>{name})(?={TITLES})"), score=CUED),
        Rule("person", re.compile(r"(?<![A-Za-z])(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Madam)\.? "
                                  rf"(?P<v>{_WORD}(?: [A-Z]\.)?(?: {_WORD}){{0,2}})"), score=CUED),
        Rule("person", re.compile(
            r"(?<![A-Za-z])(?i:name|contact|attn|attention|author|reporter|assignee|patient|customer|employee|guarantor"
            r"|signed by|prepared by|approved by|written by|my name is)"
            rf"(?: ?[:=] ?| is | ){{1,2}}(?P<v>{_FULL})(?![A-Za-z])"
        ), _signs, CUED, ("strict", "default")),
        Rule("person", re.compile(r"(?<![A-Za-z])(?:Dear|Hi|Hello|[Rr]egards,?|Sincerely,?|Cheers,?)"
                                  rf"\s{{1,3}}(?P<v>{_FULL})(?![A-Za-z])"), _signs, CUED, ("strict", "default")),
        Rule("person", _TWO_WORDS, _known_given, GUESSED, ("strict", "default")),
    )
