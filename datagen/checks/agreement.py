"""Do two answers to one question say the same?

Told from the texts alone where that is safe: figures that contradict each other are two answers, however alike the
words; nearly the same content words with no such contradiction are one. What lies between is left open (None), for an
encoder or a judge to decide.
"""

from __future__ import annotations

from collections.abc import Sequence

from seedbed.content import NEGATED, figures, support
from seedbed.gate import rouge_l
from seedbed.text import normalise, tokenize

# ROUGE-L F1, and share of one answer's content words that stand in the other, from which two answers say the same when
# figures and negation do not speak against it; and the share below which they do not. The band between is wide on
# purpose: an encoder or a judge decides there.
_SAME_WORDING, _SAME_CONTENT, _OTHER_CONTENT = 0.6, 0.75, 0.25


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
    if shared >= _SAME_CONTENT or rouge_l(first, second) >= _SAME_WORDING:
        return True
    if one and one == other and shared >= _OTHER_CONTENT:
        return True
    return False if shared < _OTHER_CONTENT else None


def majority(answers: Sequence[str], lang: str) -> list[int]:
    """Indices of the largest group of answers that say the same as one of them, that one first: the answer of
    self-consistency (Wang et al. 2022, "Self-consistency improves chain of thought reasoning"). Ties go to the earlier.
    """
    groups = [[i, *(j for j in range(len(answers)) if j != i and agree(a, answers[j], lang))]
              for i, a in enumerate(answers)]
    return max(groups, key=len, default=[])
