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

from seedbed.context import Progress


class Asked:
    """Whether somebody asked to stop, and how (the signal's number; 0: nobody)."""

    def __init__(self) -> None:
        self.by = 0

    def interrupt(self) -> KeyboardInterrupt:
        """As the command line has it: SIGTERM with its number, Ctrl-C without."""
        return KeyboardInterrupt(self.by) if self.by == signal.SIGTERM else KeyboardInterrupt()


@contextmanager
def heard(progress: Progress) -> Iterator[Asked]:
    """Ctrl-C and SIGTERM only set what is yielded, within the block, the first time. Outside of the main thread, where
    no signal arrives, this does nothing."""
    asked = Asked()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def hear(number: int, frame: object) -> None:
        again, asked.by = asked.by, number
        if again:
            raise asked.interrupt()
        progress.say("stopping after this step, with a checkpoint; once more: at once")

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leaver(asked: Asked) -> Any:
    """The callback that goes as soon as the checkpoint is whole; it must come after the one that marks it so."""
    from transformers import TrainerCallback

    class Leaver(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            if asked.by:
                control.should_save, control.should_evaluate = True, False
            return control

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if asked.by:
                raise asked.interrupt()

    return Leaver()
