"""Several endpoints: who gets what, what happens when one is down, and what a reply costs. The endpoints are scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from datagen.teacher.budget import Budget, Limits, Prices
from datagen.teacher.client import Teacher
from datagen.teacher.journal import Journal
from datagen.teacher.options import EndpointOptions, Pace, TeacherOptions
from datagen.teacher.pool import Lane, Pool, silent
from datagen.teacher.scripted import Rule, Script, scripted
from seedbed.chat import Reply, Request
from seedbed.errors import LimitReached, TeacherError
from seedbed.record import Message
from tests.datagen.teacher.opened import teacher_over

HURRY = Pace(first=0.002, refused=0.002, scattered=0.002, reach=0.05)


def ask(number: int) -> Request:
    return Request(messages=(Message("user", f"问题 question {number}"),), max_tokens=50)


def named(name: str, rule: Rule | None = None) -> Script:
    script = scripted(lambda request: rule or Rule(text=f"{name} 答", delay=0.001))
    script.name = name
    return script


def lane(script: Script, weight: float = 1.0, **options: Any) -> Lane:
    return Lane(script, TeacherOptions(**options), weight)


def run(teacher: Sequence[Pool], journal: Journal, count: int, budget: Budget | None = None) -> list[Reply]:
    async def scene() -> list[Reply]:
        asked = Teacher(teacher, journal, budget or Budget())
        try:
            return await asyncio.gather(*(asked(ask(n)) for n in range(count)))
        finally:
            await asked.aclose()

    return asyncio.run(scene())


def pool(model: str, *lanes: Lane, notice: list[str] | None = None, **options: Any) -> Pool:
    settings = TeacherOptions(model="m", url="http://x/v1", **options)
    return Pool(list(lanes), model, settings, HURRY, notice.append if notice is not None else silent)


def test_a_slow_endpoint_takes_less_and_holds_up_nobody(journal: Journal) -> None:
    quick, slow = named("quick"), named("slow", Rule(text="慢", delay=0.3))
    run([pool("m", lane(quick, concurrency=2), lane(slow, concurrency=2))], journal, 60)
    assert slow.calls <= 20 and quick.calls + slow.calls == 60


def test_where_all_have_room_weights_decide(journal: Journal) -> None:
    heavy, light = named("heavy", Rule(text="x", delay=0.02)), named("light", Rule(text="x", delay=0.02))
    run([pool("m", lane(heavy, 3.0, concurrency=100), lane(light, 1.0, concurrency=100))], journal, 80)
    assert (heavy.calls, light.calls) == (60, 20)


def test_one_that_is_down_is_left_out_with_a_notice_and_comes_back(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datagen.teacher.pool._LONGEST", 0.01)
    well, ill = named("well"), named("ill", Rule(text="回来了", fault="unreachable", times=2))
    said: list[str] = []
    replies = run([pool("m", lane(well, concurrency=1), lane(ill, concurrency=1), notice=said)], journal, 100)
    assert len(replies) == 100 and said == ["ill is left out until it answers again: scripted", "ill answers again"]
    assert ill.calls > 10  # after its two faults it had its share again


def test_one_whose_key_is_refused_is_left_out_and_the_last_one_ends_the_run(journal: Journal) -> None:
    well, poor = named("well"), named("poor", Rule(fault="401"))
    said: list[str] = []
    run([pool("m", lane(well, concurrency=1), lane(poor, concurrency=1), notice=said)], journal, 20)
    assert said == ["scripted: the teacher refuses the key (401) (left out; the others go on)"]
    with pytest.raises(TeacherError, match="refuses the key"):
        run([pool("other", lane(named("a", Rule(fault="401"))), lane(named("b", Rule(fault="401"))))], journal, 2)


def test_scattered_faults_put_nobody_out_of_the_pool(journal: Journal) -> None:
    said: list[str] = []
    flaky = scripted(lambda request: Rule(text="x", fault="broken" if len(flaky.requests) % 10 == 3 else None))
    run([pool("m", lane(flaky, concurrency=1), lane(named("well"), concurrency=1), notice=said)], journal, 100)
    assert said == [] and flaky.calls > 20


def test_equal_jobs_ask_equal_models_whatever_is_free(journal: Journal, tmp_path: Path) -> None:
    def models(journal: Journal, delay: float, weight: float = 1.0) -> list[str]:
        big, small = named("big", Rule(text="大", delay=delay)), named("small", Rule(text="小"))
        return [r.model for r in run([pool("big", lane(big, 1.0)), pool("small", lane(small, weight))], journal, 200)]

    first = models(journal, 0.0)
    with Journal(tmp_path / "other.sqlite") as other:
        assert models(other, 0.01) == first  # the slow one got no less
    with Journal(tmp_path / "third.sqlite") as third:
        heavier = models(third, 0.0, weight=3.0)
    assert 75 <= first.count("big") <= 125 and 30 <= heavier.count("big") <= 70
    # A heavier model draws requests to itself and moves no other.
    assert all(now == "small" for was, now in zip(first, heavier, strict=True) if was != now)


def test_a_reply_costs_what_the_endpoint_charges_that_gave_it_and_a_replay_tells_the_same(journal: Journal) -> None:
    dear, cheap = named("dear"), named("cheap")
    lanes = [lane(dear, concurrency=1, prices=Prices(3_000, 3_000)), lane(cheap, concurrency=1, prices=Prices(1_000, 1_000))]
    first = run([pool("m", *lanes)], journal, 10)
    tokens = first[0].prompt_tokens + first[0].completion_tokens
    paid = {reply.text: reply.money for reply in first}
    assert paid["dear 答"] == pytest.approx(3 * tokens / 1_000) and paid["cheap 答"] == pytest.approx(tokens / 1_000)
    assert journal.spent()[2] == pytest.approx(sum(reply.money for reply in first))
    assert run([pool("m", *lanes)], journal, 10) == first and dear.calls + cheap.calls == 10


def test_a_limit_on_money_reserves_the_dearest_price_and_stops_resumably(journal: Journal) -> None:
    def lanes() -> list[Lane]:
        return [lane(named("dear"), prices=Prices(0, 2e6)), lane(named("cheap"), prices=Prices(0, 1e6))]

    with pytest.raises(LimitReached, match="limits.money"):
        run([pool("m", *lanes())], journal, 400, Budget(Limits(money=300.0)))
    spent = journal.spent()
    assert 200 <= spent[2] <= 300  # less than one reply's dearest price is left
    assert len(run([pool("m", *lanes())], journal, 400, Budget(Limits(money=5_000.0)))) == 400


def test_caps_hold_for_each_endpoint_by_itself(journal: Journal) -> None:
    capped, free = named("capped"), named("free")
    run([pool("m", lane(capped, rpm=1), lane(free))], journal, 40)
    assert (capped.calls, free.calls) == (1, 39)  # it takes one, and nobody waits for it


def test_a_call_waits_for_the_cap_of_the_only_endpoint(journal: Journal) -> None:
    script = named("only")
    run([pool("m", lane(script, rpm=6_000))], journal, 102)  # a hundred at once, and then one each 10 ms
    assert script.calls == 102


def test_what_the_journal_knows_is_the_same_for_all_endpoints_of_a_model(journal: Journal) -> None:
    first = run([pool("m", lane(named("left")))], journal, 3)
    right = named("right")
    assert run([pool("m", lane(right))], journal, 3) == first and right.calls == 0


def test_an_endpoint_says_what_is_its_own_and_takes_the_rest_from_the_teacher() -> None:
    options = TeacherOptions(
        model="m", key_env="SHARED", rpm=60, prices=Prices(1, 2),
        endpoints=(EndpointOptions(url="http://a/v1"),
                   EndpointOptions(url="http://b/v1", model="n", key_env="B", weight=2, rpm=600, prices=Prices(3, 4))))
    (one, first), (two, second) = options.each
    assert (one, first.model, first.urls, first.key_env, first.rpm) == (1.0, "m", ("http://a/v1",), "SHARED", 60)
    assert (two, second.model, second.key_env, second.rpm, second.price) == (2, "n", "B", 600, Prices(3, 4))
    assert options.price == Prices(3, 4) and options.width == 4 * 32
    assert TeacherOptions(model="m", url=("http://a/v1", "http://b/v1")).width == 4 * 32


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"url": "http://a/v1", "endpoints": (EndpointOptions(url="http://b/v1"),), "model": "m"}, "url: stands beside"),
        ({"endpoints": (EndpointOptions(url="http://b/v1"),)}, "endpoints: each needs a `model`"),
        ({"model": "m", "endpoints": (EndpointOptions(url="http://a/v1", prices=Prices(1, 1, "CNY")),
                                      EndpointOptions(url="http://b/v1", prices=Prices(1, 1)))}, "several currencies"),
        ({"batch": True}, "batch: needs an endpoint"),
        ({"model": "m", "url": ("http://a/v1", "http://b/v1"), "batch": True}, "batch: one endpoint for each model"),
        ({"model": "m", "url": "http://a/v1", "rpm": 0}, "rpm: expected more than 0"),
    ],
)
def test_pools_that_make_no_sense_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        TeacherOptions(**options)


def test_what_decides_replies_is_told_from_what_decides_their_speed() -> None:
    def pooled(*models: str, weight: float = 1.0, rpm: float = 60) -> tuple[Any, ...]:
        endpoints = (EndpointOptions(url=f"http://{n}/v1", model=m, weight=weight if n else 1.0, rpm=rpm)
                     for n, m in enumerate(models))
        return TeacherOptions(endpoints=tuple(endpoints)).identity

    assert pooled("m", "m") == pooled("m", "m", weight=5, rpm=600)
    assert pooled("m", "n") != pooled("m", "n", weight=5)
    assert pooled("m", "n") != pooled("m", "m")


def test_retries_of_a_refusal_come_back_soon_while_others_are_answered(journal: Journal) -> None:
    """A stray 429 that asks for an hour: believed where nobody is answered, not where everybody else is."""
    script = scripted(lambda request: Rule(
        text="yes 是", retry_after=3_600.0, fault="429" if len(script.requests) == 30 else None))
    pace = Pace(scattered=0.001)

    async def scene() -> list[Reply]:
        teacher = teacher_over([script], journal, options=TeacherOptions(concurrency=2, patience=7_200), pace=pace)
        return await asyncio.gather(*(teacher(ask(n)) for n in range(60)))

    assert len(asyncio.run(asyncio.wait_for(scene(), 30))) == 60 and script.calls == 61
