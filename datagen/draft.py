"""One passage's talk with the teacher: key points with their questions, an answer for each, then a check of each.

All requests about a passage begin with the same words (system, then the numbered sentences), so that an endpoint with
a prompt cache reads the passage once. A key point is the NUMBER of the sentence that states it, because a small model
asked to copy its evidence misses the exact text in 22 to over 50 % of cases; its question comes with it as JSON, held
to the form of its kind. Answers are plain text: a small model writes worse prose inside JSON (both measured).

A number in range can still be the wrong one. So the numbers only propose: the evidence of a record is those of the
cited sentences that carry the answer, and where words of it are missing there, the sentences of the passage that have
them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import msgspec

from datagen import kinds, verify
from datagen.parse import Parsed, ask, evasion, strip_thoughts
from datagen.passages import Brief, Passage, Slot, Span, draw_slots
from datagen.verify import Fault
from seedbed.chat import Complete, Reply, Request
from seedbed.prompts import Prompt
from seedbed.record import Evidence, Message, Record, Step, make

# Kinds that show in a sentence: a "Why …?" asked of a sentence without a reason gets one that is made up. (Asked of
# how_to and compare too, this threw away as many good pairs as bad ones.)
_SHOWN = ("why",)
# An answer rests on at most this many sentences; more is a summary of the section.
_MOST_SENTENCES = 3


class _Drawn(msgspec.Struct):
    """One question in the teacher's reply, with the number (from 1) of its sentence, or a quote of it."""

    sentence: int | str
    question: str


class _Questions(msgspec.Struct):
    questions: list[_Drawn]


@dataclass
class _Draft:
    """A pair on its way: what was asked and said so far, and by which calls."""

    passage: Passage
    slot: Slot
    complete: Complete
    brief: Brief
    question: str = ""
    answer: str = ""
    raw: str = ""
    sure: float | None = None
    asked_of: list[Span] = field(default_factory=list)
    cited: list[Span] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def ask(self, request: Request) -> Reply:
        reply = await self.complete(request)
        self.calls.append(reply.key)
        self.raw = reply.text
        return reply


async def wave(passage: Passage, count: int, complete: Complete, brief: Brief) -> list[Record]:
    """`count` new pairs about a passage: records, or records that bear the reason why not."""
    slots = draw_slots(passage, count, brief)
    if not slots:
        return [_carries_nothing(passage)]
    drawn = await _draw_questions(passage, slots, complete, brief)
    if not drawn.value or not drawn.value.questions:
        return [_failed(passage, drawn, complete, brief)]
    records = []
    for slot, item in zip(slots, drawn.value.questions, strict=False):
        work = _Draft(passage, slot, complete, brief, calls=list(drawn.calls))
        fault = _take_question(work, item)
        if fault is None:
            fault = await _answer(work) or await _check(work)
        passage.asked.append(work.question)
        records.append(_record(work, fault))
    return records


async def _draw_questions(passage: Passage, slots: list[Slot], complete: Complete, brief: Brief) -> Parsed[_Questions]:
    language = passage.language
    wanted = []
    for slot in slots:
        level = "" if slot.level == "basic" else " " + brief.line(language, slot.level)
        numbers = ", ".join(f"[{i}]" for i in slot.among)
        wanted.append(f"{numbers} {brief.line(language, slot.kind)}{level}")
    avoid = brief.prompt(language, "avoid").render(asked=" / ".join(passage.asked)) if passage.asked else ""
    task = brief.prompt(language, "questions").render(
        count=str(len(slots)), kinds="\n".join(wanted), name=brief.name or passage.headings[0], avoid=avoid
    )
    request = Request(
        messages=_about_passage(passage, task, brief),
        max_tokens=90 * len(slots) + 60,
        temperature=0.4,
        sample=passage.waves,
        schema=_schema(slots, language),
    )
    return await ask(complete, request, _Questions, keep_whole_items=True)


