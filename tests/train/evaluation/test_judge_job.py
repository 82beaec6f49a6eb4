"""A job whose evaluation has a judge: its calls are journalled, and an evaluation made anew buys none twice."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import yaml

from seedbed import config, jsonl
from seedbed.context import Context
from seedbed.pipeline import Pipeline
from seedbed.planning import describe
from seedbed.progress import Plain
from seedbed.run import manifest
from tests.train.tiny import records
from train import stage
from train.evaluation.judging import Verdict


@pytest.fixture(scope="module")
def trained(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    options = stage.Options(student=str(student), threads=1, epochs=6, learning_rate=1e-2)
    stage.train(records(16), options, Context(folder))
    return folder


def job(folder: Path, trained: Path, **options: object) -> Pipeline:
    jsonl.write(folder / "rows.jsonl", records(6, "test_seen"))
    rule = {"default": json.dumps({"reason": "first", "better": "A"})}
    (folder / "replies.jsonl").write_text(json.dumps(rule) + "\n", encoding="utf-8")
    told = {
        "out": "run",
        "records": "rows.jsonl",
        "teacher": {"model": "scripted:replies.jsonl"},
        "evaluate": {"adapter": str(trained), "threads": 1, "generate": 6, "max_new_tokens": 12} | options,
    }
    (folder / "job.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    return Pipeline(config.load(folder / "job.yaml"), report=False)


def test_verdicts_are_kept_and_bought_once(tmp_path: Path, trained: Path) -> None:
    pipeline = job(tmp_path, trained, judge=True)
    assert any("evaluate" in line and "12 calls" in line for line in describe(pipeline))
    said = io.StringIO()
    pipeline.execute("", Plain(said))
    folder = pipeline.plan()[-1].folder
    done = manifest(folder)
    assert done and done.usage.calls == 12 and "names the first answer in 100%" in done.figures["judge"]["warning"]
    assert "Beware: the judge names the first answer" in said.getvalue()
    seen = done.figures["sets"]["test_seen"]["judge"]
    assert (seen["ties"], seen["disagreed"], seen["win_rate"]["mean"]) == (6, 6, 0.5)
    verdicts = list(jsonl.read_as(Verdict, folder / "verdicts.jsonl"))
    assert len(verdicts) == 6 and all(len(one.calls) == 2 for one in verdicts)
    first = (folder / "verdicts.jsonl").read_bytes()
    (folder / "manifest.json").unlink()
    pipeline.execute("", Plain(io.StringIO()))
    again = manifest(folder)
    assert again and pipeline.spent()[0] == 12 and (folder / "verdicts.jsonl").read_bytes() == first


def test_without_judge_no_teacher_is_asked(tmp_path: Path, trained: Path) -> None:
    pipeline = job(tmp_path, trained)
    pipeline.execute("", Plain(io.StringIO()))
    done = manifest(pipeline.plan()[-1].folder)
    assert done and done.usage.calls == 0 and "judge" not in done.figures
