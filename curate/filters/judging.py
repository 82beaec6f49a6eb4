"""A judge's word on records that the patterns let pass: one request a record, answered with one of a few names.

The judge sees the last question, its input or evidence, and the answer. What it says beyond the names it may use, or
cannot be read, changes nothing: a filter that rejects what a model did not understand would reject good records. A
judge that finds the same fault in nearly everything is noticed and said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator

import msgspec

from curate.filters.exchange import Exchange, exchanges
from seedbed.chat import Complete, Request
from seedbed.context import Context
from seedbed.prompts import load
from seedbed.record import Record
from seedbed.text import language, length

_TOKENS = 120
_SPENT = 30  # tokens of a verdict, measured with the embedded teacher
_SHOWN = 4000  # characters of each part: a judge with a small window must see the question too
_SAME, _ENOUGH = 0.8, 20  # share of equal faults, among so many verdicts, at which a judge tells nothing
NONE, UNREAD = "none", "unread"


class Verdict(msgspec.Struct):
    """The judge's: the reason first, for what is written before a verdict bears on it."""

    fault: str
    why: str = ""


def judged(
    records: Iterable[Record], prompt: str, names: tuple[str, ...], stage: str, context: Context,
    verdicts: Counter[str], *, silent: bool = False,
) -> Iterator[Record]:
    """Every record, in order; one in which the judge finds a fault of `names` is rejected with that name.

    Records that are rejected already, or have no exchange, are not asked about. `verdicts` counts what was said. With
    `silent` the judge's words, which may quote the record, are kept out of the rejection.
    """
    complete, loop = context.teacher("judge")
    works = (_verdict(complete, record, prompt, names, context) for record in records)
    for record, verdict in loop.in_order(works, context.width):
        if verdict is None:
            yield record
            continue
        verdicts[verdict.fault] += 1
        if verdict.fault in names:
            why = "the judge finds it" if silent else f"the judge: {verdict.why[:200]}"
            record = record.reject(stage, verdict.fault, why)
        yield record
    _doubt(verdicts, context)


def estimate(records: Iterable[Record], prompt: str) -> tuple[int, int, int]:
    """Calls, prompt and completion tokens, at most: seedbed's tokens, with a third more for what a model's own are."""
    count = said = 0
    for record in records:
        if record.messages:
            count += 1
            said += sum(length(message.content[:_SHOWN]) for message in record.messages[-2:]) + length(record.input)
    shown = max(length(load(lang, prompt).text) for lang in ("en", "zh"))
    return count, int((count * shown + said) * 4 / 3), count * _SPENT


def _verdict(
    complete: Complete, record: Record, prompt: str, names: tuple[str, ...], context: Context
) -> Coroutine[None, None, tuple[Record, Verdict | None]]:
    async def ask() -> tuple[Record, Verdict | None]:
        last = None if record.rejection else next((e for e in reversed([*exchanges(record)]) if e.asked), None)
        if last is None:
            return record, None
        reply = await complete(_request(last, prompt, names, context))
        return record, read(reply.text, names)

    return ask()


def _request(exchange: Exchange, prompt: str, names: tuple[str, ...], context: Context) -> Request:
    lang = "zh" if language(f"{exchange.question} {exchange.answer}") in ("zh", "mixed") else "en"
    given = "\n".join(filter(str.strip, (exchange.given, exchange.evidence)))
    parts = {"question": exchange.question, "input": given or "-", "answer": exchange.answer}
    shown = {name: text[:_SHOWN].replace("<|", "< |") for name, text in parts.items()}
    schema = {
        "type": "object",
        "properties": {"why": {"type": "string", "maxLength": 160}, "fault": {"enum": [NONE, *names]}},
        "required": ["why", "fault"],
        "additionalProperties": False,
    }
    messages = load(lang, prompt, context.prompts).messages(**shown)
    return Request(messages=messages, max_tokens=_TOKENS, temperature=0.0, schema=schema)


_OBJECT = re.compile(r"\{.*\}", re.S)


def read(text: str, names: tuple[str, ...]) -> Verdict:
    """The verdict in a reply; `unread` where it holds none, or a name that was not offered."""
    found = _OBJECT.search(text)
    try:
        verdict = msgspec.json.decode(found.group() if found else "", type=Verdict)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return Verdict(UNREAD)
    return verdict if verdict.fault in (NONE, *names) else Verdict(UNREAD)


def _doubt(verdicts: Counter[str], context: Context) -> None:
    total = verdicts.total()
    for name, count in verdicts.most_common(1):
        if total >= _ENOUGH and name != NONE and count >= _SAME * total:
            what = "could not be read" if name == UNREAD else f"said {name!r}"
            context.progress.say(f"the judge {what} for {count} of {total} records: do not trust it, name a larger one")
