"""A context with a judge who says what a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from datagen.teacher.scripted import scripted
from seedbed.chat import Loop, Reply, Request
from seedbed.context import Context


@contextmanager
def judging(folder: Path, say: Callable[[Request], str]) -> Iterator[tuple[Context, list[Request]]]:
    """The context, and the requests that the judge has had."""
    script = scripted(say)

    class Judge:
        model = "judge"

        async def __call__(self, request: Request) -> Reply:
            return await script.send(request)

    with Loop() as loop:
        yield Context(folder, roles={"judge": Judge()}, loop=loop), script.requests
