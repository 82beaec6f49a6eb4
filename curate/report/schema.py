"""The JSON schemas of report.json and compare.json, made from their types.

`python -m curate.report.schema` writes them into docs/curation; a test sees to it that they are current.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from curate.report.comparison import Compared
from curate.report.model import Report
from seedbed import jsonl

FOLDER = Path("docs/curation")


def schemas() -> dict[str, Any]:
    """File name -> schema."""
    return {
        "report.schema.json": msgspec.json.schema(Report),
        "compare.schema.json": msgspec.json.schema(Compared),
    }


def encoded(schema: Any) -> str:
    """As it lies in the file."""
    return msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=1).decode() + "\n"


if __name__ == "__main__":
    for name, schema in schemas().items():
        jsonl.write_text(FOLDER / name, encoded(schema))
        print(FOLDER / name)
