"""A sweep of the tiny student from the command line: what it writes, and that nothing is trained twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seedbed import jsonl
from seedbed.cli import main
from tests.train.forgetting.facts import capitals
from tests.train.tiny import records
from train.forgetting.sweep import run as sweeping

JOB = """
train:
  method: lora
  learning_rate: 3e-3
  epochs: 2
  threads: 1
  student: {student}
"""


@pytest.fixture
def climb(scholar: Path, tmp_path: Path) -> Callable[..., int]:
    """Runs `seedbed train … --sweep mix=0,0.3`."""
    data, job = tmp_path / "data.jsonl", tmp_path / "job.yaml"
    jsonl.write(data, [*records(24), *records(8, "test_seen"), *capitals()[::2], *capitals("test_general")[1::2]])
    job.write_text(JOB.format(student=scholar), encoding="utf-8")

    def go(*flags: str, sweep: str = "mix=0,0.3") -> int:
        out = ["--out", str(tmp_path / "out"), "--config", str(job)]
        return main(["train", str(data), *out, "--sweep", sweep, *flags])

    return go


def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that are trained from now on."""
    folders: list[str] = []
    real = sweeping.train

    def noting(given: Any, options: Any, context: Any) -> None:
        folders.append("/".join(context.folder.parts[-2:]))
        real(given, options, context)

    monkeypatch.setattr(sweeping, "train", noting)
    return folders


def test_a_sweep_trains_each_rung_once_measures_and_advises(
    climb: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = trained(monkeypatch)
    assert climb("--seeds", "2") == 0
    assert folders == ["mix-0/seed-0", "mix-0/seed-1", "mix-0.3/seed-0", "mix-0.3/seed-1"]
    written = json.loads((tmp_path / "out" / "sweep.json").read_text())
    without, mixed = written["points"]
    assert (without["value"], mixed["value"], mixed["share"]) == (0.0, 0.3, pytest.approx(10 / 34))
    assert written["records"] == {"domain": 24, "test_seen": 8, "test_general": 10}
    assert without["domain"]["change"] < -1 and without["domain"]["over_seeds"] and without["domain"]["over_records"]
    assert without["general"]["change"] > 0.05 and without["seeds"] == 2
    assert written["advice"]["why"] in capsys.readouterr().out
    assert (tmp_path / "out" / "sweep.html").read_text().count("<circle") == 2
    folders.clear()
    assert climb("--seeds", "2") == 0 and folders == []
    assert json.loads((tmp_path / "out" / "sweep.json").read_text()) == written
    assert climb(sweep="mix=0,0.1,0.3") == 0 and folders == ["mix-0.1/seed-0"]


@pytest.mark.slow
def test_a_sweep_that_was_stopped_goes_on_where_it_was(
    climb: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sweeping._measure

    def stopping(adapter: Path, *rest: Any) -> Any:
        if "mix-0.3" in str(adapter):
            raise KeyboardInterrupt
        return real(adapter, *rest)

    monkeypatch.setattr(sweeping, "_measure", stopping)
    assert climb() == 130
    assert not (tmp_path / "out" / "sweep.json").exists()
    monkeypatch.setattr(sweeping, "_measure", real)
    folders = trained(monkeypatch)
    assert climb() == 0 and folders == ["mix-0.3/seed-0"]


def test_what_cannot_be_swept_is_said_before_anything_is_trained(
    climb: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert climb(sweep="mixx=0,1") == 2
    assert "`mixx` cannot be swept" in capsys.readouterr().err


@pytest.mark.parametrize("objective", ["dpo", "pretrain"])
def test_what_is_not_judged_by_answers_is_refused(
    climb: Callable[..., int], objective: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert climb("--objective", objective) == 2
    assert f"is not what objective {objective} is judged by" in capsys.readouterr().err
