"""How each document was used: which pages, or headings where a format has no pages, gave records, and which none.

A record counts for the page on which its first piece of evidence begins; a passage counts for every page it touches.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from curate.report.examples import marked
from curate.report.model_records import Cell, Document, Topic, Unreadable
from curate.report.stages import Finished, records
from curate.report.survey import Cited
from curate.report.words import Words
from seedbed.record import Record, Source

_COPY = "duplicate_document"
_TOPICS = 20


@dataclass
class _Seen:
    """A document's passages as they go by."""

    document: str
    spans: list[tuple[int, int]] = field(default_factory=list)
    pages: list[int | None] = field(default_factory=list)
    headings: list[tuple[str, ...]] = field(default_factory=list)


@dataclass
class Passages:
    """The passages of a run, streamed once: places of all, texts of those that samples need."""

    seen: dict[str, _Seen] = field(default_factory=dict)
    texts: dict[str, list[tuple[Source, str]]] = field(default_factory=dict)

    def pieces(self, record: Record) -> list[tuple[str, bool]]:
        """The record's passage with its evidence marked; empty when the passage is not to be found."""
        source = record.source
        if source is None or source.start is None:
            return []
        holding = [
            (other, text)
            for other, text in self.texts.get(_key(source), [])
            if other.start is not None and other.start <= source.start < other.start + len(text)
        ]
        # Passages may overlap: the very one first.
        holding.sort(key=lambda item: item[0].start != source.start)
        return marked(holding[0][1], holding[0][0].start or 0, record.evidence) if holding else []


def read_passages(ingest: Finished, samples: Iterable[Record]) -> Passages:
    """Streams the passages that ingest kept."""
    wanted: dict[str, list[int]] = {}
    for sample in samples:
        if sample.source and sample.source.start is not None:
            wanted.setdefault(_key(sample.source), []).append(sample.source.start)
    passages = Passages()
    for record in records(ingest.folder / "kept.jsonl"):
        source = record.source
        if source is None or source.start is None:
            continue
        seen = passages.seen.setdefault(_key(source), _Seen(source.document))
        end = source.start + len(record.text)
        seen.spans.append((source.start, end))
        seen.pages.append(source.page)
        seen.headings.append(source.headings)
        if any(source.start <= start < end for start in wanted.get(_key(source), ())):
            passages.texts.setdefault(_key(source), []).append((source, record.text))
    return passages


def documents(ingest: Finished, passages: Passages, cited: dict[str, Cited], words: Words) -> list[Document]:
    """One entry a document that was read, in ingest's order; those without a single usable passage as well."""
    found = []
    rest = dict(passages.seen)
    for entry in ingest.done.figures.get("documents") or []:
        key = next((k for k in (entry.get("hash"), entry.get("document")) if k in rest), None)
        key = key or next((k for k, seen in rest.items() if seen.document == entry.get("document")), None)
        if key is None and not entry.get("rejected_reason") and entry.get("passages") == 0:
            found.append(
                Document(
                    document=str(entry.get("document")),
                    hash=str(entry.get("hash", "")),
                    kind=str(entry.get("kind", "")),
                )
            )
        elif key is not None:
            found.append(_document(ingest.folder, key, rest.pop(key), cited.get(key, Cited()), entry, words))
    return found + [
        _document(ingest.folder, key, seen, cited.get(key, Cited()), {}, words) for key, seen in rest.items()
    ]


def unreadable(ingest: Finished) -> list[Unreadable]:
    """Documents that gave nothing: rejected by ingest without a place in a text."""
    return [
        Unreadable(
            document=record.source.document,
            reason=record.rejection.reason,
            copy=record.rejection.reason == _COPY,
            detail=record.rejection.detail.removeprefix(f"{record.source.document}: "),
        )
        for record in records(ingest.folder / "rejected.jsonl")
        if record.rejection and record.source and record.source.start is None
    ]


