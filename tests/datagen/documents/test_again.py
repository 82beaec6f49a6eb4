"""A job run again after its documents changed: what is read anew, what is bought anew, and what is not."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from datagen.readers.worker import Worker
from datagen.teacher.journal import canonical, key_of
from datagen.teacher.scripted import Rule
from seedbed import config, jsonl
from seedbed.chat import Request
from seedbed.pipeline import Pipeline
from seedbed.record import Record, Source, chat, content_id, make
from tests.datagen import talking
from tests.datagen.generating import GENERATORS, Generator, Says, by, generate
from tests.datagen.teaching import BOTH, SENTENCES, knowing, numbered, point, run
from tests.tiny_job import PAIRS, PUMP, Pair, rules, write_job

VALVE = """# V9 valve

## Closing

The V9 valve closes within 12 seconds when the mains fail. The V9 valve carries a red tag until it has been tested.
The spring of the V9 valve is replaced after 900 strokes, because it loses a tenth of its force by then.
"""
阀 = """# V9 阀门

## 关闭

停电时，V9 阀门在 12 秒内关闭。V9 阀门在完成测试之前挂红色标牌。V9 阀门的弹簧动作 900 次后更换，因为那时它的弹力已经减弱一成。
"""
NEW = {
    "closing": [
        Pair("The V9 valve closes within 12 seconds when the mains fail.", "Within how many seconds does the V9 valve close?",
             "It closes within 12 seconds."),
        Pair("The spring of the V9 valve is replaced after 900 strokes, because it loses a tenth of its force by then.",
             "Why is the spring of the V9 valve replaced after 900 strokes?", "It loses a tenth of its force by then."),
    ],
    "关闭": [
        Pair("停电时，V9 阀门在 12 秒内关闭。", "停电时 V9 阀门在多少秒内关闭？", "V9 阀门在 12 秒内关闭。"),
        Pair("V9 阀门的弹簧动作 900 次后更换，因为那时它的弹力已经减弱一成。", "为什么 V9 阀门的弹簧动作 900 次后更换？",
             "因为它的弹力已经减弱一成。"),
    ],
}


class Job:
    """A tiny job that counts what each run of it reads and buys."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = write_job(folder, rules(PAIRS | NEW), curate=["exact"])
        self.docs, self.run_folder = folder / "docs", folder / "run"
        self.read: list[str] = []
        original = Worker.read
        monkeypatch.setattr(Worker, "read", lambda worker, name, path: self.read.append(name) or original(worker, name, path))

    def run(self) -> tuple[list[str], list[str]]:
        """The documents read and what was asked in the calls bought by one run."""
        self.read.clear()
        before = self.calls()
        Pipeline(config.load(self.path), report=False).execute()
        return list(self.read), [asked for key, asked in self.calls().items() if key not in before]

    def calls(self) -> dict[str, str]:
        path = self.run_folder / "journal.sqlite"
        if not path.exists():
            return {}
        with closing(sqlite3.connect(path)) as journal:
            rows = journal.execute("SELECT key, request FROM calls").fetchall()
        # A reply that could not be read is asked for again: what it was about stands two turns up.
        return {key: " ".join(m["content"] for m in json.loads(request)["messages"][-3:]) for key, request in rows}

    def questions(self) -> set[str]:
        return {record.instruction for record in jsonl.read(self.run_folder / "02-doc_qa" / "kept.jsonl")}


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    return Job(tmp_path, monkeypatch)


def test_a_new_document_adds_its_own_work_only(job: Job) -> None:
    read, bought = job.run()
    assert (read, len(bought) > 0) == (["en/pump.md", "zh/离心泵.md"], True)
    before = job.questions()
    assert job.run() == ([], [])
    (job.docs / "en" / "valve.md").write_text(VALVE, encoding="utf-8")
    (job.docs / "zh" / "阀门.md").write_text(阀, encoding="utf-8")
    read, bought = job.run()
    assert read == ["en/valve.md", "zh/阀门.md"]
    assert bought and all("V9" in asked for asked in bought)
    assert before < job.questions()


def test_a_change_in_a_document_buys_the_changed_passage_only(job: Job) -> None:
    job.run()
    before = job.questions()
    changed = PUMP.replace("## Pressure", "## Closing\n" + VALVE.rpartition("## Closing\n")[2] + "\n## Pressure")
    (job.docs / "en" / "pump.md").write_text(changed, encoding="utf-8")
    read, bought = job.run()
    assert read == ["en/pump.md"]
    assert bought and all("V9" in asked for asked in bought)
    assert before < job.questions()


def test_a_document_that_goes_or_is_renamed_buys_nothing(job: Job) -> None:
    job.run()
    before = job.questions()
    (job.docs / "en" / "pump.md").rename(job.docs / "en" / "the-pump.md")
    assert job.run() == ([], [])
    assert job.questions() == before
    (job.docs / "zh" / "离心泵.md").unlink()
    assert job.run() == ([], [])
    assert job.questions() == {question for question in before if question.isascii()}


