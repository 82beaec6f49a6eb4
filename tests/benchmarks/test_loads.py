"""What the tools are given to load holds everything that has gone wrong with one of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.loads.__main__ import FORMATS, general, records, write


@pytest.mark.slow  # writes five exports with Parquet among them
def test_every_format_has_rows_and_what_loaders_stumble_over(tmp_path: Path) -> None:
    found = records(tmp_path / "no demo data here")
    figures = write(found, tmp_path)
    assert set(figures["rows"]) == set(FORMATS) and all(figures["rows"].values())
    assert figures["passed_over"]["sharegpt"] > 0
    assert {r.language for r in general()} == {"en", "zh"}
    told = json.loads((tmp_path / "jsonl/dataset_info.json").read_text())
    assert "seedbed_messages" not in told, "there are calls of tools among them"
    assert "seedbed_messages" in json.loads((tmp_path / "plain/dataset_info.json").read_text())
    first = json.loads((tmp_path / "plain/preference/train.jsonl").read_text().splitlines()[0])
    assert isinstance(first["prompt"], str)