def topics(figures: dict[str, Any]) -> list[Topic]:
    """The topics that gave least, as the generator noted them."""
    noted = figures.get("least_covered_topics")
    known = [each for each in noted if isinstance(each, dict)] if isinstance(noted, list) else []
    return [
        Topic(
            topic=str(each.get("topic", "")),
            language=str(each.get("language", "")),
            passages=int(each.get("passages") or 0),
            accepted=int(each.get("accepted") or 0),
        )
        for each in known[:_TOPICS]
    ]


def _key(source: Source) -> str:
    return source.document_hash or source.document


def _document(ingest: Path, key: str, seen: _Seen, cited: Cited, entry: dict[str, Any], words: Words) -> Document:
    hits = _hits([start for start, _ in seen.spans], cited.passages)
    page_starts = _page_starts(ingest, key)
    if page_starts:
        by, cells = "page", _by_page(page_starts, seen, cited.evidence, words)
    else:
        by, cells = _by_label(seen, hits, entry.get("page_count") or 0, words)
    return Document(
        document=seen.document,
        hash=key,
        kind=str(entry.get("kind", "")),
        pages=len(cells) if by == "page" else None,
        passages=len(hits),
        with_records=sum(1 for count in hits if count),
        records=sum(hits),
        by=by,
        cells=cells,
    )


def _hits(starts: Sequence[int], found: Counter[int]) -> list[int]:
    """Records by passage; a record whose passage was cut anew belongs to the one that it begins in."""
    order = sorted(range(len(starts)), key=starts.__getitem__)
    ordered = [starts[i] for i in order]
    hits = [0] * len(order)
    for start, count in found.items():
        hits[order[max(bisect_right(ordered, start) - 1, 0)]] += count
    return hits


class _Pages(msgspec.Struct):
    """The part of ingest's documents/<hash>.json that is needed here: where each page begins."""

    page_starts: tuple[int, ...] = ()


def _page_starts(ingest: Path, key: str) -> tuple[int, ...]:
    try:
        return msgspec.json.decode((ingest / "documents" / f"{key}.json").read_bytes(), type=_Pages).page_starts
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return ()  # not there: pages are then those on which passages begin


def _by_page(page_starts: Sequence[int], seen: _Seen, evidence: Counter[int], words: Words) -> list[Cell]:
    cells = [_page(n, words) for n in range(1, len(page_starts) + 1)]

    def page(offset: int) -> int:
        return max(bisect_right(page_starts, offset) - 1, 0)

    for start, end in seen.spans:
        for touched in range(page(start), page(max(end - 1, start)) + 1):
            cells[touched].passages += 1
    for offset, count in evidence.items():
        cells[page(offset)].records += count
    return cells


def _by_label(seen: _Seen, hits: list[int], pages: int, words: Words) -> tuple[str, list[Cell]]:
    by, labels = _labels(seen, words)
    cells: dict[str, Cell] = {}
    if by == "page":
        last = max(page for page in seen.pages if page is not None)
        cells = {cell.label: cell for n in range(1, max(last, pages) + 1) if (cell := _page(n, words))}
    for label, count in zip(labels, hits, strict=True):
        cell = cells.setdefault(label, Cell(label=label, passages=0, records=0))
        cell.passages += 1
        cell.records += count
    return by, list(cells.values())


def _page(number: int, words: Words) -> Cell:
    return Cell(label=words("page {n}", n=number), passages=0, records=0)


def _labels(seen: _Seen, words: Words) -> tuple[str, list[str]]:
    if any(page is not None for page in seen.pages):
        # A passage before the first page mark belongs to the first page.
        return "page", [words("page {n}", n=page or 1) for page in seen.pages]
    if any(seen.headings):
        return "heading", [" › ".join(headings) or words("before the first heading") for headings in seen.headings]
    return "passage", [words("passage {n}", n=n) for n in range(1, len(seen.spans) + 1)]
