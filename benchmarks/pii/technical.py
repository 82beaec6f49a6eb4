"""Chunks of a manual, and what is found in them: nearly all of it wrongly."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.pii.sentences import HALVES
from curate.pii.finder import Finder
from datagen.documents.chunk import cut
from datagen.readers import read

# What is truly of its kind in the manual, as its hits were read one by one: addresses of people, and network addresses
# that the manual shows as such. Everything else found is a false hit.
TRUE = Path(__file__).parent / "postgresql_true.txt"


def chunks(folder: Path, half: str, count: int = 200) -> list[str]:
    """`count` chunks of the manual's pages, drawn by lot. The two halves have no page in common."""
    pages = sorted(folder.rglob("*.html"))
    random.Random(0).shuffle(pages)
    pages = pages[HALVES.index(half) :: 2]
    drawn: list[str] = []
    for page in pages:
        text = read(page.name, page.read_bytes()).text
        pieces = [text[piece.start : piece.end] for piece in cut(text)]
        drawn += random.Random(page.name).sample(pieces, min(2, len(pieces)))
        if len(drawn) >= count:
            break
    return drawn[:count]


def found(texts: list[str], find: Finder) -> Iterator[tuple[str, str]]:
    """Kind and value of each hit."""
    for text in texts:
        for hit in find(text):
            yield hit.kind, text[hit.start : hit.end]


def false_hits(texts: list[str], find: Finder) -> tuple[Counter[str], Counter[str]]:
    """False hits by kind, and true ones."""
    true = {line for line in TRUE.read_text(encoding="utf-8").splitlines() if line[:1] != "#"}
    wrong: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for kind, value in found(texts, find):
        (right if f"{kind} {value}" in true else wrong)[kind] += 1
    return wrong, right
