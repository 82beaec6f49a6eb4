"""How far a run is, for a person in front of it: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

# Plain lines go to log files: one every 15 s tells that the run lives and does not bury the rest.
_PLAIN_EVERY = 15.0


class Plain:
    """Lines of text, one every 15 s and one at the end of each stage."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._stage, self._last, self._began = "", 0.0, 0.0
        self.meter: Callable[[], str] = str

    def begin(self, stage: str) -> None:
        """A stage starts."""
        self._stage, self._began = stage, time.monotonic()
        self._last = self._began

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        """How many of how many."""
        now = time.monotonic()
        if now - self._last >= _PLAIN_EVERY:
            self._last = now
            self.say("  " + self._line(done, total, note, now - self._began))

    def _line(self, done: int, total: int | None, note: str, seconds: float) -> str:
        of = f"{done} of {total}" if total else str(done)
        left = f"about {clock(seconds / done * (total - done))} left" if total and 0 < done < total else ""
        return ", ".join(part for part in (f"{self._stage}: {of}", note, self.meter(), left) if part)

    def say(self, line: str) -> None:
        """One line, at once."""
        self._out.write(line + "\n")
        self._out.flush()

    def end(self) -> None:
        """The stage is over."""


class Live(Plain):
    """A bar with rate, cost and time left, drawn by rich."""

    def __init__(self) -> None:
        super().__init__()
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        # No markup: a note may hold the name of a file, and that may hold brackets.
        name, count, note = (
            TextColumn("{task." + field + "}", markup=False)
            for field in ("description", "fields[count]", "fields[note]")
        )
        columns = (name, BarColumn(), count, TimeElapsedColumn(), TimeRemainingColumn(), note)
        self._bars = Progress(*columns, transient=True)
        self._task: Any = None

    def begin(self, stage: str) -> None:
        """A new bar."""
        super().begin(stage)
        self._task = self._bars.add_task(stage, total=None, count="", note="")
        self._bars.start()

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        """Moves the bar."""
        count = f"{done}/{total}" if total else str(done)
        note = ", ".join(part for part in (note, self.meter()) if part)
        self._bars.update(self._task, completed=done, total=total, count=count, note=note)

    def say(self, line: str) -> None:
        """One line above the bar."""
        self._bars.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def end(self) -> None:
        """Takes the bar away."""
        if self._task is not None:
            self._bars.stop()
            self._bars.remove_task(self._task)
            self._task = None


def for_terminal() -> Plain:
    """Bars where somebody can see them, lines otherwise."""
    return Live() if sys.stdout.isatty() else Plain()


def clock(seconds: float) -> str:
    """`45 s`, `3 min`, `2 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"
