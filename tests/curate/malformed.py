"""What data sets hold that nobody wrote on purpose: rows and records of every malformed kind, in both languages."""

from __future__ import annotations

from seedbed.record import Message, Record, chat, make

U, A, S, T = "user", "assistant", "system", "tool"


def odd_records(long: int = 20_000) -> list[Record]:
    """Records that a reader lets in, or that an earlier version did, and that every curator must pass or reject.

    `long` is the size of the longest field, in characters.
    """

    def turns(*said: tuple[str, str], **fields: object) -> Record:
        return make(messages=tuple(Message(role, text) for role, text in said), **fields)  # type: ignore[arg-type]

    return [
        turns((U, "")), turns((U, ""), (A, "")), turns((U, " \n\t"), (A, "　")),
        turns((U, "问题一"), (U, "问题二"), (A, "回答。")), turns((U, "First."), (U, "Second."), (A, "Answer.")),
        turns((U, "只有问题？")), turns((A, "只有回答。")), turns((S, "Only a system turn.")),
        turns((U, "a"), (A, "b"), (U, "no answer comes")), turns((A, "first"), (U, "then"), (A, "last")),
        turns((U, "call"), (A, ""), (T, "结果 result"), (A, "done")), turns((T, "only a tool")),
        turns((A, "an answer"), input="to an input alone"), turns((S, "x"), input="只有输入"),
        make(), make(text=""), make(text=" \n"), make(input="only an input"),
        make(text="\x00\x01\x7f\u200b\ufeff"), make(text="�" * 50), make(text="𝔘𝔫𝔦 👨‍👩‍👧 ﷽ \u202e"),
        chat("?", "!"), chat("。", "，"), chat("0" * 300, "1" * 300), chat("的" * 300, "的" * 300),
        chat("word " * (long // 5), "长" * long), make(text="x" * long), make(text="<b>" * (long // 30)),
        make(text="`" * 500 + "$" * 501), make(text="[" * 2_000), chat("((((" * 200, "|" * 900 + "\n" * 900),
        chat("q", "a", rejected=Message("assistant", "")), chat("问", "答", rejected=Message("assistant", "答")),
        make(rejected=Message("assistant", "only a rejected answer")),
        chat("q", "a", extra={"x": [None, {"y": 1.5}]}, labels={"": ""}, scores={"s": -0.0}, language="xx"),
    ]  # fmt: skip
