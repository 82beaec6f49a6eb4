"""Evol-Instruct in a job: where its records come from, what `show` and `plan` say of it, and a run that was broken off."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from datagen.evol_instruct.stage import Options, estimate
from seedbed import config, jsonl
from seedbed.errors import JobError, LimitReached
from seedbed.pipeline import Pipeline
from seedbed.planning import describe as plan
from seedbed.preview import preview
from seedbed.progress import Plain
from seedbed.record import Record
from seedbed.run import manifest
from seedbed.show import describe as show
from tests.tiny_job import contents, rules, write_job, write_rules

DOC_QA = {"doc_qa": {"about": "the KX-40 pump", "about_zh": "KX-40 离心泵", "levels": {"basic": 1}}}
EVOL: dict[str, Any] = {"rounds": 1, "operations": {"deepen": 1}}

# Question, evolved question, its answer: of one pair of the tiny job in each language.
DEEPER = [
    ("What is the default pressure of the KX-40 pump?",
     "What is the default pressure of the KX-40 pump, and which valve limits the pressure?",
     "By default the pump runs at 2.5 bar, and the valve V2 limits the pressure."),
    ("KX-40 离心泵用哪个阀门限制压力？", "KX-40 离心泵用哪个阀门限制压力，默认压力是多少？", "用阀门 V2 限制压力，默认压力是 2.5 bar。"),
]


def evolving() -> list[dict[str, Any]]:
    """The tiny teacher's rules, and one evolution in each language."""
    found: list[dict[str, Any]] = []
    for before, after, answer in DEEPER:
        judged, asked = (("Second task: ", "Question: ") if before.isascii() else ("第二个任务：", "问题："))
        found.append({"match": f"{judged}{after}", "json": {"besides": "the valve", "verdict": "different"}})
        found.append({"match": f"{asked}{after}", "text": answer})
        found.append({"match": f"{asked}{before}", "json": {"instruction": after}})
    return found + rules()


