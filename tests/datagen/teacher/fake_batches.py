"""A Batch API on loopback: files, batches that pass through their states as they are looked at, expiry, failures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from benchmarks.fake_endpoint import Answer, Call, completion, error

# What one request gets: status and body, or None where the batch ends before its turn.
Says = Callable[[dict[str, Any]], "tuple[int, bytes] | None"]


def echo(body: dict[str, Any]) -> tuple[int, bytes]:
    return 200, completion(f"答 {body['messages'][-1]['content']}", prompt_tokens=20, completion_tokens=4)


@dataclass
class BatchService:
    """`ends` are the final states of the batches in turn, the last one for ever; `states` those before it."""

    says: Says = echo
    ends: list[str] = field(default_factory=lambda: ["completed"])
    states: tuple[str, ...] = ("validating", "in_progress", "finalizing")
    flaws: list[dict[str, Any]] = field(default_factory=list)  # of a batch that fails validation
    faults: list[Answer] = field(default_factory=list)  # what the next calls meet first
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    submitted: list[list[str]] = field(default_factory=list)  # the questions of each batch

    def __call__(self, call: Call) -> Answer:
        if self.faults:
            return self.faults.pop(0)
        path = call.path.partition("?")[0].removeprefix("/v1/").split("/")
        match call.method, path:
            case "POST", ["files"]:
                return self._json({"id": self._keep(_uploaded(call)), "object": "file", "bytes": 1, "created_at": 0,
                                   "filename": "in.jsonl", "purpose": "batch", "status": "processed"})
            case "GET", ["files", id_, "content"]:
                return Answer(self.files[id_])
            case "POST", ["batches"]:
                return self._json(self.create(call.body))
            case "GET", ["batches"]:
                newest = [self._shown(batch) for batch in reversed(self.batches.values())]
                return self._json({"object": "list", "data": newest, "has_more": False})
            case "GET", ["batches", id_] if id_ in self.batches:
                return self._json(self._look(self.batches[id_]))
        return error("no such thing", 404)

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        lines = [msgspec.json.decode(line) for line in self.files[asked["input_file_id"]].splitlines()]
        assert asked["endpoint"] == "/v1/chat/completions" == lines[0]["url"]
        self.submitted.append([line["body"]["messages"][-1]["content"] for line in lines])
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        batch = {"id": f"batch_{len(self.batches)}", "object": "batch", "endpoint": asked["endpoint"], "status": "validating",
                 "input_file_id": asked["input_file_id"], "completion_window": "24h", "metadata": asked.get("metadata"),
                 "created_at": int(time.time()), "left": [*self.states, end], "lines": lines}
        self.batches[batch["id"]] = batch
        return self._shown(batch)

    def _look(self, batch: dict[str, Any]) -> dict[str, Any]:
        batch["status"] = batch["left"].pop(0) if batch["left"] else batch["status"]
        if batch["status"] == "failed":
            batch["errors"] = {"object": "list", "data": self.flaws}
        elif not batch["left"] and "output_file_id" not in batch:
            self._finish(batch)
        return self._shown(batch)

    def _finish(self, batch: dict[str, Any]) -> None:
        good, bad = [], []
        for line in reversed(batch["lines"]):  # in no order that anybody may rely on
            said = self.says(line["body"])
            row: dict[str, Any] = {"id": "row", "custom_id": line["custom_id"], "response": None, "error": None}
            if said is None:
                row["error"] = {"code": "batch_expired", "message": "This request could not be executed in time."}
            else:
                row["response"] = {"status_code": said[0], "request_id": "r", "body": msgspec.Raw(said[1])}
            (good if said and said[0] == 200 else bad).append(msgspec.json.encode(row))
        batch["output_file_id"] = self._keep(b"\n".join(good)) if good else None
        batch["error_file_id"] = self._keep(b"\n".join(bad)) if bad else None

    def _keep(self, content: bytes) -> str:
        id_ = f"file-{len(self.files)}"
        self.files[id_] = content
        return id_

    @staticmethod
    def _shown(batch: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in batch.items() if name not in ("left", "lines")}

    @staticmethod
    def _json(value: Any) -> Answer:
        return Answer(msgspec.json.encode(value), headers={})


def _uploaded(call: Call) -> bytes:
    """The file of a multipart form."""
    boundary = b"--" + call.headers["content-type"].partition("boundary=")[2].encode()
    part = next(part for part in call.raw.split(boundary) if b'name="file"' in part)
    return part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
