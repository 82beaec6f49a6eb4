"""Counts wrong tokens: the rows that train/rows makes, against what the family writes by hand (families.py).

Tokens are placed by their own bytes, one after the other, and not by the offsets that a tokenizer reports.
"""

from __future__ import annotations

import copy
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seedbed.errors import TemplateError
from seedbed.record import Record
from tests.train.rows.families import FAMILIES, Family, Piece, Refused, says
from train.rows.conversation import conversation
from train.rows.template import IGNORED, Row, Template

TEMPLATES = Path(__file__).parent / "templates"


@dataclass
class Verdict:
    """What was counted over some conversations. `torn` tokens reach over the end of an answer and are not learned."""

    conversations: int = 0
    refused: int = 0
    rows: int = 0
    tokens: int = 0
    learned: int = 0
    torn: int = 0
    wrong: int = 0
    faults: list[str] = field(default_factory=list)

    def fault(self, what: str, tokens: int = 1) -> None:
        self.wrong += tokens
        self.faults.append(what)


def dressed(tokenizer: Any, family: Family, *, marks: bool = True, template: str | None = None) -> Template:
    """The tokenizer with the family's template; its marks as single tokens, as the family has them, or as plain text."""
    made = copy.deepcopy(tokenizer)
    made.chat_template = template or (TEMPLATES / f"{family.name}.jinja").read_text(encoding="utf-8")
    if marks:
        made.add_special_tokens({"additional_special_tokens": [*family.marks, family.eos]})
    made.bos_token, made.eos_token = family.bos or None, family.eos
    return Template(made, family.name)


def judge(template: Template, family: Family, name: str, record: Record, verdict: Verdict) -> None:
    """Adds one conversation to the verdict."""
    said = conversation(record)
    verdict.conversations += 1
    try:
        expected = _expected(family, said.turns, said.tools)
    except Refused as why:
        try:
            template.trained(said.turns, said.tools)
            verdict.fault(f"{name}: taken, though {why}")
        except TemplateError:
            verdict.refused += 1
        return
    try:
        rows = template.trained(said.turns, said.tools).rows
    except TemplateError as error:
        verdict.fault(f"{name}: refused: {error.what}")
        return
    whole, apart = expected
    if whole and len(rows) == 1:
        apart = [whole]
    elif whole and not _reaches_over(template, whole):
        verdict.fault(f"{name}: {len(rows)} rows without need")
    if len(rows) != len(apart):
        verdict.fault(f"{name}: {len(rows)} rows, expected {len(apart)}", sum(len(row.input_ids) for row in rows))
        return
    for row, pieces in zip(rows, apart, strict=True):
        _compare(template.tokenizer, row, pieces, name, verdict)


def _expected(family: Family, turns: Any, tools: Any) -> tuple[list[Piece] | None, list[list[Piece]]]:
    """The conversation as one row, where the family allows it, and as a row for each answer."""
    whole = family.write(turns, tools)
    answers = [number for number, turn in enumerate(turns) if says(turn)]
    if answers[0] == 0:  # a greeting answers nobody, so it is not learned
        greeting = next(place for place, (_, learned) in enumerate(whole) if learned)
        whole[greeting] = whole[greeting][0], False
        answers = answers[1:]
    apart = []
    for number in answers:
        pieces = family.write(turns[: number + 1], tools)
        last = max(place for place, (_, learned) in enumerate(pieces) if learned)
        apart.append([(text, place == last) for place, (text, _) in enumerate(pieces)])
    return (whole if family.several(turns, tools) else None), apart


def _reaches_over(template: Template, pieces: Sequence[Piece]) -> bool:
    """Whether the conversation in one piece has other ids at the head than one of its prompts alone."""
    whole = template.prompt_ids("".join(text for text, _ in pieces))
    before = ""
    for text, learned in pieces:
        prompt = template.prompt_ids(before)
        if learned and whole[: len(prompt)] != prompt:
            return True
        before += text
    return False


def _compare(tokenizer: Any, row: Row, pieces: Sequence[Piece], name: str, verdict: Verdict) -> None:
    verdict.rows += 1
    verdict.tokens += len(row.input_ids)
    verdict.learned += row.learned
    sizes = [len(one) for one in (_bytes(tokenizer, token) for token in row.input_ids)]
    written = b"".join(_bytes(tokenizer, token) for token in row.input_ids)
    spans, text = _spans(tokenizer, pieces)
    if written != text:
        verdict.fault(f"{name}: another text", len(row.input_ids))
        return
    place = 0
    for token, label, size in zip(row.input_ids, row.labels, sizes, strict=True):
        inside = any(start <= place and place + size <= end for start, end in spans)
        if label != (token if inside else IGNORED):
            verdict.fault(f"{name}: token {token} at byte {place} {'is not' if inside else 'is'} learned")
        if any(place < start < place + size for start, _ in spans):
            verdict.fault(f"{name}: token {token} at byte {place} reaches into an answer")
        verdict.torn += any(place < end < place + size for _, end in spans)
        place += size
    before = ""
    for piece, learned in pieces:
        prompt = tokenizer(before, add_special_tokens=False)["input_ids"]
        if learned and row.input_ids[: len(prompt)] != prompt:
            verdict.fault(f"{name}: an answer stands behind other ids than those of its prompt")
        before += piece


def _spans(tokenizer: Any, pieces: Sequence[Piece]) -> tuple[list[tuple[int, int]], bytes]:
    """The learned spans in bytes, and the whole text: in composed characters where the tokenizer composes them."""
    composes = tokenizer.backend_tokenizer.normalizer is not None
    text, spans = b"", []
    for piece, learned in pieces:
        start = len(text)
        text += (unicodedata.normalize("NFC", piece) if composes else piece).encode()
        if learned:
            spans.append((start, len(text)))
    return spans, text


def _letters() -> dict[str, int]:
    """How byte-level tokenizers write bytes as letters (Radford et al. 2019): printable ones as themselves."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


_LETTERS = _letters()


def _bytes(tokenizer: Any, token: int) -> bytes:
    added = tokenizer.added_tokens_decoder.get(token)
    if added is not None:
        return str(added.content).encode()
    return bytes(_LETTERS[letter] for letter in tokenizer.convert_ids_to_tokens(token))


def of_name(name: str) -> Family:
    return next(family for family in FAMILIES if family.name == name)
