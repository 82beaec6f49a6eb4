"""A job that keeps nothing ends with its error and its exit code, and with a report that says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curate.report.build import Options, build
from seedbed import jsonl
from seedbed.cli import main
from seedbed.record import chat
from tests.curate.report.test_report import stage

ROWS = [("What is 2 + 2?", "4"), ("二加二等于几？", "四"), ("Name a colour.", "red")]


def job(folder: Path, rules: str) -> Path:
    rows = [{"instruction": question, "output": answer} for question, answer in ROWS]
    (folder / "data.json").write_text(json.dumps(rows), encoding="utf-8")
    path = folder / "job.yaml"
    path.write_text(
        f"out: run\nrecords: data.json\ncurate:\n  - rules: {rules}\n  - exact\nreport: {{encoder: lexical}}\n",
        encoding="utf-8",
    )
    return path


def test_the_report_comes_before_the_error_and_goes_when_the_job_is_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(job(tmp_path, "{shortest: 50}"))]) == 2
    told = capsys.readouterr()
    page = tmp_path / "run/04-report/report.html"
    assert "nothing was kept of 3 (too_short 3)" in told.err and f"Report: {page}" in told.out + told.err
    found = json.loads((page.parent / "report.json").read_text(encoding="utf-8"))
    assert found["empty"] and found["summary"] == "Nothing was kept. The last 3 records were left out in rules: too short 3."
    assert [(piece["tone"], piece["title"]) for piece in found["advice"]][0] == ("act", "“too short” emptied the set")
    assert found["change"]["before"]["records"] == 3 and found["change"]["after"]["records"] == 0
    assert len(found["funnel"][-1]["reasons"][0]["examples"]) == 3
    assert not (page.parent / "manifest.json").exists()

    assert main(["run", str(job(tmp_path, "{shortest: 1}"))]) == 0
    found = json.loads((page.parent / "report.json").read_text(encoding="utf-8"))
    assert not found["empty"] and (page.parent / "manifest.json").exists()


def test_a_stage_alone_that_keeps_nothing_leaves_a_report_too(tmp_path: Path) -> None:
    config = job(tmp_path, "{shortest: 50}")
    out = tmp_path / "alone"
    assert main(["curate", str(tmp_path / "data.json"), "--config", str(config), "--out", str(out)]) == 2
    assert any("emptied the set" in page.read_text(encoding="utf-8") for page in out.glob("*report/report.html"))


def test_an_empty_set_is_told_in_chinese(tmp_path: Path) -> None:
    rows = [chat("水泵怎么启动？", "按键。", language="zh"), chat("阀门在哪里？", "左边。", language="zh")]
    stage(tmp_path / "run/01-import", rows, [])
    stage(tmp_path / "run/02-rules", [], [row.reject("rules", "too_short", "2 tokens") for row in rows])
    build(tmp_path / "run", tmp_path / "out", Options(points=0))
    found = json.loads((tmp_path / "out/report.json").read_text(encoding="utf-8"))
    assert found["language"] == "zh" and found["advice"][0]["title"] == "“太短”清空了数据集"
    assert found["headline"][0]["sentence"] == "读入 2\u00a0条记录，一条也没有留下。"


def test_a_run_that_read_nothing_still_has_a_page(tmp_path: Path) -> None:
    stage(tmp_path / "run/01-import", [], [])
    page = build(tmp_path / "run", tmp_path / "out", Options(points=0)).read_text(encoding="utf-8")
    assert "Nothing was kept: no records came in." in page
    assert list(jsonl.read(tmp_path / "run/01-import/kept.jsonl")) == []
