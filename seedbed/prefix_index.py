"""An index of short texts by their rarest tokens, that loses no pair over a threshold and grows slowly with the pool.

Two texts of m and n tokens whose F1 is over t have at least c = t (m + n) / 2 tokens in common. Sort the tokens of both
by one order, rarest first: the first common one has c - 1 behind it, so it stands among the first m - c + 1 of the one
and the first n - c + 1 of the other (prefix filter: Chaudhuri et al. 2006, Bayardo et al. 2007), and the second among
the first m - c + 2 and n - c + 2. Turned round, a token's place tells how long the other text can be at most (Xiao et
al. 2008): this is kept with each text under each of its tokens, and asked both ways. In Chinese questions of 20
characters that leaves 1 in 8 of the texts that a shared token leads to.

By one token alone they still are too many in a large pool: a character that stands in one of two hundred questions
leads to 5,000 of a million. So a token that leads to more than `_MANY` is split: its texts are found by it AND the next
common token (prefixes of two: Wang et al. 2012, "Can we beat the prefix filtering?"). That leaves 1 in 30 of far fewer.
Rare tokens, most of them, keep their short lists.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_MANY = 256
# Pairs are as many as half the square of a prefix, and a prefix grows as the threshold falls: 11 of 20 tokens at .7, 15
# at .5. Below this, tokens stay single.
_PAIRED_FROM = 0.6
# Pairs of tokens that fall on one number share a list; the texts found too many are ruled out by their signatures.
_PAIRS = (1 << 20) - 1
_FACTOR = 1_000_003  # a prime, so that the commonest pairs spread
_ROUNDING = 1e-6
_BYTE = 255


class PrefixIndex:
    """Rows by the tokens that a near text must share with them. `tokens_of` gives the token ids of a row again.

    For texts of 1 to `longest` tokens, at most 255, and a threshold above 0. An entry is row << 16 | length << 8 |
    reach: the most tokens that a text near it can have if this token (or pair) is the first that they share.
    """

    def __init__(self, threshold: float, longest: int, tokens_of: Callable[[int], Iterable[int]]) -> None:
        self._tokens_of = tokens_of
        self._splits = threshold >= _PAIRED_FROM
        asked = int(longest * (2 - threshold) / threshold) + 2  # tokens of the longest text that can be near one
        # The tokens of both texts together, at most, if they have so many in common.
        self._both = [int((2 * common + _ROUNDING) / threshold) for common in range(asked + 2)]
        self._first = [_first(length, threshold) for length in range(asked + 1)]
        self._single: dict[int, array[int]] = {}
        self._paired: dict[int, array[int]] = {}
        self._split: set[int] = set()

    def add(self, row: int, tokens: Iterable[int]) -> None:
        """One more row, later than all before."""
        ordered = sorted(tokens, reverse=True)
        first, entry = self._first[len(ordered)], row << 16 | len(ordered) << 8
        for place, token in enumerate(ordered[:first]):
            if place and token == ordered[place - 1]:
                continue
            if token in self._split and first < len(ordered):
                self._add_pairs(entry, ordered, place)
                continue
            rows = self._single.get(token)
            if rows is None:
                rows = self._single[token] = array("Q")
            rows.append(entry | self._reach(len(ordered), len(ordered) - place))
            if len(rows) > _MANY and self._splits and token not in self._split:
                self._divide(token)

    def candidates(self, tokens: Iterable[int], most: int) -> Array | None:
        """Rows that may be over the threshold, some more than once; None where too many would have to be looked at."""
        import numpy as np

        ordered = sorted(tokens, reverse=True)
        length = len(ordered)
        found: list[array[int]] = []
        reaches: list[int] = []
        for place, token in enumerate(ordered[: self._first[length]]):
            if rows := self._single.get(token):
                found.append(rows)
                reaches.append(self._reach(length, length - place))
            if token in self._split:
                for key, reach in self._pairs(ordered, place):
                    if rows := self._paired.get(key):
                        found.append(rows)
                        reaches.append(reach)
        sizes = list(map(len, found))
        if sum(sizes) > most:
            return None
        entries = np.frombuffer(b"".join(found), dtype="<u8")
        parts = entries.view(np.uint8).reshape(-1, 8)
        near = parts[:, 0] >= min(length, _BYTE)
        near &= parts[:, 1] <= np.repeat(np.array(reaches, np.uint8), sizes)
        rows_near: Array = (entries[near] >> np.uint64(16)).astype(np.int64)
        return rows_near

    def _reach(self, length: int, common: int) -> int:
        """The most tokens that a text can have which is near one of `length` and has no more than `common` of them."""
        return min(self._both[common] - length, _BYTE)

    def _pairs(self, ordered: list[int], place: int) -> list[tuple[int, int]]:
        """The token at `place` with each that may be the second in common: the number of the pair, and its reach."""
        length, base, both = len(ordered), ordered[place] * _FACTOR, self._both
        return [((base + ordered[second]) & _PAIRS, min(both[length - second + 1] - length, _BYTE))
                for second in range(place + 1, min(self._first[length] + 1, length))]

    def _add_pairs(self, entry: int, ordered: list[int], place: int) -> None:
        for key, reach in self._pairs(ordered, place):
            rows = self._paired.get(key)
            if rows is None:
                rows = self._paired[key] = array("Q")
            rows.append(entry | reach)

    def _divide(self, token: int) -> None:
        """From now on the rows of `token` are found by it and a second token. A row that may have but one token in
        common with a near text (it has only one) stays."""
        self._split.add(token)
        stay = array("Q")
        for entry in self._single.pop(token):
            ordered = sorted(self._tokens_of(entry >> 16), reverse=True)
            if self._first[len(ordered)] < len(ordered):
                self._add_pairs(entry & ~_BYTE, ordered, ordered.index(token))
            else:
                stay.append(entry)
        if stay:
            self._single[token] = stay


def _first(length: int, threshold: float) -> int:
    """Among how many tokens the first one in common with a near text stands, by the shortest that can be near."""
    shortest = max(1, math.ceil(length * threshold / (2 - threshold) - _ROUNDING))
    common = max(1, math.ceil((length + shortest) * threshold / 2 - _ROUNDING))
    return length - common + 1
