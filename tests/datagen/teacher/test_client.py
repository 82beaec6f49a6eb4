"""What the teacher makes of an endpoint's moods: retries, single flight, budget, journal. The endpoint is scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from datagen.teacher.budget import Budget, Limits, Prices
from datagen.teacher.client import Teacher, open_teacher
from datagen.teacher.journal import Journal
from datagen.teacher.options import Pace, TeacherOptions
from datagen.teacher.scripted import Rule, Script, scripted
from seedbed.chat import Loop, Reply, Request
from seedbed.errors import LimitReached, SeedbedError, TeacherError
from seedbed.record import Message
from tests.datagen.teacher.opened import teacher_over

T = TypeVar("T")
HURRY = Pace(first=0.002, refused=0.002, reach=0.05)


def ask(text: str, sample: int = 0) -> Request:
    return Request(messages=(Message("user", text),), max_tokens=50, sample=sample)


def play(script: Script, journal: Journal, scene: Callable[[Teacher], Awaitable[T]], budget: Budget | None = None,
         **options: Any) -> T:
    async def on_stage() -> T:
        settings = TeacherOptions(**options)
        teacher = teacher_over([script], journal, budget, settings, HURRY, "scripted")
        try:
            return await scene(teacher)
        finally:
            await teacher.aclose()

    return asyncio.run(on_stage())


def test_a_second_run_is_answered_by_the_journal(journal: Journal) -> None:
    script = scripted({"互斥锁": "一种同步机制。", "queue": "A list."})

    async def scene(teacher: Teacher) -> list[Reply]:
        return [await teacher(ask("什么是互斥锁？")), await teacher(ask("What is a queue?"))]

    first = play(script, journal, scene)
    second = play(scripted({}), journal, scene)
    assert [reply.text for reply in first] == ["一种同步机制。", "A list."]
    assert second == first
    assert script.calls == 2


def test_equal_requests_in_flight_share_one_call(journal: Journal) -> None:
    script = scripted({"mutex": Rule(text="A lock.", delay=0.02)})

    async def scene(teacher: Teacher) -> list[Reply]:
        same = [teacher(ask("What is a mutex?")) for _ in range(5)]
        return await asyncio.gather(*same, teacher(ask("What is a mutex?", sample=1)))

    assert {reply.text for reply in play(script, journal, scene)} == {"A lock."}
    assert script.calls == 2  # another sample is another call


@pytest.mark.parametrize("fault", ["429", "500", "broken"])
def test_what_passes_is_retried_and_never_seen(journal: Journal, fault: str) -> None:
    script = scripted({"hello": Rule(text="Hi. 你好。", fault=fault, times=2)})  # type: ignore[arg-type]

    async def scene(teacher: Teacher) -> Reply:
        await teacher(ask("hello, to show that it works", sample=9))
        return await teacher(ask("hello"))

    reply = play(script, journal, scene)
    assert (reply.text, reply.finish) == ("Hi. 你好。", "stop")
    assert script.calls == 4
    assert journal.spent()[0] == 2


@pytest.mark.parametrize(
    ("rule", "finish", "text"),
    [
        (Rule(text="one two three four", fault="cut"), "length", "one two t"),
        (Rule(text="x", fault="empty"), "empty", ""),
        (Rule(fault="400"), "error: scripted: the context is too long", ""),
        (Rule(text="", finish="content_filter"), "content_filter", ""),
    ],
)
def test_verdicts_are_replies_and_never_asked_twice(journal: Journal, rule: Rule, finish: str, text: str) -> None:
    script = scripted(lambda request: rule)
    for _ in range(2):
        reply = play(script, journal, lambda teacher: teacher(ask("长问题 long question")))
        assert (reply.finish, reply.text) == (finish, text)
    assert script.calls == 1


@pytest.mark.parametrize(
    ("rule", "options", "says"),
    [
        (Rule(fault="unreachable"), {}, "is out of reach.*Check that it runs and that the URL is right"),
        (Rule(fault="hang"), {"timeout": 0.02}, "no answer within 0.02 s"),
        (Rule(fault="500"), {}, "does not answer: [3-9] tries"),
        (Rule(fault="429"), {"patience": 0.03}, "429.*run the same command again"),
        (Rule(fault="429", retry_after=86_400), {}, "asks to wait 86400 s"),
        (Rule(fault="401"), {}, "refuses the key"),
    ],
)
def test_what_does_not_pass_ends_in_one_line(journal: Journal, rule: Rule, options: dict[str, Any], says: str) -> None:
    with pytest.raises(TeacherError, match=says):
        play(scripted(lambda request: rule), journal, lambda teacher: teacher(ask("hello")), **options)
    assert journal.spent() == (0, 0, 0.0)


def test_an_endpoint_that_worked_before_gets_all_its_retries(journal: Journal) -> None:
    script = scripted({"first": "yes", "then": Rule(fault="500")})

    async def scene(teacher: Teacher) -> None:
        await teacher(ask("first"))
        await teacher(ask("then"))

    with pytest.raises(TeacherError, match="6 tries.*Everything answered is kept"):
        play(script, journal, scene, retries=5)
    assert script.calls == 1 + 6


def test_a_limit_stops_with_what_was_bought_kept_and_can_be_raised(journal: Journal) -> None:
    async def scene(teacher: Teacher) -> list[Reply]:
        return await asyncio.gather(*(teacher(ask(f"第 {n} 题")) for n in range(6)))

    script = scripted([Rule(text="答", delay=0.01)] * 6)
    with pytest.raises(LimitReached, match="limits.calls: 4 of 4 calls"):
        play(script, journal, scene, Budget(Limits(calls=4)))
    assert script.calls == 4 and journal.spent()[0] == 4
    with pytest.raises(LimitReached, match="4 of 4"):  # starting again does not reset it
        play(script, journal, scene, Budget(Limits(calls=4)))
    replies = play(script, journal, scene, Budget(Limits(calls=6)))
    assert len(replies) == 6 and script.calls == 6


def test_what_was_sent_is_finished_and_kept_when_the_caller_gives_up(journal: Journal) -> None:
    script = scripted(lambda request: Rule(text="late 迟到", delay=0.05))

    async def scene(teacher: Teacher) -> None:
        waiting = [asyncio.create_task(teacher(ask(f"question {n}"))) for n in range(4)]
        await asyncio.sleep(0.01)
        for task in waiting:
            task.cancel()

    play(script, journal, scene, concurrency=3)
    assert script.calls == 3  # the fourth had not been sent
    assert journal.spent()[0] == 3


def test_asking_anew_for_what_was_just_given_up(journal: Journal) -> None:
    script = scripted(lambda request: Rule(text="yes 是", delay=0.02))

    async def scene(teacher: Teacher) -> Reply:
        busy = [asyncio.create_task(teacher(ask(f"other {n}"))) for n in range(2)]
        given_up = asyncio.create_task(teacher(ask("the question")))
        await asyncio.sleep(0.005)
        given_up.cancel()
        anew = asyncio.create_task(teacher(ask("the question")))
        await asyncio.gather(*busy)
        return await anew

    assert play(script, journal, scene, concurrency=1).text == "yes 是"


def test_money_and_tokens_are_counted(journal: Journal) -> None:
    async def scene(teacher: Teacher) -> tuple[int, int, float]:
        await teacher(ask("one two three"))
        await teacher(ask("one two three"))
        return teacher.stats.paid, teacher.stats.replayed, teacher.stats.money

    budget, prices = Budget(Limits(money=1.0)), Prices(1_000.0, 2_000.0, "CNY")
    paid, replayed, money = play(scripted({"one": "four five"}), journal, scene, budget, prices=prices)
    assert (paid, replayed) == (1, 1)
    assert money == pytest.approx(0.003 + 0.004) == journal.spent()[2]


def test_opens_from_a_rules_file_on_a_loop_in_a_thread(tmp_path: Path, journal: Journal) -> None:
    rules = tmp_path / "replies.jsonl"
    rules.write_text(
        '{"match": "锁", "json": {"answer": "同步机制"}}\n{"match": "queue", "text": "A list.", "delay": 0.02}\n'
        '{"default": "?"}\n', encoding="utf-8")
    options = TeacherOptions(model=f"scripted:{rules}")
    questions = ["What is a queue?", "什么是锁？", "Anything else?"]
    with Loop() as loop, open_teacher(options, journal, Budget(), loop) as teacher:
        replies = list(loop.in_order((teacher(ask(question)) for question in questions), width=3))
    assert [reply.text for reply in replies] == ["A list.", '{"answer":"同步机制"}', "?"]
    assert {reply.model for reply in replies} == {teacher.model} and teacher.model.startswith("scripted@")


@pytest.mark.parametrize(
    ("line", "says"), [('{"mach": "x"}', "replies.jsonl:1.*mach"), ("", "no rules for the scripted teacher")]
)
def test_a_bad_rules_file_is_told(tmp_path: Path, journal: Journal, line: str, says: str) -> None:
    rules = tmp_path / "replies.jsonl"
    rules.write_text(line + "\n", encoding="utf-8")
    opened = open_teacher(TeacherOptions(model=f"scripted:{rules}"), journal, Budget(), Loop())
    with pytest.raises(SeedbedError, match=says), opened:
        pass


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": "gpt-x"}, "url: needed for 'gpt-x'"),
        ({"concurrency": 0}, "concurrency"),
        ({"retries": -1}, "retries"),
        ({"extra": {"headers": [{"Authorization": "Bearer x"}]}}, "extra: Authorization would be kept in the journal"),
        ({"extra": {"api_key": "x"}}, "extra: api_key would be kept in the journal"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        TeacherOptions(**options)
