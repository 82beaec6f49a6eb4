"""Every error a user can meet, in one tree.

    SeedbedError                exit 2   bad input or environment; nothing is lost
    ├── JobError                exit 2   the job file: names file, line and key
    ├── InputError              exit 2   documents, data sets, models on disk
    ├── PromptError             exit 2   a prompt file is missing or does not fit its variables
    ├── RunError                exit 2   the run directory: locked, read-only, disk full
    ├── MissingExtra            exit 2   an optional library is not installed: says the pip line
    ├── TemplateError           exit 2   a chat template that cannot be masked exactly
    ├── PreflightError          exit 2   a check before training failed
    ├── TrainingError           exit 2   a training that gave nothing usable
    ├── TeacherError            exit 2   the endpoint: refused, unknown model, out of reach
    └── LimitReached            exit 3   a limit on calls, tokens or money: the run can be resumed

A bad *row*, *page* or *reply* is not an error but a `Rejection` on one record (see `seedbed.record`).
"""

from __future__ import annotations


class SeedbedError(Exception):
    """What went wrong, where, and what to do next; printed as one line by the command line."""

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", next_step: str = "") -> None:
        self.what, self.where, self.next_step = what, where, next_step
        super().__init__(what, where, next_step)

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line}. {self.next_step}" if self.next_step else line


class JobError(SeedbedError):
    """A job file that cannot be run as it stands."""


class InputError(SeedbedError):
    """Documents, data sets or models that cannot be read at all."""


class PromptError(SeedbedError):
    """A prompt file that is missing, or whose variables do not fit what the code supplies."""


class RunError(SeedbedError):
    """A run directory that cannot be used now."""


class MissingExtra(SeedbedError):
    """An optional library is needed and not installed."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed", next_step=f'Install it with: pip install "seedbed[{extra}]"')


class TemplateError(SeedbedError):
    """A chat template whose assistant tokens cannot be told exactly."""


class PreflightError(SeedbedError):
    """Training would fail or be worthless; says why before anything is spent."""


class TrainingError(SeedbedError):
    """Training went wrong on the way: a loss that is no number, an adapter that changes nothing."""


class TeacherError(SeedbedError):
    """The teacher's endpoint cannot be used: refused, unknown model, out of reach."""


class LimitReached(SeedbedError):
    """A hard limit on calls, tokens or money; everything bought so far is in the journal."""

    exit_code = 3