def _take_question(work: _Draft, item: _Drawn) -> Fault | None:
    """The drawn question, tidied, with the sentence that it is about; or what is wrong with it."""
    passage, language = work.passage, work.passage.language
    work.question = _tidy(item.question)
    title, heading = passage.headings
    context = f"{title} {heading} {work.brief.about}"
    if fault := verify.question_fault(work.question, passage.text, language, context):
        return fault
    span = _resolve(item.sentence, passage)
    cited = passage.spans.index(span) if span else None
    point = verify.point_of(
        work.question, [passage.text[a:b] for a, b in passage.spans], cited, work.brief.name, language
    )
    if point is None:
        return Fault("off_point", "no sentence of the passage has half of its content words")
    work.cited = work.asked_of = [passage.spans[point]]
    kind = kinds.recognise(work.question, language, work.slot.kind)
    if kind in _SHOWN and kind not in kinds.carried(passage.joined(work.asked_of), language):
        return Fault("off_point", f"the sentence that it is about gives nothing for a question of the kind {kind}")
    return None


async def _answer(work: _Draft) -> Fault | None:
    """Asks for the answer; once more afresh when it fails a check; a bare copy is sent back to be put in other words.

    The second try is a fresh sample and no talk about the fault: a small model answers the complaint instead of the
    question (seen in most such replies of the 1.5B teacher).
    """
    brief, passage = work.brief, work.passage
    request = Request(messages=_answer_messages(work), max_tokens=brief.max_tokens, temperature=0.2)
    fault: Fault | None = None
    for sample, temperature in enumerate((0.2, brief.temperature)):
        reply = await work.ask(msgspec.structs.replace(request, sample=sample, temperature=temperature))
        text, fault = plain(reply)
        text, cited = _citations(_without_question(text), passage)
        work.answer = text
        fault = fault or _judge_answer(work, cited)
        if fault and fault.reason == "copied_answer":
            fault = await _rephrase(work)
        if fault is None:
            return None
    return fault


def _judge_answer(work: _Draft, cited: list[Span]) -> Fault | None:
    """The checks of `verify` on the answer, against the evidence that is then kept."""
    passage, language = work.passage, work.passage.language
    title, heading = passage.headings
    names = f"{title} {heading} {work.brief.about}"
    sentences_ = [passage.text[a:b] for a, b in passage.spans]
    proposed = [passage.spans.index(span) for span in dict.fromkeys([*work.asked_of, *cited])]
    chosen = verify.carriers(work.answer, sentences_, proposed, language, _MOST_SENTENCES)
    work.cited = [passage.spans[i] for i in chosen]
    fault = verify.answer_fault(work.question, work.answer, passage.joined(work.cited), language, names)
    kind = kinds.recognise(work.question, language, work.slot.kind)
    point = passage.joined(work.asked_of)
    return (
        fault
        or verify.kind_fault(kind, work.question, work.answer)
        or verify.point_fault(work.question, work.answer, point, language)
    )


async def _rephrase(work: _Draft) -> Fault | None:
    prompt = work.brief.prompt(work.passage.language, "rephrase")
    messages = _messages(prompt, question=work.question, answer=work.answer)
    text, fault = plain(await work.ask(Request(messages=messages, max_tokens=work.brief.max_tokens, temperature=0.7)))
    text = _REWRITTEN.split(text)[-1].strip()  # some say the old answer first
    work.answer = text
    title, heading = work.passage.headings
    # Other words are what was asked for: fewer of them need to be those of the evidence.
    return fault or verify.answer_fault(
        work.question,
        text,
        work.passage.joined(work.cited),
        work.passage.language,
        f"{title} {heading} {work.brief.about}",
        verify.REPHRASED_SUPPORT,
    )


