"""Pairs of vectors at or above a cosine: exactly up to some ten thousand, by faiss above that.

Rows come in order, and each is compared with those before it. So whoever decides between two blocks that a row is a
copy can leave it out of all later comparisons, and a crowd of a hundred thousand copies is no hundred thousand squared.

Exact: most of a product's work goes into pairs that are far apart, which a few numbers show. Turned so that the widest
directions come first, a row is its first k numbers p and a rest of length r, and

    cosine = p·p' + rest·rest' <= p·p' + r r' = (p, r)·(p', r')                         (Cauchy and Schwarz)

so one product of k + 1 numbers rules out all but a few pairs without losing one; those are computed in full. A sample
says which k is cheapest.

Above that: inverted lists of faiss, range search (Douze et al. 2024, arXiv:2401.08281). Never the k nearest: a family
of fifty twins has no room among twenty neighbours, and falls apart.

The trap: what a matrix product says of one pair depends on the shape of the block and the number of threads (1e-6).
Every pair is therefore decided by a product of its own two rows, which says the same in any company.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from seedbed.errors import MissingExtra

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Of each pair the number of the later row, of the earlier one, and their cosine; ordered by both numbers.
Found = tuple["Array", "Array", "Array"]

# Rows up to which every pair is looked at. At 50,000 lists took as long (143 s against 123 s on a busy machine) and
# lost 4 pairs in 100 at cosine .68; larger sizes were not measured.
EXACT = 50_000
_BLOCK = 512  # rows that are compared with all earlier ones at a time
_WIDE = 2048  # of those at a time: 4 MB of scores, about what a core has for itself
_AT_ONCE = 1024  # pairs computed in full at a time
_SLACK = 1e-4  # cosines in single precision are right to 1e-6
_SAMPLE = 2000  # rows whose pairs say how many directions are enough
# A pair computed in full costs as much as this many numbers more in the product over all pairs (measured, 512 numbers:
# 1.8 µs, most of it for rows from all over the memory, against 0.025 ns).
_FULL = 75_000
_STEP = 16  # directions are tried by so many
# faiss's guidelines: 4 to 16 lists a root of the rows, at least 39 rows a list to train on. The lower the floor, the
# more lists a pair may lie apart.
_LISTS = 4
_TRAINED_ON = 64
_PROBED = 64


def earlier(
    vectors: Array, places: Array, floor: float, left_out: Array, *, sides: int = 1, exact: int = EXACT
) -> Iterator[Found]:
    """For each row its pairs with earlier rows from `floor` on, in blocks of rows, in order.

    `vectors`: float32 (n, width), rows of length 1, or 0, which are near nothing; it may lie on disk. `places`: the
    rows to compare, in order; what is found counts along them, from 0. `left_out`, one truth value for each of
    `places`, is read after each block: a row that the caller has marked by then is compared with no later one. With two
    `sides`, a row is two vectors beside each other (question and answer), and the cosine of two rows is that of their
    less similar sides; 0 where one of them lacks a side that the other has.

    `floor` is above 0. Above `exact` rows faiss searches, which misses some; MissingExtra when it is not installed.
    """
    import numpy as np

    if not 0 < floor <= 1:
        raise ValueError(f"floor: expected a cosine above 0 and up to 1, got {floor}")
    index: _Index = _Scan(vectors, places, floor) if len(places) <= exact else _Lists(vectors, places, floor)
    least = np.float32(floor - _SLACK)
    for top in range(0, len(places), _BLOCK):
        rows = np.asarray(vectors[places[top : top + _BLOCK]])
        later, before = index.near(rows)
        own, other = np.nonzero(np.tril(rows @ rows.T, -1) >= least)
        numbers = np.concatenate([later, own]) + top, np.concatenate([before, other + top])
        yield _decided(vectors, places, *numbers, floor, sides)
        stay = np.flatnonzero(~left_out[top : top + _BLOCK])
        index.add(rows[stay], stay + top)


def _decided(vectors: Array, places: Array, later: Array, before: Array, floor: float, sides: int) -> Found:
    """Those of the candidates that reach the floor, each with the product of its own two rows."""
    import numpy as np

    scores = np.empty(len(later), np.float32)
    for start in range(0, len(later), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        one, other = (vectors[places[rows[part]]].reshape(len(rows[part]), sides, -1) for rows in (later, before))
        scores[part] = _cosines(one, other)
    # The product of a row with itself may come out as 0.99999994: a floor of 1 means equal.
    reached = scores >= floor - 1e-6
    later, before, scores = later[reached], before[reached], np.minimum(scores[reached], 1)
    order = np.lexsort((before, later))
    return later[order], before[order], scores[order]


def _cosines(one: Array, other: Array) -> Array:
    """The least cosine of the sides of each pair, of those that one or both have. Shapes: (pairs, sides, width)."""
    import numpy as np

    products: Array = np.einsum("psw,psw->ps", one, other)
    if one.shape[1] == 1:
        return products[:, 0]
    lengths = np.einsum("psw,psw->ps", one, one) * np.einsum("psw,psw->ps", other, other)
    there = one.any(axis=2) | other.any(axis=2)
    cosines = np.divide(products, np.sqrt(lengths), out=np.zeros_like(products), where=lengths > 0)
    least: Array = np.where(there, cosines, 1).min(axis=1)
    return least


class _Index(Protocol):
    """The rows that later ones are compared with."""

    def near(self, rows: Array) -> tuple[Array, Array]:
        """Candidates: which of `rows`, and the number of a row in the index; all that are near, and some more."""

    def add(self, rows: Array, numbers: Array) -> None: ...


class _Scan:
    """Every pair, by the bound of the module's docstring."""

    def __init__(self, vectors: Array, places: Array, floor: float) -> None:
        import numpy as np

        self._least = np.float32(floor - _SLACK)
        self._directions = _directions(vectors, places, floor)
        width = vectors.shape[1] if self._directions is None else self._directions.shape[1] + 1
        self._rows = np.empty((len(places), width), np.float32)
        self._numbers = np.empty(len(places), np.int64)
        self._count = 0

    def near(self, rows: Array) -> tuple[Array, Array]:
        import numpy as np

        short = self._shortened(rows)
        found = [np.empty((2, 0), np.int64)]
        for left in range(0, self._count, _WIDE):
            scores = short @ self._rows[left : min(left + _WIDE, self._count)].T
            # A scan of the flat array costs a fifth of what `nonzero` in two dimensions does.
            later, before = np.divmod(np.flatnonzero(scores >= self._least), scores.shape[1])
            found.append(np.stack([later, self._numbers[left + before]]))
        later, before = np.concatenate(found, axis=1)
        return later, before

    def add(self, rows: Array, numbers: Array) -> None:
        here = slice(self._count, self._count + len(rows))
        self._rows[here], self._numbers[here] = self._shortened(rows), numbers
        self._count += len(rows)

    def _shortened(self, rows: Array) -> Array:
        """The widest directions, and the length of the rest."""
        import numpy as np

        if self._directions is None:
            return rows
        turned = rows @ self._directions
        rest = np.sqrt(np.maximum((rows**2).sum(axis=1) - (turned**2).sum(axis=1), 0))
        return np.concatenate([turned, rest[:, None]], axis=1)


