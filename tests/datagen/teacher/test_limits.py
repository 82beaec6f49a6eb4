"""Adaptive concurrency against a simulated endpoint: no real time passes."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable

import pytest

from datagen.teacher.journal import Journal
from datagen.teacher.limits import AdaptiveLimit
from datagen.teacher.options import TeacherOptions
from datagen.teacher.scripted import Rule, scripted
from seedbed.chat import Request
from seedbed.record import Message
from tests.datagen.teacher.opened import teacher_over

LATENCY, REFUSAL, RETRY = 0.2, 0.01, 1.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def simulate(calls: int, ceiling: int, capacity: Callable[[float], int], noise: float = 0.0) -> tuple[float, list[int]]:
    """Seconds that `calls` take against an endpoint of that capacity, and the limit at each of these seconds."""
    clock, chance = Clock(), random.Random(1)
    limit = AdaptiveLimit(ceiling, clock)
    waiting, inside, served, answered, number = calls, 0, 0, 0, 0
    events: list[tuple[float, int, str, float]] = []
    course: list[int] = []
    while answered < calls:
        while waiting and inside < limit.limit:
            waiting, inside, number = waiting - 1, inside + 1, number + 1
            refused = served >= capacity(clock.now) or chance.random() < noise
            served += not refused
            events_at = clock.now + (REFUSAL if refused else LATENCY)
            heapq.heappush(events, (events_at, number, "refused" if refused else "answered", clock.now))
        clock.now, _, what, sent_at = heapq.heappop(events)
        if len(course) <= clock.now:
            course.append(limit.limit)
        if what == "answered":
            inside, served, answered = inside - 1, served - 1, answered + 1
            limit.succeeded(sent_at)
        elif what == "refused":
            inside, number = inside - 1, number + 1
            limit.refused(sent_at)
            heapq.heappush(events, (clock.now + RETRY, number, "back", 0.0))
        else:
            waiting += 1
    return clock.now, course


@pytest.mark.parametrize("noise", [0.02, 0.05])
def test_scattered_refusals_hardly_cost_anything(noise: float) -> None:
    seconds, _ = simulate(10_000, 64, lambda now: 1_000, noise)
    assert 10_000 * LATENCY / 64 / seconds > 0.9


@pytest.mark.parametrize(
    ("ceiling", "capacity", "share"),
    [(64, 48, 0.85), (64, 10, 0.85), (16, 1, 0.9), (4, 2, 0.9)],
)
def test_finds_what_an_overloaded_endpoint_can_do(ceiling: int, capacity: int, share: float) -> None:
    seconds, course = simulate(200 * capacity, ceiling, lambda now: capacity)
    assert 200 * LATENCY / seconds > share
    assert max(course[3:]) <= capacity + max(2, capacity // 4)


def test_comes_back_within_seconds_of_an_outage() -> None:
    _, course = simulate(10_000, 64, lambda now: 0 if 10 < now < 15 else 64)
    assert min(course[11:15]) == 1
    assert course[18] >= 48


def test_cuts_once_for_refusals_of_one_round_trip() -> None:
    clock = Clock()
    limit = AdaptiveLimit(64, clock)
    clock.now = 1.0
    for _ in range(64):
        limit.refused(sent_at=0.5)
    assert limit.limit == 48


def test_growth_is_one_for_25_successes_beyond_the_point_of_trouble() -> None:
    clock = Clock()
    limit = AdaptiveLimit(64, clock)
    for _ in range(5):
        limit.refused(sent_at=0.0)
    assert limit.limit == 48
    for _ in range(25):
        limit.succeeded(sent_at=1.0)
    assert limit.limit == 49


def test_the_line_lets_in_by_turns_and_forgets_who_gave_up(journal: Journal) -> None:
    came: list[str] = []

    def note(request: Request) -> Rule:
        came.append(request.messages[0].content)
        refused = len(came) == 1
        return Rule(text="yes 是", delay=0.01, fault="429" if refused else None, retry_after=0.0)

    async def scene() -> None:
        teacher = teacher_over([scripted(note)], journal, options=TeacherOptions(concurrency=1))
        asked = [asyncio.create_task(teacher(Request(messages=(Message("user", name),))))
                 for name in ("refused", "gives up", "third", "fourth")]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asked[1].cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        await teacher.aclose()

    asyncio.run(scene())
    # Who was refused stands at the head of the line when it comes back.
    assert came == ["refused", "third", "refused", "fourth"]
