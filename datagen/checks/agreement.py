"""Do two answers to one question say the same?

Told from the texts alone where that is safe: figures that contradict each other are two answers, however alike the
words; nearly the same content words with no such contradiction are one. What lies between is left open (None), for an
encoder or a judge to decide; so is the same words with two of them exchanged ("use TCP instead of UDP").
"""

from __future__ import annotations

from collections.abc import Sequence

from seedbed.content import NEGATED, STOP, figures, support
from seedbed.gate import rouge_l
from seedbed.text import normalise, tokenize

# ROUGE-L F1, and share of one answer's content words that stand in the other, from which two answers say the same when
# figures and negation do not speak against it; and the share below which they do not. The band between is wide on
# purpose: an encoder or a judge decides there.
_SAME_WORDING, _SAME_CONTENT, _OTHER_CONTENT = 0.6, 0.75, 0.25
# Function words that say what is on which side of them.
_SIDES = {
    "en": frozenset("before after then from to into than over under not no without by".split()),
    "zh": frozenset("前后先再从到比由被于不"),
}


def agree(first: str, second: str, lang: str) -> bool | None:
    """Whether two answers say the same; None where the words do not tell."""
    if normalise(first).strip(" .。") == normalise(second).strip(" .。"):
        return bool(tokenize(first))
    one, other = set(figures(first)), set(figures(second))
    if one and other and not (one <= other or other <= one):
        return False
    shared = max(support(first, second, lang), support(second, first, lang)) if first and second else 0.0
    if bool(NEGATED[lang].search(first)) != bool(NEGATED[lang].search(second)):
        return None if shared >= _OTHER_CONTENT else False
    if bool(one) != bool(other):
        return None if shared >= _OTHER_CONTENT else False
    if _exchanged(first, second, lang):
        return None
    if shared >= _SAME_CONTENT or rouge_l(first, second) >= _SAME_WORDING:
        return True
    if one and one == other and shared >= _OTHER_CONTENT:
        return True
    return False if shared < _OTHER_CONTENT else None


def _exchanged(first: str, second: str, lang: str) -> bool:
    """Whether the second has the words of the first with two parts of it exchanged across a third: who does it to whom,
    what comes first. A part that has moved ("by default", to the front) exchanges nothing."""
    one, other = (_words(text, lang) for text in (first, second))
    if sorted(w for w in one if w not in _SIDES[lang]) != sorted(w for w in other if w not in _SIDES[lang]):
        return False
    while one and other and one[0] == other[0]:
        one, other = one[1:], other[1:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    if not one or not other:
        return False
    moved = (n for n in range(1, len(one)) if one[n:] + one[:n] == other)
    # "Before" that has moved alone has another thing behind it.
    return not any(set(one[:n]) - _SIDES[lang] and set(one[n:]) - _SIDES[lang] for n in moved)


def _words(text: str, lang: str) -> list[str]:
    """Words without function words but those of `_SIDES`: English ones as stems, Chinese characters, figures."""
    said = (token for token in tokenize(text) if token not in STOP[lang] or token in _SIDES[lang])
    stems = lang == "en"
    return [token[:5].rstrip("es") or token if stems and token not in _SIDES[lang] else token for token in said]


def majority(answers: Sequence[str], lang: str) -> list[int]:
    """Indices of the largest group of answers that say the same as one of them, that one first: the answer of
    self-consistency (Wang et al. 2022, "Self-consistency improves chain of thought reasoning"). Ties go to the earlier.
    """
    groups = [[i, *(j for j in range(len(answers)) if j != i and agree(a, answers[j], lang))]
              for i, a in enumerate(answers)]
    return max(groups, key=len, default=[])
