"""Caps on requests and tokens a minute; the clock is a fake one."""

from __future__ import annotations

from bisect import bisect_left

import pytest

from datagen.teacher.pacer import Pacer


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def starts(pacer: Pacer, clock: Clock, tokens: float, until: float) -> list[float]:
    """When calls start that come one after the other, as early as they may."""
    times: list[float] = []
    began = clock.now
    while True:
        clock.now += pacer.ready_in(tokens) + 1e-9
        if clock.now - began > until:
            return times
        pacer.start(tokens)
        times.append(clock.now - began)


def busiest_minute(times: list[float]) -> int:
    return max(bisect_left(times, start + 60) - n for n, start in enumerate(times))


@pytest.mark.parametrize("rpm", [1, 3, 60, 500, 6_000])
def test_no_minute_holds_more_requests_than_the_cap_and_a_long_run_gets_nearly_all_of_it(rpm: int) -> None:
    clock = Clock()
    times = starts(Pacer(rpm=rpm, clock=clock), clock, 0, 180)
    assert busiest_minute(times) <= rpm
    assert len(times) >= 3 * rpm * 0.97


def test_requests_are_spread_over_the_minute() -> None:
    clock = Clock()
    times = starts(Pacer(rpm=60, clock=clock), clock, 0, 5.5)
    assert [round(time) for time in times] == [0, 1, 2, 3, 4, 5]


def test_tokens_of_a_minute_stay_at_their_cap_to_within_a_call() -> None:
    clock = Clock()
    times = starts(Pacer(tpm=30_000, clock=clock), clock, 1_200, 240)
    assert 24 <= busiest_minute(times) <= 30_000 / 1_200 + 1


def test_a_call_larger_than_the_cap_goes_when_the_bucket_is_full() -> None:
    clock = Clock()
    pacer = Pacer(tpm=600, clock=clock)
    assert pacer.ready_in(5_000) == 0.0
    pacer.start(5_000)
    assert pacer.ready_in(10) > 450  # the debt comes first


def test_what_came_settles_what_was_expected() -> None:
    clock = Clock()
    pacer = Pacer(tpm=60_000, clock=clock)
    expected = pacer.expected(prompt=200, max_tokens=800)
    assert expected == 1_000  # nothing is known yet
    pacer.start(expected)
    assert pacer.ready_in(1_000) > 0
    pacer.settle(expected, prompt=200, completion=80, max_tokens=800)
    assert pacer.ready_in(720) == 0.0  # 280 of the second's 1,000 were used
    for _ in range(50):
        pacer.settle(0, prompt=0, completion=80, max_tokens=800)
    assert pacer.expected(prompt=200, max_tokens=800) == pytest.approx(280, abs=10)


def test_a_call_that_was_not_answered_gives_all_back_but_its_place_among_the_requests() -> None:
    clock = Clock()
    pacer = Pacer(rpm=60, tpm=60_000, clock=clock)
    pacer.start(900)
    pacer.settle(900, 0, 0, max_tokens=800)
    assert pacer.ready_in(1_000) == pytest.approx(1.0)
    clock.now += 1.0
    assert pacer.ready_in(1_000) == pytest.approx(0.0, abs=1e-6)


def test_no_cap_no_wait() -> None:
    pacer = Pacer()
    pacer.start(10_000)
    assert pacer.ready_in(1e9) == 0.0 and not pacer.by_tokens
