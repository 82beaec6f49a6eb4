"""What is counted of one method in one language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from benchmarks.quality.desk import Desk, Made
from benchmarks.quality.faults import faults
from seedbed.record import Record
from seedbed.text import opening

_TOP = 10  # openings, as in the report of a run


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Counts. A draft is a pair asked for; a reply that cannot be read is no draft where it should have held three."""

    name: str
    language: str
    passages: int
    covered: int
    replies: int
    unread: int
    drafts: int
    accepted: int
    reasons: dict[str, int]
    quoted: int
    openings: float
    faultless: int
    faults: dict[str, int]
    completion_tokens: int


def count(name: str, desk: Desk, passages: Sequence[Record], made: Made, about: str, a_reply: int) -> Figures:
    """The figures of what `made` holds of `passages`; `a_reply` is how many pairs one reply is asked for."""
    refused = [record.rejection.reason for record in made.rejected if record.rejection]
    silent = refused.count("carries_nothing")
    unread = sum(not record.messages for record in made.rejected) - silent
    drafts = len(made.kept) + len(made.rejected) - silent - (unread if a_reply > 1 else 0)
    cited = [record for record in made.kept if record.evidence]
    assert all(map(desk.found, cited)), "a quote does not stand in its document"
    found = list(faults(made.kept, {passage.id: passage for passage in passages}, about))
    return Figures(
        name=name,
        language=desk.language,
        passages=len(passages),
        covered=len({record.history[-1].parents[0] for record in made.kept}),
        replies=len(passages) if a_reply > 1 else drafts,
        unread=unread,
        drafts=drafts,
        accepted=len(made.kept),
        reasons=dict(Counter(refused).most_common()),
        quoted=len(cited),
        openings=_openings(made.kept, desk.language),
        faultless=sum(not reasons for reasons in found),
        faults=dict(Counter(reason for reasons in found for reason in reasons).most_common()),
        completion_tokens=made.done.usage.completion_tokens,
    )


def _openings(records: Sequence[Record], language: str) -> float:
    """Share of the questions that begin in one of the ten commonest ways."""
    begun = Counter(opening(record.instruction, language) for record in records)
    return sum(number for _, number in begun.most_common(_TOP)) / max(1, begun.total())
