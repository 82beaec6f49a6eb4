"""Data sets of any size to measure curation with: questions and answers in both languages, a fifth of them near copies.

Made from a seed, one row at a time, so that a million of them fit on any machine. What the time of duplicate search
depends on is kept as it is in real text: words are drawn by a Zipf-Mandelbrot law from 200,000 (English) or characters
by a Zipf law from 3,500 (Chinese: 1,000 of them then make up 86 % of a text, in real ones about 90 %), so that the rare
words of a question are as rare as real ones, and new ones come up at any size. An index that is quick only where
every text has words of its own would look better on invented texts than it is.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np

COPIES = 0.2  # share of rows that are near copies of an earlier one
_QUESTION = (13, 4)  # tokens: mean and deviation; Alpaca's questions have 12.5
_QUESTION_ZH = (20, 6)
_ANSWER = {"en": 88, "zh": 540}  # words or characters: about 600 characters with marks and question
_SENTENCE = {"en": (8, 20), "zh": (10, 32)}
_ENGLISH = 200_000
_POOL = 2_000  # earlier rows that copies are made from: a window, so that nothing grows


class _Language:
    """Words by rank, and how to join them."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self.name, self.chance = name, chance
        self.gap, self.stop, self.asks = (" ", ".", "?") if name == "en" else ("", "。", "？")
        self.words = _hanzi(chance) if name == "zh" else _english(chance)
        shift = 2.7 if name == "en" else 0.0  # Mandelbrot's; it takes the top off the commonest words
        self._sums = np.cumsum(1 / (np.arange(1, len(self.words) + 1) + shift))
        self._drawn = self._endless(np.random.default_rng(chance.randrange(1 << 32)))

    def _endless(self, lot: np.random.Generator) -> Iterator[str]:
        while True:  # many at once, because a single draw costs 50 times as much
            ranks = np.searchsorted(self._sums, lot.random(1 << 16) * self._sums[-1])
            yield from map(self.words.__getitem__, ranks.tolist())

    def draw(self, count: int) -> list[str]:
        """So many words, the common ones often."""
        return list(islice(self._drawn, count))

    def question(self) -> list[str]:
        mean, deviation = _QUESTION if self.name == "en" else _QUESTION_ZH
        return self.draw(min(max(round(self.chance.gauss(mean, deviation)), 4), 45))

    def reworded(self, words: list[str], most: float) -> list[str]:
        """The same but for up to a share of its words, at least one."""
        words = list(words)
        for _ in range(max(1, round(self.chance.random() * most * len(words)))):
            words[self.chance.randrange(len(words))] = self.draw(1)[0]
        return words

    def asked(self, words: list[str]) -> str:
        return self.gap.join(words) + self.asks

    def told(self, words: list[str]) -> str:
        """Words as sentences."""
        sentences, at = [], 0
        while at < len(words):
            size = self.chance.randint(*_SENTENCE[self.name])
            sentences.append(self.gap.join(words[at : at + size]).capitalize() + self.stop)
            at += size
        return self.gap.join(sentences)


class Row(msgspec.Struct, frozen=True):
    """An Alpaca row."""

    instruction: str
    output: str


def made(count: int, seed: int = 7) -> Iterator[Row]:
    """`count` rows, the two languages in turn."""
    chance = random.Random(seed)
    languages = [_Language("en", chance), _Language("zh", chance)]
    earlier: list[list[tuple[list[str], list[str]]]] = [[], []]
    for number in range(count):
        language, pool = languages[number % 2], earlier[number % 2]
        if pool and chance.random() < COPIES:
            question, answer = chance.choice(pool)
            question, answer = language.reworded(question, 0.2), language.reworded(answer, 0.03)
        else:
            question, answer = language.question(), language.draw(_ANSWER[language.name])
            if len(pool) < _POOL:
                pool.append((question, answer))
            else:
                pool[chance.randrange(_POOL)] = (question, answer)
        yield Row(language.asked(question), language.told(answer))


def write(path: Path, count: int, seed: int = 7) -> Path:
    """`count` rows as JSON lines."""
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as out:
        out.writelines(encode(row) + b"\n" for row in made(count, seed))
    return path


def _english(chance: random.Random) -> list[str]:
    syllables = [onset + vowel + coda for onset in "bcdfghlmnprstw" for vowel in "aeiou" for coda in ["", *"nrstlk"]]
    common = ["the", "of", "a", "to", "in", "and", "what", "how", "is", "for", "write", "list", "describe", "explain"]
    found = dict.fromkeys(common)
    while len(found) < _ENGLISH:
        found["".join(chance.choices(syllables, k=chance.randint(1, 3)))] = None
    return list(found)


def _hanzi(chance: random.Random) -> list[str]:
    characters = [chr(code) for code in range(0x4E00, 0x4E00 + 3_500)]
    chance.shuffle(characters)
    return list(dict.fromkeys([*"的是一在请写用有何这为出解释", *characters]))
