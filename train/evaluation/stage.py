"""Base against tuned, on three sets that ask three questions.

- test_seen: unseen questions on seen documents. Was it learned?
- test_heldout: questions on documents kept out. Does the skill carry over?
- test_general: general data. What was forgotten?

Running text of these splits is measured too, as a set of its own each (text_seen, …): what continued pre-training did.

The base is the very model that was trained on with the adapter switched off: after QLoRA the nf4 one, so that the
adapter is the only difference. A merged model and a GGUF file are measured on the same tokens where `also` names them.
A teacher compares the answers only where `judge` says so.

Files: evaluation.json (the figures), answers.jsonl (every generated answer beside its reference), verdicts.jsonl (the
judge's, pair by pair).
"""

from __future__ import annotations

import importlib.util
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from seedbed import jsonl
from seedbed.context import Context
from seedbed.errors import MissingExtra
from seedbed.pairs import conversations, is_pair
from seedbed.prompts import load
from seedbed.record import Record
from seedbed.text import length
from train import libraries
from train.evaluation import answers, harness, judging, preferences, subjects
from train.evaluation.comparison import SETS, TEXTS, compare
from train.evaluation.scores import Answer
from train.evaluation.subjects import BASE, KINDS, TUNED, Loaded, Subject
from train.rows.data import Fit
from train.rows.pairs import Pair
from train.rows.template import Row, Template
from train.students import trained
from train.students.trained import Trained

VERSION = 3

