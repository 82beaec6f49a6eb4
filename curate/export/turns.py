"""Preference rows as lists of turns."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from curate.export.columns import Columns, Row
from seedbed import jsonl


def all_as_turns(paths: Iterable[Path]) -> Columns:
    """Preference rows with plain texts rewritten as lists of turns, since a column must have one type for all rows."""
    columns = Columns()
    for path in paths:
        with jsonl.Writer(path) as out:
            for row in jsonl.read_as(Row, path):
                changed = _as_turns(row)
                columns.look(changed)
                out.write(changed)
    return columns


def _as_turns(row: Row) -> Row:
    if not isinstance(row["chosen"], str):
        return row
    opening = [{"role": "system", "content": row["system"]}] if row.get("system") else []
    rest = {name: value for name, value in row.items() if name not in ("prompt", "chosen", "rejected", "system")}
    return {
        "prompt": [*opening, {"role": "user", "content": row["prompt"]}],
        "chosen": [{"role": "assistant", "content": row["chosen"]}],
        "rejected": [{"role": "assistant", "content": row["rejected"]}],
    } | rest
