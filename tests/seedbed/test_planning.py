"""`seedbed plan` where a stage reads what an unfinished one will make."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from seedbed import config
from seedbed.pipeline import Pipeline
from seedbed.planning import describe
from seedbed.stages import STAGES
from tests.seedbed.retold import STAGE
from tests.tiny_job import write_job

PRICED = {"model": "scripted:replies.jsonl", "prices": {"prompt": 1000, "completion": 1000, "currency": "CNY"}}
BOTH = ["doc_qa", {"retold": {"from": "doc_qa"}}]


@pytest.fixture(autouse=True)
def retold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAGES, "retold", STAGE)


def plan(folder: Path, **top: Any) -> list[str]:
    return list(describe(Pipeline(config.load(write_job(folder, teacher=PRICED, **top)))))


def numbers(line: str) -> list[int]:
    return [int(n.replace(",", "")) for n in re.findall(r"([\d,]+) (?:calls|prompt|completion|tokens)", line)]


def test_what_is_not_made_yet_is_counted_at_most(tmp_path: Path) -> None:
    lines = plan(tmp_path, generate=BOTH)
    assert lines[3] == "  03-retold          to do: at most 12 records of 02-doc_qa, about 12 calls, 480 prompt and 120 completion tokens"
    total = next(line for line in lines if line.startswith("To come, about: "))
    calls, prompt, completion = numbers(lines[2])
    tokens = prompt + completion
    assert total == (f"To come, about: {calls} calls, {tokens:,} tokens to {calls + 12} calls, {tokens + 600:,} tokens, "
                     f"{tokens / 1000:.2f} to {tokens / 1000 + 0.6:.2f} CNY")


def test_a_target_bounds_what_comes_after(tmp_path: Path) -> None:
    generate = [{"doc_qa": {"target": 3}}, {"retold": {"from": "doc_qa"}}]
    assert "to do: at most 3 records of 02-doc_qa, about 3 calls" in plan(tmp_path, generate=generate)[3]


def test_what_is_made_is_read(tmp_path: Path) -> None:
    job = write_job(tmp_path, teacher=PRICED, generate=BOTH)
    Pipeline(config.load(job)).execute("doc_qa")
    lines = plan(tmp_path, generate=BOTH)
    made = re.search(r"done: (\d+) kept", lines[2])
    assert made and lines[3].startswith(f"  03-retold          to do: {made.group(1)} records, about {made.group(1)} calls")
    assert lines[-3].startswith(f"To come, about: {made.group(1)} calls, {50 * int(made.group(1))} tokens, ")


def test_no_prices_no_money(tmp_path: Path) -> None:
    lines = list(describe(Pipeline(config.load(write_job(tmp_path, generate=BOTH)))))
    assert lines[-3].endswith("tokens, no money (the job names no `prices`)")
