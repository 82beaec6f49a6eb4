"""`seedbed train DATA --show 3`: some examples as the student will read them, and what of them is learned.

On a terminal the learned tokens are green; elsewhere, and where NO_COLOR is set (no-color.org), they stand in brackets
⟦ ⟧. Special tokens are there as they are written, ends of lines as ↵. What is left out is shown with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, TextIO

from seedbed.context import Progress
from seedbed.errors import InputError, TemplateError
from seedbed.record import Record
from train import libraries
from train.checks import headers
from train.options import Options
from train.rows import data, pairs, texts
from train.rows.data import Fit
from train.rows.served import differences
from train.rows.template import IGNORED, Row, Template
from train.students import model

_MOST = 2000  # characters of one run of tokens; of longer ones the middle is left out
_LEARNED, _SPECIAL, _PLAIN = "\x1b[1;32m", "\x1b[2;36m", "\x1b[0m"
# A record's own escape sequences must not reach the terminal.
_VISIBLE = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"} | {0x7F: 0x2421}


def coloured(out: TextIO) -> bool:
    """Whether colours are wanted there."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def show(
    records: Iterable[Record], options: Options, count: int, progress: Progress, *, colours: bool, served: str = ""
) -> Iterator[str]:
    """Lines that show `count` records of the training set, from its first to its last, and, where a server's address is
    given, whether it asks with the ids that they are learned behind. No weights are fetched or loaded.

    Raises InputError where there is nothing to show or no such server, and TemplateError where the template cannot be
    masked at all.
    """
    if count < 1:
        raise InputError("expected a number of examples, 1 or more", where="--show", next_step="Try --show 3")
    training = [record for record in records if record.split in ("train", "")]
    if not training:
        raise InputError("no record is there to be trained on", where="--show",
                         next_step="Give records of the split train, or of none")
    with libraries.prepared(options.threads):
        tokenizer = model.load_tokenizer(headers.locate(options.student, progress))
        template = Template(tokenizer, options.student, needed=options.objective != "pretrain")
        chosen = _spread(training, count)
        for number, record in enumerate(chosen, 1):
            yield f"Example {number} of {len(chosen)}, record {record.id}{_from(record)}"
            yield from example(record, template, options, colours=colours)
            if served and record.messages:
                yield from _served(record, template, served)
            yield ""
        yield f"{_marked('learned', colours)} is what the student learns to write; the rest it reads"


def example(record: Record, template: Template, options: Options, *, colours: bool) -> Iterator[str]:
    """One record: each of its rows with its counts, and what happened to it on the way."""
    found, counts = _rows(record, template, options)
    for note in _notes(counts, options):
        yield f"  {note}"
    for name, row in found:
        yield f"  {name}{len(row.input_ids)} tokens, {row.learned} learned"
        yield from (f"  | {line}" for line in written(row, template.tokenizer, colours=colours).split("\n"))


def _served(record: Record, template: Template, url: str) -> Iterator[str]:
    try:
        found = [f"  served otherwise: {one.line()}" for one in differences(record, template, url)]
    except TemplateError:
        return  # of which the example has told already
    yield from found or ["  served with the ids that it is learned behind"]


def written(row: Row, tokenizer: Any, *, colours: bool) -> str:
    """The row's text, its learned tokens marked."""
    special = set(tokenizer.all_special_ids)
    parts = []
    for learned, run in groupby(zip(row.input_ids, row.labels, strict=True), key=lambda pair: pair[1] != IGNORED):
        ids = [token for token, _ in run]
        if learned:
            parts.append(_marked(_text(ids, tokenizer), colours))
            continue
        for is_special, some in groupby(ids, key=special.__contains__):
            text = _text(list(some), tokenizer)
            parts.append(f"{_SPECIAL}{text}{_PLAIN}" if colours and is_special else text)
    return "".join(parts).removesuffix("\n")


def _rows(record: Record, template: Template, options: Options) -> tuple[list[tuple[str, Row]], data.Counts]:
    """What the objective makes of a record: named rows, and the counts that say what became of it."""
    fit = Fit(options.max_length, options.too_long)
    if options.objective == "dpo":
        pair_counts = pairs.PairCounts()
        sides = [pair.sides() for _, pair in pairs.pairs([record], template, fit, pair_counts)]
        return [(name, row) for both in sides for name, row in zip(("chosen: ", "rejected: "), both, strict=True)], \
            pair_counts
    if options.objective == "pretrain":
        text_counts = texts.TextCounts()
        return [("", row) for _, row, _ in texts.rows([record], template, fit, text_counts)], text_counts
    counts = data.Counts()
    return [("", row) for _, row in data.rows([record], template, fit, counts)], counts


def _notes(counts: data.Counts, options: Options) -> Iterator[str]:
    """What a user should know of the one record that was counted."""
    left_out = {
        "refused": f"left out: {counts.why}",
        "dropped": f"left out: longer than {options.max_length} tokens, and no part of its answer fits",
        "unanswered": "left out: it has no answer of the assistant's at its end",
        "no_pair": "left out: it has no rejected answer",
        "empty": "left out: one of its answers is empty",
        "identical": "left out: its two answers are the same",
        "mismatched": "left out: its two sides do not begin with the same tokens",
        "cut": f"longer than {options.max_length} tokens: its answer ends at an earlier sentence",
        "folded": "the template knows no system role: its text stands before the first question",
        "marked": "its text contains the student's own special tokens",
        "parted": "its answer is tokenised by itself, as it is when the model is asked",
        "unclean": "its prompt has other tokens than when the model is asked",
        "endless": "its answer does not close with an end token",
    }
    if counts.dropped and options.too_long == "drop":
        left_out["dropped"] = f"left out: longer than {options.max_length} tokens"
    yield from (note for name, note in left_out.items() if getattr(counts, name, 0))
    if counts.rows > 1 and options.objective == "sft":
        why = "a token would reach into one" if counts.parted else "the template writes earlier turns otherwise"
        yield f"{counts.rows} rows, one for each answer: {why}"


def _spread(records: Sequence[Record], count: int) -> list[Record]:
    if len(records) <= count or count == 1:
        return list(records[:count])
    return [records[round(i * (len(records) - 1) / (count - 1))] for i in range(count)]


def _from(record: Record) -> str:
    source = record.source
    if source is None:
        return ""
    return f", {source.document}" + (f" line {source.line}" if source.line else "")


def _marked(text: str, colours: bool) -> str:
    """Learned text; a colour ends with its line, so that no margin is coloured."""
    if not colours:
        return f"⟦{text}⟧"
    return "\n".join(f"{_LEARNED}{line}{_PLAIN}" for line in text.split("\n"))


def _text(ids: list[int], tokenizer: Any) -> str:
    text = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    text = text.replace("\r", "␍").translate(_VISIBLE)
    if len(text) > _MOST:
        text = f"{text[: _MOST // 2]} […{len(text) - _MOST:,} characters…] {text[-_MOST // 2 :]}"
    return str(text.replace("\n", "↵\n"))
