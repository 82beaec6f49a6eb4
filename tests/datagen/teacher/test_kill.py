"""`kill -9` in the middle of calls, and a full disk: real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datagen.teacher.journal import Journal

# Asks 30 questions, four at a time, and writes down when a call is sent and when its reply is used.
CHILD = """
import asyncio, os, resource, sys
from pathlib import Path
from datagen.teacher.journal import Journal
from datagen.teacher.options import TeacherOptions
from datagen.teacher.scripted import Rule, scripted
from seedbed.chat import Loop, Request
from seedbed.errors import RunError
from seedbed.record import Message
from tests.datagen.teacher.opened import teacher_over

folder, largest = Path(sys.argv[1]), int(sys.argv[2])
log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def say(what, text):
    os.write(log, f"{what} {text.split()[-1]}\\n".encode())

def answer(request):
    say("sent", request.messages[-1].content)
    return Rule(text="答案 answer " * 50, delay=0.01)

async def main():
    with Journal(folder / "journal.sqlite") as journal:
        teacher = teacher_over([scripted(answer)], journal, None, TeacherOptions(concurrency=4))
        if largest:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
        async def one(number):
            await teacher(Request(messages=(Message("user", f"问题 {number}"),)))
            say("used", f"x {number}")
        try:
            await asyncio.gather(*(one(number) for number in range(30)))
        except RunError as error:
            print(error)

asyncio.run(main())
"""


def start(folder: Path, largest: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", CHILD, str(folder), str(largest)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=Path(__file__).parents[3])


def told(folder: Path, what: str) -> list[str]:
    log = folder / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [line.split()[1] for line in lines if line.startswith(what)]


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_no_call_is_made_again_whose_reply_was_used(tmp_path: Path) -> None:
    for moment in (1, 9, 17):
        child = start(tmp_path)
        before = len(told(tmp_path, "used"))
        while len(told(tmp_path, "used")) < before + moment and child.poll() is None:
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
        child.communicate()
    output, _ = start(tmp_path).communicate()
    assert output == ""
    assert set(told(tmp_path, "used")) == {str(number) for number in range(30)}

    used: set[str] = set()
    for line in (tmp_path / "log").read_text().splitlines():
        what, number = line.split()
        assert not (what == "sent" and number in used)
        if what == "used":
            used.add(number)
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert journal.spent()[0] == 30


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_FSIZE")
def test_a_full_disk_ends_the_run_in_one_line_and_keeps_what_was_committed(tmp_path: Path) -> None:
    output, _ = start(tmp_path, largest=40_000).communicate()
    assert output.count("\n") == 1 and "the journal cannot be used" in output and "Free some space" in output
    kept = len(set(told(tmp_path, "used")))
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert 30 > journal.spent()[0] >= kept
