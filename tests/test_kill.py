"""Kill it at any moment: the next run goes on, pays for no call twice, and ends with the same bytes.

Lives are forked from one process that has all modules loaded, so that twenty of them cost no twenty starts of Python.
Each life is a whole `seedbed run`, which kills itself with SIGKILL (nothing can be tidied up) at a point drawn by lot
among everything that it does to the disk and to the teacher.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import pytest

from tests.tiny_job import PAIRS, contents, language_of, mark, rules, write_job

ROOT = Path(__file__).resolve().parent.parent
KILLS = 20
SEED = 20

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and signals")


# ---- in the process that is killed ----


class Life:
    """Counts what the process does, writes the calls into a log, and ends it at event number `last`."""

    def __init__(self, log: Path, last: int, delay: float) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._last, self._delay, self._lock = last, delay, threading.Lock()
        self.events = 0

    def note(self, what: str, key: str) -> None:
        os.write(self._log, f"{what} {key}\n".encode())

    def event(self) -> None:
        with self._lock:
            self.events += 1
            if self.events != self._last:
                return
        if not self._delay:
            os.kill(os.getpid(), signal.SIGKILL)
        timer = threading.Timer(self._delay, os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()


def watched(life: Life) -> None:
    """Hangs `life` onto files, journal and scripted teacher; and hurries the waits between tries."""
    from functools import partial

    from datagen.teacher import client
    from datagen.teacher.journal import Journal, canonical, key_of
    from datagen.teacher.options import Pace
    from datagen.teacher.scripted import Script

    fsync, replace, send, put = os.fsync, Path.replace, Script.send, Journal.put

    def fsync_(file: int) -> None:
        life.event()
        fsync(file)

    def replace_(self: Path, target: Path) -> Path:
        life.event()
        moved = replace(self, target)
        life.event()
        return moved

    async def send_(self: Script, request: Any) -> Any:
        life.event()
        life.note("sent", key_of(canonical(self.name, request)))
        reply = await send(self, request)
        life.event()  # answered, and not yet in the journal
        return reply

    async def put_(self: Journal, asked: bytes, reply: Any, *rest: Any) -> None:
        await put(self, asked, reply, *rest)
        life.note("kept", reply.key)
        life.event()

    os.fsync, Path.replace, Script.send, Journal.put = fsync_, replace_, send_, put_  # type: ignore[method-assign]
    client.Pace = partial(Pace, first=0.002, refused=0.002, reach=0.05)  # type: ignore[misc,assignment]


def lives(answers: TextIO) -> None:
    """Reads one life's description a line, lives it in a fork, writes how it ended."""
    from seedbed.cli import main

    for line in sys.stdin:
        told = json.loads(line)
        life = Life(Path(told["log"]), told["last"], told["delay"])
        if not told["fork"]:  # the run never killed: afterwards all modules are loaded
            watched(life)
            print(json.dumps({"status": main(told["argv"]), "events": life.events}), file=answers, flush=True)
            continue
        if (child := os.fork()) == 0:
            watched(life)
            os._exit(main(told["argv"]))
        _, status = os.waitpid(child, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), file=answers, flush=True)


if __name__ == "__main__":
    stdout = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the runs say must not mix with the answers
    sys.exit(lives(stdout))


# ---- in the test ----


class Lives:
    """The process that lives are forked from."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "calls.log"
        self._said = (folder / "said.txt").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.test_kill"], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._said, env=os.environ | {"OMP_NUM_THREADS": "1"})

    def live(self, argv: list[str], last: int = 0, delay: float = 0.0, fork: bool = True) -> dict[str, int]:
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        assert pipe_in and pipe_out
        pipe_in.write(json.dumps({"argv": argv, "log": str(self.log), "last": last, "delay": delay, "fork": fork}) + "\n")
        pipe_in.flush()
        answer: dict[str, int] = json.loads(pipe_out.readline())
        return answer

    def calls(self) -> list[tuple[str, str]]:
        """What was sent and what was kept, with the call's key, since the log was last taken away."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [(what, key) for what, _, key in (line.partition(" ") for line in lines)]

    def close(self) -> None:
        self._process.communicate()
        self._said.close()


@pytest.fixture
def lives_of(tmp_path: Path) -> Iterator[Lives]:
    found = Lives(tmp_path)
    yield found
    found.close()


