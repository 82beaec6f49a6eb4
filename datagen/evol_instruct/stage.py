"""Evol-Instruct (Xu et al. 2023, "WizardLM"): tasks made harder, or varied, round by round, in both languages.

    evolve      each task takes one of six operations: five in depth, one in breadth (evolve.py)
    eliminate   what gained nothing, was not answered, or leaks the prompt (elimination.py)
    go on       what survived is what the next round evolves; where an evolution failed, its parent, unchanged

What is evolved: seedbed's written tasks (`from: seeds`, which are then in the data set too), or the records of other
stages. Grounded records stay grounded: question and answer rest on the passage of the parent.

A round's operation is drawn from the job's seed, the record's id and the round, so it depends on no other record. What
is near to a task that is there already is told from the pool as the order of the records makes it, not that of the
replies: equal job and equal journal give equal records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from datagen.asking.answering import Answering
from datagen.checks.verify import Fault
from datagen.evol_instruct.evolve import OPERATIONS, Draft, Evolution, Sampling, rewritten, spoken
from datagen.evol_instruct.parents import parents
from datagen.evol_instruct.trial import finished
from datagen.self_instruct.seed_tasks import own_files
from seedbed.chat import Loop
from seedbed.context import Context
from seedbed.gate import Gate
from seedbed.ground import Ground
from seedbed.record import Record
from seedbed.text import exact_terms, normalise

VERSION = 2

_NEIGHBOURS = 3  # most similar tasks kept on a task made in breadth
# For the plan, in tokens: prompts were 340 to 710 long and replies 15 to 130 (docs/generators/evol_instruct.md).
_PROMPT, _REPLY, _VERDICT, _ANSWER = 450, 65, 20, 250


class Options(Answering, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is evolved, how often, and in which ways.

    from         `seeds` (seedbed's written tasks, in both languages), a generator before this one, `records` (the
                 imported data set), or several of them. Left out: all generators before, or else the data set, or
                 else the seeds
    rounds       times each record is evolved
    operations   weights of the six operations; 0, or a name left out, leaves one out
    count        how many of the records are evolved, drawn by the job's seed; None: all
    judge        whether a teacher is asked if an evolution is equal to its parent
    threshold    ROUGE-L F1 above which a task made in breadth counts as known
    temperature, top_p, max_tokens
                 of rewriting and answering; an answer from a passage is drawn at 0.3 at most
    """

    from_: str | tuple[str, ...] = msgspec.field(default="", name="from")
    rounds: int = 4
    operations: dict[str, float] = msgspec.field(default_factory=lambda: dict.fromkeys(OPERATIONS, 1.0))
    count: int | None = None
    judge: bool = True
    threshold: float = 0.7
    temperature: float = 1.0
    top_p: float = 0.9
    max_tokens: int = 2048

    OWN: ClassVar[tuple[str, ...]] = ("seeds",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := set(self.operations) - set(OPERATIONS):
            known = ", ".join(OPERATIONS)
            raise ValueError(f"operations: unknown {', '.join(sorted(unknown))}; known: {known}")
        if min(self.operations.values(), default=0) < 0 or not any(self.operations.values()):
            raise ValueError("operations: expected weights of 0 and more, at least one above 0")
        if self.rounds < 1 or self.max_tokens < 1 or (self.count is not None and self.count < 1):
            raise ValueError("rounds, max_tokens and count: expected 1 or more")
        if not (0 <= self.threshold <= 1 and 0 < self.top_p <= 1 and self.temperature >= 0):
            raise ValueError("threshold and top_p: expected 0 to 1; temperature: 0 or more")

    @property
    def sources(self) -> tuple[str, ...]:
        """The stages that `from` names."""
        return ((self.from_,) if self.from_ else ()) if isinstance(self.from_, str) else self.from_


@dataclass
class _Pool:
    """Every task that is there, of both languages: what is evolved, and what came of it."""

    gates: dict[str, Gate]
    known: dict[str, str] = field(default_factory=dict)  # normal form of task and input -> key
    ids: dict[str, str] = field(default_factory=dict)  # key of a draft -> id of its record

    def add(self, key: str, record: Record) -> None:
        self.known.setdefault(normalise(record.user_text), key)
        self.gates[spoken(record)].add(key, record.instruction, exact_terms(record.instruction))

    def check(self, key: str, draft: Draft) -> None:
        """Marks a draft that says what is there already; lets one in breadth in, so that its twin finds it."""
        if draft.fault:
            return
        said = normalise(draft.task)
        if found := self.known.get(said):
            draft.fault = Fault("near_duplicate", "the very words of another task")
            draft.match, draft.score = found, 1.0
            return
        self.known[said] = key
        if draft.operation != "in_breadth":
            return
        gate = self.gates[draft.language]
        near = gate.most_similar(draft.instruction, _NEIGHBOURS)
        draft.similar = [{"id": match.key, "score": round(match.score, 4)} for match in near]
        if match := gate.offer(key, draft.instruction, exact_terms(draft.instruction)):
            draft.fault = Fault("near_duplicate", f"ROUGE-L {match.score:.2f} against a task that was there before")
            draft.match, draft.score = match.key, round(match.score, 4)

    def name(self, draft: Draft) -> None:
        """Ids of records for keys of drafts, now that all drafts before it are records."""
        draft.match = self.ids.get(draft.match, draft.match)
        draft.similar = [near | {"id": self.ids.get(near["id"], near["id"])} for near in draft.similar]


def watch(options: Options) -> list[Path]:
    return own_files() if "seeds" in options.sources or not options.sources else []


def evol_instruct(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Evolved records of every round, and the seeds that they were made from; what was eliminated bears its reason.

    Dialogues, preference pairs, texts, records with a system turn and unanswerable questions are passed over.
    """
    complete, loop = context.teacher()
    given = parents(records, "seeds" in options.sources, not options.sources, options.count, context.seed)
    evolution = Evolution(
        context,
        complete,
        context.teacher("judge")[0] if options.judge else None,
        Ground(context),
        options,
        options.operations,
        Sampling(options.temperature, options.top_p, options.max_tokens),
    )
    pool = _Pool({lang: Gate(options.threshold) for lang in ("en", "zh")})
    for record in (*given.others, *given.drawn):
        pool.add(record.id, record)
    yield from (record for record in given.drawn if record.id in given.seeds)
    lines = given.drawn
    context.figures |= {"evolved": len(lines), "passed_over": given.passed_over, "rounds": []}
    for number in range(1, options.rounds + 1):
        lines = yield from _round(lines, number, evolution, pool, loop)
    _sum_up(context)


def estimate(records: Iterable[Record], options: Options) -> tuple[int, int, int]:
    """Calls, prompt tokens and completion tokens, if no evolution fails before its answer."""
    evolutions = options.rounds * sum(_counted(records, options))
    judged, answers = evolutions * options.judge, evolutions * options.answers
    calls = evolutions + judged + answers
    return calls, _PROMPT * calls, _REPLY * evolutions + _VERDICT * judged + _ANSWER * answers


def expected(records: Iterable[Record], options: Options) -> int:
    """Records that it gives out at most: every evolution, and the seeds."""
    drawn, seeds = _counted(records, options)
    return options.rounds * (drawn + seeds) + seeds


def _counted(records: Iterable[Record], options: Options) -> tuple[int, int]:
    """How many records of other stages are evolved, and how many seeds."""
    given = parents(records, "seeds" in options.sources, not options.sources, options.count, 0)
    return len(given.drawn) - len(given.seeds), len(given.seeds)


def _round(
    lines: list[Record], number: int, evolution: Evolution, pool: _Pool, loop: Loop
) -> Generator[Record, None, list[Record]]:
    """One round over all records; returns what the next one evolves."""
    context = evolution.context
    drafts = {f"{parent.id}/{number}": evolution.draw(parent, number) for parent in lines}
    works = (rewritten(evolution, draft) for draft in drafts.values())
    for done, (key, draft) in enumerate(zip(drafts, loop.in_order(works, context.width), strict=True), 1):
        pool.check(key, draft)
        context.progress.update(done, len(lines), f"round {number}: rewriting")
    sound = [draft for draft in drafts.values() if draft.fault is None]
    for done, _ in enumerate(loop.in_order((finished(evolution, draft) for draft in sound), context.width), 1):
        context.progress.update(done, len(sound), f"round {number}: judging and answering")
    following = []
    for key, draft in drafts.items():
        pool.name(draft)
        record = evolution.record(draft)
        pool.ids[key] = record.id
        if record.rejection is None and draft.operation != "in_breadth":
            pool.add(key, record)
        following.append(draft.parent if record.rejection else record)
        yield record
    context.figures["rounds"].append(_counts(drafts.values()))
    return following


def _counts(drafts: Iterable[Draft]) -> dict[str, Any]:
    """What a round came to, by operation and by rule."""
    by_operation: dict[str, dict[str, Any]] = {}
    for draft in drafts:
        counts = by_operation.setdefault(draft.operation, {"asked": 0, "kept": 0, "eliminated": {}})
        counts["asked"] += 1
        if draft.fault is None:
            counts["kept"] += 1
        else:
            counts["eliminated"][draft.fault.reason] = counts["eliminated"].get(draft.fault.reason, 0) + 1
    return {
        "asked": sum(counts["asked"] for counts in by_operation.values()),
        "kept": sum(counts["kept"] for counts in by_operation.values()),
        "operations": dict(sorted(by_operation.items())),
    }


def _sum_up(context: Context) -> None:
    """The figures over all rounds, and a word where little came of it."""
    rules, operations = Counter[str](), dict[str, Counter[str]]()
    for round_ in context.figures["rounds"]:
        for name, counts in round_["operations"].items():
            operations.setdefault(name, Counter()).update(asked=counts["asked"], kept=counts["kept"])
            rules.update(counts["eliminated"])
    asked, kept = (sum(counts[name] for counts in operations.values()) for name in ("asked", "kept"))
    context.figures |= {
        "asked": asked,
        "accepted": kept,
        "operations": {name: dict(counts) for name, counts in sorted(operations.items())},
        "eliminated": dict(rules.most_common()),
    }
    if kept * 2 < asked:
        most = ", ".join(f"{rule} {count}" for rule, count in rules.most_common(3))
        context.progress.say(f"  evol_instruct: {kept} of {asked} evolutions survived ({most})")
