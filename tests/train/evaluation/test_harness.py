"""A task of one's own in lm-eval: both models are asked, and a task that is not there is an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from seedbed.context import Context
from seedbed.errors import InputError
from tests.train.tiny import records
from train import stage
from train.evaluation.stage import Options, evaluate

pytest.importorskip("lm_eval")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    options = stage.Options(student=str(student), threads=1, epochs=3, learning_rate=5e-3)
    stage.train(records(24), options, Context(folder, seed=2))
    return folder


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    rows = [{"q": f"设备 train-{i} 使用哪个端口？", "choices": ["9999", str(4000 + i)], "answer": 1} for i in range(1, 16, 2)]
    (tmp_path / "ports.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    task = {
        "task": "ports_zh",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(tmp_path / "ports.jsonl")}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{q}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{answer}}",
        "metric_list": [{"metric": "acc"}],
    }
    (tmp_path / "ports.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")
    return tmp_path


def test_both_models_are_asked(trained: Path, tasks: Path, tmp_path: Path) -> None:
    context = Context(tmp_path, upstream={"train": trained})
    evaluate([], Options(threads=1, tasks=("ports_zh",), tasks_folder=str(tasks)), context)
    (line,) = context.figures["tasks"]
    assert (line["task"], line["measure"], line["records"]) == ("ports_zh", "acc", 8)
    assert 0 <= line["base"] <= 1 and line["difference"]["mean"] == pytest.approx(line["tuned"] - line["base"], abs=1e-3)
    assert line["sentence"].startswith("ports_zh, acc: ") and "8 documents" in line["sentence"]


@pytest.mark.parametrize(("name", "why"), [("port_zh", "has no task port_zh"), ("hellaswag", "data of a task are not here")])
def test_a_task_that_is_not_there(name: str, why: str, trained: Path, tasks: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=why):
        evaluate([], Options(threads=1, tasks=(name,), tasks_folder=str(tasks)), Context(tmp_path, upstream={"train": trained}))
