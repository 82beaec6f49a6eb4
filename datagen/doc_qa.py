"""Question-answer pairs from passages, each with exact evidence, spread evenly over the documents.

Work goes in seeded rounds. A round asks the passages that have the fewest accepted pairs; its replies are handled in
the order of the requests, so equal job and equal journal give equal records. Rounds go on until the target of ACCEPTED
pairs is met or no passage has anything left to ask. What is not accepted is yielded with its reason.

Beyond the checks of `verify`, a pair whose question is a near twin of an accepted one (ROUGE-L over `twin`) is rejected
here, while something can still be done about it: the round after asks for another.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from datagen import draft as drafting
from datagen import kinds
from datagen.passages import Brief, Passage, passage_of
from datagen.rounds import next_round
from seedbed.context import Context
from seedbed.gate import Gate
from seedbed.record import Record
from seedbed.text import language

VERSION = 2

# Share of drafted pairs that is accepted, for the plan. Measured with the embedded teacher on the handbook
# (docs/quality.md).
EXPECTED_ACCEPTANCE = 0.45
_EXAMPLES, _REPLY = 700, 65  # tokens, likewise

_KINDS = {"fact": 3, "how_to": 2, "why": 2, "compare": 1, "diagnose": 2, "summarise": 1}
_LEVELS = {"basic": 3, "intermediate": 3, "advanced": 1}


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to make of the passages.

    target       accepted pairs; None: `per_passage` for each passage, as far as they carry
    per_passage  accepted pairs for a passage, at most
    waves        times a passage is asked for new pairs, at most
    at_once      pairs drafted for a passage in a round, each on a key point of its own
    context      what the teacher sees of the passage: the key `point`'s own sentences (a small model asks about
                 whatever else it sees), or the whole `passage`, for large models
    about        what the documents are about, in a phrase ("seedbed, a tool that …"): the teacher is told, and
                 questions may name it. `about_zh` for Chinese passages, where it differs
    kinds        weights of the kinds of question; 0 leaves one out
    levels       weights of the levels of difficulty
    twin         ROUGE-L F1 above which a question counts as asked already
    certain_question, certain_answer
                 the least certainty of the teacher about its own words, 0 to 1 (datagen/certainty.py); 0 leaves that
                 check out, and so does an endpoint that tells no probabilities
    """

    target: int | None = None
    per_passage: int = 3
    waves: int = 2
    at_once: int = 3
    about: str = ""
    about_zh: str = ""
    kinds: dict[str, float] = msgspec.field(default_factory=lambda: dict(_KINDS))
    levels: dict[str, float] = msgspec.field(default_factory=lambda: dict(_LEVELS))
    context: Literal["point", "passage"] = "point"
    twin: float = 0.7
    certain_question: float = 0.7
    certain_answer: float = 0.85
    temperature: float = 0.3
    max_tokens: int = 400

    def __post_init__(self) -> None:
        for name, known in (("kinds", kinds.KINDS), ("levels", kinds.LEVELS)):
            weights = getattr(self, name)
            if unknown := set(weights) - set(known):
                raise ValueError(f"{name}: unknown {', '.join(sorted(unknown))}; known: {', '.join(known)}")
            if not any(weight > 0 for weight in weights.values()):
                raise ValueError(f"{name}: at least one weight must be above 0")
        for name in ("per_passage", "waves", "at_once", "max_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected 1 or more")
        if self.target is not None and self.target < 1:
            raise ValueError("target: expected 1 or more")


@dataclass
class _State:
    """How far the stage is."""

    target: int
    gate: Gate
    drafts: int = 0
    accepted: int = 0
    failed_replies: int = 0
    by_language: dict[str, int] = field(default_factory=dict)


def doc_qa(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Passages in, question-answer records out; those that failed a check bear the reason."""
    complete, loop = context.teacher()
    passages = [passage_of(r, "zh" if language(r.text) in ("zh", "mixed") else "en") for r in records if r.text]
    random.Random(context.seed).shuffle(passages)
    most = options.per_passage * len(passages)
    state = _State(min(options.target or most, most), Gate(options.twin))
    briefs = {lang: _brief(options, lang, context) for lang in ("en", "zh")}
    rounds = 0
    while shares := next_round(
        passages, state.target - state.accepted, options.per_passage, options.waves, options.at_once
    ):
        rounds += 1
        works = (drafting.wave(s.passage, s.count, complete, briefs[s.passage.language]) for s in shares)
        for share, outcome in zip(shares, loop.in_order(works, context.width), strict=True):
            share.passage.waves += 1
            for record in outcome:
                yield _judge(record, share.passage, state)
            context.progress.update(state.accepted, state.target, f"{state.drafts} drafted, round {rounds}")
    context.figures |= {
        "target": state.target,
        "accepted": state.accepted,
        "rounds": rounds,
        "drafts": state.drafts,
        "parse_failures": state.failed_replies,
        "by_language": state.by_language,
        "passages": len(passages),
        "passages_covered": sum(p.accepted > 0 for p in passages),
    }
    if state.accepted < state.target:
        context.progress.say(
            f"  doc_qa: {state.accepted} of {state.target} accepted; every passage has been asked "
            f"{options.waves} times. More documents, or a higher `waves`, give more"
        )


def estimate(passages: Iterable[Record], options: Options) -> tuple[int, int, int]:
    """Calls, prompt tokens and completion tokens to expect. Averages measured with the embedded teacher."""
    passages = list(passages)
    target = min(options.target or options.per_passage * len(passages), options.per_passage * len(passages))
    calls = target / EXPECTED_ACCEPTANCE
    size = sum(len(p.text) for p in passages) / max(1, len(passages)) / 2.5
    # The examples are most of a prompt (endpoints with a prompt cache charge less for them); then the point, or all of
    # the passage.
    prompt = _EXAMPLES + (size if options.context == "passage" else 50)
    return round(calls), round(prompt * calls), round(_REPLY * calls)


def _brief(options: Options, lang: str, context: Context) -> Brief:
    about = (options.about_zh or options.about) if lang == "zh" else options.about
    return Brief(
        about,
        options.kinds,
        options.levels,
        options.temperature,
        options.max_tokens,
        options.context,
        options.certain_question,
        options.certain_answer,
        context.seed,
        context.prompts,
    )


def _judge(record: Record, passage: Passage, state: _State) -> Record:
    """The last check, which needs to know what was accepted before: is this question a twin?"""
    state.drafts += 1
    if record.rejection is not None:
        state.failed_replies += not record.messages and record.rejection.reason != "carries_nothing"
        return record
    if match := state.gate.offer(record.id, record.instruction):
        return record.reject(
            "doc_qa", "twin_question", f"nearly the words of {match.key}", match=match.key, score=round(match.score, 4)
        )
    passage.accepted += 1
    state.accepted += 1
    state.by_language[passage.language] = state.by_language.get(passage.language, 0) + 1
    return record
