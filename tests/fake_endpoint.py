"""An OpenAI-compatible endpoint on this machine that answers by the rules of `tests.tiny_job`, and keeps what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# From the request's headers and body to status and body of the answer; None for the usual one.
Odd = Callable[[dict[str, str], dict[str, Any]], "tuple[int, dict[str, Any]] | None"]


class Endpoint:
    """`url` is its base URL; `headers` and `bodies` are those of the chat requests so far."""

    def __init__(self, rules: list[dict[str, Any]], odd: Odd | None, models: list[str]) -> None:
        self.rules, self.odd, self.models = rules, odd, models
        self.headers: list[dict[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.url = ""

    def answer(self, headers: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.headers.append(headers)
        self.bodies.append(body)
        if self.odd and (strange := self.odd(headers, body)):
            return strange
        last = body["messages"][-1]["content"]
        rule = next(rule for rule in self.rules if rule.get("match", "") in last)
        text = json.dumps(rule["json"], ensure_ascii=False) if "json" in rule else rule.get("text", rule.get("default"))
        return 200, completion(text)


def completion(text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}


@contextmanager
def serving(rules: list[dict[str, Any]], odd: Odd | None = None, models: tuple[str, ...] = ("pump-7b",)) -> Iterator[Endpoint]:
    endpoint = Endpoint(rules, odd, list(models))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self._reply(*endpoint.answer({k.lower(): v for k, v in self.headers.items()}, body))

        def do_GET(self) -> None:
            data = [{"id": name, "object": "model", "created": 0, "owned_by": "x"} for name in endpoint.models]
            self._reply(200, {"object": "list", "data": data})

        def _reply(self, status: int, body: dict[str, Any]) -> None:
            encoded = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    endpoint.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
