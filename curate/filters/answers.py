"""Are two answers to one question incompatible? Equivalents in other words are not.

What `claims` finds in single sentences, and of questions that have one answer (who, when, how many, which of two):
figures of which neither answer has the other's, and names or labels that share nothing. Questions that ask for
something made up or for an example have as many answers as one likes.
"""

from __future__ import annotations

import re

from curate.filters.claims import clash, figures_clash
from seedbed.content import STOP, units
from seedbed.prose import prose
from seedbed.quantities import quantities
from seedbed.text import CJK, language, length, normalise, sentences, tokenize

_OPEN = re.compile(
    r"\b(?:write|compose|create|generate|suggest|imagine|invent|design|brainstorm|recommend|story|poem|slogan|title"
    r"|examples?|name (?:a|an|one|some|two|three|four|five|\d+)|give (?:me )?(?:a|an|one|some|two|three|four|five|\d+)"
    r"|list|ways?|tips?|ideas?|rewrite|paraphrase|rephrase|random|guess|estimate|think|opinion|favou?rite|joke"
    r"|translate|describe|explain|summar\w+|how (?:do|can|should|to))\b"
    r"|写(?:一|个|首|篇|段|出|作)|^写|编|创作|生成|建议|想象|设计|推荐|故事|诗|标语|标题|例|列出|列举|说出|给出|举出|方法|改写|随机|猜|估计|看法|笑话|翻译|描述|解释|概括|总结"
    r"|怎[样么]|如何",
    re.I,
)
_ONE_ANSWER = {
    "figure": re.compile(
        r"\b(?:how (?:many|much|long|old|far|high|tall|large|fast|often|deep|wide|heavy|big)|when|what (?:year|time"
        r"|date|number|percentage|temperature|port|version|age)|which (?:year|port|page"
        r"|version|number|date|day)|in (?:which|what) year|at (?:which|what))\b"
        r"|\bwhat (?:is|are|was|were) the (?:\w+ ){0,3}?(?:number|port|limit|value|speed|price|cost|weight|length"
        r"|height|temperature|pressure|voltage|date|year|population|size|capacity|interval|duration|maximum|minimum|default"
        r"|average|sum|result|distance|age|total|rate|threshold|timeout)\b"
        r"|[+*/=×÷]\s*\d|\d\s*[+*/×÷]"
        r"|多少|多[久长大高远重快深宽]|几|哪一?年|何时|什么时候|端口|版本号|温度是|等于",
        re.I,
    ),
    "name": re.compile(
        r"\b(?:who|whose|whom|which|where)\b|\bwhat(?: is|'s|’s| was) the (?:name|capital|author)\b"
        r"|谁|哪[里个座位国家款种]|什么名字|叫什么|首都是|作者是",
        re.I,
    ),
    "label": re.compile(
        r"\b(?:classify|categori[sz]e|label|determine|decide|identify whether|is (?:this|it|the)|true or false"
        r"|yes or no)\b"
        r"|判断|分类|归类|属于|是否|还是|对错|真假",
        re.I,
    ),
}
# An answer of one name, or of one label, has about so many tokens; longer ones say more than that.
_NAME = {"en": 6, "zh": 10}
_FIGURE = 25  # and one that tells a figure, with the sentence around it
_COMPARED = 8  # sentences of an answer


def incompatible(question: str, one: str, other: str) -> str:
    """What two answers to `question` contradict each other in, in words; empty where they do not."""
    if normalise(one).rstrip(".。!！ ") == normalise(other).rstrip(".。!！ "):
        return ""
    asks_one = not _OPEN.search(question)
    if asks_one and (found := clash(one, other)):
        return found
    measured = asks_one and _ONE_ANSWER["figure"].search(question) and max(length(one), length(other)) <= _FIGURE
    if measured and (found := figures_clash(quantities(one), quantities(other))):
        return found
    named = asks_one and (_ONE_ANSWER["name"].search(question) or _ONE_ANSWER["label"].search(question))
    if named and (found := _names(question, one, other)):
        return found
    pairs = ((a, b) for a in _sentences(one) for b in _sentences(other)) if asks_one else ()
    return next((found for a, b in pairs if (found := clash(a, b))), "")


def _names(question: str, one: str, other: str) -> str:
    """Two short answers that share no word, written in one script, of which neither is the other's abbreviation."""
    lang = language(one)
    if lang not in _NAME or language(other) != lang or quantities(one) or quantities(other):
        return ""
    if max(length(one), length(other)) > _NAME[lang]:
        return ""
    if _offered(question, one, other):
        return f"{one.strip()!r} against {other.strip()!r}"
    if not _is_name(question, one, other, lang):
        return ""
    first, second = _words(one, lang, question), _words(other, lang, question)
    if not first or not second or first & second or _abbreviates(one, other) or _abbreviates(other, one):
        return ""
    return f"{one.strip()[:40]!r} against {other.strip()[:40]!r}"


def _offered(question: str, one: str, other: str) -> bool:
    """Whether both are labels between which the question lets choose."""
    asked, labels = normalise(question), [normalise(text).strip(" .。!！") for text in (one, other)]
    apart = labels[0] not in labels[1] and labels[1] not in labels[0]
    return apart and all(label in asked for label in labels) and bool(_ONE_ANSWER["label"].search(question))


def _is_name(question: str, one: str, other: str, lang: str) -> bool:
    """Whether both are proper names where one is asked for; a plain word may be another's synonym."""
    if not _ONE_ANSWER["name"].search(question):
        return False
    words = [text.split()[1:] or text.split() for text in (one, other)]
    return lang == "zh" or all(any(word[0].isupper() for word in answer) for answer in words)


def _words(text: str, lang: str, question: str) -> set[str]:
    if lang == "en":
        return set(units(text, "en"))
    known = set(question)
    signs = set(re.findall(f"[{CJK}]", text)) - STOP["zh"]
    return (signs - known) or signs


def _abbreviates(short: str, long: str) -> bool:
    letters = "".join(token for token in tokenize(short) if token not in ("the", "a", "an"))
    return letters == "".join(token[0] for token in tokenize(long) if token not in STOP["en"])


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(prose(text))[:_COMPARED]]
