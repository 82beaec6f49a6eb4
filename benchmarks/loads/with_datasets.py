"""Run in the environment of `datasets`: loads every format by its folder and by its name, and compares every value."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import datasets


def say(*words: object) -> None:
    print("SAID", json.dumps(words))


def bare(value: Any) -> Any:
    """Without nulls and what is empty: a column is there in all rows, a key of a row need not be."""
    if isinstance(value, dict):
        return {name: kept for name, item in value.items() if (kept := bare(item)) not in (None, [], {})}
    return [bare(item) for item in value] if isinstance(value, list) else value


def written(folder: Path, format: str, split: str) -> list[Any]:
    return [json.loads(line) for line in (folder / "jsonl" / format / f"{split}.jsonl").open(encoding="utf-8")]


def compared(folder: Path, format: str, loaded: Any) -> tuple[int, int, str]:
    there = seen = unlike = 0
    for split, part in loaded.items():
        rows = written(folder, format, split)
        there, seen = there + len(rows), seen + len(part)
        unlike += sum(bare(one) != bare(two) for one, two in zip(rows, part, strict=False))
    return there, seen, f"{unlike} differ" if unlike else "equal"


def main(folder: Path) -> None:
    datasets.disable_progress_bars()
    about = "`load_dataset(FOLDER/FORMAT)`, and `load_dataset(FOLDER, FORMAT)`; every value of every row is compared."
    say(f"datasets {datasets.__version__}", about)
    for container in ("jsonl", "json", "parquet"):
        for path in sorted((folder / container).glob("*/README.md")):
            format = path.parent.name
            cache = str(folder / "cache" / container)
            own = datasets.load_dataset(str(path.parent), cache_dir=cache)
            say(f"{container}: {format}, splits {', '.join(own)}", *compared(folder, format, own))
            if container == "jsonl":
                named = datasets.load_dataset(str(path.parent.parent), format, cache_dir=cache)
                say(f"{container}: {format}, by name", *compared(folder, format, named))
    table = datasets.load_dataset(str(folder / "csv" / "alpaca"), cache_dir=str(folder / "cache" / "csv"))
    rows = {split: [row for row in written(folder, "alpaca", split) if not row["history"]] for split in table}
    alike = all(
        [row["instruction"] or "", row["output"]] == [line["instruction"] or "", line["output"]]
        for split, part in table.items() for row, line in zip(part, rows[split], strict=True)
    )
    counts = sum(map(len, rows.values())), sum(map(len, table.values()))
    say("csv: alpaca", *counts, "equal" if alike else "differ")


main(Path(sys.argv[1]))
