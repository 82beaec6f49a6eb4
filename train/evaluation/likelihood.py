"""The student as a measure of texts: the mean token loss of an answer, given what stands before it and alone.

Both are taken over the same tokens, in the student's own chat template: the answer as the template writes it, its end
mark included, first after the whole conversation, then after nothing but what the template opens an answer with. (Li et
al. 2023, "From Quantity to Quality", whose model has no template for that, take the bare answer; where a template opens
answers with nothing, so does this.) What lies beyond the window is cut off the end of the answer, in both alike.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from seedbed.context import Progress
from seedbed.errors import TemplateError
from seedbed.likelihood import Measured, Said
from train import libraries
from train.evaluation.answers import row_losses
from train.rows.template import IGNORED, Rendered, Row, Template
from train.students import model
from train.students.identity import fingerprint

_PLACES = 4  # decimal places of a loss
_CHARACTERS = 200  # of text for a token of the window; what is longer still (10 MB in one field) is not even tokenised
_WEIGHTS = (".safetensors", ".json", ".jinja", ".model")  # files of a model's folder that decide what it says


class Student:
    """A model in memory from the first text that is to be measured. `window` is in its own tokens."""

    def __init__(self, name: str, window: int, threads: int, progress: Progress) -> None:
        self._name, self._window, self._threads, self._progress = name, window, threads, progress

    @cached_property
    def identity(self) -> str:
        """The model's files and the window."""
        files = sorted(path for path in self._folder.iterdir() if path.suffix in _WEIGHTS)
        marks = [(path.name, fingerprint(path)) for path in files]
        return hashlib.blake2b(f"{marks} {self._window}".encode(), digest_size=8).hexdigest()

    def measure(self, several: Sequence[Said], alone: bool) -> list[Measured]:
        """One measurement for each, in order. A text that cannot be measured has the reason as its `fault`."""
        with libraries.prepared(self._threads):
            found = [self._fitted(said, alone) for said in several]
            rows = [row for rows, _ in found for row in rows]
            losses = iter(row_losses(self._model, self._template.tokenizer, rows, lambda _: None))
            return [
                one if one.fault else _with_losses(one, [next(losses) / row.learned for row in own])
                for own, one in found
            ]

    # ---- inside ----

    @cached_property
    def _folder(self) -> Path:
        return model.locate(self._name, self._progress)

    @cached_property
    def _template(self) -> Template:
        return Template(model.load_tokenizer(self._folder), self._name)

    @cached_property
    def _model(self) -> Any:
        loaded = model.load(self._folder, "lora", self._template.tokenizer)
        loaded.eval()
        return loaded

    def _fitted(self, said: Said, alone: bool) -> tuple[list[Row], Measured]:
        """The rows to take the losses of: given, and alone where that is asked for; none where there is a fault."""
        most = _CHARACTERS * self._window
        if sum(len(turn["content"]) for turn in said.turns[:-1]) > most:
            return [], self._full()
        try:
            given, bare, first = self._rendered(said, most)
        except TemplateError as error:
            return [], Measured(fault="template", why=error.what)
        whole = self._template.tokens(given)
        if not any(label != IGNORED for label in whole.labels[: self._window]):
            return [], self._full()
        row = _learning(whole, first, self._window)
        if not row.learned:
            return [], Measured(fault="too_short", why="it has no token that could be foreseen")
        cut = len(whole.input_ids) > self._window
        rows = [row]
        if alone and bare:
            rows.append(_learning(self._template.tokens(bare), first, self._window, row.learned))
        return rows, Measured(tokens=row.learned, cut=cut)

    def _full(self) -> Measured:
        return Measured(fault="window", why=f"what is before the answer fills the window of {self._window} tokens")

    def _rendered(self, said: Said, most: int) -> tuple[Rendered, Rendered | None, int]:
        """As the template writes it, the last answer marked: after the turns before it, and alone; and how many of its
        first tokens do not count. Where nothing at all stands before the answer, its first token follows from nothing.
        """
        if not said.turns:
            text = said.text[:most]
            return Rendered(text, ((0, len(text)),)), None, 1
        *before, last = said.turns
        turns = [*before, last | {"content": last["content"][:most]}]
        whole = self._template.rows(turns)[-1]
        start, end = whole.spans[-1]
        opening = self._template.opening(before)
        bare = opening + whole.text[start:end]
        marked = Rendered(whole.text[:end], ((start, end),)), Rendered(bare, ((len(opening), len(bare)),))
        return *marked, 0 if opening else 1


def _learning(row: Row, first: int, window: int, count: int | None = None) -> Row:
    """The row within the window, of whose learned tokens so many count, the first ones left out."""
    learned = [place for place, label in enumerate(row.labels[:window]) if label != IGNORED][first:]
    counted = set(learned if count is None else learned[:count])
    labels = [label if place in counted else IGNORED for place, label in enumerate(row.labels[:window])]
    return Row(row.input_ids[:window], labels)


def _with_losses(measured: Measured, means: list[float]) -> Measured:
    if not all(math.isfinite(mean) for mean in means):
        return Measured(fault="not_finite", why="the student gives a loss that is no number")
    given, alone = round(means[0], _PLACES), round(means[1], _PLACES) if len(means) > 1 else None
    return Measured(given, alone, measured.tokens, measured.cut)
