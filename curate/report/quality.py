"""Completeness, accuracy, consistency and timeliness: each as records that pass among those that can be checked, with
what was wrong with the others. Patterns only; a judge's opinion stands with the scores.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from curate.report.examples import SHORT, Sampler, quote
from curate.report.model_records import Part
from curate.report.model_set import Quality
from curate.report.tally import Seen, digest
from curate.report.words import Words
from seedbed.record import Record
from seedbed.text import normalise

_EXAMPLES = 4
# Words that tie a question to the day on which it was asked ("today's price").
_DATED = re.compile(
    r"\b(?:today|yesterday|tomorrow|nowadays|recently|currently|at present|(?:this|last|next) (?:week|month|year))\b"
    r"|今天|昨天|明天|今年|去年|明年|目前|最近|近日|本周|本月|如今",
    re.IGNORECASE,
)
_HOW = {
    "completeness": "have a question, an answer and a language; those made from documents also a place and evidence",
    "accuracy": "have every quoted sentence word for word at its place in the document",
    "consistency": "are not contradicted: no other record answers the same question differently",
    "timeliness": "ask nothing that is tied to a day (“today”, “currently”, 目前, 最近)",
}


class Checks:
    """The four dimensions, counted as records go by. `ingest` is the folder with the documents' texts, if any."""

    def __init__(self, ingest: Path | None, seed: int) -> None:
        self._ingest = ingest
        self._text = lru_cache(maxsize=64)(self._read)
        self._passed: Counter[str] = Counter()
        self._checked: Counter[str] = Counter()
        self._missed: dict[str, Counter[str]] = defaultdict(Counter)
        self._examples = {name: Sampler[Record](_EXAMPLES, seed) for name in _HOW}
        # Question and answer of each record, hashed: 16 bytes, where two dictionaries took 300.
        self._asked, self._told = array("Q"), array("Q")

    def add(self, record: Record, seen: Seen) -> None:
        """One more record, and its hashes."""
        if record.evidence and (text := self._document(record)):
            moved = not all(e.masked or text[e.start : e.end] == e.quote for e in record.evidence)
            self._note("accuracy", record, ["evidence is not in the document"] if moved else [])
        if record.messages:
            self._note("completeness", record, list(_missing(record)))
            self._asked.append(seen.asked)
            self._told.append(seen.told)
            dated = _DATED.search(record.user_text)
            self._note("timeliness", record, [dated.group().lower()] if dated else [])

    def _note(self, name: str, record: Record, missed: list[str]) -> None:
        self._checked[name] += 1
        self._passed[name] += not missed
        self._missed[name].update(missed)
        if missed:
            self._examples[name].offer(record.id, record)

    def _document(self, record: Record) -> str:
        return self._text(record.source.document_hash) if record.source and self._ingest else ""

    def _read(self, document: str) -> str:
        try:
            assert self._ingest is not None
            return (self._ingest / "documents" / f"{document}.md").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""

    def results(self, words: Words, again: Iterable[Record]) -> list[Quality]:
        """All four. `again` are the same records once more: who contradicts whom is known only at the end."""
        if contradicted := self._consistency():
            for record in again:
                if record.messages and record.task != "general" and digest(normalise(record.user_text)) in contradicted:
                    # Keyed by the question, so that both sides of a contradiction are shown.
                    self._examples["consistency"].offer(normalise(record.user_text), record)
        return [
            Quality(
                name=name,
                label=words(name.capitalize()),
                passed=self._passed[name],
                checked=self._checked[name],
                how=words(how),
                missed=[
                    Part(name=what, label=words(what), count=count)
                    for what, count in self._missed[name].most_common(5)
                ],
                examples=[quote(record, SHORT, words) for record in self._examples[name].taken()],
            )
            for name, how in _HOW.items()
            if self._checked[name]
        ]

    def _consistency(self) -> set[int]:
        """Counts; returns the questions that have more than one answer."""
        import numpy as np

        self._checked["consistency"] = len(self._asked)
        if not self._asked:
            return set()
        pairs = np.stack([np.frombuffer(self._asked, np.uint64), np.frombuffer(self._told, np.uint64)])
        distinct: Any = np.unique(pairs, axis=1)
        questions, answers = np.unique(distinct[0], return_counts=True)
        contradicted = questions[answers > 1]
        wrong = int(np.isin(pairs[0], contradicted).sum())
        self._passed["consistency"] = len(self._asked) - wrong
        if wrong:
            self._missed["consistency"]["questions with several answers"] = len(contradicted)
        return {int(each) for each in contradicted}


def _missing(record: Record) -> Iterator[str]:
    if not record.instruction.strip():
        yield "no question"
    if not record.answer.strip():
        yield "no answer"
    if not record.language:
        yield "no language"
    if record.task in ("doc_qa", "dialogue"):
        if record.source is None or not record.source.document:
            yield "no place in a document"
        elif not record.evidence:
            yield "no evidence"
