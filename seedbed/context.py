"""What a stage is handed besides its records and options."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from seedbed.chat import Complete, Loop
from seedbed.errors import SeedbedError
from seedbed.likelihood import Likelihood


class Progress(Protocol):
    """Where a stage says how far it is. `total` may be None when nobody knows."""

    def update(self, done: int, total: int | None = None, note: str = "") -> None: ...

    def say(self, line: str) -> None: ...


class Silent:
    """No progress at all: for tests and for use as a library."""

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        pass

    def say(self, line: str) -> None:
        pass


@dataclass
class Context:
    """One stage's surroundings.

    folder    the stage's own directory, for files besides records (document texts, exports, an adapter)
    seed      the job's seed; equal job + equal journal = equal bytes
    upstream  finished stages of the run by name, for those that need more than records (the report, evaluate); where
              several have one name it is that of the last, and the others have those of their folders (`03-augment`)
    figures   numbers that the stage wants kept in its manifest and shown in the report
    roles     teachers that the job names for a role of their own
    width     how many pieces of work a stage should have under way
    prompts   the user's own prompt folder, if the job names one
    likelihood  the student that a stage's options name, for stages that measure with it
    """

    folder: Path
    seed: int = 0
    upstream: dict[str, Path] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    progress: Progress = field(default_factory=Silent)
    complete: Complete | None = None
    roles: dict[str, Complete] = field(default_factory=dict)
    loop: Loop | None = None
    width: int = 8
    prompts: Path | None = None
    likelihood: Likelihood | None = None

    def teacher(self, role: str = "generate") -> tuple[Complete, Loop]:
        """The teacher, for stages that cannot do without one: the one that the job names for this role (`generate`,
        `verify`, `judge`), or else the one for everything."""
        complete = self.roles.get(role, self.complete)
        if complete is None or self.loop is None:
            raise SeedbedError(
                "this stage needs a teacher and the job names none",
                where=self.folder.name,
                next_step="Add `teacher:` to the job, or pass --teacher URL --model NAME",
            )
        return complete, self.loop

    def student(self) -> Likelihood:
        """The student that measures, for stages that cannot do without one."""
        if self.likelihood is None:
            raise SeedbedError("this stage measures with a student and was handed none", where=self.folder.name)
        return self.likelihood
