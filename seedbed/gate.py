"""The ROUGE-L gate of Self-Instruct: is this text too close to one that was accepted before?

Self-Instruct (Wang et al. 2023, section 2.2) accepts a task only when its highest ROUGE-L F1 against everything
accepted so far is at most 0.7. Pair by pair with `rouge_score` that is 1 to 3 tasks a second at a pool of 10,000; here
nearly all pairs are ruled out beforehand, without losing any, and the rest are decided by a bit-parallel LCS:

    A text's signature has one bit flip per token. Where two texts share a common subsequence, the flips cancel, so
    popcount(a ^ b) <= (m + n) - 2 LCS, and F1 > t needs 2 LCS > t (m + n). A pair with
    popcount > (1 - t)(m + n) can therefore never be over the threshold.

The decision itself uses the float arithmetic of `rouge_score`, so that on English it is the same to the bit; Chinese is
compared per character (see `text.tokenize`).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from seedbed import text as texts

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Texts up to this many tokens have signatures of 128 bits, longer ones of 1,024: 128 bits hold about 40 + 40 different
# tokens before their parity says nothing any more, and instructions have 12.5 on average (Alpaca).
SHORT = 48
# Rows looked at together, so that a block and its scratch space stay in a 1 MB second-level cache.
_BLOCK = 32_768
# From here on one `cdist` call beats single calls (2.7 µs a call and 30 ns a pair against 125 ns a pair).
_FEW = 24
# Rounding of (1 - t)(m + n) must never drop a pair that the exact comparison would keep.
_SLACK = 1e-6
_LAST_CHARACTER = 0x10FFFF

# Token ids as characters of a string (what rapidfuzz compares fastest), or as a list once ids outgrow Unicode.
Tokens = str | list[int]


class Match(msgspec.Struct, frozen=True):
    """An earlier text: its key, its place in the order of acceptance (from 0), and the ROUGE-L F1 against it."""

    key: str
    index: int
    score: float


class Gate:
    """A pool of texts with distinct enough wording; holds token ids and signatures, not the texts.

    Not thread-safe. An empty text (no tokens) scores 0.0 against everything, as in `rouge_score`.
    """

    def __init__(self, threshold: float = 0.7) -> None:
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold: expected a ROUGE-L F1 between 0 and 1, got {threshold}")
        self.threshold = threshold
        self._ids: dict[str, int] = {}
        self._last: tuple[str, Tokens] = ("", "")
        self._keys: list[str] = []
        self._tokens: list[Tokens] = []
        self._terms: dict[int, frozenset[str]] = {}
        self._pools = (_Pool(2, 1, threshold, indexed=True), _Pool(16, 4, threshold, indexed=False))

    def __len__(self) -> int:
        return len(self._keys)

    def offer(
        self, key: str, text: str, terms: frozenset[str] = frozenset(), spares: Callable[[str], bool] | None = None
    ) -> Match | None:
        """Accept `text` unless some accepted text scores over the threshold; that one is returned then.

        With `terms` (`seedbed.text.exact_terms`), two texts of which each names something that the other does not are
        about two things, and no twins whatever they score. Texts whose key `spares` says yes to may be as near as they
        like, too.
        """
        tokens = self._encode(text)
        over = (match for match in self._over(tokens) if not self._apart(match.index, terms))
        match = _best([match for match in over if spares is None or not spares(match.key)])
        if match is None:
            if terms:
                self._terms[len(self._keys)] = terms
            self._add(key, tokens)
        return match

    def _apart(self, index: int, terms: frozenset[str]) -> bool:
        other = self._terms.get(index, frozenset())
        return bool(terms - other and other - terms)

    def add(self, key: str, text: str, terms: frozenset[str] = frozenset()) -> None:
        """Put `text` into the pool unasked (human-written seeds). For `terms` see `offer`."""
        if terms:
            self._terms[len(self._keys)] = terms
        self._add(key, self._encode(text))

    def nearest(self, text: str) -> Match | None:
        """The accepted text with the highest score over the threshold, the earliest of equals; None without any."""
        return _best(self._over(self._encode(text)))

    def over(self, text: str) -> list[Match]:
        """All accepted texts that score over the threshold, in order of acceptance."""
        return sorted(self._over(self._encode(text)), key=lambda match: match.index)

    def neighbours(self, index: int) -> list[Match]:
        """All other accepted texts that score over the threshold against number `index`, in order of acceptance."""
        return sorted((m for m in self._over(self._tokens[index]) if m.index != index), key=lambda m: m.index)

    def most_similar(self, text: str, count: int = 1) -> list[Match]:
        """The `count` highest scores above 0 whatever the threshold, highest first, the earliest of equals first."""
        tokens = self._encode(text)
        found: list[Match] = []
        for pool in self._pools:
            for rows, bound in pool.by_bound(tokens):
                if len(found) >= count and bound < found[-1].score:
                    break
                scored = (m for m in self._scored(tokens, pool, rows) if m.score > 0)
                found = sorted([*found, *scored], key=lambda m: (-m.score, m.index))[:count]
        return found

    def _encode(self, text: str) -> Tokens:
        if text is self._last[0]:  # compared first, then added
            return self._last[1]
        known = self._ids
        ids = [known.setdefault(token, len(known)) for token in texts.tokenize(text)]
        fits = len(known) <= _LAST_CHARACTER or max(ids, default=0) <= _LAST_CHARACTER
        self._last = (text, "".join(map(chr, ids)) if fits else ids)
        return self._last[1]

    def _add(self, key: str, tokens: Tokens) -> None:
        if tokens:
            self._pools[len(tokens) > SHORT].add(len(self._keys), tokens)
        self._keys.append(key)
        self._tokens.append(tokens)

    def _over(self, tokens: Tokens) -> list[Match]:
        """Every accepted text over the threshold."""
        if not tokens:
            return []
        shortest = len(tokens) * self.threshold / (2 - self.threshold) - _SLACK
        longest = len(tokens) * (2 - self.threshold) / self.threshold + _SLACK if self.threshold else math.inf
        found: list[Match] = []
        for pool, reachable in zip(self._pools, (shortest <= SHORT, longest > SHORT), strict=True):
            if reachable and len(pool):
                matches = self._scored(tokens, pool, pool.candidates(tokens))
                found += [match for match in matches if match.score > self.threshold]
        return found

    def _scored(self, tokens: Tokens, pool: _Pool, rows: list[int]) -> list[Match]:
        indices = [pool.indices[row] for row in rows]
        others = [self._tokens[index] for index in indices]
        return [
            Match(self._keys[index], index, _f1(lcs, len(tokens), len(other)))
            for index, other, lcs in zip(indices, others, _lcs(tokens, others), strict=True)
        ]


class _Pool:
    """Texts of one range of lengths: signatures of `words` * 64 bits, and those folded to `coarse` words.

    Folding is parity again: the popcount of a fold is at most that of the whole, so the bound holds for it too. With
    `indexed`, texts are found by their rarest tokens first (prefix filter: Chaudhuri et al. 2006, Bayardo et al. 2007).
    """

    def __init__(self, words: int, coarse: int, threshold: float, *, indexed: bool) -> None:
        self.words, self.coarse, self.threshold = words, coarse, threshold
        self.indices: list[int] = []
        self._postings: dict[int, array[int]] | None = {} if indexed else None
        self._capacity = 0
        self._folded: Array
        self._whole: Array
        self._lengths: Array
        self._room: Array

    def __len__(self) -> int:
        return len(self.indices)

    def add(self, index: int, tokens: Tokens) -> None:
        row = len(self.indices)
        if row == self._capacity:
            self._grow(max(1024, 2 * row))
        self._folded[:, row], self._whole[row] = self._signature(tokens)
        self._lengths[row] = len(tokens)
        self._room[row] = self._share(len(tokens))
        if self._postings is not None:
            for token in self._rarest(tokens):
                self._postings.setdefault(token, array("I")).append(row)
        self.indices.append(index)

    def candidates(self, tokens: Tokens) -> list[int]:
        """Rows that may be over the threshold, each once; all that are, are among them."""
        import numpy as np

        folded, whole = self._signature(tokens)
        share = self._room.dtype.type(self._share(len(tokens)))
        sharing = self._sharing(tokens)
        if sharing is not None:
            near = sharing[self._possible(sharing, folded, share)]
        else:
            blocks = [slice(start, min(start + _BLOCK, len(self))) for start in range(0, len(self), _BLOCK)]
            near = np.concatenate([self._possible(block, folded, share).nonzero()[0] + block.start for block in blocks])
        if near.size >= _FEW:  # below that the LCS itself is cheaper
            near = self._within(near, whole, len(tokens))
        return sorted(set(near.tolist()))

    def _sharing(self, tokens: Tokens) -> Array | None:
        """Rows with one of the rarest tokens in common, some more than once; None where a scan is cheaper."""
        import numpy as np

        if self._postings is None:
            return None
        found = [rows for token in self._rarest(tokens) if (rows := self._postings.get(token))]
        # Picking a row costs about eight times as much as passing over it in a scan.
        if 8 * sum(map(len, found)) > len(self):
            return None
        empty = np.empty(0, np.uint32)
        return np.concatenate([empty, *(np.frombuffer(rows, dtype=np.uint32) for rows in found)])

    def _rarest(self, tokens: Tokens) -> set[int]:
        """The prefix of the text in an order of all tokens, rarest first, that two texts over the threshold must share.

        Over the threshold, they have at least `common` tokens in common; if none of those were among the first
        m - common + 1 of this one, too few would be left. Late ids are rare tokens, so the order is that of the ids.
        """
        m = len(tokens)
        shortest_partner = max(1, math.ceil(m * self.threshold / (2 - self.threshold) - _SLACK))
        common = max(1, math.ceil((m + shortest_partner) * self.threshold / 2 - _SLACK))
        return set(sorted(_numbers(tokens), reverse=True)[: m - common + 1])

    def _possible(self, rows: Array | slice, folded: Array, share: Any) -> Array:
        """Which of `rows` the folded signature leaves possible: whole numbers, rounded up on both sides."""
        import numpy as np

        counts = np.bitwise_count(self._folded[0, rows] ^ folded[0]).astype(self._room.dtype, copy=False)
        for column, word in zip(self._folded[1:], folded[1:], strict=True):
            counts += np.bitwise_count(column[rows] ^ word)
        passed: Array = counts <= self._room[rows] + share
        return passed

    def by_bound(self, tokens: Tokens) -> Sequence[tuple[list[int], float]]:
        """All rows in batches, the most promising first, each batch with a bound that no score in it exceeds."""
        import numpy as np

        if not self.indices or not tokens:
            return []
        whole = self._signature(tokens)[1]
        blocks = [slice(start, min(start + _BLOCK, len(self))) for start in range(0, len(self), _BLOCK)]
        differing = (np.bitwise_count(self._whole[block] ^ whole).sum(axis=1, dtype=np.int64) for block in blocks)
        counts = np.concatenate(list(differing))
        lengths = self._lengths[: len(self)]
        overlap = np.minimum((lengths + len(tokens) - counts) // 2, np.minimum(lengths, len(tokens)))
        bounds = 2 * overlap / (lengths + len(tokens)) + _SLACK
        order = np.argsort(-bounds, kind="stable")
        return [(order[at : at + 256].tolist(), float(bounds[order[at]])) for at in range(0, len(order), 256)]

    def _within(self, rows: Array, whole: Array, length: int) -> Array:
        """Those of `rows` that the whole signature and the lengths leave possible."""
        import numpy as np

        lengths = self._lengths[rows]
        total = lengths + length
        differing = np.bitwise_count(self._whole[rows] ^ whole).sum(axis=1, dtype=np.int64)
        enough = 2 * np.minimum(lengths, length) >= self.threshold * total - _SLACK
        left: Array = rows[enough & (differing <= (1 - self.threshold) * total + _SLACK)]
        return left

    def _share(self, length: int) -> int:
        """One text's part of the bits that may differ, rounded up; capped where every pair passes anyway."""
        return min(math.ceil((1 - self.threshold) * length + _SLACK), 64 * self.words)

    def _signature(self, tokens: Tokens) -> tuple[Array, Array]:
        """The signature folded and whole, as 64-bit words."""
        import numpy as np

        # Ids are given in order of first use, so the commonest tokens have low ids and rarely share a bit.
        flips, last, bits = 0, 64 * self.words - 1, 64 * self.words
        for token in _numbers(tokens):
            flips ^= 1 << (token & last)
        whole = np.frombuffer(flips.to_bytes(8 * self.words, "little"), dtype=np.uint64)
        while bits > 64 * self.coarse:
            bits //= 2
            flips = (flips >> bits) ^ (flips & ((1 << bits) - 1))
        return np.frombuffer(flips.to_bytes(8 * self.coarse, "little"), dtype=np.uint64), whole

    def _grow(self, rows: int) -> None:
        import numpy as np

        # A fold's 64 bits, or a room of at most 49 and a share of at most 128, fit a byte; of longer texts they do not.
        small = np.uint8 if self.words == 2 else np.uint16
        folded, whole = np.zeros((self.coarse, rows), np.uint64), np.zeros((rows, self.words), np.uint64)
        lengths, room = np.zeros(rows, np.int64), np.zeros(rows, small)
        if used := self._capacity:
            folded[:, :used], whole[:used], lengths[:used], room[:used] = (
                self._folded,
                self._whole,
                self._lengths,
                self._room,
            )
        self._folded, self._whole, self._lengths, self._room, self._capacity = folded, whole, lengths, room, rows


