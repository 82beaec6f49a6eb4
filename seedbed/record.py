"""The one shape in which data travels between stages.

A `Record` is a conversation, a preference pair or a piece of text, together with where it came from (`Source`), what
it rests on (`Evidence`) and everything that was done to it (`Step`). Records are immutable; a change makes a new one.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

Role = Literal["system", "user", "assistant", "tool"]


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn. `extra` keeps what a format had besides (a tool's name, tool calls), so that nothing is lost."""

    role: Role
    content: str
    extra: dict[str, Any] = {}

    @property
    def spoken(self) -> str:
        """The content with the steps that led to it before it, in the marks of reasoning models: for forms and
        templates that know no `reasoning_content`."""
        steps = self.extra.get("reasoning_content")
        return f"<think>\n{steps}\n</think>\n\n{self.content}" if steps else self.content


class Source(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where a record comes from.

    `start` and `end` are character offsets into the document's extracted text (kept beside the ingest stage), end
    exclusive; `page` counts from 1 and is None where a format has no pages; `line` counts from 1 in a data file.
    """

    document: str
    document_hash: str = ""
    page: int | None = None
    headings: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None
    line: int | None = None


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """A quote that an answer rests on: `document_text[start:end] == quote`, unless it is `masked`: then personal data
    was replaced in it, and the span tells where the document's own words stand."""

    quote: str
    start: int
    end: int
    masked: bool = False


class Step(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One event in a record's life: the stage, what it did, from which parents, with which prompt and calls.

    `prompt` is `name@hash`; `calls` are keys of the journal, so that the very request and reply can be shown.
    """

    stage: str
    operation: str
    parents: tuple[str, ...] = ()
    prompt: str = ""
    teacher: str = ""
    calls: tuple[str, ...] = ()
    note: str = ""


class Rejection(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a record was left out. `reason` is a short stable name; `detail` says it in words a user understands."""

    stage: str
    reason: str
    detail: str = ""
    match: str = ""
    score: float | None = None


class Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A training example, or the passage one is made from.

    chat:        `messages` ends with an assistant turn
    preference:  as chat, the last turn being the chosen answer, and `rejected` the other one
    text:        `text` alone (passages, continued pre-training)

    An Alpaca `input` stays apart in `input`, so that every format round-trips; `user_text` joins the two.
    Make records with `make`, change them with `revised`: both keep `id` true to the content.
    """

    id: str
    messages: tuple[Message, ...] = ()
    input: str = ""
    rejected: Message | None = None
    text: str = ""
    task: str = ""
    language: str = ""
    split: str = ""
    source: Source | None = None
    evidence: tuple[Evidence, ...] = ()
    history: tuple[Step, ...] = ()
    labels: dict[str, str] = {}
    scores: dict[str, float] = {}
    extra: dict[str, Any] = {}
    rejection: Rejection | None = None

    @property
    def instruction(self) -> str:
        """The first user turn, without the Alpaca input."""
        return next((m.content for m in self.messages if m.role == "user"), "")

    @property
    def answer(self) -> str:
        """The last assistant turn; empty for text records."""
        return self.messages[-1].content if self.messages and self.messages[-1].role == "assistant" else ""

    @property
    def user_text(self) -> str:
        """What the model is shown as the first user turn: instruction, blank line, input."""
        return f"{self.instruction}\n\n{self.input}" if self.input else self.instruction

    def turns(self) -> list[dict[str, str]]:
        """The conversation as chat templates take it, the input joined to the first user turn."""
        turns = [{"role": m.role, "content": m.spoken} for m in self.messages]
        first = next((t for t in turns if t["role"] == "user"), None)
        if first and self.input:
            first["content"] = self.user_text
        return turns

    def revised(self, step: Step, **changes: Any) -> Record:
        """A copy with `changes` and one more step of history; a new id when the content changed, the old as parent."""
        changed = msgspec.structs.replace(self, **changes)
        new_id = content_id(changed)
        if new_id != self.id and self.id not in step.parents:
            step = msgspec.structs.replace(step, parents=(*step.parents, self.id))
        return msgspec.structs.replace(changed, id=new_id, history=(*self.history, step))

    def reject(
        self, stage: str, reason: str, detail: str = "", *, match: str = "", score: float | None = None
    ) -> Record:
        """The same record, bearing the reason why it is left out."""
        return msgspec.structs.replace(self, rejection=Rejection(stage, reason, detail, match, score))


def make(**fields: Any) -> Record:
    """A record whose id is the hash of its content and of where it came from."""
    record = Record(id="", **fields)
    return msgspec.structs.replace(record, id=content_id(record))


def chat(instruction: str, answer: str, **fields: Any) -> Record:
    """The commonest record: one question, one answer."""
    return make(messages=(Message("user", instruction), Message("assistant", answer)), **fields)


def content_id(record: Record) -> str:
    """16 hex digits of BLAKE2b over content and place.

    The place is part of it so that two passages, or two rows, with the same words are two records and each can be
    shown; labels, scores and history are not, so that judging a record does not rename it.
    """
    source = record.source
    place = (source.document, source.start, source.end, source.line) if source else None
    content = msgspec.json.encode((record.messages, record.input, record.rejected, record.text, place))
    return hashlib.blake2b(content, digest_size=8).hexdigest()
