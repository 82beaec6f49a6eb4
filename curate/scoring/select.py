"""Who stays when not all can: thresholds on any score, the best N, or the best N that are not too much alike.

Records are taken in the order of their score. One is passed over when there are enough of its kind already (`most`: by
document, task, language or any label, such as a topic or a cluster), or when a record taken before it is too much like
it (`apart`: the score-first, diversity-aware selection of Liu et al. 2024, "What makes good data for alignment?", on
the vectors of seedbed/encode.py). What is passed over makes room for the next best.

Reads to the end before it yields. Texts wait on disk; in memory are, for each record, its id, its scores and the names
of its kinds, and with `apart` the vectors of what was taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec

from curate.scoring import cuts
from curate.scoring.choosing import Amounts, Candidate, Chosen, Kind, Left, Ties, choose, lot, rank
from curate.scoring.likeness import Likeness
from curate.waiting import WaitingRoom
from seedbed import encode
from seedbed.context import Context
from seedbed.record import Record, Rejection
from seedbed.text import language, length

VERSION = 1
_MOST_KINDS = 20  # of each name that the figures tell


class Cut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The scores that pass lie between these, cuts included."""

    above: float | None = None
    below: float | None = None

    def __post_init__(self) -> None:
        cuts.check(self.above, self.below, float("-inf"))


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What passes, and how many of it.

    within     thresholds by score: {ifd: {below: 1}, judge.correctness: {above: 3}}
    by         the score that ranks, or several, of which each decides between equals of those before it; a minus before
               a name turns it round (`-perplexity`: the lowest first)
    best       how many stay: a count, or a share of those within the thresholds as a number with a point (0.5)
    languages  the part of each language in `best`, as counts or shares: {en: 0.5, zh: 0.5}; one not named gets nothing
    most       how many of a kind stay, as a count or a share of `best`: {document: 20, task: 0.5}; kinds are document,
               task, language and the names of labels; a record that has none is under no cap
    apart      the cosine from which a record is too much like a better one; `near` or `same`: the encoder's own cut
    encoder    whose vectors those are (docs/encoders.md)
    ties       which of records with equal scores comes first: drawn by lot (`random`), the earlier (`first`), the one
               with the longest or the shortest answer
    missing    records without a score: `last`, after all others and under no threshold, or `reject`
    """

    within: dict[str, Cut] = {}
    by: str | tuple[str, ...] = "judge"
    best: int | float | None = None
    languages: dict[str, int | float] = {}
    most: dict[str, int | float] = {}
    apart: float | Literal["near", "same"] | None = None
    encoder: str = "default"
    ties: Ties = "random"
    missing: Literal["last", "reject"] = "last"

    def __post_init__(self) -> None:
        if not self.ranks or not all(name.removeprefix("-") for name in self.ranks):
            raise ValueError("by: expected the name of a score, or several")
        _check_amounts("best", {"best": self.best} if self.best is not None else {}, whole=False)
        for key in ("languages", "most"):
            _check_amounts(key, getattr(self, key), whole=self.best is None)
        if self.languages and self.best is None:
            raise ValueError("languages: are parts of `best`, which is not given")
        if isinstance(self.apart, int | float) and not 0 < self.apart <= 1:
            raise ValueError(f"apart: expected a cosine above 0 and up to 1, got {self.apart:g}")

    @property
    def ranks(self) -> tuple[str, ...]:
        return (self.by,) if isinstance(self.by, str) else self.by

    @property
    def first(self) -> str:
        """The score that people read: the first that ranks."""
        return self.ranks[0].removeprefix("-")


def _check_amounts(key: str, amounts: dict[str, int | float], whole: bool) -> None:
    """ValueError, which names the key, for what is neither a count nor (unless `whole`) a share."""
    least = 1 if key == "best" else 0
    for amount in amounts.values():
        if isinstance(amount, int) and amount < least:
            raise ValueError(f"{key}: expected a count of {least} or more, got {amount}")
        if isinstance(amount, float) and whole:
            raise ValueError(f"{key}: expected a count, since `best` is not given, got {amount:g}")
        if isinstance(amount, float) and not 0 < amount <= 1:
            raise ValueError(f"{key}: expected a count, or a share above 0 and up to 1.0, got {amount:g}")


def select(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, in order; those left out bear the reason, their score and the cut.

    low_score, high_score   outside `within`
    no_score                a score is missing, and `missing` says reject
    not_best                `best`, or its language's part of it, is full with better ones
    full                    as many of its kind as `most` allows are better
    too_near                `match`, which is better, asks nearly the same; the score is the cosine
    """
    outside: dict[int, Rejection] = {}
    candidates: dict[int, Candidate] = {}
    with WaitingRoom(context.folder) as waiting:
        for number, record in enumerate(records):
            waiting.add(record)
            if fault := _fault(record, options):
                outside[number] = fault
            else:
                candidates[number] = _candidate(number, record, options, context.seed)
        amounts = _amounts(len(candidates), options)
        chosen = choose(candidates.values(), amounts, _likeness(options, context, waiting))
        last = _last(chosen, amounts)
        for number, record in enumerate(waiting):
            context.progress.update(number + 1, len(waiting))
            if left := chosen.left.get(number):
                yield _left_out(record, left, candidates[number], last, amounts, options)
            else:
                why = outside.get(number)
                yield msgspec.structs.replace(record, rejection=why) if why else record
    context.figures |= _figures(options, amounts, candidates.values(), chosen, last)
    if not options.within and not options.most and options.best is None and options.apart is None:
        context.progress.say("  select: everything stays; give `within`, `best`, `most` or `apart`")
    if amounts.best is not None and len(chosen.taken) < amounts.best:
        context.progress.say(f"  select: {len(chosen.taken)} of the {amounts.best} best: no more pass")


