"""Which items share long runs of tokens with a text: an index of n-grams, looked up for many texts at once.

The convention is GPT-3's (Brown et al. 2020, appendix C): runs of 13 tokens; what stands in more than ten places is a
common phrase and tells nothing. How much of an item is covered by such runs decides, as in Tülu 3 (Lambert et al. 2024,
section 3.2), not one run alone: two exercises about one passage quote the same sentence and are two.

A million records have some hundred million runs, so none is made as an object: tokens are numbers (those that no item
has are one), runs are hashes of 64 bits made column by column, and only what an item has is looked at again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seedbed.text import tokenize

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

COMMON = 10  # items; GPT-3 lets pass what stands in more than ten documents
# An odd number whose powers spread over 64 bits (Knuth's: 2^64 divided by the golden ratio).
_BASE = 0x9E3779B97F4A7C15
_UNKNOWN = 0


class Grams:
    """Runs of `size` tokens of numbered items. `add` all items, then `index`, then `covering`."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._ids: dict[str, int] = {}
        self._items: dict[int, list[int]] = {}  # item -> its tokens
        self._hashes: Array
        self._postings: list[list[tuple[int, int]]] = []

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: int, text: str) -> bool:
        """Whether the item is long enough to have a run."""
        tokens = tokenize(text)
        if len(tokens) < self.size:
            return False
        self._items[item] = [self._ids.setdefault(token, len(self._ids) + 1) for token in tokens]
        return True

    def index(self) -> None:
        """Must be called after the last `add`."""
        import numpy as np

        found: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for item, tokens in self._items.items():
            for start, hash_ in enumerate(self._runs(np.array(tokens, np.int64))[0].tolist()):
                found[hash_].append((item, start))
        rare = {hash_: places for hash_, places in found.items() if len({item for item, _ in places}) <= COMMON}
        ordered = sorted(rare)
        self._hashes = np.array(ordered, np.uint64)
        self._postings = [rare[hash_] for hash_ in ordered]

    def covering(self, texts: Sequence[str]) -> list[dict[int, float]]:
        """For each text the items that share a run with it, and the share of the item's tokens that such runs cover."""
        import numpy as np

        tokens: list[int] = []
        owner: list[int] = []
        for number, text in enumerate(texts):
            own = [self._ids.get(token, _UNKNOWN) for token in tokenize(text)]
            tokens += own
            tokens.append(_UNKNOWN)  # no run goes from one text into the next
            owner += [number] * (len(own) + 1)
        hashes, starts = self._runs(np.array(tokens, np.int64))
        place = np.searchsorted(self._hashes, hashes)
        there = np.flatnonzero(place < len(self._hashes))
        there = there[self._hashes[place[there]] == hashes[there]]
        covered: list[dict[int, set[int]]] = [defaultdict(set) for _ in texts]
        for at, row in zip(starts[there].tolist(), place[there].tolist(), strict=True):
            for item, start in self._postings[row]:
                covered[owner[at]][item].update(range(start, start + self.size))
        return [{item: len(marks) / len(self._items[item]) for item, marks in one.items()} for one in covered]

    def _runs(self, tokens: Array) -> tuple[Array, Array]:
        """The hash of every run without an unknown token, and where it starts."""
        import numpy as np

        count = max(len(tokens) - self.size + 1, 0)
        hashes = np.zeros(count, np.uint64)
        unknown = np.zeros(count, bool)
        numbers = tokens.astype(np.uint64) * np.uint64(_BASE)
        numbers ^= numbers >> np.uint64(29)
        for at in range(self.size if count else 0):
            hashes = hashes * np.uint64(_BASE) + numbers[at : at + count]
            unknown |= tokens[at : at + count] == _UNKNOWN
        known = np.flatnonzero(~unknown)
        return hashes[known], known
