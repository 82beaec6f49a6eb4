"""What the documents are about: a tree of headings and key points, whose leaves share the pairs of a job among them.

Passages are no measure of a subject: a chapter of forty pages has thirty times the passages of a table that matters as
much. A leaf is a document's section at the depth that the job names; sections that say the same under other names (the
manual of last year, a copy in another folder) become one leaf where the job names an encoder.

A section that has no headings down to that depth (plain text has none at all) goes on by its key points: passages whose
key points name the same term most often are one leaf, which bears that term. A term is one content word (in Chinese two
characters) that at least two of the section's passages have and at most half of them; a passage without any stays where
its headings put it. That is coarse: it tells "the valve" from "the oil", and no more.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from datagen.material.passages import Passage
from seedbed import content

# From texts to groups: equal numbers are one topic.
Merge = Callable[[list[str]], list[int]]

_SAID = 600  # characters of a section that stand for it when sections are compared
_LISTED = 200  # leaves that a manifest tells of


@dataclass
class Topic:
    """A leaf: its path of headings, and how much of it was asked."""

    path: tuple[str, ...]
    language: str
    passages: list[Passage] = field(default_factory=list)
    accepted: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.language, *self.path)

    @property
    def name(self) -> str:
        return " > ".join(self.path)


def topics(passages: Sequence[Passage], depth: int, merge: Merge | None = None) -> list[Topic]:
    """The leaves, in the order of their names. Passages of different languages never share one."""
    leaves: dict[tuple[str, ...], Topic] = {}
    for passage in passages:
        source = passage.record.source
        path = (source.document if source else "", *(source.headings if source else ())[:depth])
        key = (passage.language, *path)
        leaves.setdefault(key, Topic(path, passage.language)).passages.append(passage)
    split = (part for leaf in leaves.values() for part in (_by_terms(leaf) if len(leaf.path) <= depth else [leaf]))
    found = sorted(split, key=lambda topic: topic.key)
    return _merged(found, merge) if merge else found


def by_passage(found: Sequence[Topic]) -> dict[str, Topic]:
    """Passage id -> its leaf."""
    return {passage.record.id: topic for topic in found for passage in topic.passages}


def listed(found: Sequence[Topic]) -> list[dict[str, Any]]:
    """The leaves as the manifest tells them, those that gave least first."""
    least = sorted(found, key=lambda topic: (topic.accepted, topic.name))[:_LISTED]
    return [{"topic": t.name, "language": t.language, "passages": len(t.passages), "accepted": t.accepted}
            for t in least]


def _by_terms(leaf: Topic) -> list[Topic]:
    """The passages of a section without further headings, put together by the terms of their key points."""
    told = [" ".join(p.sentences[n] for point in p.key_points() for n in point.numbers) for p in leaf.passages]
    counts = [Counter(content.units(text, leaf.language)) for text in told]
    spread = Counter(unit for count in counts for unit in count)
    total = Counter(unit for count in counts for unit in count.elements())
    most = max(2, len(leaf.passages) // 2)
    parts: dict[str, Topic] = {}
    for passage, text, count in zip(leaf.passages, told, counts, strict=True):
        shared = [unit for unit in count if 2 <= spread[unit] <= most]
        term = max(shared, key=lambda unit: (count[unit], total[unit], unit), default="")
        path = (*leaf.path, _written(term, text)) if term else leaf.path
        parts.setdefault(term, Topic(path, leaf.language)).passages.append(passage)
    return list(parts.values())


def _written(unit: str, text: str) -> str:
    """A unit of `content`, which may be a word's stem, as the text has it."""
    found = re.search(rf"{re.escape(unit)}[a-z]*", text, re.I)
    return found.group().lower() if found else unit


def _merged(found: list[Topic], merge: Merge) -> list[Topic]:
    texts = [f"{' '.join(t.path[1:])} {' '.join(p.text for p in t.passages)}"[:_SAID] for t in found]
    kept: dict[tuple[str, int], Topic] = {}
    for topic, group in zip(found, merge(texts), strict=True):
        same = kept.setdefault((topic.language, group), Topic(topic.path, topic.language))
        same.passages += topic.passages
    return list(kept.values())
