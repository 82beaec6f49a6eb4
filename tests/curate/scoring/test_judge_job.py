"""A judge in a job: its own teacher, the plan, the preview, the fingerprint, the command line, and a kill."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from seedbed import config, jsonl, prompts
from seedbed.errors import JobError
from seedbed.pipeline import Pipeline
from seedbed.planning import describe
from seedbed.run import manifest
from tests import tiny_job
from tests.curate.scoring.test_judge import marks
from tests.seedbed.test_pipeline import execute
from tests.test_kill import Lives, answered

ROWS = [{"instruction": f"What does valve V{n} do?", "output": f"Valve V{n} limits pressure."} for n in range(4)] + [
    {"instruction": f"阀门 V{n} 有什么作用？", "output": f"阀门 V{n} 用来限制压力。"} for n in range(4, 8)]
OPEN = ("correctness", "helpfulness", "clarity", "format")  # what is rated without a source


def rules() -> list[dict[str, Any]]:
    """A judge who thinks little of V2 and V6, and stammers about V3 until he is asked again."""
    found = [{"match": f"V{n} ", "json": json.loads(marks(2, OPEN, "vague 含糊"))} for n in (2, 6)]
    return [*found, {"match": "V3 ", "text": "Well … 嗯……"}, {"default": json.loads(marks(5, OPEN, "right 对"))}]


def write(folder: Path, **options: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS), encoding="utf-8")
    tiny_job.write_rules(folder / "judge.jsonl", rules())
    tiny_job.write_rules(folder / "replies.jsonl", [{"default": "I am no judge. 我不打分。"}])
    teacher = {"model": "scripted:replies.jsonl", "roles": {"judge": {"model": "scripted:judge.jsonl"}}}
    job = {"out": "run", "records": "rows.jsonl", "teacher": teacher, "curate": [{"judge": options}, "exact"]}
    (folder / "job.yaml").write_text(yaml.safe_dump(job, allow_unicode=True), encoding="utf-8")
    return folder / "job.yaml"


@pytest.fixture(autouse=True)
def prompts_are_read_anew() -> Iterator[None]:
    prompts.load.cache_clear()
    yield
    prompts.load.cache_clear()


def test_the_judge_is_the_teacher_of_that_role_and_its_calls_are_counted(tmp_path: Path) -> None:
    assert execute(write(tmp_path, above={"overall": 3})) == ["01-import", "02-judge", "03-exact"]
    done = manifest(tmp_path / "run" / "02-judge")
    assert done and (done.kept, done.reasons) == (6, {"low_score": 2})
    assert done.usage.calls == 9 and done.figures["unscored"] == {} and done.figures["judged"] == 8  # V3 twice
    assert done.figures["judge"].startswith("scripted@") and set(done.prompts) >= {"en/judge/scale", "zh/judge/with_source"}
    kept = list(jsonl.read(tmp_path / "run" / "03-exact" / "kept.jsonl"))
    assert [record.scores.get("judge") for record in kept] == [5.0] * 6


def test_other_cuts_ask_nothing_again(tmp_path: Path) -> None:
    execute(write(tmp_path))
    bought = Pipeline(config.load(tmp_path / "job.yaml")).spent()
    assert execute(write(tmp_path, above={"overall": 3})) == ["02-judge", "03-exact"]
    assert Pipeline(config.load(tmp_path / "job.yaml")).spent() == bought


def test_another_rubric_asks_anew(tmp_path: Path) -> None:
    job = write(tmp_path)
    execute(job)
    own = tmp_path / "mine" / "en" / "judge" / "scale.md"
    own.parent.mkdir(parents=True)
    own.write_text("".join(f"{n}: {'★' * n}\n" for n in range(5, 0, -1)), encoding="utf-8")
    raw = yaml.safe_load(job.read_text(encoding="utf-8")) | {"prompts": "mine"}
    job.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    before = Pipeline(config.load(job)).spent()[0]
    assert execute(job) == ["02-judge", "03-exact"]
    assert Pipeline(config.load(job)).spent()[0] == before + 5  # four English records, one of them asked about twice


def test_the_plan_counts_its_calls(tmp_path: Path) -> None:
    lines = list(describe(Pipeline(config.load(write(tmp_path, twice=True)))))
    planned = next(line for line in lines if "02-judge" in line)
    assert planned.startswith("  02-judge           to do: 8 records, about 16 calls, ")
    assert any(line.startswith("To come, about: 16 calls, ") for line in lines)


def test_the_plan_of_a_judge_behind_a_generator_counts_what_that_will_make(tmp_path: Path) -> None:
    job = tiny_job.write_job(tmp_path, curate=["judge", "split"])
    lines = list(describe(Pipeline(config.load(job))))
    assert "to do: at most 12 records of 02-doc_qa, about 12 calls, " in next(line for line in lines if "03-judge" in line)


def test_a_preview_says_what_it_leaves_out(seedbed: Any, tmp_path: Path) -> None:
    for command in ("run", "generate"):
        said = seedbed(command, tiny_job.write_job(tmp_path, curate=["judge"]), "--preview", "2")
        assert said.status == 0 and "Not in it: 03-judge" in said.out


def test_curate_takes_the_teacher_of_its_configuration(seedbed: Any, tmp_path: Path) -> None:
    job = write(tmp_path)
    said = seedbed("curate", tmp_path / "rows.jsonl", "--config", job, "--out", tmp_path / "out")
    assert said.status == 0, said.err
    done = manifest(tmp_path / "out" / "02-judge")
    assert done and done.figures["judged"] == 8


def test_an_unknown_criterion_names_line_and_key(tmp_path: Path) -> None:
    with pytest.raises(JobError) as caught:
        Pipeline(config.load(write(tmp_path, above={"beauty": 3})))
    assert "job.yaml:" in str(caught.value) and "above" in str(caught.value) and "beauty" in str(caught.value)


def test_show_tells_the_reasons(seedbed: Any, tmp_path: Path) -> None:
    execute(write(tmp_path, above={"overall": 3}))
    rejected = next(jsonl.read(tmp_path / "run" / "02-judge" / "rejected.jsonl"))
    said = seedbed("show", rejected.id, "--run", tmp_path / "run")
    assert "rejected: low_score 2.00 (its overall is 2; 3 and more pass)" in said.out
    assert "correctness 2 (vague 含糊); helpfulness 2" in said.out


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs fork and signals")
def test_killed_half_way_it_ends_with_the_same_bytes_and_no_call_twice(tmp_path: Path) -> None:
    lives = Lives(tmp_path)
    job, scratch, undisturbed = str(write(tmp_path, twice=True)), tmp_path / "scratch", tmp_path / "whole"
    try:
        first = lives.live(["run", job, "--out", str(undisturbed)], fork=False)
        expected, bought = tiny_job.contents(undisturbed), answered(undisturbed, scratch)
        assert first["status"] == 0 and len(bought) == 18
        for share in (0.2, 0.4, 0.6, 0.8):
            run = tmp_path / f"run-{share}"
            assert lives.live(["run", job, "--out", str(run)], int(share * first["events"]))["status"] == -signal.SIGKILL
            lived, before = answered(run, scratch), len(lives.calls())
            assert lives.live(["run", job, "--out", str(run)])["status"] == 0
            assert not lived & {key for what, key in lives.calls()[before:] if what == "sent"}
            assert answered(run, scratch) == bought and tiny_job.contents(run) == expected
    finally:
        lives.close()