def rows_job(folder: Path, **options: Any) -> Path:
    """An imported data set of two rows, and the replies of a teacher who evolves them twice."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, replies = [], []
    for task, more, joint in (("Name a use of the lathe", [", with an example", ", in twelve words"], "."),
                              ("说出车床的一种用途", ["，并举一个例子", "，不超过二十个字"], "。")):
        rows.append({"instruction": task + joint, "output": "Turning shafts." if task.isascii() else "车削轴类零件。"})
        forms = [task, task + more[0], task + more[0] + more[1]]
        mark = "Original task: " if task.isascii() else "原任务："
        replies += [{"match": mark + a + joint, "json": {"instruction": b + joint}} for a, b in zip(forms, forms[1:], strict=False)]
        answer = "It turns shafts, such as that of a pump." if task.isascii() else "它用来车削轴，比如水泵的轴。"
        replies += [{"match": "Second task: " if task.isascii() else "第二个任务：", "json": {"verdict": "different"}}]
        replies += [{"match": form + joint, "text": answer} for form in forms[1:]]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    write_rules(folder / "replies.jsonl", replies)
    limits = {"limits": options.pop("limits")} if "limits" in options else {}
    job = {"out": "run", "records": "rows.jsonl", "teacher": {"model": "scripted:replies.jsonl"}, "curate": ["exact"],
           "generate": [{"evol_instruct": EVOL | {"rounds": 2} | options}], **limits}
    (folder / "job.yaml").write_text(yaml.safe_dump(job, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder / "job.yaml"


def execute(job: Path) -> None:
    Pipeline(config.load(job), report=False).execute(progress=Plain(io.StringIO()))


def kept(folder: Path) -> list[Record]:
    return list(jsonl.read(folder / "kept.jsonl"))


def test_records_of_doc_qa_are_evolved_and_stay_grounded(tmp_path: Path) -> None:
    job = write_job(tmp_path, evolving(), generate=[DOC_QA, {"evol_instruct": EVOL | {"from": "doc_qa"}}], curate=["exact"])
    execute(job)
    run = tmp_path / "run"
    pairs = {record.id: record for record in kept(run / "02-doc_qa")}
    made = kept(run / "03-evol_instruct")
    assert {record.instruction for record in made} == {after for _, after, _ in DEEPER}
    for record in made:
        parent = pairs[record.history[0].parents[0]]
        assert record.source == parent.source and record.source
        document = (run / "01-ingest" / "documents" / f"{record.source.document_hash}.md").read_bytes().decode()
        assert len(record.evidence) == 2
        assert all(document[quote.start : quote.end] == quote.quote for quote in record.evidence)
    done = manifest(run / "03-evol_instruct")
    assert done and done.read == len(pairs) == done.figures["evolved"]
    # pairs and evolutions together go on to the curators
    assert len(kept(run / "04-exact")) == len(pairs) + 2
    lines = list(show(run, made[0].id))
    family = lines[lines.index("family") + 1 : lines.index("stages")]
    assert [line.split()[0] for line in family[1:]] == [made[0].history[0].parents[0], ">"]
    assert family[2].endswith(f"{made[0].instruction[:59]}{'…' if len(made[0].instruction) > 60 else made[0].instruction[59:]} [kept]")


def test_an_imported_data_set_is_evolved_and_kept(tmp_path: Path) -> None:
    for options in ({}, {"from": "records"}, {"from": ["records"]}):
        execute(rows_job(tmp_path / str(len(str(options))), **options))
        run = tmp_path / str(len(str(options))) / "run"
        assert len(kept(run / "02-evol_instruct")) == 4 and len(kept(run / "03-exact")) == 6
        assert [r.history[0].note for r in kept(run / "02-evol_instruct")] == ["round 1"] * 2 + ["round 2"] * 2


def test_seeds_are_evolved_without_any_source(tmp_path: Path) -> None:
    write_rules(tmp_path / "replies.jsonl", [{"default": "I do not know."}])
    job = {"out": "run", "teacher": {"model": "scripted:replies.jsonl"}, "generate": [{"evol_instruct": EVOL | {"count": 3}}]}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")
    lines = list(plan(Pipeline(config.load(tmp_path / "job.yaml"), report=False)))
    assert "01-evol_instruct" in lines[1] and "to do: about 9 calls" in lines[1]
    execute(tmp_path / "job.yaml")
    assert len(kept(tmp_path / "run" / "01-evol_instruct")) == 3  # the seeds; the evolutions were no JSON
    done = manifest(tmp_path / "run" / "01-evol_instruct")
    assert done and done.reasons == {"not_json": 3} == done.figures["eliminated"]


def test_a_source_that_the_job_does_not_have_is_one_clear_error(tmp_path: Path) -> None:
    job = write_job(tmp_path, generate=[DOC_QA, {"evol_instruct": {"from": "self_instruct"}}])
    with pytest.raises(JobError, match=r"job\.yaml:\d+: .*no stage `self_instruct` before `evol_instruct`"):
        list(plan(Pipeline(config.load(job))))


def test_the_plan_counts_on_what_is_not_made_yet(tmp_path: Path) -> None:
    job = write_job(tmp_path, evolving(), generate=[DOC_QA, {"evol_instruct": EVOL | {"from": "doc_qa"}}], curate=["exact"])
    (line,) = [line for line in plan(Pipeline(config.load(job))) if "evol_instruct" in line]
    assert "to do: at most 12 records of 02-doc_qa, about " in line
    Pipeline(config.load(job), report=False).execute("doc_qa", Plain(io.StringIO()))
    (line,) = [line for line in plan(Pipeline(config.load(job))) if "evol_instruct" in line]
    assert "to do: 8 records, about 24 calls" in line


def test_a_run_that_was_broken_off_ends_with_the_same_bytes(tmp_path: Path) -> None:
    execute(rows_job(tmp_path / "whole"))
    calls = 0
    for calls in (1, 4, 7, 10):
        with pytest.raises(LimitReached):
            execute(rows_job(tmp_path / "halted", limits={"calls": calls}))
    execute(rows_job(tmp_path / "halted"))
    assert calls and contents(tmp_path / "halted" / "run") == contents(tmp_path / "whole" / "run")
    done = manifest(tmp_path / "halted" / "run" / "02-evol_instruct")
    assert done and done.usage.calls == 12  # of two records in two rounds: rewriting, judging, answering


def test_a_preview_of_many_seeds_stops_at_what_was_asked_for(tmp_path: Path) -> None:
    write_rules(tmp_path / "replies.jsonl", [{"default": "I do not know."}])
    job = {"out": "run", "teacher": {"model": "scripted:replies.jsonl"}, "generate": ["evol_instruct"]}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")
    pipeline = Pipeline(config.load(tmp_path / "job.yaml"), report=False)
    assert estimate([], Options())[0] > 300  # what all of them would take
    said = "\n".join(preview(pipeline, 3, Plain(io.StringIO())))
    assert 0 < pipeline.spent()[0] < 40
    assert "01-evol_instruct: no accepted record" in said and "  rejected: not_json " in said
    assert "The whole job: about " in said


def test_a_preview_evolves_the_records_of_the_preview(tmp_path: Path) -> None:
    job = write_job(tmp_path, evolving(), generate=[DOC_QA, {"evol_instruct": EVOL | {"from": "doc_qa"}}], curate=["exact"])
    said = "\n".join(preview(Pipeline(config.load(job)), 12, Plain(io.StringIO())))
    assert "\n03-evol_instruct: " in said and "The whole job: about " in said
    assert DEEPER[0][1] in said and DEEPER[1][1] in said
    assert not list((tmp_path / "run").glob("0[23]-*"))
