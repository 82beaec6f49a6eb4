"""A training of each objective that is killed outright and started again has the losses of one that never was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.train.objectives import test_dpo, test_pretrain
from train.job import newest, step_of

_CHILD = """
import sys
from pathlib import Path
from tests.train.objectives import {module}

class Tell({module}.Heard):
    def update(self, done, total=None, note=""):
        if note.startswith("loss"):
            print(f"step {{done}}", flush=True)

{module}.Heard = Tell
{module}.run(Path(sys.argv[1]), Path(sys.argv[2]))
"""
_MODULES = {"test_dpo": test_dpo, "test_pretrain": test_pretrain}


@pytest.mark.slow
@pytest.mark.parametrize("module", list(_MODULES))
def test_a_killed_training_goes_on_with_the_losses_it_would_have_had(student: Path, tmp_path: Path, module: str) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    _MODULES[module].run(student, whole)
    command = [sys.executable, "-c", _CHILD.format(module=module), str(student), str(killed)]
    here = Path(__file__).parents[3]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=here, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert child.stdout is not None
    next(line for line in child.stdout if line.strip() == "step 8")  # in the middle of an epoch
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert step_of(newest(killed / "checkpoints") or Path("x-0")) == 6
    resumed = _MODULES[module].run(student, killed)
    assert any(line.startswith("going on from step 6") for line in resumed.progress.lines)
    expected, got = (json.loads((folder / "losses.json").read_text()) for folder in (whole, killed))
    for name in ("train", "validation"):
        assert [point["step"] for point in got[name]] == [point["step"] for point in expected[name]]
        assert [p["loss"] for p in got[name]] == pytest.approx([p["loss"] for p in expected[name]], abs=1e-4)