@BOTH
def test_twins_among_the_old_passages_stay_who_they_were(tmp_path: Path, lang: str) -> None:
    """Two passages are asked alike: which of the two is refused, and so asked again, must not hang on other documents."""
    joint = " " if lang == "en" else ""
    old = [make(text=joint.join(order), language=lang) for order in (SENTENCES[lang], SENTENCES[lang][::-1])]
    refused = []
    for count in range(8):
        teacher = knowing(lambda request: None if point(request) in SENTENCES[lang] else "?")
        made = run(tmp_path / str(count), old + numbered(lang, count), teacher, waves=1)
        refused.append([r.history[0].parents[0] for r in made.rejected if r.rejection and r.rejection.reason == "twin_question"])
    assert refused == [refused[0]] * 8 and len(refused[0]) == 3


def test_a_refused_document_is_not_opened_again(job: Job) -> None:
    (job.docs / "scan.json").write_text('[{"instruction": "问", "output": "答"}]', encoding="utf-8")
    (job.docs / "copy.md").write_text(PUMP, encoding="utf-8")
    read, _ = job.run()
    assert "scan.json" in read and len([name for name in read if name in ("copy.md", "en/pump.md")]) == 1
    (job.docs / "en" / "valve.md").write_text(VALVE, encoding="utf-8")
    read, _ = job.run()
    assert read == ["en/valve.md"]
    refused = {r.source.document: r.rejection.reason for r in jsonl.read(job.run_folder / "01-ingest" / "rejected.jsonl")
               if r.source and r.rejection}
    assert refused["scan.json"] == "data_set" and refused["en/pump.md"] == "duplicate_document"


# ---- every generator by itself: what it reads is about the machines KX-40 to KX-45, one of which is new ----

ONES = {
    "doc_qa": {"target": 5, "per_passage": 2, "at_once": 1},
    "dialogue": {"target": 2, "turns": (2, 4), "twin": 1.0},
    "preference": {"target": 2, "per_record": 2, "kinds": {"unsupported_addition": 1, "wrong_figure": 1}},
    "rewrite": {"target": 3, "forms": {"summary": 1, "facts": 0.5}},
    "augment": {"target": 2},
    "evol_instruct": {"count": 2, "rounds": 2, "operations": {"deepen": 1, "add_constraints": 1, "concretise": 1}},
}
EACH = pytest.mark.parametrize("one", [GENERATORS[name] for name in ONES], ids=str)
MACHINE = re.compile(r"KX-4\d")


def machines(one: Generator, lang: str) -> list[Record]:
    """What a generator reads about each machine."""
    first = {
        "doc_qa": talking.passage(lang),  # each of its sentences names the machine
        "evol_instruct": chat({"en": "Explain how the KX-40 works.", "zh": "说明 KX-40 的工作原理。"}[lang], "…", language=lang,
                              source=Source(document="rows.jsonl", line=1)),
    }.get(one.name) or one.given(lang)[0]
    return [of_machine(first, f"KX-4{n}") for n in range(6)]


def of_machine(first: Record, name: str) -> Record:
    made = msgspec.json.decode(msgspec.json.encode(first).replace(b"KX-40", name.encode()), type=Record)
    return msgspec.structs.replace(made, id=content_id(made))


def moved(record: Record) -> Record:
    """The record as it is at another place: its id is another one."""
    assert record.source
    made = msgspec.structs.replace(record, source=msgspec.structs.replace(record.source, document="moved.md", line=7))
    return msgspec.structs.replace(made, id=content_id(made))


def of_each(say: Says) -> Says:
    """A teacher who knows of each machine what `say` knows of the first."""

    def knows(request: Request) -> str | Rule:
        found = MACHINE.search(request.messages[-1].content)
        turns = tuple(msgspec.structs.replace(m, content=MACHINE.sub("KX-40", m.content)) for m in request.messages)
        reply = say(msgspec.structs.replace(request, messages=turns))
        return reply.replace("KX-40", found.group()) if found and isinstance(reply, str) else reply

    return knows


def asks(folder: Path, one: Generator, lang: str, given: list[Record], **options: Any) -> dict[str, str]:
    """The calls that a run without a journal makes: their keys, and what they ask."""
    knows = by(talking.talking()) if one.name == "doc_qa" else one.knows(lang)
    made = generate(folder, one, lang, of_each(knows), given, **options)
    assert made.kept
    return {key_of(canonical("scripted", request)): request.messages[-1].content for request in made.script.requests}


@BOTH
@EACH
def test_a_new_document_buys_nothing_about_the_others(tmp_path: Path, one: Generator, lang: str) -> None:
    every, options = machines(one, lang), ONES[one.name]
    calls, bought = asks(tmp_path, one, lang, every, **options), set()
    for n, new in enumerate(every):
        before = asks(tmp_path, one, lang, [record for record in every if record is not new], **options)
        fresh = {MACHINE.search(asked) for key, asked in calls.items() if key not in before}
        assert {found and found.group() for found in fresh} <= {f"KX-4{n}"}
        bought |= {n} if fresh else set()
    assert bought


@BOTH
@EACH
def test_a_text_put_in_above_buys_nothing(tmp_path: Path, one: Generator, lang: str) -> None:
    every, options = machines(one, lang), ONES[one.name]
    assert asks(tmp_path, one, lang, list(map(moved, every)), **options) == asks(tmp_path, one, lang, every, **options)
