"""Augmentation: some of the records once more, in other words, with the meaning checked.

What comes is a record of its own beside its original: source, evidence and fact ids stay, the label `augmented` names
the kind, and the history has the original as its parent. The kinds are in reword.py, the checks in
meaning.py; what fails one is rejected with its reason, and the next record is taken until the target is met.

Natural noise is at most 5 % of the records, whatever the weights say and over all passes of a job: enough to get used
to, too little to learn. Another pass takes the records in another order, so that it does not make the same again.
Records that are near their original on purpose (noise, a polished answer to the same question) are spared by the
near-duplicate stages (see seedbed/kin.py); `split` keeps near-duplicate questions together in train, so no test is
answered.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import ClassVar, Literal

import msgspec

from datagen.asking.answering import lacks
from datagen.augment import meaning
from datagen.augment.reword import KINDS, Manner, Rewording, reword
from datagen.checks.verify import Fault
from datagen.material import kinds as weights
from datagen.material.lots import lot, said
from seedbed import jsonl
from seedbed.context import Context
from seedbed.gate import rouge_l
from seedbed.ground import Ground
from seedbed.kin import STAGE
from seedbed.record import Message, Record, Step, make
from seedbed.text import language, normalise
from seedbed.turns import calls_tools

VERSION = 2
# The most noise, as a share of the records; the upper bound of the requirement, and of every job.
MOST_NOISE = 0.05

# For the plan: prompt and completion tokens of a call, and calls, by kind; as the embedded teacher has them.
_COST = {"paraphrase": (450, 35, 1), "polish": (600, 60, 1), "back_translate": (350, 40, 2), "synonyms": (500, 45, 1),
         "noise": (0, 0, 0)}
EXPECTED_ACCEPTANCE = 0.5


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to make of which records.

    from        generators whose records are taken, or `records` (the imported data set); empty: all before this one
    kinds       weights of the kinds; 0 leaves one out
    share       accepted records, as a share of those that can be augmented
    target      the same as a number; over `share` where it is given
    noise       the most noise, as a share of all records read; 0.05 or less
    translated  what `back_translate` sends through the other language
    """

    from_: str | tuple[str, ...] = msgspec.field(default="", name="from")
    kinds: dict[str, float] = msgspec.field(
        default_factory=lambda: {"paraphrase": 4, "polish": 2, "back_translate": 2, "synonyms": 1, "noise": 1}
    )
    share: float = 0.3
    target: int | None = None
    noise: float = MOST_NOISE
    translated: Literal["instruction", "answer", "both"] = "instruction"
    temperature: float = 0.7
    max_tokens: int = 800

    LACKS: ClassVar[dict[str, str]] = lacks("it makes no new answer; steps that an answer has stay")

    def __post_init__(self) -> None:
        if unknown := set(self.kinds) - set(KINDS):
            raise ValueError(f"kinds: unknown {', '.join(sorted(unknown))}; known: {', '.join(KINDS)}")
        if not any(weight > 0 for weight in self.kinds.values()):
            raise ValueError("kinds: at least one weight must be above 0")
        if not 0 < self.share <= 1:
            raise ValueError(f"share: expected a share above 0 and up to 1, got {self.share}")
        if not 0 <= self.noise <= MOST_NOISE:
            raise ValueError(f"noise: expected a share of {MOST_NOISE} or less, got {self.noise}")
        if self.target is not None and self.target < 1:
            raise ValueError("target: expected 1 or more")
        if self.max_tokens < 1:
            raise ValueError("max_tokens: expected 1 or more")


@dataclass
class _State:
    """How far the stage is. `noise` is how many noisy records may still come."""

    queue: deque[Record]
    target: int
    noise: int
    asked: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)

    @property
    def missing(self) -> int:
        return self.target - self.accepted.total()


