"""A training that is asked to leave writes a checkpoint first, and goes on from it with the losses it would have had."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.train import test_stage
from tests.train.test_stage import curve, run
from train.job import newest, step_of


class Asking(test_stage.Heard):
    """Sends this process a signal, once or twice, when step 7 of 15 was told."""

    number, times = signal.SIGINT, 1

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        for _ in range(self.times if done == 7 and note else 0):
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_it_leaves_after_the_step_and_goes_on_from_there(
    number: signal.Signals, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(number)
    whole = run(student, tmp_path / "whole")
    monkeypatch.setattr(Asking, "number", number)
    monkeypatch.setattr(test_stage, "Heard", Asking)
    with pytest.raises(KeyboardInterrupt) as left:
        run(student, tmp_path / "left")
    assert left.value.args == ((number,) if number == signal.SIGTERM else ())
    assert signal.getsignal(number) is before
    left_at = step_of(newest(tmp_path / "left" / "checkpoints") or Path("checkpoint-0"))
    assert left_at in (7, 8) and not (tmp_path / "left" / "adapter").exists()
    monkeypatch.undo()
    again = run(student, tmp_path / "left")
    assert f"going on from step {left_at} of 15" in again.progress.lines  # type: ignore[attr-defined]
    for key in ("train", "validation", "general"):
        expected = [point["loss"] for point in curve(whole.folder)[key]]
        assert [point["loss"] for point in curve(again.folder)[key]] == pytest.approx(expected, abs=1e-4)


def test_asked_twice_it_leaves_at_once(student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Asking, "times", 2)
    monkeypatch.setattr(test_stage, "Heard", Asking)
    with pytest.raises(KeyboardInterrupt):
        run(student, tmp_path)
    assert step_of(newest(tmp_path / "checkpoints") or Path("checkpoint-0")) == 6
