"""How long `seedbed --help` takes beside an empty Python: `python -m benchmarks.startup`.

The goal is under 0.5 s. Medians of whole processes, taken in turn so that a slow moment of the machine hits both.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 15
GOAL = 0.5


def seconds(command: list[str]) -> float:
    """Wall time of one process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    """Measures, and writes benchmarks/startup.md."""
    empty, help_ = [sys.executable, "-c", "pass"], [sys.executable, "-m", "seedbed.cli", "--help"]
    pairs = [(seconds(empty), seconds(help_)) for _ in range(RUNS + 1)][1:]
    bare, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    text = (
        "# Start-up\n\n`python -m benchmarks.startup`: medians of "
        f"{RUNS} whole processes, in turn.\n\n| | seconds | against an empty Python |\n|---|---|---|\n"
        f"| `python -c pass` | {bare:.3f} | 1.0 |\n| `seedbed --help` | {ours:.3f} | {ours / bare:.1f} |\n\n"
        f"Goal: under {GOAL} s. {'Met' if ours < GOAL else 'NOT met'}.\n"
    )
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
