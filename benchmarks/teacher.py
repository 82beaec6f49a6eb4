"""`python -m benchmarks.teacher`: what the teacher costs around the endpoint's own time. Writes benchmarks/teacher.md.

A fake endpoint in a process of its own answers after 200 ms; with faults, it refuses 2 % of the calls at random (429,
Retry-After: 1) and drops the line of 1 % when their answer is due. The ideal is that latency times the rounds of calls
it takes, with faults as without. Every run is a process of its own, and rounds of all runs are interleaved, so that
whatever else the machine does meets all of them; the median counts.

`--compare` runs bespokelabs-curator and data-designer on the same prompts as well, each in an environment of its own
under a temporary folder (or under `--environments`, where they are kept for the next time).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

LATENCY = 0.2
NOBODY = "http://127.0.0.1:9/v1"
PASSAGE = "A mutex guards the queue; 互斥锁保护队列。 The worker waits until the producer has put an item. " * 25
FAULTS = ("--noise=0.02", "--broken=0.01")
OTHERS = {"curator": "bespokelabs-curator", "data-designer": "data-designer"}
_ENOUGH = 150  # seconds for one run: 4 % of the ideal rate at 2,000 calls
HERE = Path(__file__).parent


class Result(msgspec.Struct):
    """One run, and what the endpoint saw of it."""

    seconds: float
    cpu: float
    memory: float
    answered: int
    version: str = ""
    repeated: int = 0


class Seen(msgspec.Struct):
    """What the endpoint has done: calls that came, answers that went out whole, prompts answered at least once."""

    requests: int
    answered: int
    distinct: int


@contextmanager
def endpoint(*options: str) -> Iterator[str]:
    """A fake endpoint's base URL."""
    command = [sys.executable, "-m", "benchmarks.fake_endpoint", f"--latency={LATENCY}", *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait()


def seen(url: str) -> Seen:
    with urllib.request.urlopen(f"{url}/seen") as answer:
        return msgspec.json.decode(answer.read(), type=Seen)


class Bench:
    """The prompts, and how each contestant is started."""

    def __init__(self, folder: Path, calls: int, width: int, others: dict[str, Path]) -> None:
        self.folder, self.calls, self.width, self._others = folder, calls, width, others
        self.prompts = folder / "prompts.json"
        self.prompts.write_text(json.dumps([f"{PASSAGE}\nQuestion {n}?" for n in range(calls)]), encoding="utf-8")

    def command(self, name: str, url: str, folder: Path) -> list[str]:
        own = [sys.executable, "-m", "benchmarks.teacher_runs"]
        start = [str(self._others[name]), str(HERE / "other_teachers.py")] if name in self._others else own
        return [*start, name, url, str(self.width), str(self.prompts), str(folder)]

    def run(self, name: str, *faults: str) -> Result | str:
        """One run against an endpoint of its own; a line that says why, where there was none."""
        with endpoint(*faults) as url, tempfile.TemporaryDirectory(dir=self.folder) as folder:
            command = self.command(name, url, Path(folder))
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=_ENOUGH)
            except subprocess.TimeoutExpired:
                return f"not done after {_ENOUGH} s, {seen(url).distinct:,} answered"
            if done.returncode:
                return (done.stderr.strip().splitlines() or ["it ended without a word"])[-1][:200]
            result = msgspec.json.decode(done.stdout.splitlines()[-1], type=Result)
            count = seen(url)
            result.repeated = count.answered - count.distinct
            return result

    def replay(self) -> Result:
        """A second run over the journal of a first one, with nobody to ask."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            with endpoint() as url:
                subprocess.run(self.command("teacher", url, Path(folder)), check=True, capture_output=True)
            done = subprocess.run(self.command("teacher", NOBODY, Path(folder)), check=True, capture_output=True)
            return msgspec.json.decode(done.stdout, type=Result)

    def killed_half_way(self) -> tuple[int, int, int]:
        """Calls answered when `kill -9` came; prompts answered twice in the end; prompts never answered."""
        with endpoint(*FAULTS) as url, tempfile.TemporaryDirectory(dir=self.folder) as folder:
            command = self.command("teacher", url, Path(folder))
            first = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            while (before := seen(url).answered) < self.calls // 2:
                time.sleep(0.05)
            first.send_signal(signal.SIGKILL)
            first.wait()
            done = subprocess.run(command, check=True, capture_output=True)
            count, answered = seen(url), msgspec.json.decode(done.stdout, type=Result).answered
            return before, count.answered - count.distinct, self.calls - answered


def environments(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Pythons that have the others installed, and a line for each that cannot be had."""
    found, missing = {}, []
    for name, package in OTHERS.items():
        python = folder / package / "bin" / "python"
        if not python.exists():
            venv.create(folder / package, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", package]
        installed = subprocess.run(command, capture_output=True, text=True)
        if installed.returncode:
            why = (installed.stderr.strip().splitlines() or ["no reason given"])[-1]
            missing.append(f"{package} could not be installed: {why[:200]}")
        else:
            found[name] = python
    return found, missing


def line(name: str, results: list[Result | str], calls: int, width: int) -> str:
    good = [result for result in results if isinstance(result, Result)]
    if not good:
        return f"| {name} | did not run: {results[0]} | | | | | | |"
    ideal = LATENCY * -(-calls // width)
    shares = [ideal / result.seconds for result in good]
    share = f"{statistics.median(shares):.1%} ({min(shares):.0%}–{max(shares):.0%})"
    seconds = statistics.median(result.seconds for result in good)
    cpu = statistics.median(result.cpu for result in good) / calls * 1000
    lost, repeated = max(calls - result.answered for result in good), max(result.repeated for result in good)
    memory = statistics.median(result.memory for result in good)
    return (f"| {name} | {calls / seconds:,.0f} | {share} | {cpu:.2f} s | {memory:.0f} MiB | {lost} | {repeated} | "
            f"{seconds:.2f} s |")


def report(bench: Bench, runs: dict[str, list[Result | str]], notes: list[str], loads: list[float], rounds: int) -> str:
    replay = bench.replay()
    before, twice, never = bench.killed_half_way()
    versions = {n: r.version for n, rs in runs.items() for r in rs if isinstance(r, Result) and r.version}
    named = ", ".join(f"{OTHERS.get(n, 'openai')} {v}" for n, v in versions.items() if not n.endswith("faults"))
    compared = "--compare" if len(runs) > 4 else ""
    load = ", ".join(f"{load:.1f}" for load in loads)
    return "\n".join([
        "# The teacher around an endpoint",
        "",
        f"`python -m benchmarks.teacher {compared}`: {bench.calls:,} calls, {bench.width} at once, {LATENCY:g} s each, "
        f"prompts of {len(PASSAGE):,} characters; medians of {rounds} interleaved rounds (lowest–highest); Python "
        f"{platform.python_version()}; {named}; {os.cpu_count()} cores shared with the endpoint's process, load before "
        f"each round {load}.",
        "",
        "| run | calls/s | share of the ideal rate | CPU per 1,000 | memory | lost | repeated | time |",
        "|---|---|---|---|---|---|---|---|",
        *(line(name, results, bench.calls, bench.width) for name, results in runs.items()),
        "",
        f"All from the journal, nobody asked: {bench.calls / replay.seconds:,.0f} calls/s, "
        f"{replay.cpu / bench.calls * 1000:.2f} s of CPU per 1,000. Killed (`kill -9`) with faults after {before:,} of "
        f"{bench.calls:,} answers and started again: {twice} prompts answered a second time (at most {bench.width} "
        f"were under way), {never} never.",
        "",
        "Faults are 2 % of 429 with Retry-After: 1, and 1 % of lines dropped when the answer is due; the ideal rate "
        "does not allow for them. Lost: prompts without an answer in the end. Repeated: answers given out whole more "
        "than once for a prompt. Both are the worst of the rounds; CPU and memory are those of the client's process. "
        "The plain loop is `chat.completions.create` with six retries, and keeps nothing; the teacher commits every "
        "reply to the journal (synchronous=FULL) before it is used. curator and data-designer got the same concurrency "
        "and no caps, and are as they come otherwise, but that curator counts tokens by a quarter of the characters "
        "where its table cannot be downloaded; they are timed without their start, and with writing their data set.",
        *(f"\n{note}." for note in notes),
        "",
    ])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compare", action="store_true", help="also curator and data-designer, from PyPI")
    parser.add_argument("--environments", type=Path, help="where their environments are, or shall be kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        at = given.environments or Path(folder) / "environments"
        others, notes = environments(at) if given.compare else ({}, [])
        bench = Bench(Path(folder), given.calls, given.concurrency, others)
        names = ["teacher", "plain", *others]
        runs: dict[str, list[Result | str]] = {n + kind: [] for kind in ("", ", faults") for n in names}
        loads = []
        for _ in range(given.rounds):
            loads.append(os.getloadavg()[0])
            for name, results in runs.items():
                faults = FAULTS if name.endswith("faults") else ()
                results.append(bench.run(name.partition(",")[0], *faults))
        text = report(bench, runs, notes, loads, given.rounds)
    (HERE / "teacher.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
