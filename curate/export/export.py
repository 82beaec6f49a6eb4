"""The finished data set in the formats that trainers read, with a data card.

    <format>/train.jsonl, validation.jsonl, …   one file a split; `datasets.load_dataset("<format>")` takes the folder
    <format>/README.md                          tells `datasets` which file is which split
    dataset_info.json                           for LLaMA-Factory: `dataset_dir` is this folder, `dataset` a name in it
    preference/llama_factory/                   pairs of whole dialogues, as LLaMA-Factory alone wants them
    left_out.jsonl                              what a format cannot hold, and why
    README.md                                   the data card
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec

from curate.export import card, factory, limits, made, turns
from curate.export.columns import Columns, Row, even_out, head
from curate.export.containers import Container, holds, turn_into
from curate.export.rows import row_of
from curate.waiting import WaitingRoom
from seedbed import jsonl
from seedbed.context import Context
from seedbed.formats import FORMATS
from seedbed.record import Record
from seedbed.repeats import times

VERSION = 3
# What a container has no room for: lists of turns; and whatever columns imported records brought along.
_UNFIT = {"csv": {"sharegpt", "messages", "record"}, "parquet": {"record"}}


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is written, and what the card says that no record knows.

    formats   alpaca, sharegpt, messages, preference, text, record
    container jsonl, json (one array), csv (alpaca, preference and text only) or parquet (all but record)
    licence   of the data set
    sources_licence, teacher_terms
              of the documents, and of what the teacher wrote; the card asks for what is left out
    """

    formats: tuple[str, ...] = ("alpaca", "sharegpt", "messages")
    container: Container = "jsonl"
    licence: str = ""
    sources_licence: str = ""
    teacher_terms: str = ""

    def __post_init__(self) -> None:
        if not self.formats or len(set(self.formats)) < len(self.formats) or set(self.formats) - set(FORMATS):
            raise ValueError(f"formats: expected some of {', '.join(FORMATS)}, each once, got {list(self.formats)}")
        if unfit := set(self.formats) & _UNFIT.get(self.container, set()):
            raise ValueError(f"container: {self.container} has no room for {', '.join(sorted(unfit))}; jsonl has")


class _Format:
    """The files of one format while they are written: one a split, made when the first record of it comes."""

    def __init__(self, name: str, folder: Path, files: ExitStack, container: Container) -> None:
        self.name, self.folder, self.container = name, folder / name, container
        self.columns = Columns()
        self.factory: dict[str, Columns] = {}  # preference pairs of turns, as LLaMA-Factory wants them, by split
        self.rows: Counter[str] = Counter()
        self.passed_over = 0
        self.left_out = card.LeftOut()
        self._files = files
        self._writers: dict[str, jsonl.Writer] = {}

    def add(self, record: Record, split: str) -> str:
        """Writes the record as a row. Returns the reason when the format cannot hold it."""
        try:
            row = self._row(record)
        except ValueError as error:
            self.left_out.add(str(error), record.id)
            return str(error)
        if split not in self._writers:
            self._writers[split] = self._files.enter_context(jsonl.Writer(self._written(split)))
        self._write(row, split)
        return ""

    def repeat(self, record: Record) -> None:
        """Writes another row of a record. That of the format `record` says itself how often it counts."""
        with suppress(ValueError):  # what the format cannot hold was told the first time
            if self.name != "record":
                self._write(self._row(record), "train")

    def _row(self, record: Record) -> Row:
        row = row_of(record, self.name)
        if not holds(self.container, row):
            raise ValueError("a CSV holds no lists, and this is a conversation of several turns")
        return row

    def _write(self, row: Row, split: str) -> None:
        self._writers[split].write(row)
        self.columns.look(row)
        self.passed_over += factory.passes_over(row)
        self.rows[split] += 1

    def finish(self) -> None:
        """Makes all rows alike in their columns, and tells `datasets` of the splits."""
        paths = {split: self._written(split) for split in self.rows}
        if self.name == "preference" and self.columns.mixed:
            self.columns = turns.all_as_turns(paths.values())
        even_out(paths.values(), self.columns)
        if self.name == "preference" and isinstance(self.columns.types.get("prompt"), list):
            self.factory = {split: self._for_factory(split, path) for split, path in paths.items()}
        for path in paths.values():
            turn_into(self.container, path, self.columns)
        if self.rows:
            jsonl.write_text(self.folder / "README.md", head({"default": (self.files(""), self.columns)}))

    def files(self, before: str) -> dict[str, str]:
        """Split -> path of its file, as a README's head says it."""
        return {split: f"{before}{split}.{self.container}" for split in card.in_order(self.rows)}

    def told(self) -> dict[str, Any]:
        """The entries of dataset_info.json."""
        found = {}
        for split, file in self.files(f"{self.name}/").items():
            name = f"seedbed_{self.name}" + ("" if split == "train" else f"_{split}")
            if split in self.factory:
                path = f"{self.name}/{factory.FOLDER}/{split}.jsonl"
                found[name] = factory.entry(factory.FOLDER, path, self.factory[split])
            else:
                found[name] = factory.entry(self.name, file, self.columns)
        return {name: entry for name, entry in found.items() if entry}

    def _written(self, split: str) -> Path:
        return self.folder / f"{split}.jsonl"

    def _for_factory(self, split: str, path: Path) -> Columns:
        columns = Columns()
        with jsonl.Writer(self.folder / factory.FOLDER / f"{split}.jsonl") as out:
            for row in jsonl.read_as(Row, path):
                try:
                    conversation = factory.as_conversation(row)
                except ValueError:  # words and tool calls in one turn
                    self.passed_over += 1
                    continue
                columns.look(conversation)
                self.passed_over += factory.passes_over(conversation)
                out.write(conversation)
        return columns


