"""A small OpenAI-compatible endpoint that answers after a fixed time, and misbehaves on request.

Used by `benchmarks.teacher` as a process of its own, and by the tests, in a thread, with answers of their making.
It speaks as much HTTP/1.1 as the `openai` client needs, so that it costs next to no CPU beside the client measured.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec


@dataclass(frozen=True)
class Answer:
    """What one request gets. `how`: whole, cut (half the body, the line drops), reset (no byte), hang (silence)."""

    body: bytes = b"{}"
    status: int = 200
    delay: float = 0.0
    how: Literal["whole", "cut", "reset", "hang"] = "whole"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]  # empty where it is no JSON
    method: str = "POST"
    raw: bytes = b""


Respond = Callable[[Call], Answer]


def completion(text: str | None, finish: str = "stop", prompt_tokens: int = 10, completion_tokens: int = 5) -> bytes:
    """The body of a chat completion."""
    return msgspec.json.encode({
        "id": "fake", "object": "chat.completion", "created": 0, "model": "fake",
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens,
                  "total_tokens": prompt_tokens + completion_tokens},
    })


def error(message: str, status: int, delay: float = 0.0, **headers: str) -> Answer:
    """An error in the shape that OpenAI uses."""
    body = msgspec.json.encode({"error": {"message": message, "type": "fake", "code": None}})
    return Answer(body, status, delay, headers={name.replace("_", "-"): value for name, value in headers.items()})


class Endpoint(asyncio.Protocol):
    """One connection."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            first, *lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            size = int(headers.get("content-length", 0))
            if len(self._buffer) < end + 4 + size:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + size])
            del self._buffer[: end + 4 + size]
            method, path, _ = first.split(" ")
            decoded = msgspec.json.decode(body) if "json" in headers.get("content-type", "") and body else {}
            answer = self._respond(Call(path, headers, decoded, method, body))
            asyncio.get_running_loop().call_later(answer.delay, self._send, answer)

    def _send(self, answer: Answer) -> None:
        transport = self._transport
        if transport is None or transport.is_closing() or answer.how == "hang":
            return
        if answer.how == "reset":
            transport.abort()
            return
        extra = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
        head = (f"HTTP/1.1 {answer.status} Fake\r\ncontent-type: application/json\r\n"
                f"content-length: {len(answer.body)}\r\n{extra}\r\n").encode()
        if answer.how == "cut":
            transport.write(head + answer.body[: len(answer.body) // 2])
            transport.close()
        else:
            transport.write(head + answer.body)


async def listen(respond: Respond, port: int = 0) -> tuple[asyncio.Server, str]:
    """A server on loopback, and its base URL."""
    server = await asyncio.get_running_loop().create_server(lambda: Endpoint(respond), "127.0.0.1", port, backlog=1024)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@dataclass
class Steady:
    """Answers everything after `latency` seconds; refuses what is over `capacity` and a share `noise` at random, and
    drops the line of a share `broken` when its answer is due."""

    latency: float
    capacity: int = 1 << 30
    noise: float = 0.0
    broken: float = 0.0
    retry_after: float = 1.0
    under_way: int = 0
    requests: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    reply: bytes = field(default_factory=lambda: completion("The mutex guards the queue. " * 20, completion_tokens=120))

    def __call__(self, call: Call) -> Answer:
        if call.path.endswith("/seen"):
            count = {"requests": self.requests, "answered": self.answers.total(), "distinct": len(self.answers)}
            return Answer(msgspec.json.encode(count))
        self.requests += 1
        if self.under_way >= self.capacity or self.chance.random() < self.noise:
            return error("slow down", 429, 0.0, retry_after=f"{self.retry_after:g}")
        self.under_way += 1
        asyncio.get_running_loop().call_later(self.latency, self._done)
        how: Literal["whole", "reset"] = "reset" if self.chance.random() < self.broken else "whole"
        if how == "whole" and call.body.get("messages"):  # curator asks an empty question first, for the headers
            self.answers[str(call.body["messages"][-1]["content"])] += 1
        return Answer(self.reply, delay=self.latency, how=how)

    def _done(self) -> None:
        self.under_way -= 1


async def _serve(options: argparse.Namespace) -> None:
    steady = Steady(options.latency, options.capacity, options.noise, options.broken, options.retry_after)
    server, url = await listen(steady, options.port)
    sys.stdout.write(url + "\n")
    sys.stdout.flush()
    # The parent holds the other end of standard input; when it closes, this ends too.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--capacity", type=int, default=1 << 30)
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--broken", type=float, default=0.0)
    parser.add_argument("--retry-after", type=float, default=1.0)
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
