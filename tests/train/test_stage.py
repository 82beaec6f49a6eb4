"""A training from records to adapter: what it writes, that it repeats, survives a kill, and refuses what is no good."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seedbed.context import Context, Silent
from seedbed.errors import PreflightError, TemplateError, TrainingError
from seedbed.record import Record
from tests.train.tiny import records, save_student
from train import libraries
from train.job import newest, step_of
from train.objectives import sft
from train.stage import Options, Training, train

DATA = [*records(17), *records(3, task="general"), *records(6, "validation"), *records(4, "test_seen")]
QUICK = {"threads": 1, "learning_rate": 3e-3, "epochs": 3, "eval_steps": 3, "dropout": 0.05}


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.updates: list[tuple[int, int | None, str]] = []

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        self.updates.append((done, total, note))

    def say(self, line: str) -> None:
        self.lines.append(line)


def run(student: Path, folder: Path, data: list[Record] = DATA, **options: Any) -> Context:
    folder.mkdir(parents=True, exist_ok=True)
    context = Context(folder, seed=5, progress=Heard())
    train(data, Options(student=str(student), **{**QUICK, **options}), context)
    return context


def curve(folder: Path) -> dict[str, list[dict[str, float]]]:
    return json.loads((folder / "losses.json").read_text())


@pytest.fixture(scope="module")
def whole(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Context:
    """One QLoRA training, never interrupted."""
    return run(student, tmp_path_factory.mktemp("whole"))


def test_a_training_leaves_an_adapter_its_losses_and_what_it_was(whole: Context) -> None:
    assert (whole.folder / "adapter" / "adapter_model.safetensors").is_file()
    assert (whole.folder / "adapter" / "tokenizer.json").is_file()
    noted = msgspec.json.decode((whole.folder / "training.json").read_bytes(), type=Training)
    assert (noted.method, noted.rank, noted.seed) == ("qlora", 16, 5)
    losses = curve(whole.folder)
    assert [point["step"] for point in losses["train"]] == list(range(1, 16))
    assert [point["step"] for point in losses["validation"]] == [0, 3, 6, 9, 12, 15]
    assert losses["train"][-1]["loss"] < losses["train"][0]["loss"] - 0.3
    assert losses["validation"][-1]["loss"] < losses["validation"][0]["loss"] - 0.3


def test_noise_on_the_embeddings_is_there_in_training_and_not_in_validation(whole: Context, student: Path, tmp_path: Path) -> None:
    noisy = curve(run(student, tmp_path, epochs=1, neftune=50.0).folder)
    plain = curve(whole.folder)
    assert noisy["validation"][0]["loss"] == plain["validation"][0]["loss"]
    assert noisy["train"][0]["loss"] > plain["train"][0]["loss"] + 0.05


def test_the_rate_warms_up_and_falls_along_a_cosine(whole: Context) -> None:
    rates = [point["learning_rate"] for point in curve(whole.folder)["train"]]
    assert rates[0] < rates[1] == max(rates) == pytest.approx(QUICK["learning_rate"])
    assert rates[1:] == sorted(rates[1:], reverse=True) and rates[-1] < 0.05 * rates[1]


def test_figures_for_the_report(whole: Context) -> None:
    figures = whole.figures
    assert figures["records"]["records"] == 20 and figures["validation_records"]["records"] == 6
    assert figures["steps"] == 15 and figures["kept_step"] == 15 and not figures["stopped_early"]
    assert figures["tokens_trained"] == 3 * figures["records"]["tokens"]
    assert 0 <= figures["padding_share"] < 0.2
    assert [point["step"] for point in figures["losses"]] == list(range(1, 16))
    assert {finding["level"] for finding in figures["preflight"]} <= {"ok", "warning"}
    assert json.loads(json.dumps(figures)) == figures


def test_progress_tells_loss_and_speed(whole: Context) -> None:
    updates = whole.progress.updates  # type: ignore[attr-defined]
    assert [(done, total) for done, total, _ in updates][-15:] == [(i, 15) for i in range(1, 16)]
    assert updates[-1][2].startswith("loss ") and updates[-1][2].endswith(" tok/s")


def test_only_the_adapter_is_trained_and_in_32_bits(whole: Context) -> None:
    from safetensors.torch import load_file

    saved = load_file(whole.folder / "adapter" / "adapter_model.safetensors")
    assert all("lora_" in name for name in saved) and len(saved) == 28
    assert {str(value.dtype) for value in saved.values()} == {"torch.float32"}
    assert sum(value.numel() for value in saved.values()) == whole.figures["trainable_parameters"]


def test_the_same_seed_gives_the_same_losses_silently_and_without_a_network(
    whole: Context, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a training reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    again = run(student, tmp_path)
    assert curve(again.folder) == curve(whole.folder)
    assert capfd.readouterr() == ("", "")


_CHILD = """
import sys
from pathlib import Path
from tests.train import test_stage

class Tell(test_stage.Heard):
    def update(self, done, total=None, note=""):
        print(f"step {done}", flush=True)

