"""The run directory: its lock, its folders, its marks of completeness, and what happens when nothing can be written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seedbed import jsonl, run
from seedbed.errors import InputError, RunError
from seedbed.record import Record, chat
from seedbed.run import Manifest, Run, counted, fingerprint, finish, manifest, separate, stage_folders, stage_name


def pairs() -> list[Record]:
    good, echo, 好 = chat("What is V2?", "A valve."), chat("Why?", "Why."), chat("阀门 V2 是什么？", "限压阀。")
    return [good, echo.reject("rules", "echo", "it repeats the question"), 好]


def test_two_runs_never_work_in_one_directory(tmp_path: Path) -> None:
    with Run(tmp_path / "run"):
        with pytest.raises(RunError) as caught, Run(tmp_path / "run"):
            pass
        assert str(caught.value) == (
            f"{tmp_path / 'run'}: another seedbed (process {os.getpid()}) is working in this run directory. "
            "Wait for it, or give this run a folder of its own with --out")
    with Run(tmp_path / "run"):  # the first one is over
        pass


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    code = f"import os; from pathlib import Path; from seedbed.run import Run; Run(Path({str(tmp_path)!r})).__enter__(); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    with Run(tmp_path):
        assert (tmp_path / ".lock").read_text() == str(os.getpid())


def test_a_directory_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RunError, match=r"file/run: cannot be written: Not a directory\. Free some space or choose another"):
        Run(tmp_path / "file" / "run").__enter__()


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a folder that not even root can write to")
def test_a_read_only_folder_is_one_clear_error() -> None:
    with pytest.raises(RunError, match=r"/sys/kernel/seedbed-run: cannot be written: .*--out"):
        Run(Path("/sys/kernel/seedbed-run")).__enter__()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_clear_error_and_leaves_what_was_there(tmp_path: Path) -> None:
    jsonl.write(tmp_path / "kept.jsonl", ["before 之前"])
    (tmp_path / "kept.jsonl.partial").symlink_to("/dev/full")
    with pytest.raises(RunError, match=r"kept\.jsonl: cannot be written: No space left on device\. Free some space"):
        separate(iter(pairs()), tmp_path, Manifest(stage="clean", fingerprint="f"))
    assert list(jsonl.read_as(str, tmp_path / "kept.jsonl")) == ["before 之前"]
    assert manifest(tmp_path) is None


def test_kept_and_rejected_are_told_apart_and_counted(tmp_path: Path) -> None:
    done = Manifest(stage="rules", fingerprint="f")
    separate(counted(pairs(), done), tmp_path, done)
    assert [r.instruction for r in jsonl.read(tmp_path / "kept.jsonl")] == ["What is V2?", "阀门 V2 是什么？"]
    assert [r.rejection.reason for r in jsonl.read(tmp_path / "rejected.jsonl") if r.rejection] == ["echo"]
    assert (done.read, done.kept, done.rejected, done.reasons) == (3, 2, 1, {"echo": 1})
    assert done.output == run.file_hash(tmp_path / "kept.jsonl")


def test_a_stage_that_fails_leaves_no_file_that_looks_whole(tmp_path: Path) -> None:
    def broken() -> Any:
        yield pairs()[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        separate(broken(), tmp_path, Manifest(stage="clean", fingerprint="f"))
    assert not (tmp_path / "kept.jsonl").exists() and not (tmp_path / "rejected.jsonl").exists()


def test_a_manifest_comes_back_as_it_was_and_a_damaged_one_counts_as_none(tmp_path: Path) -> None:
    done = Manifest(stage="clean", fingerprint="f", kept=2, reasons={"太短": 1}, figures={"share": 0.08, "通用": [1]})
    finish(tmp_path, done)
    assert manifest(tmp_path) == done
    whole = (tmp_path / "manifest.json").read_bytes()
    for damaged in (whole[:-20], b"", whole.replace(b'"kept": 2', b'"kept": "two"'), b"\xff\xfe"):
        (tmp_path / "manifest.json").write_bytes(damaged)
        assert manifest(tmp_path) is None


PARTS: dict[str, Any] = {"stage": "clean", "version": 1, "options": {"a": 1, "b": [2]}, "seed": 0, "inputs": ["x"]}


@pytest.mark.parametrize(
    "changed", [{"stage": "rules"}, {"version": 2}, {"options": {"a": 1, "b": [3]}}, {"seed": 1}, {"inputs": ["x", "y"]}]
)
def test_a_fingerprint_changes_with_each_of_its_parts(changed: dict[str, Any]) -> None:
    assert fingerprint(**PARTS) != fingerprint(**PARTS | changed)


def test_a_fingerprint_does_not_depend_on_the_order_of_keys() -> None:
    assert fingerprint(**PARTS) == fingerprint(**PARTS | {"options": {"b": [2], "a": 1}})


def checkpoint(folder: Path) -> Path:
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "step-10").write_text("weights")
    return folder / "checkpoint" / "step-10"


def test_files_of_the_same_work_stay_and_those_of_other_work_go(tmp_path: Path) -> None:
    folder = tmp_path / "05-train"
    Run(tmp_path).begin(folder, "one", keep_files=False)
    weights = checkpoint(folder)
    finish(folder, Manifest(stage="train", fingerprint="one"))
    Run(tmp_path).begin(folder, "one", keep_files=False)
    assert weights.exists() and manifest(folder) is None  # begun anew: no longer complete
    Run(tmp_path).begin(folder, "two", keep_files=False)
    assert not weights.exists()
    checkpoint(folder)
    Run(tmp_path).begin(folder, "three", keep_files=True)  # a cache addressed by content
    assert weights.exists()


def test_a_removal_that_was_broken_off_is_not_taken_for_the_same_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "05-train"
    Run(tmp_path).begin(folder, "one", keep_files=False)
    weights = checkpoint(folder)

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(run.shutil, "rmtree", killed)
        Run(tmp_path).begin(folder, "two", keep_files=False)
    Run(tmp_path).begin(folder, "one", keep_files=False)
    assert not weights.exists()


def made(path: Path, *names: str) -> None:
    for name in names:
        (path / name).mkdir(parents=True)
        (path / name / "kept.jsonl").write_text(stage_name(Path(name)))


def names(path: Path) -> list[str]:
    return [str(p.relative_to(path)) for p in sorted(path.rglob("*")) if p.is_dir() and p.name != "earlier"]


@pytest.mark.parametrize(
    ("there", "stages", "after"),
    [
        # a stage comes before: those behind it keep their work under a new number
        (["01-ingest", "02-clean", "03-exact"], ["ingest", "clean", "rules", "exact"], ["01-ingest", "02-clean", "04-exact"]),
        # two change places
        (["01-ingest", "02-clean", "03-exact"], ["ingest", "exact", "clean"], ["01-ingest", "02-exact", "03-clean"]),
        # one is gone: nobody must take it for a part of this run, and it is not thrown away
        (["01-ingest", "02-clean", "03-mix"], ["ingest", "clean"], ["01-ingest", "02-clean", "earlier/03-mix"]),
        # and comes back
        (["01-ingest", "earlier/03-mix"], ["ingest", "mix"], ["01-ingest", "02-mix"]),
        # a stage named twice is never mistaken for the other one
        (["01-ingest", "02-clean"], ["ingest", "exact", "clean", "clean"], ["01-ingest", "earlier/02-clean"]),
        (["01-ingest", "02-clean"], ["ingest", "clean", "exact", "clean"], ["01-ingest", "02-clean"]),
        # what is set aside takes the place of what was set aside before
        (["01-ingest", "02-mix", "earlier/02-mix"], ["ingest"], ["01-ingest", "earlier/02-mix"]),
    ],
)
def test_work_stays_with_its_stage_when_the_job_changes(
    tmp_path: Path, there: list[str], stages: list[str], after: list[str]
) -> None:
    made(tmp_path, *there)
    Run(tmp_path).folders(stages)
    assert names(tmp_path) == sorted(there)  # looking changes nothing
    with Run(tmp_path) as locked:
        locked.arrange(stages)
    assert names(tmp_path) == after
    assert [folder.name for folder in Run(tmp_path).folders(stages)] == [f"{n:02}-{s}" for n, s in enumerate(stages, 1)]
    for path in tmp_path.rglob("kept.jsonl"):
        assert path.read_text() == stage_name(path.parent)


def test_a_folder_without_stages_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a run directory. Name one with --run"):
        stage_folders(tmp_path)


@pytest.mark.parametrize("step", [lambda r: r.begin(r.path / "01-x", "f", False), lambda r: r.arrange(["x", "y"])])
def test_every_step_says_what_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Callable[[Run], None]
) -> None:
    made(tmp_path, "01-x", "02-z")

    def refused(*_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "rename", refused)
    monkeypatch.setattr(run.shutil, "rmtree", refused)
    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(RunError, match="cannot be written: Read-only file system"):
        step(Run(tmp_path))
