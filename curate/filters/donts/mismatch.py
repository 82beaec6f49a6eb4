"""An answer that does not fit its question or contradicts its input. The first of these that is seen:

    count           fewer things than were asked for          "List five …" and three of them
    limit           longer than was allowed                   "in one sentence", 不超过20个字
    form            JSON, a haiku, a quatrain asked for, and something else given
    choice          none of the labels that were offered      "positive or negative?" "The soup is a starter."
    arithmetic      a sum that is wrong                       "17 + 26 = 45"
    translation     in another language than was asked for
    asks_back       asks for the input that is there
    contradiction   a sentence of the input with another figure, or denied

That an answer is about something else altogether only a judge can see: many a good one shares no word with what was
asked.
"""

from __future__ import annotations

import re

from curate.filters.claims import clash, figures_clash
from curate.filters.donts.form import count, form, is_code, limit
from curate.filters.donts.unsupported import ASKS, COMPUTES, MAKES_UP, TAKES
from curate.filters.exchange import Exchange
from curate.filters.tongues import NAMES, amounts, by_words
from seedbed.content import units
from seedbed.prose import QUOTED, prose
from seedbed.quantities import quantities, values
from seedbed.text import language, length, normalise, sentences

_CHOICE = {
    "en": re.compile(
        r"\b(?:classify|label|categori[sz]e|determine|decide|identify|judge|state|tell)\b.{0,200}?"
        r"\b(?:as|is|whether it is)(?: an?| either)? (\w+)(?: \w+)? or (?:an? )?(\w+)\b", re.I,
    ),
    "zh": re.compile(
        r"(?:判断|分类|归类|识别|确定)[^。；\n]{0,30}?[是为][“\"]?([\u4e00-\u9fff]{2})[”\"]?"
        r"(?:还是|或)[“\"]?([\u4e00-\u9fff]{2})"
    ),
}
_TRUTH = re.compile(r"\b(?:true or false|false or true|right or wrong)\b|判断(?:对错|正误|真假)|对还是错", re.I)
_TOLD = re.compile(r"\b(?:true|false|correct|right|wrong|incorrect|yes|no|not|n't)\b|对|错|正确|不|误|真|假|是", re.I)
_LABEL = 4  # tokens: a label this short may be a synonym


def _choice(exchange: Exchange) -> str:
    if _TRUTH.search(exchange.question) and length(exchange.answer) > _LABEL and not _TOLD.search(exchange.answer):
        return "true or false was asked for, and the answer says neither"
    for lang, pattern in _CHOICE.items():
        if (found := pattern.search(exchange.question)) and length(exchange.answer) > _LABEL:
            said = normalise(exchange.answer)
            stems = [normalise(label)[:4] if lang == "en" else label for label in found.groups()]
            if not any(stem in said or (lang == "zh" and stem[0] in said) for stem in stems):
                return f"neither {found[1]!r} nor {found[2]!r} is in the answer"
    return ""


_SUM = re.compile(
    r"(?<![A-Za-z0-9_.+*/−-])(-?\d+(?:\.\d+)?)\s*([+*×x÷/−-])\s*(\d+(?:\.\d+)?)"
    r"(?![A-Za-z0-9_.]|\s*[-+*×÷/^]|\s*[xX])"
)
_ASKS_SUM = re.compile(r"\b(?:what is|what's|calculate|compute|solve|evaluate)\b|等于|计算|多少|[=＝]\s*[?？]?$", re.I)


def _arithmetic(exchange: Exchange) -> str:
    sums = _SUM.findall(exchange.question)
    if len(sums) != 1 or not _ASKS_SUM.search(exchange.question) or "(" in exchange.question:
        return ""
    first, sign, second = float(sums[0][0]), sums[0][1], float(sums[0][2])
    if sign in "÷/" and not second:
        return ""
    right = {"+": first + second, "-": first - second, "−": first - second}.get(
        sign, first / second if sign in "÷/" else first * second)
    said = [float(value) for value in values(exchange.answer) if value.count(".") < 2]
    if not set(said) - {first, second} or any(abs(value - abs(right)) <= 0.01 * abs(right) + 1e-9 for value in said):
        return ""
    return f"{sums[0][0]} {sign} {sums[0][2]} is {right:g}"


