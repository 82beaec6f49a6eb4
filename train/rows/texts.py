"""Running text -> blocks of token ids for continued pre-training; all of it is learned.

Documents are joined, each closed by the token that ends a document, and never without it. A document that fits a block
is never torn: a block is closed where the next one would not fit, which leaves it shorter, and costs nothing since
blocks of like length share a batch (Ding et al. 2024, "Fewer Truncations Improve Language Modeling": what is torn is
learned without its context, and made up later). Only a document longer than a block is cut, into whole blocks.

Chat records in the same data set stay rows of their own, masked as in supervised training: facts read as text are found
again in answers when questions are learned beside them (Allen-Zhu & Li 2023, "Physics of Language Models 3.1", mixed
training), and a chat model that sees no chat forgets how.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from seedbed.record import Record
from train.rows import data
from train.rows.data import Counts, Fit
from train.rows.stored import key, stored
from train.rows.template import IGNORED, Row, Template

_VERSION = 2  # of the rows: raised when the same records and template give other rows
COLUMNS = ("input_ids", "labels", "documents")
# Tokens that close a document in pre-training, where the tokenizer's end token closes a turn of a chat instead.
_ENDS = ("<|endoftext|>", "<|end_of_text|>", "<｜end▁of▁sentence｜>", "<eos>", "</s>")


class TextCounts(Counts):
    """What became of the records, text and chat. `cut` counts chat records alone: of a text nothing is lost.

    texts   text records
    blocks  rows that texts were joined into
    torn    texts longer than a block, which go on in the next one
    """

    texts: int = 0
    blocks: int = 0
    torn: int = 0


def blocks(records: Iterable[Record], tokenizer: Any, max_length: int, counts: TextCounts
           ) -> Iterator[list[tuple[str, list[int]]]]:
    """Blocks of up to `max_length` tokens in the order of the records, each as the documents, or parts, it holds: the
    record's id and its tokens."""
    end, begin = end_of_document(tokenizer), _begin(tokenizer)
    special = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    block: list[tuple[str, list[int]]] = []
    room = max_length
    for record in records:
        if not record.text.strip():
            counts.unanswered += 1
            continue
        counts.records += 1
        counts.texts += 1
        counts.marked += any(token in record.text for token in special)
        ids = [*begin, *tokenizer(record.text, add_special_tokens=False)["input_ids"], end]
        counts.torn += len(ids) > max_length
        if block and len(ids) > room:
            yield block
            block, room = [], max_length
        while len(ids) > max_length:
            yield [(record.id, ids[:max_length])]
            ids = ids[max_length:]
        block.append((record.id, ids))
        room -= len(ids)
    if block:
        yield block


def windows(records: Iterable[Record], tokenizer: Any, max_length: int) -> Iterator[tuple[str, Row]]:
    """Each document for itself, to be measured: its record's id and a window of it, as many as it takes. The first
    token of a window follows from nothing, so it does not count."""
    for record in records:
        for block in blocks([record], tokenizer, max_length, TextCounts()):
            ids = [token for _, document in block for token in document]
            if len(ids) > 1:
                yield record.id, Row(ids, [IGNORED, *ids[1:]])


def rows(
    records: Sequence[Record], template: Template, fit: Fit, counts: TextCounts
) -> Iterator[tuple[str, Row, list[int]]]:
    """Text blocks, then chat rows: record id (of a block those of its texts, with blanks between), the row, and the
    lengths of the documents in it."""
    texts, chats = [r for r in records if not r.messages], [r for r in records if r.messages]
    for block in blocks(texts, template.tokenizer, fit.max_length, counts):
        ids = [token for _, document in block for token in document]
        counts.rows += 1
        counts.blocks += 1
        counts.tokens += len(ids)
        counts.learned += len(ids)
        counts.longest = max(counts.longest, len(ids))
        names = " ".join(dict.fromkeys(name for name, _ in block))
        yield names, Row(ids, ids), [len(document) for _, document in block]
    for record, row in data.rows(chats, template, fit, counts):
        yield record.id, row, [len(row.input_ids)]


def prepare(records: Sequence[Record], template: Template, fit: Fit, folder: Path) -> tuple[Any, TextCounts]:
    """`datasets.Dataset` of input_ids, labels, documents (the lengths of those in a block, for an attention that keeps
    them apart) and record id, and its counts; cached in `folder`."""
    made_by = f"texts {_VERSION} {template.digest} {fit.max_length} {fit.too_long}"

    def make(counts: TextCounts) -> Iterator[dict[str, Any]]:
        for name, row, documents in rows(records, template, fit, counts):
            yield {"input_ids": row.input_ids, "labels": row.labels, "documents": documents, "record": name}

    return stored(folder, key(made_by, records), COLUMNS, TextCounts(), make)


def end_of_document(tokenizer: Any) -> int:
    """The token that closes a document: the one of pre-training where the tokenizer has it, else its end token."""
    known = tokenizer.get_vocab()
    return int(next((known[token] for token in _ENDS if token in known), tokenizer.eos_token_id))


def _begin(tokenizer: Any) -> list[int]:
    """What the tokenizer puts before every text by itself: its begin token, or nothing."""
    own = tokenizer("", add_special_tokens=True)["input_ids"]
    return [token for token in own[:1] if token == tokenizer.bos_token_id]
