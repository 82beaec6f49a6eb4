from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.train.forgetting.facts import capitals, learned


@pytest.fixture(scope="session")
def scholar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learned(tmp_path_factory.mktemp("scholar"))


@pytest.fixture(scope="session")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every other capital, as a user's file of general records."""
    path = tmp_path_factory.mktemp("general") / "capitals.jsonl"
    turns = [{"messages": [{"role": m.role, "content": m.content} for m in r.messages]} for r in capitals()[::2]]
    path.write_text("\n".join(json.dumps(turn, ensure_ascii=False) for turn in turns), encoding="utf-8")
    return path
