"""What the documents are about: a tree of their headings, whose leaves share the pairs of a job among them.

Passages are no measure of a subject: a chapter of forty pages has thirty times the passages of a table that matters as
much. A leaf is a document's section at the depth that the job names; sections that say the same under other names (the
manual of last year, a copy in another folder) become one leaf where the job names an encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from datagen.material.passages import Passage

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
    found = [leaves[key] for key in sorted(leaves)]
    return _merged(found, merge) if merge else found


def by_passage(found: Sequence[Topic]) -> dict[str, Topic]:
    """Passage id -> its leaf."""
    return {passage.record.id: topic for topic in found for passage in topic.passages}


def listed(found: Sequence[Topic]) -> list[dict[str, Any]]:
    """The leaves as the manifest tells them, those that gave least first."""
    least = sorted(found, key=lambda topic: (topic.accepted, topic.name))[:_LISTED]
    return [{"topic": t.name, "language": t.language, "passages": len(t.passages), "accepted": t.accepted}
            for t in least]


def _merged(found: list[Topic], merge: Merge) -> list[Topic]:
    texts = [f"{' '.join(t.path[1:])} {' '.join(p.text for p in t.passages)}"[:_SAID] for t in found]
    kept: dict[tuple[str, int], Topic] = {}
    for topic, group in zip(found, merge(texts), strict=True):
        same = kept.setdefault((topic.language, group), Topic(topic.path, topic.language))
        same.passages += topic.passages
    return list(kept.values())
