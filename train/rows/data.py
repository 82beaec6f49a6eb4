"""Records -> token ids and labels: length control, and a cache on disk.

Each record is tokenised once. The rows are kept as an Arrow file named by a hash of everything that decides them, and
read from there by memory map, so that a resumed training, or a million rows, cost no second tokenisation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from seedbed import jsonl
from seedbed.errors import TemplateError
from seedbed.record import Record
from seedbed.text import sentences
from train.rows.template import Row, Template, Turns

_VERSION = 1  # of the rows: raised when the same records and template give other rows
_BLOCK = 1000  # rows an Arrow batch


class Counts(msgspec.Struct):
    """What became of the records. `refused` ones do not fit the template; `why` quotes the first refusal.

    unanswered records without an assistant's answer at the end
    marked     records whose text contains one of the student's special tokens
    folded     records whose system text was moved into the first user turn
    unclean    records whose prompt alone is tokenised otherwise than at the head of the conversation
    endless    rows whose last learned token is ordinary text, so that nothing tells the model to stop
    """

    records: int = 0
    rows: int = 0
    tokens: int = 0
    learned: int = 0
    longest: int = 0
    cut: int = 0
    dropped: int = 0
    unanswered: int = 0
    refused: int = 0
    why: str = ""
    marked: int = 0
    folded: int = 0
    unclean: int = 0
    endless: int = 0


class Fit(msgspec.Struct, frozen=True):
    """How long a row may be, in the student's tokens, and what happens to a longer one."""

    max_length: int
    too_long: Literal["cut", "drop"] = "cut"


def rows(records: Iterable[Record], template: Template, fit: Fit, counts: Counts) -> Iterator[tuple[Record, Row]]:
    """The rows of each record that has an answer, in order; what was left out, and why, is added to `counts`."""
    specials = _specials(template.tokenizer)
    for record in records:
        if not record.answer:
            counts.unanswered += 1
            continue
        counts.records += 1
        try:
            found = _fitted(record.turns(), template, fit, counts)
        except TemplateError as error:
            counts.refused += 1
            counts.why = counts.why or error.what
            continue
        counts.marked += any(special in turn["content"] for turn in record.turns() for special in specials)
        for row in found:
            counts.rows += 1
            counts.tokens += len(row.input_ids)
            counts.learned += row.learned
            counts.longest = max(counts.longest, len(row.input_ids))
            counts.endless += not _ends(row, template.tokenizer)
            yield record, row


def prepare(records: Sequence[Record], template: Template, fit: Fit, folder: Path) -> tuple[Any, Counts]:
    """`datasets.Dataset` of input_ids, labels and record id, and its counts; from the cache in `folder` if there."""
    import datasets

    name = _key(records, template, fit)
    arrow, noted = folder / f"{name}.arrow", folder / f"{name}.json"
    if not (arrow.exists() and noted.exists()):
        counts = Counts()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write(arrow, rows(records, template, fit, counts))
        except OSError as error:
            raise jsonl.cannot_write(arrow, error) from error
        jsonl.write_text(noted, msgspec.json.encode(counts).decode())
    return datasets.Dataset.from_file(str(arrow)), msgspec.json.decode(noted.read_bytes(), type=Counts)


def lengths(rows: Any) -> list[int]:
    """The length of each row in tokens, without reading the tokens."""
    import pyarrow.compute as pc

    return list(pc.list_value_length(rows.data.column("input_ids")).to_pylist())


def _key(records: Sequence[Record], template: Template, fit: Fit) -> str:
    content = hashlib.blake2b(f"{_VERSION} {template.digest} {fit.max_length} {fit.too_long}".encode(), digest_size=10)
    for record in records:
        content.update(record.id.encode())  # an id is the hash of the record's content
    return content.hexdigest()


def _write(path: Path, found: Iterable[tuple[Record, Row]]) -> None:
    import pyarrow as pa

    ids = pa.list_(pa.int32())
    schema = pa.schema({"input_ids": ids, "labels": ids, "record": pa.string()})
    partial = path.with_suffix(".partial")
    with pa.OSFile(str(partial), "wb") as file, pa.ipc.new_stream(file, schema) as out:
        block: list[dict[str, Any]] = []
        for record, row in found:
            block.append({"input_ids": row.input_ids, "labels": row.labels, "record": record.id})
            if len(block) == _BLOCK:
                out.write_batch(pa.RecordBatch.from_pylist(block, schema=schema))
                block = []
        if block:
            out.write_batch(pa.RecordBatch.from_pylist(block, schema=schema))
    partial.replace(path)


def _fitted(turns: Turns, template: Template, fit: Fit, counts: Counts) -> list[Row]:
    """The rows of one conversation; those too long are cut or left out."""
    rendered = template.rows(turns)
    counts.folded += template.folds_system(turns)
    counts.unclean += not template.splits_cleanly(rendered[0])
    found = [template.tokens(one) for one in rendered]
    if max(len(row.input_ids) for row in found) <= fit.max_length:
        return found
    if fit.too_long == "cut" and (shorter := shortened(turns, template, fit.max_length)):
        counts.cut += 1
        return [template.tokens(one) for one in template.rows(shorter)]
    counts.dropped += 1
    return []


def shortened(turns: Turns, template: Template, max_length: int) -> Turns | None:
    """The longest beginning of the conversation that fits: whole turns, the last answer cut at a sentence end.

    An instruction is never cut. Where not even the first answer's first sentence fits, there is None. No cut falls
    inside a fenced block of code.
    """
    for i in range(len(turns) - 1, -1, -1):
        if turns[i]["role"] != "assistant":
            continue
        answer = turns[i]["content"]
        ends = [end for _, end in sentences(answer) if answer[:end].count("```") % 2 == 0]
        fits = 0
        low, high = 0, len(ends) - 1
        while low <= high:  # more text is more tokens, so the longest that fits is found by halving
            middle = (low + high) // 2
            if _longest(turns[:i] + [turns[i] | {"content": answer[: ends[middle]]}], template) <= max_length:
                fits, low = ends[middle], middle + 1
            else:
                high = middle - 1
        if fits:
            return turns[:i] + [turns[i] | {"content": answer[:fits]}]
    return None


def _longest(turns: Turns, template: Template) -> int:
    return max(len(template.prompt_ids(one.text)) for one in template.rows(turns))


def _specials(tokenizer: Any) -> list[str]:
    return [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]


def _ends(row: Row, tokenizer: Any) -> bool:
    """Whether the last token that is learned is one outside of ordinary text, as an end of turn is."""
    last = next((label for label in reversed(row.labels) if label >= 0), None)
    return last in tokenizer.added_tokens_decoder or last == tokenizer.eos_token_id
