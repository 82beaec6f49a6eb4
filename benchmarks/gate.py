"""Speed and exactness of the ROUGE-L gate: `python -m benchmarks.gate [--quick]` writes benchmarks/gate.md.

Compared with Google's `rouge_score` (what Self-Instruct uses; it gets seedbed's tokenizer for Chinese, without which
it scores every Chinese pair 0) and with rapidfuzz's `cdist` on one thread. Texts are made here, from a seed: words
drawn by a Zipf law as in real instructions, 12.5 tokens on average, a third of them reworded from an earlier one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from seedbed.gate import Gate, rouge_l
from seedbed.text import tokenize

THRESHOLD = 0.7
HERE = Path(__file__).parent
DATA = HERE.parent.parent / "shared" / "data"  # real Alpaca texts are used too where they are present


class Texts:
    """A seeded source of instructions in one language."""

    def __init__(self, language: str, seed: int) -> None:
        self.random = random.Random(f"{language}{seed}")
        self.gap = "" if language == "zh" else " "
        self.words = _hanzi(self.random) if language == "zh" else _english_words(self.random)
        # Zipf; summed up once, because `choices` would do so on every call.
        self.weights = list(itertools.accumulate(1 / rank for rank in range(1, len(self.words) + 1)))
        self.made: list[list[str]] = []

    def take(self, count: int) -> list[str]:
        start = len(self.made)
        for _ in range(count):
            reword = self.made and self.random.random() < 1 / 3
            self.made.append(self._reworded(self.random.choice(self.made)) if reword else self._fresh())
        return [self.gap.join(words) for words in self.made[start:]]

    def pairs(self, count: int) -> list[tuple[str, str]]:
        """Half of them rewordings, so that many scores lie about the threshold, some exactly on it."""
        made = []
        for number in range(count):
            first = self._fresh()
            second = self._reworded(first) if number % 2 else self._fresh()
            made.append((self.gap.join(first), self.gap.join(second)))
        return made

    def _fresh(self) -> list[str]:
        return self.random.choices(
            self.words, cum_weights=self.weights, k=min(max(round(self.random.gauss(12.5, 4)), 3), 40)
        )

    def _reworded(self, words: list[str]) -> list[str]:
        words = list(words)
        for _ in range(self.random.randint(1, max(1, len(words) // 2))):
            place = self.random.randrange(len(words))
            kind = self.random.random()
            if kind < 0.5:
                words[place] = self.random.choices(self.words, cum_weights=self.weights)[0]
            elif kind < 0.75 and len(words) > 3:
                del words[place]
            else:
                words.insert(place, self.random.choices(self.words, cum_weights=self.weights)[0])
        return words


def _english_words(rng: random.Random) -> list[str]:
    syllables = [onset + vowel + coda for onset in "bcdfghlmnprstw" for vowel in "aeiou" for coda in ["", *"nrstlk"]]
    words = ["the", "of", "a", "to", "in", "and", "what", "how", "is", "for", "write", "list", "describe", "explain"]
    return words + ["".join(rng.sample(syllables, rng.randint(1, 3))) for _ in range(20_000)]


def _hanzi(rng: random.Random) -> list[str]:
    characters = [chr(code) for code in range(0x4E00, 0x4E00 + 3500)]
    rng.shuffle(characters)
    return list("的是一在请写用有何这为出解释") + characters


def fastest(works: dict[str, Callable[[int], Any]], rounds: int) -> dict[str, float]:
    """CPU seconds of each work (all use one thread) in its best of `rounds`, taken in turn.

    Short works in turn, CPU time and the best round: the machine is shared, and its load changes while this runs.
    """
    best = dict.fromkeys(works, float("inf"))
    for number in range(rounds):
        for name, work in works.items():
            start = time.process_time()
            work(number)
            best[name] = min(best[name], time.process_time() - start)
    return best


class _Tokenizer:
    """seedbed's tokens for `rouge_score`, which then can score Chinese too."""

    def tokenize(self, text: str) -> list[str]:
        return tokenize(text)


def rouge_scorer(language: str) -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=False, tokenizer=_Tokenizer() if language == "zh" else None)


def speed(language: str, size: int, rounds: int) -> list[str]:
    """One row: texts a second against a pool of `size`, by each of the three; another part of the texts each round."""
    import numpy as np
    from rapidfuzz.distance import LCSseq
    from rapidfuzz.process import cdist

    source = Texts(language, 1)
    pool, queries = source.take(size), source.take(200 * rounds)
    gate = Gate(THRESHOLD)
    for number, text in enumerate(pool):
        gate.add(str(number), text)
    scorer = rouge_scorer(language)
    encoded = [gate._encode(text) for text in pool]  # what cdist compares fastest; its encoding is not counted
    tokens = [gate._encode(text) for text in queries]

    def ours(number: int) -> None:
        for query in queries[200 * number : 200 * (number + 1)]:
            gate.nearest(query)

    def matrix(number: int) -> None:
        for query in tokens[20 * number : 20 * (number + 1)]:
            cdist([query], encoded, scorer=LCSseq.similarity, dtype=np.int32, workers=1)

    def google(number: int) -> None:
        for query, text in zip(queries[200 * number :][:200], pool[200 * number % (size - 200) :], strict=False):
            scorer.score(query, text)

    took = fastest({"ours": ours, "matrix": matrix, "google": google}, rounds)
    gate_rate, matrix_rate, google_rate = 200 / took["ours"], 20 / took["matrix"], 200 / took["google"] / size
    return [
        language,
        f"{size:,}",
        f"{gate_rate / google_rate:,.0f}×",
        f"{gate_rate / matrix_rate:.1f}×",
        f"{gate_rate:,.0f}",
        f"{matrix_rate:,.0f}",
        f"{google_rate:.2f}",
    ]


