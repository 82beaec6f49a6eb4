"""`python -m benchmarks.report`: what the report of a large run takes, and how large it is. Writes report.md.

The run is made by this script: imported records of about 600 characters, half of them Chinese, from ten sources, a
fifth of them near duplicates in groups, with scores; rules, exact, minhash, judge and export have been through it. Each
size runs in a process of its own, because a peak never goes back.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from seedbed import jsonl
from seedbed.record import Record, Source, chat
from seedbed.run import Manifest, finish

GOAL_MB = 5
SIZES = (10_000, 100_000)
_TWINS, _SHORT, _POOR = 0.2, 0.05, 0.1
_TASKS = ("question", "summary", "translation", "code", "chat")
_WORDS = "pump valve seal pressure alarm sensor gateway relay motor filter bearing cabinet".split()
_TERMS = "水泵 阀门 密封 压力 报警 传感器 网关 继电器 电机 过滤器 轴承 控制柜".split()


def records(count: int, seed: int = 0) -> Iterator[tuple[Record, int | None]]:
    """Records, each with the number of the earlier one that it nearly repeats, or None."""
    rng = random.Random(seed)
    for number in range(count):
        twin = rng.randrange(max(number - 5000, 0), number) if number and rng.random() < _TWINS else None
        told = twin if twin is not None and rng.random() < 0.5 else number
        chinese = (twin if twin is not None else number) % 2 == 1
        source = Source(document=f"source-{rng.randrange(10)}.jsonl", line=number)
        scores = {"judge": float(rng.choice((2, 3, 4, 4, 5, 5))), "ifd": rng.betavariate(5, 3)}
        yield (
            chat(
                *_said(told, chinese, rng),
                task=_TASKS[rng.randrange(5)],
                language="zh" if chinese else "en",
                source=source,
                scores=scores,
                labels={"level": rng.choice(("easy", "medium", "hard"))},
            ),
            twin,
        )


def _said(number: int, chinese: bool, rng: random.Random) -> tuple[str, str]:
    own = random.Random(number)
    if chinese:
        begins = own.choice(("如何检查", "为什么要更换", "怎样调整", "什么时候校准"))
        asked = f"{begins}第 {number} 号{own.choice(_TERMS)}？"
        told = "，".join(f"先看{own.choice(_TERMS)}再记录 {own.randrange(9999)}" for _ in range(rng.randrange(20, 50)))
        return asked, told + "。"
    begins = own.choice(("How is", "Why is", "When should one replace", "What does one check on"))
    told = ", ".join(f"see the {own.choice(_WORDS)} at {own.randrange(9999)}" for _ in range(rng.randrange(15, 40)))
    return f"{begins} {own.choice(_WORDS)} number {number}?", f"First {told}."


def write_run(run: Path, count: int) -> None:
    """The folders of a run of `count` records, as its stages would have left them."""
    names = ("import", "rules", "exact", "minhash", "judge", "export")
    folders = [run / f"{place:02}-{name}" for place, name in enumerate(names, 1)]
    done = [Manifest(stage=name, fingerprint=name) for name in names]
    kept = [jsonl.Writer(folder / "kept.jsonl") for folder in folders]
    rejected = [jsonl.Writer(folder / "rejected.jsonl") for folder in folders]
    ids: list[str] = []
    for record, twin in records(count):
        ids.append(record.id)
        last, dropped = _fate(record, None if twin is None else ids[twin])
        for place in range(len(folders)):
            done[place].read += 1
            if place == last and dropped.rejection:
                rejected[place].write(dropped)
                reason = dropped.rejection.reason
                done[place].reasons[reason] = done[place].reasons.get(reason, 0) + 1
                break
            kept[place].write(record)
    for place, folder in enumerate(folders):
        kept[place].__exit__(None, None, None)
        rejected[place].__exit__(None, None, None)
        done[place].kept, done[place].rejected = kept[place].count, rejected[place].count
        finish(folder, done[place])


def _fate(record: Record, twin: str | None) -> tuple[int, Record]:
    """Where a record is left out, and with which rejection; the place is past the last stage for one that stays."""
    rng = random.Random(record.id)
    if twin is not None:
        if rng.random() < 0.3:
            return 2, record.reject("exact", "exact", "the same words", match=twin, score=1.0)
        score = round(0.7 + 0.3 * rng.random(), 4)
        return 3, record.reject("minhash", "minhash", f"{score} alike", match=twin, score=score)
    if rng.random() < _SHORT:
        return 1, record.reject("rules", rng.choice(("too_short", "symbol_soup", "repetition")), "by a rule")
    if record.scores["judge"] < 3 and rng.random() < _POOR * 5:
        return 4, record.reject("judge", "low_score", "2, at least 3 is asked for", score=2.0)
    return 99, record


def _measure(run: Path, out: Path) -> None:
    from curate.report.build import Options, build

    began = time.monotonic()
    page = build(run, out, Options(encoder="lexical"))
    print(time.monotonic() - began, time.process_time())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, page.stat().st_size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--keep", type=Path, help="folder for the runs and reports, to look at")
    parser.add_argument("--measure", type=Path, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        _measure(*given.measure)
        return
    rows = []
    for size in given.sizes:
        with tempfile.TemporaryDirectory() as temporary:
            folder = (given.keep or Path(temporary)) / str(size)
            write_run(folder / "run", size)
            command = [sys.executable, "-m", "benchmarks.report", "--measure", str(folder / "run"), str(folder / "out")]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            seconds, cpu, peak, size_ = (float(part) for part in told)
            json_ = (folder / "out/report.json").stat().st_size
        sizes = f"{peak:.0f} MB | {size_ / 1e6:.2f} MB | {json_ / 1e6:.2f} MB"
        rows.append(f"| {size:,} | {seconds:.1f} s | {cpu:.1f} s | {sizes} |")
        print(rows[-1], flush=True)
    text = (
        "# The report of a large run\n\n`python -m benchmarks.report`: records of about 600 characters, half of them "
        "Chinese, a fifth near duplicates;\nlexical encoder, 1,500 points on the map. "
        f"Python {platform.python_version()}, {os.cpu_count()} shared cores, {platform.machine()}.\n\n"
        "| records | time | of it CPU | peak memory | report.html | report.json |\n|---|---|---|---|---|---|\n"
        + "\n".join(rows)
        + f"\n\nGoal: the page under {GOAL_MB} MB for a million records.\n"
    )
    (Path(__file__).parent / "report.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