def augment(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Augmented records, in rounds until the target is met or every record was taken; what failed bears the reason.

    Taken are conversations of one question and one answer that train: dialogues, preference pairs, tool calls, running
    text, test records and what was augmented before are not. Figures: `by_kind`, `left_out`, `noise_at_most`.
    """
    complete, loop = context.teacher()
    given = list(records)
    left_out = Counter(why for record in given if (why := _unfit(record)))
    passes = [f for name, f in context.upstream.items() if name == STAGE or name.endswith(f"-{STAGE}")]
    seed = context.seed + len(passes)
    fit = sorted((r for r in given if not _unfit(r)), key=lambda record: lot(seed, said(record)))
    target = min(options.target or round(options.share * len(fit)), len(fit))
    noise = max(0, int(options.noise * len(given)) - _noisy(given, passes))
    state = _State(deque(fit), target, noise)
    ground = Ground(context)
    manner = Manner(complete, options.translated, options.temperature, options.max_tokens, context.prompts)
    while state.missing > 0 and (batch := _batch(state, options, seed)):
        for work in loop.in_order((reword(one, manner) for one in batch), context.width):
            work.fault = work.fault or _fault(work, ground)
            state.asked[work.kind] += 1
            state.accepted[work.kind] += work.fault is None
            state.noise += work.kind == "noise" and work.fault is not None
            yield _record(work, manner)
            context.progress.update(state.accepted.total(), target, f"{state.asked.total()} tried")
    context.figures |= {
        "target": target,
        "accepted": state.accepted.total(),
        "by_kind": {k: {"tried": state.asked[k], "accepted": state.accepted[k]} for k in KINDS if state.asked[k]},
        "left_out": dict(sorted(left_out.items())),
        "noise_at_most": noise,
    }
    if state.missing > 0:
        why = (
            f"of {len(given)} records {noise} more may be noisy, and no other kind is asked for"
            if state.queue else "no record is left to try"
        )
        context.progress.say(f"  augment: {state.accepted.total()} of {target} accepted; {why}")


def expected(records: Sequence[Record], options: Options) -> int:
    """Records to expect of these, at most."""
    return min(options.target or round(options.share * len(records)), len(records))


def estimate(records: Iterable[Record], options: Options) -> tuple[int, int, int]:
    """Calls, prompt tokens and completion tokens to expect."""
    fit = sum(not _unfit(record) for record in records)
    tries = min(fit, min(options.target or round(options.share * fit), fit) / EXPECTED_ACCEPTANCE)
    whole = sum(options.kinds.values())
    calls = {kind: tries * weight / whole * _COST[kind][2] for kind, weight in options.kinds.items()}
    prompt, completion = (sum(_COST[kind][i] * n for kind, n in calls.items()) for i in (0, 1))
    return round(sum(calls.values())), round(prompt), round(completion)


def _unfit(record: Record) -> str:
    """Why a record is not augmented; empty where it can be."""
    roles = [message.role for message in record.messages if message.role != "system"]
    if not record.messages:
        return "running_text"
    if roles != ["user", "assistant"] or any(calls_tools(message) for message in record.messages):
        return "dialogue"
    if record.rejected is not None:
        return "preference"
    if "augmented" in record.labels:
        return "augmented"
    if record.split not in ("", "train"):
        return "test"
    if language(record.instruction) == "other" or not record.answer.strip():
        return "no_words"
    return ""


def _noisy(given: Sequence[Record], passes: Sequence[Path]) -> int:
    """How many noisy records earlier passes have made of these, be they among them or, for `from`, not."""
    ids = {record.id for record in given}
    files = (folder / "kept.jsonl" for folder in passes)
    made = chain.from_iterable(jsonl.read(file) for file in files if file.is_file())  # in a preview it may not be there
    besides = (record for record in made if record.id not in ids and record.history[-1].parents[0] in ids)
    return sum(record.labels.get("augmented") == "noise" for record in chain(given, besides))


def _batch(state: _State, options: Options, seed: int) -> list[Rewording]:
    """As many records as are missing, each with its kind; one language and kind after the other, for prompt caches."""
    batch: list[Rewording] = []
    while state.queue and len(batch) < state.missing:
        known = [kind for kind, weight in options.kinds.items() if weight > 0 and (kind != "noise" or state.noise > 0)]
        if not known:
            break
        record = state.queue.popleft()
        kind = weights.draw(options.kinds, known, random.Random(f"{seed}:{said(record)}:kind"))
        state.noise -= kind == "noise"
        lang = "zh" if language(record.instruction) in ("zh", "mixed") else "en"
        batch.append(Rewording(record, kind, lang, seed, record.instruction, record.answer))
    return sorted(batch, key=lambda work: (work.lang, work.kind))


def _fault(work: Rewording, ground: Ground) -> Fault | None:
    """What is wrong with a rewording; noise was made so that only its words can have suffered."""
    record, lang = work.record, work.lang
    if work.kind == "noise":
        return meaning.exact_fault(record.instruction, work.instruction, lang)
    evidence = "\n".join(quote.quote for quote in record.evidence) or (ground.of(record) if record.source else "")
    known = "\n".join((record.instruction, record.input, record.answer, evidence))
    for name in work.changed:
        old, new = getattr(record, name), getattr(work, name)
        besides = record.user_text if name == "answer" else record.input
        if fault := meaning.changed(old, new, lang, known, besides):
            return fault
    question = normalise(record.instruction)
    if question in normalise(work.answer) and question not in normalise(record.answer):
        return Fault("echo", "the answer says the question again")
    if fault := meaning.asks_otherwise(record.instruction, work.instruction, lang):
        return fault
    if not evidence:
        return None
    fault = meaning.term_fault(record, work.instruction, evidence, lang)
    return fault or meaning.ground_fault(record, work.instruction, work.answer, evidence, lang)


def _record(work: Rewording, manner: Manner) -> Record:
    """The augmented record, or what came of it with the reason why it is none."""
    record, kind = work.record, work.kind
    step = Step(
        stage=STAGE,
        operation=kind,
        parents=(record.id,),
        prompt="" if kind == "noise" else manner.prompt(work.lang, kind).label,
        teacher="" if kind == "noise" else manner.complete.model,
        calls=work.calls,
        note=work.note,
    )
    texts = {"user": work.instruction, "assistant": work.answer}
    turns = tuple(Message(m.role, texts.get(m.role, m.content), m.extra) for m in record.messages)
    labels = record.labels | {"augmented": kind}
    # Scores were of the words it had before.
    scores = {"likeness": round(min(rouge_l(getattr(record, n), getattr(work, n)) for n in work.changed), 4)}
    scores |= {"certainty": round(work.certainty, 4)} if work.certainty is not None else {}
    if work.fault is None:
        return record.revised(step, messages=turns, labels=labels, scores=scores)
    if turns == record.messages:  # nothing came: the rejected record is not its original
        empty = make(text=f"{kind}\n{record.instruction}", language=record.language, task=record.task,
                     source=record.source, history=(*record.history, step), labels=labels, extra={"raw": work.raw})
        return empty.reject(STAGE, *work.fault)
    made = record.revised(step, messages=turns, labels=labels, scores=scores, extra=record.extra | {"raw": work.raw})
    return made.reject(STAGE, *work.fault)
