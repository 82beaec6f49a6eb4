"""What goes wrong while a training runs: no number, no memory; and a kill, for each method."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seedbed.errors import TrainingError
from tests.train.students.test_methods import METHODS
from tests.train.test_stage import DATA, curve, run
from tests.train.tiny import records
from train import libraries
from train.checks import memory
from train.job import newest, step_of
from train.objectives import sft


def poison(monkeypatch: pytest.MonkeyPatch, at: int) -> list[list[str]]:
    """Makes the loss of the batch at `at` (from 1) no number. Returns where the ids of that batch will be."""
    seen: list[list[str]] = []
    plain = sft._trainer_class

    def poisoned(job: Any) -> Any:
        class Trainer(plain(job)):  # type: ignore[misc]
            calls = 0

            def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
                loss = super().compute_loss(model, inputs, *args, **kwargs)
                if model.training:
                    Trainer.calls += 1
                    if Trainer.calls == at:
                        texts = self.processing_class.batch_decode(inputs["input_ids"])
                        seen.append(texts)
                        return loss * float("nan")
                return loss

        return Trainer

    monkeypatch.setattr(sft, "_trainer_class", poisoned)
    return seen


def test_a_loss_that_is_no_number_names_the_batch_and_keeps_the_last_good_checkpoint(
    student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = poison(monkeypatch, at=8)
    with pytest.raises(TrainingError, match="no number after step 8, whose batch was the records") as stopped:
        run(student, tmp_path, epochs=3)
    named = list({record.id: record for record in DATA if record.id in stopped.value.what}.values())
    assert len(named) == len(seen[0]) == 4
    for record in named:
        assert any(record.answer in text for text in seen[0])
    kept = newest(tmp_path / "checkpoints")
    assert kept is not None and step_of(kept) == 6 and str(kept) in stopped.value.next_step
    monkeypatch.undo()
    again = run(student, tmp_path, epochs=3)
    assert "going on from step 6 of 15" in again.progress.lines  # type: ignore[attr-defined]


@pytest.mark.parametrize("error", [
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory"),
    MemoryError(),
])  # fmt: skip
def test_out_of_memory_says_what_to_lower_and_what_it_takes_then(
    student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(sft, "fit", fail)
    whole = memory.estimate

    def of_the_model_alone(*given: Any) -> memory.Memory:  # the libraries take nearly all that a tiny student needs
        return msgspec.structs.replace(whole(*given), libraries=0)

    monkeypatch.setattr(memory, "estimate", of_the_model_alone)
    with pytest.raises(TrainingError, match="the memory did not suffice: about .* GB") as stopped:
        run(student, tmp_path, records(8))
    assert "Set activation_checkpointing: on" in stopped.value.next_step
    assert "GB" in stopped.value.next_step


def test_other_errors_of_torch_are_not_taken_for_a_lack_of_memory() -> None:
    with libraries.prepared(threads=1):
        import torch

        assert libraries.out_of_memory(torch.cuda.OutOfMemoryError("CUDA out of memory"))
        assert libraries.out_of_memory(OSError("Cannot allocate memory (os error 12)"))
        assert not libraries.out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
        assert not libraries.out_of_memory(ValueError("not enough memory"))


_CHILD = """
import json, sys
from pathlib import Path
from tests.train import test_stage

class Tell(test_stage.Heard):
    def update(self, done, total=None, note=""):
        print(f"step {done}", flush=True)

test_stage.Heard = Tell
test_stage.run(Path(sys.argv[1]), Path(sys.argv[2]), **json.loads(sys.argv[3]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("extra", [{}, {"neftune": 5.0, "accumulation": 2, "activation_checkpointing": "on"}])
@pytest.mark.parametrize("method", METHODS)
def test_a_killed_training_of_each_method_goes_on_with_the_losses_it_would_have_had(
    method: str, extra: dict[str, Any], student: Path, tmp_path: Path
) -> None:
    options = {"method": method, "save_steps": 3, "eval_steps": 3, **METHODS[method], **extra}
    whole = run(student, tmp_path / "whole", **options)
    steps = whole.figures["steps"]
    command = [sys.executable, "-c", _CHILD, str(student), str(tmp_path / "killed"), json.dumps(options)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=Path(__file__).parents[2])
    assert child.stdout is not None
    for line in child.stdout:
        if line.strip() == f"step {steps // 2 + 1}":
            break
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    resumed = run(student, tmp_path / "killed", **options)
    assert any("going on from step" in line for line in resumed.progress.lines)  # type: ignore[attr-defined]
    expected, got = curve(whole.folder), curve(resumed.folder)
    for name in ("train", "validation"):
        assert [point["step"] for point in got[name]] == [point["step"] for point in expected[name]]
        assert [p["loss"] for p in got[name]] == pytest.approx([p["loss"] for p in expected[name]], abs=1e-4)


def test_out_of_memory_is_one_clear_error_wherever_a_model_is_in_memory() -> None:
    with pytest.raises(TrainingError) as stopped, libraries.prepared(1, "Lower max_new_tokens"):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
    assert str(stopped.value) == "the memory did not suffice. Lower max_new_tokens, or end what else runs here"
    with pytest.raises(RuntimeError, match="shapes"), libraries.prepared(1):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
