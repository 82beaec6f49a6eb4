"""Each curator, killed half way: the same command goes on and ends with the same bytes. Ctrl-C ends it within 5 s.

As tests/test_kill_generators.py asks it of generators. Curators buy nothing, so what is counted are files.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from seedbed import jsonl
from seedbed.record import chat
from seedbed.stages import STAGES
from tests.curate.malformed import odd_records
from tests.test_kill import ROOT, Lives, answered
from tests.tiny_job import contents, write_rules

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="needs fork and signals")]
# The judge and those that measure with a student have tests of their own, with a teacher and a student.
NAMES = [n for n, s in STAGES.items() if s.group == "curate" and n not in ("judge", "ifd", "perplexity")]
OPTIONS: dict[str, dict[str, Any]] = {"export": {"formats": ["record", "messages"]}, "decontaminate": {"paths": ["exam.jsonl"]},
                                      "pii": {"profile": "technical", "action": "surrogate"},
                                      "select": {"best": 0.5, "apart": "near", "encoder": "lexical"}}
BEFORE = {"mix": ["split"], "export": ["split"]}  # what some need to be of use
COUNT = 150


# Enough for a set to be spread: 3,000 answers of 1 KB.
MANY, LONG = 1_500, " It was checked by somebody on the day before." * 20


def write(folder: Path, name: str, processes: int = 1, count: int = COUNT, more: str = "") -> Path:
    """A job of one curator over records in both languages, some of them twins and some of them odd."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        part = number // 2 if number % 10 == 1 else number  # some are asked twice
        scores = {"judge": number % 5 + 1.0}
        rows += [chat(f"What does part {part} of the pump do?", f"Part {number} pumps oil  to tank {number % 7}.{more}", scores=scores),
                 chat(f"{part} 号零件有什么用？", f"{number} 号零件把油泵到 {number % 7} 号油箱<br>里。{more}", scores=scores)]
    jsonl.write(folder / "rows.jsonl", [*rows, *odd_records(2_000)])
    jsonl.write(folder / "exam.jsonl", rows[:4])
    job = {"out": "run", "records": "rows.jsonl", "processes": processes, "curate": [*BEFORE.get(name, []), {name: OPTIONS.get(name, {})}]}
    path = folder / "job.yaml"
    path.write_text(yaml.safe_dump(job, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def lives_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    found = Lives(tmp_path_factory.mktemp("lives"))
    yield found
    found.close()


@pytest.mark.parametrize("name", NAMES)
def test_killed_at_any_of_its_files_it_ends_with_the_same_bytes(tmp_path: Path, lives_of: Lives, name: str) -> None:
    job, whole = str(write(tmp_path, name)), tmp_path / "whole"
    run = ["run", job, "--stop-after", name]
    first = lives_of.live([*run, "--out", str(whole)], fork=False)
    expected = contents(whole)
    assert first["status"] == 0 and any(f"-{name}/" in path for path in expected)
    for share in (0.3, 0.6, 0.8, 0.95):
        out = tmp_path / f"run-{share}"
        ends = [lives_of.live([*run, "--out", str(out)], last)["status"] for last in (int(share * first["events"]), 2, 0)]
        assert ends[0] == -signal.SIGKILL and ends[-1] == 0
        assert contents(out) == expected


@pytest.mark.parametrize("name", ["donts", "safety"])
def test_killed_with_a_judge_it_buys_no_verdict_twice(tmp_path: Path, lives_of: Lives, name: str) -> None:
    job = write(tmp_path, name, count=6)
    fault = {"donts": "mismatch", "safety": "abuse"}[name]
    verdicts = [{"match": "to tank 3", "json": {"why": "so", "fault": fault}}, {"default": json.dumps({"why": "so", "fault": "none"})}]
    write_rules(tmp_path / "judge.jsonl", verdicts)
    told = yaml.safe_load(job.read_text(encoding="utf-8"))
    told |= {"teacher": {"model": "scripted:judge.jsonl"}, "curate": [{name: {"judge": True}}]}
    job.write_text(yaml.safe_dump(told), encoding="utf-8")
    run, whole, scratch = ["run", str(job), "--stop-after", name], tmp_path / "whole", tmp_path / "scratch"
    first = lives_of.live([*run, "--out", str(whole)], fork=False)
    expected, bought = contents(whole), answered(whole, scratch)
    assert first["status"] == 0 and len(bought) >= 12
    assert any(r.rejection and r.rejection.reason == fault for r in jsonl.read(whole / f"02-{name}" / "rejected.jsonl"))
    for share in (0.3, 0.6, 0.9):
        out = tmp_path / f"run-{share}"
        assert lives_of.live([*run, "--out", str(out)], int(share * first["events"]))["status"] == -signal.SIGKILL
        lived, before = answered(out, scratch), len(lives_of.calls())
        assert lives_of.live([*run, "--out", str(out)])["status"] == 0
        assert not lived & {key for what, key in lives_of.calls()[before:] if what == "sent"}
        assert answered(out, scratch) == bought and contents(out) == expected


@pytest.mark.parametrize("name", [name for name in NAMES if STAGES[name].scope == "record"])
def test_killed_while_it_is_spread_over_processes_it_ends_with_the_same_bytes(tmp_path: Path, name: str) -> None:
    """The parent is killed in the midst, and its processes end by themselves."""
    alone = write(tmp_path / "alone", name, processes=1, count=MANY, more=LONG)
    subprocess.run([sys.executable, "-m", "seedbed.cli", "run", str(alone), "--stop-after", name], cwd=ROOT, check=True)
    job = write(tmp_path / "spread", name, processes=2, count=MANY, more=LONG)
    command = [sys.executable, "-m", "seedbed.cli", "run", str(job), "--stop-after", name]
    child = subprocess.Popen(command, cwd=ROOT)
    workers = started(child)
    child.kill()
    child.wait()
    assert not (tmp_path / "spread" / "run" / f"02-{name}" / "manifest.json").exists()
    deadline = time.monotonic() + 20
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(alive, workers))
    subprocess.run(command, cwd=ROOT, check=True)
    assert contents(tmp_path / "spread" / "run") == contents(tmp_path / "alone" / "run")


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_ends_it_and_its_processes_within_five_seconds(tmp_path: Path, sent: signal.Signals, status: int) -> None:
    job = write(tmp_path, "rules", processes=2, count=2 * MANY, more=LONG)
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    child = subprocess.Popen([sys.executable, "-m", "seedbed.cli", "run", str(job), "--stop-after", "rules"], cwd=ROOT, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, preexec_fn=heed)
    workers = started(child)
    os.killpg(child.pid, sent)  # to all of its group, as a terminal does
    began = time.monotonic()
    _, told = child.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert (child.returncode, told) == (status, "seedbed: stopped. Nothing is lost: the same command goes on from here\n")
    assert not any(map(alive, workers))


def started(child: subprocess.Popen[Any]) -> list[int]:
    """The processes that a run has started, once there are two of them."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert child.poll() is None, "it was over before it was spread"
        found = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(child.pid)], capture_output=True, text=True).stdout
        pids = [int(line.split()[0]) for line in found.splitlines() if "seedbed.spread_worker" in line]
        if len(pids) == 2:
            return pids
        time.sleep(0.02)
    raise AssertionError("no processes were started")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

