from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from datagen.teacher.journal import Journal, canonical, key_of
from seedbed.chat import Reply, Request
from seedbed.errors import RunError
from seedbed.record import Message


def request(text: str, **changes: object) -> Request:
    return Request(messages=(Message("user", text),), **changes)  # type: ignore[arg-type]


def store(journal: Journal, text: str, answer: str) -> str:
    asked = canonical("m", request(text))
    key = key_of(asked)
    reply = Reply(text=answer, prompt_tokens=10, completion_tokens=5, key=key, money=0.5)
    asyncio.run(journal.put(asked, reply, 0.2))
    return key


def test_everything_that_decides_a_reply_is_in_the_key() -> None:
    base = request("什么是互斥锁？")
    others = [
        request("什么是互斥锁"),
        request("什么是互斥锁？", sample=1),
        request("什么是互斥锁？", temperature=0.0),
        request("什么是互斥锁？", max_tokens=10),
        request("什么是互斥锁？", schema={"type": "object"}),
        Request(messages=(Message("system", "什么是互斥锁？"),)),
    ]
    keys = {key_of(canonical("m", r)) for r in (base, *others)}
    keys |= {key_of(canonical("other", base)), key_of(canonical("m", base, {"top_k": 5}))}
    assert len(keys) == 9
    assert key_of(canonical("m", base)) == key_of(canonical("m", request("什么是互斥锁？")))


def test_a_call_can_be_shown_again(journal: Journal) -> None:
    key = store(journal, "What does a mutex guard?", "The queue 队列.")
    row = journal.row(key)
    assert row is not None and row.reply.text == "The queue 队列." and row.tokens == 15 and row.seconds == 0.2
    asked = journal.request(key)
    assert asked is not None and asked["messages"] == [{"role": "user", "content": "What does a mutex guard?"}]
    assert journal.row("0" * 32) is None


def test_the_first_reply_to_a_call_stays(journal: Journal) -> None:
    key = store(journal, "hello", "first")
    store(journal, "hello", "second")
    reply = journal.get(key)
    assert reply is not None and reply.text == "first"
    assert journal.spent() == (1, 15, 0.5)


def test_survives_being_opened_again_and_read_while_open(journal: Journal) -> None:
    key = store(journal, "hello", "world")
    with Journal(journal.path, read_only=True) as reading:
        reply = reading.get(key)
    assert reply is not None and reply.text == "world"


def test_many_at_once_are_all_committed(journal: Journal) -> None:
    async def all_at_once() -> None:
        async def one(number: int) -> None:
            asked = canonical("m", request(f"问题 {number}"))
            await journal.put(asked, Reply(text=str(number), key=key_of(asked)), 0.0)

        await asyncio.gather(*(one(number) for number in range(600)))

    asyncio.run(all_at_once())
    with sqlite3.connect(journal.path) as other:
        assert other.execute("SELECT COUNT(*) FROM calls").fetchone() == (600,)


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"SQLite format 3\x00" + b"\xff" * 5_000])
def test_a_damaged_file_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(content)
    with pytest.raises(RunError, match="journal.sqlite: .*damaged.*Move it away"):
        Journal(path)
    assert path.read_bytes() == content


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(RunError, match="another program's database"):
        Journal(path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be used"):
        Journal(tmp_path / "missing" / "journal.sqlite")
