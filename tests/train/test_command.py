"""`seedbed train DATA --model …`: every format, a job file, looking without training, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seedbed.cli import main

MESSAGES = [{"role": "user", "content": "Which port?"}, {"role": "assistant", "content": "Port 4711."}]
FORMATS: dict[str, dict[str, Any]] = {
    "alpaca": {"instruction": "泵在什么压力下停机？", "input": "", "output": "低于 1.8 bar。"},
    "sharegpt": {"conversations": [{"from": "human", "value": "Which port?"}, {"from": "gpt", "value": "Port 4711."}]},
    "messages": {"messages": MESSAGES},
    "preference": {"prompt": "哪个端口？", "chosen": "4711 端口。", "rejected": "80 端口。"},
}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n", encoding="utf-8")
    return path


def train(student: Path, data: Path, out: Path, *flags: str) -> int:
    return main(["train", str(data), "--model", str(student), "--out", str(out), *flags])


def noted(out: Path) -> dict[str, Any]:
    return json.loads((out / "02-train" / "manifest.json").read_text())["figures"]  # type: ignore[no-any-return]


def test_rows_of_every_format_are_trained_on(student: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "mixed.jsonl", [*FORMATS.values()])
    assert train(student, data, tmp_path / "out", "--method", "lora", "--epochs", "2") == 0
    figures = noted(tmp_path / "out")
    assert (figures["records"]["records"], figures["method"], figures["steps"]) == (4, "lora", 2)
    trained = json.loads((tmp_path / "out" / "02-train" / "training.json").read_text())
    assert trained["student"] == str(student)


@pytest.mark.parametrize("objective", ["dpo", "pretrain"])
def test_other_objectives_by_flag(student: Path, tmp_path: Path, objective: str) -> None:
    rows = [FORMATS["preference"]] if objective == "dpo" else [{"text": "The pump stops below 1.8 bar. 泵会停机。"}]
    data = write(tmp_path / "data.jsonl", rows)
    assert train(student, data, tmp_path / "out", "--objective", objective, "--epochs", "1") == 0
    assert noted(tmp_path / "out")["records"]["records"] == 1


def test_one_record_and_no_validation_are_a_run_with_warnings(student: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "one.jsonl", [FORMATS["alpaca"]])
    assert train(student, data, tmp_path / "out", "--learning-rate", "3e-4") == 0
    warned = {check["name"] for check in noted(tmp_path / "out")["preflight"] if check["level"] == "warning"}
    assert {"training_records", "validation"} <= warned


def test_a_job_file_is_run_as_far_as_its_training(student: Path, tmp_path: Path) -> None:
    write(tmp_path / "data.jsonl", [FORMATS["messages"]])
    job = tmp_path / "job.yaml"
    job.write_text(f"name: j\nrecords: data.jsonl\ntrain: {{student: {student}, epochs: 1}}\nevaluate: {{}}\n")
    assert main(["train", str(job), "--method", "lora", "--out", str(tmp_path / "out")]) == 0
    assert noted(tmp_path / "out")["method"] == "lora"
    assert [path.name for path in sorted((tmp_path / "out").glob("0*"))] == ["01-import", "02-train"]
    job.write_text("records: data.jsonl\n")
    assert main(["train", str(job)]) == 2


def test_check_looks_and_trains_nothing(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data.jsonl", [FORMATS["messages"]])
    assert train(student, data, tmp_path / "out", "--check") == 0
    assert "learning" in (told := capsys.readouterr().out) and "0.0002" in told
    assert not list((tmp_path / "out").rglob("adapter")) and not list((tmp_path / "out" / "02-train").glob("man*"))
    assert train(student, data, tmp_path / "out", "--check", "--learning-rate", "0.5") == 2
    assert "So high a rate destroys the model" in capsys.readouterr().err


@pytest.mark.parametrize(("flags", "said"), [
    (["--method", "galore"], "(command line): train.method: invalid enum value 'galore'"),
    (["--method", "full", "--config", "CONFIG"], "dora: belongs to qlora and lora, and method is full"),
    (["--epochs", "0"], "epochs: expected 1 or more"),
])  # fmt: skip
def test_options_that_cannot_be_are_one_line(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    (tmp_path / "job.yaml").write_text("records: x.jsonl\ntrain:\n  dora: true\n")
    data = write(tmp_path / "data.jsonl", [FORMATS["messages"]])
    given = [str(tmp_path / "job.yaml") if flag == "CONFIG" else flag for flag in flags]
    assert train(student, data, tmp_path / "out", *given) == 2
    told = capsys.readouterr().err
    assert said.partition(": ")[2] in told or said in told
    assert len(told.strip().splitlines()) == 1


def test_records_longer_than_the_student_takes(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = {"instruction": "Explain. 说明。", "output": "The pump stops below 1.8 bar. 泵会停机。" * 400}
    data = write(tmp_path / "long.jsonl", [long, FORMATS["alpaca"]])
    (tmp_path / "job.yaml").write_text("records: x.jsonl\ntrain: {max_length: 4096}\n")
    assert train(student, data, tmp_path / "a", "--config", str(tmp_path / "job.yaml")) == 2
    assert "4096 tokens, the student takes 2048" in capsys.readouterr().err
    (tmp_path / "job.yaml").write_text("records: x.jsonl\ntrain: {max_length: 64, epochs: 1}\n")
    assert train(student, data, tmp_path / "b", "--config", str(tmp_path / "job.yaml")) == 0
    assert noted(tmp_path / "b")["records"]["cut"] == 1 and noted(tmp_path / "b")["records"]["longest"] <= 64


def test_no_such_model_and_no_folder_to_write(
    tmp_path: Path, student: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data.jsonl", [FORMATS["messages"]])
    assert train(tmp_path, data, tmp_path / "out") == 2
    assert "holds no model: config.json is missing" in capsys.readouterr().err
    assert main(["train", str(data), "--model", str(student)]) == 2
    assert "Add --out DIR" in capsys.readouterr().err
