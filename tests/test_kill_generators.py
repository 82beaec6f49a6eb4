"""Each generator, killed half way and stopped while its teacher hangs: nothing is bought twice, and the bytes are the same.

What is asked of whole jobs in tests/test_kill.py, asked of each generator alone, with jobs of a few calls; and once more
of those that have many ways of asking, with all of these.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.fake_endpoint import completion, listen
from seedbed import jsonl
from seedbed.stages import STAGES
from tests import tiny_job
from tests.datagen.augment import test_augment as augmenting
from tests.datagen.augment.test_text_and_augment_job import FACTS
from tests.datagen.dialogue.test_dialogue_job import rules as talking_rules
from tests.datagen.evol_instruct.test_evol_job import rows_job
from tests.datagen.preference import test_preference as preferring
from tests.datagen.rewrite.test_rewrite import said
from tests.datagen.self_instruct.test_self_instruct import task
from tests.datagen.talking import SENTENCES
from tests.datagen.teacher.fake_batches import BatchService
from tests.datagen.teaching import ANSWERS, QUESTIONS
from tests.test_kill import ROOT, Life, Lives, answered, watched

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="needs fork and signals")]
NAMES = [name for name, stage in STAGES.items() if stage.group == "generate"]
OPTIONS: dict[str, dict[str, Any]] = {
    "self_instruct": {"target": 6, "patience": 4},
    "evol_instruct": {"rounds": 2, "operations": {"deepen": 1}},
    "doc_qa": {"about": "the KX-40 pump", "about_zh": "KX-40 离心泵", "levels": {"basic": 1}},
    "dialogue": {"turns": [4, 4], "waves": 1},
    "preference": {"kinds": {"unsupported_addition": 1, "wrong_figure": 1}, "per_record": 2},
    "rewrite": {"forms": {"facts": 1, "summary": 2}},
    "augment": {"kinds": {"paraphrase": 1, "polish": 1}, "share": 1.0},
    "passages": {"minimum": 5},
    "doc_qa deep": {"about": "the KX-40 pump", "about_zh": "KX-40 离心泵", "levels": {"basic": 1}, "phrasings": 2, "hops": 0.2,
                    "unanswerable": 0.2, "probes": ["open_book", "back_translation", "closed_book"], "keep": [],
                    "reasoning": True, "answers": 2, "agree": 2, "spread": "topics"},
    "augment all": {"kinds": dict.fromkeys(("paraphrase", "polish", "back_translate", "synonyms", "noise"), 1), "share": 1.0},
    "rewrite all": {"forms": ["facts", "summary", "explain", "relations"], "twin": 1.0},
}
# What the deeper rows must have come to, by the step that made a record: else they kill nothing of it.
DEEP = {"doc_qa deep": {"pair", "phrasing", "hop", "unanswerable"},
        "augment all": {"paraphrase", "polish", "back_translate", "synonyms", "noise"},
        "rewrite all": {"facts", "summary", "explain", "relations"}}


def worked_out() -> list[dict[str, Any]]:
    """The tiny job's pairs, whose answers the teacher can lead up to."""
    *asked, default = tiny_job.rules()
    steps = [{"match": pair.question, "text": f"{pair.sentence}\n{'Answer: ' if pair.question.isascii() else '答案：'}{pair.answer}"}
             for passage in tiny_job.PAIRS.values() for pair in passage]
    return [*asked, *steps, default]


def reworded() -> list[dict[str, Any]]:
    """There and back between the languages, and synonyms."""
    into = {"en": "Translate into Chinese: ", "zh": "译成英文："}
    there = [(into["en"] + QUESTIONS["en"][0], QUESTIONS["zh"][0]), (into["zh"] + QUESTIONS["zh"][0], augmenting.BACK["en"]),
             (into["en"] + augmenting.BACK["en"], augmenting.BACK["zh"])]
    other = [("Find synonyms: ", augmenting.pairs(("normal", "regular"))), ("找同义词：", augmenting.pairs(("通常", "一般")))]
    return [{"match": match, "json": {"text": text}} for match, text in there] + [
        {"match": match, "text": text} for match, text in other]


