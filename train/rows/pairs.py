"""Preference pairs -> token ids of the prompt, the chosen and the rejected answer, in the student's own template.

A pair is two conversations that differ in their last answer alone. Each is rendered and tokenised as in supervised
training (train/rows/template.py), and cut after the end token of the answer: what comes before the answer is the
prompt, and must be the same ids in both, or their difference would not be the answer's. Where a token would reach
across the border, the answer is tokenised apart. Earlier answers are part of the prompt.

The prompt stays whole. Where one answer does not fit, both are cut to the same number of sentences: an answer that was
cut ends where no answer should, and if only the bad one did, that is what would be learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from seedbed.errors import TemplateError
from seedbed.pairs import is_pair
from seedbed.record import Record
from train.rows.conversation import Conversation, conversation, says_something
from train.rows.data import Counts, Fit
from train.rows.length import cuts
from train.rows.stored import key, stored
from train.rows.template import IGNORED, Rendered, Row, Template

_VERSION = 1  # of the rows: raised when the same records and template give other rows
COLUMNS = ("prompt_ids", "chosen_ids", "rejected_ids")


class PairCounts(Counts):
    """What became of the records; `tokens` and `learned` are of both sides, `longest` is the longest side.

    no_pair     records without a rejected answer
    empty       pairs of which an answer is empty
    identical   pairs whose answers are the same, or became so when they were cut
    mismatched  pairs whose two sides do not begin with the same tokens
    """

    no_pair: int = 0
    empty: int = 0
    identical: int = 0
    mismatched: int = 0


class Pair(msgspec.Struct, frozen=True):
    """One pair in token ids. Both answers close with the template's end token."""

    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]

    @property
    def longest(self) -> int:
        """Tokens of the longer side."""
        return len(self.prompt_ids) + max(len(self.chosen_ids), len(self.rejected_ids))

    def sides(self) -> tuple[Row, Row]:
        """Chosen and rejected as rows that learn the answer."""
        masked = [IGNORED] * len(self.prompt_ids)
        chosen, rejected = self.chosen_ids, self.rejected_ids
        return Row(self.prompt_ids + chosen, masked + chosen), Row(self.prompt_ids + rejected, masked + rejected)


def pairs(records: Iterable[Record], template: Template, fit: Fit, counts: PairCounts) -> Iterator[tuple[Record, Pair]]:
    """The pairs that can be learned, in order; what was left out, and why, is added to `counts`."""
    special = {token.content for token in template.tokenizer.added_tokens_decoder.values() if token.special}
    for record in records:
        if not is_pair(record):
            counts.no_pair += 1
            continue
        counts.records += 1
        sides = _sides(record)
        try:
            pair = _fitted(sides, template, fit, counts)
        except TemplateError as error:
            counts.refused += 1
            counts.why = counts.why or error.what
            continue
        if pair is None:
            continue
        said = [turn["content"] for side in sides for turn in side.turns]
        counts.marked += any(token in text for text in said for token in special)
        counts.rows += 1
        counts.learned += len(pair.chosen_ids) + len(pair.rejected_ids)
        counts.tokens += 2 * len(pair.prompt_ids) + len(pair.chosen_ids) + len(pair.rejected_ids)
        counts.longest = max(counts.longest, pair.longest)
        counts.endless += not all(_ends(ids[-1], template.tokenizer) for ids in (pair.chosen_ids, pair.rejected_ids))
        yield record, pair


def prepare(records: Sequence[Record], template: Template, fit: Fit, folder: Path) -> tuple[Any, PairCounts]:
    """`datasets.Dataset` of prompt_ids, chosen_ids, rejected_ids and record id, and its counts; cached in `folder`."""
    made_by = f"pairs {_VERSION} {template.digest} {fit.max_length} {fit.too_long}"

    def make(counts: PairCounts) -> Iterator[dict[str, Any]]:
        for record, pair in pairs(records, template, fit, counts):
            yield {name: getattr(pair, name) for name in COLUMNS} | {"record": record.id}

    return stored(folder, key(made_by, records), COLUMNS, PairCounts(), make)


