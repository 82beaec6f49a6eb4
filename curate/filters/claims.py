"""Do two sentences, or two answers to one question, contradict each other? Told from the texts alone.

    yes against no     "Yes, …" and "No, …"; 可以 and 不可以
    denial             the same words, and one of them denies: "is waterproof", "is not waterproof"
    opposites          the same words but for a pair such as open and shut, before and after, 增加 and 减少
    figures            the same words and other figures, units and ways of writing aside

Only what says nearly the same otherwise can contradict: other words are another statement, or the same in other words.
"""

from __future__ import annotations

import re

from seedbed.content import NEGATED, units
from seedbed.quantities import Quantity, quantities
from seedbed.text import language, normalise, tokenize

# Jaccard similarity of the content words. High: beyond it two statements differ in more than what is denied.
_ABOUT = 0.6
_DENIED = 0.65  # what denies need not deny the whole: "but progress is not even"
_LEAST = 2  # content words; with fewer, nearly anything is alike

_YES = re.compile(
    r"^\W*(?:yes|yeah|correct|true|是的?(?![不否])|对(?!不|于)|可以|能(?!不)|会(?!不)|有(?!没)|正确|没错|需要|应该)(?![a-z])",
    re.I,
)
_NO = re.compile(r"^\W*(?:no|nope|incorrect|false|not? (?:really|true)|不|否|没有|没(?!错)|错误?|无)(?![a-z])", re.I)
_OPPOSITES = {
    "en": [pair.split("/") for pair in (
        "open/shut open/closed opens/closes on/off before/after above/below increase/decrease increases/decreases "
        "rises/falls always/never left/right first/last maximum/minimum positive/negative allowed/forbidden "
        "safe/dangerous hot/cold possible/impossible legal/illegal true/false enable/disable enabled/disabled "
        "included/excluded north/south east/west more/less higher/lower larger/smaller faster/slower with/without"
    ).split()],
    "zh": [pair.split("/") for pair in (
        "打开/关闭 开启/关闭 之前/之后 以上/以下 增加/减少 增大/减小 上升/下降 提高/降低 左/右 最大/最小 正面/负面 "
        "允许/禁止 安全/危险 合法/非法 启用/禁用 包含/不含 高于/低于 大于/小于 早于/晚于 快于/慢于 积极/消极"
    ).split()],
}  # fmt: skip
_NEUTRAL = {
    "en": re.compile(rf"\b(?:{'|'.join(word for pair in _OPPOSITES['en'] for word in pair)})\b", re.I),
    "zh": re.compile("|".join(word for pair in _OPPOSITES["zh"] for word in pair) + "|不|没有|没|无|未|可以|能够?"),
}
_DENIES = {"en": re.compile(r"\b(?:not|never|no|does|do|did)\b|n't\b"), "zh": re.compile("不|没有|没|未")}


def clash(one: str, other: str) -> str:
    """What two statements contradict each other in, in words; empty where they do not, or where it cannot be told."""
    if normalise(one).rstrip(".。!！") == normalise(other).rstrip(".。!！"):
        return ""
    if _YES.match(one) and _NO.match(other) or _NO.match(one) and _YES.match(other):
        return "one says yes and the other no"
    lang = "zh" if language(one) in ("zh", "mixed") else "en"
    denies = bool(NEGATED[lang].search(one)) != bool(NEGATED[lang].search(other))
    if denies and (said := _denied(one, lang)) and said == _denied(other, lang):
        return "one denies what the other says"
    alike = likeness(one, other, lang)
    if alike < _ABOUT:
        return ""
    if found := _opposite(one, other, lang):
        return found
    if denies and alike >= _DENIED:
        return "one denies what the other says"
    return figures_clash(quantities(one), quantities(other))


def _denied(text: str, lang: str) -> list[str]:
    """The words without those that deny: the same for 防水 and 不防水."""
    return tokenize(_DENIES[lang].sub(" ", normalise(text)))


def likeness(one: str, other: str, lang: str) -> float:
    """Jaccard similarity of the content words, 0 where either says too little. Denial and opposites are none."""
    first, second = (frozenset(units(_NEUTRAL[lang].sub(" ", text), lang)) for text in (one, other))
    if min(len(first), len(second)) < _LEAST:
        return 0.0
    return len(first & second) / len(first | second)


def figures_clash(one: list[Quantity], other: list[Quantity]) -> str:
    """The figures of two statements about one thing, where neither has those of the other."""
    first, second = {q.value for q in one}, {q.value for q in other}
    if not first or not second or first <= second or second <= first:
        return ""
    if {q.written for q in one} & {q.written for q in other} and len(first) != len(second):
        return ""  # one of them tells more
    shown = (", ".join(sorted(q.written for q in found if q.value not in common))
             for found, common in ((one, second), (other, first)))
    return " against ".join(shown)


def _opposite(one: str, other: str, lang: str) -> str:
    first, second = normalise(one), normalise(other)
    for pair in _OPPOSITES[lang]:
        for here, there in (pair, pair[::-1]):
            if _has(first, here) and not _has(first, there) and _has(second, there) and not _has(second, here):
                return f"{here!r} against {there!r}"
    return ""


def _has(text: str, word: str) -> bool:
    return bool(re.search(rf"(?<![a-z]){word}(?![a-z])", text)) if word.isascii() else word in text