def answered(run: Path, scratch: Path) -> set[str]:
    """The keys that the journal holds as a killed process left it, read from a copy so that nothing is tidied up."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for path in run.glob("journal.sqlite*"):
        if not path.name.endswith("-shm"):
            shutil.copy(path, scratch)
    if not (scratch / "journal.sqlite").exists():
        return set()
    connection = sqlite3.connect(scratch / "journal.sqlite")
    try:
        return {key for (key,) in connection.execute("SELECT key FROM calls")}
    except sqlite3.OperationalError:  # killed before there was a table
        return set()
    finally:
        connection.close()


def troubled() -> list[dict[str, Any]]:
    """The tiny job's teacher on a bad day: slow, refusing, breaking off, and with some replies that are none.

    Only what is no reply passes after some `times`: a life does not know how often an earlier one met it.
    """
    pairs = [pair for passage in PAIRS.values() for pair in passage]
    marks = [mark(pair.sentence, language_of(pair)) for pair in pairs]
    faults: dict[str, dict[str, Any]] = {
        marks[0]: {"fault": "429", "times": 2, "retry_after": 0.0},
        marks[1]: {"fault": "broken", "times": 1},
        marks[4]: {"fault": "cut"},
        marks[6]: {"fault": "500", "times": 1},
        marks[9]: {"fault": "empty"},
        marks[11]: {"fault": "not_json"},
    }
    return [rule | faults.get(rule.get("match", ""), {}) for rule in rules(delay=0.004)]


def test_killed_at_twenty_points_it_ends_with_the_same_bytes_and_no_call_twice(tmp_path: Path, lives_of: Lives) -> None:
    export = {"export": {"formats": ["alpaca", "messages"]}}
    generate = [{"doc_qa": {"about": "the KX-40 pump", "about_zh": "KX-40 离心泵", "levels": {"basic": 1}}}]
    balance = {"balance": {"caps": {"level": 7}, "at_least": {"language": {"zh": 12}}}}
    curate = ["clean", "exact", "split", balance, {"mix": {"share": 0.2, "test": 4}}, export]
    job = str(write_job(tmp_path, troubled(), generate=generate, curate=curate))
    whole = tmp_path / "whole"
    first = lives_of.live(["run", job, "--out", str(whole)], fork=False)
    assert first["status"] == 0
    expected, bought = contents(whole), answered(whole, tmp_path / "scratch")
    assert len(expected) > 20 and len(bought) > 10

    lot = random.Random(SEED)
    killed = campaign = 0
    while killed < KILLS:
        campaign += 1
        run, status = tmp_path / f"run-{campaign}", -signal.SIGKILL
        lives_of.log.unlink(missing_ok=True)
        kept: set[str] = set()
        while status == -signal.SIGKILL:
            before, lived = len(lives_of.calls()), answered(run, tmp_path / "scratch")
            assert kept <= lived  # what was used is on the disk
            last = lot.randint(1, lot.choice([15, first["events"] // 2]))  # soon after the start, or anywhere
            delay = lot.choice([0.0, lot.uniform(0, 0.01)])
            status = lives_of.live(["run", job, "--out", str(run)], last if killed < KILLS else 0, delay)["status"]
            killed += status == -signal.SIGKILL
            calls = lives_of.calls()
            assert not lived & {key for what, key in calls[before:] if what == "sent"}  # nothing bought is bought again
            kept = {key for what, key in calls if what == "kept"}
        assert status == 0
        calls = lives_of.calls()
        for place, (what, key) in enumerate(calls):
            assert what == "kept" or ("kept", key) not in calls[:place]
        assert answered(run, tmp_path / "scratch") == bought
        assert contents(run) == expected
    assert killed == KILLS


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_a_scheduler_stop_it_within_five_seconds_though_the_teacher_hangs(
    tmp_path: Path, sent: signal.Signals, status: int
) -> None:
    found = rules()
    hangs = mark(PAIRS["oil"][1].sentence, "en")
    stuck = [rule | ({"fault": "hang"} if rule.get("match") == hangs else {}) for rule in found]
    job = write_job(tmp_path, stuck)
    command = [sys.executable, "-m", "seedbed.cli", "run", str(job), "--stop-after", "doc_qa"]
    # A shell that starts the tests in the background has them ignore SIGINT, and so would the child.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    child = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             start_new_session=True, preexec_fn=heed)
    deadline = time.monotonic() + 60
    while len(answered(tmp_path / "run", tmp_path / "scratch")) < 7 and time.monotonic() < deadline:
        assert child.poll() is None, child.communicate()
        time.sleep(0.05)
    os.killpg(child.pid, sent)  # to all of its processes, as a terminal does
    began = time.monotonic()
    _, said = child.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert (child.returncode, said) == (status, "seedbed: stopped. Nothing is lost: the same command goes on from here\n")
    assert not (tmp_path / "run" / "02-doc_qa" / "manifest.json").exists()
    assert len(answered(tmp_path / "run", tmp_path / "scratch")) >= 7
