"""Openings and verbs that too many accepted questions about one document have: requests ask to avoid them.

Other documents do not matter, so that adding one changes no request about those that were there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from datagen.material.verbs import verb
from seedbed.record import Record
from seedbed.text import opening

_ENOUGH = 20  # accepted questions about a document before any opening or verb counts as worn out
_MOST = 3  # openings, and verbs, that a request names


@dataclass
class Worn:
    """`share` of the questions about a document may begin alike, or have one verb (as far as verbs.py sees it)."""

    share: float
    openings: defaultdict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    verbs: defaultdict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, record: Record) -> None:
        """Counts the first question of an accepted record."""
        key = document(record), record.language
        self.openings[key][opening(record.instruction, record.language)] += 1
        self.verbs[key][verb(record.instruction, record.language)] += 1

    def out(self, passage: Record, language: str) -> tuple[str, ...]:
        """What is worn out in the document of a passage: openings, and then verbs (`… mean`)."""
        key = document(passage), language
        begun, verbs = self.openings[key], self.verbs[key]
        if (asked := begun.total()) < _ENOUGH:
            return ()
        named = ((f"… {name}", count) for name, count in verbs.most_common(_MOST) if name)
        return tuple(text for text, count in (*begun.most_common(_MOST), *named) if count > self.share * asked)


def document(record: Record) -> str:
    """The document that a record comes from; empty without one."""
    return record.source.document if record.source else ""
