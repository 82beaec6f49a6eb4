"""`python -m benchmarks.train_gpu`: QLoRA and LoRA on a GPU at 0.5B to 8B, against TRL's SFTTrainer with its own
defaults, Unsloth where it is installed, and LLaMA-Factory where its environment is named. Writes train_gpu.md.

Random weights in the shapes of real models: speed and memory do not depend on what a model knows. Records of mixed
length. Each side in a process of its own. Without a GPU it runs on the CPU, which is for trying it at a toy size:
--sizes 1M. The environment of LLaMA-Factory:

    python -m benchmarks.loads --tools llamafactory --print --envs ENVS
    ENVS/llamafactory/bin/python -m pip install --no-deps bitsandbytes==0.50.2
    python -m benchmarks.train_gpu --llamafactory ENVS/llamafactory/bin/python
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks import machine, random_students
from benchmarks.train import located
from benchmarks.train_sides import LLAMAFACTORY, SIDES, Measured, Task, apart, there
from seedbed import jsonl

HERE = Path(__file__).parent
_KERNELS = ("liger_kernel", "kernels", "flash_attn", "triton", "unsloth")
_OTHERS = ("llamafactory", "llamafactory, no checkpointing")


def device() -> str:
    """What it runs on, in a line."""
    import torch

    if not torch.cuda.is_available():
        return f"NO GPU, a trial of the script only. {machine.described()}"
    properties = torch.cuda.get_device_properties(0)
    return f"{properties.name}, {properties.total_memory / 1e9:.0f} GB, torch {torch.__version__}."


def kernels() -> str:
    """Which libraries of faster kernels are there; what finds them uses them by itself."""
    found = [name for name in _KERNELS if importlib.util.find_spec(name)]
    return ", ".join(found) if found else "none"


def rows(given: argparse.Namespace) -> list[str]:
    """One line for each size, method and side."""
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        for size, folder in ((size, located(size, given.folder)) for size in given.sizes.split(",")):
            data = Path(scratch) / f"{size}.jsonl"
            jsonl.write(data, random_students.records(given.records, given.longest))
            for method in given.methods.split(","):
                found = {side: apart(_task(given, side, folder, method, data)) for side in SIDES if there(side)}
                for side in _OTHERS if given.llamafactory else ():
                    task = _task(given, side, folder, method, data)
                    found[side] = apart(task, LLAMAFACTORY, str(given.llamafactory))
                lines += [_line(size, method, side, one, found["seedbed"]) for side, one in found.items()]
                sys.stderr.write("\n".join(lines[-len(found) :]) + "\n")
    return lines


def _task(given: argparse.Namespace, side: str, folder: str, method: str, data: Path) -> Task:
    return msgspec.convert({
        "side": side, "student": folder, "method": method, "data": str(data), "batch": given.batch,
        "max_length": given.longest, "threads": given.threads,
        "checkpointing": "off" if side.endswith("no checkpointing") else "auto", "packing": side.endswith("packed"),
    }, Task)


def _line(size: str, method: str, side: str, found: Measured | str, ours: Measured | str) -> str:
    if isinstance(found, str):
        return f"| {size} | {method} | {side} | failed: {found} | | | |"
    ratio = f"{ours.tokens_per_second / found.tokens_per_second:.2f}×" if isinstance(ours, Measured) else ""
    return (f"| {size} | {method} | {side} {found.version} | {found.tokens_per_second:,.0f} | {ratio} "
            f"| {found.peak / 1e9:.2f} | {found.first_step:.1f} |")


def main() -> None:
    """Measures each size, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="500M,1.5B,3B,8B", help=f"of {', '.join(random_students.SIZES)}")
    parser.add_argument("--methods", default="qlora,lora")
    parser.add_argument("--records", type=int, default=320)
    parser.add_argument("--longest", type=int, default=2_048, help="tokens of the longest row")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--llamafactory", type=Path, help="the python of its environment")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "seedbed-students")
    parser.add_argument("--out", type=Path, default=HERE / "train_gpu.md")
    given = parser.parse_args()
    lines = [
        "# Training on a GPU, measured", "",
        f"`python -m benchmarks.train_gpu --sizes {given.sizes} --methods {given.methods} --records {given.records} "
        f"--longest {given.longest} --batch {given.batch}`: tokens that are no padding, from the second step on; peak "
        f"of the GPU's memory. {device()} Kernels there: {kernels()}.", "",
        "| size | method | side | tokens a second | seedbed is as fast | peak, GB | seconds to the first step |",
        "|---|---|---|---|---|---|---|",
        *rows(given),
    ]
    written = "\n".join(lines) + "\n"
    given.out.write_text(written, encoding="utf-8")
    sys.stdout.write(written)


if __name__ == "__main__":
    main()
