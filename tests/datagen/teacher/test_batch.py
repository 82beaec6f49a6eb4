"""Batch mode against a service on loopback that behaves like the real one, expiry, half results and kills included."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from benchmarks.fake_endpoint import Answer, completion, error, listen
from datagen.teacher.batch import BatchSource
from datagen.teacher.batches import Batches
from datagen.teacher.budget import Budget, Prices
from datagen.teacher.client import Teacher
from datagen.teacher.endpoint import OpenAIEndpoint
from datagen.teacher.journal import Journal
from datagen.teacher.options import Pace, TeacherOptions
from seedbed.chat import Reply, Request
from seedbed.config import Limits
from seedbed.errors import LimitReached, TeacherError
from seedbed.record import Message
from tests.datagen.teacher.fake_batches import BatchService, echo

T = TypeVar("T")
HURRY = Pace(first=0.002, gather=0.03)
HALF = Prices(500.0, 1_000.0)  # 20 prompt tokens and 4 of completion: 0.014


def ask(text: str, **changes: Any) -> Request:
    return Request(messages=(Message("user", text),), max_tokens=50, **changes)


QUESTIONS = [ask("什么是互斥锁？"), ask("What is a queue?"), ask("泵多久保养一次？")]
ANSWERS = ["答 什么是互斥锁？", "答 What is a queue?", "答 泵多久保养一次？"]


def play(service: BatchService, journal: Journal, scene: Callable[[Teacher], Awaitable[T]], budget: Budget | None = None,
         said: list[str] | None = None, **options: Any) -> T:
    async def on_stage() -> T:
        server, url = await listen(service)
        settings = TeacherOptions(**{"model": "m", "url": url, "batch": True, "batch_poll": 0.005, "prices": HALF,
                                     "patience": 0.05, **options})
        # The name is the same for every server, as that of a real endpoint is.
        batches, notice = Batches(journal.path, "the endpoint"), (said if said is not None else []).append
        source = BatchSource(OpenAIEndpoint(url, settings), settings, batches, HURRY, notice)
        teacher = Teacher([source], journal, budget or Budget())
        try:
            return await scene(teacher)
        finally:
            await teacher.aclose()
            server.close()

    return asyncio.run(on_stage())


async def all_of(teacher: Teacher, requests: list[Request] = QUESTIONS) -> list[str]:
    return [reply.text for reply in await asyncio.gather(*(teacher(request) for request in requests))]


def stopped_on_the_way(service: BatchService, journal: Journal, budget: Budget | None = None) -> None:
    """Asks, and is stopped while the batch is under way. The service goes on with it, and is done when looked at again."""

    async def scene(teacher: Teacher) -> None:
        asked = [asyncio.create_task(teacher(request)) for request in QUESTIONS]
        while not any(wave.id for wave in Batches(journal.path, "the endpoint").open()):
            await asyncio.sleep(0.005)
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    service.states = ("in_progress",) * 10_000
    play(service, journal, scene, budget)
    assert len(service.submitted) == 1 and journal.spent()[0] == 0
    service.batches["batch_0"]["left"], service.states = ["completed"], ("validating",)


def test_what_waits_together_is_one_batch_and_rows_find_their_requests(journal: Journal) -> None:
    service, said = BatchService(), list[str]()
    assert play(service, journal, all_of, said=said) == ANSWERS  # the rows come in reverse
    assert [sorted(batch) for batch in service.submitted] == [sorted(r.messages[0].content for r in QUESTIONS)]
    assert said == ["batch batch_0: 3 calls", "batch batch_0: completed, 3 of 3 answered"]
    assert journal.spent() == (3, 72, pytest.approx(0.042))
    assert play(service, journal, all_of) == ANSWERS and len(service.submitted) == 1  # a replay asks nobody
    assert Batches(journal.path, "the endpoint").open() == []


def test_a_full_batch_goes_at_once_and_the_rest_follows(journal: Journal) -> None:
    service = BatchService()
    assert play(service, journal, all_of, batch_size=2) == ANSWERS
    assert [len(batch) for batch in service.submitted] == [2, 1]


def test_a_killed_run_finds_its_batch_again_and_submits_nothing_twice(journal: Journal) -> None:
    service = BatchService()
    stopped_on_the_way(service, journal)
    said: list[str] = []
    assert play(service, journal, all_of, said=said) == ANSWERS
    assert len(service.submitted) == 1 and journal.spent() == (3, 72, pytest.approx(0.042))
    assert said[0] == "batch batch_0 of an earlier run goes on: 3 calls"


def test_killed_between_creating_a_batch_and_knowing_its_id(journal: Journal) -> None:
    service = BatchService()
    stopped_on_the_way(service, journal)
    batches = Batches(journal.path, "the endpoint")
    batches.created(batches.open()[0].token, "")  # as if the answer had never come
    batches.begin("never came to be", [("0" * 32, b"{}")])
    assert play(service, journal, all_of) == ANSWERS
    assert len(service.submitted) == 1 and batches.open() == []


def test_replies_that_nobody_asks_for_any_more_are_kept_and_counted(journal: Journal) -> None:
    service = BatchService()
    stopped_on_the_way(service, journal)
    budget = Budget()

    async def other(teacher: Teacher) -> str:
        return (await teacher(ask("Something else 别的"))).text

    assert play(service, journal, other, budget) == "答 Something else 别的"
    assert journal.spent()[0] == budget.spent.calls == 4


def test_what_an_expired_batch_left_undone_is_submitted_once_more(journal: Journal) -> None:
    done: list[str] = []

    def half(body: dict[str, Any]) -> tuple[int, bytes] | None:
        done.append(body["messages"][-1]["content"])
        return echo(body) if len(done) != 2 else None

    service = BatchService(half, ends=["expired", "completed"])
    assert play(service, journal, all_of) == ANSWERS
    assert [len(batch) for batch in service.submitted] == [3, 1]
    assert journal.spent()[0] == 3


def test_what_expires_twice_is_given_up_with_all_others_kept(journal: Journal) -> None:
    service = BatchService(lambda body: echo(body) if "queue" in body["messages"][-1]["content"] else None,
                           ends=["expired"])
    with pytest.raises(TeacherError, match="batch_1 expired: This request could not be executed in time.*again to go on"):
        play(service, journal, all_of)
    assert journal.spent()[0] == 1 and Batches(journal.path, "the endpoint").open() == []


@pytest.mark.parametrize("status", [500, 429])
def test_rows_that_failed_as_a_server_fails_are_retried(journal: Journal, status: int) -> None:
    met: list[str] = []

    def says(body: dict[str, Any]) -> tuple[int, bytes]:
        met.append(body["messages"][-1]["content"])
        return echo(body) if len(met) > 1 else (status, b'{"error": {"message": "overloaded"}}')

    service = BatchService(says)
    assert play(service, journal, all_of) == ANSWERS
    assert [len(batch) for batch in service.submitted] == [3, 1]


def test_rows_that_were_refused_are_verdicts(journal: Journal) -> None:
    def says(body: dict[str, Any]) -> tuple[int, bytes]:
        if "queue" in body["messages"][-1]["content"]:
            return 400, b'{"error": {"message": "the context is too long"}}'
        return echo(body)

    service = BatchService(says)

    async def finishes(teacher: Teacher) -> list[str]:
        return [reply.finish for reply in await asyncio.gather(*(teacher(request) for request in QUESTIONS))]

    for _ in range(2):
        assert play(service, journal, finishes) == ["stop", "error: 400: the context is too long", "stop"]
    assert len(service.submitted) == 1 and journal.spent()[0] == 2


def test_a_parameter_that_no_row_may_have_ends_in_one_line(journal: Journal) -> None:
    service = BatchService(lambda body: (400, b'{"error": {"message": "temperature must be even"}}'))
    with pytest.raises(TeacherError, match="400: temperature must be even.*Check the options under teacher"):
        play(service, journal, all_of)
    assert len(service.submitted) == 1 and journal.spent()[0] == 0


def test_an_endpoint_that_knows_no_schema_is_asked_without_it(journal: Journal) -> None:
    def says(body: dict[str, Any]) -> tuple[int, bytes]:
        if "response_format" in body:
            return 400, b'{"error": {"message": "response_format is not supported"}}'
        return 200, completion('{"answer": "一把锁"}')

    service = BatchService(says)
    shaped = [ask("什么是锁？", schema={"type": "object"}), ask("What is it?", schema={"type": "object"})]
    assert play(service, journal, lambda teacher: all_of(teacher, shaped)) == ['{"answer": "一把锁"}'] * 2
    assert [len(batch) for batch in service.submitted] == [2, 2, 2]  # json_schema, json_object, in words


@pytest.mark.parametrize(
    ("flaw", "says"),
    [
        ({"code": "model_not_found", "message": "no model m", "line": 1}, "batch_0 failed: model_not_found: no model m .line 1"),
        ({"code": "billing_hard_limit_reached", "message": "余额不足"}, "billing_hard_limit_reached: 余额不足"),
    ],
)
def test_a_batch_that_fails_validation_ends_in_one_line(journal: Journal, flaw: dict[str, Any], says: str) -> None:
    service = BatchService(ends=["failed"], flaws=[flaw])
    with pytest.raises(TeacherError, match=says):
        play(service, journal, all_of)
    assert Batches(journal.path, "the endpoint").open() == []
    service.ends = ["completed"]
    assert play(service, journal, all_of) == ANSWERS  # mended, the same command goes on


def test_more_than_the_account_may_have_waiting_goes_in_parts(journal: Journal) -> None:
    flaw = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}
    service = BatchService(ends=["failed", "completed"], flaws=[flaw])
    assert play(service, journal, all_of) == ANSWERS
    assert [len(batch) for batch in service.submitted] == [3, 1, 1, 1]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (error("no such route", 404), "the batch is refused .404: no such route.*take `batch` out of the job"),
        (error("bad key", 401), "refuses the key .401"),
        (error("quota", 402), "nothing left"),
    ],
)
def test_an_endpoint_that_takes_no_batches_is_told(journal: Journal, fault: Answer, says: str) -> None:
    with pytest.raises(TeacherError, match=says):
        play(BatchService(faults=[fault] * 9), journal, all_of)
    assert Batches(journal.path, "the endpoint").open() == []


def test_trouble_on_the_line_while_waiting_is_waited_out(journal: Journal) -> None:
    service = BatchService()

    async def scene(teacher: Teacher) -> list[str]:
        asked = asyncio.create_task(all_of(teacher))
        while not service.batches:
            await asyncio.sleep(0.001)
        service.faults = [error("bad gateway", 502), Answer(how="reset"), error("slow down", 429)]
        return await asked

    assert play(service, journal, scene) == ANSWERS


def test_a_create_whose_answer_was_lost_is_not_repeated(journal: Journal) -> None:
    class Deaf(BatchService):
        def create(self, asked: dict[str, Any]) -> dict[str, Any]:
            created = super().create(asked)
            self.lost = True
            return created

        def __call__(self, call: Any) -> Answer:
            answer = super().__call__(call)
            if call.method == "POST" and call.path.endswith("/batches"):
                return Answer(how="reset")
            return answer

    service = Deaf()
    assert play(service, journal, all_of) == ANSWERS
    assert len(service.submitted) == 1


def test_a_limit_holds_over_what_an_earlier_run_has_under_way(journal: Journal) -> None:
    service = BatchService()
    stopped_on_the_way(service, journal, Budget(Limits(calls=3)))

    async def one_more(teacher: Teacher) -> list[str]:
        found = await all_of(teacher)
        with pytest.raises(LimitReached, match="3 of 3 calls"):
            await teacher(ask("one too many"))
        return found

    assert play(service, journal, one_more, Budget(Limits(calls=3))) == ANSWERS
    assert len(service.submitted) == 1


def test_it_is_opened_from_a_job(tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    from datagen.teacher import client

    monkeypatch.setattr(client, "Pace", lambda: HURRY)
    service = BatchService()

    async def scene() -> Reply:
        server, url = await listen(service)
        options = TeacherOptions(model="m", url=url, batch=True, batch_poll=0.005)
        teacher = await client._made(client._groups(options, None)[0], journal, Budget(), options, lambda line: None)  # type: ignore[arg-type]
        reply = await teacher(QUESTIONS[0])
        await teacher.aclose()
        server.close()
        return reply

    reply = asyncio.run(scene())
    assert (reply.text, reply.model) == (ANSWERS[0], "m")
    asked = msgspec.json.decode(next(iter(service.files.values())).splitlines()[0])
    assert asked["custom_id"] == reply.key and asked["body"]["model"] == "m"