def _fault(record: Record, options: Options) -> Rejection | None:
    """What is wrong with a record before any choice."""
    if options.missing == "reject":
        for name in (*options.within, *(name.removeprefix("-") for name in options.ranks)):
            if name not in record.scores:
                return Rejection("select", "no_score", f"it has no score `{name}`")
    for name, cut in options.within.items():
        score = record.scores.get(name)
        if score is not None and (why := cuts.outside(name, score, cut.above, cut.below)):
            return Rejection("select", *why, score=score)
    return None


def _candidate(number: int, record: Record, options: Options, seed: int) -> Candidate:
    place, score = rank(record.scores, options.ranks, _tie(record, options.ties, seed))
    spoken = record.language or language(record.user_text or record.text)
    kinds = tuple((name, value) for name in options.most if (value := _kind(record, name, spoken)))
    return Candidate(number, record.id, place, score, spoken, kinds)


def _tie(record: Record, ties: Ties, seed: int) -> float:
    """The place among equals, the least first."""
    if ties == "first":
        return 0.0
    if ties == "random":
        return lot(seed, record.id)
    size = length(record.answer or record.text)
    return -size if ties == "longest" else size


def _kind(record: Record, name: str, spoken: str) -> str:
    source = record.source
    own = {"document": source.document if source else "", "task": record.task, "language": spoken}
    return own.get(name) or record.labels.get(name, "")


def _amounts(candidates: int, options: Options) -> Amounts:
    """Shares as counts."""
    best = options.best if isinstance(options.best, int | None) else round(options.best * candidates)

    def counted(amounts: dict[str, int | float]) -> dict[str, int]:
        return {name: n if isinstance(n, int) else round(n * (best or 0)) for name, n in amounts.items()}

    return Amounts(best, counted(options.languages), counted(options.most))


def _likeness(options: Options, context: Context, waiting: WaitingRoom) -> Likeness | None:
    if options.apart is None:
        return None
    encoder = encode.load(options.encoder, context.progress)
    cut = encoder.threshold(options.apart) if isinstance(options.apart, str) else options.apart
    return Likeness(encoder, cut, waiting)


def _last(chosen: Chosen, amounts: Amounts) -> dict[str, float]:
    """The last score that was taken, of each language where these have parts of their own, else of all."""
    return {one.language if amounts.languages else "all": one.score for one in chosen.taken if one.score is not None}


def _left_out(
    record: Record, left: Left, one: Candidate, last: dict[str, float], amounts: Amounts, options: Options
) -> Record:
    own = f"its {options.first} is {one.score:.4g}" if one.score is not None else f"it has no {options.first}"
    if left.near:
        match = left.near.taken.id
        detail = f"asks nearly the same as {match} (cosine {left.near.cosine:.2f}), which is better; {own}"
        return record.reject("select", "too_near", detail, match=match, score=left.near.cosine)
    if left.reason == "full":
        name, value = left.kind
        detail = f"{amounts.most[name]} of {name} {value} are better; {own}"
    else:
        part = one.language if amounts.languages else "all"
        room = amounts.languages.get(part, 0) if amounts.languages else amounts.best
        of = f"{room} of {part}" if amounts.languages else f"the {room} best"
        detail = f"{own}; {of} stay" + (f", the last with {last[part]:.4g}" if part in last else "")
    return record.reject("select", left.reason, detail, score=one.score)


def _figures(
    options: Options, amounts: Amounts, candidates: Iterable[Candidate], chosen: Chosen, last: dict[str, float]
) -> dict[str, Any]:
    """`candidates` (within the thresholds) and `taken`, each with the spread of the first score; the `last` score that
    was taken, and how many with that same score are `tied`: left out by the rule for ties alone."""
    before = list(candidates)
    counts = Counter(kind for one in chosen.taken for kind in one.kinds)
    tied = sum(
        left.reason == "not_best" and one.score is not None
        and last.get(one.language if amounts.languages else "all") == one.score
        for one in before if (left := chosen.left.get(one.number))
    )
    return {
        "by": list(options.ranks),
        "best": amounts.best,
        "languages": dict(Counter(one.language for one in chosen.taken)),
        "candidates": _spread(before),
        "taken": _spread(chosen.taken),
        "unscored": sum(one.score is None for one in chosen.taken),
        "last": last,
        "tied": tied,
        "kinds": {name: _top(counts, name) for name in options.most},
    }


def _spread(several: Sequence[Candidate]) -> dict[str, float]:
    return cuts.spread([one.score for one in several if one.score is not None])


def _top(counts: Counter[Kind], name: str) -> dict[str, int]:
    several = [(kind[1], count) for kind, count in counts.most_common() if kind[0] == name]
    return dict(several[:_MOST_KINDS])
