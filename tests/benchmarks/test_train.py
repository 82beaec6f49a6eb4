"""The benchmarks of training: what is counted and compared, and each side at toy size."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks import train, train_gpu, train_memory, train_with_llamafactory
from benchmarks.random_students import records
from benchmarks.train_after import Table
from benchmarks.train_sides import LLAMAFACTORY, Clock, Measured, Task, apart
from seedbed import jsonl
from train.after.check import Checked


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


def test_llama_factory_is_asked_in_its_own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def noted(task: Task, module: str = "", python: str = "") -> Measured:
        asked.append((task.side, task.checkpointing, task.packing, module, python))
        return measured(100, 9, 1)

    monkeypatch.setattr(train_gpu, "apart", noted)
    monkeypatch.setattr(train_gpu, "located", lambda size, folder: "student")
    monkeypatch.setattr(train_gpu, "there", lambda side: side.startswith("seedbed"))
    given = argparse.Namespace(sizes="1M", methods="lora", records=4, longest=96, batch=2, threads=1, folder=tmp_path,
                               llamafactory=None)
    assert len(train_gpu.rows(given)) == 2 and asked[1] == ("seedbed, packed", "auto", True, "", "")
    given.llamafactory = Path("env/bin/python")
    assert len(train_gpu.rows(given)) == 4
    assert asked[-2:] == [
        ("llamafactory", "auto", False, LLAMAFACTORY, "env/bin/python"),
        ("llamafactory, no checkpointing", "off", False, LLAMAFACTORY, "env/bin/python"),
    ]


def test_llama_factory_is_given_the_same_training(tmp_path: Path) -> None:
    jsonl.write(tmp_path / "records.jsonl", records(3, 96))
    task = {"data": str(tmp_path / "records.jsonl"), "student": "s", "method": "qlora", "batch": 2, "rank": 8,
            "max_length": 128, "checkpointing": "off"}
    train_with_llamafactory.write(task, tmp_path)
    entry = json.loads((tmp_path / "dataset_info.json").read_text())["measured"]
    rows = json.loads((tmp_path / entry["file_name"]).read_text())
    assert [row[entry["columns"]["messages"]] for row in rows] == [record.turns() for record in records(3, 96)]
    asked = train_with_llamafactory.settings(task, tmp_path, gpu=True)
    assert (asked["quantization_bit"], asked["lora_rank"], asked["lora_alpha"], asked["cutoff_len"]) == (4, 8, 16, 128)
    assert asked["disable_gradient_checkpointing"] and not asked["use_cpu"]
    assert "quantization_bit" not in train_with_llamafactory.settings(task | {"method": "lora"}, tmp_path, gpu=True)


def test_goals_of_what_follows_a_training_are_held_against_their_own_model() -> None:
    table = Table(adapter=1.0)
    table.add("merged, dequantised", 1.02)
    table.add("GGUF q8_0", 1.05, Checked(texts=7, texts_alike=7, prompts=2, prompts_alike=2, tokens=9, loss=1.04,
                                         loss_gguf=1.05, greedy=2, greedy_alike=1, greedy_tokens=4.0))
    assert table.rows[1].endswith("| +5.00% | +0.96% | 7 of 7 texts, 2 of 2 prompts, 1 of 2 greedy answers |")
    assert table.goals() == [
        "Goal: merged, dequantised within 1% of the adapter. NOT met: +2.00%.",
        "Goal: GGUF q8_0 within 2% of its model in transformers. Met: +0.96%.",
    ]


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
    assert written.count("| 1M | lora | ") == 4 and "seedbed, packed" in written and "failed" not in written
    assert "NO GPU" in written or "GB, torch" in written


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "qlora", "full"])
def test_the_memory_of_a_small_training_is_near_its_estimate(method: str, tmp_path: Path) -> None:
    case = msgspec.convert(dict(zip(train_memory.Case.__struct_fields__, ("12M", method, 4, 256, 12, "off", 1),
                                    strict=True)), train_memory.Case)
    found = train_memory.apart(case, tmp_path)
    assert isinstance(found, train_memory.Measured), found
    assert abs(found.ratio - 1) < train_memory.GOAL
