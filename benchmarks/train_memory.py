"""`python -m benchmarks.train_memory`: the memory estimated before a training against what it then took. Writes
train_memory.md.

Each training runs in a process of its own, because a peak never goes back: random weights in the shapes of real
models, rows of mixed length, two epochs, each with the longest batch first: only in the second one it meets the
optimiser's state. The estimate's constants were fitted on other sizes than those
reported here (--sizes 12M,60M,360M shows them).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

import msgspec

from benchmarks import machine, random_students
from seedbed.context import Context
from train.checks import memory
from train.options import Method, Options

HERE = Path(__file__).parent
GOAL = 0.2


class Case(msgspec.Struct, frozen=True):
    """One training: `student` is a size of random_students.py, or the name of a real model."""

    student: str
    method: Method
    batch: int
    longest: int
    rows: int
    checkpointing: Literal["off", "on"] = "off"
    threads: int = 2


class Measured(msgspec.Struct, frozen=True):
    """Bytes, and the estimate's parts."""

    estimated: int
    peak: int
    parts: str
    longest: int

    @property
    def ratio(self) -> float:
        return self.estimated / self.peak


def measure(case: Case, folder: Path) -> Measured:
    """The training, in this process."""
    from train.stage import train

    student = case.student
    if student in random_students.SIZES:
        student = str(folder / case.student)
    with tempfile.TemporaryDirectory(dir=folder) as run:
        context = Context(Path(run), 7)
        options = Options(student=student, method=case.method, batch=case.batch, epochs=2, max_length=case.longest,
                          activation_checkpointing=case.checkpointing, threads=case.threads)
        train(random_students.records(case.rows, case.longest), options, context)
    figures = context.figures
    said = next(f["figure"] for f in figures["preflight"] if f["name"] == "memory")
    return Measured(figures["memory_estimated"], figures["memory_peak"], said.partition("(")[2].rstrip(")"),
                    figures["records"]["longest"])


def apart(case: Case, folder: Path) -> Measured | str:
    """The training in a process of its own; a line that says why, where it failed."""
    if case.student in random_students.SIZES and not (folder / case.student / "config.json").exists():
        made = [sys.executable, "-m", "benchmarks.train_memory", "--make", case.student, "--folder", str(folder)]
        subprocess.run(made, check=True, capture_output=True, cwd=HERE.parent)
    only = msgspec.json.encode(case).decode()
    command = [sys.executable, "-m", "benchmarks.train_memory", "--only", only, "--folder", str(folder)]
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parent, env=environment)
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:200]
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Measured)


def row(case: Case, found: Measured | str) -> str:
    about = f"| {case.student} | {case.method} | {case.batch} | {case.checkpointing} "
    if isinstance(found, str):
        return f"{about}| | | | failed: {found} | |"
    return (f"{about}| {found.longest} | {found.estimated / 1e9:.2f} | {found.peak / 1e9:.2f} "
            f"| {found.ratio - 1:+.0%} | {found.parts} |")


def main() -> None:
    """Measures each case, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="25M,135M,500M,smollm2-135m-instruct", help="(default: %(default)s)")
    parser.add_argument("--methods", default="lora,qlora,full", help="(default: %(default)s)")
    parser.add_argument("--batches", default="4", help="rows a batch, comma separated (default: %(default)s)")
    parser.add_argument("--longest", type=int, default=512, help="tokens (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=24, help="(default: %(default)s)")
    parser.add_argument("--checkpointing", default="off", help="off, on or both, as off,on (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "seedbed-students")
    parser.add_argument("--no-write", action="store_true")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("--make", help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.make:
        random_students.save(given.make, given.folder / given.make)
    elif given.only:
        found = measure(msgspec.json.decode(given.only, type=Case), given.folder)
        sys.stdout.write("\n" + msgspec.json.encode(found).decode() + "\n")
    else:
        _table(given)


def _table(given: argparse.Namespace) -> None:
    rows, worst = [], 0.0
    for size in given.sizes.split(","):
        for method in given.methods.split(","):
            for batch in map(int, given.batches.split(",")):
                for saving in given.checkpointing.split(","):
                    said = [size, method, batch, given.longest, given.rows, saving, given.threads]
                    case = msgspec.convert(dict(zip(Case.__struct_fields__, said, strict=True)), Case)
                    found = apart(case, given.folder)
                    rows.append(row(case, found))
                    sys.stderr.write(rows[-1] + "\n")
                    worst = max(worst, 1.0 if isinstance(found, str) else abs(found.ratio - 1))
    lines = [
        "# Memory of a training: estimated and taken", "",
        f"`python -m benchmarks.train_memory --sizes {given.sizes} --methods {given.methods} --batches {given.batches} "
        f"--longest {given.longest} --rows {given.rows}`: resident memory of the whole process at its peak, in GB; the "
        "parts are the estimate's. Sizes are random weights in the shapes of benchmarks/random_students.py.", "",
        "| student | method | batch | checkpointing | longest row | estimated | taken | apart | parts, GB |",
        "|---|---|---|---|---|---|---|---|---|", *rows, "",
        f"Goal: within {GOAL:.0%}. {'Met' if worst <= GOAL else 'NOT met'}: {worst:.0%} at worst. "
        f"Free memory at the end {memory.available() / 1e9:.0f} GB. {machine.described()}",
    ]
    written = "\n".join(lines) + "\n"
    sys.stdout.write(written)
    if not given.no_write:
        (HERE / "train_memory.md").write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