def read(rows: Any, indexes: Iterable[int]) -> list[Pair]:
    """Some of the prepared pairs."""
    return [Pair(*(row[name] for name in COLUMNS)) for row in map(rows.__getitem__, indexes)]


def lengths(rows: Any) -> tuple[list[int], list[int]]:
    """Of each prepared pair, without reading the tokens: those of its longer side, and those of both sides."""
    import pyarrow.compute as pc

    prompt, chosen, rejected = (pc.list_value_length(rows.data.column(name)).to_pylist() for name in COLUMNS)
    both = list(zip(prompt, chosen, rejected, strict=True))
    return [p + max(c, r) for p, c, r in both], [2 * p + c + r for p, c, r in both]


def _sides(record: Record) -> tuple[Conversation, Conversation]:
    """The two conversations."""
    assert record.rejected is not None  # only pairs get here
    other = msgspec.structs.replace(record, messages=(*record.messages[:-1], record.rejected))
    return conversation(record), conversation(other)


def _fitted(sides: tuple[Conversation, Conversation], template: Template, fit: Fit, counts: PairCounts) -> Pair | None:
    """The pair within its length; None, and counted, where it cannot be learned."""
    chosen, rejected = (side.turns[-1] | {"content": side.turns[-1]["content"].strip()} for side in sides)
    if chosen["role"] != "assistant" or not (says_something(chosen) and says_something(rejected)):
        counts.empty += 1
        return None
    if chosen == rejected:
        counts.identical += 1
        return None
    pair = _tokens(sides, template)
    if pair and pair.longest > fit.max_length:
        pair = _cut(sides, template, fit.max_length) if fit.too_long == "cut" else None
        if pair is None:
            counts.dropped += 1
            return None
        if pair.chosen_ids == pair.rejected_ids:
            counts.identical += 1
            return None
        counts.cut += 1
    if pair is None:
        counts.mismatched += 1
        return None
    counts.folded += template.folds_system(sides[0].turns)
    return pair


def _cut(sides: tuple[Conversation, Conversation], template: Template, max_length: int) -> Pair | None:
    """Both answers cut to the most sentences at which both fit; None where not even the first ones do."""
    ends = [_ends_of(side.turns[-1]) for side in sides]
    best, low, high = None, 1, max(map(len, ends))
    while low <= high:  # more text is more tokens, so the most that fit are found by halving
        middle = (low + high) // 2
        chosen, rejected = (
            _shortened(side, own[min(middle, len(own)) - 1]) for side, own in zip(sides, ends, strict=True)
        )
        pair = _tokens((chosen, rejected), template)
        if pair and pair.longest <= max_length:
            best, low = pair, middle + 1
        else:
            high = middle - 1
    return best


def _ends_of(turn: dict[str, Any]) -> list[int]:
    """Where the answer may be cut, or else its own end; a call of a tool stays whole."""
    whole = [len(turn["content"])]
    return whole if turn.get("tool_calls") else cuts(turn["content"]) or whole


def _shortened(side: Conversation, end: int) -> Conversation:
    *before, last = side.turns
    return Conversation([*before, last | {"content": last["content"][:end]}], side.tools)


def _tokens(sides: tuple[Conversation, Conversation], template: Template) -> Pair | None:
    """The pair in token ids; None where its two prompts are not the same ids."""
    (prompt, chosen), (other, rejected) = (_split(side, template) for side in sides)
    return Pair(prompt, chosen, rejected) if prompt == other and chosen and rejected else None


def _split(side: Conversation, template: Template) -> tuple[list[int], list[int]]:
    """Token ids before the last answer, as they are when the model is asked, and of the answer."""
    rendered = template.rows(side.turns, side.tools)[-1]
    start, end = rendered.spans[-1]
    last = Rendered(rendered.text[:end], ((start, end),))
    row, asked = template.tokens(last), template.prompt_ids(rendered.text[:start])
    if row.input_ids[: len(asked)] != asked:
        row = template.parted(last) or row
    first = next((i for i, label in enumerate(row.labels) if label != IGNORED), len(row.labels))
    return row.input_ids[:first], row.input_ids[first:]


def _ends(token: int, tokenizer: Any) -> bool:
    return token in tokenizer.added_tokens_decoder or token == tokenizer.eos_token_id
