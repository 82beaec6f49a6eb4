"""Every YAML snippet of docs/teachers.md is a job that is understood."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seedbed.config import load
from seedbed.pipeline import Pipeline

PAGE = (Path(__file__).parents[3] / "docs" / "teachers.md").read_text(encoding="utf-8")
FENCED = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", FENCED, ids=lambda text: text.splitlines()[1].strip()[:30])
def test_a_snippet_is_understood(tmp_path: Path, text: str) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(f"documents: d\n{text}generate: [doc_qa]\n", encoding="utf-8")
    teachers = Pipeline(load(job)).teachers
    assert teachers.main.model and teachers.main.width >= 4


def test_every_topic_has_one() -> None:
    for topic in ("Embedded", "One endpoint", "A pool", "Roles", "Caps", "Prices and limits", "Batch"):
        _, _, rest = PAGE.partition(f"\n## {topic}\n")
        assert "```yaml" in rest.partition("\n## ")[0], topic
