"""Which records the report shows, and how: seeded samples, evidence marked in its passage, rejected records beside
the one that they matched. Files are streamed; what is held is what is shown.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import zip_longest
from typing import Generic, TypeVar

import msgspec

from curate.report.model import Cluster, Quote, Rejected
from curate.report.stages import Finished, records
from seedbed.record import Evidence, Record

T = TypeVar("T")

# Characters of a text that are shown. 100 samples, all Chinese, each with a passage and an answer of this size, and 80
# reasons with their examples stay below 3 MB in UTF-8.
PASSAGE, ANSWER, SHORT = 1800, 1200, 420
PER_REASON = 4
_CLUSTERS, _TWINS = 5, 4


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


def quote(record: Record, limit: int = ANSWER) -> Quote:
    """A record as it is shown; the raw reply of a teacher stands for an answer that there is not."""
    raw = record.extra.get("raw", "")
    return Quote(
        id=record.id,
        question=clip(record.user_text, limit),
        answer=clip(record.answer, limit),
        text="" if record.answer or raw == record.instruction else clip(record.text or str(raw), limit),
        language=record.language,
        place=place(record),
        labels={name: value for name, value in record.labels.items() if name in ("kind", "level", "origin")},
    )


def place(record: Record) -> str:
    """`handbook.pdf · page 4 · Installing › Linux`, or the file and line that a record was read from."""
    source = record.source
    if source is None:
        return ""
    parts = [source.document]
    parts += [f"page {source.page}"] if source.page else []
    parts += [" › ".join(source.headings)] if source.headings else []
    parts += [f"line {source.line}"] if source.line else []
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


class Rejections:
    """Everything about rejected records: the units of each reason, examples with their matches, clusters of twins."""

    def __init__(self, stages: list[Finished], seed: int) -> None:
        self.units: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._samples: dict[tuple[str, str], Sampler[Record]] = {}
        self._sizes: Counter[str] = Counter()
        for stage in stages:
            for record in records(stage.folder / "rejected.jsonl"):
                self._see(stage, record, seed)
        self._clusters = {key: size for key, size in self._sizes.most_common(_CLUSTERS) if size > 1}
        self._twins = {key: Sampler[Record](_TWINS, seed) for key in self._clusters}
        for stage in stages if self._clusters else []:
            for record in records(stage.folder / "rejected.jsonl"):
                if record.rejection and record.rejection.match in self._twins:
                    self._twins[record.rejection.match].offer(record.id, record)
        self._matches = _find(stages, self._wanted())

    def _see(self, stage: Finished, record: Record, seed: int) -> None:
        if record.rejection is None:
            return
        key = (stage.key, record.rejection.reason)
        self.units[key][_unit(record)] += 1
        self._samples.setdefault(key, Sampler(PER_REASON, seed)).offer(record.id, record)
        match = record.rejection.match
        if match and (record.messages or record.text):
            self._sizes[match] += 1

    def _wanted(self) -> set[str]:
        shown = [r for sampler in self._samples.values() for r in sampler.taken()]
        wanted = {r.rejection.match for r in shown if r.rejection and r.rejection.match}
        return wanted | self._clusters.keys()

    def examples(self, stage: Finished, reason: str) -> list[Rejected]:
        """A few records that this stage left out for this reason."""
        sampler = self._samples.get((stage.key, reason))
        return [self._rejected(record) for record in sampler.taken()] if sampler else []

    def clusters(self) -> list[Cluster]:
        """The largest groups of records that were too much like one and the same."""
        return [
            Cluster(
                id=key,
                kept=quote(self._matches[key], SHORT) if key in self._matches else None,
                size=size,
                twins=[self._rejected(twin, matched=False) for twin in self._twins[key].taken()],
            )
            for key, size in self._clusters.items()
        ]

    def mixed(self, size: int) -> list[Rejected]:
        """`size` rejected records, of as many reasons as there are, the commonest reasons first."""
        shown = [key for key in self._samples if "documents" not in self.units[key]]
        order = sorted(shown, key=lambda key: (-self.units[key].total(), key))
        taken = in_turn([self._samples[key].taken() for key in order], size)
        return [self._rejected(record) for record in taken]

    def _rejected(self, record: Record, matched: bool = True) -> Rejected:
        rejection = record.rejection
        assert rejection is not None
        match = self._matches.get(rejection.match) if matched else None
        return Rejected(
            record=quote(record, SHORT),
            stage=rejection.stage,
            reason=rejection.reason,
            detail=clip(rejection.detail, SHORT),
            score=rejection.score,
            matched=quote(match, SHORT) if match else None,
        )


def _unit(record: Record) -> str:
    if record.messages:
        return "records"
    return "replies" if "raw" in record.extra else "passages" if record.text else "documents"


class _Id(msgspec.Struct):
    id: str


def _find(stages: list[Finished], wanted: set[str]) -> dict[str, Record]:
    """Records by id, wherever in the run they last were; only the ids of the others are decoded."""
    found: dict[str, Record] = {}
    for stage in reversed(stages):
        for name in ("kept.jsonl", "rejected.jsonl"):
            path = stage.folder / name
            if len(found) == len(wanted) or not path.is_file():
                continue
            with path.open("rb") as lines:
                for line in lines:
                    _take(line, wanted, found)
    return found


def _take(line: bytes, wanted: set[str], found: dict[str, Record]) -> None:
    try:
        key = msgspec.json.decode(line, type=_Id).id
        if key in wanted and key not in found:
            found[key] = msgspec.json.decode(line, type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return  # a damaged line is told by `seedbed` where it is read, and costs the report one example
