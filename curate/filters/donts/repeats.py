"""An answer that says the same again in other words.

Told by the content words of its sentences, whatever their order, where figures and denial are the same. What shares no
words ("strong heart", "robust pump of the body") only a judge can see. The rule `repetition` is for the same words.
"""

from __future__ import annotations

import re

from curate.filters.exchange import Exchange
from seedbed.content import NEGATED, STOP, units
from seedbed.prose import QUOTED, prose
from seedbed.quantities import values
from seedbed.text import CJK, half_width, language, sentences

# Of two sentences' content words: shared by both, or of the shorter one. In Chinese signs, for order changes the pairs.
_ALIKE, _WITHIN = {"en": 0.55, "zh": 0.66}, {"en": 0.8, "zh": 0.85}
_LEAST = {"en": 3, "zh": 4}  # content words of a sentence that says something
_SHARE = 1 / 3  # of the sentences that say something
_MOST = 60  # sentences that are compared; an answer repeats itself at once or not at all
_ITEM = re.compile(r"[-*+•]\s|\d{1,3}[.)、]")
_WANTED = re.compile(
    r"\b(?:song|lyrics?|poem|refrain|chorus|verse|haiku|limerick|slogans?|rewordings?|reword|rephrase|paraphras\w+|rewrite"
    r"|different ways|synonym\w*|variations?|passive|active voice|translate|drills?|convert|versions?|dialogue|story)\b"
    r"|_{2,}|歌|诗|副歌|改写|换.{0,4}说法|说法|同义|被动|主动|改成|翻译|绕口令|口号|版本|造句|句子|故事|对话",
    re.I,
)


def semantic_repetition(exchange: Exchange) -> str:
    """Which sentence says what was said before, in words for the user; empty where none does."""
    if exchange.asked and _WANTED.search(exchange.question):
        return ""
    text = prose(exchange.answer)
    lang = "zh" if language(text) in ("zh", "mixed") else "en"
    said: list[tuple[frozenset[str], str]] = []
    again, first = 0, ""
    for start, end in sentences(text)[:_MOST]:
        sentence = text[start:end]
        words = frozenset(_words(QUOTED.sub(" ", sentence), lang))
        if len(words) < _LEAST[lang] or sentence[-1] in ":：":
            continue
        if any(_alike(words, others, lang) and _same(sentence, earlier, lang) for others, earlier in said):
            again, first = again + 1, first or sentence
        said.append((words, sentence))
    if again and again >= _SHARE * len(said):
        return f"{again} of {len(said)} sentences say what was said before: {first[:60]!r}"
    return ""


def _alike(one: frozenset[str], other: frozenset[str], lang: str) -> bool:
    shared = len(one & other)
    return shared >= _ALIKE[lang] * len(one | other) and shared >= _WITHIN[lang] * min(len(one), len(other))


def _same(one: str, other: str, lang: str) -> bool:
    """Whether figures and denial are the same, and both are items of a list or neither: a list may sum up the prose
    before it."""
    if bool(_ITEM.match(one)) != bool(_ITEM.match(other)) or values(one) != values(other):
        return False
    return bool(NEGATED[lang].search(one)) == bool(NEGATED[lang].search(other))


def _words(sentence: str, lang: str) -> list[str]:
    if lang == "en":
        return list(units(sentence, "en"))
    return [sign for sign in re.findall(f"[{CJK}]|[a-z]+", half_width(sentence).lower()) if sign not in STOP["zh"]]
