"""BLEU of a set (Papineni et al. 2002), as `sacrebleu` counts it: with its tokenizer for Chinese where that is written.

BLEU belongs to a corpus, not to a record, so what is drawn again for its interval are the records' counts of n-grams.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from seedbed.errors import MissingExtra
from seedbed.text import language

_ORDERS = 4


def counts(reference: str, answer: str) -> tuple[int, ...]:
    """Of one record: matching n-grams of each order, n-grams of each order, length of the answer, of the reference."""
    chinese = language(f"{reference}\n{answer}") in ("zh", "mixed")
    found = _scorer("zh" if chinese else "13a").sentence_score(answer, [reference])
    return (*found.counts, *found.totals, found.sys_len, found.ref_len)


def figure(each: Sequence[tuple[int, ...]]) -> Callable[[Any], Any]:
    """The BLEU (0 to 100) of drawn records, as `intervals.spread` asks for it; smoothed as sacrebleu's default is."""
    import numpy as np

    table = np.array(each, float)

    def bleu(drawn: Any) -> Any:
        summed = table[drawn].sum(1)
        right, every = summed[:, :_ORDERS], summed[:, _ORDERS : 2 * _ORDERS]
        said, wanted = summed[:, -2], summed[:, -1]
        # Orders without a match count as 1/2, 1/4, 1/8 … of one (NIST's smoothing, "exp" in sacrebleu).
        halved = 0.5 ** np.cumsum((right == 0) & (every > 0), axis=1)
        precision = np.where(right > 0, right, halved) / np.maximum(every, 1)
        short = np.exp(np.minimum(0, 1 - wanted / np.maximum(said, 1)))
        mean = np.exp(np.log(precision).mean(1))
        return np.where((every > 0).all(1) & (right[:, 0] > 0), 100 * short * mean, 0.0)

    return bleu


@lru_cache(maxsize=2)
def _scorer(tokenizer: str) -> Any:
    try:
        from sacrebleu.metrics import BLEU
    except ImportError as error:
        raise MissingExtra("sacrebleu", "train") from error
    return BLEU(tokenize=tokenizer, effective_order=True)
