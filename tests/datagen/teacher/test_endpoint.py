"""The OpenAI-compatible client against a small endpoint on loopback that misbehaves in every way met so far."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from benchmarks.fake_endpoint import Answer, Call, Respond, completion, error, listen
from datagen.teacher.client import Teacher
from datagen.teacher.endpoint import OpenAIEndpoint, scrub
from datagen.teacher.journal import Journal
from datagen.teacher.options import Pace, TeacherOptions
from seedbed.chat import Reply, Request
from seedbed.errors import TeacherError
from seedbed.record import Message
from tests.datagen.teacher.opened import teacher_over

T = TypeVar("T")
KEY = "sk-proj-7d1f0c9a2b4e"
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
HELLO = Request(messages=(Message("system", "Be brief."), Message("user", "什么是互斥锁？")), max_tokens=50)
JSON = msgspec.structs.replace(HELLO, schema=SCHEMA)


class Endpoint:
    """Answers by turns from a list, the last one for ever; keeps what it was asked."""

    def __init__(self, *answers: Answer | Respond) -> None:
        self.answers, self.calls = list(answers), list[Call]()

    def __call__(self, call: Call) -> Answer:
        self.calls.append(call)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer if isinstance(answer, Answer) else answer(call)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHER_KEY", KEY)


def play(endpoint: Endpoint, journal: Journal, scene: Callable[[Teacher], Awaitable[T]], **options: Any) -> T:
    async def on_stage() -> T:
        server, url = await listen(endpoint)
        settings = TeacherOptions(**{"model": "m-1", "url": url, "key_env": "TEACHER_KEY", "timeout": 5.0, **options})
        pace = Pace(first=0.005, refused=0.005, reach=0.05, scattered=0.005)
        teacher = teacher_over([OpenAIEndpoint(url, settings)], journal, None, settings, pace)
        try:
            return await scene(teacher)
        finally:
            await teacher.aclose()
            server.close()

    return asyncio.run(on_stage())


def once(endpoint: Endpoint, journal: Journal, request: Request = HELLO, **options: Any) -> Reply:
    return play(endpoint, journal, lambda teacher: teacher(request), **options)


FINE = Answer(completion("一把锁。", prompt_tokens=20, completion_tokens=4))


def test_what_is_sent_and_what_comes_back(journal: Journal) -> None:
    endpoint = Endpoint(FINE)
    reply = once(endpoint, journal, extra={"top_k": 20})
    assert (reply.text, reply.finish, reply.prompt_tokens, reply.completion_tokens) == ("一把锁。", "stop", 20, 4)
    assert endpoint.calls[0].path == "/v1/chat/completions"
    assert endpoint.calls[0].headers["authorization"] == f"Bearer {KEY}"
    assert endpoint.calls[0].body == {
        "model": "m-1", "max_tokens": 50, "temperature": 0.7, "top_k": 20,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "什么是互斥锁？"}],
    }


@pytest.mark.parametrize(
    "trouble",
    [
        error("slow down", 429, retry_after="0.01"),
        error("overloaded", 503),
        error("bad gateway", 502),
        Answer(completion("half"), how="cut"),
        Answer(how="reset"),
        Answer(b"<html>the proxy is unwell</html>"),
        Answer(b'{"error": {"message": "upstream overloaded", "code": 429}}'),
        Answer(b'{"choices": []}'),
    ],
    ids=["429", "503", "502", "cut", "reset", "html", "error in 200", "no choices"],
)
def test_passing_trouble_is_retried(journal: Journal, trouble: Answer) -> None:
    endpoint = Endpoint(FINE, trouble, trouble, FINE)

    async def scene(teacher: Teacher) -> Reply:
        await teacher(msgspec.structs.replace(HELLO, sample=1))
        return await teacher(HELLO)

    assert play(endpoint, journal, scene).text == "一把锁。"
    assert len(endpoint.calls) == 4


def test_only_the_refused_request_waits(journal: Journal) -> None:
    answered: list[str] = []

    def respond(call: Call) -> Answer:
        if call.body["messages"][0]["content"] == "refuse me" and len(endpoint.calls) == 1:
            return error("slow down", 429, retry_after="0.5")
        return FINE

    async def scene(teacher: Teacher) -> float:
        async def ask(text: str) -> None:
            await teacher(Request(messages=(Message("user", text),)))
            answered.append(text)

        start = time.monotonic()
        await asyncio.gather(ask("refuse me"), *(ask(f"question {n}") for n in range(20)))
        return time.monotonic() - start

    endpoint = Endpoint(respond)
    assert play(endpoint, journal, scene) >= 0.5
    assert len(answered) == 21 and answered[-1] == "refuse me"


@pytest.mark.parametrize(
    ("answer", "finish", "text"),
    [
        (Answer(completion("half an ans", finish="length")), "length", "half an ans"),
        (Answer(completion("")), "empty", ""),
        (Answer(completion(None)), "empty", ""),
        (error("This model's maximum context length is 4096 tokens", 400), "error: 400: This model's maximum", ""),
        (error("输入长度超过限制", 400), "error: 400: 输入长度超过限制", ""),
        (Answer(b'{"choices": [{"message": {"refusal": "No."}, "finish_reason": "stop"}]}'), "content_filter", "No."),
        (Answer(b'{"choices": [{"message": {"content": "\\ud83d"}, "finish_reason": "length"}]}'), "length", "\ufffd"),
    ],
)
def test_verdicts_are_kept_as_they_are(journal: Journal, answer: Answer, finish: str, text: str) -> None:
    endpoint = Endpoint(answer)
    for _ in range(2):
        reply = once(endpoint, journal)
        assert reply.finish.startswith(finish) and reply.text == text
    assert len(endpoint.calls) == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (error(f"Incorrect API key provided: {KEY}", 401), "refuses the key .401.*valid key.*TEACHER_KEY"),
        (error("forbidden", 403), "refuses the key .403"),
        (error("Insufficient Balance", 402), "nothing left"),
        (Answer(b'{"error": {"message": "quota", "code": "insufficient_quota"}}', 429), "nothing left"),
        (error("bad things", 500), "does not answer.*500: bad things"),
        (error("slow down", 429, retry_after="3600"), "asks to wait 3600 s.*again to go on"),
        (error("temperature must be even", 400), "does not answer.*even.*options under teacher"),
        (Answer(how="hang"), "no answer within 0.1 s"),
    ],
)
def test_lasting_trouble_ends_in_one_line_without_the_key(journal: Journal, answer: Answer, says: str) -> None:
    with pytest.raises(TeacherError, match=says) as stop:
        once(Endpoint(answer), journal, timeout=0.1 if answer.how == "hang" else 5.0)
    assert KEY not in str(stop.value) and "\n" not in str(stop.value)


def test_a_missing_key_is_told_from_a_wrong_one(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEACHER_KEY")
    with pytest.raises(TeacherError, match="TEACHER_KEY, which is not set"):
        once(Endpoint(error("no key", 401)), journal)


def test_an_unknown_model_brings_the_list_of_known_ones(journal: Journal) -> None:
    def respond(call: Call) -> Answer:
        if call.path == "/v1/models":
            return Answer(b'{"object": "list", "data": [{"id": "m-10", "object": "model"}, {"id": "other"}]}')
        return error("model m-1 not found", 404)

    with pytest.raises(TeacherError, match="unknown model m-1. Did you mean m-10.*It has: m-10, other"):
        once(Endpoint(respond), journal)


def test_a_wrong_path_is_told(journal: Journal) -> None:
    with pytest.raises(TeacherError, match="nothing answers there .404.*usually ends in /v1"):
        once(Endpoint(Answer(b"<html>not here</html>", 404)), journal)


def test_nobody_there(journal: Journal) -> None:
    async def scene() -> None:
        settings = TeacherOptions(model="m", url="http://127.0.0.1:9/v1")
        endpoint = OpenAIEndpoint("http://127.0.0.1:9/v1", settings)
        teacher = teacher_over([endpoint], journal, None, settings, Pace(first=0.01, reach=0.05))
        try:
            await teacher(HELLO)
        finally:
            await teacher.aclose()

    with pytest.raises(TeacherError, match="127.0.0.1:9/v1: the teacher is out of reach.*Check that it runs"):
        asyncio.run(scene())


def only(kind: str | None) -> Respond:
    """An endpoint that knows but one response_format."""

    def respond(call: Call) -> Answer:
        asked = call.body.get("response_format", {}).get("type")
        return FINE if asked == kind else error(f"This response_format type {asked} is unavailable now", 400)

    return respond


@pytest.mark.parametrize(("kind", "first"), [("json_schema", 1), ("json_object", 2), (None, 3)])
def test_structured_output_falls_back_and_remembers(journal: Journal, kind: str | None, first: int) -> None:
    endpoint = Endpoint(only(kind))

    async def scene(teacher: Teacher) -> None:
        await teacher(JSON)
        assert len(endpoint.calls) == first
        await teacher(msgspec.structs.replace(JSON, sample=1))
        assert len(endpoint.calls) == first + 1

    play(endpoint, journal, scene)
    said = endpoint.calls[-1].body["messages"][-1]["content"]
    assert ('"required":["answer"]' in said and "模式" in said) == (kind != "json_schema")


def test_options_that_an_endpoint_does_not_know_are_not_sent_again(journal: Journal) -> None:
    def respond(call: Call) -> Answer:
        if "max_tokens" in call.body:
            return error("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", 400)
        if "temperature" in call.body:
            return error("Unsupported value: 'temperature' does not support 0.7 with this model", 400)
        return FINE

    endpoint = Endpoint(respond)

    async def scene(teacher: Teacher) -> None:
        await asyncio.gather(*(teacher(msgspec.structs.replace(HELLO, sample=n)) for n in range(4)))
        await teacher(msgspec.structs.replace(HELLO, sample=4))

    play(endpoint, journal, scene)
    assert endpoint.calls[-1].body["max_completion_tokens"] == 50
    assert journal.spent()[0] == 5


def test_tokens_come_with_their_log_probabilities_where_the_endpoint_gives_them(journal: Journal) -> None:
    tokens = [{"token": "是", "logprob": -0.10536, "top_logprobs": []}, {"token": "的", "logprob": -2.5, "bytes": [1]}]
    body = {"choices": [{"message": {"content": "是的"}, "logprobs": {"content": tokens}}]}
    giving, asked = Endpoint(Answer(msgspec.json.encode(body))), msgspec.structs.replace(HELLO, logprobs=True)
    assert once(giving, journal, asked).tokens == (("是", -0.1054), ("的", -2.5))
    assert once(giving, journal, asked).tokens == (("是", -0.1054), ("的", -2.5)) and len(giving.calls) == 1  # kept

    def respond(call: Call) -> Answer:
        return error("logprobs are not supported here", 400) if "logprobs" in call.body else FINE

    refusing = Endpoint(respond)
    assert once(refusing, journal, msgspec.structs.replace(asked, sample=1)).tokens == ()
    assert "logprobs" not in refusing.calls[-1].body


def test_a_bad_request_to_an_endpoint_that_works_costs_that_request(journal: Journal) -> None:
    def respond(call: Call) -> Answer:
        bad = "odd" in call.body["messages"][0]["content"]
        return error("I take even questions only", 422) if bad else FINE

    async def scene(teacher: Teacher) -> list[Reply]:
        return await asyncio.gather(*(teacher(Request(messages=(Message("user", text),))) for text in ("odd", "even")))

    odd, even = play(Endpoint(respond), journal, scene)
    assert odd.finish == "error: 422: I take even questions only" and even.finish == "stop"


def test_counts_are_estimated_where_the_endpoint_gives_none(journal: Journal) -> None:
    body = b'{"choices": [{"message": {"content": "one two three four"}, "finish_reason": "stop"}], "usage": null}'
    reply = once(Endpoint(Answer(body)), journal)
    assert reply.completion_tokens == 6 and reply.prompt_tokens > 8


def test_several_endpoints_share_the_work(journal: Journal) -> None:
    left, right = Endpoint(Answer(completion("left"), delay=0.02)), Endpoint(Answer(completion("right"), delay=0.02))

    async def scene() -> None:
        servers = [await listen(left), await listen(right)]
        settings = TeacherOptions(model="m", url=tuple(url for _, url in servers), concurrency=4)
        teacher = teacher_over([OpenAIEndpoint(url, settings) for url in settings.urls], journal, None, settings)
        await asyncio.gather(*(teacher(msgspec.structs.replace(HELLO, sample=n)) for n in range(16)))
        await teacher.aclose()
        for server, _ in servers:
            server.close()

    asyncio.run(scene())
    assert len(left.calls) == len(right.calls) == 8


def test_the_key_is_in_no_file(tmp_path: Path) -> None:
    echo = Answer(completion(f"You sent Bearer {KEY}. 你的密钥是 {KEY}"))
    with Journal(tmp_path / "journal.sqlite") as journal:
        reply = once(Endpoint(echo), journal, header_env={"X-Team": "TEACHER_KEY"})
        once(Endpoint(error(f"too long for {KEY}", 400)), journal, msgspec.structs.replace(HELLO, sample=1))
        assert KEY not in reply.text
        files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) >= 2 and not any(KEY.encode() in content for content in files)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://me:secret@host/v1?api_key=abc&x=1", "https://***@host/v1?api_key=***&x=1"),
        ("Incorrect API key provided: sk-abc12345xyz.", "Incorrect API key provided: ***."),
        ("header Authorization: Bearer abcdef.123456 was 无效", "header Authorization: *** was 无效"),
        ("the risk-averse task-force asked for max_tokens", "the risk-averse task-force asked for max_tokens"),
    ],
)
def test_scrub(text: str, clean: str) -> None:
    assert scrub(text) == clean


@pytest.mark.parametrize("held", ["sk-secret\nsk-other", "“sk-secret”", "sk-\x00secret"])
def test_a_key_that_no_header_can_carry_is_refused_by_name_and_not_shown(
    held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", {**os.environ, "TEACHER_KEY": held})
    with pytest.raises(TeacherError) as refused:
        OpenAIEndpoint("http://127.0.0.1:9/v1", TeacherOptions(model="m", url="http://127.0.0.1:9/v1", key_env="TEACHER_KEY"))
    assert "TEACHER_KEY" in str(refused.value) and "secret" not in str(refused.value)


def test_the_line_break_behind_a_key_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHER_KEY", "sk-secret\n")
    made = OpenAIEndpoint("http://127.0.0.1:9/v1", TeacherOptions(model="m", url="http://127.0.0.1:9/v1", key_env="TEACHER_KEY"))
    assert made._key == "sk-secret"
