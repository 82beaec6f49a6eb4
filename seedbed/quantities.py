"""The quantities that a text states, in one form: 1,200 m, 1.2 km, 一千二百米 and 1.2千米 are the same.

Numbers in digits, in English words and in Chinese signs; thousands separators, 万 and million; common units turned into
one of their kind. A version (1.8.3) is no number and stays as it is written. What only looks like a number is left
out: the marks of a list, 一些, 十分, "one of them".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple

from seedbed.text import half_width


class Quantity(NamedTuple):
    """A value in the base unit of its kind (`kind` is empty where no known unit follows); `written` is without it."""

    value: str
    kind: str
    written: str


_UNITS = {
    "time": {
        "ms 毫秒": "0.001", "s sec secs second seconds 秒 秒钟": "1", "min mins minute minutes 分钟": "60",
        "h hr hrs hour hours 小时 个小时": "3600", "day days 天": "86400", "week weeks 周 个星期 星期": "604800",
        "month months 个月": "2629800", "year years 年": "31557600",
    },
    "length": {
        "mm millimetres millimeters 毫米": "0.001", "cm centimetres centimeters 厘米": "0.01",
        "m metre metres meter meters 米": "1",
        "km kilometre kilometres kilometer kilometers 千米 公里": "1000",
    },
    "mass": {"mg 毫克": "0.000001", "g gram grams 克": "0.001", "kg kilogram kilograms kilo kilos 千克 公斤": "1",
             "t tonne tonnes 吨": "1000"},
    "volume": {"ml millilitres milliliters 毫升": "0.001", "l litre litres liter liters 升": "1"},
    "pressure": {"pa 帕": "1", "kpa 千帕": "1000", "bar 巴": "100000", "mpa 兆帕": "1000000"},
    "data": {"b byte bytes 字节": "1", "kb": "1024", "mb": "1048576", "gb": "1073741824", "tb": "1099511627776"},
    "power": {"w watt watts 瓦": "1", "kw 千瓦": "1000", "mw 兆瓦": "1000000"},
    "voltage": {"mv 毫伏": "0.001", "v volt volts 伏": "1", "kv 千伏": "1000"},
    "temperature": {"°c ℃ 摄氏度": "1", "°f ℉ 华氏度": "1"},
    "share": {"% percent 个百分点": "1"},
}  # fmt: skip
_UNIT = {name: (kind, Decimal(factor)) for kind, units in _UNITS.items() for names, factor in units.items()
         for name in names.split()}
_FAHRENHEIT = ("°f", "℉", "华氏度")
_SCALE = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "百": 100,
          "千": 1000, "万": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8}
_WORDS = {word: number for number, word in enumerate(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen".split())}
_WORDS |= {word: 10 * number for number, word in enumerate(
    "twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
_MONTHS = {word: number for number, word in enumerate(
    "january february march april may june july august september october november december".split(), 1)}
_DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_PLACES = {"十": 10, "百": 100, "千": 1000}

_ENUMERATOR = re.compile(r"^[ \t]*[(（]?\d{1,2}[.)、）](?=\s|[^\d\s])|^[ \t]*(?:step|第) ?\d{1,2}[:：步]", re.M | re.I)
_UNIT_NAMES = "|".join(sorted(map(re.escape, _UNIT), key=len, reverse=True))
_AFTER = (
    r"(?P<scale>\s?(?:hundred|thousand|million|billion|trillion)(?![a-z])|[百千]?万|亿|[百千](?![克米瓦帕伏]))?"
    rf"(?:[\s-]?(?P<unit>{_UNIT_NAMES})(?![a-z]))?"
)
_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_NUMBER = re.compile(
    rf"""
    (?P<share>百分之)?
    (?:
        (?<![\w.])(?P<version>v?\d+(?:\.\d+){{2,}})(?!\w)
      | (?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d{{1,40}}(?:\.\d{{1,40}})?)
      | (?<![a-z])(?P<words>(?:(?:{_WORD})(?:[\s-](?:and\s)?(?:{_WORD}|hundred|thousand))*))(?![a-z])
      | (?P<hanzi>[零〇一二两三四五六七八九十百千]{{1,20}}(?:点[零一二三四五六七八九]{{1,10}}
            (?![零一二三四五六七八九十百千分刻钟]))?)   # 六点四十二分 is no decimal
    )
    {_AFTER}
    """,
    re.X | re.I,
)
_MONTH = re.compile(rf"(?<![a-z])(?:{'|'.join(_MONTHS)})(?=\s+\d)|(?<=\d )(?:{'|'.join(_MONTHS)})(?![a-z])", re.I)
# Chinese signs that count only before a measure word; 一 alone is an article more often than not.
_MEASURE = re.compile(r"\s?[个种次条步天分秒轮级份倍项类章台名位人年月日号点时岁元块只件层排组套本页辆座间]")
_NO_NUMBER = re.compile(r"^(?:一|百|千)$")


def quantities(text: str) -> list[Quantity]:
    """The quantities of `text`, in order."""
    text = _ENUMERATOR.sub(" ", half_width(text)).lower()
    text = _MONTH.sub(lambda month: str(_MONTHS[month.group()]), text)
    return list(_found(text))


def values(text: str) -> frozenset[str]:
    """What `quantities` finds, as values to look for: in the base unit and as written."""
    return frozenset(name for found in quantities(text) for name in (found.value, found.written))


def _found(text: str) -> Iterator[Quantity]:
    for match in _NUMBER.finditer(text):
        if version := match["version"]:
            yield Quantity(version.removeprefix("v"), "version", version.removeprefix("v"))
            continue
        number = _number(match, text)
        if number is None:
            continue
        if scale := (match["scale"] or "").strip():
            number *= _SCALE[scale]
        unit = "%" if match["share"] else match["unit"] or ""
        if unit == "年" and 1000 <= number <= 2999 or unit == "天" and not number:
            unit = ""  # a date
        if unit in _FAHRENHEIT:
            yield Quantity(_plain(round((number - 32) / Decimal("1.8"), 1)), "temperature", _plain(number))
            continue
        kind, factor = _UNIT.get(unit, ("", Decimal(1)))
        yield Quantity(_plain(number * factor), kind, _plain(number))


def _number(match: re.Match[str], text: str) -> Decimal | None:
    if digits := match["digits"]:
        try:
            return Decimal(digits.replace(",", ""))
        except InvalidOperation:
            return None
    if words := match["words"]:
        known = match["unit"] or match["scale"] or words != "one"
        return Decimal(_of_words(words)) if known else None
    signs = match["hanzi"]
    counted = match["unit"] or match["scale"] or match["share"] or _MEASURE.match(text, match.end("hanzi"))
    if signs == "十" and text.startswith("分", match.end("hanzi")) and not match["unit"]:
        return None  # 十分重要
    if len(signs) == 1 and (not counted or _NO_NUMBER.match(signs) and not match["unit"]):
        return None
    return _of_signs(signs)


def _of_words(words: str) -> int:
    total = part = 0
    for word in re.split(r"[\s-]+", words):
        if word in ("hundred", "thousand"):
            part = max(part, 1) * _SCALE[word]
            if word == "thousand":
                total, part = total + part, 0
        elif word != "and":
            part += _WORDS[word]
    return total + part


@lru_cache(maxsize=1024)
def _of_signs(signs: str) -> Decimal | None:
    whole, _, fraction = signs.partition("点")
    after = "".join(str(_DIGITS[sign]) for sign in fraction)
    if not set(whole) & set(_PLACES):  # 二〇二四, 五四三二
        return Decimal("".join(str(_DIGITS[sign]) for sign in whole) + (f".{after}" if after else ""))
    total = digit = 0
    smallest = 10_000
    for sign in whole:
        if sign in _DIGITS:
            digit = _DIGITS[sign]
        else:
            place = _PLACES[sign]
            if place >= smallest:
                return None  # 十百 is no number
            total, digit, smallest = total + (digit or 1) * place, 0, place
    return Decimal(f"{total + digit}" + (f".{after}" if after else ""))


def _plain(number: Decimal) -> str:
    return format(number.normalize(), "f")
