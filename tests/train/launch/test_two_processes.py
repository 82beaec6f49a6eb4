"""Two processes train one job: the same losses as one, files written once, and a killed launch goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from seedbed import jsonl
from tests.train.tiny import records
from train.job import step_of

pytestmark = pytest.mark.slow
HERE = Path(__file__).parents[3]
# Sums in another order; the losses are about 6. Measured: 2e-4 over 15 steps.
CLOSE = 2e-3


def job(folder: Path, student: Path) -> list[str]:
    """The command of a training: 20 records, batches of 4, so that each epoch ends with nothing left over, and 6 for
    validation, which does not go into batches of 4."""
    data = folder / "data.jsonl"
    if not data.exists():
        jsonl.write(data, [*records(18), *records(3, task="general"), *records(6, "validation")])
        options = {"student": f"path:{student}", "method": "lora", "learning_rate": 3e-3, "threads": 1, "eval_steps": 3}
        (folder / "job.yaml").write_text(json.dumps({"records": {"paths": [str(data)]}, "train": options}))
    return ["train", str(folder / "job.yaml")]


def start(words: list[str], processes: int) -> subprocess.Popen[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [*launcher, "-m", "seedbed.cli", *words] if processes > 1 else [sys.executable, "-m", "seedbed.cli", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "SEEDBED_PROCESSES": str(processes)}
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=HERE,
                            env=environment, start_new_session=True)


def run(words: list[str], processes: int) -> str:
    child = start(words, processes)
    out, err = child.communicate(timeout=400)
    assert child.returncode == 0, err[-3000:]
    return out


def kill(child: subprocess.Popen[str]) -> None:
    """The launcher and the processes that it started, which have sessions of their own."""
    for process in [*psutil.Process(child.pid).children(recursive=True), psutil.Process(child.pid)]:
        process.send_signal(signal.SIGKILL)
    child.communicate()


def curve(run: Path) -> dict[str, list[float]]:
    found = json.loads((run / "02-train" / "losses.json").read_text())
    return {name: [point["loss"] for point in found[name]] for name in ("train", "validation")}


@pytest.fixture(scope="module")
def alone(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one process; its folder has the job too."""
    folder = tmp_path_factory.mktemp("launch")
    run([*job(folder, student), "--out", str(folder / "one")], 1)
    return folder


def test_two_processes_learn_what_one_learns(alone: Path, student: Path) -> None:
    out = run([*job(alone, student), "--out", str(alone / "two")], 2)
    assert out.count("Done: ") == 1 and out.count("02-train: done") == 1  # one of them speaks
    expected, got = curve(alone / "one"), curve(alone / "two")
    for name in ("train", "validation"):
        assert got[name] == pytest.approx(expected[name], abs=CLOSE) and len(got[name]) == len(expected[name])
    assert json.loads((alone / "two" / "02-train" / "manifest.json").read_text())["figures"]["steps"] == 18
    # Both states of chance: two processes did train.
    [last] = (alone / "two" / "02-train" / "checkpoints").glob("checkpoint-18")
    assert {path.name for path in last.glob("rng_state*")} == {"rng_state_0.pth", "rng_state_1.pth"}
    again = run([*job(alone, student), "--out", str(alone / "two")], 2)
    assert "train: already done" in again


def test_a_killed_launch_goes_on_with_the_losses_it_would_have_had(alone: Path, student: Path) -> None:
    words = [*job(alone, student), "--out", str(alone / "killed")]
    child = start(words, 2)
    checkpoints, patience = alone / "killed" / "02-train" / "checkpoints", time.monotonic() + 300
    while not any(checkpoints.glob("checkpoint-*/seedbed-whole")) and time.monotonic() < patience:
        assert child.poll() is None
        time.sleep(0.05)
    kill(child)
    done = max(step_of(path.parent) for path in checkpoints.glob("checkpoint-*/seedbed-whole"))
    assert done < 18
    assert f"going on from step {done} of 18" in run(words, 2)
    expected, got = curve(alone / "one"), curve(alone / "killed")
    assert got["train"] == pytest.approx(expected["train"], abs=CLOSE)
    assert got["validation"] == pytest.approx(expected["validation"], abs=CLOSE)


def test_one_process_where_two_were_asked_for_is_refused(alone: Path, student: Path) -> None:
    words = [*job(alone, student), "--out", str(alone / "few")]
    done = subprocess.run([sys.executable, "-m", "seedbed.cli", *words], text=True, capture_output=True, cwd=HERE,
                          env=os.environ | {"SEEDBED_PROCESSES": "2"})
    assert done.returncode == 2
    assert "2 processes were to train together and 1 was started" in done.stderr
