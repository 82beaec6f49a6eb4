"""The finished data set in the formats that trainers read, with a data card.

    <format>/train.jsonl, validation.jsonl, …   one file a split; `datasets.load_dataset("<format>")` takes the folder
    <format>/README.md                          tells `datasets` which file is which split
    dataset_info.json                           for LLaMA-Factory: `dataset_dir` is this folder, `dataset` a name in it
    left_out.jsonl                              what a format cannot hold, and why
    README.md                                   the data card
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from curate.export import card
from curate.export.columns import Columns, Row, even_out, factory_entry, head
from seedbed import jsonl
from seedbed.context import Context
from seedbed.formats import FORMATS, plain, to_row
from seedbed.record import Record

VERSION = 1


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which formats, and what the card says of licences."""

    formats: tuple[str, ...] = ("alpaca", "sharegpt", "messages")  # also preference, text, record
    licence: str = ""  # of the data set; the card says "not stated" without it

    def __post_init__(self) -> None:
        if not self.formats or len(set(self.formats)) < len(self.formats) or set(self.formats) - set(FORMATS):
            raise ValueError(f"formats: expected some of {', '.join(FORMATS)}, each once, got {list(self.formats)}")


class _Format:
    """The files of one format while they are written: one a split, made when the first record of it comes."""

    def __init__(self, name: str, folder: Path, files: ExitStack) -> None:
        self.name, self.folder = name, folder / name
        self.columns = Columns()
        self.rows: Counter[str] = Counter()
        self.left_out = card.LeftOut()
        self._files = files
        self._writers: dict[str, jsonl.Writer] = {}

    def add(self, record: Record, split: str) -> str:
        """Writes the record as a row. Returns the reason when the format cannot hold it."""
        try:
            row = to_row(plain(record) if self.name != "record" else record, self.name)
        except ValueError as error:
            self.left_out.add(str(error), record.id)
            return str(error)
        if split not in self._writers:
            self._writers[split] = self._files.enter_context(jsonl.Writer(self.path(split)))
        self._writers[split].write(row)
        self.columns.look(row)
        self.rows[split] += 1
        return ""

    def path(self, split: str) -> Path:
        return self.folder / f"{split}.jsonl"

    def finish(self) -> None:
        """Makes all rows alike in their columns, and tells `datasets` of the splits."""
        paths = [self.path(split) for split in self.rows]
        if self.name == "preference" and self.columns.mixed:
            self.columns = _all_as_turns(paths)
        even_out(paths, self.columns)
        if self.rows:
            jsonl.write_text(self.folder / "README.md", head({"default": (self.files(""), self.columns)}))

    def files(self, before: str) -> dict[str, str]:
        """Split -> path of its file, as a README's head says it."""
        return {split: f"{before}{split}.jsonl" for split in card.in_order(self.rows)}


def export(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Writes the files named above into `context.folder` and yields every record as it came.

    A record without a split goes to train. What a format cannot hold is left out of it, with the reason in
    `left_out.jsonl`, in the card and in the figures. Files appear when the last record has passed, whole or not at all.
    Figures: `rows` by format and split, `left_out` by format and reason, `columns_left_out` (columns of imported rows
    that no format knows, with how many records had them).
    """
    survey = card.Survey()
    with ExitStack() as files:
        formats = [_Format(name, context.folder, files) for name in options.formats]
        missing = files.enter_context(jsonl.Writer(context.folder / "left_out.jsonl"))
        for record in records:
            split = re.sub(r"\W+", "_", record.split) or "train"
            survey.look(record, split)
            for format in formats:
                if reason := format.add(record, split):
                    missing.write({"id": record.id, "format": format.name, "split": split, "reason": reason})
            yield record
    for format in formats:
        format.finish()
        if not format.rows and survey.records:
            reason = next(iter(format.left_out.counts))
            context.progress.say(f"export: {format.name} holds none of the records: {reason}")
    _describe(context, options, formats, survey)


def _describe(context: Context, options: Options, formats: list[_Format], survey: card.Survey) -> None:
    """Writes dataset_info.json and the card, and sets the figures."""
    told = {
        "seedbed_" + format.name + ("" if split == "train" else f"_{split}"): entry
        for format in formats for split in card.in_order(format.rows)
        if (entry := factory_entry(format.name, f"{format.name}/{split}.jsonl", format.columns))
    }
    encoded = msgspec.json.format(msgspec.json.encode(told), indent=2).decode()
    jsonl.write_text(context.folder / "dataset_info.json", encoded + "\n")
    configs = {f.name: (f.files(f"{f.name}/"), f.columns) for f in formats if f.rows}
    left_out = {format.name: format.left_out for format in formats if format.left_out.counts}
    sections = [
        "# Data card",
        f"{survey.records} records, {', '.join(configs) or 'in no format'}.\n",
        *survey.sections(),
        card.made(context.upstream),
        card.left_out(left_out),
        card.licences(options.licence, survey),
        _loading(told, list(configs)),
    ]
    jsonl.write_text(context.folder / "README.md", head(configs, **survey.head(options.licence)) + "\n".join(sections))
    context.figures |= {
        "rows": {format.name: dict(card.in_order(format.rows)) for format in formats},
        "left_out": {name: dict(found.counts) for name, found in left_out.items()},
        "columns_left_out": dict(sorted(survey.columns.items())),
    }


def _loading(told: dict[str, Any], configs: list[str]) -> str:
    lines = ["## Loading", ""]
    if configs:
        name = configs[0]
        lines.append(f'- `datasets.load_dataset("FOLDER/{name}")`, or `datasets.load_dataset("FOLDER", "{name}")`')
    if told:
        lines.append(f"- LLaMA-Factory: `dataset_dir: FOLDER` and `dataset:` one of {', '.join(told)}")
    return "\n".join(lines) + "\n"


def _all_as_turns(paths: list[Path]) -> Columns:
    """Preference rows with plain texts rewritten as lists of turns, since a column must have one type for all rows."""
    columns = Columns()
    for path in paths:
        with jsonl.Writer(path) as out:
            for row in jsonl.read_as(dict[str, Any], path):
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
