"""Has a pair taken a word out of the examples in its prompt?

A small teacher that lacks a word takes one that it has just read: "the default warm-up setting for the gateway", of a
manual that has no gateway. Most of the pair may still be its source's own words, so the other checks let it pass. The
examples come from industries of their own: a word of theirs that the passage does not have, and the other passages
hardly ever, has no business in the pair. A word that the documents use everywhere ("file", "command") is theirs, too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from datagen.checks.phrases import QUESTION_WORDS
from datagen.checks.verify import Fault
from seedbed.content import units

# What asks about anything at all, beyond the words of a question.
_FRAME = {
    "en": re.compile(r"\b(?:used?|work|dates?|holds?|keeps?|shows?|sets?|runs?|actions?|steps?)\b", re.I),
    "zh": re.compile(r"用途|用处|用来|使用|运行|执行|转换|换成|保存|显示|查看|动作|步骤|工具|程序"),
}
_FEWEST = 20  # passages; fewer do not tell which words are common in a document
_SHARE = 0.02  # of the passages that have a common word


def common_words(texts: Iterable[str], lang: str) -> frozenset[str] | None:
    """The content words that documents use everywhere; None where there is too little of them to tell."""
    held = [set(units(text, lang)) for text in texts]
    counts = Counter(unit for units_ in held for unit in units_)
    least = _SHARE * len(held)
    return frozenset(unit for unit, count in counts.items() if count >= least) if len(held) >= _FEWEST else None


def borrowed_fault(said: str, examples: str, known: str, common: frozenset[str] | None, lang: str) -> Fault | None:
    """`said` is question and answer, `known` what the document says to them: passage, headings, what it is about."""
    if common is None:
        return None
    own, others = (
        set(units(_FRAME[lang].sub(" ", QUESTION_WORDS[lang].sub(" ", text)), lang)) for text in (said, examples)
    )
    taken = (own & others) - set(units(known, lang)) - common
    return Fault("from_example", f"{', '.join(sorted(taken))}: a word of the prompt's examples") if taken else None