def differing(language: str, pairs: Iterable[tuple[str, str]]) -> tuple[int, int, int, int]:
    """Pairs, how many `rouge_score` refuses, how many lie exactly at 7/10, how many the gate decides otherwise."""
    scorer = rouge_scorer(language)
    total = refused = edge = wrong = 0
    for first, second in pairs:
        expected = scorer.score(second, first)["rougeL"].fmeasure
        gate = Gate(THRESHOLD)
        gate.add("first", first)
        match = gate.nearest(second)
        same = (match is not None) == (expected > THRESHOLD) and rouge_l(second, first) == expected
        total, refused, wrong = total + 1, refused + (expected > THRESHOLD), wrong + (not same)
        edge += abs(expected - THRESHOLD) < 1e-9
    return total, refused, edge, wrong


def real_pairs(count: int) -> list[tuple[str, list[tuple[str, str]]]]:
    """Random pairs of real Alpaca instructions, where the data is there."""
    found = []
    for language in ("en", "zh"):
        path = DATA / f"alpaca_{language}_demo.json"
        if path.is_file():
            rows = [row["instruction"] for row in json.loads(path.read_text(encoding="utf-8"))]
            rng = random.Random(0)
            found.append((language, [(rng.choice(rows), rng.choice(rows)) for _ in range(count)]))
    return found


def sequential(size: int, check: int) -> tuple[float, int, bool]:
    """Seconds to offer `size` mixed tasks one after the other, how many were accepted, and whether the first `check`
    were decided as by comparing with every accepted text."""
    from rapidfuzz.distance import LCSseq
    from rapidfuzz.process import cdist

    english, chinese = Texts("en", 2).take(size // 2), Texts("zh", 2).take(size - size // 2)
    tasks = [text for pair in zip(english, chinese, strict=True) for text in pair]
    gate, accepted = Gate(THRESHOLD), []
    start = time.process_time()
    for number, task in enumerate(tasks):
        if gate.offer(str(number), task) is None:
            accepted.append(number)
    took = time.process_time() - start

    import numpy as np

    pool: list[Any] = []
    lengths: list[int] = []
    brute: list[int] = []
    scorer: Any = LCSseq.similarity
    for number, task in enumerate(tasks[:check]):
        tokens = gate._encode(task)
        if pool:
            lcs = cdist([tokens], pool, scorer=scorer, dtype=np.int32)[0]
            precision, recall = lcs / np.array(lengths), lcs / len(tokens)
            with np.errstate(invalid="ignore"):
                if (2 * precision * recall / (precision + recall) > THRESHOLD).any():
                    continue
        pool.append(tokens)
        lengths.append(len(tokens))
        brute.append(number)
    return took, len(accepted), brute == [number for number in accepted if number < check]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works; writes nothing")
    quick = parser.parse_args().quick
    sizes, rounds, pair_count, stream, check = (
        ((1000,), 5, 1500, 4000, 2000) if quick else ((10_000, 50_000), 30, 15_000, 100_000, 20_000)
    )

    lines = [
        "# The ROUGE-L gate, measured",
        "",
        f"`python -m benchmarks.gate`, threshold {THRESHOLD}. Ratios depend little on the machine, rates do.",
        "",
        "| language | pool | × `rouge_score` | × cdist | gate, texts/s | cdist, texts/s | `rouge_score`, texts/s |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += ["| " + " | ".join(speed(language, size, rounds)) + " |" for size in sizes for language in ("en", "zh")]
    lines += [
        "",
        "| decisions and scores compared with `rouge_score` | pairs | over 0.7 | exactly 7/10 | differing |",
        "|---|---|---|---|---|",
    ]
    sets = [(f"made, {language}", language, Texts(language, 3).pairs(pair_count)) for language in ("en", "zh")]
    sets += [(f"Alpaca, {language}", language, pairs) for language, pairs in real_pairs(pair_count // 5)]
    for name, language, pairs in sets:
        lines.append(f"| {name} | " + " | ".join(f"{n:,}" for n in differing(language, pairs)) + " |")
    took, accepted, same = sequential(stream, check)
    lines += [
        "",
        f"Sequential, as Self-Instruct does it: {stream:,} tasks, half of them Chinese, one after the other "
        f"in {took:.1f} s of one core; {accepted:,} accepted; the first {check:,} decided "
        f"{'exactly as' if same else 'OTHERWISE THAN'} by comparing with every accepted text.",
        "",
        "CPU time on one thread, best of rounds taken in turn. "
        f"Python {platform.python_version()}, {os.cpu_count()} shared cores, {platform.machine()}.",
    ]
    report = "\n".join(lines) + "\n"
    if not quick:
        (HERE / "gate.md").write_text(report, encoding="utf-8")
    print(report)  # noqa: T201 - a benchmark's output is what it is for


if __name__ == "__main__":
    main()
