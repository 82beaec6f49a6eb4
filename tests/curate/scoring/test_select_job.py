"""`select` as a job writes it: counts and shares in YAML, a mistake with its line, the encoder of the job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from seedbed import config, jsonl
from seedbed.errors import JobError
from seedbed.pipeline import Pipeline
from seedbed.run import manifest
from tests.curate.scoring.test_select import scored
from tests.seedbed.test_pipeline import execute
from tests.tiny_job import contents


def write(folder: Path, text: str, out: str = "run") -> Path:
    jsonl.write(folder / "rows.jsonl", [scored(n % 4 + 1.0, n, "zh" if n % 2 else "en") for n in range(12)])
    job: dict[str, Any] = {"out": out, "records": "rows.jsonl", "curate": [{"select": yaml.safe_load(text)}]}
    (folder / "job.yaml").write_text(yaml.safe_dump(job, sort_keys=False), encoding="utf-8")
    return folder / "job.yaml"


@pytest.mark.parametrize(("text", "kept"), [
    ("{best: 3}", 3), ("{best: 0.5}", 6), ("{best: 1.0}", 12), ("{within: {judge: {above: 3}}}", 6),
    ("{best: 6, languages: {en: 0.5, zh: 2}}", 5), ("{by: [judge, -ifd], best: 4, most: {language: 0.5}, missing: reject}", 0),
    ("{best: 6, apart: 0.999, encoder: lexical}", 6),
])
def test_counts_and_shares(tmp_path: Path, text: str, kept: int) -> None:
    path = write(tmp_path, text)
    if kept:
        assert execute(path) == ["01-import", "02-select"]
    else:
        with pytest.raises(Exception, match="nothing was kept of 12 .no_score 12."):
            execute(path)
    done = manifest(tmp_path / "run" / "02-select")
    assert done and (done.kept, done.read) == (kept, 12)


def test_run_again_elsewhere_it_gives_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for out in ("one", "two"):
        execute(write(tmp_path, "{best: 5, apart: near, encoder: lexical}", out))
        found.append(contents(tmp_path / out))
    assert found[0] == found[1]


@pytest.mark.parametrize(("text", "named"), [
    ("{best: 0}", "best"), ("{within: {judge: {above: 3, below: 2}}}", "within.judge.above"), ("{apart: often}", "apart"),
    ("{within: {judge: {over: 3}}}", "over"), ("{most: {task: 0.2}}", "most"),
])
def test_a_mistake_is_told_with_its_line_and_key(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(JobError) as caught:
        Pipeline(config.load(write(tmp_path, text)))
    assert "job.yaml:" in str(caught.value) and named.rpartition(".")[2] in str(caught.value)
