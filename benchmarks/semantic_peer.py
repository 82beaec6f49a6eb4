"""semhash's side of benchmarks/semantic.py, run by the Python of an environment that has semhash in it.

`python -m benchmarks.semantic_peer FOLDER ENCODER THRESHOLD ROUNDS`: reads texts.json and vectors.npy from FOLDER,
prints one line of JSON and writes the pairs that semhash's index finds to peer.npy.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seedbed.encode import load


class Given:
    """An encoder that has all vectors already: what semhash is given so that only its search is timed."""

    def __init__(self, texts: Sequence[str], vectors: Any) -> None:
        self._rows = dict(zip(texts, vectors, strict=True))

    def encode(self, inputs: Sequence[str], **_: Any) -> Any:
        return np.stack([self._rows[text] for text in inputs])


def clocks() -> tuple[float, float]:
    """Seconds on the wall and of all threads."""
    return time.perf_counter(), time.process_time()


def since(start: tuple[float, float]) -> tuple[float, float]:
    wall, cpu = clocks()
    return wall - start[0], cpu - start[1]


def main() -> None:
    from semhash import SemHash

    folder, encoder, threshold, rounds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    vectors = np.load(folder / "vectors.npy")
    search = []
    for _ in range(rounds):
        start = clocks()
        found = SemHash.from_embeddings(vectors, texts, Given(texts, vectors))
        found.self_deduplicate(threshold)
        search.append(since(start))
    model = load(encoder)
    start = clocks()
    SemHash.from_records(texts, model=model).self_deduplicate(threshold)
    whole = since(start)
    near = found.index.query_threshold(found.index.vectors, threshold=threshold)
    pairs = [(row, int(other)) for row, (others, _) in enumerate(near) for other in others if other != row]
    np.save(folder / "peer.npy", np.array(pairs, np.int64).reshape(-1, 2))
    print(json.dumps({"search": min(search, key=lambda taken: taken[1]), "whole": whole}))  # noqa: T201


if __name__ == "__main__":
    main()