_TARGET = re.compile(
    rf"\btranslat\w*\b.{{0,200}}?\b(?:in)?to ({'|'.join(NAMES.values())})\b"
    r"|(?:翻?译[成为]|用)(英|中|法|德|日|韩|俄)[文语]",
    re.I,
)
_SIGNS = dict(zip("英中法德日韩俄", ("en", "zh", "fr", "de", "ja", "ko", "ru"), strict=True))
_BY_NAME = {name.lower(): code for code, name in NAMES.items()}


def _translation(exchange: Exchange) -> str:
    if not (found := _TARGET.search(exchange.question)) or exchange.place or QUOTED.search(exchange.answer):
        return ""  # 'In Spanish that is "buen viaje"' is an answer
    target = _BY_NAME[found[1].lower()] if found[1] else _SIGNS[found[2]]
    spoken = amounts(exchange.answer, by_words)
    if not spoken or spoken[target]:
        return ""
    return f"{NAMES[target]} was asked for, and the answer is {NAMES.get(max(spoken, key=spoken.__getitem__), 'not')}"


_ASKS_BACK = re.compile(
    r"^\W*(?:sorry,? |i'm sorry,? |sure[,!.] )?(?:but )?(?:please|could you(?: please)?|can you(?: please)?) "
    r"(?:provide|share|give|send|paste)\b"
    r"|^\W*(?:抱歉，?|对不起，?|好的，?)?请(?:您|你)?(?:先)?(?:提供|给出|发送|粘贴|输入)", re.I,
)
_FULL_INPUT = 3  # tokens


def _asks_back(exchange: Exchange) -> str:
    there = length(exchange.given) >= _FULL_INPUT
    return "it asks for the input, which is there" if there and _ASKS_BACK.search(exchange.answer) else ""


_EDITS = re.compile(
    r"\b(?:replace|change|opposite|negat\w+|correct|fix|edit|modify|rewrite|transform|contradict\w*|false|antonym|update"
    r"|reverse|swap|statement|fact|fake|verify|evaluate|opinion|reword)\b"
    r"|替换|改|相反|换|纠正|否定|修|反义|更新|反驳|真假|陈述|事实|相差|对吗", re.I,
)
_MOST = 60  # sentences of the input, and of the answer, that are compared


def _contradiction(exchange: Exchange) -> str:
    task = exchange.question
    if not exchange.given.strip() or not (TAKES.search(task) or ASKS.search(task)) or is_code(exchange.given):
        return ""
    if any(pattern.search(task) for pattern in (_EDITS, MAKES_UP, COMPUTES)):
        return ""
    told = [exchange.given[start:end] for start, end in sentences(exchange.given)[:_MOST]]
    known = values(exchange.known)
    answer = prose(exchange.answer)
    for start, end in sentences(answer)[:_MOST]:
        said = answer[start:end]
        fresh = [quantity for quantity in quantities(said) if not {quantity.value, quantity.written} & known]
        for sentence in told:
            found = clash(sentence, said)
            if " against " in found and found[0].isdigit():
                found = figures_clash(quantities(sentence), quantities(said)) if fresh else ""
            if found and not _told_elsewhere(said, sentence, told):
                return f"the input says {sentence[:60]!r}: {found}"
    return ""


def _told_elsewhere(said: str, sentence: str, told: list[str]) -> bool:
    """Whether another sentence of the input says this, and says it without a clash."""
    lang = "zh" if language(said) in ("zh", "mixed") else "en"
    words = set(units(said, lang))
    return any(
        len(words & set(units(other, lang))) >= 0.75 * len(words) and not clash(other, said)
        for other in told
        if other != sentence
    )


_CHECKS = {
    "count": count, "limit": limit, "form": form, "choice": _choice, "arithmetic": _arithmetic,
    "translation": _translation, "asks_back": _asks_back, "contradiction": _contradiction,
}  # fmt: skip


def mismatch(exchange: Exchange) -> str:
    """The first thing in which an answer does not fit, in words for the user; empty where it fits."""
    if not exchange.asked:
        return ""
    for name, check in _CHECKS.items():
        if why := check(exchange):
            return f"{name}: {why}"
    return ""
