"""Numbers about one answer beside its reference, for English and Chinese alike."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

from seedbed.errors import MissingExtra
from seedbed.quantities import quantities, values
from seedbed.text import CJK, half_width, normalise, tokenize

# 4711, 1,024, 3.5, 2026-11-23 gives three; a full stop or comma at the end of a sentence is no part of it.
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)*")
# Marks that change nothing; a point or a sign before a figure is none of them (1.8, -5).
_MARKS = re.compile(r"\.(?!\d)|(?<!\d)[,:]|[,:](?!\d)|[;!?。、…'\"`()\[\]{}《》「」【】*_]")
_ARTICLES = re.compile(r"\b(?:a|an|the) (?=[a-z])")
_BESIDE_CHINESE = re.compile(rf" (?=[{CJK}])|(?<=[{CJK}]) ")


def rouge_l(reference: str, answer: str) -> float:
    """ROUGE-L F1 (Lin 2004) of `rouge_score`, over the tokens of `seedbed.text`: each Chinese character counts as one.
    Its own tokenizer drops Chinese altogether."""
    return float(_scorer().score(reference, answer)["rougeL"].fmeasure)


@lru_cache(maxsize=1)
def _scorer() -> Any:
    try:
        from rouge_score import rouge_scorer, tokenizers
    except ImportError as error:
        raise MissingExtra("rouge_score", "train") from error

    class Tokens(tokenizers.Tokenizer):  # type: ignore[misc]
        def tokenize(self, text: str) -> list[str]:
            return tokenize(text)

    return rouge_scorer.RougeScorer(["rougeL"], tokenizer=Tokens())


def exact(reference: str, answer: str) -> bool:
    """Whether both are the same but for case, width, punctuation and articles (SQuAD's exact match; Rajpurkar et al.
    2016), white space beside Chinese included."""
    return _bare(reference) == _bare(answer)


def _bare(text: str) -> str:
    plain = " ".join(_MARKS.sub(" ", normalise(text)).split())
    return _BESIDE_CHINESE.sub("", _ARTICLES.sub("", plain))


def numbers(text: str) -> set[str]:
    """The numbers in a text; 1,024 and １０２４ are 1024. Numbers in words are not seen."""
    return {found.replace(",", "") for found in _NUMBER.findall(half_width(text))}


def figures_right(reference: str, answer: str, question: str = "") -> bool | None:
    """Whether every number of the reference stands in the answer, also in words or in another unit (1,200 m, 1.2 km,
    一千二百米). None where the reference has no number that the question does not tell already."""
    wanted = numbers(reference) - numbers(question)
    if not wanted:
        return None
    if wanted <= numbers(answer):
        return True
    said = values(answer)
    known = {quantity.written: quantity.value for quantity in quantities(reference)}
    return all(number in said or known.get(number) in said for number in wanted)


def perplexity(loss: float) -> float:
    """exp of the mean token loss; capped, since nobody reads the perplexity of a broken model."""
    return math.exp(min(loss, 50.0))