async def _check(work: _Draft) -> Fault | None:
    """The teacher reads its pair again, beside the passage: is it sensible and right? Off when `sure` is 0.

    Where the endpoint gives token probabilities, the answer is P(yes) and `sure` the least of it; else the word. The
    talk goes on where the answer ended, so that a prompt cache has read nearly all of it.
    """
    brief, passage = work.brief, work.passage
    if not brief.sure:
        return None
    ask_ = brief.prompt(passage.language, "check").render()
    messages = (*_answer_messages(work), Message("assistant", work.answer), Message("user", ask_))
    raw = work.raw
    reply = await work.ask(Request(messages=messages, max_tokens=2, temperature=0.0, logprobs=True))
    work.raw = raw
    work.sure = verify.yes(reply, passage.language)
    if work.sure < brief.sure:
        return Fault(
            "doubtful", f"the teacher, reading it beside the passage, is {work.sure:.0%} sure that it is right"
        )
    return None


def _answer_messages(work: _Draft) -> tuple[Message, ...]:
    numbers = "".join(f"[{work.passage.spans.index(span) + 1}]" for span in work.asked_of)
    task = work.brief.prompt(work.passage.language, "answer").render(question=work.question, numbers=numbers)
    return _about_passage(work.passage, task, work.brief)


_LABEL = re.compile(r"^\W{0,3}(?:question|answer|q|a|问题|问|答案|回答|答)\W{0,3}[:：]\W{0,3}\s*", re.I)
_REWRITTEN = re.compile(r"(?:^|\n)\W*(?:rewritten|rephrased|改写)[^:：\n]{0,12}[:：]", re.I)
_QUOTES = {('"', '"'), ("“", "”"), ("「", "」"), ("'", "'")}


def plain(reply: Reply) -> tuple[str, Fault | None]:
    """A reply as plain text: thoughts, a label ("Answer:"), a fence or quotes around it taken off."""
    text = strip_thoughts(reply.text)
    if reply.finish == "length":
        return text, Fault("cut", "the reply stopped at the token limit")
    if reply.finish.startswith("error"):
        return text, Fault("bad_request", reply.finish)
    text = _tidy(text)
    if not text:
        return text, Fault("empty", "the reply is empty")
    if phrase := evasion(text[:160]):
        return text, Fault("refused", f"the reply evades: {phrase}")
    return text, None


def _tidy(text: str) -> str:
    text = _LABEL.sub("", text.strip())
    if len(text) > 2 and (text[0], text[-1]) in _QUOTES:
        text = text[1:-1].strip()
    return text


def _without_question(text: str) -> str:
    """An answer without the sentence numbers, and without the question repeated, at its beginning."""
    text = re.sub(r"^(?:\s*\[\d+\])+\s*", "", text)
    repeated = re.match(r"[^。.!！?？\n]{4,120}[?？]\s*(?=\S)", text)
    return text[repeated.end() :] if repeated else text


_CITED = re.compile(r"(?:[\[［【(（]\s*(\d{1,3}(?:\s*[,，、\-–]\s*\d{1,3})*)\s*[\]］】)）][\s,，、和]*)+[.。]?\s*$")


def _citations(text: str, passage: Passage) -> tuple[str, list[Span]]:
    """The answer without the numbers at its end, and the sentences that they name."""
    found = _CITED.search(text)
    if not found:
        return text, []
    numbers = [int(n) for n in re.findall(r"\d+", found.group())]
    spans = [passage.spans[n - 1] for n in numbers if 1 <= n <= len(passage.spans)]
    return text[: found.start()].rstrip(), spans


def _resolve(mark: int | str, passage: Passage) -> Span | None:
    """A sentence number, or a quote, as the span of a sentence; None when it names none."""
    if isinstance(mark, int) or mark.strip("[] ").isdecimal():
        number = int(str(mark).strip("[] "))
        return passage.spans[number - 1] if 1 <= number <= len(passage.spans) else None
    found = verify.align(mark, passage.text)
    return next((s for s in passage.spans if found and s[0] <= found[0] < s[1]), None)


