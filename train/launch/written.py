"""`seedbed train --launch`: what runs the same job on several GPUs, written out.

Two ways, for `torchrun` and `accelerate launch` start both:

- DDP: each GPU holds the whole student and its part of every step. The quicker one, where the student fits.
- FSDP: the student itself is spread over the GPUs. QLoRA too: its 4-bit weights are stored as bf16 values, for FSDP
  spreads floating-point values of one kind only, and the adapters are in bf16 for the same reason.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import yaml

from seedbed import jsonl
from seedbed.errors import InputError
from seedbed.ranks import WANTED
from train.launch.shares import share
from train.options import Options

# As PEFT's guide to FSDP has it ("Use PEFT QLoRA and FSDP"), but nothing moved to the CPU: that is for the hopeless.
_FSDP = {
    "fsdp_version": 2,
    "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
    "fsdp_cpu_ram_efficient_loading": True,
    "fsdp_offload_params": False,
    "fsdp_reshard_after_forward": True,
    "fsdp_state_dict_type": "FULL_STATE_DICT",
}


def write(folder: Path, command: list[str], options: Options, processes: int) -> list[str]:
    """Writes ddp.sh, fsdp.sh and their accelerate configurations into `folder`. Returns what to tell the user.

    command    what follows `seedbed` when the job is trained in one process
    Raises InputError where the rows of a step cannot be shared among so many.
    """
    processes = processes or _gpus()
    part = share(options, processes)
    jsonl.write_text(folder / "ddp.yaml", _configuration("MULTI_GPU", processes))
    jsonl.write_text(folder / "fsdp.yaml", _configuration("FSDP", processes, fsdp_config=_FSDP))
    seedbed = shlex.join(["-m", "seedbed.cli", *command])
    starts = {
        "ddp": f"torchrun --standalone --nproc-per-node {processes} {seedbed}",
        "fsdp": f"accelerate launch --config_file {shlex.quote(str(folder / 'fsdp.yaml'))} {seedbed}",
    }
    for name, start in starts.items():
        script = folder / f"{name}.sh"
        jsonl.write_text(script, _script(start, processes))
        script.chmod(0o755)
    rows = options.batch * options.accumulation
    return [
        f"{rows} rows a step, as in one process: {part.batch} × {part.accumulation} in each of {processes}. The same "
        "steps, the same learning rate, the same losses",
        f"DDP, where the student fits on one GPU:  {folder / 'ddp.sh'}",
        f"  {starts['ddp']}",
        f"FSDP, where it does not:                 {folder / 'fsdp.sh'}",
        f"  {starts['fsdp']}",
        f"On several machines: torchrun's --nnodes and --rdzv-endpoint, and a run directory that all of them see; set "
        f"{WANTED} to the number of all processes",
    ]


def _gpus() -> int:
    import torch

    if (found := torch.cuda.device_count()) < 2:
        raise InputError(f"{found} GPUs are here, so there is nothing to share out", where="--launch",
                         next_step="Say for how many GPUs: --launch 4")
    return found


def _configuration(kind: str, processes: int, **more: Any) -> str:
    settings = {
        "compute_environment": "LOCAL_MACHINE", "distributed_type": kind, "mixed_precision": "bf16", "num_machines": 1,
        "num_processes": processes, "machine_rank": 0, "main_training_function": "main", "use_cpu": False,
    }  # fmt: skip
    return yaml.safe_dump(settings | more, sort_keys=False)


def _script(start: str, processes: int) -> str:
    # Without the number a launcher that starts fewer goes unnoticed, as `accelerate launch --cpu` does.
    return f"#!/bin/sh\nset -e\ncd {shlex.quote(str(Path.cwd()))}\nexport {WANTED}={processes}\nexec {start}\n"
