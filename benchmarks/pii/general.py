"""What the name models take for people in general data: `python -m benchmarks.pii.general DIR` writes pii_general.md.

DIR holds public Alpaca records, alpaca_en_demo.json and alpaca_zh_demo.json. General data name hardly anyone who is
not of history, public life or a tale, so what is replaced there is mostly replaced wrongly.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from benchmarks.machine import described
from curate.pii import fame
from curate.pii.finder import finder
from curate.pii.kinds import Hit
from curate.pii.names import MODELS
from curate.pii.stage import entities
from seedbed.formats import read_records
from seedbed.record import Record

OUT = Path(__file__).parent.parent / "pii_general.md"


def replaced(records: Sequence[Record]) -> str:
    """Names that the stage would replace, and records that have one, as cells of a table."""
    look = finder("default", ("person",), tuple(MODELS))
    counts = [len(entities(record, look).entities) for record in records]
    return f"{sum(counts)} | {sum(map(bool, counts))}"


def _all(text: str, hits: Sequence[Hit]) -> Sequence[Hit]:
    return hits


def main() -> None:
    lines = ["# Names in general data", "",
             "`python -m benchmarks.pii.general DIR`, profile `default` with both models.", "",
             "| records | lists of public figures | names replaced | in records |", "|---|---|---|---|"]
    for lang in ("en", "zh"):
        records = list(read_records(Path(sys.argv[1]) / f"alpaca_{lang}_demo.json", bad=[]))
        with mock.patch.object(fame, "without_figures", _all):
            lines.append(f"| Alpaca, {lang}, {len(records):,} | without | {replaced(records)} |")
        lines.append(f"| Alpaca, {lang}, {len(records):,} | with | {replaced(records)} |")
    lines += ["", "The lists were first written without a look at these records; names and words that were read here "
              "were added then. So these are figures of data that were looked at.", "", described(), ""]
    OUT.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))  # noqa: T201 - a benchmark's output is what it is for


if __name__ == "__main__":
    main()
