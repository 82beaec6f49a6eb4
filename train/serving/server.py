"""`seedbed serve RUN`: a trained student behind the chat part of OpenAI's API, to try it in what one has.

Two models are there: `tuned`, and `base` as it was before. One answer is made at a time; for many users at once the
model card names the command of a server made for that (vLLM). Tools and calls are shown to the model as it learned
them; what it says is always given back as text, a call in its template's own form too.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from seedbed.errors import InputError, SeedbedError
from seedbed.record import make
from seedbed.turns import OPENAI, from_turn
from train.rows.conversation import Conversation, conversation
from train.serving.speaker import Manner, Said, Speaker

_LARGEST = 16 << 20  # bytes of a request
_ROLES = ("system", "developer", "user", "assistant", "tool")


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class Asked(msgspec.Struct):
    """What is heeded of a request; all else in it is passed over, as other servers do. What OpenAI lets be null may be
    null."""

    messages: list[dict[str, Any]]
    model: str | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    tools: list[dict[str, Any]] | None = None

    def manner(self) -> Manner:
        """Raises ValueError for what no answer can be made by."""
        usual = Manner()
        given = (self.max_completion_tokens, self.max_tokens, usual.max_tokens)
        most = next(value for value in given if value is not None)
        temperature = usual.temperature if self.temperature is None else self.temperature
        top_p = usual.top_p if self.top_p is None else self.top_p
        if not 0 <= temperature <= 2 or not 0 < top_p <= 1 or most < 1:
            raise ValueError("temperature is from 0 to 2, top_p above 0 and up to 1, max_tokens 1 or more")
        if self.n not in (None, 1):
            raise ValueError("n: one answer is made for a request")
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return Manner(temperature, top_p, most, self.seed, tuple(filter(None, stop)))

    def conversation(self) -> Conversation:
        """The messages as a training reads them, calls and tools included. Raises ValueError where they are none."""
        if not self.messages:
            raise ValueError("messages is empty")
        turns = [message | {"role": _role(message), "content": _text(message)} for message in self.messages]
        said = tuple(from_turn(turn, OPENAI, f"messages[{place}]") for place, turn in enumerate(turns))
        return conversation(make(messages=said, extra={"tools": self.tools} if self.tools else {}))


def server(open_speaker: Callable[[], Speaker], host: str, port: int) -> ThreadingHTTPServer:
    """Ready to serve; port 0 takes a free one. Raises InputError where the port cannot be had, before the model is
    opened, which takes long."""

    class Handler(_Handler):
        """Its own, for several servers may run in one process."""

    try:
        ready = ThreadingHTTPServer((host, port), Handler)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be served on: {why}", where=f"{host}:{port}",
                         next_step="Name another port with --port, or 0 for a free one") from error
    ready.daemon_threads = True
    try:
        Handler.speaker = open_speaker()
    except BaseException:
        ready.server_close()
        raise
    return ready


class _Handler(BaseHTTPRequestHandler):
    speaker: Speaker
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # noqa: N802  the library's name
        path = self.path.partition("?")[0].rstrip("/")
        if path == "/v1/models":
            known = {"object": "model", "created": 0, "owned_by": "seedbed"}
            self._send(200, {"object": "list", "data": [{"id": name} | known for name in self.speaker.sides]})
        elif path in ("", "/health", "/v1"):
            self._send(200, {"status": "ok", "model": self.speaker.name})
        else:
            self._refuse(404, "not_found", f"there is no {path} here")

    def do_POST(self) -> None:  # noqa: N802
        body = self._body()
        if body is None:
            return
        if self.path.partition("?")[0].rstrip("/") != "/v1/chat/completions":
            self._refuse(404, "not_found", "only /v1/chat/completions is answered")
            return
        try:
            asked = msgspec.json.decode(body, type=Asked)
            side = asked.model or self.speaker.sides[0]
            if side not in self.speaker.sides:
                told = f"there is no model {side!r}: name {' or '.join(self.speaker.sides)}"
                self._refuse(404, "model_not_found", told)
                return
            given = asked.conversation()
            said = self.speaker.say(given.turns, side, asked.manner(), given.tools)
        except (ValueError, msgspec.DecodeError, SeedbedError) as error:
            self._refuse(400, "invalid_request", str(error))
            return
        with suppress(BrokenPipeError, ConnectionResetError):
            if asked.stream:
                options = asked.stream_options
                self._stream(said, side, usage=bool(options and options.include_usage))
            else:
                self._whole(said, side)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what is asked is nobody else's business."""

    # ---- inside ----

    def _body(self) -> bytes | None:
        size = self.headers.get("Content-Length", "")
        if not size.isdigit() or int(size) > _LARGEST:
            self.close_connection = True
            self._refuse(413 if size.isdigit() else 411, "invalid_request", f"a body of up to {_LARGEST} bytes is read")
            return None
        return self.rfile.read(int(size))

    def _whole(self, said: Said, side: str) -> None:
        try:
            text = "".join(said.pieces)
        except (RuntimeError, ValueError) as error:
            self._refuse(500, "failed", str(error))
            return
        message = {"role": "assistant", "content": text.strip()}
        choice = {"index": 0, "message": message, "finish_reason": said.finish, "logprobs": None}
        self._send(200, _head("chat.completion", side) | {"choices": [choice], "usage": _usage(said)})

    def _stream(self, said: Said, side: str, usage: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Connection", "close")  # how its end is told, for nobody knows its length
        self.close_connection = True
        self.end_headers()
        head = _head("chat.completion.chunk", side)
        for event in _events(said, head, usage):
            self.wfile.write(f"data: {event}\n\n".encode())
            self.wfile.flush()

    def _send(self, status: int, value: Any) -> None:
        body = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._send(status, {"error": {"message": message, "type": "invalid_request_error", "code": code}})


def _events(said: Said, head: dict[str, Any], usage: bool) -> Iterator[str]:
    def chunk(delta: dict[str, str], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return json.dumps(head | {"choices": [choice]}, ensure_ascii=False)

    yield chunk({"role": "assistant", "content": ""})
    try:
        for piece in said.pieces:
            if piece:
                yield chunk({"content": piece})
    except (RuntimeError, ValueError) as error:
        yield json.dumps({"error": {"message": str(error), "type": "server_error", "code": "failed"}})
        return
    yield chunk({}, said.finish)
    if usage:
        yield json.dumps(head | {"choices": [], "usage": _usage(said)})
    yield "[DONE]"


def _head(kind: str, side: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": side}


def _usage(said: Said) -> dict[str, int]:
    total = said.prompt + said.completion
    return {"prompt_tokens": said.prompt, "completion_tokens": said.completion, "total_tokens": total}


def _role(message: dict[str, Any]) -> str:
    role = message.get("role")
    if role not in _ROLES:
        raise ValueError(f"a message's role is one of {', '.join(_ROLES)}, not {role!r}")
    return "system" if role == "developer" else str(role)


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    if len(texts) < len(parts) or not all(isinstance(text, str) for text in texts):
        raise ValueError("a message's content is text; pictures and sound are not understood")
    return "".join(map(str, texts))
