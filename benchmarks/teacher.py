"""`python -m benchmarks.teacher`: what the teacher costs around the endpoint's own time. Writes benchmarks/teacher.md.

A fake endpoint in a process of its own answers after 200 ms. Ideal is that latency times the rounds it takes. The
teacher does all that it does in a run (journal on disk, budget, limits, single flight, results in order); the loop
beside it is the plainest one over the `openai` client and does none of it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from datagen.teacher.budget import Budget, Limits
from datagen.teacher.client import open_teacher
from datagen.teacher.journal import Journal
from datagen.teacher.options import TeacherOptions
from seedbed.chat import Loop, Reply, Request
from seedbed.record import Message

LATENCY = 0.2
NOBODY = "http://127.0.0.1:9/v1"
PASSAGE = "A mutex guards the queue; 互斥锁保护队列。 The worker waits until the producer has put an item. " * 25


class Measured(msgspec.Struct):
    """One run: wall seconds, CPU seconds of this process, and the ideal wall seconds."""

    name: str
    calls: int
    seconds: float
    cpu: float
    ideal: float

    @property
    def line(self) -> str:
        share = f"{self.ideal / self.seconds:.1%}" if self.ideal else "–"
        return (f"| {self.name} | {self.calls:,} | {self.seconds:.2f} s | {self.calls / self.seconds:,.0f} | {share} | "
                f"{self.cpu / self.calls * 1000:.2f} s |")


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


def request(number: int) -> Request:
    return Request(messages=(Message("system", "Answer briefly."), Message("user", f"{PASSAGE}\nQuestion {number}?")),
                   max_tokens=200)


def teacher_run(name: str, url: str, calls: int, width: int, journal: Path, ideal: float) -> Measured:
    """All calls through the teacher, as a stage makes them."""
    options = TeacherOptions(model="fake", url=url, concurrency=width)
    budget = Budget(Limits(calls=10 * calls))
    with Loop() as loop, Journal(journal) as kept, open_teacher(options, kept, budget, loop) as teacher:

        async def one(number: int) -> Reply:
            return await teacher(request(number))

        wall, cpu = time.perf_counter(), time.process_time()
        done = sum(bool(reply.text) for reply in loop.in_order((one(n) for n in range(calls)), 2 * options.width))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert done == calls
    return Measured(name, calls, wall, cpu, ideal)


def plain_run(url: str, calls: int, width: int, ideal: float) -> Measured:
    """The plainest loop: `width` workers over `chat.completions.create`."""
    import openai

    async def run() -> None:
        client = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
        numbers = iter(range(calls))

        async def worker() -> None:
            for number in numbers:
                asked = request(number)
                reply = await client.chat.completions.create(
                    model="fake", max_tokens=asked.max_tokens, temperature=asked.temperature,
                    messages=[{"role": m.role, "content": m.content} for m in asked.messages],  # type: ignore[misc]
                )
                assert reply.choices[0].message.content

        await asyncio.gather(*(worker() for _ in range(width)))
        await client.close()

    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(run())
    return Measured("plain loop over `openai`", calls, time.perf_counter() - wall, time.process_time() - cpu, ideal)


def measure(calls: int, width: int) -> list[Measured]:
    import openai  # so that no run pays for the import

    assert openai.VERSION
    ideal = LATENCY * -(-calls // width)
    room = width // 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = folder / "journal.sqlite"
        with endpoint() as url:
            teacher_run("warm-up", url, 2 * width, width, folder / "warm.sqlite", ideal)
            results = [teacher_run("teacher", url, calls, width, journal, ideal), plain_run(url, calls, width, ideal)]
        results.append(teacher_run("teacher, all from the journal", NOBODY, calls, width, journal, 0.0))
        with endpoint("--noise=0.02", "--broken=0.01") as url:
            name = "teacher, 2 % 429, 1 % broken"
            results.append(teacher_run(name, url, calls, width, folder / "noise.sqlite", ideal))
        with endpoint(f"--capacity={room}") as url:
            name = f"teacher, endpoint takes {room} at once"
            results.append(teacher_run(name, url, calls, width, folder / "half.sqlite", LATENCY * -(-calls // room)))
        return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=64)
    given = parser.parse_args()
    import openai

    results = measure(given.calls, given.concurrency)
    text = "\n".join([
        "# The teacher around an endpoint",
        "",
        f"`python -m benchmarks.teacher`: {given.calls:,} calls, {given.concurrency} at once, {LATENCY:g} s each, "
        f"prompts of {len(PASSAGE):,} characters; Python {platform.python_version()}, openai {openai.VERSION}, "
        f"{os.cpu_count()} cores shared with the endpoint's process, load {os.getloadavg()[0]:.1f}.",
        "",
        "| run | calls | time | calls/s | share of ideal | CPU per 1,000 |",
        "|---|---|---|---|---|---|",
        *(result.line for result in results),
        "",
        "The teacher commits every reply to the journal (synchronous=FULL) before it is used; the plain loop keeps "
        "nothing. It makes up for that by taking the raw response, decoding the few fields it needs, and spreading its "
        "connections over several small pools. In the last two rows 429s carry Retry-After: 1, and whoever is "
        "refused near the end waits that second alone.",
        "",
    ])
    Path(__file__).with_name("teacher.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