def retold() -> list[dict[str, Any]]:
    """One reply for all forms: the request does not name the form, and each reads its own part."""
    names = {"Oil\n": [("oil", "KX-40 pump"), ("sight glass", "oil level")], "润滑\n": [("KX-40 离心泵", "润滑油"), ("油位", "视镜")]}
    marks = {"Oil\n": "The oil level is checked", "润滑\n": "每次启动之前通过视镜检查油位。"}
    return [{"match": marks[key], "json": {"sentences": FACTS[key], "relations": [
        {"first": first, "second": second, "sentence": sentence}
        for (first, second), sentence in zip(names[key], FACTS[key], strict=True)]}} for key in FACTS]


def replies(name: str) -> list[dict[str, Any]]:
    """What the teacher of a generator's small job says, good and bad."""
    if name == "doc_qa deep":
        return worked_out()
    if name == "rewrite all":
        return [*retold(), {"default": "I do not know. 我不知道。"}]
    found: list[dict[str, Any]] = reworded() if name == "augment all" else []
    name = name.split()[0]
    for lang in ("en", "zh"):
        if name == "self_instruct":
            listed = "\n".join(f"{9 + n}. {task(lang, n)}" for n in range(8))
            found.append({"match": {"en": "Go on with numbers", "zh": "接着写第"}[lang], "text": listed})
        elif name == "preference":
            found.append({"match": preferring.ADDED[lang][0], "json": {"answer": preferring.ADDED[lang][1]}})
        elif name == "augment":
            label = {"en": "Task: ", "zh": "任务："}[lang]
            found.append({"match": label + QUESTIONS[lang][0], "json": {"text": augmenting.POLISHED[lang]}})
            found.append({"match": QUESTIONS[lang][0], "json": {"text": augmenting.PARAPHRASE[lang]}})
    if name == "doc_qa":
        return tiny_job.rules()
    if name == "dialogue":
        return talking_rules()
    if name == "rewrite":
        found += [{"match": "The oil level is checked", "text": said(*FACTS["Oil\n"])},
                  {"match": "每次启动之前通过视镜检查油位。", "text": said(*FACTS["润滑\n"])}]
    done = {"input": "", "output": "Done. 已经完成。"}
    return [*found, {"default": done if name == "self_instruct" else "I do not know. 我不知道。"}]


def rows(name: str) -> list[dict[str, str]]:
    """The data set that a generator reads, where it reads none of the documents."""
    if name == "preference":
        return [dict(zip(("instruction", "output"), preferring.QA[lang]["wrong_figure"], strict=False)) for lang in ("en", "zh")]
    found = [{"instruction": QUESTIONS[lang][n], "output": ANSWERS[lang][n]} for lang in ("en", "zh") for n in range(3)]
    more = [{"instruction": record.instruction, "output": record.answer}
            for lang in ("en", "zh") for record in augmenting.many(lang, 20)]
    return {"augment": found, "augment all": found + more}.get(name, [])


