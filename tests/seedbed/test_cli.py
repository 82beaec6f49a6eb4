"""The command line: every command, every exit code, and one clear line for all that can go wrong."""

from __future__ import annotations

import importlib.util
import json
import os
import pty
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from datagen.teacher import client
from datagen.teacher.journal import Journal
from datagen.teacher.options import Pace
from seedbed import cli, config, jsonl, models
from seedbed.cli import main
from seedbed.pipeline import Pipeline
from seedbed.record import Record
from seedbed.run import manifest
from tests.fake_endpoint import completion, serving
from tests.tiny_job import PAIRS, answer_mark, rules, write_documents, write_job

ROOT = Path(__file__).resolve().parents[2]
KEY = "a-key-of-no-usual-form-0123456789"


class Said:
    """What a command said and how it ended."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def seedbed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command in this process; the waits for an endpoint that does not answer are hurried."""
    monkeypatch.setattr(client, "Pace", partial(Pace, first=0.002, refused=0.002, reach=0.05))

    def run(*argv: object) -> Said:
        capsys.readouterr()
        try:
            status = main([str(part) for part in argv])
        except SystemExit as refused:  # argparse
            status = int(refused.code or 0)
        said = Said(status, *capsys.readouterr())
        assert "Traceback" not in said.out + said.err
        return said

    return run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished tiny job; nobody changes it."""
    folder = tmp_path_factory.mktemp("finished")
    out = f"runs/{folder.name}"
    assert main(["run", str(write_job(folder, out=out))]) == 0
    return folder


@pytest.fixture
def run_of(finished: Path) -> Path:
    return finished / "runs" / finished.name


def records(folder: Path, name: str = "kept") -> list[Record]:
    return list(jsonl.read(folder / f"{name}.jsonl"))


def one_line(said: Said, status: int = 2) -> str:
    assert (said.status, said.err.count("\n")) == (status, 1), said.err
    assert said.err.startswith("seedbed: ")
    return said.err.removeprefix("seedbed: ").strip()


# ---- run and plan ----


def test_run_tells_each_stage_and_where_the_report_is(seedbed: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path)
    said = seedbed("run", job, "--stop-after", "doc_qa")
    run = tmp_path.resolve() / "run"
    assert said.status == 0 and said.err == ""
    lines = said.out.splitlines()
    assert lines[0].startswith("01-ingest: 4 kept, ")
    done = manifest(run / "02-doc_qa")
    assert done and done.kept > 8 and done.reasons
    counts = f"{done.kept} kept, {done.rejected} rejected ("
    assert f"\n02-doc_qa: {counts}" in said.out
    assert lines[-1] == f"Done: {run}"
    said = seedbed("run", job)
    assert said.out.startswith(f"01-ingest: already done (4 kept)\n02-doc_qa: already done ({counts}")
    assert said.out.endswith(f"Done: {run}\nReport: {run / '08-report' / 'report.html'}\n")
    assert seedbed("run", job).out.count("already done") == 8
    assert "\x1b" not in said.out  # plain lines where there is no terminal


def test_flags_stand_over_the_job_and_start_from_the_current_folder(
    seedbed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jobs").mkdir()
    write_job(tmp_path / "jobs", teacher={"url": "http://nowhere.invalid/v1", "model": "x"}, generate=["doc_qa"])
    write_documents(tmp_path / "handbooks")
    (tmp_path / "handbooks" / "en" / "pump.md").unlink()
    (tmp_path / "jobs" / "replies.jsonl").rename(tmp_path / "replies.jsonl")
    monkeypatch.chdir(tmp_path)
    said = seedbed("run", "jobs/job.yaml", "--documents", "handbooks", "--out", "here", "--limit", "2",
                   "--model", "scripted:replies.jsonl", "--stop-after", "doc_qa")
    assert said.status == 0, said.err
    written = yaml.safe_load((tmp_path / "here" / "job.yaml").read_text(encoding="utf-8"))
    assert written["generate"] == [{"doc_qa": {"target": 2}}]
    assert written["teacher"] == {"model": f"scripted:{tmp_path.resolve() / 'replies.jsonl'}"}
    kept = records(tmp_path / "here" / "02-doc_qa")
    assert len(kept) >= 2 and {r.source.document for r in kept if r.source} == {"zh/离心泵.md"}


def test_documents_keep_the_options_of_the_job(tmp_path: Path) -> None:
    job = write_job(tmp_path, documents={"paths": ["docs"], "tokens": 200})
    given = cli._parser().parse_args(["plan", str(job), "--documents", "/manuals"])
    assert cli._job(given).raw["documents"] == {"paths": ["/manuals"], "tokens": 200}
    job = write_job(tmp_path, documents=None, records="rows.jsonl")
    assert [e.name for e in cli._job(cli._parser().parse_args(["plan", str(job), "--documents", "x"])).stages()][0] == "ingest"


def test_plan_says_what_is_to_come_and_costs_nothing(seedbed: Any, tmp_path: Path) -> None:
    said = seedbed("plan", write_job(tmp_path), "--limit", "3")
    assert said.status == 0
    assert "02-doc_qa          to do: 4 passages, about " in said.out and "To come, at most: " in said.out
    assert not (tmp_path / "run").exists()


def test_a_limit_ends_with_exit_code_3_and_the_way_on(seedbed: Any, tmp_path: Path) -> None:
    line = one_line(seedbed("run", write_job(tmp_path, limits={"calls": 3})), 3)
    assert line.startswith("limits.calls: 3 of 3 calls spent") and "raise limits.calls in the job" in line
    assert seedbed("run", write_job(tmp_path), "--stop-after", "doc_qa").status == 0


@pytest.mark.parametrize(
    ("limit", "said"),
    [("0", r"job\.yaml:\d+: generate\.doc_qa\.target: expected 1 or more"),
     ("-5", r"job\.yaml:\d+: generate\.doc_qa\.target: expected 1 or more")],
)
def test_a_limit_that_makes_no_sense_is_refused(seedbed: Any, tmp_path: Path, limit: str, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(one_line(seedbed("plan", write_job(tmp_path), "--limit", limit)))


# ---- what can go wrong ----


@pytest.mark.parametrize(
    ("top", "said"),
    [
        ({"documents": "nowhere"}, "nowhere: no such file or folder. Check the path of the documents"),
        ({"documents": "empty"}, "empty: there are no documents in it. Put PDF, HTML, Markdown or text files there"),
        ({"records": "none.jsonl", "documents": None}, "none.jsonl: no such data file. Name a JSON, JSONL, CSV or Parquet"),
        ({"curate": ["clena"]}, "curate: unknown stage `clena`. Did you mean `clean`?"),
        ({"generate": [{}]}, "generate: each entry is one stage, this one has 0 keys"),
        ({"generate": [{"doc_qa": 5}]}, "generate.doc_qa: options are key: value pairs, not 5"),
        ({"teacher": {"model": "scripted:none.jsonl"}}, "none.jsonl: cannot be read: No such file or directory"),
        ({"teacher": {"model": "path:none.gguf"}}, "none.gguf"),
        ({"out": "job.yaml/run"}, "job.yaml/run: cannot be written: Not a directory. Free some space or choose another"),
    ],
)
def test_a_job_that_cannot_run_gets_one_line(seedbed: Any, tmp_path: Path, top: dict[str, Any], said: str) -> None:
    job = write_job(tmp_path, **top)
    (tmp_path / "empty").mkdir()
    assert said in one_line(seedbed("run", job, "--limit", "5"))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["run", "none.yaml"], "none.yaml: cannot be read: No such file or directory. `seedbed init DIR` writes a job"),
        (["plan", "."], ": cannot be read: Is a directory"),
        (["show", "abc", "--run", "."], ".: is not a run directory. Name one with --run; runs are in runs/"),
        (["show", "abc"], "no run under runs/ here. Name one with --run DIR"),
        (["report", "."], ".: is not a run directory"),
        (["ingest", "none.pdf", "--out", "o"], "none.pdf: no such file or folder"),
        (["generate", "none.jsonl", "--out", "o"], "none.jsonl: no such data file"),
        (["curate", "none.jsonl", "--out", "o"], "none.jsonl: no such data file"),
        (["curate", "rows.txt", "--out", "o"], "rows.txt: not a data set file: .txt. Expected one of .jsonl"),
        (["curate", "bad.jsonl", "--out", "o"], "bad.jsonl: no row could be read; the first (line 1): "),
        (["train", "none.jsonl", "--out", "o"], "none.jsonl: no such data file"),
        (["evaluate", "none.jsonl", "--out", "o"], "none.jsonl: no such data file"),
        (["export", "bad.jsonl", "--formats", "alpca", "--out", "o"], "(command line): curate.export.formats: expected"),
        (["models", "pull", "gpt-9"], "no model is called gpt-9. Known: "),
        (["models", "pull"], "models pull: no model is named. `seedbed models list` shows their names"),
        (["init", "bad.jsonl"], "bad.jsonl/job.yaml: cannot be written: "),
    ],
)
def test_bad_input_to_any_command_gets_one_line(
    seedbed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.txt").write_text("x")
    (tmp_path / "bad.jsonl").write_text('{"foo": 1}\nnot JSON\n')
    assert said in one_line(seedbed(*argv))


@pytest.mark.parametrize("argv", [[], ["rum"], ["run"], ["show"], ["run", "j", "--limit", "many"], ["curate", "x"]])
def test_a_wrong_command_line_shows_the_usage(seedbed: Any, argv: list[str]) -> None:
    said = seedbed(*argv)
    assert said.status == 2 and said.err.startswith("usage: seedbed")


def test_a_fault_of_seedbed_itself_is_one_line_and_a_file_with_the_details(
    seedbed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from curate import exact

    def broken(records: Any, options: Any, context: Any) -> Any:
        raise ZeroDivisionError("a fault 故障")

    (tmp_path / "rows.jsonl").write_text('{"text": "阀门 V2 限制压力。"}\n', encoding="utf-8")
    monkeypatch.setattr(exact, "exact", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    job = write_job(tmp_path, documents=None, records="rows.jsonl", generate=[], curate=["exact"])
    line = one_line(seedbed("run", job), 1)
    assert line.startswith("a fault of seedbed itself: ZeroDivisionError: a fault 故障. Details: ")
    (log,) = tmp_path.glob("seedbed-*.log")
    assert str(log) in line and "Traceback" in log.read_text(encoding="utf-8")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    assert "the temporary folder cannot be written" in one_line(seedbed("run", job), 1)


@pytest.mark.parametrize(
    ("argv", "last"), [(["show", "0000"], "seedbed: stopped. Nothing is lost: the same command goes on from here\n")]
)
def test_ctrl_c_is_one_line_and_130(seedbed: Any, monkeypatch: pytest.MonkeyPatch, argv: list[str], last: str) -> None:
    from seedbed import show

    def interrupted() -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(show, "newest_run", interrupted)
    said = seedbed(*argv)
    assert (said.status, said.err) == (130, last)


def test_a_reader_who_leaves_early_is_no_error(finished: Path, run_of: Path) -> None:
    record = records(run_of / "02-doc_qa")[0]
    command = [sys.executable, "-m", "seedbed.cli", "show", record.id, "--run", str(run_of)]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout and child.stderr
    child.stdout.close()
    assert (child.stderr.read(), child.wait()) == (b"", 141)
    child.stderr.close()


def test_on_a_terminal_there_are_bars_whatever_the_files_are_called(tmp_path: Path) -> None:
    job = write_job(tmp_path, curate=[], generate=[])
    (tmp_path / "docs" / "en").rename(tmp_path / "docs" / "[red]en[")
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "seedbed.cli", "run", str(job), "--stop-after", "ingest"]
    child = subprocess.Popen(command, cwd=ROOT, stdout=slave, stderr=subprocess.STDOUT, env=os.environ | {"TERM": "xterm"})
    os.close(slave)
    shown = b""
    try:
        while part := os.read(master, 4096):
            shown += part
    except OSError:  # the other side is closed: how a pty ends on Linux
        pass
    os.close(master)
    assert child.wait() == 0, shown.decode()
    assert b"\x1b[" in shown and b"01-ingest: 4 kept" in shown


# ---- the teacher ----


def served_job(folder: Path, **top: Any) -> Path:
    return write_job(folder, teacher={"model": "pump-7b", "key_env": "PUMP_KEY", "retries": 1}, **top)


def everything_written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_any_endpoint_serves_by_url_and_name_and_the_key_stays_secret(
    seedbed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUMP_KEY", KEY)
    echoing, refusing = (answer_mark(pair.question, "en") for pair in PAIRS["pressure"][:2])

    def odd(headers: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        last = body["messages"][-1]["content"]
        if echoing in last:  # a proxy that puts what it was sent into its answers
            return 200, completion(f"By default the pump runs at 2.5 bar. {headers['authorization']} 密钥 {KEY}")
        if refusing in last:
            return 400, {"error": {"message": f"the context is too long; you sent {headers['authorization']}, {KEY}"}}
        return None

    with serving(rules(), odd) as endpoint:
        job = served_job(tmp_path)
        said = seedbed("run", job, "--teacher", endpoint.url, "--model", "pump-7b")
    assert said.status == 0, said.err
    assert {headers["authorization"] for headers in endpoint.headers} == {f"Bearer {KEY}"}
    assert {body["model"] for body in endpoint.bodies} == {"pump-7b"}
    shown = [seedbed("show", record.id, "--run", tmp_path / "run").out
             for name in ("kept", "rejected") for record in records(tmp_path / "run" / "02-doc_qa", name)]
    assert any("***" in text for text in shown) and any("the context is too long" in text for text in shown)
    assert KEY not in said.out + said.err + "".join(shown)
    written = everything_written(tmp_path / "run")
    assert b"2.5 bar" in written and KEY.encode() not in written


def test_a_refused_key_is_one_line_without_the_key(seedbed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(headers: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 401, {"error": {"message": f"Incorrect API key provided: {headers['authorization']}", "code": "invalid"}}

    job = served_job(tmp_path)
    with serving([], odd) as endpoint:
        for key, step in ((KEY, "PUMP_KEY"), ("", "PUMP_KEY, which is not set")):
            monkeypatch.setenv("PUMP_KEY", key)
            said = seedbed("run", job, "--teacher", endpoint.url)
            assert one_line(said) == (f"{endpoint.url}: the teacher refuses the key (401). Put a valid key into the "
                                      f"environment variable {step}")
            assert KEY not in said.out + said.err and KEY.encode() not in everything_written(tmp_path / "run")


def test_an_unknown_model_is_one_line_with_the_nearest(seedbed: Any, tmp_path: Path) -> None:
    def odd(headers: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 404, {"error": {"message": f"The model {body['model']} does not exist"}}

    with serving([], odd) as endpoint:
        line = one_line(seedbed("run", served_job(tmp_path), "--teacher", endpoint.url, "--model", "pump-8b"))
    assert line == f"{endpoint.url}: unknown model pump-8b. Did you mean pump-7b? It has: pump-7b"


def test_an_endpoint_out_of_reach_is_one_line(seedbed: Any, tmp_path: Path) -> None:
    line = one_line(seedbed("run", served_job(tmp_path), "--teacher", "http://127.0.0.1:9/v1"))
    assert line.startswith("http://127.0.0.1:9/v1: the teacher is out of reach: ")
    assert line.endswith("Check that it runs and that the URL is right")


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
        assert f"  doc_qa answer from {step.parents[0]}, prompt {step.prompt}, teacher {step.teacher}" in said.out
        with Journal(run_of / "journal.sqlite", read_only=True) as journal:
            for key in step.calls:
                row = journal.row(key)
                assert row and f"    call {key}" in said.out
                assert all(line in said.out for m in row.request["messages"] for line in m["content"].splitlines())
                assert f"      reply: {row.reply.text}" in said.out
        assert len(step.calls) == 3


def test_show_tells_why_a_record_was_rejected(seedbed: Any, run_of: Path) -> None:
    record = next(r for r in records(run_of / "02-doc_qa", "rejected") if r.rejection and r.rejection.match != r.id)
    said = seedbed("show", record.id[:10], "--run", run_of)
    assert record.rejection and record.rejection.reason == "twin_question"
    assert (f"  02-doc_qa: rejected: twin_question {record.rejection.score:.2f} of {record.rejection.match} "
            f"(nearly the words of {record.rejection.match})") in said.out.splitlines()
    assert "03-clean" not in said.out


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
        "01-import", "02-clean", "03-exact", "04-rouge", "05-split", "06-mix"]
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
        "01-import", "02-clean", "03-rules", "04-exact", "05-rouge", "06-split", "07-mix", "08-export"]


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
    assert any(line.split() == ["ok", "reading", "PDF,", "HTML", "and", "Markdown"] for line in lines)
    assert sum("seedbed models pull" in line for line in lines) == len(models.CATALOGUE)