def rouge_l(first: str, second: str) -> float:
    """ROUGE-L F1 of two texts, without stemming, as `rouge_score` computes it; Chinese per character."""
    ids: dict[str, int] = {}
    a, b = ([ids.setdefault(token, len(ids)) for token in texts.tokenize(text)] for text in (first, second))
    return _f1(_lcs(a, [b])[0], len(a), len(b))


def _numbers(tokens: Tokens) -> Iterable[int]:
    return map(ord, tokens) if isinstance(tokens, str) else tokens


def _best(matches: list[Match]) -> Match | None:
    return min(matches, key=lambda match: (-match.score, match.index), default=None)


def _lcs(tokens: Tokens, others: Sequence[Tokens]) -> list[int]:
    """Lengths of the longest common subsequences of `tokens` with each of `others`."""
    from rapidfuzz.distance import LCSseq

    if len(others) < _FEW:
        return [LCSseq.similarity(tokens, other) for other in others]
    import numpy as np
    from rapidfuzz.process import cdist

    row: list[int] = cdist([tokens], others, scorer=LCSseq.similarity, dtype=np.int32)[0].tolist()
    return row


def _f1(lcs: int, m: int, n: int) -> float:
    """F1 in the order of operations of `rouge_score`: 2 LCS / (m + n) rounds differently, e.g. at exactly 7/10."""
    if not lcs:
        return 0.0
    precision, recall = lcs / n, lcs / m
    return 2 * precision * recall / (precision + recall)
