"""The other commands: show, each stage alone, and setting up."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from datagen.teacher.journal import Journal
from seedbed import config, models
from seedbed.pipeline import Pipeline
from tests.seedbed.commands import one_line, records
from tests.tiny_job import write_rules

# ---- show ----


def test_show_tells_the_whole_history_of_a_kept_record(seedbed: Any, run_of: Path) -> None:
    for record in (records(run_of / "02-doc_qa")[0], next(r for r in records(run_of / "02-doc_qa") if r.language == "en")):
        said = seedbed("show", record.id, "--run", run_of)
        assert said.status == 0
        assert record.source and record.evidence
        quote = record.evidence[0]
        for line in (
            f"record {record.id}", f"  user: {record.instruction}", f"  assistant: {record.answer}",
            f"  evidence [{quote.start}:{quote.end}]: {quote.quote}", "  passage:",
            f"from {record.source.document}, characters {record.source.start} to {record.source.end}",
            f"  under {' > '.join(record.source.headings)}", "  02-doc_qa: kept", "  07-mix: kept",
        ):
            assert line in said.out.splitlines(), line
        # every call with what was asked and what came back
        step = record.history[0]
        assert f"  doc_qa pair from {step.parents[0]}, prompt {step.prompt}, teacher {step.teacher}" in said.out
        with Journal(run_of / "journal.sqlite", read_only=True) as journal:
            for key in step.calls:
                row = journal.row(key)
                assert row and f"    call {key}" in said.out
                assert all(line in said.out for m in row.request["messages"] for line in m["content"].splitlines())
                assert f"      reply: {row.reply.text}" in said.out
        assert len(step.calls) == 1


def test_show_tells_why_a_record_was_rejected(seedbed: Any, run_of: Path) -> None:
    for record in records(run_of / "02-doc_qa", "rejected"):
        said = seedbed("show", record.id[:12], "--run", run_of)
        why = record.rejection
        assert why
        score = f" {why.score:.2f} of {why.match}" if why.score is not None else ""
        assert f"  02-doc_qa: rejected: {why.reason}{score} ({why.detail})" in said.out.splitlines()
        assert f"  raw reply: {record.extra['raw']}" in said.out if record.extra.get("raw") else "raw reply" not in said.out


def test_show_finds_passages_and_general_records_too(seedbed: Any, run_of: Path) -> None:
    passage, general = records(run_of / "01-ingest")[0], records(run_of / "07-mix")[-1]
    said = seedbed("show", passage.id, "--run", run_of)
    assert "  01-ingest: kept" in said.out and passage.text.splitlines()[-1] in said.out
    said = seedbed("show", general.id, "--run", run_of)
    assert "  mix add" in said.out and "task general" in said.out


def test_show_takes_the_newest_run_of_the_current_folder(
    seedbed: Any, finished: Path, run_of: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished)
    record = records(run_of / "02-doc_qa")[0]
    assert seedbed("show", record.id).out.startswith(f"record {record.id}\n")


def test_show_refuses_unknown_and_ambiguous_ids(seedbed: Any, run_of: Path) -> None:
    assert one_line(seedbed("show", "zzz", "--run", run_of)).startswith("zzz: no record has this id. Ids stand in the JSONL")
    ids = sorted({r.id for folder in run_of.glob("0*") if (folder / "kept.jsonl").exists() for r in records(folder)})
    first = next(a[0] for a, b in zip(ids, ids[1:], strict=False) if a[0] == b[0])
    line = one_line(seedbed("show", first, "--run", run_of))
    assert f"{first}: {sum(i[0] == first for i in ids)} records begin like this: " in line


def test_show_changes_nothing(seedbed: Any, run_of: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run_of.rglob("*") if path.is_file() and "sqlite-" not in path.name}
    seedbed("show", records(run_of / "02-doc_qa")[0].id, "--run", run_of)
    after = {path: path.stat().st_mtime_ns for path in run_of.rglob("*") if path.is_file() and "sqlite-" not in path.name}
    assert after == before


# ---- each stage alone ----


def test_each_stage_runs_alone_on_plain_files(seedbed: Any, tmp_path: Path, finished: Path, run_of: Path) -> None:
    job = finished / "job.yaml"
    said = seedbed("ingest", finished / "docs" / "zh", finished / "docs" / "en" / "pump.md", "--out", tmp_path / "a")
    assert (said.status, said.out.splitlines()[-1]) == (0, f"Done: {tmp_path.resolve() / 'a'}")
    passages = tmp_path / "a" / "01-ingest" / "kept.jsonl"
    assert sorted(r.text for r in records(passages.parent)) == sorted(r.text for r in records(run_of / "01-ingest"))

    # options and teacher from a job
    assert seedbed("generate", passages, "--config", job, "--out", tmp_path / "b").status == 0
    made = tmp_path / "b" / "02-doc_qa" / "kept.jsonl"
    assert sorted(r.instruction for r in records(made.parent)) == sorted(r.instruction for r in records(run_of / "02-doc_qa"))

    assert seedbed("curate", made, "--config", job, "--out", tmp_path / "c").status == 0
    assert [p.name for p in sorted((tmp_path / "c").glob("0*"))] == [
        "01-import", "02-clean", "03-exact", "04-rouge", "05-split", "06-mix", "07-report"]
    assert len(records(tmp_path / "c" / "05-split")) == len(records(made.parent))

    said = seedbed("export", made, "--formats", "alpaca, text", "--out", tmp_path / "d")
    assert said.status == 0 and "export: text holds none of the records: " in said.out
    (rows,) = (tmp_path / "d").glob("02-export/alpaca/train.jsonl")
    alpaca = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    assert [row["instruction"] for row in alpaca] == [r.instruction for r in records(made.parent)]


def test_a_stage_alone_has_sensible_defaults(seedbed: Any, tmp_path: Path) -> None:
    rows = [{"instruction": f"阀门 V{n} 在启动时有什么作用？", "output": f"阀门 V{n} 在启动时限制压力，防止密封泄漏。"} for n in range(9)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    assert seedbed("curate", tmp_path / "rows.jsonl", "--out", tmp_path / "o").status == 0
    assert [p.name for p in sorted((tmp_path / "o").glob("0*"))] == [
        "01-import", "02-clean", "03-rules", "04-exact", "05-rouge", "06-split", "07-mix", "08-export", "09-report"]


def test_report_makes_the_report_anew(seedbed: Any, run_of: Path) -> None:
    page = run_of / "report" / "report.html"
    said = seedbed("report", run_of)
    assert (said.status, said.out) == (0, f"Report: {page}\n")
    assert "KX-40" in page.read_text(encoding="utf-8")


# ---- setting up ----


def test_models_list_says_what_is_here(seedbed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "path", lambda name: Path("/x") if "smollm" in name else None)
    lines = seedbed("models", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == [model.name for model in models.CATALOGUE]
    assert [line.split()[0] for line in lines if line.endswith(" here")] == ["smollm2-135m-instruct"]
    assert all(line.endswith(("here", " MB to fetch")) for line in lines)


def test_init_writes_a_job_that_is_understood_and_never_over_another(seedbed: Any, tmp_path: Path) -> None:
    said = seedbed("init", tmp_path / "新项目")
    job = tmp_path / "新项目" / "job.yaml"
    assert said.status == 0 and f"Wrote {job}" in said.out and f"seedbed run {job}" in said.out
    assert (tmp_path / "新项目" / "documents").is_dir()
    assert Pipeline(config.load(job)).plan()[0].options.paths == (str((tmp_path / "新项目" / "documents").resolve()),)
    job.write_text("mine")
    assert "there is a job already" in one_line(seedbed("init", tmp_path / "新项目"))
    assert job.read_text() == "mine"
    assert "there are no documents in it" in one_line(seedbed("plan", seedbed("init", tmp_path / "b") and tmp_path / "b/job.yaml"))


def test_doctor_names_the_pip_line_of_what_is_missing(seedbed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    missing = {"torch", "trl", "pyarrow"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in missing else find(name, *rest))
    monkeypatch.setattr(models, "path", lambda name: None)
    lines = seedbed("doctor").out.splitlines()
    assert any('training and evaluation: torch, trl.  pip install "seedbed[train]"' in line for line in lines)
    assert any('Parquet files: pyarrow.  pip install "seedbed[parquet]"' in line for line in lines)
    assert any(line.split()[:3] == ["ok", "reading", "PDF,"] for line in lines)
    assert sum("seedbed models pull" in line for line in lines) == len(models.CATALOGUE)


# ---- a generator that needs no source ----


def test_self_instruct_runs_without_documents_and_is_planned(seedbed: Any, tmp_path: Path) -> None:
    tasks = [f"Name three uses of a {thing} in a {place}." for thing, place in (("rag", "garage"), ("torch", "cellar"))]
    replies = [
        {"match": "Go on with numbers 9 to 16", "text": f"{tasks[0]}\n10. {tasks[1]}"},
        {"match": "Task: ", "json": {"input": "", "output": "It wipes, it cleans and it protects."}},
        {"default": "text"},
    ]
    write_rules(tmp_path / "replies.jsonl", replies)
    job = {"teacher": {"model": "scripted:replies.jsonl"}, "out": "run", "curate": ["exact"],
           "generate": [{"self_instruct": {"target": 1, "languages": ["en"]}}]}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")
    plan = seedbed("plan", tmp_path / "job.yaml")
    assert plan.status == 0 and "01-self_instruct   to do: about " in plan.out
    said = seedbed("run", tmp_path / "job.yaml")
    assert said.status == 0, said.err
    (kept,) = records(tmp_path / "run" / "01-self_instruct")
    (left,) = records(tmp_path / "run" / "01-self_instruct", "rejected")
    assert kept.instruction == tasks[0] and left.rejection and left.rejection.reason in ("near_duplicate", "beyond_target")
    assert [record.id for record in records(tmp_path / "run" / "02-exact")] == [kept.id]
    shown = seedbed("show", kept.id, "--run", tmp_path / "run")
    assert "self_instruct task from en-" in shown.out

    job["generate"] = [{"doc_qa": {}}]
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")
    assert "it names none" in seedbed("run", tmp_path / "job.yaml").err
