"""Preference pairs from verified records: their answer is `chosen`, a near miss of it `rejected`.

A pair teaches what its two answers differ in (Rafailov et al. 2023, "Direct preference optimization"), so the rejected
one is wrong in ONE named way and like the chosen one in everything else: the kinds are those that models get wrong, and
each is checked to be really wrong and really close (contrast.py).

    wrong_figure, swapped_entity, missing_condition    made by code from the answer and its document, for nothing
    unsupported_addition                               asked of the teacher: a likely claim without a source
    ignored_constraint, wrong_format                   asked of the teacher, of instructions that demand something

What the texts do not tell (a constraint that cannot be counted, an addition to a record without a source) is put to a
judge (pairing.py).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from datagen.preference import demands
from datagen.preference.negatives import Ground, by_code
from datagen.preference.pairing import CODED, Case, Manner, pair, task_of
from seedbed import ground as grounding
from seedbed.context import Context
from seedbed.record import Record, Step
from seedbed.text import language

VERSION = 2

ASKED = ("unsupported_addition", "ignored_constraint", "wrong_format")
_WEIGHTS = {"wrong_figure": 3, "swapped_entity": 2, "missing_condition": 2, "unsupported_addition": 2,
            "ignored_constraint": 1, "wrong_format": 1}
# For the plan: nearly every answer takes an addition, so its share of the weights is that of the calls. How many of
# these are accepted is a guess; tokens as counted in the prompts.
EXPECTED_ACCEPTANCE = 0.6
_PROMPT, _REPLY = 450, 60


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to make of the records.

    from         the generator whose records are taken, or several; without it all generators before, or an imported
                 data set (`records`)
    target       accepted pairs; None: `per_record` for each record, as far as they carry
    per_record   accepted pairs for a record, at most; each wrong in another way
    kinds        weights of the ways of being wrong; 0 leaves one out
    close        least and greatest ROUGE-L F1 between the two answers
    temperature, max_tokens   of the replies that the teacher writes
    """

    from_: str | tuple[str, ...] = msgspec.field(default="", name="from")
    target: int | None = None
    per_record: int = 1
    kinds: dict[str, float] = msgspec.field(default_factory=lambda: dict(_WEIGHTS))
    close: tuple[float, float] = (0.4, 0.99)
    temperature: float = 0.7
    max_tokens: int = 500

    def __post_init__(self) -> None:
        if unknown := set(self.kinds) - set(_WEIGHTS):
            raise ValueError(f"kinds: unknown {', '.join(sorted(unknown))}; known: {', '.join(_WEIGHTS)}")
        if not any(weight > 0 for weight in self.kinds.values()):
            raise ValueError("kinds: at least one weight must be above 0")
        if self.target is not None and self.target < 1:
            raise ValueError("target: expected 1 or more")
        for name in ("per_record", "max_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected 1 or more")
        if not 0 <= self.close[0] < self.close[1] <= 1:
            raise ValueError(f"close: expected [least, greatest] from 0 to 1, got {list(self.close)}")


@dataclass
class _Parent:
    """A record, the ways in which its answer can be made wrong, in the order in which they are tried, and for those
    made by code the wrong answer."""

    record: Record
    ground: Ground
    plan: list[str]
    coded: dict[str, str]
    tried: int = 0
    accepted: int = 0

    def case(self, manner: Manner, context: Context) -> Case:
        """The next wrong answer to try."""
        kind = self.plan[self.tried]
        return Case(self.record, self.ground, kind, self.coded.get(kind, ""), manner, context)


@dataclass
class _State:
    """How far the stage is."""

    target: int
    drafts: int = 0
    accepted: int = 0
    by_language: Counter[str] = field(default_factory=Counter)
    by_kind: Counter[str] = field(default_factory=Counter)


