"""A job with all stages of this room, stopped at each file that it finishes: it goes on and ends with the same bytes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from seedbed import config
from seedbed.pipeline import Pipeline
from seedbed.progress import Plain
from tests.curate.duplicates.test_near import TEXTS
from tests.tiny_job import contents


def write_job(folder: Path, **top: Any) -> Path:
    folder.mkdir()
    rows = [{"instruction": text, "output": f"{n} 号答案"} for n, text in enumerate(TEXTS["en"] + TEXTS["zh"])]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    curate = [{"exact": {"keep": "longest"}}, {"rouge": {"floor": 0.5}}, {"minhash": {"on": "instruction", "against": "seen"}}]
    (folder / "job.yaml").write_text(yaml.safe_dump({"out": "run", "records": "rows.jsonl", "curate": curate} | top))
    return folder / "job.yaml"


def execute(job: Path) -> None:
    Pipeline(config.load(job), report=False).execute("", Plain(io.StringIO()))


def outcome(job: Path) -> tuple[dict[str, bytes], list[int]]:
    """The run's files but for the name under which it stands in the index, and what is in the index."""
    found = {name: data for name, data in contents(job.parent / "run").items() if not name.endswith("/owner")}
    shares = json.loads((job.parent / "seen" / "index.json").read_text())["shares"]
    return found, [share["records"] for share in shares]


def test_stopped_at_any_file_it_comes_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace, done = Path.replace, 0

    def counted(self: Path, target: Path) -> Path:
        nonlocal done, last
        done += 1
        if done == last:
            raise KeyboardInterrupt
        return replace(self, target)

    last = 0
    monkeypatch.setattr(Path, "replace", counted)
    whole = write_job(tmp_path / "whole")
    execute(whole)
    total, expected = done, outcome(whole)
    assert total > 15 and any(name.endswith("pairs.npz") for name in expected[0]) and expected[1] != [0]
    for last in range(1, total + 1):
        done, job = 0, write_job(tmp_path / str(last))
        with pytest.raises(KeyboardInterrupt):
            execute(job)
        execute(job)
        assert outcome(job) == expected, last