def _directions(vectors: Array, places: Array, floor: float) -> Array | None:
    """The widest directions, as many as make the least work; None where the rows themselves do."""
    import numpy as np

    if len(places) < _SAMPLE:  # the sample would be the work
        return None
    sample = np.asarray(vectors[places[:: -(-len(places) // _SAMPLE)]])
    _, directions = np.linalg.eigh(sample.T.astype(np.float64) @ sample)
    directions = directions[:, ::-1].astype(np.float32)
    enough = _enough(sample @ directions, floor)
    return directions[:, :enough] if enough < vectors.shape[1] else None


def _enough(turned: Array, floor: float) -> int:
    """How many directions make the least work: each costs in every pair, and fewer let more pairs through."""
    import numpy as np

    width = turned.shape[1]
    whole = (turned**2).sum(axis=1)
    scores = np.zeros((len(turned), len(turned)), np.float32)
    best: int = width
    cheapest = float(width)
    for count in range(_STEP, width, _STEP):
        scores += turned[:, count - _STEP : count] @ turned[:, count - _STEP : count].T
        rest = np.sqrt(np.maximum(whole - (turned[:, :count] ** 2).sum(axis=1), 0))
        passed = np.count_nonzero(scores + np.outer(rest, rest) >= floor - _SLACK) / scores.size
        cost = count + 1 + passed * _FULL
        if cost < cheapest:
            best, cheapest = count, cost
        if count > cheapest:
            break
    return best


class _Lists:
    """faiss's inverted lists: a row is compared with those in the lists nearest to it."""

    def __init__(self, vectors: Array, places: Array, floor: float) -> None:
        import numpy as np

        try:
            import faiss
        except ImportError as error:
            raise MissingExtra("faiss-cpu", "faiss") from error
        count, width = len(places), vectors.shape[1]
        lists = max(1, min(int(_LISTS * count**0.5), count // _TRAINED_ON))
        self._radius = floor - _SLACK
        self._index: Any = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, lists, faiss.METRIC_INNER_PRODUCT)
        self._index.train(np.asarray(vectors[places[:: max(1, count // (_TRAINED_ON * lists))]]))
        self._index.nprobe = _PROBED

    def near(self, rows: Array) -> tuple[Array, Array]:
        import numpy as np

        limits, _, numbers = self._index.range_search(rows, self._radius)
        return np.repeat(np.arange(len(rows)), np.diff(limits.astype(np.int64))), numbers

    def add(self, rows: Array, numbers: Array) -> None:
        self._index.add_with_ids(rows, numbers)