def write(folder: Path, name: str, found: list[dict[str, Any]] | None = None) -> Path:
    """A job of one generator and no curation, in a folder of its own."""
    if name == "evol_instruct":
        path = rows_job(folder)
        if found:
            tiny_job.write_rules(folder / "replies.jsonl", found)
        return path
    path = tiny_job.write_job(folder, found or replies(name), generate=[{name.split()[0]: OPTIONS[name]}], curate=[])
    if name == "dialogue":
        for document in (folder / "docs").rglob("*.md"):
            document.unlink()
        for lang, sentences in SENTENCES.items():
            (folder / "docs" / f"{lang}.md").write_text("# KX-40\n\n" + " ".join(sentences), encoding="utf-8")
    if given := rows(name):
        job = yaml.safe_load(path.read_text(encoding="utf-8"))
        del job["documents"]
        (folder / "rows.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in given), encoding="utf-8")
        path.write_text(yaml.safe_dump(job | {"records": "rows.jsonl"}, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def lives_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    found = Lives(tmp_path_factory.mktemp("lives"))
    yield found
    found.close()


@pytest.mark.parametrize("name", [*NAMES, *DEEP])
def test_killed_half_way_it_ends_with_the_same_bytes_and_no_call_twice(tmp_path: Path, lives_of: Lives, name: str) -> None:
    job, scratch = str(write(tmp_path, name)), tmp_path / "scratch"
    undisturbed = tmp_path / "whole"
    first = lives_of.live(["run", job, "--out", str(undisturbed)], fork=False)
    expected, bought = tiny_job.contents(undisturbed), answered(undisturbed, scratch)
    generator = name.split()[0]
    (kept,) = (text for path, text in expected.items() if path.endswith(f"-{generator}/kept.jsonl"))
    assert first["status"] == 0 and kept and bool(bought) == STAGES[generator].teacher
    (folder,) = undisturbed.glob(f"*-{generator}")
    tried = {record.history[-1].operation for name_ in ("kept", "rejected") for record in jsonl.read(folder / f"{name_}.jsonl")}
    assert DEEP.get(name, set()) <= tried
    for share in (0.3, 0.5, 0.7, 0.9):
        run, ends = tmp_path / f"run-{share}", []
        lives_of.log.unlink(missing_ok=True)
        for last in (int(share * first["events"]), int(share * first["events"] / 2), 0):
            before, lived = len(lives_of.calls()), answered(run, scratch)
            ends.append(lives_of.live(["run", job, "--out", str(run)], last)["status"])
            assert not lived & {key for what, key in lives_of.calls()[before:] if what == "sent"}
        assert ends[0] == -signal.SIGKILL and ends[-1] == 0
        assert answered(run, scratch) == bought and tiny_job.contents(run) == expected


@contextmanager
def batches(service: BatchService) -> Iterator[str]:
    """The service's base URL, for as long as other processes may ask it."""
    loop = asyncio.new_event_loop()
    server, url = loop.run_until_complete(listen(service))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def by_rule(body: dict[str, Any]) -> tuple[int, bytes]:
    said = body["messages"][-1]["content"]
    rule = next(rule for rule in tiny_job.rules() if rule.get("match", "") in said)
    return 200, completion(json.dumps(rule["json"], ensure_ascii=False) if "json" in rule else rule["default"])


def test_killed_while_a_batch_is_under_way_the_next_run_fetches_it_and_asks_nothing_twice(tmp_path: Path) -> None:
    """Killed twice: in the life that handed it in, and in one that only looked at it."""
    expected: dict[str, bytes] = {}
    for name in ("whole", "killed"):
        service = BatchService(by_rule, states=("validating",) if name == "whole" else ("in_progress",) * 100_000)
        with batches(service) as url:
            teacher = {"model": "m", "url": url, "batch": True, "batch_poll": 0.05}
            job = tiny_job.write_job(tmp_path / name, generate=[{"doc_qa": OPTIONS["doc_qa"] | {"target": 4}}], curate=[],
                                     teacher=teacher)
            command = [sys.executable, "-m", "seedbed.cli", "run", str(job)]
            for _ in range(2 if name == "killed" else 0):
                child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                deadline, seen = time.monotonic() + 60, sum(len(b["left"]) for b in service.batches.values())
                # It has handed in its batch, or looked at the one of the life before.
                while sum(len(b["left"]) for b in list(service.batches.values())) in (0, seen) and time.monotonic() < deadline:
                    assert child.poll() is None
                    time.sleep(0.02)
                child.kill()
                assert child.wait() == -signal.SIGKILL
            assert len(service.batches) == (name == "killed")
            for batch in service.batches.values():
                batch["left"] = ["completed"]
            service.states = ("validating",)
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        asked = [question for batch in service.submitted for question in batch]
        assert asked and len(asked) == len(set(asked))
        found = {path: text for path, text in tiny_job.contents(tmp_path / name / "run").items() if "doc_qa" in path}
        expected = expected or found
        assert found == expected and any(path.endswith("kept.jsonl") and text for path, text in found.items())


@pytest.mark.parametrize("name", [name for name in NAMES if STAGES[name].teacher])
def test_ctrl_c_stops_it_within_five_seconds_though_the_teacher_hangs(tmp_path: Path, name: str) -> None:
    job, log = write(tmp_path, name, [{"default": "", "fault": "hang"}]), tmp_path / "calls.log"
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    child = subprocess.Popen([sys.executable, "-m", "tests.test_kill_generators", str(log), "run", str(job)], cwd=ROOT, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, preexec_fn=heed)
    deadline = time.monotonic() + 60
    while not (log.exists() and log.read_text().count("sent")) and time.monotonic() < deadline:
        assert child.poll() is None, child.communicate()
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)  # to all of its processes, as a terminal does
    began = time.monotonic()
    _, told = child.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert (child.returncode, told) == (130, "seedbed: stopped. Nothing is lost: the same command goes on from here\n")
    assert not list((tmp_path / "run").glob(f"*-{name}/manifest.json"))


if __name__ == "__main__":
    from seedbed.cli import main

    watched(Life(Path(sys.argv[1]), 0, 0.0))
    sys.exit(main(sys.argv[2:]))
