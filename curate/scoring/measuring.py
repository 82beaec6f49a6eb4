"""What `ifd` and `perplexity` have in common: what is shown to the student, and what becomes of its losses.

Of a chat record the last answer counts, given all the turns before it; of a preference pair the chosen one. The student
belongs to another wing: it is handed to the stage (seedbed/likelihood.py), and what it measured is kept with the run.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import msgspec

from curate.scoring import cuts
from seedbed.context import Context
from seedbed.likelihood import Measured, Said
from seedbed.record import Record
from seedbed.text import language

# Records measured and committed together: what a kill costs at most, and enough that rows of like length meet.
_SLICE = 64
_DECIDING = (".json", ".jinja", ".safetensors", ".model")  # files of a student's folder that decide what it measures


Bound = float | dict[str, float] | None


class Measuring(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who measures, and which scores pass.

    student   a name of the catalogue (`seedbed models list`), a folder, a hub name, or path:/some/model.gguf
    window    tokens of the student, question and answer together; what lies beyond is cut off the answer's end
    above, below   scores that pass lie between these, cuts included: one number, or one for each language that is cut
                   (a student that knows a language badly has other scores in it); None: all pass
    unscored  records that have no score: kept with a label that says why, or rejected
    threads   cores; 0: all
    """

    student: str = "smollm2-135m-instruct"
    window: int = 1024  # as long as a row in training (train/options.py)
    above: Bound = None
    below: Bound = None
    unscored: Literal["keep", "reject"] = "keep"
    threads: int = 0

    def __post_init__(self) -> None:
        if not self.student.strip():
            raise ValueError("student: expected the name of a model, a folder, or path:/some/model.gguf")
        if self.window < 16:
            raise ValueError(f"window: expected 16 tokens or more, got {self.window}")
        if self.threads < 0:
            raise ValueError(f"threads: expected 0 or more, got {self.threads}")
        for spoken in _languages(self.above, self.below):
            cuts.check(_bound(self.above, spoken), _bound(self.below, spoken), 0.0)


@dataclass(frozen=True)
class Score:
    """One score: its name, what is made of the losses, and whether running text has one. `alone`: the loss of the
    answer with nothing before it is needed too."""

    name: str
    of: Callable[[Measured], dict[str, float]]
    alone: bool
    texts: bool


@dataclass
class _Tally:
    """What the stage says of itself in the end."""

    values: dict[str, array[float]] = field(default_factory=lambda: defaultdict(lambda: array("d")))
    unscored: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    passed_over: int = 0


def watch(options: Measuring) -> list[Path]:
    """A student of the user's own decides the scores."""
    given = Path(options.student.removeprefix("path:")).expanduser()
    if given.is_dir():
        return sorted(path for path in given.iterdir() if path.suffix in _DECIDING)
    return [given] if given.is_file() else []


def scored(records: Iterable[Record], options: Measuring, context: Context, score: Score) -> Iterator[Record]:
    """Every record, in order, with its score; one outside the cuts is rejected as "low_score" or "high_score".

    A record without a score is labelled with the reason (`no_answer`, `no_question`, `window`, `template`, …), and
    rejected as "no_score" where `unscored` says so; "cut" is the label of one that was measured up to the window only.
    Text records pass a score that is not for them. Figures: `spread` by language, `unscored`, `cut`, `passed_over`.
    """
    student = context.student()
    source, tally, done = iter(records), _Tally(), 0
    while part := list(islice(source, _SLICE)):
        asked = [_said(record, score) for record in part]
        measured = iter(student.measure([said for said in asked if isinstance(said, Said)], score.alone))
        for record, said in zip(part, asked, strict=True):
            if said is None:
                tally.passed_over += 1
                yield record
            else:
                yield _judged(record, next(measured) if isinstance(said, Said) else said, options, score, tally)
        done += len(part)
        context.progress.update(done)
    context.figures |= _figures(tally, options, student.identity)
    if tally.unscored:
        told = ", ".join(f"{reason} {count}" for reason, count in tally.unscored.most_common())
        context.progress.say(f"  {score.name}: {tally.unscored.total()} of {done} records have no score ({told})")


def _said(record: Record, score: Score) -> Said | Measured | None:
    """What is measured of a record; a fault where there is nothing to measure, None where the score is not for it."""
    if not record.messages:
        return Said(text=record.text) if score.texts and record.text.strip() else None
    if not record.answer.strip():
        return Measured(fault="no_answer", why="it does not end with an answer")
    turns = tuple(record.turns())
    if not any(turn["role"] == "user" and turn["content"].strip() for turn in turns):
        return Measured(fault="no_question", why="nothing in it asks for the answer")
    return Said(turns=turns)


def _judged(record: Record, measured: Measured, options: Measuring, score: Score, tally: _Tally) -> Record:
    # What another student said of it, in an earlier run, is no longer true.
    labels = {name: value for name, value in record.labels.items() if name != score.name}
    scores = {name: value for name, value in record.scores.items() if name.partition(".")[0] != score.name}
    if measured.fault:
        tally.unscored[measured.fault] += 1
        labelled = msgspec.structs.replace(record, labels=labels | {score.name: measured.fault}, scores=scores)
        return labelled.reject(score.name, "no_score", measured.why) if options.unscored == "reject" else labelled
    found = {name: round(value, 4) for name, value in score.of(measured).items()}
    value = found[score.name]
    spoken = record.language or language(record.answer or record.text)
    tally.values[spoken].append(value)
    tally.cut += measured.cut
    labels |= {score.name: "cut"} if measured.cut else {}
    judged = msgspec.structs.replace(record, scores=scores | found, labels=labels)
    if fault := cuts.outside(score.name, value, _bound(options.above, spoken), _bound(options.below, spoken)):
        return judged.reject(score.name, *fault, score=value)
    return judged


def _bound(given: Bound, spoken: str) -> float | None:
    """The cut for a language."""
    return given.get(spoken) if isinstance(given, dict) else given


def _languages(*bounds: Bound) -> set[str]:
    """Those that have cuts of their own; where none has, one that stands for all."""
    return {name for bound in bounds if isinstance(bound, dict) for name in bound} or {""}


def _figures(tally: _Tally, options: Measuring, identity: str) -> dict[str, Any]:
    return {
        "student": options.student,
        "weights": identity,
        "window": options.window,
        "above": options.above,
        "below": options.below,
        "spread": {name: cuts.spread(values) for name, values in sorted(tally.values.items())},
        "unscored": dict(tally.unscored.most_common()),
        "cut": tally.cut,
        "passed_over": tally.passed_over,
    }
