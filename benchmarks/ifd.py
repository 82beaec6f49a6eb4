"""Does IFD see which answer belongs to which question? `python -m benchmarks.ifd` writes benchmarks/ifd.md.

Each answer is measured with its own question and with the next record's, so that both sets hold the same answers, and
a score that only knew easy answers from hard ones would be at .5. Real Alpaca records are taken where they lie beside
the checkout, else seeds/general. `--count` records a language; the loss given the question is shown for comparison.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.judge import auc
from seedbed.context import Silent
from seedbed.likelihood import Measured, Said
from seedbed.resources import resource
from train.evaluation.likelihood import Student

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "shared" / "data"
LANGUAGES = ("en", "zh")
_SLICE = 64  # as curate/scoring/measuring.py has it
_RESAMPLES = 1000


@dataclass(frozen=True)
class Found:
    """One language: what was measured of each record with its own question and with another one's."""

    language: str
    data: str
    own: list[Measured]
    other: list[Measured]
    seconds: float

    @property
    def ifd(self) -> tuple[list[float], list[float]]:
        """Own, other."""
        own, other = ([one.given / one.alone for one in side if one.alone] for side in (self.own, self.other))
        return own, other


def pairs(language: str, count: int, data: Path) -> tuple[str, list[tuple[str, str]]]:
    """The data's name, and questions with their answers, drawn by seed 0."""
    path = data / f"alpaca_{language}_demo.json"
    if path.is_file():
        rows = json.loads(path.read_text(encoding="utf-8"))
        found = [("\n\n".join(filter(None, (r["instruction"], r["input"]))), r["output"]) for r in rows]
    else:
        path = resource("seeds") / f"general.{language}.jsonl"
        turns = [json.loads(line)["messages"] for line in path.read_text(encoding="utf-8").splitlines()]
        found = [(t[-2]["content"], t[-1]["content"]) for t in turns if len(t) == 2]
    found = [(question, answer) for question, answer in found if answer.strip()]
    random.Random(0).shuffle(found)
    return path.name, found[:count]


def measure(student: Student, language: str, count: int, data: Path) -> Found:
    """All records of a language, with their own question and the next one's."""
    name, several = pairs(language, count, data)
    questions, answers = zip(*several, strict=True)
    began = time.process_time()
    own = _measured(student, questions, answers)
    seconds = (time.process_time() - began) / len(several)
    other = _measured(student, (*questions[1:], questions[0]), answers)
    whole = [pair for pair in zip(own, other, strict=True) if not (pair[0].fault or pair[1].fault)]
    return Found(language, name, [one for one, _ in whole], [one for _, one in whole], seconds)


def _measured(student: Student, questions: Sequence[str], answers: Sequence[str]) -> list[Measured]:
    said = [
        Said(turns=({"role": "user", "content": question}, {"role": "assistant", "content": answer}))
        for question, answer in zip(questions, answers, strict=True)
    ]
    return [one for first in range(0, len(said), _SLICE) for one in student.measure(said[first : first + _SLICE], True)]


def interval(high: Sequence[float], low: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the AUC, by drawing records again (bootstrap)."""
    import numpy as np

    more = (np.array(high)[:, None] > np.array(low)) + 0.5 * (np.array(high)[:, None] == np.array(low))
    chance = np.random.default_rng(0)
    drawn = []
    for _ in range(_RESAMPLES):
        records = chance.integers(0, len(high), len(high))
        drawn.append(more[np.ix_(records, records)].mean())
    return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def row(found: Found) -> str:
    own, other = found.ifd
    low, high = interval(other, own)
    given = auc([one.given for one in found.other], [one.given for one in found.own])
    ranked = sorted(own)
    p5, p95 = ranked[len(own) // 20], ranked[-1 - len(own) // 20]
    cells = [
        found.language, found.data, str(len(own)), f"{auc(other, own):.3f} ({low:.3f} to {high:.3f})", f"{given:.3f}",
        f"{sum(b > a for a, b in zip(own, other, strict=True)) / len(own):.1%}",
        f"{statistics.median(own):.2f} ({p5:.2f} to {p95:.2f})", f"{statistics.median(other):.2f}",
        f"{sum(one >= 1 for one in own) / len(own):.1%}", f"{sum(one >= 1 for one in other) / len(own):.1%}",
        f"{found.seconds:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def by_length(found: Found) -> list[str]:
    """The AUC by length of the answer, thirds."""
    order = sorted(range(len(found.own)), key=lambda n: found.own[n].tokens)
    own, other = found.ifd
    third = max(1, len(order) // 3)
    lines = []
    for part in (order[:third], order[third : 2 * third], order[2 * third :]):
        tokens = [found.own[n].tokens for n in part]
        value = auc([other[n] for n in part], [own[n] for n in part]) if part else 0.0
        lines.append(f"| {found.language} | {min(tokens)} to {max(tokens)} | {value:.3f} |" if part else "")
    return lines


def main() -> None:
    """Prints Markdown; writes it too unless told otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="records of each language")
    parser.add_argument("--student", default="smollm2-135m-instruct")
    parser.add_argument("--window", type=int, default=1024)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with alpaca_{en,zh}_demo.json")
    parser.add_argument("--languages", default=",".join(LANGUAGES))
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument("--no-write", action="store_true")
    given = parser.parse_args()
    student = Student(given.student, given.window, given.threads, Silent())
    student.measure([Said(text="Warm.")], False)
    several = []
    for language in given.languages.split(","):
        several.append(measure(student, language, given.count, given.data))
        print(row(several[-1]), file=sys.stderr)  # noqa: T201 - a benchmark's output is what it is for
    lines = [
        "# IFD of questions and answers that belong together, and of such that do not", "",
        f"`python -m benchmarks.ifd --count {given.count} --window {given.window}`, student {given.student}. AUC: how "
        "often an answer with another record's question has a higher IFD than one with its own (.5 is chance), with "
        "its 95 % interval; beside it the same for the bare loss given the question. \"Same answer\": how often one "
        "answer has the higher IFD with the wrong question.", "",
        "| | data | records | AUC, IFD | AUC, loss | same answer | IFD, own (90 % lie) | IFD, other | own ≥ 1 "
        "| other ≥ 1 | CPU s a record |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *(row(found) for found in several), "",
        "| | tokens of the answer | AUC |", "|---|---|---|",
        *(line for found in several for line in by_length(found)), "",
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} shared cores, bf16.",
    ]
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if not given.no_write:
        (HERE / "ifd.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
