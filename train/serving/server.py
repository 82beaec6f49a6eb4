"""`seedbed serve RUN`: a trained student behind the chat part of OpenAI's API, to try it in what one has.

Two models are there: `tuned`, and `base` as it was before. One answer is made at a time; for many users at once the
model card names the command of a server made for that (vLLM).
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from seedbed.errors import InputError, SeedbedError
from train.rows.template import Turns
from train.serving.speaker import Manner, Said, Speaker

_LARGEST = 16 << 20  # bytes of a request
_ROLES = ("system", "developer", "user", "assistant", "tool")


class Asked(msgspec.Struct):
    """What is heeded of a request; all else in it is passed over, as other servers do."""

    messages: list[dict[str, Any]]
    model: str = ""
    stream: bool = False
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None

    def manner(self) -> Manner:
        """Raises ValueError for what no answer can be made by."""
        most = self.max_completion_tokens or self.max_tokens or Manner().max_tokens
        if not 0 <= self.temperature <= 2 or not 0 < self.top_p <= 1 or most < 1:
            raise ValueError("temperature is from 0 to 2, top_p above 0 and up to 1, max_tokens 1 or more")
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return Manner(self.temperature, self.top_p, most, self.seed, tuple(filter(None, stop)))

    def turns(self) -> Turns:
        """Raises ValueError where the messages are none."""
        if not self.messages:
            raise ValueError("messages is empty")
        return [{"role": _role(message), "content": _text(message)} for message in self.messages]


def server(speaker: Speaker, host: str, port: int) -> ThreadingHTTPServer:
    """Ready to serve; port 0 takes a free one. Raises InputError where the port cannot be had."""
    handler = type("Handler", (_Handler,), {"speaker": speaker})
    try:
        ready = ThreadingHTTPServer((host, port), handler)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be served on: {why}", where=f"{host}:{port}",
                         next_step="Name another port with --port, or 0 for a free one") from error
    ready.daemon_threads = True
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
            said = self.speaker.say(asked.turns(), side, asked.manner())
        except (ValueError, msgspec.DecodeError, SeedbedError) as error:
            self._refuse(400, "invalid_request", str(error))
            return
        with suppress(BrokenPipeError, ConnectionResetError):
            (self._stream if asked.stream else self._whole)(said, side)

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

    def _stream(self, said: Said, side: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Connection", "close")  # how its end is told, for nobody knows its length
        self.close_connection = True
        self.end_headers()
        head = _head("chat.completion.chunk", side)
        for event in _events(said, head):
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


def _events(said: Said, head: dict[str, Any]) -> Iterator[str]:
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