_BASE = {
    "qlora": "the nf4-quantised student without the adapter, as it was during training; the original in bf16 is a "
    "little better than that",
    "lora": "the student in bf16 without the adapter",
    "prompt_tuning": "the student in bf16 without the learned prompt",
    "full": "the student in bf16 as it was before training",
}
_ANSWER = 4  # a generated answer takes about as long as four losses (measured: 96 tokens, 24 side by side)


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is measured. `adapter` (a run, a training's folder or an adapter) and `student` are those of the job's
    training where they are empty.

    limit         records of each set whose loss is measured, drawn by the job's seed; bounds the time
    generate      records of each set that the models answer themselves; 0: none
    samples       answers kept side by side in the figures
    also          further models: `merged`, `gguf` (of this training; made where they are not there), or paths
    judge         the teacher compares the answers of base and tuned model, two calls a pair
    tasks         tasks of lm-eval by name; `tasks_folder` holds those of your own
    tasks_limit   documents of each task; 0: all
    """

    PATHS: ClassVar[tuple[str, ...]] = ("adapter", "tasks_folder")

    adapter: str = ""
    student: str = ""
    limit: int = 64
    generate: int = 8
    max_new_tokens: int = 96
    samples: int = 3
    also: tuple[str, ...] = ()
    judge: bool = False
    tasks: tuple[str, ...] = ()
    tasks_folder: str = ""
    tasks_limit: int = 0
    threads: int = 0  # 0: all cores

    def __post_init__(self) -> None:
        least = {"limit": 1, "generate": 0, "max_new_tokens": 1, "samples": 0, "tasks_limit": 0, "threads": 0}
        for name, number in least.items():
            if getattr(self, name) < number:
                raise ValueError(f"{name}: expected {number} or more")
        if taken := sorted({BASE, TUNED} & set(self.also)):
            raise ValueError(f"also: {', '.join(taken)} is measured in any case; name merged, gguf or a path")
        if self.judge and not self.generate:
            raise ValueError("judge: compares the models' own answers, and generate is 0")

    def placed(self, base: Path) -> Options:
        """With the paths in `also` taken from the job's folder."""
        placed = (name if name in KINDS else str(base / Path(name).expanduser()) for name in self.also)
        return msgspec.structs.replace(self, also=tuple(placed))


def watch(options: Options) -> list[Path]:
    """Models from outside the run decide the outcome, and so do tasks of one's own."""
    given = sorted(trained.find(Path(options.adapter)).glob("*.safetensors")) if options.adapter else []
    for path in (Path(name) for name in options.also if name not in KINDS):
        given += [path] if path.suffix == ".gguf" else sorted(path.glob("*.safetensors"))
    return given + (sorted(Path(options.tasks_folder).rglob("*.yaml")) if options.tasks_folder else [])


def estimate(records: Iterable[Record], options: Options) -> tuple[int, int, int]:
    """Calls, prompt tokens and completion tokens of the judge to expect, at most."""
    several = _sets(records, options.limit, 0)
    pairs = sum(min(options.generate, len(ones)) for ones in several.values())
    shown = max(length(load(lang, judging.PROMPT).text) for lang in ("en", "zh")) + 3 * options.max_new_tokens
    return judging.estimate(pairs, shown)


@dataclass
class Bench:
    """What the models are measured on, and how far the measuring is."""

    template: Template
    sets: dict[str, list[Record]]
    rows: dict[str, list[tuple[str, Row]]]
    asked: list[tuple[str, Record]]
    options: Options
    context: Context
    losses: dict[str, dict[str, dict[str, tuple[float, int]]]] = field(default_factory=dict)  # set, model, record id
    said: dict[str, list[str]] = field(default_factory=dict)  # model -> its answers to `asked`
    done: int = 0

    @property
    def total(self) -> int:
        """The work of all models."""
        one = sum(map(len, self.rows.values())) + _ANSWER * len(self.asked)
        return one * (2 + len(self.options.also))

    @property
    def longest(self) -> int:
        """Tokens that a model must have room for."""
        rows = [len(row.input_ids) for ones in self.rows.values() for _, row in ones]
        return max(rows, default=0) + self.options.max_new_tokens

    def measure(self, name: str, subject: Subject) -> None:
        """Losses and answers of one model."""
        for set_, found in self.rows.items():
            tick = partial(self._tick, note=f"{set_}, {name} model, loss")
            lost = subject.losses([row for _, row in found], tick)
            self.losses.setdefault(set_, {})[name] = answers.by_record(found, lost)
        prompts = answers.prompts(self.template, [record for _, record in self.asked])
        self._tick(0, f"{name} model, {len(prompts)} answers")
        tick = partial(self._tick, note=f"{name} model, answers", weight=_ANSWER)
        self.said[name] = subject.answers(prompts, self.options.max_new_tokens, tick)

    def answers(self) -> dict[str, list[Answer]]:
        """What all models said, by set."""
        found: dict[str, list[Answer]] = {name: [] for name in self.sets}
        for number, (name, record) in enumerate(self.asked):
            said = {side: every[number] for side, every in self.said.items()}
            question = record.turns()[-2]["content"]
            base, tuned = said.pop(BASE), said.pop(TUNED)
            one = Answer(name, record.id, record.language, question, record.answer, base, tuned, said)
            found[name].append(one)
        return found

    def _tick(self, work: int, note: str, weight: int = 1) -> None:
        self.done = min(self.total, self.done + weight * work)
        self.context.progress.update(self.done, self.total, note)


def evaluate(records: Iterable[Record], options: Options, context: Context) -> None:
    """Measures base and tuned model, and what `also` names, on each set that has records.

    A set that is missing or too small says so in its figures. Raises InputError without anything trained, and for an
    adapter of another base.
    """
    began = time.monotonic()
    _ready(options, context)
    records = list(records)
    sets = _sets(records, options.limit, context.seed)
    with libraries.prepared(options.threads, "Lower max_new_tokens, leave out the longest records"):
        bench, known, folder, tasks, preferred = _trained(records, sets, options, context)
        for name in options.also:
            path = subjects.made(name, folder, options.student, context.progress)
            with subjects.opened(path, bench.template, bench.longest, options.threads) as one:
                bench.measure(_short(name), one)
    said = bench.answers()
    every = [one for several in said.values() for one in several]
    figures = {
        name: compare(name, several, bench.losses[name], said[name], options.samples, context.seed)
        for name, several in sets.items()
    }
    jsonl.write(context.folder / "answers.jsonl", every)
    context.figures |= {"student": known.student, "method": known.method, "base": _BASE[known.method], "sets": figures}
    if options.judge:
        _judge(every, figures, context)
    if tasks:
        context.figures["tasks"] = tasks
    if preferred:
        context.figures["preferences"] = preferred
    context.figures["seconds"] = round(time.monotonic() - began, 1)
    encoded = msgspec.json.format(msgspec.json.encode(context.figures), indent=1)
    jsonl.write_text(context.folder / "evaluation.json", encoded.decode() + "\n")
    _tell(figures, [*([preferred] if preferred else []), *tasks], context)


def _ready(options: Options, context: Context) -> None:
    """What would otherwise be missed after an hour is looked for at once."""
    needed = {"rouge_score": "train", "sacrebleu": "train"} if options.generate else {}
    needed |= {"lm_eval": "train-eval"} if options.tasks else {}
    for name, extra in needed.items():
        if importlib.util.find_spec(name) is None:
            raise MissingExtra(name, extra)
    if options.judge:
        context.teacher("judge")
    given = _given(options, context)
    for name in options.also:
        subjects.found(name, trained.find(given).parent)


def _given(options: Options, context: Context) -> Path:
    return Path(options.adapter) if options.adapter else context.upstream.get("train", Path("(no training)"))


def _trained(
    records: list[Record], sets: dict[str, list[Record]], options: Options, context: Context
) -> tuple[Bench, trained.Training, Path, list[dict[str, Any]], dict[str, Any]]:
    """Base and tuned model, measured; they are out of memory again when this returns."""
    both = trained.load(_given(options, context), context.progress, options.student)
    bench = _bench(both, sets, options, context)
    for side in (BASE, TUNED):
        bench.measure(side, Loaded(both.tokenizer, partial(both.side, side)))  # type: ignore[arg-type]
    tasks = harness.measured(both, options, context) if options.tasks else []
    return bench, both.noted, both.folder.parent, tasks, _preferences(records, both, bench)


def _bench(both: Trained, sets: dict[str, list[Record]], options: Options, context: Context) -> Bench:
    template, fit = Template(both.tokenizer, both.noted.student, needed=False), Fit(both.noted.max_length)
    rows = {name: answers.fitting(records, template, fit) for name, records in sets.items()}
    asked = []
    for name, records in sets.items():
        fits = {key for key, _ in rows[name]}
        usable = [record for record in records if record.id in fits and record.messages]
        chance = random.Random(f"{context.seed} {name} answers")
        asked += [(name, record) for record in chance.sample(usable, min(len(usable), options.generate))]
    return Bench(template, sets, rows, asked, options, context)


def _sets(records: Iterable[Record], limit: int, seed: int) -> dict[str, list[Record]]:
    """The records of each set, at most `limit`; running text only where there is some."""
    found: dict[str, list[Record]] = {name: [] for name in SETS | TEXTS}
    for record in records:
        if record.split in SETS and record.answer:
            found[record.split].append(record)
        elif record.split in SETS and not record.messages and record.text.strip():
            found[record.split.replace("test_", "text_")].append(record)
    found = {name: several if name in TEXTS else conversations(several) for name, several in found.items()}
    return {
        name: several if len(several) <= limit else random.Random(f"{seed} {name}").sample(several, limit)
        for name, several in found.items()
        if several or name in SETS
    }


def _short(name: str) -> str:
    """What a model of `also` is called in the figures."""
    return name if name in KINDS else Path(name).name


def _preferences(records: Iterable[Record], both: Trained, bench: Bench) -> dict[str, Any]:
    """What both models make of the pairs in all sets together; nothing where there are none."""
    def scored(side: str, pairs: list[Pair]) -> list[preferences.Score]:
        bench.context.progress.update(bench.done, bench.total, f"{side} model, {len(pairs)} preference pairs")
        with both.side(side) as speaking:  # type: ignore[arg-type]
            return preferences.score(speaking, both.tokenizer, pairs, lambda _: None)

    held = [record for record in records if record.split in SETS and is_pair(record)]
    limit, seed = bench.options.limit, bench.context.seed
    chosen = held if len(held) <= limit else random.Random(seed).sample(held, limit)
    return preferences.measure(chosen, bench.template, Fit(both.noted.max_length), scored, seed)


def _judge(said: list[Answer], figures: dict[str, Any], context: Context) -> None:
    verdicts = judging.judged(said, context)
    jsonl.write(context.folder / "verdicts.jsonl", verdicts)
    for name, noted in figures.items():
        if own := [verdict for verdict in verdicts if verdict.set == name]:
            noted["judge"] = judging.figures(own, context.seed)
    complete, _ = context.teacher("judge")
    context.figures["judge"] = judging.standing(verdicts, complete.model)


def _tell(figures: dict[str, Any], besides: list[dict[str, Any]], context: Context) -> None:
    for noted in figures.values():
        context.progress.say(f"  {noted['sentence']}")
        right = noted.get("answers", {}).get("figures_right", {})
        others = [one["sentence"] for one in noted.get("others", {}).values()]
        judge = noted.get("judge", {})
        for line in (right.get("sentence"), *others, judge.get("sentence")):
            if line:
                context.progress.say(f"    {line[0].upper()}{line[1:]}")
    if warning := context.figures.get("judge", {}).get("warning"):
        context.progress.say(f"  Beware: {warning}")
    for noted in besides:
        context.progress.say(f"  {noted['sentence']}")
