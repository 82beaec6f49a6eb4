"""The same texts through datasketch, rensa and text-dedup: run by `benchmarks.minhash` in environments of their own, so
it imports nothing of seedbed.

    python other_minhash.py datasketch|rensa|text-dedup TEXTS.json THRESHOLD

Prints one line of JSON: wall and CPU seconds, memory beyond the texts, the places of the texts that it would drop, and
the library's version. Each gets 128 permutations and sets of 5 characters; everything else is as it comes.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

PERMUTATIONS, SHINGLE = 128, 5
# From texts and a threshold to the places of those to drop; its library is loaded before the clock starts.
Drop = Callable[[list[str], float], list[int]]


def shingles(text: str) -> list[str]:
    return [text[at : at + SHINGLE] for at in range(max(len(text) - SHINGLE + 1, 1))]


def datasketch() -> Drop:
    from datasketch import MinHash, MinHashLSH  # type: ignore[import-not-found,unused-ignore]

    def drop(texts: list[str], threshold: float) -> list[int]:
        index, gone = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS), []
        for place, text in enumerate(texts):
            signature = MinHash(num_perm=PERMUTATIONS)
            signature.update_batch([shingle.encode() for shingle in shingles(text)])
            if index.query(signature):
                gone.append(place)
            else:
                index.insert(place, signature)
        return gone

    return drop


def rensa() -> Drop:
    """The deduplicator of its documentation, which takes pairs of name and tokens one after the other."""
    from rensa import RMinHashDeduplicator  # type: ignore[import-not-found]

    def drop(texts: list[str], threshold: float) -> list[int]:
        deduplicator: Any = RMinHashDeduplicator(threshold=threshold, num_perm=PERMUTATIONS, use_lsh=True)
        stays = deduplicator.add_pairs((str(place), shingles(text)) for place, text in enumerate(texts))
        return [place for place, stay in enumerate(stays) if not stay]

    return drop


def text_dedup() -> Drop:
    """Its command line, which reads and writes data sets on disk. It splits into words, so every character is made one:
    otherwise a Chinese text has none. Its default hash is SHA-1, as in datasketch."""
    from datasets import Dataset, load_from_disk
    from text_dedup.minhash import main as command  # type: ignore[import-not-found]

    def drop(texts: list[str], threshold: float) -> list[int]:
        with tempfile.TemporaryDirectory() as folder:
            rows = {"text": [" ".join(text.replace(" ", "_")) for text in texts], "place": list(range(len(texts)))}
            Dataset.from_dict(rows).save_to_disk(f"{folder}/given")
            command.main(
                args=["--path", f"{folder}/given", "--local", "--split", "train", "--cache_dir", f"{folder}/cache",
                      "--output", f"{folder}/done", "--column", "text", "--ngram", str(SHINGLE), "--threshold",
                      str(threshold), "--num_perm", str(PERMUTATIONS), "--num_proc", str(os.cpu_count())],
                standalone_mode=False,
            )
            left = set(load_from_disk(f"{folder}/done")["place"])
        return [place for place in range(len(texts)) if place not in left]

    return drop


OTHERS: dict[str, Callable[[], Drop]] = {"datasketch": datasketch, "rensa": rensa, "text-dedup": text_dedup}


def cpu() -> float:
    """Seconds of this process and of those it started and that have ended."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def peak() -> float:
    """MiB that this program held at most. Not `ru_maxrss`, in which a child begins with its parent's peak."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def main() -> None:
    name, path, threshold = sys.argv[1:]
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries say must not mix with the result
    texts = json.loads(Path(path).read_text(encoding="utf-8"))
    drop = OTHERS[name]()
    before = peak()
    wall, used = time.perf_counter(), cpu()
    gone = drop(texts, float(threshold))
    wall, used = time.perf_counter() - wall, cpu() - used
    found = {"seconds": wall, "cpu": used, "memory": peak() - before, "gone": gone, "version": version(name)}
    out.write(json.dumps(found))
    out.flush()


if __name__ == "__main__":
    main()
