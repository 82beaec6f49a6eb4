"""Self-Instruct (Wang et al. 2023): new tasks from a few written ones, by the paper's procedure, in both languages.

    propose    8 tasks in shuffled order, 6 written and 2 made here, are shown; the teacher goes on to number 16
               (shown as its own reply: told to go on a list in the task, a chat model says the list again)
    filter     filters.py
    gate       kept only if ROUGE-L F1 against ALL written and ALL accepted tasks is at most 0.7, one after the other
    fill       classification or not, instances output first or input first, their checks: instances.py
    templates  instruction and input stay apart, or are joined in one of several ways

Where this departs from the paper: lengths and the gate count each Chinese character as a token; "starts with a
non-ASCII character" becomes "is in another language"; instances come as JSON and not as "Input: … Output: …", one a
reply, and one a task unless the job asks for more.

Requests go out in rounds. What a round shows is decided by the job's seed and by what was accepted before it, and
replies are taken in the order of the requests, so the accepted set does not depend on which reply came first.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec

from datagen.asking.answering import Answering
from datagen.material.lots import said
from datagen.material.passages import without_orders
from datagen.self_instruct.filters import task_fault
from datagen.self_instruct.instances import Filled, Filler, joined
from datagen.self_instruct.seed_tasks import Seed, own_files, read_seeds
from seedbed.chat import Complete, Loop, Reply, Request
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.gate import Gate
from seedbed.parse import strip_thoughts, withheld
from seedbed.prompts import Prompt, load
from seedbed.record import Message, Record, Step, make
from seedbed.text import language

VERSION = 2

SHOWN, OF_MACHINE, LAST = 8, 2, 16  # the paper's: tasks in a request, of them machine-made, and where the list ends
_CALLS_A_ROUND = 8
_MOST_INSTANCES = 5
_EXCERPT = 400  # characters of a passage that a request shows: enough to tell the subject
_NEIGHBOURS = 3  # most similar tasks kept on each record

_NUMBER = re.compile(r"(?:^|\n)\s*(\d{1,2})\s*[.)、．]\s*")
_LABEL = re.compile(r"^(?:task|instruction|任务|指令)\s*\d*\s*[:：]\s*", re.I)


class Options(Answering, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many tasks, and from what.

    target          accepted tasks in all, shared equally among the languages
    languages       en, zh or both
    seeds           JSONL files of written tasks (`instruction`, `input`, `output`, `classification`), or records of an
                    earlier run; without any, seedbed's own 175 of each language
    about           what the tasks shall be about, in a phrase; `about_zh` for the Chinese ones. Empty: anything
    passages        share of requests that show a passage of the job's documents as the subject of the tasks
    classification  share of requests that ask for classification tasks alone
    instances       inputs with their outputs for a task that needs an input, at most 5 (the paper's bound)
    templates       `apart`: the input stays apart (Alpaca); `varied`: it is joined to the instruction in several ways
    threshold       ROUGE-L F1 above which a task counts as known
    patience        requests in a row, in one language, that may bring nothing new before it is given up
    """

    target: int = 100
    languages: tuple[str, ...] = ("en", "zh")
    seeds: tuple[str, ...] = ()
    about: str = ""
    about_zh: str = ""
    passages: float = 0.0
    classification: float = 0.2
    instances: int = 1
    templates: Literal["apart", "varied"] = "apart"
    threshold: float = 0.7
    patience: int = 24
    max_tokens: int = 1024

    PATHS: ClassVar[tuple[str, ...]] = ("seeds",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.instances <= _MOST_INSTANCES:
            raise ValueError(f"instances: expected 1 to {_MOST_INSTANCES}")
        if not self.languages or set(self.languages) - {"en", "zh"}:
            raise ValueError(f"languages: expected en, zh or both, not {', '.join(self.languages) or 'none'}")
        if self.target < 1 or self.patience < 1 or self.max_tokens < 1:
            raise ValueError("target, patience and max_tokens: expected 1 or more")
        if not all(0 <= share <= 1 for share in (self.classification, self.threshold, self.passages)):
            raise ValueError("classification, threshold and passages: expected 0 to 1")


@dataclass
class _Task:
    """A proposed task on its way."""

    instruction: str
    calls: tuple[str, ...]
    parents: tuple[str, ...]
    similar: list[dict[str, Any]] = field(default_factory=list)
    fault: tuple[str, str] | None = None
    match: str = ""
    score: float | None = None
    raw: str = ""
    filled: Filled = field(default_factory=Filled)
    key: str = ""  # in the pool, until it is a record with an id


@dataclass
class _Pool:
    """All tasks of one language: written, and made here."""

    language: str
    target: int
    seeds: list[Seed]
    gate: Gate
    passages: list[tuple[str, Record]] = field(default_factory=list)  # what tasks shall be about, by a hash of its text
    made: list[tuple[str, str]] = field(default_factory=list)  # key, instruction
    ids: dict[str, str] = field(default_factory=dict)  # key -> id of its record
    accepted: int = 0
    asked: int = 0
    fruitless: int = 0

    @property
    def open(self) -> bool:
        return self.accepted < self.target


def watch(options: Options) -> list[Path]:
    return _seed_files(options)


def self_instruct(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """New tasks with an input and an output; those that failed bear the reason. Passages in `records` are shown as
    their subject where the job wants that; seeds come from the options."""
    passages = [record for record in records if record.text] if options.passages else []
    complete, loop = context.teacher()
    seeds, bad = read_seeds(_seed_files(options))
    yield from bad
    share = -(-options.target // len(options.languages))
    pools = []
    for name in options.languages:
        own = [seed for seed in seeds if language(seed.instruction) in (name, "mixed" if name == "zh" else name)]
        if len(own) < SHOWN:
            lost = f" ({len(bad)} lines are none: {bad[0].rejection.detail} …)" if bad and bad[0].rejection else ""
            raise InputError(
                f"{len(own)} seed tasks are in the language {name}; {SHOWN} are shown in each request{lost}",
                next_step="Add seed tasks, or leave the language out of `languages`",
            )
        gate = Gate(options.threshold)
        for seed in own:
            gate.add(seed.id, seed.instruction)
        near = [(said(r), r) for r in passages if language(r.text) in (name, "mixed" if name == "zh" else name)]
        pools.append(_Pool(name, share, own, gate, near))
    filler = Filler(complete, options, options.instances, options.max_tokens, context.prompts)
    works = _Work(options, context, complete, loop, filler)
    while open_ := [p for p in pools if p.open and p.fruitless < options.patience]:
        for pool in open_:
            yield from works.round(pool)
            accepted = sum(p.accepted for p in pools)
            context.progress.update(accepted, options.target, f"{sum(p.asked for p in pools)} requests")
    context.figures |= {
        "target": options.target,
        "accepted": sum(p.accepted for p in pools),
        "by_language": {p.language: p.accepted for p in pools},
        "requests": sum(p.asked for p in pools),
        "seeds": {p.language: len(p.seeds) for p in pools},
    }
    for pool in pools:
        if pool.open:
            context.progress.say(
                f"  self_instruct: {pool.accepted} of {pool.target} tasks in {pool.language}; {options.patience} "
                "requests in a row brought nothing new. Other seeds or a larger teacher give more"
            )


def estimate(passages: Iterable[Record], options: Options) -> tuple[int, int, int]:
    """Calls, prompt tokens and completion tokens to expect: each kept task takes two calls, one more for every further
    instance and for every answer, and a third of one to be proposed. Sizes are those of the prompts."""
    del passages
    again = options.answers if options.reasoning or options.answers > 1 else 0
    proposals, filled = options.target / 3, (1.2 + options.instances * (1 + again)) * options.target
    return round(proposals + filled), round(550 * proposals + 450 * filled), round(350 * proposals + 75 * filled)


@dataclass(frozen=True)
class _Work:
    """One stage's run: what every round needs."""

    options: Options
    context: Context
    complete: Complete
    loop: Loop
    filler: Filler

    def prompt(self, language: str, name: str) -> Prompt:
        return load(language, f"self_instruct/{name}", self.context.prompts)

    def round(self, pool: _Pool) -> Iterator[Record]:
        """Some requests for proposals, then what becomes of the proposals that pass the gate."""
        missing = pool.target - pool.accepted
        # About three of eight proposals pass: no more requests than what is missing needs.
        count = min(_CALLS_A_ROUND, max(1, -(-missing // 3)))
        shown = [self._shown(pool, pool.asked + n) for n in range(count)]
        requests = [self._proposal(pool, ones, pool.asked + n) for n, ones in enumerate(shown)]
        pool.asked += count
        tasks: list[_Task] = []
        replies = self.loop.in_order((self.complete(request) for request in requests), self.context.width)
        for ones, reply in zip(shown, replies, strict=True):
            tasks += self._proposed(pool, ones, reply)
        fresh, before = [task for task in tasks if task.fault is None], pool.accepted
        while fresh and pool.open:
            batch, fresh = fresh[: pool.target - pool.accepted], fresh[pool.target - pool.accepted :]
            for task in self.loop.in_order((self._filled(pool, task) for task in batch), self.context.width):
                pool.accepted += task.fault is None
                pool.ids[task.key] = next(self._bare(pool.language, task)).id
        for task in fresh:
            task.fault = ("beyond_target", f"{pool.target} tasks were accepted already")
            pool.ids[task.key] = next(self._bare(pool.language, task)).id
        pool.fruitless = 0 if pool.accepted > before else pool.fruitless + count
        for task in tasks:
            yield from self._records(pool, task)

    def _shown(self, pool: _Pool, number: int) -> list[tuple[str, str]]:
        """Id and instruction of the tasks shown in request `number`: from the seed, the number and the pool alone."""
        random_ = random.Random(f"{self.context.seed}:{pool.language}:{number}")
        only = random_.random() < self.options.classification
        written = [seed for seed in pool.seeds if seed.classification] if only else pool.seeds
        written = written if len(written) >= SHOWN else pool.seeds
        machine = random_.sample(pool.made, min(OF_MACHINE, len(pool.made)))
        human = [(seed.id, seed.instruction) for seed in random_.sample(written, SHOWN - len(machine))]
        ones = [*human, *machine]
        random_.shuffle(ones)
        return ones

    def _proposal(self, pool: _Pool, shown: list[tuple[str, str]], number: int) -> Request:
        about = (self.options.about_zh or self.options.about) if pool.language == "zh" else self.options.about
        domain = self.prompt(pool.language, "domain").render(about=about) if about else ""
        if passage := self._subject(pool, number):
            excerpt = " ".join(without_orders(passage.text).split())[:_EXCERPT].replace("<|", "< |")
            domain += self.prompt(pool.language, "subject").render(excerpt=excerpt)
        tasks = "\n".join(f"{n}. {' '.join(text.split())}" for n, (_, text) in enumerate(shown, 1))
        messages = self.prompt(pool.language, "propose").messages(
            domain=domain, count=str(len(shown)), tasks=tasks, next=str(len(shown) + 1), last=str(LAST)
        )
        return Request(
            messages=messages,
            max_tokens=self.options.max_tokens,
            temperature=0.7,
            top_p=0.5,
            presence_penalty=2.0,
            sample=number,
        )

    def _subject(self, pool: _Pool, number: int) -> Record | None:
        """The passage that request `number` shows, if it is one of those that do."""
        drawn = f"{self.context.seed}:{pool.language}:{number}"
        if not pool.passages or random.Random(f"{drawn}:subject").random() >= self.options.passages:
            return None
        # The passage with the least hash: another document takes over the requests that it wins, and no others.
        _, passage = min(pool.passages, key=lambda one: hashlib.blake2b(f"{drawn}:{one[0]}".encode()).digest())
        return passage

    def _proposed(self, pool: _Pool, shown: list[tuple[str, str]], reply: Reply) -> Iterator[_Task]:
        """The tasks of one reply, past filters and gate; those that passed are in the pool from here on."""
        parents = tuple(key for key, _ in shown)
        calls = (reply.key,) if reply.key else ()
        found = proposals(reply, len(shown) + 1)
        if not found:
            yield _Task("", calls, parents, fault=_why_none(reply), raw=reply.text)
        for text in found:
            task = _Task(text, calls, parents)
            task.fault = task_fault(text, pool.language)
            if task.fault is None:
                near = pool.gate.most_similar(text, _NEIGHBOURS)
                task.similar = [{"id": match.key, "score": round(match.score, 4)} for match in near]
                task.key = f"{pool.language}#{len(pool.made)}"
                if match := pool.gate.offer(task.key, text):
                    task.fault = ("near_duplicate", f"ROUGE-L {match.score:.2f} against a task that was there before")
                    task.match, task.score = match.key, round(match.score, 4)
                else:
                    pool.made.append((task.key, text))
            yield task

    async def _filled(self, pool: _Pool, task: _Task) -> _Task:
        """The task with its kind and its instances, or with what was wrong with them."""
        task.filled = await self.filler.fill(task.instruction, pool.language)
        task.calls += task.filled.calls
        task.raw, task.fault = task.filled.raw, task.filled.fault
        return task

    def _records(self, pool: _Pool, task: _Task) -> Iterator[Record]:
        """A record for each instance of a task; one for a task that has none."""
        ids = pool.ids
        task.similar = [near | {"id": ids.get(near["id"], near["id"])} for near in task.similar]
        step = Step(
            stage="self_instruct",
            operation="task" if task.filled.instances else "proposal",
            parents=tuple(ids.get(key, key) for key in task.parents),
            prompt=self.prompt(pool.language, "propose").label,
            teacher=self.complete.model,
            calls=task.calls,
        )
        for made in self._bare(pool.language, task):
            record = msgspec.structs.replace(made, history=(step,))
            if task.fault:
                reason, detail = task.fault
                match = ids.get(task.match, task.match)
                record = record.reject("self_instruct", reason, detail, match=match, score=task.score)
            yield record

    def _bare(self, lang: str, task: _Task) -> Iterator[Record]:
        """The records of a task without their history: their ids hang on their content alone."""
        fields: dict[str, Any] = {"language": lang, "task": "self_instruct"}
        extra: dict[str, Any] = {"most_similar": task.similar} if task.similar else {}
        fields["scores"] = {"most_similar": task.similar[0]["score"]} if task.similar else {}
        fields["extra"] = extra | ({"raw": task.raw} if task.fault and task.raw else {})
        if not task.filled.instances:
            turns = (Message("user", task.instruction),) if task.instruction else ()
            yield make(messages=turns, **fields)
        fields["labels"] = {"classification": "yes" if task.filled.classification else "no"}
        for number, (instance, turn) in enumerate(zip(task.filled.instances, task.filled.turns, strict=True)):
            instruction, input_ = task.instruction, instance.input
            if self.options.templates == "varied":
                random_ = random.Random(f"{self.context.seed}:{task.instruction}:{number}")
                instruction, input_ = joined(instruction, input_, lang, random_, self.context.prompts), ""
            yield make(messages=(Message("user", instruction), turn), input=input_, **fields)


def proposals(reply: Reply, first: int) -> list[str]:
    """The tasks of a reply that goes on a numbered list at `first`; the last one is dropped where the reply was cut.

    A reply that leaves the first number out, or starts at another, is taken too: models that were tuned to chat do so.
    A number that does not go up is part of its task; so a list within the first task of a reply that starts at 1 is
    not told from tasks.
    """
    if withheld(reply):
        return []
    text = strip_thoughts(reply.text)
    if not _NUMBER.match(text):
        text = f"{first}. {text}"
    marks: list[re.Match[str]] = []
    for mark in _NUMBER.finditer(text):
        # A list within a task begins at 1 again, or stays below the number of the task.
        if not marks or int(mark[1]) > int(marks[-1][1]):
            marks.append(mark)
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    tasks = [" ".join(text[mark.end() : end].split()) for mark, end in zip(marks, ends, strict=True)]
    if reply.finish == "length":
        tasks = tasks[:-1]
    return [_LABEL.sub("", task).strip("*").strip() for task in tasks if task.strip("* ")]


def _why_none(reply: Reply) -> tuple[str, str]:
    if why := withheld(reply):
        return why
    return ("cut", "the reply stopped at the token limit within its first task") if reply.finish == "length" else (
        "empty", "the reply holds no task"
    )


def _seed_files(options: Options) -> list[Path]:
    return [Path(name) for name in options.seeds] or own_files(options.languages)
