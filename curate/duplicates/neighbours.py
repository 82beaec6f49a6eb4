"""All pairs of vectors at or above a cosine: exactly up to some ten thousand, by faiss above that.

Exact: blocks of rows against the rows after them, so that each pair is looked at once. Most of a product's work goes
into pairs that are far apart, which a few numbers show: turned so that the widest directions come first, a row is its
first k numbers p and a rest of length r, and

    cosine = p·p' + rest·rest' <= p·p' + r r' = (p, r)·(p', r')                         (Cauchy and Schwarz)

so one product of k + 1 numbers rules out all but a few pairs, without losing one; those are computed in full. k is chosen
by what a sample says (of the default encoder's 512 numbers about 130 are enough, four times as fast).

Above that: inverted lists of faiss, range search (Douze et al. 2024, arXiv:2401.08281). Never the k nearest: the 21st
member of a family of twins has no place among twenty neighbours, and the family falls apart.

The trap: what a matrix product says of one pair depends on the shape of the block and the number of threads (1e-6). Every
pair is therefore decided by a product of its own two rows, which says the same in any company.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from seedbed.errors import MissingExtra

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Two arrays of row numbers, each first one below its second, and their cosines.
Found = tuple["Array", "Array", "Array"]

EXACT = 50_000  # rows up to which every pair is looked at
_BLOCK = 512  # rows against _WIDE others at a time: 4 MB of scores, which a second-level cache nearly holds
_WIDE = 2048
_AT_ONCE = 1024  # pairs computed in full at a time
_SLACK = 1e-4  # cosines in single precision are right to 1e-6
_SAMPLE = 2000  # rows whose pairs say how many directions are enough
# A pair computed in full costs as much as this many numbers more in the product over all pairs (measured: 0.5 µs
# against 0.03 ns).
_FULL = 15_000
_STEP = 16  # directions are tried by so many; the product's inner loops like it
# faiss's guidelines: 4 to 16 lists a root of n; 39 rows a list are the least to train on. Probing 1/16 of 256 lists lost
# 8 pairs in 10,000 at cosine .9; what is nearer than a list's border is wide is lost least.
_LISTS = 4
_PER_LIST = 64
_PROBED = 1 / 16
_QUERIES = 4096


def pairs(vectors: Array, floor: float, exact: int = EXACT) -> Iterator[Found]:
    """Every pair of rows whose cosine is at least `floor`, each once, in blocks.

    `vectors`: float32 (n, width), rows of length 1, or 0, which are near nothing. It may lie on disk (a memmap): blocks
    are read as they are needed. `floor` is above 0. Above `exact` rows, faiss searches, and may miss a few in a
    thousand; raises MissingExtra when it is not installed.
    """
    if not 0 < floor <= 1:
        raise ValueError(f"floor: expected a cosine above 0 and up to 1, got {floor}")
    candidates = _exact(vectors, floor) if len(vectors) <= exact else _listed(vectors, floor)
    for first, second in candidates:
        found = _decided(vectors, first, second, floor)
        if len(found[0]):
            yield found


def _decided(vectors: Array, first: Array, second: Array, floor: float) -> Found:
    """Those of the candidates that reach the floor, each with the product of its own two rows."""
    import numpy as np

    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    scores = np.empty(len(first), np.float32)
    for start in range(0, len(first), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        np.einsum("ij,ij->i", vectors[first[part]], vectors[second[part]], out=scores[part])
    # The product of a row with itself may come out as 0.99999994: a floor of 1 means equal.
    reached = scores >= floor - 1e-6
    return first[reached], second[reached], np.minimum(scores[reached], 1)


def _exact(vectors: Array, floor: float) -> Iterator[tuple[Array, Array]]:
    """All pairs that may reach the floor, and few others."""
    import numpy as np

    rows = _shortened(vectors, floor)
    least = np.float32(floor - _SLACK)
    for top in range(0, len(rows), _BLOCK):
        block = rows[top : top + _BLOCK]
        firsts, seconds = [], []
        for left in range(top, len(rows), _WIDE):
            scores = block @ rows[left : left + _WIDE].T
            places = np.flatnonzero(scores >= least)
            first, second = np.divmod(places, scores.shape[1])
            after = first + top < second + left
            firsts.append(first[after] + top)
            seconds.append(second[after] + left)
        yield np.concatenate(firsts), np.concatenate(seconds)


def _shortened(vectors: Array, floor: float) -> Array:
    """Rows whose product is at least the cosine: the widest directions and the length of the rest."""
    import numpy as np

    if len(vectors) < _SAMPLE:  # the sample would be the work
        return np.asarray(vectors)
    every = -(-len(vectors) // _SAMPLE)
    sample = np.asarray(vectors[::every])
    _, directions = np.linalg.eigh(sample.T.astype(np.float64) @ sample)
    directions = directions[:, ::-1].astype(np.float32)
    count = _enough(sample @ directions, floor)
    if count >= vectors.shape[1]:
        return np.asarray(vectors)
    short = np.empty((len(vectors), count + 1), np.float32)
    for start in range(0, len(vectors), _WIDE):
        part = vectors[start : start + _WIDE]
        np.matmul(part, directions[:, :count], out=short[start : start + _WIDE, :count])
        short[start : start + _WIDE, count] = _rest((part**2).sum(axis=1), short[start : start + _WIDE, :count])
    return short


def _rest(whole: Array, part: Array) -> Array:
    """The lengths of what is left of rows whose squared lengths are `whole`."""
    import numpy as np

    rest: Array = np.sqrt(np.maximum(whole - (part**2).sum(axis=1), 0))
    return rest


def _enough(turned: Array, floor: float) -> int:
    """How many directions make the least work: more of them cost in every pair, fewer let more pairs through."""
    import numpy as np

    width = turned.shape[1]
    whole = (turned**2).sum(axis=1)
    scores = np.zeros((len(turned), len(turned)), np.float32)
    best, cheapest = width, float(width)
    for count in range(_STEP, width, _STEP):
        scores += turned[:, count - _STEP : count] @ turned[:, count - _STEP : count].T
        rest = _rest(whole, turned[:, :count])
        passed = np.count_nonzero(scores + np.outer(rest, rest) >= floor - _SLACK) / scores.size
        cost = count + 1 + passed * _FULL
        if cost < cheapest:
            best, cheapest = count, cost
        if count > cheapest:
            break
    return best


def _listed(vectors: Array, floor: float) -> Iterator[tuple[Array, Array]]:
    """Pairs from faiss's inverted lists: each row is compared with those of the lists nearest to it."""
    import numpy as np

    try:
        import faiss
    except ImportError as error:
        raise MissingExtra("faiss", "faiss") from error
    count, width = vectors.shape
    lists = max(1, min(int(_LISTS * count**0.5), count // 39))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, lists, faiss.METRIC_INNER_PRODUCT)
    index.train(np.ascontiguousarray(vectors[:: max(1, count // (_PER_LIST * lists))]))
    for start in range(0, count, _QUERIES):
        index.add(np.ascontiguousarray(vectors[start : start + _QUERIES]))
    index.nprobe = max(16, int(lists * _PROBED))
    for start in range(0, count, _QUERIES):
        limits, _, near = index.range_search(np.ascontiguousarray(vectors[start : start + _QUERIES]), floor - _SLACK)
        first = np.repeat(np.arange(start, start + len(limits) - 1), np.diff(limits).astype(np.int64))
        # A pair may be found from either end; from the later one it counts, so that each is there once.
        yield from _once(first, near)


def _once(first: Array, second: Array) -> Iterator[tuple[Array, Array]]:
    later = second > first
    yield first[later], second[later]
