"""Does a "Why …?" ask about the effect that its statement tells, and is it answered by the reason?"""

from __future__ import annotations

import re

from datagen.checks.verify import Fault
from seedbed.content import support, units

_CLAUSES = {
    # What comes before and after these words: effect and reason, or, in the second list, reason and effect.
    "en": (r"\b(?:because|since|so that|otherwise)\b", r"[,;] (?:so|therefore|hence)\b|\bwhich means that\b"),
    "zh": (r"因为|由于|理由是|原因是|否则|以免|免得", r"，(?:因此|所以)"),
}
_REASON_FIRST = {"en": r"^(?:because|since) ([^,]+), (.+)", "zh": r"^(?:因为|由于)([^，]+)，(.+)"}
# The reason that an answer gives first; and the share of it that may stand in its question
# ("为什么必须停机？" => "因为必须停机，否则……").
_GIVEN = {"en": re.compile(r"^because ([^,.]+)", re.I), "zh": re.compile(r"^(?:是)?因为([^，。]+)")}
_CIRCULAR = 0.9


def reason_fault(question: str, answer: str, statement: str, lang: str) -> Fault | None:
    """Whether a "Why …?" asks about the effect in its statement and is answered by the reason: small models turn them
    round, or give a reason of their own."""
    clauses = _clauses(statement, lang)
    if clauses is None:
        return Fault("off_point", "the sentence that it is about gives no reason")
    effect, reason = (set(units(clause, lang)) for clause in clauses)
    asked, told = set(units(question, lang)), set(units(answer, lang))
    if len(asked & (reason - effect)) >= len(asked & (effect - reason)):
        return Fault("off_point", "it asks about the reason, and not about its effect")
    if not (told - asked) & reason:
        return Fault("off_point", "its answer does not give the reason")
    given = _GIVEN[lang].match(answer)
    if given and support(given.group(1), question, lang) >= _CIRCULAR:
        return Fault("echo", "the reason that it gives is what was asked about")
    return None


def _clauses(statement: str, lang: str) -> tuple[str, str] | None:
    """Effect and reason."""
    if first := re.match(_REASON_FIRST[lang], statement, re.I):
        return first.group(2), first.group(1)
    for pattern, reason_last in zip(_CLAUSES[lang], (True, False), strict=True):
        if found := re.search(pattern, statement, re.I):
            before, after = statement[: found.start()], statement[found.end() :]
            return (before, after) if reason_last else (after, before)
    return None
