"""A training on running text, chat beside it: what is learned, noted and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seedbed.context import Context, Silent
from seedbed.errors import PreflightError, TrainingError
from seedbed.record import Record, make
from tests.train.test_faults import poison
from tests.train.test_stage import Heard
from tests.train.tiny import records, save_student
from train.after.export import gguf_run
from train.evaluation import stage as evaluation
from train.stage import Options, check, train

QUICK = {"objective": "pretrain", "threads": 1, "learning_rate": 3e-3, "epochs": 3, "eval_steps": 3, "max_length": 96}


def texts(count: int, split: str = "train", **fields: Any) -> list[Record]:
    """Passages on invented devices, English and Chinese in turn, of different lengths."""
    made = []
    for i in range(count):
        text = f"设备 {split}-{i} 使用 {4000 + i} 端口。" if i % 2 else f"Device {split}-{i} uses port {4000 + i}."
        more = "按下按钮。" if i % 2 else " Press it."
        made.append(make(text=text + more * (i % 7), split=split, language="zh" if i % 2 else "en", **fields))
    return made


DATA = [*texts(27), *texts(3, task="general"), *records(6), *texts(6, "validation")]


def run(student: Path, folder: Path, data: list[Record] = DATA, **options: Any) -> Context:
    folder.mkdir(parents=True, exist_ok=True)
    context = Context(folder, seed=5, progress=Heard())
    train(data, msgspec.convert({"student": str(student), **QUICK, **options}, Options), context)
    return context


@pytest.fixture(scope="module")
def whole(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Context:
    """One QLoRA training, never interrupted."""
    return run(student, tmp_path_factory.mktemp("whole"))


def test_text_is_learned_and_held_out_text_becomes_likelier(whole: Context) -> None:
    losses = json.loads((whole.folder / "losses.json").read_text())
    assert losses["validation"][-1]["loss"] < losses["validation"][0]["loss"] - 0.3
    assert json.loads((whole.folder / "training.json").read_text())["objective"] == "pretrain"


def test_figures(whole: Context) -> None:
    noted = whole.figures["records"]
    assert (noted["records"], noted["texts"]) == (36, 30) and noted["rows"] == noted["blocks"] + 6
    assert noted["longest"] <= 96 and whole.figures["tokens_trained"] == 3 * noted["tokens"]
    [general] = [one for one in whole.figures["preflight"] if one["name"] == "general_share"]
    assert general["figure"] == "3 of 36 (8%)" and general["level"] == "ok"


def test_nothing_to_read_is_refused(student: Path, tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="0 records, 0 steps.*Give texts"):
        run(student, tmp_path, texts(4, "validation"))


def test_a_pair_counts_as_the_chat_that_it_is(student: Path, tmp_path: Path) -> None:
    chat = records(1)[0]
    pair = make(messages=chat.messages, rejected=chat.messages[-1], split="train")
    context = run(student, tmp_path, [*texts(10), chat, pair], epochs=1)
    assert context.figures["records"]["records"] == 11 and context.figures["pairs_left_out"] == 1


def test_a_base_model_needs_no_chat_template_to_read(tmp_path: Path) -> None:
    """From checks to GGUF; chat records are counted as refused, and no Modelfile says how to ask."""
    base = save_student(tmp_path / "base", template=None)
    context = run(base, tmp_path / "run", [*texts(30), *texts(6, "validation"), *records(2)], method="lora")
    noted = context.figures["records"]
    assert (noted["texts"], noted["refused"]) == (30, 2) and "no chat template" in noted["why"]
    measured = Context(tmp_path / "measured", seed=5, upstream={"train": context.folder})
    measured.folder.mkdir()
    evaluation.evaluate([*texts(12, "test_heldout"), *records(3, "test_seen")], evaluation.Options(threads=1), measured)
    sets = measured.figures["sets"]
    assert sets["text_heldout"]["real"] and sets["text_heldout"]["difference"]["mean"] < 0
    assert "none of 3 records fits the student" in sets["test_seen"]["sentence"]
    gguf_run(context.folder, "f16", False, tmp_path / "gguf", False, "dequantised", "", Silent())
    assert [one.name for one in (tmp_path / "gguf").iterdir() if one.name in ("Modelfile", "README.md")] == ["README.md"]
    found = check(records(3), msgspec.convert({"student": str(base)}, Options), Context(tmp_path, seed=5))
    assert [one.figure for one in found if one.level == "error"] == ["the tokenizer has no chat template"]  # to chat


def test_a_loss_that_is_no_number_names_the_texts_of_the_batch(
    student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = poison(monkeypatch, at=1)
    data = texts(20)
    with pytest.raises(TrainingError, match="no number after step 1, whose batch was the records [0-9a-f]{16}, ") as said:
        run(student, tmp_path, data)
    named = [record for record in data if record.id in said.value.what]
    assert len(named) == 8  # more of them are counted
    for record in named:
        assert any(record.text in text for text in seen[0])
