"""Question-answer pairs from passages, each with exact evidence, spread evenly over the documents.

Work goes in seeded rounds. A round asks the passages that have the fewest accepted pairs; its replies are handled in
the order of the requests, so equal job and equal journal give equal records. Rounds go on until the target of ACCEPTED
pairs is met or no passage has anything left to ask. What is not accepted is yielded with its reason.

Beyond the checks of `verify`, a pair whose question is a near twin of an accepted one (ROUGE-L over `twin`) is rejected
here, while something can still be done about it: the round after asks for another. Questions about two figures or two
codes are no twins, however alike their words ("What does E01 mean?", "What does E02 mean?").

After the pairs about one passage come those over two (hops.py) and those that the documents do not answer
(unanswerable.py), each up to its share.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import msgspec

from datagen.asking.answering import Answering
from datagen.checks.borrowed import common_words
from datagen.checks.certainty import ANSWER, QUESTION
from datagen.doc_qa import draft as drafting
from datagen.doc_qa import nearness, probes, topics
from datagen.doc_qa.brief import Brief
from datagen.doc_qa.hops import hop_pair, hops
from datagen.doc_qa.phrasings import wordings
from datagen.doc_qa.unanswerable import Unanswered, unanswerable
from datagen.material import kinds
from datagen.material.lots import lot
from datagen.material.passages import Passage, passage_of
from datagen.material.rounds import Wholes, next_round
from datagen.material.worn import Worn
from seedbed.chat import Complete, Loop
from seedbed.context import Context
from seedbed.gate import Gate
from seedbed.kin import named
from seedbed.record import Record
from seedbed.text import language

VERSION = 6

# Share of drafted pairs that is accepted, for the plan. Measured with the embedded teacher on the handbook
# (docs/quality.md).
EXPECTED_ACCEPTANCE = 0.45
_EXAMPLES, _REPLY = 700, 65  # tokens, likewise
_TRIES = 6  # hops, and questions without an answer, tried for each that is wanted: what a poor teacher may cost
_PROBE = {"open_book": 450, "back_translation": 200, "closed_book": 100}  # prompt tokens of each
_KINDS = {"fact": 3, "how_to": 2, "why": 2, "compare": 1, "diagnose": 2, "summarise": 1}
_LEVELS = {"basic": 3, "intermediate": 3, "advanced": 1}


class Options(Answering, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to make of the passages.

    target       accepted pairs; None: `per_passage` facts for each passage, as far as they carry
    per_passage  facts asked about in a passage, at most
    phrasings    wordings of each fact, from several angles
    waves        times a passage is asked for new pairs, at most
    at_once      pairs drafted for a passage in a round, each on a key point of its own
    context      what the teacher sees of the passage: the key `point`'s own sentences (a small model asks about
                 whatever else it sees), or the whole `passage`, for large models
    about        what the documents are about, in a phrase ("seedbed, a tool that …"): the teacher is told, and
                 questions may name it. `about_zh` for Chinese passages, where it differs
    kinds        weights of the kinds of question; 0 leaves one out
    levels       weights of the levels of difficulty
    openings     share of the accepted questions about a document that may begin alike, or have one verb (as far as
                 material/verbs.py sees it); beyond it requests name these as worn out. 1: any share
    personas     share of the requests that name who asks (prompts/…/doc_qa/personas.md)
    hops         share of the target for questions over two passages of a document
    unanswerable share of the accepted pairs whose question the documents do not answer, and whose answer says so
    spread       pairs are shared equally among `passages`, or among `topics`: sections at `topic_depth` headings
    per_topic    accepted facts for a topic, at most; the rounds then go by topics, too
    twin         ROUGE-L F1 above which a question counts as asked already
    certain_question, certain_answer
                 the least certainty of the teacher about its own words, 0 to 1 (datagen/checks/certainty.py); 0 leaves
                 that check out, and so does an endpoint that tells no probabilities
    probes       other ways to the answer that are tried: open_book, back_translation, closed_book (probes.py)
    keep         labels that a pair must bear then: grounded, ungrounded, known, new; without any, all are kept
    encoder      model that compares answers and sections where words do not tell (seedbed/encode.py); empty: none
    """

    target: int | None = None
    per_passage: int = 3
    phrasings: int = 1
    waves: int = 2
    at_once: int = 3
    about: str = ""
    about_zh: str = ""
    kinds: dict[str, float] = msgspec.field(default_factory=lambda: dict(_KINDS))
    levels: dict[str, float] = msgspec.field(default_factory=lambda: dict(_LEVELS))
    context: Literal["point", "passage"] = "point"
    openings: float = 0.25
    personas: float = 0.0
    hops: float = 0.0
    unanswerable: float = 0.0
    spread: Literal["passages", "topics"] = "passages"
    topic_depth: int = 2
    per_topic: int | None = None
    twin: float = 0.7
    certain_question: float = QUESTION
    certain_answer: float = ANSWER
    probes: tuple[str, ...] = ()
    keep: tuple[str, ...] = ("grounded",)
    encoder: str = ""
    temperature: float = 0.3
    max_tokens: int = 400

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, known in (("kinds", kinds.KINDS), ("levels", kinds.LEVELS)):
            weights = getattr(self, name)
            if unknown := set(weights) - set(known):
                raise ValueError(f"{name}: unknown {', '.join(sorted(unknown))}; known: {', '.join(known)}")
            if not any(weight > 0 for weight in weights.values()):
                raise ValueError(f"{name}: at least one weight must be above 0")
        for name in ("per_passage", "phrasings", "waves", "at_once", "max_tokens", "topic_depth"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected 1 or more")
        for name in ("target", "per_topic"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name}: expected 1 or more")
        for name, most in (("openings", 1.0), ("personas", 1.0), ("hops", 0.5), ("unanswerable", 0.3)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name}: expected a share from 0 to {most}")
        probes.check(self.probes, self.keep)


@dataclass
class _State:
    """How far the stage is."""

    passages: list[Passage]
    topics: dict[str, topics.Topic]
    target: int
    gate: Gate
    worn: Worn
    drafts: int = 0
    accepted: int = 0
    failed_replies: int = 0
    rounds: int = 0
    by_language: dict[str, int] = field(default_factory=dict)
    by_kind: dict[str, int] = field(default_factory=dict)
    fresh: list[tuple[Passage, Record]] = field(default_factory=list)  # facts whose other wordings are to be asked for


@dataclass(frozen=True)
class _Turn:
    """A piece of a round: what is asked, and of which passage. `facts`: new ones, not wordings of known ones."""

    passage: Passage
    work: Callable[[], Coroutine[Any, Any, list[Record]]]
    facts: bool = True


def doc_qa(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Passages in, question-answer records out; those that failed a check bear the reason."""
    passages = [passage_of(r, "zh" if language(r.text) in ("zh", "mixed") else "en") for r in records if r.text]
    # Each has its place by lot, whatever others there are: a new document comes in between, and who is the twin of whom
    # among the old passages stays as it was.
    passages.sort(key=lambda passage: lot(context.seed, passage.text))
    most = options.per_passage * options.phrasings * len(passages)
    leaves = topics.topics(passages, options.topic_depth, nearness.merge(options.encoder))
    target = min(options.target or most, most)
    state = _State(passages, topics.by_passage(leaves), target, Gate(options.twin), Worn(options.openings))
    briefs = {
        lang: _brief(options, lang, context, common_words((p.text for p in passages if p.language == lang), lang))
        for lang in ("en", "zh")
    }
    asking = _Asking(options, context, *context.teacher(), briefs)
    honest = round(options.unanswerable * target)
    yield from asking.rounds(state, target - round(options.hops * target) - honest)
    yield from asking.hops(state, target - honest)
    yield from asking.rounds(state, target - honest)  # in place of hops that the documents do not have
    yield from asking.honest(state, min(honest, _share(options.unanswerable, state.accepted)))
    yield from asking.rounds(state, target)
    context.figures |= {
        "target": state.target,
        "accepted": state.accepted,
        "rounds": state.rounds,
        "drafts": state.drafts,
        "parse_failures": state.failed_replies,
        "by_language": state.by_language,
        "by_kind": dict(sorted(state.by_kind.items())),
        "passages": len(passages),
        "passages_covered": sum(p.accepted > 0 for p in passages),
        "topics": len(leaves),
        "topics_covered": sum(leaf.accepted > 0 for leaf in leaves),
        "least_covered_topics": topics.listed(leaves),
    }
    if state.accepted < state.target:
        context.progress.say(
            f"  doc_qa: {state.accepted} of {state.target} accepted; every passage has been asked "
            f"{options.waves} times. More documents, or a higher `waves`, give more"
        )


@dataclass(frozen=True)
class _Asking:
    """One stage's run: whom it asks, and how."""

    options: Options
    context: Context
    complete: Complete
    loop: Loop
    briefs: dict[str, Brief]

    def rounds(self, state: _State, target: int) -> Iterator[Record]:
        """Pairs about single passages, until `target` is met or nothing is left to ask."""
        while turns := self._next_round(state, target):
            state.rounds += 1
            outcomes = self.loop.in_order((turn.work() for turn in turns), self.context.width)
            for turn, outcome in zip(turns, outcomes, strict=True):
                turn.passage.waves += turn.facts
                for record in outcome:
                    yield self._judged(record, state, turn.passage, fact=turn.facts)
                self._tell(state)

    def hops(self, state: _State, target: int) -> Iterator[Record]:
        """Pairs over two passages, each hop asked once, until `target` is met."""
        if not self.options.hops or state.accepted >= target:
            return
        waiting = hops(state.passages, self.briefs)[: _TRIES * (target - state.accepted)]
        while waiting and state.accepted < target:
            batch, waiting = waiting[: target - state.accepted], waiting[target - state.accepted :]
            works = (hop_pair(hop, self.complete, self.briefs[hop.first.language]) for hop in batch)
            for outcome in self.loop.in_order(works, self.context.width):
                yield from (self._judged(record, state) for record in outcome)
                self._tell(state)

    def honest(self, state: _State, count: int) -> Iterator[Record]:
        """`count` questions that the documents do not answer; each passage is asked for one at most."""
        if not count:
            return
        verifier, _ = self.context.teacher("verify")
        everywhere, wanted = Unanswered.over(state.passages), state.accepted + count
        waiting = state.passages[: _TRIES * count]
        while waiting and state.accepted < wanted:
            batch, waiting = waiting[: wanted - state.accepted], waiting[wanted - state.accepted :]
            works = (
                unanswerable(passage, everywhere, self.complete, verifier, self.briefs[passage.language])
                for passage in batch
            )
            for outcome in self.loop.in_order(works, self.context.width):
                yield from (self._judged(record, state) for record in outcome)
                self._tell(state)

    def _next_round(self, state: _State, target: int) -> list[_Turn]:
        """What to ask next: the other wordings of the facts of the round before, then new facts."""
        options, missing = self.options, target - state.accepted
        turns: list[_Turn] = []
        for passage, first in state.fresh:
            if missing > 0:
                count = min(options.phrasings - 1, missing)
                work = partial(wordings, passage, first, count, self.complete, self.briefs[passage.language])
                turns.append(_Turn(passage, work, facts=False))
                missing -= count
        state.fresh = []
        shares = next_round(
            state.passages,
            -(-missing // options.phrasings),
            options.per_passage,
            options.waves,
            options.at_once,
            self._wholes(state),
        )
        for share in shares:
            passage = share.passage
            passage.worn = state.worn.out(passage.record, passage.language)
            work = partial(drafting.wave, passage, share.count, self.complete, self.briefs[passage.language])
            turns.append(_Turn(passage, work))
        return turns

    def _wholes(self, state: _State) -> Wholes | None:
        """Topics as what passages are parts of, where the job shares or bounds its pairs by them."""
        if self.options.spread == "passages" and self.options.per_topic is None:
            return None
        of = {key: topic.key for key, topic in state.topics.items()}
        return Wholes(of, {topic.key: topic.accepted for topic in state.topics.values()}, self.options.per_topic)

    def _judged(self, record: Record, state: _State, passage: Passage | None = None, fact: bool = False) -> Record:
        """The last check, which needs to know what was accepted before: is this question a twin?"""
        state.drafts += 1
        if record.rejection is not None:
            state.failed_replies += not record.messages and record.rejection.reason != "carries_nothing"
            return record
        if match := state.gate.offer(record.id, record.instruction, named(record, record.instruction)):
            return record.reject(
                "doc_qa",
                "twin_question",
                f"nearly the words of {match.key}",
                match=match.key,
                score=round(match.score, 4),
            )
        state.accepted += 1
        state.worn.add(record)
        state.by_language[record.language] = state.by_language.get(record.language, 0) + 1
        kind = record.labels.get("angle") or record.labels["kind"]
        state.by_kind[kind] = state.by_kind.get(kind, 0) + 1
        if passage is not None and fact:
            passage.accepted += 1
            state.topics[passage.record.id].accepted += 1
            if self.options.phrasings > 1:
                state.fresh.append((passage, record))
        return record

    def _tell(self, state: _State) -> None:
        self.context.progress.update(
            state.accepted, state.target, f"{state.drafts} drafted, round {state.rounds}"
        )


def expected(passages: Sequence[Record], options: Options) -> int:
    """Pairs to expect of these passages, at most."""
    most = options.per_passage * options.phrasings * len(passages)
    return min(options.target or most, most)


def estimate(passages: Iterable[Record], options: Options) -> tuple[int, int, int]:
    """Calls, prompt tokens and completion tokens to expect. Averages measured with the embedded teacher."""
    passages = list(passages)
    accepted = expected(passages, options)
    drafts = accepted / EXPECTED_ACCEPTANCE
    size = sum(len(p.text) for p in passages) / max(1, len(passages)) / 2.5
    # The examples are most of a prompt (endpoints with a prompt cache charge less for them); then the point, or all of
    # the passage.
    prompt = (_EXAMPLES + (size if options.context == "passage" else 50)) * drafts
    # Only pairs that passed the other checks are answered anew or probed.
    again = options.answers * (options.reasoning or options.answers > 1)
    prompt += accepted * (200 * again + sum(_PROBE[name] for name in options.probes))
    calls = drafts + accepted * (again + len(options.probes))
    return round(calls), round(prompt), round(_REPLY * calls)


def _share(share: float, others: int) -> int:
    """How many records are that share of a whole of which `others` are the rest."""
    return int(share / (1 - share) * others)


def _brief(options: Options, lang: str, context: Context, common: frozenset[str] | None) -> Brief:
    about = {"en": options.about, "zh": options.about_zh or options.about}
    return Brief(
        about[lang],
        options.kinds,
        options.levels,
        options.temperature,
        options.max_tokens,
        options.context,
        options.certain_question,
        options.certain_answer,
        context.seed,
        context.prompts,
        options,
        probes.of(options.probes, options.keep, about, options.encoder, context),
        options.personas,
        common,
    )
