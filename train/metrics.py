"""Numbers about answers and about differences, for English and Chinese alike."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import msgspec

from seedbed.text import half_width, tokenize

# 4711, 1,024, 3.5, 2026-11-23 gives three; a full stop or comma at the end of a sentence is no part of it.
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)*")
_ROUNDS = 2000  # resamples: the ends of a 95 % interval are steady to two digits (Efron & Tibshirani 1993, chapter 13)
FEW = 8  # records: with fewer, such an interval holds the truth in under 88 of 100 cases (simulated, normal differences)


def rouge_l(reference: str, answer: str) -> float:
    """ROUGE-L F1 (Lin 2004) over the tokens of `seedbed.text`: each Chinese character counts as one."""
    from rapidfuzz.distance import LCSseq

    wanted, given = tokenize(reference), tokenize(answer)
    common = LCSseq.similarity(wanted, given)
    return 2 * common / (len(wanted) + len(given)) if common else 0.0


def numbers(text: str) -> set[str]:
    """The numbers in a text; 1,024 and １０２４ are 1024. Numbers in words are not seen."""
    return {found.replace(",", "") for found in _NUMBER.findall(half_width(text))}


def figures_right(reference: str, answer: str) -> bool | None:
    """Whether every number of the reference stands in the answer; None where the reference has none."""
    wanted = numbers(reference)
    return wanted <= numbers(answer) if wanted else None


class Losses(msgspec.Struct, frozen=True):
    """One record: the summed token loss of its answers, before and after, and how many tokens these are."""

    base: float
    tuned: float
    tokens: int


class Difference(msgspec.Struct, frozen=True):
    """Mean token loss after minus before, with its 95 % interval over records; None where there are too few."""

    mean: float
    low: float | None
    high: float | None

    @property
    def real(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low is not None and self.high is not None and (self.high < 0 or self.low > 0)


def mean_loss(losses: Sequence[Losses]) -> tuple[float, float]:
    """Mean token loss before and after, each token counting once."""
    tokens = sum(one.tokens for one in losses)
    return sum(one.base for one in losses) / tokens, sum(one.tuned for one in losses) / tokens


def perplexity(loss: float) -> float:
    """exp of the mean token loss; capped, since nobody reads the perplexity of a broken model."""
    return math.exp(min(loss, 50.0))


def difference(losses: Sequence[Losses], seed: int) -> Difference:
    """The difference and its interval by the paired bootstrap: records are drawn again, before and after together."""
    import numpy as np

    base, tuned = mean_loss(losses)
    if len(losses) < FEW:
        return Difference(tuned - base, None, None)
    changes = np.array([one.tuned - one.base for one in losses])
    tokens = np.array([one.tokens for one in losses])
    drawn = np.random.default_rng(seed).integers(0, len(losses), (_ROUNDS, len(losses)))
    means = changes[drawn].sum(1) / tokens[drawn].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Difference(tuned - base, float(low), float(high))