def _record(work: _Draft, fault: Fault | None) -> Record:
    record, language, brief = work.passage.record, work.passage.language, work.brief
    turns = [Message("user", work.question)] if work.question else []
    turns += [Message("assistant", work.answer)] if work.answer else []
    base = record.source.start or 0 if record.source else 0
    evidence = tuple(Evidence(work.passage.text[a:b], base + a, base + b) for a, b in sorted(work.cited))
    step = Step(
        stage="doc_qa",
        operation="answer" if work.answer else "question",
        parents=(record.id,),
        prompt=brief.prompt(language, "answer" if work.answer else "questions").label,
        teacher=work.complete.model,
        calls=tuple(key for key in work.calls if key),
    )
    kind = kinds.recognise(work.question, language, work.slot.kind)
    made = make(
        messages=tuple(turns),
        source=record.source,
        evidence=evidence,
        language=language,
        task="doc_qa",
        history=(step,),
        labels={"kind": kind, "level": work.slot.level},
        scores={} if work.sure is None else {"sure": round(work.sure, 4)},
        extra={"raw": work.raw} if fault else {},
    )
    return made.reject("doc_qa", fault.reason, fault.detail) if fault else made


def _failed(passage: Passage, reply: Parsed[_Questions], complete: Complete, brief: Brief) -> Record:
    """The record of a reply that held no questions."""
    step = Step(
        stage="doc_qa",
        operation="question",
        parents=(passage.record.id,),
        prompt=brief.prompt(passage.language, "questions").label,
        teacher=complete.model,
        calls=reply.calls,
    )
    record = make(
        source=passage.record.source,
        language=passage.language,
        task="doc_qa",
        history=(step,),
        extra={"raw": reply.raw, "wave": passage.waves},
    )
    return record.reject("doc_qa", reply.reason or "no_questions", reply.detail or "the reply holds no question")


def _carries_nothing(passage: Passage) -> Record:
    """The record of a passage that has no sentence to ask about: no figure, name, reason, comparison or fault."""
    step = Step(stage="doc_qa", operation="question", parents=(passage.record.id,))
    record = make(
        text=passage.text, source=passage.record.source, language=passage.language, task="doc_qa", history=(step,)
    )
    return record.reject(
        "doc_qa", "carries_nothing", "no sentence gives a figure, a name, a reason, a comparison or a fault"
    )


def _schema(slots: list[Slot], language: str) -> dict[str, object]:
    """The shape of the questions: one item a slot, in order, with the sentence numbers that carry its kind.

    The pattern of each question holds it to its kind's form and to a length. Without it a small model fills the string
    with a statement of the passage (one in five Chinese ones, algorithms of the field's tools) or rambles to the limit.
    """
    items = [
        {
            "type": "object",
            "properties": {
                "sentence": {"type": "integer", "enum": list(slot.among)},
                "question": {"type": "string", "pattern": kinds.pattern(slot.kind, language)},
            },
            "required": ["sentence", "question"],
            "additionalProperties": False,
        }
        for slot in slots
    ]
    array = {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    return {
        "type": "object",
        "properties": {"questions": array},
        "required": ["questions"],
        "additionalProperties": False,
    }


def _about_passage(passage: Passage, task: str, brief: Brief) -> tuple[Message, ...]:
    """The passage first, the task behind it: the same beginning for every request about it."""
    title, heading = passage.headings
    prompt = brief.prompt(passage.language, "passage")
    system, user = _messages(
        prompt, about=brief.about or title, title=title, heading=heading, sentences=passage.numbered
    )
    return (system, Message("user", f"{user.content}\n\n{task.strip()}"))


def _messages(prompt: Prompt, **variables: str) -> tuple[Message, Message]:
    """A prompt file as two messages: above the line `---` the system's, below it the user's."""
    system, _, user = prompt.render(**variables).partition("\n---\n")
    return Message("system", system.strip()), Message("user", user.strip())
