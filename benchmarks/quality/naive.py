"""The plainest way from a passage to pairs, to compare with: one prompt, "write three pairs as JSON", all are kept.

It has every advantage that costs no check: a prompt in the language of the document, which says what the document is
about; the same tolerant reading of replies as everywhere in seedbed; the whole items of a reply that was cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from seedbed.chat import Request
from seedbed.context import Context
from seedbed.parse import parse
from seedbed.record import Message, Record, Step, make

# Each as it worked best: shown `{"question": "…", "answer": "…"}` in English, the 1.5B teacher took the dots for blanks
# and answered "x"; in Chinese it did not, and gave a readable reply to every passage.
_ASK = {
    "en": "Here is a passage from the documentation of {about}.\n\n{text}\n\nWrite three question-answer pairs about "
    'this passage, for training a model, as a JSON list of objects with the keys "question" and "answer".',
    "zh": "下面是{about}文档中的一段。\n\n{text}\n\n请根据这段内容写三个用于训练模型的问答对，以 JSON 回复："
    '[{{"question": "…", "answer": "…"}}, …]',
}


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """`about` is what the documents are about, `temperature` that of doc_qa."""

    about: str
    language: str
    temperature: float = 0.3
    max_tokens: int = 1024


class _Pair(msgspec.Struct):
    question: str
    answer: Any


def naive(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Passages in, every pair of every reply out; a reply that cannot be read bears the reason."""
    complete, loop = context.teacher()
    passages = list(records)
    works = (complete(_request(passage, options)) for passage in passages)
    replies = loop.in_order(works, context.width)
    for number, (passage, reply) in enumerate(zip(passages, replies, strict=True), 1):
        context.progress.update(number, len(passages))
        parsed = parse(reply, list[_Pair], keep_whole_items=True)
        step = Step(stage="naive", operation="pairs", parents=(passage.id,), teacher=complete.model, calls=(reply.key,))
        common = {"source": passage.source, "language": options.language, "history": (step,), "task": "naive"}
        if parsed.value is None:
            yield make(text=reply.text, **common).reject("naive", parsed.reason, parsed.detail)
            continue
        for pair in parsed.value:
            answer = pair.answer if isinstance(pair.answer, str) else msgspec.json.encode(pair.answer).decode()
            yield make(messages=(Message("user", pair.question), Message("assistant", answer)), **common)


def _request(passage: Record, options: Options) -> Request:
    asked = _ASK[options.language].format(about=options.about, text=passage.text)
    return Request(
        messages=(Message("user", asked),), max_tokens=options.max_tokens, temperature=options.temperature
    )
