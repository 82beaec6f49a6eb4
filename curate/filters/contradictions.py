"""Contradictions in a data set: the same question with incompatible answers (row C4).

The same is: the same conversation up to the last answer, the Alpaca input included, after normalisation; with `near`
also questions that are worded alike (ROUGE-L F1), name the same figures and codes and deny the same. Incompatible are
figures, names, yes and no, denial and opposites, as far as texts alone tell (see `answers`): what is left open stays.

Which of them stay is a policy:

    none       all that contradict another one go
    majority   the answers that more than half of them agree with stay
    best       the highest score of the name `score` stays, and what agrees with it

Reads to the end before it yields; texts wait on disk, and only those of repeated questions are held, group by group.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from curate.filters.answers import incompatible
from curate.waiting import WaitingRoom
from seedbed.content import NEGATED
from seedbed.context import Context
from seedbed.gate import Gate
from seedbed.record import Record
from seedbed.text import exact_terms, normalise

VERSION = 1

# Different answers to one question that are compared, each with each; a question asked more often is a template.
_MOST = 100


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which questions are the same, and which of contradicting answers stay."""

    near: float = 0.0  # ROUGE-L F1 from which two questions are one; 0: only the same words
    keep: Literal["none", "majority", "best"] = "none"
    score: str = ""  # of `best`: the name of the score, as the stage that gave it calls it

    def __post_init__(self) -> None:
        if self.near and not 0.8 <= self.near < 1:  # below it questions about two things are one too often
            raise ValueError(f"near: expected 0 (off), or a ROUGE-L F1 from 0.8 up and below 1, got {self.near}")
        if (self.keep == "best") != bool(self.score):
            raise ValueError("score: `keep: best` needs the name of a score, and only that does")


@dataclass(slots=True)
class _Answer:
    id: str
    number: int
    text: str
    score: float | None


@dataclass(frozen=True, slots=True)
class _Verdict:
    match: str
    why: str


def contradictions(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, in order; one whose answer contradicts another one to its question is rejected.

    The rejection names the answer it contradicts. Figures: `repeated` questions, those `contradicting`, and `by` the
    policy how many went and stayed. A text record and one without a last answer ask nothing, and pass.
    """
    with WaitingRoom(context.folder) as waiting:
        groups = _groups(waiting.taking(records), options)
        sizes = Counter(groups)
        del sizes[-1]
        verdicts: dict[int, _Verdict] = {}
        open_: dict[int, list[tuple[str, _Answer]]] = {}
        contradicting = 0
        for number, record in enumerate(waiting):
            if sizes[groups[number]] < 2:
                continue
            members = open_.setdefault(groups[number], [])
            answer = _Answer(record.id, number, record.answer, record.scores.get(options.score))
            members.append((record.user_text, answer))
            if len(members) == sizes[groups[number]]:
                found = _judged(open_.pop(groups[number]), options)
                contradicting += bool(found)
                verdicts |= found
        context.figures |= {
            "repeated": sum(size > 1 for size in sizes.values()),
            "contradicting": contradicting,
            "rejected": len(verdicts),
        }
        for number, record in enumerate(waiting):
            if number % 256 == 0:
                context.progress.update(number, len(groups))
            verdict = verdicts.get(number)
            if verdict:
                record = record.reject("contradictions", "contradiction", verdict.why, match=verdict.match)
            yield record


def _groups(records: Iterable[Record], options: Options) -> array[int]:
    """For each record the number of its question, or -1 for one that asks nothing or is no chat record."""
    known: dict[bytes, int] = {}
    near = _Near(options.near) if options.near else None
    found = array("q")
    for record in records:
        if record.rejected is not None or not record.answer.strip() or not record.instruction.strip():
            found.append(-1)  # the chosen answer of a pair is that of its chat record
            continue
        key = _key(record)
        if key not in known:
            same = near.group(record) if near else None
            known[key] = len(known) if same is None else same
            if near and same is None:
                near.add(record, known[key])
        found.append(known[key])
    return found


def _key(record: Record) -> bytes:
    said = [f"{message.role}:{normalise(message.content)}" for message in record.messages[:-1]]
    whole = "\x00".join([*said, normalise(record.input)])
    return hashlib.blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class _Near:
    """Questions worded alike, among those of one exchange."""

    def __init__(self, threshold: float) -> None:
        self._gates: dict[object, Gate] = {}
        self._threshold = threshold

    def group(self, record: Record) -> int | None:
        match = self._gate(record).nearest(record.user_text)
        return int(match.key) if match else None

    def add(self, record: Record, group: int) -> None:
        self._gate(record).add(str(group), record.user_text)

    def _gate(self, record: Record) -> Gate:
        """Apart are: other figures and codes, denial, and what was said before."""
        text = record.user_text
        denies = any(pattern.search(text) for pattern in NEGATED.values())
        before = tuple(message.content for message in record.messages[:-2])
        kind = (exact_terms(text), denies, before)
        return self._gates.setdefault(kind, Gate(self._threshold))


def _judged(members: list[tuple[str, _Answer]], options: Options) -> dict[int, _Verdict]:
    """Who goes, by its number in the data set, of the answers to one question."""
    question = members[0][0]
    different: dict[str, list[_Answer]] = {}
    for _, answer in members:
        different.setdefault(normalise(answer.text).rstrip(".。!！ "), []).append(answer)
    forms = list(different.values())[:_MOST]
    against: dict[int, dict[int, str]] = {place: {} for place in range(len(forms))}
    for one in range(len(forms)):
        for other in range(one + 1, len(forms)):
            if why := incompatible(question, forms[one][0].text, forms[other][0].text):
                against[one][other] = against[other][one] = why
    disputed = [place for place in against if against[place]]
    staying = _staying(disputed, against, forms, options)
    return {
        answer.number: _Verdict(forms[partner][0].id, f"it contradicts {forms[partner][0].id}: {why}")
        for place in disputed
        if place not in staying
        for partner, why in [next(iter(against[place].items()))]
        for answer in forms[place]
    }


def _staying(
    disputed: list[int], against: dict[int, dict[int, str]], forms: list[list[_Answer]], options: Options
) -> set[int]:
    """The forms of the answer that stay although they are disputed."""
    if options.keep == "none" or not disputed:
        return set()
    if options.keep == "majority":
        agreeing = {place: [p for p in disputed if p not in against[place]] for place in disputed}
        votes = {place: sum(len(forms[p]) for p in agreeing[place]) for place in disputed}
        winner = max(disputed, key=lambda place: (votes[place], -place))
        cast = sum(len(forms[place]) for place in disputed)
        return set(agreeing[winner]) if 2 * votes[winner] > cast else set()
    best = {place: max((a.score for a in forms[place] if a.score is not None), default=None) for place in disputed}
    scored = sorted(((score, place) for place, score in best.items() if score is not None), reverse=True)
    if not scored or (len(scored) > 1 and scored[0][0] == scored[1][0] and scored[1][1] in against[scored[0][1]]):
        return set()
    winner = scored[0][1]
    return {place for place in disputed if place not in against[winner]}
