"""A training on preference pairs, from records to adapter: what it learns, notes, refuses, and that it survives a kill."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seedbed.context import Context
from seedbed.errors import InputError, PreflightError, TrainingError
from seedbed.record import Message, Record, make
from tests.train.test_stage import Heard
from tests.train.tiny import records
from train.evaluation.stage import Options as EvaluationOptions
from train.evaluation.stage import evaluate
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


def test_what_was_left_out_is_told(student: Path, tmp_path: Path) -> None:
    same = make(messages=pairs(1)[0].messages, rejected=pairs(1)[0].messages[-1], split="train")
    context = run(student, tmp_path, [*pairs(8), same, *records(3)], epochs=1)
    noted = context.figures["records"]
    assert (noted["records"], noted["rows"], noted["identical"], noted["no_pair"]) == (9, 8, 1, 3)
    assert context.figures["tokens_trained"] == noted["tokens"] and "validation" not in context.figures["preferences"]


def test_without_pairs_nothing_is_loaded(student: Path, tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="0 records, 0 steps.*Give preference pairs"):
        run(student, tmp_path, records(4))
    assert not (tmp_path / "checkpoints").exists()


def test_the_term_for_the_chosen_answer_keeps_it_likely(whole: Context, student: Path, tmp_path: Path) -> None:
    with_term = run(student, tmp_path, sft_weight=1.0)
    kept, plain = (one.figures["preferences"]["validation"]["chosen"]["tuned"] for one in (with_term, whole))
    assert kept > plain


def test_it_goes_on_from_an_adapter_which_is_then_the_reference(whole: Context, student: Path, tmp_path: Path) -> None:
    again = run(student, tmp_path, sft_weight=0, epochs=1, **{"from": str(whole.folder)})
    losses = curve(tmp_path)
    assert losses["train"][0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    before, after = (one.figures["preferences"]["validation"]["chosen"] for one in (again, whole))
    assert before["base"] == pytest.approx(after["tuned"], abs=1e-3)
    saved = sorted(path.name for path in (tmp_path / "adapter").iterdir() if path.is_dir())
    assert saved == []  # TRL's copy of the adapter it began at is not written


@pytest.mark.parametrize(("change", "said"), [
    ({"rank": 8, "alpha": 32}, "its rank is 16, and that of this training 8"),
    ({"method": "lora"}, "its method is qlora, and that of this training lora"),
])  # fmt: skip
def test_an_adapter_of_another_kind_is_refused(
    whole: Context, student: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        run(student, tmp_path, **change, **{"from": str(whole.folder / "adapter")})
    with pytest.raises(InputError, match="nothing trained is in it"):
        run(student, tmp_path, **{"from": str(tmp_path)})


@pytest.mark.parametrize("method", ["full", "prompt_tuning", "lora"])
def test_other_methods(student: Path, tmp_path: Path, method: str) -> None:
    context = run(student, tmp_path, method=method, epochs=1, learning_rate=0, eval_steps=0)
    assert context.figures["preferences"]["validation"]["pairs"] == 6


def test_the_evaluation_tells_held_out_pairs(whole: Context, tmp_path: Path) -> None:
    context = Context(tmp_path, seed=5, upstream={"train": whole.folder}, progress=Heard())
    evaluate([*pairs(6, "test_seen"), *records(6, "test_general")], EvaluationOptions(threads=1, generate=0), context)
    found = context.figures["preferences"]
    assert (found["pairs"], found["reward_accuracy"]) == (6, 1.0)
    assert found["sentence"].startswith("Held-out preferences: 100% of 6 pairs right; log-probability of the chosen -")
    assert found["sentence"] in [line.strip() for line in context.progress.lines]  # type: ignore[attr-defined]
    assert set(context.figures["sets"]) == {"test_seen", "test_heldout", "test_general"}


def test_a_broken_student_is_refused_before_the_first_step(student: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    broken = tmp_path / "broken"
    shutil.copytree(student, broken)
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"] = torch.full_like(weights["model.norm.weight"], float("nan"))
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainingError, match="log-probability of record [0-9a-f]{16} is no number"):
        run(broken, tmp_path / "run", pairs(8), method="lora")
    assert not (tmp_path / "run" / "adapter").exists()
