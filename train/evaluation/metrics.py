"""Numbers about answers and about differences, for English and Chinese alike."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import msgspec

from seedbed.text import half_width, tokenize

# 4711, 1,024, 3.5, 2026-11-23 gives three; a full stop or comma at the end of a sentence is no part of it.
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)*")
_ROUNDS = 4000  # resamples: enough for steady ends of an interval (Efron & Tibshirani 1993, chapter 13)
_Z = 1.959964  # the normal distribution's 97.5th percentile
FEW = 6  # records: below, even the expanded interval is too narrow (holds the truth in 91 of 100 cases, simulated)


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
    """The difference and its interval by the paired bootstrap: records are drawn again, before and after together.

    The plain percentile interval is too narrow for few records (with 8 it holds the truth in 88 of 100 cases); the
    expanded one (Hesterberg 2015, "What teachers should know about the bootstrap", section 4.3.3) is not.
    """
    import numpy as np

    base, tuned = mean_loss(losses)
    if len(losses) < FEW:
        return Difference(tuned - base, None, None)
    changes = np.array([one.tuned - one.base for one in losses])
    tokens = np.array([one.tokens for one in losses])
    drawn = np.random.default_rng(seed).integers(0, len(losses), (_ROUNDS, len(losses)))
    means = changes[drawn].sum(1) / tokens[drawn].sum(1)
    tail = 100 * _tail(len(losses))
    low, high = np.percentile(means, [tail, 100 - tail])
    return Difference(tuned - base, float(low), float(high))


def _tail(count: int) -> float:
    """The share to cut off at each end: that of a normal beyond sqrt(n / (n-1)) times Student's t for n-1."""
    free = count - 1
    # Student's t from the normal's percentile (Abramowitz & Stegun 26.7.5, first three terms).
    t = _Z + (_Z**3 + _Z) / (4 * free) + (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / (96 * free**2)
    return 0.5 * math.erfc(math.sqrt(count / free) * t / math.sqrt(2))
