"""Dialogues grounded in one passage: the first question stands alone, each follow-up leans on what was said before.

Each turn is verified as a pair of doc_qa is, against its own evidence (datagen/checks/verify.py), and each follow-up
both ways: it leans on the history, and is understood from it (follow.py). A dialogue with two verified turns or more is
kept with those; what was left out is named in its `extra`. Work goes in the seeded rounds of doc_qa.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from datagen.asking.answering import Answering
from datagen.checks.borrowed import common_words
from datagen.checks.certainty import ANSWER, QUESTION
from datagen.dialogue.talk import Manner
from datagen.dialogue.talking import talk
from datagen.dialogue.thread import thread
from datagen.doc_qa import probes
from datagen.doc_qa.brief import Brief
from datagen.material import kinds
from datagen.material.lots import lot
from datagen.material.passages import Passage, passage_of
from datagen.material.rounds import Share, next_round
from datagen.material.worn import Worn
from seedbed.chat import Complete
from seedbed.context import Context
from seedbed.gate import Gate
from seedbed.record import Record, Step, make
from seedbed.text import language

VERSION = 5

# For the plan; guesses, until a whole run was measured (docs/generators/dialogue.md).
EXPECTED_ACCEPTANCE = 0.5
_CALLS_A_TURN = 2.5
_PROMPT, _REPLY = 600, 45  # tokens a call: nearly all of a prompt is its examples

_KINDS = {"fact": 3, "how_to": 2, "why": 2, "compare": 1, "diagnose": 2, "summarise": 1}
_MOST_TURNS = 12


class Options(Answering, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to make of the passages.

    target       accepted dialogues; None: `per_passage` for each passage, as far as they carry
    per_passage  accepted dialogues about a passage, at most
    waves        times a passage is asked for one, at most; a later one goes over the points that are left
    turns        fewest and most turns asked for (a turn is a question and its answer); the number is drawn
    leaning      the least share of follow-ups that must lean on the history; the rest may stand alone
    context      a pair for each key `point` and then its follow-up, for small teachers, or the whole `passage` and the
                 dialogue in one call, for large ones
    openings     as in doc_qa, of first questions; a passage that is asked again is told what is worn out by then
    probes, keep, encoder
                 as in doc_qa, of each turn's full question; a turn that the job does not keep is left out
    about, about_zh, kinds, twin, certain_question, certain_answer, temperature, max_tokens
                 as in doc_qa; `twin` compares first questions, and the full questions within a dialogue
    """

    target: int | None = None
    per_passage: int = 1
    waves: int = 2
    turns: tuple[int, int] = (2, 6)
    leaning: float = 0.5
    about: str = ""
    about_zh: str = ""
    kinds: dict[str, float] = msgspec.field(default_factory=lambda: dict(_KINDS))
    context: Literal["point", "passage"] = "point"
    openings: float = 0.25
    probes: tuple[str, ...] = ()
    keep: tuple[str, ...] = ("grounded",)
    encoder: str = ""
    twin: float = 0.7
    certain_question: float = QUESTION
    certain_answer: float = ANSWER
    temperature: float = 0.3
    max_tokens: int = 400

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := set(self.kinds) - set(kinds.KINDS):
            raise ValueError(f"kinds: unknown {', '.join(sorted(unknown))}; known: {', '.join(kinds.KINDS)}")
        if not any(weight > 0 for weight in self.kinds.values()):
            raise ValueError("kinds: at least one weight must be above 0")
        for name in ("per_passage", "waves", "max_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected 1 or more")
        if self.target is not None and self.target < 1:
            raise ValueError("target: expected 1 or more")
        if not 2 <= self.turns[0] <= self.turns[1] <= _MOST_TURNS:
            raise ValueError(f"turns: expected [fewest, most] from 2 to {_MOST_TURNS}, got {list(self.turns)}")
        for name in ("leaning", "twin", "openings"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected a number from 0 to 1")
        probes.check(self.probes, self.keep)


@dataclass
class _State:
    """How far the stage is."""

    target: int
    gate: Gate
    worn: Worn
    drafts: int = 0
    accepted: int = 0
    by_language: Counter[str] = field(default_factory=Counter)
    by_turns: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    follow_ups: int = 0
    leaning: int = 0


def dialogue(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Passages in, dialogues out; those that failed bear the reason."""
    complete, loop = context.teacher()
    passages = [passage_of(r, "zh" if language(r.text) in ("zh", "mixed") else "en") for r in records if r.text]
    passages.sort(key=lambda passage: lot(context.seed, passage.text))
    most = options.per_passage * len(passages)
    state = _State(min(options.target or most, most), Gate(options.twin), Worn(options.openings))
    manners = {
        lang: Manner(
            _brief(options, lang, context, common_words((p.text for p in passages if p.language == lang), lang)),
            options.leaning,
            options.twin,
        )
        for lang in ("en", "zh")
    }
    rounds = 0
    while shares := next_round(passages, state.target - state.accepted, options.per_passage, options.waves, 1):
        rounds += 1
        for share in shares:
            share.passage.worn = state.worn.out(share.passage.record, share.passage.language)
        works = (_one(share, options, complete, manners[share.passage.language]) for share in shares)
        for share, record in zip(shares, loop.in_order(works, context.width), strict=True):
            share.passage.waves += 1
            if record is not None:
                yield _judge(record, share.passage, state)
        context.progress.update(state.accepted, state.target, f"{state.drafts} drafted, round {rounds}")
    context.figures |= {
        "target": state.target,
        "accepted": state.accepted,
        "rounds": rounds,
        "drafts": state.drafts,
        "by_language": dict(state.by_language),
        "by_turns": dict(sorted(state.by_turns.items())),
        "turns_left_out": dict(state.left_out.most_common()),
        "leaning_follow_ups": round(state.leaning / state.follow_ups, 4) if state.follow_ups else None,
        "passages": len(passages),
        "passages_covered": sum(p.accepted > 0 for p in passages),
    }
    if state.accepted < state.target:
        context.progress.say(
            f"  dialogue: {state.accepted} of {state.target} accepted; every passage has been asked "
            f"{options.waves} times. More documents, or a higher `waves`, give more"
        )


def estimate(passages: Iterable[Record], options: Options) -> tuple[int, int, int]:
    """Calls, prompt tokens and completion tokens to expect."""
    passages = list(passages)
    most = options.per_passage * len(passages)
    dialogues = min(options.target or most, most) / EXPECTED_ACCEPTANCE
    turns = sum(options.turns) / 2
    if options.context == "passage":
        size = sum(len(p.text) for p in passages) / max(1, len(passages)) / 2.5
        probed = dialogues * turns * len(options.probes)
        prompt, reply = dialogues * (_PROMPT + size), dialogues * turns * 2 * _REPLY
        return round(dialogues + probed), round(prompt + probed * _PROMPT), round(reply + probed * _REPLY)
    calls = dialogues * turns * (_CALLS_A_TURN + len(options.probes))
    return round(calls), round(calls * _PROMPT), round(calls * _REPLY)


def _brief(options: Options, lang: str, context: Context, common: frozenset[str] | None) -> Brief:
    about = {"en": options.about, "zh": options.about_zh or options.about}
    return Brief(
        about[lang],
        options.kinds,
        {"basic": 1},
        options.temperature,
        options.max_tokens,
        options.context,
        options.certain_question,
        options.certain_answer,
        context.seed,
        context.prompts,
        options,
        probes.of(options.probes, options.keep, about, options.encoder, context),
        common=common,
    )


async def _one(share: Share, options: Options, complete: Complete, manner: Manner) -> Record | None:
    """A dialogue about a passage, of a drawn number of turns; None where the passage has said before that it carries
    none."""
    passage = share.passage
    slots = thread(passage, manner.brief)
    random_ = random.Random(f"{manner.brief.seed}:{passage.text}:{passage.waves}:turns")
    wanted = random_.randint(*options.turns)
    if len(slots) >= 2:
        return await talk(passage, slots, wanted, complete, manner)
    said, passage.set_aside = passage.set_aside or bool(passage.asked), True
    return None if said else _carries_nothing(passage)


def _judge(record: Record, passage: Passage, state: _State) -> Record:
    """The last check, which needs to know what was accepted before: does this begin like another?"""
    state.drafts += 1
    state.left_out.update(turn["reason"] for turn in record.extra.get("_left_out", ()))
    if record.rejection is not None:
        return record
    if match := state.gate.offer(record.id, record.instruction):
        return record.reject(
            "dialogue", "twin_question", f"begins nearly as {match.key}", match=match.key, score=round(match.score, 4)
        )
    passage.accepted += 1
    state.accepted += 1
    state.worn.add(record)
    state.by_language[passage.language] += 1
    state.by_turns[record.labels["turns"]] += 1
    state.follow_ups += len(record.extra["_turns"]) - 1
    state.leaning += sum(turn["leans"] for turn in record.extra["_turns"])
    return record


def _carries_nothing(passage: Passage) -> Record:
    """The record of a passage with fewer than two key points."""
    step = Step(stage="dialogue", operation="talk", parents=(passage.record.id,))
    record = make(
        text=passage.text, source=passage.record.source, language=passage.language, task="dialogue", history=(step,)
    )
    return record.reject("dialogue", "carries_nothing", "fewer than two sentences stand alone and can be asked about")
