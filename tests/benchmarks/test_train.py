"""The benchmarks of training: what is counted and compared, and each side at toy size."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks import train, train_gpu, train_memory
from benchmarks.random_students import records
from benchmarks.train_sides import Clock, Measured, Task, apart
from seedbed import jsonl


def measured(rate: float, first: float, peak: int) -> Measured:
    return Measured(rate, first, peak, 8, 1000, "1.0")


def test_only_what_comes_after_the_first_step_is_counted() -> None:
    clock = Clock(began=100.0)
    clock.ends, clock.tokens = [110.0, 112.0, 114.0], [500, 100, 300, 777]
    found = clock.measured("1.0")
    assert (found.tokens_per_second, found.first_step, found.steps, found.tokens) == (100.0, 10.0, 3, 400)


def test_goals_are_held_against_trl_as_it_comes() -> None:
    [line] = train._goals("lora", {"seedbed": measured(129, 21, 5), "trl": measured(100, 30, 5)})
    assert line.count("NOT met") == 2 and "peak no higher: met" in line
    [line] = train._goals("lora", {"seedbed": measured(130, 19, 5), "trl": measured(100, 30, 6)})
    assert "NOT met" not in line
    assert train._goals("lora", {"seedbed": "failed", "trl": measured(1, 1, 1)}) == []


def test_a_side_that_fails_is_said_and_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"seedbed": measured(200, 9, 1), "trl": "out of memory", "trl, no checkpointing": measured(100, 9, 1)}
    monkeypatch.setattr(train, "apart", lambda task: answers[task.side])
    given = argparse.Namespace(methods="lora", repeats=2, batch=4, max_length=64, threads=1)
    lines = train.compared(given, "student", Path("data"))
    assert "| lora | trl | failed: out of memory | | | | |" in lines
    assert any("no checkpointing 1.0 | 100.0 | 2.00× |" in line for line in lines)


def test_records_are_of_mixed_length_and_both_languages() -> None:
    made = train.records(200, 300)
    lengths = sorted(len(record.answer.split()) for record in made if record.language == "en")
    assert lengths[0] < 20 and lengths[len(lengths) // 2] < 100 < lengths[-1] <= 330
    assert {record.language for record in made} == {"en", "zh"} and train.records(200, 300) == made
    assert max(len(record.answer) for record in records(50, 400)) > 330


def test_an_estimate_is_told_as_a_share_of_what_was_taken() -> None:
    case = train_memory.Case("25M", "lora", 4, 128, 8)
    line = train_memory.row(case, train_memory.Measured(1_100_000_000, 1_000_000_000, "weights 1.0", 120))
    assert line == "| 25M | lora | 4 | off | 120 | 1.10 | 1.00 | +10% | weights 1.0 |"
    assert "failed: no room" in train_memory.row(case, "no room")


@pytest.mark.slow
@pytest.mark.parametrize("side", ["seedbed", "trl"])
def test_each_side_trains_at_toy_size(side: str, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    jsonl.write(data, records(12, 96))
    task = Task(side=side, student=train.located("1M", tmp_path), method="lora", data=str(data), max_length=128, threads=1)
    found = apart(task)
    assert isinstance(found, Measured), found
    assert found.steps == 3 and found.tokens_per_second > 0 and found.peak > 10**8


@pytest.mark.slow
def test_the_gpu_script_runs_at_toy_size_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "train_gpu --sizes 1M --methods lora --records 8 --longest 96 --batch 2 --threads 1".split()
    monkeypatch.setattr(sys, "argv", [*words, "--folder", str(tmp_path), "--out", str(tmp_path / "gpu.md")])
    train_gpu.main()
    written = (tmp_path / "gpu.md").read_text()
    assert written.count("| 1M | lora | ") == 3 and "failed" not in written
    assert "NO GPU" in written or "GB, torch" in written


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "qlora", "full"])
def test_the_memory_of_a_small_training_is_near_its_estimate(method: str, tmp_path: Path) -> None:
    case = msgspec.convert(dict(zip(train_memory.Case.__struct_fields__, ("12M", method, 4, 256, 12, "off", 1),
                                    strict=True)), train_memory.Case)
    found = train_memory.apart(case, tmp_path)
    assert isinstance(found, train_memory.Measured), found
    assert abs(found.ratio - 1) < train_memory.GOAL
