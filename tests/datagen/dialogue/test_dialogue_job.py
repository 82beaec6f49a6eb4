"""Pairs, dialogues and preference pairs in one job, from documents to exported files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seedbed import config
from seedbed.errors import LimitReached
from seedbed.jsonl import read
from seedbed.pipeline import Pipeline
from seedbed.run import manifest
from tests.datagen.talking import ANSWERS, FULL, SAID, SENTENCES
from tests.tiny_job import contents, write_job, write_rules

_KINDS = {"wrong_figure": 1}


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for lang in ("en", "zh"):
        for sentence, full, said, answer in zip(SENTENCES[lang], FULL[lang], SAID[lang], ANSWERS[lang], strict=True):
            pair = {"question": full, "answer": answer, "sentences": []}
            found.append({"match": {"en": "Next: ", "zh": "下一问："}[lang] + full, "json": {"question": said}})
            found.append({"match": f"] {sentence}", "json": pair})
    return [*found, {"default": "I do not know."}]


def job(folder: Path, **top: Any) -> Path:
    path = write_job(
        folder,
        rules(),
        generate=[
            {"doc_qa": {"levels": {"basic": 1}, "per_passage": 4, "at_once": 4}},
            {"dialogue": {"turns": [4, 4], "waves": 1}},
            {"preference": {"from": ["doc_qa", "dialogue"], "kinds": _KINDS}},
        ],
        curate=["clean", "rules", {"exact": {"on": "instruction"}}, "rouge", "split",
                {"export": {"formats": ["messages", "preference"]}}],
        **top,
    )
    for document in (folder / "docs").rglob("*.md"):
        document.unlink()
    for lang, sentences in SENTENCES.items():
        (folder / "docs" / f"{lang}.md").write_text("# KX-40\n\n" + " ".join(sentences), encoding="utf-8")
    write_rules(folder / "replies.jsonl", rules())
    return path


def test_a_job_makes_pairs_dialogues_and_preference_pairs(tmp_path: Path) -> None:
    path = job(tmp_path)
    Pipeline(config.load(path), report=False).execute()
    run = tmp_path / "run"
    made = {name: list(read(run / name / "kept.jsonl")) for name in ("02-doc_qa", "03-dialogue", "04-preference")}
    assert {name: len(records) for name, records in made.items()} == {"02-doc_qa": 8, "03-dialogue": 2, "04-preference": 8}
    done = manifest(run / "03-dialogue")
    assert done and done.figures["leaning_follow_ups"] == 1.0 and done.usage.calls == 2 * (4 + 3)
    last = list(read(run / "10-export" / "kept.jsonl"))
    pairs = [record for record in last if record.rejected]
    assert len(last) == 18 and len(pairs) == 8
    sides = {record.id: record.split for record in last}
    assert all(sides[pair.history[-1].parents[0]] == pair.split for pair in pairs if pair.history[-1].stage == "preference")
    files = {kind: [json.loads(line) for file in (run / "10-export" / kind).glob("*.jsonl")
                    for line in file.read_text("utf-8").splitlines()] for kind in ("messages", "preference")}
    assert {kind: len(rows) for kind, rows in files.items()} == {"messages": 10, "preference": 8}
    assert {len(row["messages"]) for row in files["messages"]} == {2, 8}


def test_a_run_that_stops_at_its_limit_ends_with_the_same_bytes(tmp_path: Path) -> None:
    Pipeline(config.load(job(tmp_path / "whole")), report=False).execute()
    stopped = job(tmp_path / "stopped", limits={"calls": 11})
    try:
        Pipeline(config.load(stopped), report=False).execute()
        raise AssertionError("the limit was not met")
    except LimitReached:
        pass
    Pipeline(config.load(job(tmp_path / "stopped")), report=False).execute()
    assert contents(tmp_path / "whole" / "run") == contents(tmp_path / "stopped" / "run")
