"""What runs, what is skipped, and what a broken-off run leaves."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from datagen.doc_qa import stage as doc_qa
from datagen.teacher.journal import Journal
from seedbed import config, prompts
from seedbed.errors import InputError, JobError, LimitReached, PromptError, RunError
from seedbed.pipeline import Pipeline
from seedbed.planning import describe
from seedbed.progress import Plain
from seedbed.resources import resource
from seedbed.run import manifest
from tests.tiny_job import DOCUMENTS, contents, write_job

ROWS = [
    {"instruction": "What limits the pressure of the pump?", "output": "The valve V2 limits it."},
    {"instruction": "What limits the pressure of the pump?", "output": "The valve V2 limits it."},
    {"instruction": "What limits the pressure in the pump?", "output": "A valve does."},
    {"instruction": "阀门 V2 有什么作用？", "output": "用来限制压力。"},
    {"instruction": "多久更换一次润滑油？", "output": "每运行 500 小时更换一次。"},
]


def write_rows(folder: Path, rows: list[dict[str, str]] | None = None) -> None:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in (ROWS if rows is None else rows)]
    (folder / "rows.jsonl").write_text("".join(lines), encoding="utf-8")


def rows_job(folder: Path, **top: Any) -> Path:
    """A job without documents and teacher: rows in, curated rows out."""
    if not (folder / "rows.jsonl").exists():
        write_rows(folder)
    job = {"out": "run", "records": "rows.jsonl", "curate": ["clean", "exact", "rouge"]} | top
    (folder / "job.yaml").write_text(yaml.safe_dump(job, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder / "job.yaml"


def execute(job: Path, stop_after: str = "", report: bool = False) -> list[str]:
    """Runs a job. Returns the stages that were worked on, those left alone not."""
    out = io.StringIO()
    Pipeline(config.load(job), report=report).execute(stop_after, Plain(out))
    lines = [line for line in out.getvalue().splitlines() if line[:2].isdigit()]
    return [line.partition(":")[0] for line in lines if "already done" not in line]


def passages_job(folder: Path, rules: list[dict[str, Any]] | None = None, **top: Any) -> Path:
    """The tiny job from passages that were cut before: no document has to be read."""
    job = write_job(folder, rules, **top)
    lines = []
    for text in DOCUMENTS.values():
        for number, section in enumerate(text.split("\n## ")[1:]):
            lines.append(json.dumps({"text": section.partition("\n\n")[2].strip() + f" {number}"}, ensure_ascii=False))
    (folder / "passages.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    raw = yaml.safe_load(job.read_text(encoding="utf-8"))
    del raw["documents"]
    raw = {"records": "passages.jsonl", **raw, "curate": ["exact"], **top}
    job.write_text(yaml.safe_dump(raw, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return job


@pytest.fixture(autouse=True)
def prompts_are_read_anew() -> Iterator[None]:
    prompts.load.cache_clear()
    yield
    prompts.load.cache_clear()


def test_a_finished_job_does_nothing_when_it_is_run_again(tmp_path: Path) -> None:
    job = rows_job(tmp_path)
    assert execute(job) == ["01-import", "02-clean", "03-exact", "04-rouge"]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("0*/*")}
    assert execute(job) == []
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "run").glob("0*/*")} == before
    for folder in (tmp_path / "run").glob("0*"):
        times = [(folder / name).stat().st_mtime_ns for name in ("kept.jsonl", "rejected.jsonl", "manifest.json")]
        assert times[2] == max(times)  # the mark of completeness comes last


def test_every_record_is_kept_or_rejected_with_its_reason(tmp_path: Path) -> None:
    execute(rows_job(tmp_path))
    counts = [(d.read, d.kept, d.reasons) for p in sorted((tmp_path / "run").glob("0*")) if (d := manifest(p))]
    assert counts == [(0, 5, {}), (5, 5, {}), (5, 4, {"exact": 1}), (4, 3, {"rouge": 1})]


@pytest.mark.parametrize(
    ("change", "again"),
    [
        # other options: that stage; those behind it only where it gives something else now
        ({"curate": ["clean", {"exact": {"on": "instruction"}}, "rouge"]}, ["03-exact"]),
        ({"curate": ["clean", "exact", {"rouge": {"threshold": 0.95}}]}, ["04-rouge"]),
        ({"seed": 1}, ["01-import", "02-clean", "03-exact", "04-rouge"]),
        ({"curate": ["clean", "exact"]}, []),
        ({"curate": ["clean", "exact", "rouge", {"split": {"heldout": 0}}]}, ["05-split"]),
        # without `exact`, the copy falls to `rouge`, which therefore reads other records
        ({"curate": ["clean", "rouge"]}, ["03-rouge"]),
        ({"limits": {"calls": 5}, "name": "another"}, []),
    ],
)
def test_a_change_in_the_job_runs_what_depends_on_it(tmp_path: Path, change: dict[str, Any], again: list[str]) -> None:
    execute(rows_job(tmp_path))
    assert execute(rows_job(tmp_path, **change)) == again


def test_a_change_in_the_data_runs_what_depends_on_it(tmp_path: Path) -> None:
    job = rows_job(tmp_path)
    execute(job)
    write_rows(tmp_path, [*ROWS, {"instruction": "视镜有什么作用？", "output": "用来检查油位。"}])
    assert execute(job) == ["01-import", "02-clean", "03-exact", "04-rouge"]
    (tmp_path / "rows.jsonl").write_text((tmp_path / "rows.jsonl").read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert execute(job) == ["01-import"]  # other bytes, the same records


def test_a_stage_with_a_new_version_runs_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from curate.duplicates import exact

    job = rows_job(tmp_path)
    execute(job)
    monkeypatch.setattr(exact, "VERSION", exact.VERSION + 1)
    assert execute(job) == ["03-exact"]


def test_a_manifest_that_is_lost_or_damaged_costs_its_stage(tmp_path: Path) -> None:
    job = rows_job(tmp_path)
    execute(job)
    before = contents(tmp_path / "run")
    (tmp_path / "run" / "02-clean" / "manifest.json").unlink()
    (tmp_path / "run" / "04-rouge" / "manifest.json").write_text("{")
    assert execute(job) == ["02-clean", "04-rouge"]
    assert contents(tmp_path / "run") == before


def test_stop_after_ends_there_and_the_next_run_goes_on(tmp_path: Path) -> None:
    job = rows_job(tmp_path)
    assert execute(job, stop_after="clean") == ["01-import", "02-clean"]
    assert execute(job, stop_after="03-exact") == ["03-exact"]
    assert execute(job) == ["04-rouge"]
    with pytest.raises(InputError, match="--stop-after: no stage `roughe` in this job. It has: import, clean, exact, rouge"):
        execute(job, stop_after="roughe")


def test_a_stage_that_fails_leaves_those_before_it_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from curate.duplicates import exact

    def broken(records: Any, options: Any, context: Any) -> Any:
        yield next(records)
        raise RuntimeError("a fault")

    job = rows_job(tmp_path)
    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(exact, "exact", broken)
        execute(job)
    assert [p.parent.name for p in sorted((tmp_path / "run").glob("0*/manifest.json"))] == ["01-import", "02-clean"]
    assert execute(job) == ["03-exact", "04-rouge"]


def test_where_nothing_is_left_the_reasons_are_named(tmp_path: Path) -> None:
    passages = passages_job(tmp_path, [{"default": "prose, not JSON"}])
    said = r"02-doc_qa: nothing was kept of \d+ \(not_json \d+\)\. See .*02-doc_qa/rejected\.jsonl for each one's reason"
    for _ in range(2):  # the second time from what is there
        with pytest.raises(InputError, match=said):
            execute(passages)


# ---- documents and a teacher ----


def test_each_input_of_generation_runs_generation_again(tmp_path: Path) -> None:
    job = write_job(tmp_path)
    assert execute(job) == ["01-ingest", "02-doc_qa", "03-clean", "04-exact", "05-rouge", "06-split", "07-mix"]
    assert execute(job) == []

    # a document
    manual = tmp_path / "docs" / "en" / "pump.md"
    manual.write_text(manual.read_text(encoding="utf-8").replace("500 hours", "600 hours"), encoding="utf-8")
    assert execute(job, "doc_qa") == ["01-ingest", "02-doc_qa"]
    # a teacher that may say other things
    assert execute(write_job(tmp_path, teacher={"model": "scripted:replies.jsonl", "max_tokens": 200}), "doc_qa") == [
        "01-ingest", "02-doc_qa"]  # the document is the first one again
    # how fast it is asked decides nothing
    slower = {"model": "scripted:replies.jsonl", "max_tokens": 200, "concurrency": 2, "timeout": 9}
    assert execute(write_job(tmp_path, teacher=slower), "doc_qa") == []


def test_a_changed_prompt_runs_generation_again(tmp_path: Path) -> None:
    job = passages_job(tmp_path, prompts="mine")
    own = tmp_path / "mine" / "zh" / "doc_qa"
    own.mkdir(parents=True)
    assert execute(job) == ["01-import", "02-doc_qa", "03-exact"]
    text = (resource("prompts") / "zh" / "doc_qa" / "pair.md").read_text(encoding="utf-8")
    (own / "pair.md").write_text(text, encoding="utf-8")
    prompts.load.cache_clear()
    assert execute(job) == []  # the same words in another place
    (own / "pair.md").write_text("请认真。" + text, encoding="utf-8")
    prompts.load.cache_clear()
    assert execute(job) == ["02-doc_qa", "03-exact"]


def test_a_prompt_that_does_not_fit_is_told(tmp_path: Path) -> None:
    job = passages_job(tmp_path, prompts="mine")
    own = tmp_path / "mine" / "en" / "doc_qa"
    own.mkdir(parents=True)
    (own / "pair.md").write_text("Ask about {{sentense}}!", encoding="utf-8")
    with pytest.raises(PromptError, match=r"en/doc_qa/pair\.md: uses unknown variables: sentense\. Did you mean `sentences`"):
        execute(job)
    prompts.load.cache_clear()
    (own / "pair.md").write_bytes("提问 {{sentences}}".encode("gbk"))
    with pytest.raises(PromptError, match=r"pair\.md: is not UTF-8 text"):
        execute(job)


def test_a_limit_stops_cleanly_and_a_higher_one_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole = passages_job(tmp_path / "whole")
    execute(whole)
    with Journal(tmp_path / "whole" / "run" / "journal.sqlite", read_only=True) as journal:
        calls, tokens, _ = journal.spent()

    halted = passages_job(tmp_path / "halted", limits={"calls": 4})
    for _ in range(2):  # starting again does not reset what was spent
        with pytest.raises(LimitReached) as caught:
            execute(halted)
        assert caught.value.exit_code == 3
        assert str(caught.value) == (
            "limits.calls: 4 of 4 calls spent, and the next call could pass the limit. All replies are kept. "
            "To go on, raise limits.calls in the job and run the same command again")
    assert not (tmp_path / "halted" / "run" / "02-doc_qa" / "manifest.json").exists()
    for limits in ({"calls": calls // 2}, {"tokens": tokens // 2}):
        with pytest.raises(LimitReached):
            execute(passages_job(tmp_path / "halted", limits=limits))
    assert execute(passages_job(tmp_path / "halted", limits={"calls": calls})) == ["02-doc_qa", "03-exact"]
    assert contents(tmp_path / "halted" / "run") == contents(tmp_path / "whole" / "run")
    with Journal(tmp_path / "halted" / "run" / "journal.sqlite", read_only=True) as journal:
        assert journal.spent()[0] == calls


def test_money_needs_prices_and_stops_the_run_by_them(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"job\.yaml:\d+: limits\.money: counts money, and the teacher has no prices"):
        execute(passages_job(tmp_path, limits={"money": 1}))
    teacher = {"model": "scripted:replies.jsonl", "prices": {"prompt": 1000, "completion": 1000, "currency": "CNY"}}
    with pytest.raises(LimitReached, match=r"limits\.money: \d\.\d\d of 2\.00 CNY spent"):
        execute(passages_job(tmp_path, teacher=teacher, limits={"money": 2}))
    execute(passages_job(tmp_path, teacher=teacher))
    done = manifest(tmp_path / "run" / "02-doc_qa")
    assert done and done.usage.money == pytest.approx((done.usage.prompt_tokens + done.usage.completion_tokens) / 1000)


def test_what_a_stage_cost_is_counted_also_when_it_was_bought_by_an_earlier_try(tmp_path: Path) -> None:
    job = passages_job(tmp_path, limits={"calls": 9})
    with pytest.raises(LimitReached):
        execute(job)
    execute(passages_job(tmp_path))
    done = manifest(tmp_path / "run" / "02-doc_qa")
    with Journal(tmp_path / "run" / "journal.sqlite", read_only=True) as journal:
        calls, tokens, _ = journal.spent()
    assert done and (done.usage.calls, done.usage.prompt_tokens + done.usage.completion_tokens) == (calls, tokens)
    assert calls > 9


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_clear_error_and_the_run_goes_on_later(tmp_path: Path) -> None:
    job = rows_job(tmp_path)
    execute(job)
    before = contents(tmp_path / "run")
    folder = tmp_path / "run" / "03-exact"
    (folder / "manifest.json").unlink()
    full = folder / "kept.jsonl.partial"
    full.symlink_to("/dev/full")
    with pytest.raises(RunError, match=r"03-exact/kept\.jsonl: cannot be written: No space left on device\. Free some"):
        execute(job)
    full.unlink(missing_ok=True)
    assert execute(job) == ["03-exact"]
    assert contents(tmp_path / "run") == before


def test_a_full_disk_met_by_a_library_is_the_same_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from curate.duplicates import exact

    def broken(records: Any, options: Any, context: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exact, "exact", broken)
    with pytest.raises(RunError, match="03-exact: cannot be written: No space left on device. Free some space"):
        execute(rows_job(tmp_path))


def test_no_password_of_a_url_comes_into_the_run(tmp_path: Path) -> None:
    job = rows_job(tmp_path, teacher={"url": "https://me:hunter22@example.org/v1?api_key=k3y", "model": "水泵-7b"})
    execute(job)
    written = (tmp_path / "run" / "job.yaml").read_text(encoding="utf-8")
    assert "hunter22" not in written and "k3y" not in written
    assert yaml.safe_load(written)["teacher"] == {"url": "https://***@example.org/v1?api_key=***", "model": "水泵-7b"}


# ---- plan ----


def plan(job: Path) -> list[str]:
    return list(describe(Pipeline(config.load(job))))


def test_a_plan_tells_what_is_done_and_what_is_to_come_and_changes_nothing(tmp_path: Path) -> None:
    teacher = {"model": "scripted:replies.jsonl", "prices": {"prompt": 2, "completion": 4, "currency": "CNY"}}
    job = write_job(tmp_path, teacher=teacher)
    first = plan(job)
    assert not (tmp_path / "run").exists()
    assert first[0] == f"Run directory: {tmp_path.resolve() / 'run'}"
    calls, prompt, completion = doc_qa.estimate([], doc_qa.Options())
    assert (calls, prompt, completion) == (0, 0, 0)
    assert first[1].split() == ["01-ingest", "to", "do"]
    assert first[2].startswith("  02-doc_qa          to do: 4 passages, about ")
    assert first[-3].startswith("To come, about: ") and first[-3].endswith(" CNY")

    execute(job, stop_after="doc_qa")
    second = plan(job)
    done = manifest(tmp_path / "run" / "02-doc_qa")
    assert done and second[2].split()[1:3] == ["done:", str(done.kept)]
    assert [line.split()[1] for line in second[1:4]] == ["done:", "done:", "to"]
    assert not any(line.startswith("To come") for line in second)


def test_a_plan_reads_documents_that_have_changed(tmp_path: Path) -> None:
    job = write_job(tmp_path)
    execute(job, stop_after="ingest")
    (tmp_path / "docs" / "zh" / "离心泵.md").unlink()
    assert "to do: 2 passages" in plan(job)[2]


def test_a_plan_finds_work_under_an_older_number(tmp_path: Path) -> None:
    execute(rows_job(tmp_path))
    lines = plan(rows_job(tmp_path, curate=["clean", {"mix": {"test": 0}}, "exact"]))
    assert [line.split()[:2] for line in lines[1:4]] == [["01-import", "done:"], ["02-clean", "done:"], ["03-mix", "to"]]
    assert sorted(p.name for p in (tmp_path / "run").glob("0*")) == ["01-import", "02-clean", "03-exact", "04-rouge"]


def test_a_generator_that_makes_nothing_beside_a_data_set_does_not_end_the_job(tmp_path: Path) -> None:
    """Two rows are too few to augment: the data set goes on as it is, and the job says so."""
    write_rows(tmp_path, ROWS[3:])
    job = rows_job(tmp_path, generate=[{"augment": {"share": 0.1}}], teacher={"model": "scripted:none.json"})
    (tmp_path / "none.json").write_text('{"default": "never asked"}\n', encoding="utf-8")
    out = io.StringIO()
    Pipeline(config.load(job), report=False).execute(progress=Plain(out))
    assert "02-augment made nothing, and the job goes on without" in out.getvalue()
    done = manifest(tmp_path / "run" / "05-rouge")
    assert done is not None and done.kept == 2


def test_what_is_evolved_or_augmented_stands_beside_its_data_set(tmp_path: Path) -> None:
    plan = Pipeline(config.load(rows_job(tmp_path, generate=["augment"])), report=False).plan()
    assert [step.name for step in plan[2].inputs] == ["01-import", "02-augment"]
    job = passages_job(tmp_path / "b", generate=["doc_qa", "preference"]) if (tmp_path / "b").mkdir() is None else None
    assert job is not None
    plan = Pipeline(config.load(job), report=False).plan()
    assert [[s.name for s in step.inputs] for step in plan[1:]] == [
        ["01-import"], ["02-doc_qa"], ["02-doc_qa", "03-preference"]
    ]


@pytest.mark.parametrize(("generate", "why"), [
    (["augment"], "works on records, and nothing before it makes any"),
    ([{"evol_instruct": {"from": "doc_qa"}}], "no stage `doc_qa` before `evol_instruct`"),
])
def test_a_generator_needs_records_that_are_there(tmp_path: Path, generate: list[Any], why: str) -> None:
    job = write_job(tmp_path, generate=generate)
    with pytest.raises(JobError, match=why):
        Pipeline(config.load(job), report=False).plan()


def test_what_measures_with_a_student_takes_the_one_that_is_trained(tmp_path: Path) -> None:
    measuring = ["ifd", {"perplexity": {"student": "path:other.gguf"}}]
    job = rows_job(tmp_path, curate=measuring, train={"student": "path:mine.gguf"})
    planned = {step.stage.name: step for step in Pipeline(config.load(job), report=False).plan()}
    assert planned["ifd"].options.student == "path:mine.gguf"
    assert planned["perplexity"].options.student == "path:other.gguf"
    alone = {step.stage.name: step for step in Pipeline(config.load(rows_job(tmp_path, curate=["ifd"]))).plan()}
    assert alone["ifd"].options.student == "smollm2-135m-instruct"
