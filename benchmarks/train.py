"""`python -m benchmarks.train`: a training on this machine against TRL's SFTTrainer with its own defaults, and an
evaluation in batches against one by one. Writes train.md.

The same student, records of mixed length, adapter, batch and threads; each side in a process of its own, one after the
other, the sides in turn (--repeats), and of each the median. TRL with activation checkpointing switched off stands
beside it, since that default costs it time and saves it memory.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks import machine, random_students
from benchmarks.train_sides import Measured, Task, apart, there
from seedbed import jsonl
from seedbed.context import Silent
from seedbed.record import Record, chat
from train import libraries
from train.students import model

HERE = Path(__file__).parent
SIDES = ("seedbed", "trl", "trl, no checkpointing")
FASTER, STEP, BATCHED = 1.3, 20.0, 3.0  # goals: tokens a second, seconds to the first step, evaluation
_WORDS = {
    "en": "the pump valve sensor holds reads about bar port when it stops press and wait for the red light".split(),
    "zh": "水泵 阀门 传感器 压力 端口 按下 红色 按钮 等待 读取 数值 停机 大约 然后 检查 每天 更换".split(),
}


def records(count: int, longest: int, seed: int = 7) -> list[Record]:
    """Half English, half Chinese; answers of mixed length as instruction data has them: half under a sixth of `longest`
    tokens (about so many words), one in fifty at it."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        language = "zh" if number % 2 else "en"
        words = max(4, min(longest, int(chance.lognormvariate(0, 0.9) * longest / 6)) // (2 if number % 2 else 1))
        gap, stop = ("", "。") if number % 2 else (" ", ".")
        said = [gap.join(chance.choices(_WORDS[language], k=min(12, words - i))) + stop for i in range(0, words, 12)]
        question = f"设备 {number} 怎么操作？" if number % 2 else f"How is device {number} run?"
        made.append(chat(question, gap.join(said), split="train", language=language))
    return made


def compared(given: argparse.Namespace, student: str, data: Path) -> list[str]:
    """The table of both methods and all sides."""
    lines = [
        "| method | side | tokens a second | seedbed is as fast | seconds to the first step | peak, GB | steps |",
        "|---|---|---|---|---|---|---|",
    ]
    for method in given.methods.split(","):
        found = _sides(given, student, data, method)
        ours = found["seedbed"]
        for side, result in found.items():
            if isinstance(result, str):
                lines.append(f"| {method} | {side} | failed: {result} | | | | |")
                continue
            ratio = f"{ours.tokens_per_second / result.tokens_per_second:.2f}×" if isinstance(ours, Measured) else ""
            lines.append(f"| {method} | {side} {result.version} | {result.tokens_per_second:.1f} | {ratio} "
                         f"| {result.first_step:.1f} | {result.peak / 1e9:.2f} | {result.steps} |")
        lines += _goals(method, found)
    return lines


def _sides(given: argparse.Namespace, student: str, data: Path, method: str) -> dict[str, Measured | str]:
    several: dict[str, list[Measured]] = {side: [] for side in SIDES if there(side)}
    failed: dict[str, str] = {}
    for turn in range(given.repeats):
        for side in several if turn % 2 == 0 else reversed(several):
            task = msgspec.convert({
                "side": side, "student": student, "method": method, "data": str(data), "batch": given.batch,
                "max_length": given.max_length, "threads": given.threads,
                "checkpointing": "off" if side.endswith("no checkpointing") else "auto",
            }, Task)
            found = apart(task)
            sys.stderr.write(f"{method}, {side}: {found}\n")
            if isinstance(found, str):
                failed[side] = found
            else:
                several[side].append(found)
    return {side: failed.get(side) or _median(results) for side, results in several.items()}


def _median(results: list[Measured]) -> Measured:
    fields = {
        name: statistics.median(getattr(one, name) for one in results)
        for name in ("tokens_per_second", "first_step", "peak")
    }
    return msgspec.structs.replace(results[0], **fields | {"peak": int(fields["peak"])})


def _goals(method: str, found: dict[str, Measured | str]) -> list[str]:
    ours, theirs = found["seedbed"], found.get("trl", "")
    if isinstance(ours, str) or isinstance(theirs, str):
        return []
    said = [
        (f"{FASTER}× as fast", ours.tokens_per_second >= FASTER * theirs.tokens_per_second),
        (f"first step under {STEP:.0f} s", ours.first_step < STEP),
        ("peak no higher", ours.peak <= theirs.peak),
    ]
    verdicts = ", ".join(f"{goal}: {'met' if met else 'NOT met'}" for goal, met in said)
    return [f"| {method} | goals | {verdicts} | | | | |"]


def evaluated(given: argparse.Namespace, student: str) -> list[str]:
    """Losses and answers, batched and one by one, in this process: the same model, the same records."""
    from train.evaluation import answers
    from train.rows.data import Fit
    from train.rows.template import Template

    with libraries.prepared(given.threads):
        folder = Path(student)
        tokenizer = model.load_tokenizer(folder)
        loaded, template = model.load(folder, "lora", tokenizer), Template(tokenizer)
        loaded.eval()
        several, fit = records(given.evaluated, given.longest, seed=11), Fit(given.max_length)
        works: dict[str, tuple[list[Record], Callable[[list[Record]], object]]] = {
            "loss": (several, lambda ones: answers.losses(loaded, template, ones, fit, lambda done: None)),
            "answers": (several[: given.answers], lambda ones: answers.answer(loaded, template, ones, given.tokens)),
        }
        lines = ["| evaluation | records | batched, s | one by one, s | faster |", "|---|---|---|---|---|"]
        for name, (ones, work) in works.items():
            work(ones[:1])
            batched = _seconds(lambda work=work, ones=ones: work(ones))  # type: ignore[misc]
            single = _seconds(lambda work=work, ones=ones: [work([one]) for one in ones])  # type: ignore[misc]
            goal = f"goal {BATCHED:.0f}×: {'met' if single >= BATCHED * batched else 'NOT met'}"
            lines.append(f"| {name} | {len(ones)} | {batched:.1f} | {single:.1f} | {single / batched:.1f}×, {goal} |")
    return lines


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def located(name: str, folder: Path) -> str:
    """The student's folder; of a size of random_students.py, made first."""
    with libraries.prepared(1):
        if name in random_students.SIZES:
            return str(random_students.save(name, folder / name))
        return str(model.locate(name, Silent()))


def main() -> None:
    """Measures all, and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--student", default="smollm2-135m-instruct", help="or a size, 1M say, with random weights")
    parser.add_argument("--methods", default="qlora,lora")
    parser.add_argument("--records", type=int, default=160)
    parser.add_argument("--longest", type=int, default=400, help="words of the longest answer")
    parser.add_argument("--max-length", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--evaluated", type=int, default=64, help="records whose loss is measured; 0: no evaluation")
    parser.add_argument("--answers", type=int, default=24, help="of these, answered")
    parser.add_argument("--tokens", type=int, default=64, help="of an answer, at most")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "seedbed-students")
    parser.add_argument("--out", type=Path, default=HERE / "train.md")
    given = parser.parse_args()
    student = located(given.student, given.folder)
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data.jsonl"
        jsonl.write(data, records(given.records, given.longest))
        lines = compared(given, student, data)
    lines += ["", *evaluated(given, student)] if given.evaluated else []
    about = (
        f"`python -m benchmarks.train --student {given.student} --methods {given.methods} --records {given.records} "
        f"--longest {given.longest} --batch {given.batch} --threads {given.threads} --repeats {given.repeats}`: one "
        "epoch; tokens that are no padding, from the second step on; the time to the first step is from the start of "
        "the command; resident memory of the whole process; medians."
    )
    written = "\n".join(["# Training, measured", "", about, "", *lines, "", machine.described()]) + "\n"
    given.out.write_text(written, encoding="utf-8")
    sys.stdout.write(written)


if __name__ == "__main__":
    main()
