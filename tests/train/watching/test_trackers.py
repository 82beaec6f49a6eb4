"""What each tracker is told: TensorBoard's own files where it is installed, the others at the border of their library."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from seedbed.errors import MissingExtra
from tests.train.test_stage import DATA, curve, run
from train.watching import trackers


class Told:
    """A library that notes how it was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def module(self, name: str) -> ModuleType:
        made = ModuleType(name)
        made.__spec__ = SimpleNamespace(name=name)  # type: ignore[assignment]
        made.__getattr__ = self.noting  # type: ignore[method-assign]
        return made

    def noting(self, called: str) -> Any:
        if called.startswith("__"):
            raise AttributeError(called)

        def note(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((called, args, kwargs))
            return SimpleNamespace(log=self.noting("log"), finish=self.noting("finish"))

        return note

    def of(self, called: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        return [(args, kwargs) for name, args, kwargs in self.calls if name == called]


@pytest.mark.parametrize(
    ("name", "begin", "write", "end"),
    [
        ("wandb", "init", "log", "finish"),
        ("mlflow", "start_run", "log_metrics", "end_run"),
        ("swanlab", "init", "log", "finish"),
    ],
)
def test_every_number_goes_to_the_tracker_with_its_step(
    name: str, begin: str, write: str, end: str, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    monkeypatch.setitem(sys.modules, name, told.module(name))
    run(student, tmp_path / "runs" / "pump", DATA, epochs=1, track=(name,))
    assert [called for called, _, _ in told.calls if called in (begin, end)] == [begin, end]
    losses = {kwargs["step"]: args[0]["loss"] for args, kwargs in told.of(write) if "loss" in args[0]}
    assert losses == {int(point["step"]): point["loss"] for point in curve(tmp_path / "runs" / "pump")["train"]}
    general = [args[0]["eval_general_loss"] for args, _ in told.of(write) if "eval_general_loss" in args[0]]
    assert general == [point["loss"] for point in curve(tmp_path / "runs" / "pump")["general"]]
    said = repr(told.calls)
    assert "runs/pump" in said and "'learning_rate': 0.003" in said
    assert "Which port" not in said and "端口" not in said


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_tensorboard_shows_the_losses(student: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-not-found,unused-ignore]

    run(student, tmp_path, DATA, epochs=1, track=("tensorboard",))
    board = EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    for scalar, key in (("loss", "train"), ("eval_loss", "validation"), ("eval_general_loss", "general")):
        found = [(event.step, event.value) for event in board.Scalars(scalar)]
        expected = [(point["step"], pytest.approx(point["loss"], rel=1e-6)) for point in curve(tmp_path)[key]]
        assert found == expected


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "mlflow", "swanlab"])
def test_a_library_that_is_not_there_is_said_before_anything_else(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda _: None)  # type: ignore[attr-defined]
    with pytest.raises(MissingExtra, match=rf'pip install "seedbed\[{name}\]"'):
        run(tmp_path / "no such student", tmp_path / "run", track=(name,))
