"""A training on preference pairs, from records to adapter: what it learns, notes, refuses, and that it survives a kill."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seedbed.context import Context
from seedbed.record import Message, Record, make
from tests.train.test_stage import Heard
from tests.train.tiny import records
from train.stage import Options, train

QUICK = {"objective": "dpo", "threads": 1, "learning_rate": 2.4e-4, "beta": 1.0, "epochs": 3, "eval_steps": 3, "dropout": 0.0}


def pairs(count: int, split: str = "train") -> list[Record]:
    """Questions about invented devices, English and Chinese. The port of the wrong answer is the one that the tiny
    student finds likelier before."""
    made = []
    for record in records(count, split):
        right = record.answer.replace("port 4", "port 9").replace("使用 4", "使用 9")
        said = (record.messages[0], Message("assistant", right))
        rejected = Message("assistant", record.answer)
        made.append(make(messages=said, rejected=rejected, split=split, language=record.language))
    return made


DATA = [*pairs(20), *pairs(6, "validation"), *records(3)]


def run(student: Path, folder: Path, data: list[Record] = DATA, **options: Any) -> Context:
    folder.mkdir(parents=True, exist_ok=True)
    context = Context(folder, seed=5, progress=Heard())
    raw = {"student": str(student), **QUICK, **options}
    train(data, msgspec.convert(raw, Options), context)
    return context


def curve(folder: Path) -> dict[str, list[dict[str, float]]]:
    return json.loads((folder / "losses.json").read_text())


@pytest.fixture(scope="module")
def whole(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Context:
    """One QLoRA training, never interrupted, by preferences alone."""
    return run(student, tmp_path_factory.mktemp("whole"), sft_weight=0)


def test_it_begins_at_the_reference(whole: Context) -> None:
    losses = curve(whole.folder)
    assert losses["train"][0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert losses["validation"][0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert losses["validation"][-1]["loss"] < 0.5


def test_held_out_pairs_before_and_after(whole: Context) -> None:
    found = whole.figures["preferences"]
    assert found["validation"]["pairs"] == 6 and found["train"]["pairs"] == 20
    assert found["validation"]["reward_accuracy"] == 1.0 and found["validation"]["margin"] > 0.3
    assert found["validation"]["preferred"]["tuned"] > found["validation"]["preferred"]["base"]
    assert [point["step"] for point in found["course"]] == [0, 3, 6, 9, 12, 15]
    assert json.loads(json.dumps(found)) == found