def export(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Writes the files named above into `context.folder` and yields every record as it came.

    A record without a split goes to train; one that stands several times in training (`seedbed.repeats`) is as many
    rows there. What a format cannot hold is left out of it, with the reason in `left_out.jsonl`, in the card and in the
    figures. Files appear when the last record has passed, whole or not at all. Figures: `rows` by format and split,
    `left_out` by format and reason, `columns_left_out` (columns of imported rows that no format knows, with how many
    records had them), `passed_over` (rows by format that LLaMA-Factory will skip).
    """
    survey = card.Survey()
    with ExitStack() as files:
        formats = [_Format(name, context.folder, files, options.container) for name in options.formats]
        missing = files.enter_context(jsonl.Writer(context.folder / "left_out.jsonl"))
        again = files.enter_context(WaitingRoom(context.folder))
        most = 1
        for record in records:
            split = re.sub(r"\W+", "_", record.split) or "train"
            survey.look(record, split)
            for format in formats:
                if reason := format.add(record, split):
                    missing.write({"id": record.id, "format": format.name, "split": split, "reason": reason})
            if times(record) > 1:
                again.add(record)
                most = max(most, times(record))
            yield record
        # All second copies, then all third ones: far from the first, also for who packs rows in their order.
        for number in range(2, most + 1):
            for record in again:
                for format in formats if times(record) >= number else ():
                    format.repeat(record)
    for format in formats:
        format.finish()
        if not format.rows and survey.records:
            reason = next(iter(format.left_out.counts))
            context.progress.say(f"export: {format.name} holds none of the records: {reason}")
    _describe(context, options, formats, survey)


def _describe(context: Context, options: Options, formats: list[_Format], survey: card.Survey) -> None:
    """Writes dataset_info.json and the card, and sets the figures."""
    told = {name: entry for format in formats for name, entry in format.told().items()}
    # ASCII: LLaMA-Factory opens the file in whatever encoding the system has.
    jsonl.write_text(context.folder / "dataset_info.json", json.dumps(told, indent=2) + "\n")
    configs = {f.name: (f.files(f"{f.name}/"), f.columns) for f in formats if f.rows}
    left_out = {format.name: format.left_out for format in formats if format.left_out.counts}
    passed_over = {format.name: format.passed_over for format in formats if format.passed_over}
    untold = [f.name for f in formats if f.rows and f.name != "record" and not f.told()]
    sections = [
        "# Data card",
        f"{survey.records} records, {', '.join(configs) or 'in no format'}.\n",
        *survey.sections(),
        made.stages(context.upstream),
        made.cost(context.upstream),
        card.left_out(left_out),
        limits.known(survey, context.upstream),
        card.licences(options.licence, options.sources_licence, options.teacher_terms, survey),
        _loading(told, list(configs), passed_over, untold),
    ]
    jsonl.write_text(context.folder / "README.md", head(configs, **survey.head(options.licence)) + "\n".join(sections))
    context.figures |= {
        "rows": {format.name: dict(card.in_order(format.rows)) for format in formats},
        "left_out": {name: dict(found.counts) for name, found in left_out.items()},
        "columns_left_out": dict(sorted(survey.columns.items())),
        "passed_over": passed_over,
    }


def _loading(told: dict[str, Any], configs: list[str], passed_over: dict[str, int], untold: list[str]) -> str:
    lines = ["## Loading", ""]
    if configs:
        name = configs[0]
        lines.append(f'- `datasets.load_dataset("FOLDER/{name}")`, or `datasets.load_dataset("FOLDER", "{name}")`')
    if told:
        lines.append(f"- LLaMA-Factory: `dataset_dir: FOLDER` and `dataset:` one of {', '.join(told)}")
    for name, count in passed_over.items():
        lines.append(f"- LLaMA-Factory passes over {count} rows of {name}: their turns do not alternate")
    if "messages" in untold:
        lost = "tool calls and worked-out steps"
        lines.append(f"- LLaMA-Factory loses the {lost} of `messages`, so it is not told of it: use `sharegpt`")
    return "\n".join(lines) + "\n"
