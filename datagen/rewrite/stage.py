"""Passages told anew, for continued pre-training: a summary, atomic facts, an explanation for a newcomer, relations.

A model that has read a fact in one wording stores it and does not find it again; told in several ways it can be asked
for (Allen-Zhu & Li 2023, "Physics of language models 3.1"). Relations between the entities of a text bring what one
reading leaves apart (EntiGraph: Yang et al. 2024, "Synthetic continued pretraining"). Both papers have large teachers
and trust them; here each sentence must rest on its passage (restate.py), because a small one makes things up.

A text is a `text` record with the evidence that it rests on, and in `extra["facts"]` the ids of the facts that it
states (datagen/material/facts.py), so that later stages can keep several wordings of one fact and still drop twins.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from datagen.checks.verify import Fault
from datagen.documents.usable import unusable
from datagen.material.passages import Passage, passage_of
from datagen.rewrite.restate import FORMS, Manner, Telling, prompt, tell
from seedbed.context import Context
from seedbed.gate import Gate
from seedbed.record import Evidence, Record, Step, make
from seedbed.text import language

VERSION = 3
TASK = "rewrite"

# For the plan: tokens of the examples and of a reply, by form, as the embedded teacher has them.
_EXAMPLES = {"summary": 650, "facts": 650, "explain": 700, "relations": 800}
_REPLY = {"summary": 90, "facts": 150, "explain": 130, "relations": 230}


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which forms, and how many texts.

    forms   a list, or form -> texts of that form for each passage: 2 are two wordings, 0.5 is one for every second
            passage, 0 leaves the form out
    target  accepted texts at most; None: all that the passages and `forms` give
    about   what the documents are about, in a phrase; `about_zh` for Chinese passages, where it differs
    at_once sentences of the passage shown in one request (of a summary all): a small model copies what is longer.
            0: the whole passage, for large models; relations then reach farther, and calls are fewer
    twin    ROUGE-L F1 above which two texts of one passage count as one
    """

    forms: dict[str, float] | tuple[str, ...] = tuple(FORMS)
    target: int | None = None
    about: str = ""
    about_zh: str = ""
    at_once: int = 4
    twin: float = 0.7
    temperature: float = 0.3
    max_tokens: int = 600

    def __post_init__(self) -> None:
        if unknown := set(self.forms) - set(FORMS):
            raise ValueError(f"forms: unknown {', '.join(sorted(unknown))}; known: {', '.join(FORMS)}")
        if not any(times > 0 for times in self.times.values()) or min(self.times.values()) < 0:
            raise ValueError("forms: expected at least one form, with a number above 0")
        if self.target is not None and self.target < 1:
            raise ValueError("target: expected 1 or more")
        if self.max_tokens < 1 or self.at_once < 0:
            raise ValueError("max_tokens, at_once: expected a number above 0 (at_once: or 0 for the whole passage)")

    @property
    def times(self) -> dict[str, float]:
        """Form -> texts of it for a passage."""
        return dict(self.forms) if isinstance(self.forms, dict) else dict.fromkeys(self.forms, 1.0)


@dataclass
class _Count:
    """What became of one form. `sentences` were told and checked, `dropped` is why some of them went."""

    asked: int = 0
    accepted: int = 0
    sentences: int = 0
    copied: float = 0.0
    dropped: Counter[str] = field(default_factory=Counter)

    def add(self, telling: Telling) -> None:
        self.asked += 1
        self.sentences += len(telling.parts) + telling.dropped.total()
        self.dropped += telling.dropped
        if telling.fault is None:
            self.accepted += 1
            self.copied += telling.copied

    def figures(self) -> dict[str, object]:
        """`copied` is the mean over the accepted texts."""
        copied = round(self.copied / self.accepted, 4) if self.accepted else 0.0
        return {"asked": self.asked, "accepted": self.accepted, "sentences": self.sentences,
                "dropped": dict(sorted(self.dropped.items())), "copied": copied}


