"""Which records the report shows, and how: seeded samples, texts that are cut, evidence marked in its passage."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable
from itertools import zip_longest
from typing import Generic, TypeVar

from curate.report.model_records import Quote
from curate.report.words import Words
from seedbed.record import Evidence, Record

T = TypeVar("T")

# Characters of a text that are shown. 100 samples, all Chinese, each with a passage and an answer of this size, and 80
# reasons with their examples stay below 3 MB in UTF-8.
PASSAGE, ANSWER, SHORT = 1800, 1200, 420


class Sampler(Generic[T]):
    """Keeps `size` of all that is offered, by the smallest hash of seed and key: the same whatever the order."""

    def __init__(self, size: int, seed: int) -> None:
        self._size, self._seed = size, seed
        self._heap: list[tuple[int, int, T]] = []
        self._offered = 0

    def offer(self, key: str, item: T) -> None:
        """One candidate, known by `key`."""
        if not self._size:
            return
        digest = hashlib.blake2b(f"{self._seed}:{key}".encode(), digest_size=8).digest()
        self._offered += 1
        entry = (-int.from_bytes(digest, "big"), self._offered, item)
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    def taken(self) -> list[T]:
        """What was kept, in the order of the hashes."""
        return [item for _, _, item in sorted(self._heap, key=lambda entry: (-entry[0], entry[1]))]


def in_turn(groups: Iterable[list[T]], size: int) -> list[T]:
    """The first of each group, then the second of each, up to `size`."""
    rounds = zip_longest(*groups)
    return [item for turn in rounds for item in turn if item is not None][:size]


def clip(text: str, limit: int) -> str:
    """`text`, cut at `limit` characters with an ellipsis."""
    return text if len(text) <= limit else text[:limit].rstrip() + " …"


def quote(record: Record, limit: int, words: Words) -> Quote:
    """A record as it is shown; the raw reply of a teacher stands for an answer that there is not."""
    raw = record.extra.get("raw", "")
    return Quote(
        id=record.id,
        question=clip(record.user_text, limit),
        answer=clip(record.answer, limit),
        text="" if record.answer or raw == record.instruction else clip(record.text or str(raw), limit),
        language=record.language,
        place=place(record, words),
        labels={name: value for name, value in record.labels.items() if name in ("kind", "level", "origin")},
    )


def place(record: Record, words: Words) -> str:
    """`handbook.pdf · page 4 · Installing › Linux`, or the file and line that a record was read from."""
    source = record.source
    if source is None:
        return ""
    parts = [source.document]
    parts += [words("page {n}", n=source.page)] if source.page else []
    parts += [" › ".join(source.headings)] if source.headings else []
    parts += [words("line {n}", n=source.line)] if source.line else []
    return " · ".join(parts)


def marked(passage: str, start: int, evidence: Iterable[Evidence]) -> list[tuple[str, bool]]:
    """The passage cut at its evidence, [text, is evidence]. `start` is the passage's offset in its document.

    Spans that overlap are joined, those outside the passage are passed over; a long passage is cut around its evidence.
    """
    spans: list[tuple[int, int]] = []
    for low, high in sorted((max(e.start - start, 0), min(e.end - start, len(passage))) for e in evidence):
        if low >= high:
            continue
        if spans and low <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(high, spans[-1][1]))
        else:
            spans.append((low, high))
    first, last = _window(len(passage), spans)
    pieces: list[tuple[str, bool]] = [("… ", False)] if first else []
    at = first
    for low, high in spans:
        if low >= last:
            break
        pieces += [(passage[at:low], False), (passage[low : min(high, last)], True)]
        at = min(high, last)
    pieces.append((passage[at:last] + (" …" if last < len(passage) else ""), False))
    return [piece for piece in pieces if piece[0]]


def _window(length: int, spans: list[tuple[int, int]]) -> tuple[int, int]:
    if length <= PASSAGE:
        return 0, length
    low = spans[0][0] if spans else 0
    first = max(0, min(low - PASSAGE // 4, length - PASSAGE))
    return first, first + PASSAGE
