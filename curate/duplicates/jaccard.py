"""Exact Jaccard similarity of the shingles of two texts, for many pairs of few texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from curate.duplicates.signatures import batches, hashes

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Pairs whose texts are held at once: about 10 KB each.
_TOGETHER = 4096


def exact(first: Array, second: Array, text: Callable[[int], str]) -> Array:
    """The similarity of each pair of places; `text` gives a place's normal form. Pairs in order of `first` are quick,
    for each text is read once in a few thousand pairs. Shingles are told apart by 64 bits."""
    import numpy as np

    scores = np.empty(len(first), np.float64)
    for start in range(0, len(first), _TOGETHER):
        some = slice(start, start + _TOGETHER)
        sets = _sets(np.unique(np.concatenate([first[some], second[some]])).tolist(), text)
        pairs = zip(first[some].tolist(), second[some].tolist(), strict=True)
        scores[some] = [_jaccard(sets[one], sets[two]) for one, two in pairs]
    return scores


def _sets(places: list[int], text: Callable[[int], str]) -> dict[int, Array]:
    """The distinct hashes of each text, sorted."""
    import numpy as np

    found: list[Array] = []
    for batch in batches(map(text, places)):
        wide, counts = hashes(batch)
        found += map(_distinct, np.split(wide, np.cumsum(counts)[:-1]))
    return dict(zip(places, found, strict=True))


def _distinct(found: Array) -> Array:
    """Sorted, each once; for a few hundred numbers half as dear as `np.unique`."""
    import numpy as np

    found.sort()
    fresh = np.ones(len(found), bool)
    np.not_equal(found[1:], found[:-1], out=fresh[1:])
    return found[fresh]


def _jaccard(one: Array, two: Array) -> float:
    import numpy as np

    both = np.concatenate((one, two))
    both.sort(kind="stable")  # a merge of two sorted runs, twice as quick as looking one up in the other
    common = int(np.count_nonzero(both[1:] == both[:-1]))
    return common / max(len(both) - common, 1)
