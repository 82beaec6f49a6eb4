"""One run of the teacher, or of the plainest loop over `openai`, in a process of its own (for `benchmarks.teacher`).

    python -m benchmarks.teacher_runs teacher|plain URL WIDTH PROMPTS.json FOLDER

Prints one line of JSON, as `other_teachers` does. The teacher does all that it does in a run (journal on disk, budget,
limits, single flight, results in order); the plain loop does none of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.other_teachers import cpu, peak_memory
from datagen.teacher.budget import Budget, Limits
from datagen.teacher.client import open_teacher
from datagen.teacher.journal import Journal
from datagen.teacher.options import TeacherOptions
from seedbed.chat import Loop, Reply, Request
from seedbed.record import Message

Run = Callable[[str, int, list[str], Path], int]


def teacher(url: str, width: int, prompts: list[str], folder: Path) -> int:
    """All prompts through the teacher, as a stage asks them; how many were answered."""
    options = TeacherOptions(model="fake", url=url, concurrency=width)
    budget = Budget(Limits(calls=10 * len(prompts)))
    with Loop() as loop, Journal(folder / "journal.sqlite") as journal, \
         open_teacher(options, journal, budget, loop) as complete:

        async def one(prompt: str) -> Reply:
            return await complete(Request(messages=(Message("user", prompt),), max_tokens=200))

        return sum(bool(reply.text) for reply in loop.in_order((one(p) for p in prompts), 2 * options.width))


def plain(url: str, width: int, prompts: list[str], folder: Path) -> int:
    """`width` workers over `chat.completions.create`, with the client's own retries."""
    import openai

    async def run() -> int:
        client = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=6)
        rest, answered = iter(prompts), 0

        async def worker() -> None:
            nonlocal answered
            for prompt in rest:
                try:
                    reply = await client.chat.completions.create(
                        model="fake", max_tokens=200, temperature=0.7, messages=[{"role": "user", "content": prompt}])
                except openai.OpenAIError:
                    continue
                answered += bool(reply.choices[0].message.content)

        await asyncio.gather(*(worker() for _ in range(width)))
        await client.close()
        return answered

    return asyncio.run(run())


def main() -> None:
    name, url, width, prompts, folder = sys.argv[1:]
    run: Run = {"teacher": teacher, "plain": plain}[name]
    asked = json.loads(Path(prompts).read_text(encoding="utf-8"))
    import openai  # so that no run pays for the import

    wall, used = time.perf_counter(), cpu()
    answered = run(url, int(width), asked, Path(folder))
    wall, used = time.perf_counter() - wall, cpu() - used
    version = openai.VERSION if name == "plain" else ""
    print(json.dumps({"seconds": wall, "cpu": used, "memory": peak_memory(), "answered": answered, "version": version}))


if __name__ == "__main__":
    main()
