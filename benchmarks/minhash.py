"""Speed, memory and exactness of minhash: `python -m benchmarks.minhash [--texts N] [--oracle N]` writes minhash.md.

The same made-up texts of 600 characters (half of them Chinese, a fifth of them changed copies) through seedbed's stage,
datasketch, rensa and text-dedup, each in a process and an environment of its own. What each drops is held against exact
Jaccard similarities of all pairs, on fewer texts, since these cost their square.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import msgspec

from benchmarks.gate import Texts
from benchmarks.other_minhash import OTHERS, cpu, peak, shingles
from curate.duplicates.minhash import Options, minhash
from curate.duplicates.pairs import FILE
from seedbed.context import Context
from seedbed.record import make

HERE = Path(__file__).parent
THRESHOLD = 0.7
LENGTH = 600
COPIES = 0.2
# What text-dedup needs for this part of it; the whole of it wants pyspark and tensorflow besides.
_NEEDS = {"datasketch": ["datasketch"], "rensa": ["rensa"],
          "text-dedup": ["click", "click-option-group", "datasets", "xxhash", "scipy", "tqdm", "regex", "rich", "ftfy",
                         "psutil", "bitarray", "zstandard", "setuptools"]}


class Result(msgspec.Struct):
    """`gone`: places of the texts dropped; `pairs`: of seedbed, those it found from the threshold on."""

    seconds: float
    cpu: float
    memory: float
    gone: list[int]
    version: str
    pairs: list[tuple[int, int]] = []


# How many times as fast the whole stage was to be (wall clock).
GOALS = {"datasketch": 12, "rensa": 4}


def made(language: str, count: int) -> list[str]:
    """Texts of about `LENGTH` characters, every fifth an earlier one with 0.5 to 12 % of its words changed."""
    source, draw = Texts(language, 5), random.Random(f"{language} copies")
    texts: list[list[str]] = []
    for _ in range(count):
        if texts and draw.random() < COPIES:
            words = list(draw.choice(texts))
            for _ in range(max(1, round(len(words) * draw.uniform(0.005, 0.12)))):
                words[draw.randrange(len(words))] = draw.choices(source.words, cum_weights=source.weights)[0]
        else:
            words = []
            while len(source.gap.join(words)) < LENGTH:
                words += source._fresh()
        texts.append(words)
    return [source.gap.join(words) for words in texts]


def ours(texts: list[str]) -> Result:
    """The whole stage: records in, verdicts out, pairs kept on disk."""
    import numpy  # noqa: F401 - loaded before the clock starts, as the others' libraries are

    records = [make(text=text, language="en" if text.isascii() else "zh") for text in texts]
    with tempfile.TemporaryDirectory() as folder:
        before = peak()
        wall, used = time.perf_counter(), cpu()
        results = minhash(records, Options(threshold=THRESHOLD), Context(Path(folder)))
        gone = [place for place, record in enumerate(results) if record.rejection]
        wall, used = time.perf_counter() - wall, cpu() - used
        return Result(wall, used, peak() - before, gone, "", _pairs(Path(folder)))


def _pairs(folder: Path) -> list[tuple[int, int]]:
    import numpy as np

    with np.load(folder / FILE) as found:
        over = found["score"] >= THRESHOLD
        return list(zip(found["first"][over].tolist(), found["second"][over].tolist(), strict=True))


def near_pairs(texts: list[str]) -> set[tuple[int, int]]:
    """All pairs with an exact Jaccard similarity from the threshold on: the product of the matrix of texts and shingles
    with its transpose, a block of rows at a time."""
    import numpy as np
    from scipy.sparse import csr_matrix

    known: dict[str, int] = {}
    sets = [[known.setdefault(shingle, len(known)) for shingle in set(shingles(text))] for text in texts]
    sizes = np.array([len(numbers) for numbers in sets])
    ends = np.concatenate([[0], np.cumsum(sizes)])
    columns = np.concatenate([np.array(numbers) for numbers in sets])
    matrix = csr_matrix((np.ones(len(columns), np.int32), columns, ends), shape=(len(texts), len(known)))
    transposed, found = matrix.T.tocsr(), set()
    for start in range(0, len(texts), 200):
        block = (matrix[start : start + 200] @ transposed).tocoo()
        first, common = block.row + start, block.data
        over = (common / (sizes[first] + sizes[block.col] - common) >= THRESHOLD) & (first < block.col)
        found |= set(zip(first[over].tolist(), block.col[over].tolist(), strict=True))
    return found


def shares(result: Result, pairs: set[tuple[int, int]]) -> str:
    """Of the similar pairs those of which not both stay; of the dropped those that are like another text at all, and
    those that are like one that stays. Says nothing of which copy stays, for that differs."""
    gone = set(result.gone)
    apart = sum(bool(gone & {first, second}) for first, second in pairs)
    like = {place for pair in pairs for place in pair}
    stays = {place for pair in pairs for place, other in (pair, pair[::-1]) if other not in gone}
    found = f"{len(pairs & set(result.pairs)) / len(pairs):.4f}" if result.pairs else ""
    rightly = (f"{len(gone & some) / max(len(gone), 1):.4f}" for some in (like, stays))
    return f"{apart / len(pairs):.4f} | {' | '.join(rightly)} | {found} |"


def environments(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Pythons that have the others installed, and a line for each that cannot be had."""
    found, missing = {}, []
    for name, needs in _NEEDS.items():
        python = folder / name / "bin" / "python"
        if not python.exists():
            venv.create(folder / name, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        installed = subprocess.run([*pip, *needs], capture_output=True, text=True)
        if not installed.returncode and name not in needs:
            installed = subprocess.run([*pip, "--no-deps", name], capture_output=True, text=True)
        if installed.returncode:
            why = (installed.stderr.strip().splitlines() or ["no reason given"])[-1]
            missing.append(f"{name} could not be installed: {why[:200]}")
        else:
            found[name] = python
    return found, missing


def run(name: str, texts: list[str], pythons: dict[str, Path], folder: Path) -> Result | str:
    """One contestant in a process of its own; a line that says why, where it failed."""
    path = folder / "texts.json"
    path.write_text(json.dumps(texts), encoding="utf-8")
    own = [sys.executable, "-m", "benchmarks.minhash", "--only-ours", str(path)]
    theirs = [str(pythons.get(name)), str(HERE / "other_minhash.py"), name, str(path), str(THRESHOLD)]
    done = subprocess.run(theirs if name in pythons else own, capture_output=True, text=True, cwd=HERE.parent)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["it ended without a word"])[-1][:200]
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Result)


