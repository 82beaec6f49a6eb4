"""Ctrl-C, and a scheduler's SIGTERM: the step under way is finished, a checkpoint written, then the training leaves.

A second signal leaves at once, from the last checkpoint that is there.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from train.job import Job
from train.launch import together
from train.watching.stopping import reason

_HEEDED = (signal.SIGINT, signal.SIGTERM)


def leaving(trainer: type, job: Job) -> type:
    """The trainer class that leaves with a checkpoint. `train` then raises KeyboardInterrupt, as without this."""
    from transformers import TrainerCallback

    class Leaver(TrainerCallback):  # type: ignore[misc]
        def __init__(self, asked: list[int]) -> None:
            self.asked = asked

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            # A signal that only one process has heard by now is heard by all of them.
            if (heard := together.any_of(self.asked[0] if self.asked else 0)) and not self.asked:
                self.asked.append(heard)
            if self.asked:
                control.should_save = control.should_training_stop = True

    class Leaving(trainer):  # type: ignore[misc]
        def train(self, *args: Any, **kwargs: Any) -> Any:
            with _heard(job) as asked:
                self.add_callback(Leaver(asked))
                done = super().train(*args, **kwargs)
            finished = self.state.global_step >= job.plan.steps or reason(
                self.state.log_history, job.options.patience, job.options.forgetting.bound)
            if asked and not finished:
                job.context.progress.say(f"stopped after step {self.state.global_step} of {job.plan.steps}")
                raise KeyboardInterrupt(*(number for number in asked if number == signal.SIGTERM))
            return done

    return Leaving


@contextmanager
def _heard(job: Job) -> Iterator[list[int]]:
    """The signals that came within the block; only the first of them is taken calmly."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked  # signals are the main thread's
        return

    def hear(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt(*([number] if number == signal.SIGTERM else []))
        asked.append(number)
        job.context.progress.say("finishing this step and writing a checkpoint; once more to leave at once")

    before = {number: signal.signal(number, hear) for number in _HEEDED}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
