"""Ctrl-C while a model is trained: the step is finished and a checkpoint written before the process goes.

A signal that is obeyed at once would lose the steps since the last checkpoint, half an epoch perhaps. So it is heard
here, and obeyed where the checkpoint is whole. Who asks a second time means it: then it is at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from train.job import Job
from train.launch import together


@contextmanager
def heard(job: Job) -> Iterator[None]:
    """Within the block Ctrl-C and SIGTERM are only noted on the job, the first time. Outside of the main thread, where
    no signal arrives, this does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hear(number: int, frame: object) -> None:
        again, job.asked_to_stop = job.asked_to_stop, number
        if again:
            raise _interrupt(number)
        job.context.progress.say("stopping after this step, with a checkpoint; once more: at once")

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leaver(job: Job) -> Any:
    """The callback that goes as soon as the checkpoint is whole; it must come after the one that marks it so."""
    from transformers import TrainerCallback

    class Leaver(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            job.asked_to_stop = together.any_of(job.asked_to_stop)
            if job.asked_to_stop:
                control.should_save, control.should_evaluate = True, False
            return control

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if job.asked_to_stop:
                raise _interrupt(job.asked_to_stop)

    return Leaver()


def _interrupt(number: int) -> KeyboardInterrupt:
    """As the command line tells them apart: SIGTERM with its number, Ctrl-C without."""
    return KeyboardInterrupt(number) if number == signal.SIGTERM else KeyboardInterrupt()
