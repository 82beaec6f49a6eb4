"""The server by the client that most people use, and by hand where that client is too polite."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from seedbed.errors import InputError
from train.serving.server import Asked, server
from train.serving.speaker import Speaker

ASKED: Any = [{"role": "user", "content": "Which port? 哪个端口？"}]


@pytest.fixture(scope="module")
def port(speaker: Speaker) -> Iterator[int]:
    ready = server(lambda: speaker, "127.0.0.1", 0)
    threading.Thread(target=ready.serve_forever, daemon=True).start()
    yield int(ready.server_address[1])
    ready.shutdown()
    ready.server_close()


@pytest.fixture
def client(port: int) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0)


def posted(port: int, body: bytes, path: str = "/v1/chat/completions") -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", path, body)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_both_models_are_listed_and_answer_differently(client: openai.OpenAI) -> None:
    assert [known.id for known in client.models.list()] == ["tuned", "base"]
    texts = {}
    for side in ("tuned", "base"):
        made = client.chat.completions.create(model=side, messages=ASKED, max_tokens=8)
        assert made.usage and made.usage.completion_tokens == 8 and made.choices[0].finish_reason == "length"
        texts[side] = made.choices[0].message.content
    assert texts["tuned"] != texts["base"]


def test_the_stream_adds_up_to_the_whole(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="base", messages=ASKED, max_tokens=8).choices[0].message.content
    chunks = list(client.chat.completions.create(model="base", messages=ASKED, max_tokens=8, stream=True))
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert streamed.strip() == whole and not any(chunk.usage for chunk in chunks)


def test_what_a_stream_took_is_told_to_who_asks_for_it(client: openai.OpenAI) -> None:
    asked = client.chat.completions.create(
        model="base", messages=ASKED, max_tokens=8, stream=True, stream_options={"include_usage": True}
    )
    last = list(asked)[-1]
    assert not last.choices and last.usage and last.usage.completion_tokens == 8


def test_what_may_be_null_is_as_if_it_were_not_there(port: int) -> None:
    empty = dict.fromkeys(["model", "stream", "stream_options", "temperature", "top_p", "seed", "stop", "n", "tools"])
    status, said = posted(port, json.dumps(empty | {"messages": ASKED, "max_tokens": 4}).encode())
    assert status == 200 and said["choices"][0]["finish_reason"] == "length"


def test_calls_and_tools_are_shown_as_in_training() -> None:
    tool = {"type": "function", "function": {"name": "port_of", "description": "", "parameters": {"type": "object"}}}
    function = {"name": "port_of", "arguments": '{"device": "KX-40"}'}
    calls = [{"id": "call-1", "type": "function", "function": function}]
    asked = Asked(tools=[tool], messages=[
        *ASKED, {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call-1", "content": "4711"},
    ])  # fmt: skip
    said = asked.conversation()
    assert said.tools == [tool] and [turn["role"] for turn in said.turns] == ["user", "assistant", "tool"]
    assert said.turns[1]["tool_calls"][0]["function"] == {"name": "port_of", "arguments": {"device": "KX-40"}}
    assert said.turns[2]["content"] == "4711"


def test_several_may_ask_at_once(client: openai.OpenAI) -> None:
    def ask(side: str) -> str:
        made = client.chat.completions.create(model=side, messages=ASKED, max_tokens=8)
        return made.choices[0].message.content or ""

    alone = {side: ask(side) for side in ("tuned", "base")}
    found: list[tuple[str, str]] = []
    askers = [threading.Thread(target=lambda side=side: found.append((side, ask(side)))) for side in ("tuned", "base") * 3]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert sorted(found) == sorted([*alone.items()] * 3)


@pytest.mark.parametrize(("body", "status", "told"), [
    (b"{", 400, "truncated"),
    (b"[]", 400, "array"),
    (b"{}", 400, "messages"),
    (b'{"messages": []}', 400, "messages is empty"),
    (b'{"messages": [{"role": "nobody", "content": "?"}]}', 400, "a message's role"),
    (b'{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}', 400, "pictures"),
    (b'{"messages": [{"role": "user", "content": "?"}], "temperature": 9}', 400, "temperature"),
    (b'{"messages": [{"role": "user", "content": "?"}], "max_tokens": -1}', 400, "max_tokens"),
    (b'{"messages": [{"role": "user", "content": "?"}], "max_tokens": 0}', 400, "max_tokens"),
    (b'{"messages": [{"role": "user", "content": "?"}], "n": 2}', 400, "one answer"),
    (b'{"messages": [{"role": "user", "content": "?"}], "model": "gpt"}', 404, "no model \'gpt\': name tuned or base"),
    (json.dumps({"messages": [{"role": "user", "content": "port " * 3000}]}).encode(), 400, "the model reads 2048"),
])
def test_what_cannot_be_answered_is_told(port: int, body: bytes, status: int, told: str) -> None:
    found, said = posted(port, body)
    assert found == status and told in said["error"]["message"]


def test_other_paths_are_none(port: int) -> None:
    assert posted(port, b"{}", "/v1/embeddings")[0] == 404


def test_a_taken_port_is_one_clear_error(speaker: Speaker, port: int) -> None:
    with pytest.raises(InputError, match=f"127.0.0.1:{port}: cannot be served on: Address already in use. Name another"):
        server(lambda: speaker, "127.0.0.1", port)


def test_the_port_is_looked_at_before_the_model_is_opened(port: int) -> None:
    def never() -> Speaker:
        raise AssertionError("opened")

    with pytest.raises(InputError, match="cannot be served on"):
        server(never, "127.0.0.1", port)


def test_a_port_that_is_none_is_one_too(speaker: Speaker) -> None:
    with pytest.raises(InputError, match="cannot be served on"):
        server(lambda: speaker, "127.0.0.1", 70_000)