def preference(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Records in, preference pairs out; those that failed a check bear the reason. Passed over are records without an
    answer, pairs, and questions that the documents do not answer."""
    _, loop = context.teacher()
    source = grounding.Ground(context)
    parents: list[_Parent] = []
    passed_over = 0
    for record in records:
        if record.rejected is not None or not (record.answer and record.instruction) or _says_no(record):
            passed_over += 1
            continue
        parent = _parent(record, source, options, context.seed)
        if parent.plan:
            parents.append(parent)
        else:
            yield _no_negative(record)
    random.Random(context.seed).shuffle(parents)
    most = options.per_record * len(parents)
    state = _State(min(options.target or most, most))
    manner = Manner(options.close, options.temperature, options.max_tokens)
    rounds = 0
    while turns := _next_round(parents, state, options):
        rounds += 1
        works = (pair(parent.case(manner, context)) for parent in turns)
        for parent, record in zip(turns, loop.in_order(works, context.width), strict=True):
            parent.tried += 1
            yield _count(record, parent, state)
        context.progress.update(state.accepted, state.target, f"{state.drafts} made, round {rounds}")
    context.figures |= {
        "target": state.target,
        "accepted": state.accepted,
        "rounds": rounds,
        "drafts": state.drafts,
        "by_language": dict(state.by_language),
        "by_kind": dict(state.by_kind.most_common()),
        "records": len(parents),
        "records_covered": sum(parent.accepted > 0 for parent in parents),
        "passed_over": passed_over,
    }
    if state.accepted < state.target:
        context.progress.say(
            f"  preference: {state.accepted} of {state.target} accepted; every record's answer has been made wrong in "
            "each way that it offers"
        )


def estimate(records: Iterable[Record], options: Options) -> tuple[int, int, int]:
    """Calls, prompt tokens and completion tokens to expect; what code makes costs none."""
    most = options.per_record * sum(1 for _ in records)
    weights = {kind: weight for kind, weight in options.kinds.items() if weight > 0}
    asked = sum(weights.get(kind, 0) for kind in ASKED) / sum(weights.values())
    calls = min(options.target or most, most) * asked / EXPECTED_ACCEPTANCE
    return round(calls), round(calls * _PROMPT), round(calls * _REPLY)


def _parent(record: Record, source: grounding.Ground, options: Options, seed: int) -> _Parent:
    lang = record.language if record.language in ("en", "zh") else "zh" if language(record.answer) == "zh" else "en"
    evidence = "\n".join(quote.quote for quote in record.evidence)
    ground = Ground(_question(record), evidence, source.of(record), source.document(record), lang)
    random_ = random.Random(f"{seed}:{record.id}:preference")
    coded = {kind: wrong for kind in CODED
             if options.kinds.get(kind, 0) > 0 and (wrong := by_code(kind, record.answer, ground, random_))}
    task = task_of(record)
    offered = [kind for kind in _WEIGHTS if kind in coded
               or (options.kinds.get(kind, 0) > 0 and _asks(kind, task, record.answer))]
    plan: list[str] = []
    while offered:
        plan.append(random_.choices(offered, [options.kinds[kind] for kind in offered])[0])
        offered.remove(plan[-1])
    return _Parent(record, ground, plan, coded)


def _question(record: Record) -> str:
    """All that was asked and said before the answer; of a dialogue's last turn also the full question."""
    said = [*(message.content for message in record.messages[:-1]), record.input, task_of(record)]
    return "\n".join(dict.fromkeys(text for text in said if text))


def _says_no(record: Record) -> bool:
    """Whether the answer is that the documents do not tell: nothing in it is a figure, a name or a condition."""
    return record.labels.get("answerable") == "no"


def _asks(kind: str, task: str, answer: str) -> bool:
    """Whether the teacher can be asked for that kind: what is ignored must have been demanded, and kept to before."""
    if kind == "wrong_format":
        return bool(demands.demanded_format(task)) and demands.keeps_format(task, answer)
    if kind == "ignored_constraint":
        return demands.constrains(task) and demands.keeps_limits(task, answer) is not False
    return kind == "unsupported_addition"


def _next_round(parents: list[_Parent], state: _State, options: Options) -> list[_Parent]:
    """Whose answers to make wrong next: those with the fewest pairs first, as many as are missing."""
    open_ = [p for p in parents if p.accepted < options.per_record and p.tried < len(p.plan)]
    open_.sort(key=lambda p: (p.accepted, p.tried))  # stable: ties stay in the seeded order
    return open_[: max(0, state.target - state.accepted)]


def _count(record: Record, parent: _Parent, state: _State) -> Record:
    state.drafts += 1
    if record.rejection is None:
        parent.accepted += 1
        state.accepted += 1
        state.by_language[parent.ground.lang] += 1
        state.by_kind[record.labels["negative"]] += 1
    return record


def _no_negative(record: Record) -> Record:
    step = Step(stage="preference", operation="plan", parents=(record.id,))
    return record.revised(step, task="preference").reject(
        "preference", "no_negative", "its answer has no figure, name or condition to change, and no kind is asked for"
    )