def rewrite(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Texts about the passages, in rounds until the target is met; those that failed a check bear the reason.

    A passage that tells too little (a list of contents, bare code, one sentence) costs no call and is one rejected
    record. Figures: `by_form` and `by_language`, `passages` and how many of them have a text (`passages_covered`).
    """
    complete, loop = context.teacher()
    found = [passage_of(r, "zh" if language(r.text) in ("zh", "mixed") else "en") for r in records if r.text]
    passages = []
    for passage in found:
        if why := _nothing(passage):
            yield _record(Telling(passage, "", fault=why), complete.model, context)
        else:
            passages.append(passage)
    queue = _drawn(passages, options, context.seed)
    manner = Manner(options.temperature, options.max_tokens, options.at_once, folder=context.prompts)
    gates = {passage.record.id: Gate(options.twin) for passage in passages}
    counts = {form: _Count() for form in FORMS if options.times.get(form)}
    by_language: Counter[str] = Counter()
    covered: set[str] = set()
    accepted, most = 0, min(options.target or len(queue), len(queue))
    while queue and accepted < most:
        # As many as are missing. One language and form after the other: their examples stay in an endpoint's cache.
        batch, queue = queue[: most - accepted], queue[most - accepted :]
        batch.sort(key=lambda one: (one.passage.language, one.form))
        works = (tell(one, complete, _about(one.passage, options), manner) for one in batch)
        for telling in loop.in_order(works, context.width):
            record = _record(telling, complete.model, context)
            match = gates[telling.passage.record.id].offer(record.id, telling.text) if telling.fault is None else None
            if match:
                telling.fault = Fault("twin", f"nearly the words of {match.key}, of the same passage")
                record = record.reject("rewrite", *telling.fault, match=match.key, score=round(match.score, 4))
            counts[telling.form].add(telling)
            if telling.fault is None:
                accepted += 1
                covered.add(telling.passage.record.id)
                by_language[telling.passage.language] += 1
            yield record
            context.progress.update(accepted, most, f"{sum(count.asked for count in counts.values())} asked")
    context.figures |= {
        "target": most,
        "accepted": accepted,
        "by_form": {form: count.figures() for form, count in counts.items()},
        "by_language": dict(sorted(by_language.items())),
        "passages": len(found),
        "passages_covered": len(covered),
    }


def expected(passages: Sequence[Record], options: Options) -> int:
    """Texts to expect of these passages, at most."""
    most = round(sum(options.times.values()) * len(passages))
    return min(options.target or most, most)


def estimate(passages: Iterable[Record], options: Options) -> tuple[int, int, int]:
    """Calls, prompt tokens and completion tokens to expect: one call for each piece of each passage."""
    sizes = [(len(p.text) / 2.5, len(passage_of(p, p.language).spans)) for p in passages]
    calls = prompt_tokens = completion = 0.0
    for form, times in options.times.items():
        for size, count in sizes:
            pieces = -(-count // options.at_once) if options.at_once and form != "summary" else 1
            calls += times * pieces
            prompt_tokens += times * (_EXAMPLES[form] * pieces + size)
            completion += times * _REPLY[form]
    # A target ends the run before all are asked; every second text is accepted (docs/generators/rewrite.md).
    texts = sum(options.times.values()) * len(sizes)
    share = min(1.0, 2 * options.target / max(1.0, texts)) if options.target else 1.0
    return round(share * calls), round(share * prompt_tokens), round(share * completion)


def _nothing(passage: Passage) -> Fault | None:
    """Why there is nothing to tell of a passage."""
    source = passage.record.source
    if verdict := unusable(passage.text, source.headings if source else ()):
        return Fault("carries_nothing", verdict.detail)
    count = len(passage.shown)
    return Fault("carries_nothing", f"{count or 'no'} sentence") if count < 2 else None


def _drawn(passages: list[Passage], options: Options, seed: int) -> list[Telling]:
    """What to tell, in a seeded order: each passage once before any comes again. Fractions are drawn from the seed and
    the passage's id alone, so that no other passage changes them."""
    drawn: list[tuple[int, float, Telling]] = []
    for passage in passages:
        random_ = random.Random(f"{seed}:{passage.record.id}")
        own = [
            Telling(passage, form, number)
            for form, times in options.times.items()
            for number in range(int(times) + (random_.random() < times % 1))
        ]
        random_.shuffle(own)
        own.sort(key=lambda telling: telling.sample)  # a second wording comes after the first of each form
        place = random_.random()
        drawn += [(turn, place, telling) for turn, telling in enumerate(own)]
    return [telling for _, _, telling in sorted(drawn, key=lambda one: one[:2])]


def _about(passage: Passage, options: Options) -> str:
    return (options.about_zh or options.about) if passage.language == "zh" else options.about


def _record(telling: Telling, teacher: str, context: Context) -> Record:
    passage, source = telling.passage, telling.passage.record.source
    base = source.start or 0 if source else 0
    spans = [passage.spans[number] for number in telling.evidence]
    asked = telling.form and prompt(passage.language, telling.form, context.prompts).label
    step = Step(
        stage="rewrite",
        operation=telling.form or "read",
        parents=(passage.record.id,),
        prompt=asked,
        teacher=teacher if asked else "",
        calls=telling.calls,
    )
    failed = {"raw": telling.raw, "sample": telling.sample} if telling.fault else {}
    made = make(
        # Without a text, what tells equal failures apart is the form.
        text=telling.text or f"{telling.form} {telling.sample}\n{passage.text}",
        source=source,
        evidence=tuple(Evidence(passage.text[a:b], base + a, base + b) for a, b in spans),
        language=passage.language,
        task=TASK,
        history=(step,),
        labels={"form": telling.form} if telling.form else {},
        scores={"copied": round(telling.copied, 4)} if telling.parts else {},
        extra={"facts": telling.facts} | failed if telling.parts else failed,
    )
    return made.reject("rewrite", *telling.fault) if telling.fault else made
