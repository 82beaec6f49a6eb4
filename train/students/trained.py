"""A finished training, loaded to be used: the one way for evaluation, export, serving and comparing with the base.

    trained = load(folder, context.progress)
    with trained.side("base") as model: …     # or "tuned"

An adapter is switched off to see its base: the very weights that it was trained on, so that nothing else differs. After
full fine-tuning there is nothing to switch off, and the base is loaded apart when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from seedbed.context import Progress
from seedbed.errors import InputError
from train.rows.template import Template
from train.students import model
from train.students.identity import weights_digest

NOTED = "training.json"
ADAPTER, MODEL = "adapter", "model"  # what a training leaves in its folder: one of the two
Side = Literal["base", "tuned"]


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """training.json: what was trained on what and how, for whoever uses it later.

    template  digest of the base's tokenizer and chat template (`Template.digest`)
    base      digest of the base's weights; empty in what was trained before there was one
    """

    student: str
    method: str
    rank: int
    alpha: int
    seed: int
    max_length: int
    template: str
    objective: str = "sft"
    base: str = ""


@dataclass
class Trained:
    """A student before and after its training. `folder` holds the adapter, or the whole model of a full fine-tuning."""

    noted: Training
    folder: Path
    tokenizer: Any
    tuned: Any
    progress: Progress
    _base: Any = field(default=None, repr=False)

    @property
    def whole(self) -> bool:
        """Whether it is a model of its own, with no adapter to switch off, merge or send alone."""
        return self.noted.method == "full"

    @property
    def base_folder(self) -> Path:
        """Where the base lies, fetched or converted first where needed. Raises InputError where it is not the same."""
        return base_of(self.noted, self.folder, self.progress)

    @contextmanager
    def side(self, side: Side) -> Iterator[Any]:
        """The model that acts as `side` within the block. Both are in evaluation mode."""
        if side == "tuned":
            yield self.tuned
        elif self.whole:
            if self._base is None:
                self._base = model.load(self.base_folder, self.noted.method, self.tokenizer).eval()
            yield self._base
        else:
            with self.tuned.disable_adapter():
                yield self.tuned


def find(given: Path) -> Path:
    """The folder with the adapter or the model: `given` itself, a training's folder, or the last training of a run.

    Raises InputError where there is none.
    """
    stages = (given, *sorted(given.glob("*-train"), reverse=True))
    for folder in (given, *(stage / kind for stage in stages for kind in (ADAPTER, MODEL))):
        if (folder / "adapter_config.json").is_file() or _is_tuned_model(folder):
            return folder
    raise InputError("nothing trained is in it", where=str(given),
                     next_step="Name a run, the folder of its training, or an adapter; or train first")


def noted(folder: Path, student: str = "") -> Training:
    """What is known of the training that left `folder`. `student` stands for training.json where that is missing."""
    beside = folder.parent / NOTED
    if beside.is_file():
        found = msgspec.json.decode(beside.read_bytes(), type=Training)
        return msgspec.structs.replace(found, student=student) if student else found
    if not student:
        raise InputError("training.json is missing beside the adapter, so its student is unknown", where=str(folder),
                         next_step="Name the student that it was trained on")
    return Training(student=student, method="lora", rank=0, alpha=0, seed=0, max_length=1024, template="")


def load(given: Path, progress: Progress, student: str = "") -> Trained:
    """Base and tuned model of a run, a training's folder or an adapter (see `find`).

    `student` names the base where nothing beside the adapter does, or where it lies elsewhere now. Call it within
    `libraries.prepared()`. Raises InputError where something is missing, where the base is not the one that was trained
    on any more, and where the adapter is one for another base.
    """
    folder = find(given)
    known = noted(folder, student)
    if known.method == "full":
        tokenizer = model.load_tokenizer(folder)
        return Trained(known, folder, tokenizer, model.load(folder, known.method, tokenizer).eval(), progress)
    base = base_of(known, folder, progress)
    tokenizer = model.load_tokenizer(base)
    tuned = model.with_adapter(model.load(base, known.method, tokenizer), folder)
    return Trained(known, folder, tokenizer, tuned, progress)


def base_of(known: Training, folder: Path, progress: Progress) -> Path:
    """The base's folder, where its weights, tokenizer and template are those that were trained on."""
    base = model.locate(known.student, progress)
    template = Template(model.load_tokenizer(base), known.student, needed=False) if known.template else None
    refuse_changed(known, folder, weights_digest(base) if known.base else "", template.digest if template else "")
    return base


def refuse_changed(known: Training, folder: Path, base: str, template: str) -> None:
    """Raises InputError where the digests of a student are others than a training noted, where it noted them."""
    again = "Take the student as it was then, or train again"
    if known.base and base != known.base:
        raise InputError(f"was trained on other weights than those of {known.student} now", where=str(folder),
                         next_step=again)
    if known.template and template != known.template:
        raise InputError(f"was trained with another tokenizer or chat template than that of {known.student} now",
                         where=str(folder), next_step=again)


def _is_tuned_model(folder: Path) -> bool:
    return (folder / "config.json").is_file() and (folder.parent / NOTED).is_file()
