"""Replies as teachers really write them, whole and broken, in both languages."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest

from seedbed.chat import Reply, Request
from seedbed.parse import Parsed, ask, evasion, parse, schema_of, strip_thoughts
from seedbed.record import Message


class QA(msgspec.Struct):
    question: str
    answer: str
    evidence: list[int] = []


class Pairs(msgspec.Struct):
    pairs: list[QA]


EN = '{"question": "What does a mutex guard?", "answer": "The queue.", "evidence": [1, 2]}'
ZH = '{"question": "互斥锁保护什么？", "answer": "保护队列。", "evidence": [3]}'


def read(text: str, type_: type[Any] = QA, finish: str = "stop", **options: bool) -> Parsed[Any]:
    return parse(Reply(text=text, finish=finish, key="k1"), type_, **options)


@pytest.mark.parametrize(
    "text",
    [
        EN,
        f"```json\n{EN}\n```",
        f"```\n{EN}\n```\nLet me know if you need more!",
        f"Sure! Here is the pair:\n\n{EN}\n\nI hope this helps.",
        f'<think>The passage says {{"question": "x"}} … so.</think>\n{EN}',
        f"I reason without an opening tag.</think>{EN}",
        f"Given the set {{a, b}} of locks: {EN}",
        f"First I drafted\n```json\n{{\"draft\": 1}}\n```\nand then\n```json\n{EN}\n```",
    ],
)
def test_wrapping_is_taken_off(text: str) -> None:
    found = read(text)
    assert found.value == QA("What does a mutex guard?", "The queue.", [1, 2])
    assert (found.repaired, found.raw, found.calls) == ("", text, ("k1",))


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        (ZH[:-1], "JSON mended"),
        (ZH.replace("[3]", "[3,]"), "JSON mended"),
        (ZH.replace('"', "'"), "JSON mended"),
        ("{question: '互斥锁保护什么？', answer: '保护队列。', evidence: [3]}", "JSON mended"),
        ("{“question”：“互斥锁保护什么？”，“answer”：“保护队列。”，“evidence”：[3]}", "JSON mended"),
        (f"```json\n{ZH},\n```", ""),
        (f"[{ZH}]", "unwrapped"),
        (f'{{"result": {ZH}}}', "unwrapped"),
        (ZH.replace("[3]", '["3"]'), "types"),
    ],
)
def test_slips_are_mended_and_noted(text: str, repaired: str) -> None:
    found = read(text)
    assert found.value == QA("互斥锁保护什么？", "保护队列。", [3])
    assert found.repaired == repaired


@pytest.mark.parametrize("said", [r"Run `find . -exec c \;`.", r"在 emacs 里写成 `\&`，分组写成 `\(a\)`。"])
def test_an_escape_that_json_does_not_know_stays_as_it_is(said: str) -> None:
    parsed = parse(Reply(text=f'{{"answer": "{said}"}}'), dict[str, str])
    assert parsed.value == {"answer": said} and parsed.repaired == "JSON mended"


def test_line_breaks_and_quotes_inside_strings_stay() -> None:
    found = read('{"question": "Why?", "answer": "Run:\n```bash\nls {a,b}\n```\nthen stop."}')
    assert found.value is not None and found.value.answer == "Run:\n```bash\nls {a,b}\n```\nthen stop."
    found = read('{"question": "为什么？", "answer": "因为“锁”：一种[同步]机制，很重要。"}')
    assert found.value is not None and found.value.answer == "因为“锁”：一种[同步]机制，很重要。"


@pytest.mark.parametrize(
    ("text", "finish", "reason", "detail"),
    [
        ("", "empty", "empty", "the reply is empty"),
        ("  \n", "stop", "empty", "the reply is empty"),
        ("<think>让我想想……", "stop", "empty", "the reply is empty"),
        ("<think>Let me see", "length", "cut", "all thoughts"),
        ("A mutex guards the queue.", "stop", "not_json", "holds no JSON"),
        ("互斥锁保护队列。", "stop", "not_json", "holds no JSON"),
        ("[" * 20_000, "stop", "not_json", "never close"),
        ("{" * 20_000, "stop", "not_json", "never close"),
        ("]{[}", "stop", "not_json", "cannot be mended"),
        ('{"question": "什么？"}', "stop", "wrong_shape", "missing required field `answer`"),
        ('{"question": "What?", "answer": 4}', "stop", "wrong_shape", r"Expected `str`.*answer"),
        (ZH, "length", "cut", "token limit"),
        (EN[:60], "length", "cut", "token limit"),
        (EN[:60], "stop", "cut", "middle of a string"),
        (ZH[:20], "stop", "cut", "middle of a string"),
        ("I'm sorry, but I can't help with that.", "stop", "refused", "i'm sorry, but i"),
        ("I’m sorry, but I can’t help with that.", "stop", "refused", "i'm sorry, but i"),
        ("抱歉，我无法根据该段落生成问题。", "stop", "refused", "抱歉,我无法"),
        ("作为一个AI语言模型，我没有个人观点。", "stop", "refused", "作为一个ai语言"),
        ("partial", "content_filter", "refused", "content filter"),
        ("", "error: 400: context too long", "bad_request", "^400: context too long"),
    ],
)
def test_every_failure_has_its_reason(text: str, finish: str, reason: str, detail: str) -> None:
    found = read(text, finish=finish)
    assert found.value is None and found.reason == reason
    with pytest.raises(AssertionError, match=detail):
        raise AssertionError(found.detail)


def test_half_an_emoji_cannot_break_a_file_later() -> None:
    found = read('{"question": "\\ud83d ok?", "answer": "\\ud83d\\ude00"}')
    assert found.value == QA("\ufffd ok?", "😀")
    msgspec.json.encode(found.value)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f'{{"pairs": [{EN}, {ZH}', 2),
        (f'{{"pairs": [{EN}, {ZH},', 2),
        (f'{{"pairs": [{EN}, {ZH}, {{"question": "What else", "ans', 2),
        (f'```json\n{{"pairs": [{EN}, {{"question": "含有 ] 和 }} 的', 1),
        (f'<think>hm</think>{{"pairs": [{EN}, {ZH}]', 2),
        (f'{{"pairs": [{EN}, {{"question": "escaped \\" quote, [1', 1),
    ],
)
def test_whole_items_before_a_cut_are_kept_only_when_asked_for(text: str, kept: int) -> None:
    assert read(text, Pairs, "length").reason == "cut"
    found = read(text, Pairs, "length", keep_whole_items=True)
    assert found.value is not None and len(found.value.pairs) == kept
    assert found.repaired == "cut; whole items kept"


@pytest.mark.parametrize("text", ['{"pairs": [{"question": "What', '{"pairs": ', "Sure, here", f'{{"other": [{EN}'])
def test_without_one_whole_item_a_cut_reply_is_cut(text: str) -> None:
    found = read(text, Pairs, "length", keep_whole_items=True)
    assert (found.value, found.reason) == (None, "cut")


def test_a_number_before_a_cut_may_be_half_a_number() -> None:
    found = read("[12, 34, 5", list[int], "length", keep_whole_items=True)
    assert found.value == [12, 34]


class Teacher:
    """Gives the replies in turn and keeps the requests."""

    model = "test"

    def __init__(self, *replies: Reply) -> None:
        self.replies, self.requests = list(replies), list[Request]()

    async def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.replies.pop(0)


def asked(teacher: Teacher, text: str) -> Parsed[QA]:
    return asyncio.run(ask(teacher, Request(messages=(Message("user", text),)), QA))


@pytest.mark.parametrize(
    ("question", "marks"),
    [("Write one question about the mutex.", "could not be used"), ("请就互斥锁写一个问题。", "无法使用")],
)
def test_asks_once_more_and_shows_the_error(question: str, marks: str) -> None:
    teacher = Teacher(Reply(text='{"question": "Q?"}', key="a"), Reply(text=ZH, key="b"))
    found = asked(teacher, question)
    assert found.value is not None and found.calls == ("a", "b")
    first, second = teacher.requests
    assert [m.role for m in second.messages] == ["user", "assistant", "user"]
    assert second.messages[:2] == (*first.messages, Message("assistant", '{"question": "Q?"}'))
    assert marks in second.messages[2].content and "missing required field `answer`" in second.messages[2].content
    assert first.schema == second.schema == schema_of(QA)


def test_gives_up_after_the_second_reply_and_keeps_it() -> None:
    teacher = Teacher(Reply(text="prose", key="a"), Reply(text="还是文字", key="b"))
    found = asked(teacher, "Write one question.")
    assert (found.value, found.reason, found.raw, found.calls) == (None, "not_json", "还是文字", ("a", "b"))


def test_an_empty_reply_is_asked_again_without_an_empty_turn() -> None:
    teacher = Teacher(Reply(text="", finish="empty", key="a"), Reply(text=EN, key="b"))
    assert asked(teacher, "Write one question.").value is not None
    (message,) = teacher.requests[1].messages
    assert message.content.startswith("Write one question.\n\n") and "the reply is empty" in message.content


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(text=EN[:40], finish="length"), "cut"),
        (Reply(text="抱歉，我无法回答。"), "refused"),
        (Reply(text="", finish="error: 400: too long"), "bad_request"),
    ],
)
def test_what_would_come_out_the_same_is_not_asked_again(reply: Reply, reason: str) -> None:
    teacher = Teacher(reply)
    assert asked(teacher, "Write one question.").reason == reason


def test_a_schema_has_no_references_and_takes_no_other_properties() -> None:
    schema = schema_of(Pairs)
    assert "$ref" not in json.dumps(schema)
    assert schema["properties"]["pairs"]["items"]["properties"]["evidence"]["items"] == {"type": "integer"}
    assert schema["additionalProperties"] is schema["properties"]["pairs"]["items"]["additionalProperties"] is False


def test_thoughts_are_stripped() -> None:
    assert strip_thoughts("<think>a</think>b<thinking>c</thinking>d") == "bd"
    assert strip_thoughts("先想 <b>粗体</b>。") == "先想 <b>粗体</b>。"


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("As an AI language model, I have no opinion.", "as an ai language model"),
        ("对不起，我不能回答这个问题。", "对不起,我不能"),
        ("The lock cannot be taken twice.", ""),
        ("如果队列为空，线程无法继续。", ""),
        ("作为AI工程师，他维护锁。", ""),
        ("Alaska has an airport.", ""),
    ],
)
def test_evasions_are_told_from_plain_negations(text: str, phrase: str) -> None:
    assert evasion(text) == phrase
