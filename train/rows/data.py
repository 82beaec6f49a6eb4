"""Records -> token ids and labels, their length under control.

Each record is tokenised once: the rows are kept on disk (train/rows/stored.py), so that a resumed training, or a
million rows, cost no second tokenisation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from seedbed.errors import TemplateError
from seedbed.record import Record
from train.rows.conversation import Conversation, conversation, says_something
from train.rows.length import Fit, shortened
from train.rows.stored import key, stored
from train.rows.template import Row, Template, Trained

__all__ = ["Counts", "Fit", "lengths", "prepare", "rows"]

_VERSION = 2  # of the rows: raised when the same records and template give other rows


class Counts(msgspec.Struct):
    """What became of the records. `refused` ones do not fit the template; `why` quotes the first refusal.

    unanswered records without an assistant's answer at the end
    marked     records whose text contains one of the student's special tokens
    folded     records whose system text was moved into the first user turn
    parted     records with an answer tokenised apart from its prompt, so that its ids are those of use
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
    parted: int = 0
    unclean: int = 0
    endless: int = 0


def rows(records: Iterable[Record], template: Template, fit: Fit, counts: Counts) -> Iterator[tuple[Record, Row]]:
    """The rows of each record that has an answer, in order; what was left out, and why, is added to `counts`."""
    specials = _specials(template.tokenizer)
    for record in records:
        said = conversation(record)
        if not _answered(said):
            counts.unanswered += 1
            continue
        counts.records += 1
        try:
            found = _fitted(said, template, fit, counts)
        except TemplateError as error:
            counts.refused += 1
            counts.why = counts.why or error.what
            continue
        counts.marked += any(special in turn["content"] for turn in said.turns for special in specials)
        for row in found:
            counts.rows += 1
            counts.tokens += len(row.input_ids)
            counts.learned += row.learned
            counts.longest = max(counts.longest, len(row.input_ids))
            counts.endless += not _ends(row, template.tokenizer)
            yield record, row


def prepare(records: Sequence[Record], template: Template, fit: Fit, folder: Path) -> tuple[Any, Counts]:
    """`datasets.Dataset` of input_ids, labels and record id, and its counts; from the cache in `folder` if there."""
    made_by = f"{_VERSION} {template.digest} {fit.max_length} {fit.too_long}"

    def make(counts: Counts) -> Iterator[dict[str, Any]]:
        for record, row in rows(records, template, fit, counts):
            yield {"input_ids": row.input_ids, "labels": row.labels, "record": record.id}

    return stored(folder, key(made_by, records), ("input_ids", "labels"), Counts(), make)


def lengths(rows: Any) -> list[int]:
    """The length of each row in tokens, without reading the tokens."""
    import pyarrow.compute as pc

    return list(pc.list_value_length(rows.data.column("input_ids")).to_pylist())


def _answered(said: Conversation) -> bool:
    return len(said.turns) > 1 and said.turns[-1]["role"] == "assistant" and says_something(said.turns[-1])


def _fitted(said: Conversation, template: Template, fit: Fit, counts: Counts) -> list[Row]:
    """The rows of one conversation; those too long are cut or left out."""
    trained = template.trained(said.turns, said.tools)
    counts.folded += template.folds_system(said.turns)
    if _fits(trained, fit):
        return _counted(trained, counts)
    shorter = shortened(said.turns, template, fit.max_length, said.tools) if fit.too_long == "cut" else None
    trained = template.trained(shorter, said.tools) if shorter else trained
    if _fits(trained, fit):
        counts.cut += 1
        return _counted(trained, counts)
    counts.dropped += 1
    return []


def _fits(trained: Trained, fit: Fit) -> bool:
    return max(len(row.input_ids) for row in trained.rows) <= fit.max_length


def _counted(trained: Trained, counts: Counts) -> list[Row]:
    counts.parted += trained.parted
    counts.unclean += trained.unclean
    return trained.rows


def _specials(tokenizer: Any) -> list[str]:
    return [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]


def _ends(row: Row, tokenizer: Any) -> bool:
    """Whether the last token that is learned is one outside of ordinary text, as an end of turn is."""
    last = next((label for label in reversed(row.labels) if label >= 0), None)
    return last in tokenizer.added_tokens_decoder or last == tokenizer.eos_token_id
