"""`seedbed merge` and `seedbed gguf`: from what a training left to what runs elsewhere.

What is made lies beside the adapter unless the user says otherwise, so that it goes when the training is done anew:

    NN-train/merged            into the base as it was trained on
    NN-train/merged-original   into the original weights
    NN-train/gguf              the merged model as GGUF, with a Modelfile
    NN-train/gguf-adapter      the adapter and its base, each as GGUF

Each folder has a model card with the command lines to run it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from seedbed import jsonl
from seedbed.context import Progress
from seedbed.errors import InputError, TrainingError
from seedbed.pairs import conversations
from seedbed.record import Record
from train import libraries
from train.after import card, check, gguf_adapter, gguf_file, merge, modelfile, running
from train.rows.template import Template
from train.students import model, trained
from train.students.trained import Training

CHECKED = "check.json"
_COARSE = ("q5_1", "q5_0", "q4_1", "q4_0")
# Measured with SmolLM2-135M (docs/training/after.md): q5_1 9 % more loss, q4_0 what was learned is gone.
_UNSURE = "So coarse a type can lose what was learned: run it again with --check before you use the file"
_COMPARED = 8  # records whose loss is compared: a few hundred tokens, each a request


@dataclass(frozen=True)
class Source:
    """A model's folder that can be written as GGUF, and what is known of where it came from."""

    folder: Path
    name: str
    noted: Training | None = None
    training: Path | None = None
    adapter: Path | None = None


def merge_run(given: Path, into: str, out: Path | None, student: str, progress: Progress) -> list[str]:
    """Merges what `given` (a run, the folder of its training, an adapter) trained; lines for the user."""
    with libraries.prepared():
        source = _merged(given, into, out, student, progress)
    return [f"Merged: {source.folder}", *(f"  {line}" for line in running.merged(source.folder))]


def _merged(given: Path, into: str, out: Path | None, student: str, progress: Progress) -> Source:
    adapter = trained.find(given)
    noted = trained.noted(adapter, student)
    into = merge.wanted(into, noted)
    base = trained.base_of(noted, adapter, progress)
    folder = out or merge.target(adapter.parent, into)
    merge.merge(adapter, noted, base, into, folder, progress)
    name = f"{card.name_of(noted.student).rpartition('/')[2]}-tuned"
    what = "merged_dequantised" if into == merge.DEQUANTISED else "merged_original"
    commands = [*running.merged(Path(folder.name)), *running.adapter(_named(noted), Path("adapter"))]
    card.Card(name, what, noted, base, adapter.parent, commands).write(folder)
    return Source(folder, name, noted, adapter.parent, adapter)


def _named(noted: Training) -> Training:
    """With the base as others know it, not where it lies here."""
    return msgspec.structs.replace(noted, student=card.name_of(noted.student))


def gguf_run(
    given: Path, type_: str, adapter: bool, out: Path | None, checking: bool, into: str, student: str,
    progress: Progress,
) -> list[str]:
    """Writes what `given` trained, or the model in the folder `given`, as GGUF; lines for the user.

    Merges first where it is an adapter. Raises InputError for types and models that cannot be written, and
    TrainingError where the check finds that the file reads other tokens than the model.
    """
    if type_ not in gguf_file.TYPES:
        step = f"Known are {', '.join(gguf_file.TYPES)}. For Q4_K_M and the like: llama-quantize on the f16 file"
        raise InputError(f"no such type: {type_}", where="--type", next_step=step)
    with libraries.prepared():
        if adapter:
            return _adapter(given, type_, out, checking, student, progress)
        source = _source(given, into, student, progress)
        folder = out or (source.training / "gguf" if source.training else Path(f"{source.name}-gguf"))
        file = folder / f"{_plain(source.name)}-{type_}.gguf"
        with merge.alone(folder):
            gguf_file.write(source.folder, file, type_, _facts(source), progress)
            template = Template(model.load_tokenizer(source.folder), source.name, needed=checking)
            return _finish(source, file, type_, template, checking, progress)


def _source(given: Path, into: str, student: str, progress: Progress) -> Source:
    """The folder to be written: a model as it is, that of a full fine-tuning, or the adapter merged."""
    if (given / "config.json").is_file() and not (given.parent / trained.NOTED).is_file():
        return Source(given, given.resolve().name)
    if merge.merged_of(given):
        noted = trained.noted(given)
        return Source(given, f"{card.name_of(noted.student).rpartition('/')[2]}-tuned", noted, given.parent)
    found = trained.find(given)
    noted = trained.noted(found, student)
    if noted.method == "full":
        return Source(found, f"{card.name_of(noted.student).rpartition('/')[2]}-tuned", noted, found.parent)
    return _merged(given, into, None, student, progress)


