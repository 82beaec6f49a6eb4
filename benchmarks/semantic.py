"""Duplicates in other words against semhash: `python -m benchmarks.semantic` writes benchmarks/semantic.md.

Both get the same texts, the same vectors and the same cosine. Compared are the search alone (`neighbours.earlier`,
every pair; semhash's HNSW index of usearch) and the whole way from texts to what stays, encoder included. Recall is
over the pairs that comparing all with all gives. semhash is installed into an environment of its own (--env).

Texts: sentences of --data (Alpaca, C4, two languages), two at a time, or made by benchmarks.gate where there is no such
folder; a fifth of them are rewordings of an earlier one. Which of the two is decided once and told in the report: made
words lie nearer to each other, so figures from both must not stand in one table.
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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gate import DATA, Texts
from benchmarks.semantic_peer import clocks, since
from curate.duplicates.neighbours import earlier
from curate.duplicates.semantic import Options, semantic
from seedbed.context import Context
from seedbed.encode import load
from seedbed.record import chat
from seedbed.text import sentences

HERE = Path(__file__).parent
NEEDS = ("semhash==0.5.0", "msgspec", "sentencepiece")  # the last two for our encoder, which it is given
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Measured:
    """Seconds on the wall and of all threads, of the search and of the whole way; the pairs found."""

    search: tuple[float, float]
    whole: tuple[float, float]
    pairs: set[tuple[int, int]]


GOAL = 1.5  # times as fast as semhash over the same vectors


def texts_of(size: int, pool: list[str]) -> list[str]:
    """So many different texts out of the sentences of `pool`."""
    rng = random.Random(size)
    made: dict[str, None] = {}
    rows: list[str] = []
    while len(made) < size:
        text = _reworded(rng.choice(rows), rng) if rows and rng.random() < 0.2 else " ".join(rng.sample(pool, 2))
        if text not in made:
            made[text] = None
            rows.append(text)
    return list(made)


def sentences_of(data: Path) -> tuple[str, list[str]]:
    """Different sentences, and what they are, in words."""
    if data.is_dir():
        return "real sentences (Alpaca, C4)", list(dict.fromkeys(_real(data)))
    made = (text for language in ("en", "zh") for text in Texts(language, 5).take(10_000))
    return "made sentences (benchmarks.gate)", list(dict.fromkeys(made))


def _real(data: Path) -> Iterator[str]:
    for language in ("en", "zh"):
        for row in json.loads((data / f"alpaca_{language}_demo.json").read_text(encoding="utf-8")):
            yield from _parts(row["output"])
    with (data / "c4_demo.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield from _parts(json.loads(line)["text"])


def _parts(text: str) -> Iterator[str]:
    for start, end in sentences(text):
        if 20 <= end - start <= 200:
            yield " ".join(text[start:end].split())


def _reworded(text: str, rng: random.Random) -> str:
    """One to three words, or characters, left out."""
    words = text.split(" ") if text.isascii() else list(text)
    for _ in range(rng.randint(1, 3)):
        if len(words) > 6:
            del words[rng.randrange(len(words))]
    return (" " if text.isascii() else "").join(words)


def ours(texts: list[str], vectors: Array, encoder: str, threshold: float, rounds: int) -> Measured:
    """The search in its best of rounds; the stage once."""
    places, nobody = np.arange(len(texts)), np.zeros(len(texts), bool)
    search = []
    for _ in range(rounds):
        start = clocks()
        found = list(earlier(vectors, places, threshold, nobody))
        search.append(since(start))
    records = [chat(text, "") for text in texts]
    with tempfile.TemporaryDirectory() as folder:
        options = Options(encoder=encoder, threshold=threshold, on="instruction")
        start = clocks()
        list(semantic(records, options, Context(Path(folder))))
        whole = since(start)
    return Measured(min(search, key=lambda taken: taken[1]), whole, _pairs(found))


def lists(vectors: Array, threshold: float) -> tuple[float, set[tuple[int, int]]]:
    """What faiss takes and finds, which the stage turns to above `neighbours.EXACT` rows."""
    start = clocks()
    found = list(earlier(vectors, np.arange(len(vectors)), threshold, np.zeros(len(vectors), bool), exact=0))
    return since(start)[1], _pairs(found)


def _pairs(found: list[tuple[Array, Array, Array]]) -> set[tuple[int, int]]:
    return {pair for later, before, _ in found for pair in zip(later.tolist(), before.tolist(), strict=True)}


def brute(vectors: Array, threshold: float) -> tuple[float, set[tuple[int, int]]]:
    """All pairs from the threshold on, by products of blocks, and how long that took."""
    start = clocks()
    found: set[tuple[int, int]] = set()
    for top in range(0, len(vectors), 512):
        block = vectors[top : top + 512]
        later, before = np.nonzero(np.tril(block @ vectors[: top + 512].T, top - 1) >= threshold)
        found |= set(zip((later + top).tolist(), before.tolist(), strict=True))
    return since(start)[1], found


def semhash(python: Path, folder: Path, encoder: str, threshold: float, rounds: int) -> Measured:
    command = [str(python), "-m", "benchmarks.semantic_peer", str(folder), encoder, str(threshold), str(rounds)]
    root = str(HERE.parent)
    said = subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True)
    if said.returncode:
        raise SystemExit(f"semhash failed:\n{said.stderr[-2000:]}")
    told = json.loads(said.stdout.splitlines()[-1])
    pairs = {(max(a, b), min(a, b)) for a, b in np.load(folder / "peer.npy").tolist()}
    return Measured(tuple(told["search"]), tuple(told["whole"]), pairs)


def environment(folder: Path) -> Path:
    """The Python of an environment with semhash, made where it is not there."""
    python = folder / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *NEEDS], check=True)
    return python


def row(texts: list[str], vectors: Array, threshold: float, name: str, python: Path, rounds: int) -> str:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        np.save(folder / "vectors.npy", vectors)
        theirs = semhash(python, folder, name, threshold, rounds)
    own = ours(texts, vectors, name, threshold, rounds)
    by_hand, truth = brute(vectors, threshold)
    by_lists, listed = lists(vectors, threshold)

    def recall(pairs: set[tuple[int, int]]) -> str:
        return f"{len(pairs & truth) / max(len(truth), 1):.4f}"

    wall, cpu = (theirs.search[clock] / own.search[clock] for clock in (0, 1))
    cells = [
        f"{len(texts):,}", f"{threshold:g}", f"{len(truth):,}", f"{wall:.1f}×, {cpu:.1f}×", f"{own.search[1]:.2f} s",
        recall(own.pairs), f"{theirs.search[1]:.2f} s", recall(theirs.pairs), f"{by_hand:.2f} s",
        f"{by_lists:.2f} s, {recall(listed)}",
        f"{theirs.whole[1] / own.whole[1]:.2f}× ({own.whole[1]:.1f} and {theirs.whole[1]:.1f} s)",
    ]  # fmt: skip
    met = "met" if cpu >= GOAL else "NOT met"
    whole = "met" if theirs.whole[1] / own.whole[1] >= GOAL else "NOT met"
    return f"| {' | '.join(cells)} | {met}, {whole} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="10000,50000", help="texts, comma-separated")
    parser.add_argument("--thresholds", default="0.78,0.9", help="0.78 is ours for the default encoder, 0.9 semhash's")
    parser.add_argument("--encoder", default="default")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of real texts; without it they are made")
    parser.add_argument("--rounds", type=int, default=3, help="searches of each; the best counts")
    parser.add_argument("--env", type=Path, default=Path(tempfile.gettempdir()) / "seedbed-semhash")
    parser.add_argument("--dry", action="store_true", help="print, and write nothing")
    given = parser.parse_args()
    python, encoder = environment(given.env), load(given.encoder)
    source, pool = sentences_of(given.data)
    lines = [
        "# Duplicates in other words, measured",
        "",
        f"`python -m benchmarks.semantic`: {encoder.name}, {encoder.width} numbers a text, against semhash 0.5.0; "
        f"texts of {len(pool):,} {source}. Best of {given.rounds} searches; the whole way once. "
        "Recall is over all pairs at or above the cosine.",
        "",
        "| texts | cosine | pairs | × semhash, search: wall, CPU | ours, CPU | recall | semhash, CPU | recall "
        "| all pairs by numpy, CPU | faiss lists, CPU, recall | × semhash, whole way with the encoder, CPU "
        f"| goal of {GOAL}×, CPU: search, whole way |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for size in map(int, given.sizes.split(",")):
        texts = texts_of(size, pool)
        vectors = encoder.encode(texts)
        for threshold in map(float, given.thresholds.split(",")):
            lines.append(row(texts, vectors, threshold, given.encoder, python, given.rounds))
    lines += [
        "",
        f"CPU: of all threads. Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}; "
        f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}, for both. "
        "A shared machine: trust recall, and ratios by their order.",
    ]
    report = "\n".join(lines) + "\n"
    if not given.dry:
        (HERE / "semantic.md").write_text(report, encoding="utf-8")
    print(report)  # noqa: T201 - a benchmark's output is what it is for


if __name__ == "__main__":
    main()
