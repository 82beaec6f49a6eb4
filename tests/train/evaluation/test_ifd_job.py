"""A job with a student that measures: resumed after a kill, and its cuts tried out, nothing is measured twice."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from curate.scoring import measuring
from seedbed import config
from seedbed.likelihood import Measured, Said
from seedbed.pipeline import Pipeline
from seedbed.progress import Plain
from seedbed.run import manifest
from tests.test_kill import Lives
from tests.tiny_job import contents
from tests.train.tiny import records
from train.evaluation.likelihood import Student


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_SLICE", 4)


class Watch:
    """What the student measures; after so many slices the process is gone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[Said] = []
        self.left = -1
        measure = Student.measure

        def watched(student: Student, several: Sequence[Said], alone: bool) -> list[Measured]:
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            self.asked += several
            return measure(student, several, alone)

        monkeypatch.setattr(Student, "measure", watched)


def job(folder: Path, student: Path, out: str = "run", **options: Any) -> Path:
    rows = [{"instruction": r.instruction, "output": r.answer} for r in records(14)]
    folder.mkdir(exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    stage = {"student": str(student), "threads": 1}
    told = {"out": out, "records": "rows.jsonl", "curate": [{"ifd": stage | options}, {"perplexity": stage}]}
    (folder / "job.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    return folder / "job.yaml"


def execute(path: Path) -> None:
    Pipeline(config.load(path), report=False).execute("", Plain(io.StringIO()))


def test_killed_between_slices_it_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(monkeypatch)
    execute(job(tmp_path, student, "whole"))
    expected, whole = contents(tmp_path / "whole"), list(watch.asked)
    assert len(whole) == len(set(map(repr, whole))) == 14  # perplexity asks for what ifd had measured already
    done = manifest(tmp_path / "whole" / "02-ifd")
    assert done and done.figures["spread"]["en"]["count"] == 7 and done.figures["unscored"] == {}
    for slices in (0, 1, 3):
        watch.asked, watch.left, out = [], slices, f"killed-{slices}"
        with pytest.raises(KeyboardInterrupt):
            execute(job(tmp_path, student, out))
        watch.left = -1
        execute(job(tmp_path, student, out))
        assert watch.asked == whole and contents(tmp_path / out) == expected


def test_other_cuts_measure_nothing_again(tmp_path: Path, student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(monkeypatch)
    execute(job(tmp_path, student))
    before = manifest(tmp_path / "run" / "02-ifd")
    assert before and (before.kept, len(watch.asked)) == (14, 14)
    middle = before.figures["spread"]["en"]["p50"]
    execute(job(tmp_path, student, below=middle))
    after = manifest(tmp_path / "run" / "02-ifd")
    assert after and 0 < after.reasons["high_score"] < 14 and len(watch.asked) == 14
    execute(job(tmp_path, student, window=64))
    assert len(watch.asked) == 28


def test_other_weights_in_the_folder_are_noticed(tmp_path: Path, student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    watch, mine = Watch(monkeypatch), tmp_path / "mine"
    shutil.copytree(student, mine)
    execute(job(tmp_path, mine))
    config_file = mine / "generation_config.json"
    config_file.write_text(config_file.read_text() + "\n")
    execute(job(tmp_path, mine))
    assert len(watch.asked) == 28


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs fork and signals")
def test_killed_at_any_of_its_files_it_ends_with_the_same_bytes(tmp_path: Path, student: Path) -> None:
    lives, path = Lives(tmp_path), str(job(tmp_path, student))
    try:
        first = lives.live(["run", path, "--out", str(tmp_path / "whole")])
        assert first["status"] == 0
        expected = contents(tmp_path / "whole")
        assert {"02-ifd", "03-perplexity"} <= {name.split("/")[0] for name in expected}
        for last in (3, 6, 10, 14):
            out = tmp_path / f"run-{last}"
            assert lives.live(["run", path, "--out", str(out)], last)["status"] == -signal.SIGKILL
            assert lives.live(["run", path, "--out", str(out)])["status"] == 0
            assert contents(out) == expected
    finally:
        lives.close()