def _adapter(
    given: Path, type_: str, out: Path | None, checking: bool, student: str, progress: Progress
) -> list[str]:
    adapter = trained.find(given)
    noted = trained.noted(adapter, student)
    if noted.method not in ("qlora", "lora"):
        raise InputError(f"{noted.method} leaves no LoRA adapter", where=str(adapter),
                         next_step="Leave out --adapter: the whole model is written then")
    base = trained.base_of(noted, adapter, progress)
    name = card.name_of(noted.student).rpartition("/")[2]
    source = Source(base, name, noted, adapter.parent, adapter)
    folder = out or adapter.parent / "gguf-adapter"
    file = folder / f"{_plain(name)}-adapter-base-{type_}.gguf"
    lora = folder / f"{_plain(name)}-adapter.gguf"
    with merge.alone(folder):
        gguf_adapter.write(adapter, base, lora, _facts(source), progress)
        gguf_file.write(base, file, type_, _facts(source), progress)
        template = Template(model.load_tokenizer(base), name, needed=checking)
        return _finish(source, file, type_, template, checking, progress, lora)


def _finish(
    source: Source, file: Path, type_: str, template: Template, checking: bool, progress: Progress,
    lora: Path | None = None,
) -> list[str]:
    """Modelfile (where there is a template), check and card beside the file; lines for the user."""
    if not template.absent:
        stops = modelfile.stops(template, gguf_file.ends(source.folder))
        beside = modelfile.text(file.name, template, stops, lora.name if lora else "")
        jsonl.write_text(file.parent / "Modelfile", beside)
    found = _check(source, file, template, lora, progress) if checking else None
    what = "gguf_adapter" if lora else "gguf"
    commands = running.gguf(Path(file.name), Path(lora.name) if lora else None)
    base = source.folder if lora else None
    card.Card(file.stem, what, source.noted, base, source.training, commands, type_,
              found).write(file.parent)
    if found and not found.sound:
        raise TrainingError(f"reads other tokens than the model in {len(found.differing)} of {found.texts} texts, the "
                            f"first: {found.differing[0]!r}", where=str(file),
                            next_step="Do not use the file; please report the model's name")
    lines = [f"Written: {one} ({one.stat().st_size / 1e6:.0f} MB)" for one in (file, lora) if one]
    lines += [f"Checked: {found.sentence()}"] if found else [_UNSURE] if type_ in _COARSE else []
    return [*lines, *(f"  {line}" for line in running.gguf(file, lora))]


def _check(source: Source, file: Path, template: Template, lora: Path | None, progress: Progress) -> check.Checked:
    """Compares file and model, and writes check.json beside it."""
    ours = model.load(source.folder, "lora", template.tokenizer).eval()
    if lora and source.adapter:
        ours = model.with_adapter(ours, source.adapter)
    ours = check.precise(ours)
    found = check.check(file, ours, template, _records(source.training), progress, lora)
    noted = msgspec.to_builtins(found) | {"file": file.name, "difference": round(found.difference, 5)}
    jsonl.write_text(file.parent / CHECKED, msgspec.json.format(msgspec.json.encode(noted)).decode() + "\n")
    return found


def _records(training: Path | None) -> Sequence[Record]:
    """Some of the records that the training read, those not trained on first; else two made-up ones."""
    files = sorted(training.parent.glob("[0-9][0-9]-*/kept.jsonl")) if training else []
    before = [file for file in files if training and file.parent < training and file.stat().st_size]
    if not before:
        return check.DEFAULT
    read = conversations([record for record in jsonl.read(before[-1]) if record.answer])
    read.sort(key=lambda record: record.split in ("train", ""))  # stable: the order of the data otherwise
    return read[:_COMPARED] or check.DEFAULT


def _facts(source: Source) -> dict[str, str]:
    if source.noted is None:
        return {"name": source.name}
    licence = card.licence(source.noted.student, source.folder)
    return {"name": source.name, "license": licence.lower(), "base_model": card.name_of(source.noted.student)}


def _plain(name: str) -> str:
    """A name that is good as a file's everywhere."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.").lower() or "model"
