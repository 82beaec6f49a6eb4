"""The teachers of a job, one for everything and those it names for a role, lent to the stages that ask.

They are opened when the first stage needs them and closed after the last one, share one journal, one budget and one
event loop, and are metered for each stage.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from datagen.teacher.books import Stats
from datagen.teacher.budget import Budget, Prices
from datagen.teacher.client import Teacher, open_teacher
from datagen.teacher.journal import Journal
from datagen.teacher.options import ROLES, TeacherOptions
from seedbed.chat import Complete, Loop, Reply, Request
from seedbed.config import Job, Limits, convert, suggest
from seedbed.context import Context
from seedbed.errors import JobError
from seedbed.progress import Plain
from seedbed.run import Usage


@dataclass(frozen=True)
class Teachers:
    """The options of a job's teacher, and of those it names for roles."""

    main: TeacherOptions
    roles: dict[str, TeacherOptions] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Job) -> Teachers:
        """Raises JobError, with file, line and key, for options that cannot be."""
        main = _options(job, job.top.teacher, ("teacher",))
        roles = {name: _role(job, name, raw) for name, raw in main.roles.items()}
        teachers = cls(main, roles)
        teachers._check(job)
        return teachers

    @property
    def all(self) -> list[TeacherOptions]:
        return [self.main, *self.roles.values()]

    @property
    def identity(self) -> tuple[Any, ...]:
        """What decides their replies: part of the fingerprint of every stage that asks."""
        roles = {name: options.identity for name, options in sorted(self.roles.items())}
        return (*self.main.identity, *([roles] if roles else []))

    @property
    def dearest(self) -> Prices:
        """The highest of their prices, for estimates: which role a call will have is not known before."""
        return max((options.price for options in self.all), key=lambda prices: (prices.completion, prices.prompt))

    @property
    def currency(self) -> str:
        return next((options.price.currency for options in self.all if _priced(options)), "USD")

    def _check(self, job: Job) -> None:
        local = {options.model: options for options in self.all if options.local}
        for name, options in self.roles.items():
            where = job.where(("teacher", "roles", name))
            if options.local and len(local) > 1:
                raise JobError(
                    f"two local models at once, {' and '.join(local)}: each wants all the machine's memory and cores",
                    where=where,
                    next_step="Use one model for both, or serve one of them elsewhere and name its `url`",
                )
            if options.local and any(_bare(other) != _bare(options) for other in self.all if other.local):
                raise JobError(
                    f"{options.model} is started once, and is named with other options elsewhere under `teacher`",
                    where=where,
                    next_step="Give the role the same options, or leave it out: it then falls to `teacher`",
                )
            if _priced(options) and options.price.currency != self.currency:
                raise JobError(
                    f"prices in {options.price.currency} cannot be added to those in {self.currency}",
                    where=where,
                    next_step="Give all prices in one currency",
                )
        if job.top.limits.money is not None:
            self._check_prices(job)

    def _check_prices(self, job: Job) -> None:
        silent = ["the teacher"] * (self.main.unpriced or not any(map(_priced, self.all)))
        silent += [f"the teacher's role {name}" for name, options in self.roles.items() if options.unpriced]
        if silent:
            raise JobError(
                f"counts money, and {silent[0]} has no prices",
                where=job.where(("limits", "money")),
                next_step="Add `prices: {prompt: …, completion: …}` (per million tokens) under `teacher:`",
            )


def _bare(options: TeacherOptions) -> TeacherOptions:
    return msgspec.structs.replace(options, roles={})


def _priced(options: TeacherOptions) -> bool:
    return bool(options.price.prompt or options.price.completion)


def _role(job: Job, name: str, raw: dict[str, Any]) -> TeacherOptions:
    key = ("teacher", "roles", name)
    if name not in ROLES:
        raise JobError(f"nobody asks for a role `{name}`", where=job.where(key), next_step=suggest(name, ROLES))
    options = _options(job, raw, key)
    if options.roles:
        raise JobError("a role has no roles of its own", where=job.where((*key, "roles")))
    return options


def _options(job: Job, raw: dict[str, Any], key: tuple[str, ...]) -> TeacherOptions:
    """`path:` and `scripted:` files are relative to the job, as all its paths are."""
    options = convert(raw, TeacherOptions, job, key)
    kind, _, path = options.model.partition(":")
    if kind not in ("path", "scripted") or not path or options.urls:
        return options
    return msgspec.structs.replace(options, model=f"{kind}:{job.base / Path(path).expanduser()}")


@dataclass
class Metered:
    """A teacher whose replies are counted for the stage that uses them, whether bought now or replayed: each once,
    however often and in whatever role the stage asks for it."""

    inner: Complete
    usage: Usage
    counted: set[str] = field(default_factory=set)

    @property
    def model(self) -> str:
        return self.inner.model

    async def __call__(self, request: Request) -> Reply:
        reply = await self.inner(request)
        if reply.key and reply.key in self.counted:
            return reply
        self.counted.add(reply.key)
        self.usage.calls += 1
        self.usage.prompt_tokens += reply.prompt_tokens
        self.usage.completion_tokens += reply.completion_tokens
        self.usage.money = round(self.usage.money + reply.money, 9)
        return reply


class Lender:
    """Opens the teachers when a stage first asks; `close` before others want the cores (a local one spins on them)."""

    def __init__(self, teachers: Teachers, limits: Limits, journal: Path, resources: ExitStack) -> None:
        self._teachers, self._limits, self._journal = teachers, limits, journal
        self._stack = resources.enter_context(ExitStack())
        self._open: list[tuple[TeacherOptions, Teacher]] = []
        self._loop: Loop | None = None

    def lend(self, context: Context, usage: Usage, progress: Plain) -> None:
        """Puts the teachers, metered for this stage, into its context."""
        if not self._open:
            self._open_all(progress.say)
        counted: set[str] = set()
        context.complete = Metered(self._of(self._teachers.main), usage, counted)
        for role, options in self._teachers.roles.items():
            context.roles[role] = Metered(self._of(options), usage, counted)
        # Twice what can be under way: the next pieces of work wait ready while the first in order is still talking.
        context.loop, context.width = self._loop, 2 * max(options.width for options in self._teachers.all)
        progress.meter = self._live

    def close(self) -> None:
        """Stops what is open."""
        self._stack.close()
        self._open.clear()

    def _open_all(self, notice: Callable[[str], None]) -> None:
        self._loop = self._stack.enter_context(Loop())
        journal = self._stack.enter_context(Journal(self._journal))
        budget = Budget(self._limits, self._teachers.currency)
        for options in self._teachers.all:
            if self._shared(options) is None:
                opened = open_teacher(options, journal, budget, self._loop, notice)
                self._open.append((options, self._stack.enter_context(opened)))

    def _shared(self, options: TeacherOptions) -> Teacher | None:
        """The teacher opened with equal options: two roles on one local model are one server."""
        return next((teacher for opened, teacher in self._open if _bare(opened) == _bare(options)), None)

    def _of(self, options: TeacherOptions) -> Teacher:
        teacher = self._shared(options)
        assert teacher is not None
        return teacher

    def _live(self) -> str:
        """The live line's part about the teachers: speed, and money where there is a price."""
        stats = [teacher.stats for _, teacher in self._open]
        return _line(stats, self._teachers.currency)


def _line(stats: list[Stats], currency: str) -> str:
    bought, money = any(s.paid for s in stats), sum(s.money for s in stats)
    speed = f"{sum(s.tokens_per_second for s in stats):.0f} tokens/s" if bought else "replayed"
    return f"{speed}, {money:.2f} {currency}" if money else speed
