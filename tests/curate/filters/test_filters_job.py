"""The filters in a job: they run one after the other, and only a judge that was asked for opens a teacher."""

from __future__ import annotations

import json
from pathlib import Path

from seedbed import jsonl
from seedbed.config import load
from seedbed.pipeline import Pipeline
from seedbed.run import manifest

ROWS = [
    ("Which port does the server listen on?", "Port 5432."),
    ("Which port does the server listen on?", "It listens on port 5433."),
    ("请概括上文的主要内容。", "文章讲了一家面包店。"),
    ("怎么修水泵？", "他妈的自己修。"),
    ("端口在哪里设置？", "The port is set in the configuration file of the server."),
    ("怎样杀死没有响应的进程？", "先用ps查到它的编号，再执行kill -9。"),
    ("Which valve limits the pressure?", "Valve V2 limits the pressure of the pump."),
    ("Where is the spare key?", "I'm sorry, but I can't help with that."),
]
STAGES = "[language, {donts: {judge: JUDGE}}, contradictions, safety, refusals]"


def job(folder: Path, judge: str) -> Pipeline:
    lines = [json.dumps({"instruction": q, "output": a}, ensure_ascii=False) for q, a in ROWS]
    (folder / "data.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "replies.jsonl").write_text('{"default": "{\\"why\\": \\"\\", \\"fault\\": \\"none\\"}"}\n', encoding="utf-8")
    teacher = 'teacher: {model: "scripted:replies.jsonl"}\n' if judge == "true" else ""
    text = f"name: f\nrecords: data.jsonl\n{teacher}curate: {STAGES.replace('JUDGE', judge)}\n"
    (folder / "job.yaml").write_text(text, encoding="utf-8")
    return Pipeline(load(folder / "job.yaml"), report=False)


def test_each_fault_has_its_stage_and_reason(tmp_path: Path) -> None:
    steps = job(tmp_path, "false").execute()
    told = [
        (record.rejection.stage, record.rejection.reason)
        for step in steps
        for record in jsonl.read(step.folder / "rejected.jsonl")
        if record.rejection
    ]
    assert told == [
        ("language", "wrong_language"),
        ("donts", "vague_reference"),
        ("contradictions", "contradiction"),
        ("contradictions", "contradiction"),
        ("safety", "profanity"),
        ("refusals", "refusal_share"),
    ]
    assert [record.answer for record in jsonl.read(steps[-1].folder / "kept.jsonl")] == [ROWS[5][1], ROWS[6][1]]
    assert not (steps[0].folder.parent / "journal.sqlite").exists(), "nobody was asked"


def test_a_judge_is_asked_where_the_job_wants_one(tmp_path: Path) -> None:
    pipeline = job(tmp_path, "true")
    assert [step.stage.name for step in pipeline.plan() if step.asks] == ["donts"]
    steps = pipeline.execute()
    done = manifest(steps[2].folder)
    assert done and done.usage.calls == 6 and done.figures["judge"] == {"none": 6}
