"""The command line: running a job, exit codes, and one clear line for all that can go wrong."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from seedbed import cli, flags
from seedbed.run import Run, manifest
from tests.fake_endpoint import completion, serving
from tests.seedbed.commands import one_line, records
from tests.tiny_job import PAIRS, mark, rules, write_documents, write_job

ROOT = Path(__file__).resolve().parents[2]
KEY = "a-key-of-no-usual-form-0123456789"


# ---- run and plan ----


def test_run_tells_each_stage_and_where_the_report_is(seedbed: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path)
    said = seedbed("run", job, "--stop-after", "doc_qa")
    run = tmp_path.resolve() / "run"
    assert said.status == 0 and said.err == ""
    lines = said.out.splitlines()
    assert lines[0].startswith("01-ingest: 4 kept, ")
    done = manifest(run / "02-doc_qa")
    assert done and done.kept > 6 and done.reasons
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
    assert flags.job_of(given).raw["documents"] == {"paths": ["/manuals"], "tokens": 200}
    job = write_job(tmp_path, documents=None, records="rows.jsonl")
    assert [e.name for e in flags.job_of(cli._parser().parse_args(["plan", str(job), "--documents", "x"])).stages()][0] == "ingest"


def test_plan_says_what_is_to_come_and_costs_nothing(seedbed: Any, tmp_path: Path) -> None:
    said = seedbed("plan", write_job(tmp_path), "--limit", "3")
    assert said.status == 0
    assert "02-doc_qa          to do: 4 passages, about " in said.out and "To come, about: " in said.out
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
        ({"documents": "empty"}, "empty: there are no documents in it. Put PDF, Word, PowerPoint, Excel,"),
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


def test_two_runs_in_one_directory_are_one_line(seedbed: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path)
    with Run(tmp_path / "run"):
        line = one_line(seedbed("run", job))
        assert seedbed("plan", job).status == 0  # looking is no work
    assert line.startswith(f"{tmp_path.resolve() / 'run'}: another seedbed (process {os.getpid()}) is working in this run")


@pytest.mark.parametrize("argv", [[], ["rum"], ["run"], ["show"], ["run", "j", "--limit", "many"], ["curate", "x"]])
def test_a_wrong_command_line_shows_the_usage(seedbed: Any, argv: list[str]) -> None:
    said = seedbed(*argv)
    assert said.status == 2 and said.err.startswith("usage: seedbed")


def test_a_fault_of_seedbed_itself_is_one_line_and_a_file_with_the_details(
    seedbed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from curate.duplicates import exact

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
    ("variable", "value"),
    [("OTHER_API_KEY", KEY), ("HUB_TOKEN", f"{KEY}\n"), ("DB_PASSWORD", "口令 a long pass phrase"), ("TEACHER", f"“{KEY}”")],
)
def test_a_fault_of_seedbed_itself_shows_no_secret(
    seedbed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    from curate.duplicates import exact

    def broken(records: Any, options: Any, context: Any) -> Any:
        raise ValueError(f"Illegal header value {value!r}, sent 4096 with {value.strip()}")

    (tmp_path / "rows.jsonl").write_text('{"text": "阀门 V2 限制压力。"}\n', encoding="utf-8")
    monkeypatch.setattr(exact, "exact", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("MAX_TOKENS", "4096")
    teacher = {"model": "scripted:replies.jsonl", "roles": {"judge": {"key_env": "TEACHER"}}}
    job = write_job(tmp_path, documents=None, records="rows.jsonl", generate=[], curate=["exact"], teacher=teacher)
    line = one_line(seedbed("run", job), 1)
    (log,) = tmp_path.glob("seedbed-*.log")
    for text in (line, log.read_text(encoding="utf-8")):
        assert "Illegal header value" in text and "***" in text and "4096" in text
        assert KEY not in text and "pass phrase" not in text


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
    echoing, refusing = (mark(pair.sentence, "en") for pair in PAIRS["pressure"][:2])

    def odd(headers: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        last = body["messages"][-1]["content"]
        if echoing in last:  # a proxy that puts what it was sent into its answers
            said = {"question": PAIRS["pressure"][0].question,
                    "answer": f"By default the pump runs at 2.5 bar. {headers['authorization']} 密钥 {KEY}", "sentences": [1]}
            return 200, completion(json.dumps(said, ensure_ascii=False))
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
