"""When a call that failed is tried again, and when there is no point in it."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Protocol

from datagen.teacher.endpoint import BadRequest, Fault, Refused, Unreachable
from datagen.teacher.options import Pace, TeacherOptions
from seedbed.errors import TeacherError

AGAIN = "Everything answered is kept: run the same command again to go on"


class Met(Protocol):
    """What a failed call knows of the endpoint that it met."""

    name: str
    answered_at: float | None  # when it last answered anybody

    @property
    def healthy(self) -> bool:
        """Whether it answers others meanwhile."""
        ...


@dataclass
class Trial:
    """What one call has met so far. `answering` is whether any endpoint of its pool ever answered."""

    options: TeacherOptions
    pace: Pace
    started: float = field(default_factory=time.monotonic)
    faults: int = 0
    refusals: int = 0
    refused_at: float | None = None

    @property
    def again(self) -> bool:
        return bool(self.faults or self.refusals)

    def after(self, fault: Fault, met: Met, answering: bool) -> float:
        """How long to wait before the next try. Raises TeacherError where there is no point in one."""
        now = time.monotonic()
        if isinstance(fault, Refused):
            self.refusals += 1
            return self._after_refusal(fault, met, now)
        self.faults += 1
        if self._hopeless(fault, now - self.started, answering):
            raise self._given_up(fault, met, now - self.started, answering)
        if met.healthy and not fault.retry_after:
            return self._soon(self.faults)
        return max(self.pace.backoff(self.faults), min(fault.retry_after or 0.0, self.options.patience))

    def _after_refusal(self, fault: Refused, met: Met, now: float) -> float:
        self.refused_at = self.refused_at or now
        silent = now - max(self.refused_at, met.answered_at or 0.0)
        wait = self.pace.refused if fault.retry_after is None else fault.retry_after
        if max(silent, wait) > self.options.patience:
            raise TeacherError(f"the teacher refuses every call (429: {fault.why}); {silent:.0f} s without an answer, "
                               f"and now it asks to wait {wait:.0f} s", where=met.name, next_step=AGAIN)
        if met.healthy:
            # Retry-After speaks of the endpoint's whole load, and it takes other calls now: this refusal was a stray
            # one. A second one is believed a bit more, and so on, up to what it asked for.
            return min(wait, self._soon(self.refusals))
        return wait * random.uniform(1.0, 1.1)  # so that those refused together do not come back together

    def _soon(self, times: int) -> float:
        """A short pause, three times as long each time."""
        return self.pace.scattered * 3.0 ** (times - 1) * random.uniform(0.5, 1.5)

    def _hopeless(self, fault: Fault, seconds: float, answering: bool) -> bool:
        if answering:
            return self.faults > self.options.retries
        if isinstance(fault, Unreachable):
            return seconds >= self.pace.reach
        # It never worked, so this is hardly a passing weakness, unless it is still loading its model.
        waited = isinstance(fault, BadRequest) or seconds >= self.pace.reach
        return waited and self.faults > min(2, self.options.retries)

    def _given_up(self, fault: Fault, met: Met, seconds: float, answering: bool) -> TeacherError:
        what = "is out of reach" if isinstance(fault, Unreachable) else "does not answer"
        if answering:
            step = AGAIN
        elif isinstance(fault, BadRequest):
            step = "Check the options under teacher: in the job"
        else:
            step = "Check that it runs and that the URL is right"
        return TeacherError(f"the teacher {what}: {self.faults} tries in {seconds:.0f} s, the last one: {fault.why}",
                            where=met.name, next_step=step)