def speed(names: list[str], size: int, pythons: dict[str, Path], folder: Path) -> list[str]:
    """The table of rates, memory and ratios."""
    texts = [text for pair in zip(made("en", size // 2), made("zh", size // 2), strict=True) for text in pair]
    lines = [
        f"| {size:,} texts | texts/s | texts/s of CPU | seedbed is as fast | by CPU | MB beyond texts | dropped |",
        "|---|---|---|---|---|---|---|",
    ]
    best: Result | None = None
    goals = []
    for name in names:
        result = run(name, texts, pythons, folder)
        if isinstance(result, str):
            lines.append(f"| {name} | failed: {result} | | | | | |")
            continue
        best = best or result
        ratios = f"{result.seconds / best.seconds:.1f}× | {result.cpu / best.cpu:.1f}×"
        if name in GOALS:
            met = "Met" if result.seconds >= GOALS[name] * best.seconds else "NOT met"
            goals.append(f"Goal against {name}: {GOALS[name]} times as fast. {met}.")
        rates = f"{size / result.seconds:,.0f} | {size / result.cpu:,.0f}"
        lines.append(f"| {name} {result.version} | {rates} | {ratios} | {result.memory:,.0f} | {len(result.gone):,} |")
    return [*lines, *(line for goal in goals for line in ("", goal))]


def quality(names: list[str], size: int, pythons: dict[str, Path], folder: Path) -> list[str]:
    """The table of what was found and what was dropped wrongly, by language."""
    lines = [
        f"| {size:,} texts, pairs from {THRESHOLD} on | pairs resolved | dropped that are like another | like one that "
        "stays | pairs found |",
        "|---|---|---|---|---|",
    ]
    for language in ("en", "zh"):
        texts = made(language, size)
        pairs = near_pairs(texts)
        for name in names:
            result = run(name, texts, pythons, folder)
            said = f"failed: {result} | | | |" if isinstance(result, str) else shares(result, pairs)
            lines.append(f"| {name}, {language}, {len(pairs):,} pairs | {said}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=100_000, metavar="N", help="texts for the speed (%(default)s)")
    parser.add_argument("--oracle", type=int, default=10_000, metavar="N", help="texts a language for the exactness")
    parser.add_argument("--others", default=",".join(OTHERS), help="whom to compare with (default: %(default)s)")
    parser.add_argument("--environments", type=Path, default=Path(tempfile.gettempdir()) / "seedbed-benchmarks")
    parser.add_argument("--out", type=Path, default=HERE / "minhash.md")
    parser.add_argument("--only-ours", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only_ours:
        result = ours(json.loads(given.only_ours.read_text(encoding="utf-8")))
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
        return
    pythons, missing = environments(given.environments)
    names = ["seedbed", *(name for name in given.others.split(",") if name in pythons)]
    with tempfile.TemporaryDirectory() as folder:
        tables = [speed(names, given.texts, pythons, Path(folder)), quality(names, given.oracle, pythons, Path(folder))]
    lines = [
        "# MinHash, measured",
        "",
        f"`python -m benchmarks.minhash --texts {given.texts} --oracle {given.oracle}`, threshold {THRESHOLD}. Texts "
        f"of about {LENGTH} characters, half of them Chinese, {COPIES:.0%} changed copies. seedbed is the whole stage, "
        "records written to disk, every pair verified and kept; the others get texts in memory and sets of 5 "
        "characters, 128 permutations, and are otherwise as they come.",
        "",
        *tables[0],
        "",
        *tables[1],
        "",
        *missing,
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}, "
        f"load {os.getloadavg()[0]:.1f} at the end.",
    ]
    given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))  # noqa: T201 - a benchmark's output is what it is for


if __name__ == "__main__":
    main()