test_stage.Heard = Tell
test_stage.run(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def kill_after(step: int, student: Path, folder: Path) -> None:
    """Starts the same training in a process of its own and kills it outright when that step is done."""
    command = [sys.executable, "-c", _CHILD, str(student), str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    here = Path(__file__).parents[2]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=here)
    assert child.stdout is not None
    for line in child.stdout:
        if line.strip() == f"step {step}":
            break
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_a_killed_training_goes_on_with_the_losses_it_would_have_had(
    whole: Context, student: Path, tmp_path: Path
) -> None:
    kill_after(8, student, tmp_path)  # in the middle of the second epoch; the last checkpoint is of step 6
    assert step_of(newest(tmp_path / "checkpoints") or Path("x-0")) == 6
    torn = tmp_path / "checkpoints" / "checkpoint-8"
    torn.mkdir(exist_ok=True)
    (torn / "trainer_state.json").write_text("{")  # as a kill while saving leaves it
    resumed = run(student, tmp_path)
    assert "going on from step 6 of 15" in resumed.progress.lines  # type: ignore[attr-defined]
    expected, got = curve(whole.folder), curve(tmp_path)
    for name in ("train", "validation"):
        assert [point["step"] for point in got[name]] == [point["step"] for point in expected[name]]
        assert [p["loss"] for p in got[name]] == pytest.approx([p["loss"] for p in expected[name]], abs=1e-4)


def test_checkpoints_of_another_training_are_not_taken_up(whole: Context, student: Path) -> None:
    again = run(student, whole.folder, epochs=1)
    assert not any("going on" in line for line in again.progress.lines)  # type: ignore[attr-defined]
    assert again.figures["steps"] == 5


def test_lora_without_validation_with_accumulation(student: Path, tmp_path: Path) -> None:
    context = run(student, tmp_path, records(10), method="lora", epochs=2, batch=2, accumulation=2, eval_steps=0)
    assert context.figures["steps"] == 6 and context.figures["validation"] == []
    warned = {finding["name"] for finding in context.figures["preflight"] if finding["level"] == "warning"}
    assert {"validation", "general_share", "training_records"} <= warned


def test_it_stops_when_validation_no_longer_improves_and_keeps_the_best(student: Path, tmp_path: Path) -> None:
    # A rate far too high overshoots, so that validation gets worse early.
    context = run(
        student, tmp_path, epochs=12, eval_steps=2, patience=2, learning_rate=9e-3, warmup=0.0, rank=64, alpha=512
    )
    best = min(context.figures["validation"][1:], key=lambda point: point["loss"])
    assert context.figures["stopped_early"] and context.figures["steps"] < 60
    assert context.figures["kept_step"] == best["step"] == context.figures["steps"] - 4


def test_dropping_long_records_is_counted(student: Path, tmp_path: Path) -> None:
    context = run(student, tmp_path, epochs=1, max_length=60, too_long="drop")
    kept = context.figures["records"]
    assert kept["dropped"] > 0 and kept["rows"] == 20 - kept["dropped"] and kept["longest"] <= 60


def test_a_repeated_record_is_learned_as_often_as_it_says_and_watched_once(student: Path, tmp_path: Path) -> None:
    again = [msgspec.structs.replace(r, labels={"repeat": "3"}) for r in [*records(4), *records(3, "validation")]]
    context = run(student, tmp_path, [*again, *records(9)[4:]], epochs=1)
    assert context.figures["records"]["rows"] == 4 * 3 + 5
    assert context.figures["records"]["records"] == 17


@pytest.mark.slow
def test_checkpointing_changes_no_loss(whole: Context, student: Path, tmp_path: Path) -> None:
    options = {"epochs": 1, "dropout": 0.0}
    plain = run(student, tmp_path / "plain", **options)
    saving = run(student, tmp_path / "saving", activation_checkpointing="on", **options)
    assert saving.figures["activation_checkpointing"] and not plain.figures["activation_checkpointing"]
    losses = [[point["loss"] for point in context.figures["losses"]] for context in (plain, saving)]
    assert losses[0] == pytest.approx(losses[1], abs=2e-3)


def test_the_loss_is_trls_own(student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = run(student, tmp_path / "ours", epochs=1, dropout=0.0)
    monkeypatch.setattr(sft, "LOGITS", 0)  # no room for logits: TRL's tiles
    theirs = run(student, tmp_path / "theirs", epochs=1, dropout=0.0)
    losses = [[point["loss"] for point in context.figures["losses"]] for context in (ours, theirs)]
    assert losses[0] == pytest.approx(losses[1], abs=5e-3)


def test_nothing_to_train_on_stops_before_the_model_is_loaded(student: Path, tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="nothing to train on"):
        run(student, tmp_path, records(4, "test_seen"))
    assert not (tmp_path / "checkpoints").exists()


def test_a_rate_that_destroys_the_model_is_refused(student: Path, tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="learning rate: 0.5. So high a rate destroys the model"):
        run(student, tmp_path, learning_rate=0.5)


def test_a_student_without_chat_template_is_refused(tmp_path: Path) -> None:
    with libraries.prepared(threads=1):
        bare = save_student(tmp_path / "bare", template=None)
    with pytest.raises(TemplateError, match="no chat template"):
        run(bare, tmp_path / "run")


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    with libraries.prepared(threads=1):
        broken = save_student(tmp_path / "broken")
        weights = load_file(broken / "model.safetensors")
        weights["model.norm.weight"] = torch.full_like(weights["model.norm.weight"], float("nan"))
        save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainingError, match="the loss is no number after step 1"):
        run(broken, tmp_path / "run", [*records(8)], method="lora")
    assert not (tmp_path / "run" / "adapter").exists()


def test_an_adapter_that_learned_nothing_is_refused(student: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="the adapter changes nothing"):
        run(student, tmp_path, records(8), learning_rate=1e-45, epochs=1)
    assert not (tmp_path / "adapter").exists()
