"""A cap on the share of refusals.

A data set without refusals teaches a model to answer everything, one with many to decline what it could answer. Two
kinds are told apart:

    refusal      declines, or speaks of what the model is ("I cannot help with that", 抱歉，我无法……)
    not_stated   says honestly that the documents do not answer it: records labelled `answerable: no` (doc_qa's
                 `unanswerable`), and answers that say so in the usual words

Of each kind a sample drawn by the job's seed stays, as large as its share allows; the rest is rejected. Put the stage
after those that drop most records: the share is of what stays here. The rule `banned_phrase` of `rules` rejects
refusals altogether: switch it off where some shall stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from curate.filters.exchange import exchanges
from curate.waiting import WaitingRoom
from seedbed import phrases
from seedbed.context import Context
from seedbed.phrases import NOT_STATED, REFUSAL
from seedbed.record import Record

VERSION = 1


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares of the records that stay; 1 sets no bound."""

    share: float = 0.05  # public ones, by this filter: Alpaca 2 %, its Chinese form 3 %, dialogues with tools 17 %
    not_stated: Literal["apart", "counted", "ignored"] = "apart"  # counted: as refusals; ignored: no bound at all
    not_stated_share: float = 0.15  # SQuAD 2.0 has a third; a set for answering wants fewer
    opening: int = 160  # characters at the start in which a refusal shows
    short: int = 60  # tokens up to which an answer is looked at as a whole
    phrases: tuple[str, ...] = ()  # further ways to refuse

    def __post_init__(self) -> None:
        for name in ("share", "not_stated_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected a share between 0 and 1, got {getattr(self, name)}")
        for name in ("opening", "short"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: expected 0 or more, got {getattr(self, name)}")


def watch(options: Options) -> list[Path]:
    """The lists of phrases decide what is a refusal."""
    return phrases.files("evasions", "refusals", "not_stated")


def refusals(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, in order; what is over a share is rejected as `refusal_share` or `not_stated_share`.

    Reads to the end before it yields; texts wait on disk. Figures: for each kind how many there were, their share and
    how many stay.
    """
    kinds: list[str] = []
    drawn: dict[str, list[tuple[bytes, int]]] = {REFUSAL: [], NOT_STATED: []}
    with WaitingRoom(context.folder) as waiting:
        for number, record in enumerate(waiting.taking(records)):
            kind = refuses(record, options)
            kinds.append(kind)
            if kind:
                drawn[kind].append((_lot(record, context.seed), number))
        allowed = _allowed(len(kinds), {kind: len(lots) for kind, lots in drawn.items()}, options)
        staying = {number for kind, lots in drawn.items() for _, number in sorted(lots)[: allowed[kind]]}
        details = {kind: _detail(kind, kinds, options) for kind in set(kinds) if kind}
        context.figures |= _figures(kinds, allowed)
        for number, (record, kind) in enumerate(zip(waiting, kinds, strict=True)):
            if number % 256 == 0:
                context.progress.update(number, len(kinds))
            if kind and number not in staying:
                record = record.reject("refusals", f"{kind}_share", details[kind])
            yield record


def refuses(record: Record, options: Options) -> str:
    """`refusal`, `not_stated`, or empty: what the last answer is."""
    if record.labels.get("answerable") == "no":
        return _as(NOT_STATED, options)
    last = next((exchange for exchange in reversed([*exchanges(record)]) if exchange.asked), None)
    if last is None:
        return ""
    kind = phrases.kind(last.answer, options.opening, options.short, options.phrases)
    return _as(NOT_STATED, options) if kind == NOT_STATED else kind


def _as(kind: str, options: Options) -> str:
    return {"apart": kind, "counted": REFUSAL, "ignored": ""}[options.not_stated]


def _lot(record: Record, seed: int) -> bytes:
    """What decides who stays: the same record draws the same lot in every run with this seed, whatever is beside it."""
    return hashlib.blake2b(f"refusals:{seed}:{record.id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _allowed(total: int, there: dict[str, int], options: Options) -> dict[str, int]:
    """How many of each kind may stay, so that each is at most its share of all that stay."""
    shares = {REFUSAL: options.share, NOT_STATED: options.not_stated_share}
    plain = total - sum(there.values())
    allowed = dict(there)
    while True:  # each turn lowers a count or is the last
        staying = plain + sum(allowed.values())
        # The small part is for 0.05 * 20, which must be 1 and not 0.
        lowered = {kind: min(count, int(shares[kind] * staying + 1e-9)) for kind, count in allowed.items()}
        if lowered == allowed:
            return allowed
        allowed = lowered


def _figures(kinds: list[str], allowed: dict[str, int]) -> dict[str, object]:
    total = len(kinds)
    return {
        kind: {"found": kinds.count(kind), "share": round(kinds.count(kind) / total, 4) if total else 0.0, "kept": kept}
        for kind, kept in allowed.items()
    }


def _detail(kind: str, kinds: list[str], options: Options) -> str:
    share = options.share if kind == REFUSAL else options.not_stated_share
    what = "refusals" if kind == REFUSAL else "answers that the documents do not say it"
    there = kinds.count(kind) / len(kinds)
    return f"{what} are {there:.1%} of the records, {share:.1%} may stay, and this one was not drawn"
