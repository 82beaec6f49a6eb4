"""`seedbed init` and `seedbed doctor`: getting from nothing to a job that runs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from seedbed import jsonl, models
from seedbed.errors import InputError
from seedbed.resources import resource

# Which extra brings which libraries, and what one cannot do without it.
_EXTRAS = {
    "documents": (
        ("pypdfium2", "lxml", "html_to_markdown", "docx", "pptx", "openpyxl"),
        "reading PDF, HTML, Word, PowerPoint, Excel and EPUB",
    ),
    "sql": (("sqlalchemy",), "documents out of databases"),
    "embedded": (("xllamacpp", "huggingface_hub"), "the local teacher, which needs no key"),
    "encoder": (("sentencepiece",), "the default encoder: texts compared by meaning"),
    "train": (
        ("torch", "transformers", "trl", "peft", "bitsandbytes", "datasets", "accelerate", "gguf"),
        "training and evaluation",
    ),
    "parquet": (("pyarrow",), "Parquet files"),
    "hub": (("datasets",), "data sets of the Hugging Face hub"),
}


def init(folder: Path) -> Iterator[str]:
    """Writes a commented job and a folder for documents. Never writes over a job that is there."""
    job = folder / "job.yaml"
    if job.exists():
        raise InputError("there is a job already", where=str(job), next_step="Choose another folder, or edit that file")
    jsonl.write_text(job, (resource("configs") / "documents.yaml").read_text(encoding="utf-8"))
    documents = folder / "documents"
    try:
        documents.mkdir(exist_ok=True)
    except OSError as error:
        raise jsonl.cannot_write(documents, error) from error
    yield f"Wrote {job}"
    yield f"Put documents (PDF, Word, PowerPoint, Excel, HTML, EPUB, Markdown, text, CSV, JSON) into {documents}"
    yield f"Then: seedbed plan {job}   and   seedbed run {job}"


def doctor() -> Iterator[str]:
    """What this machine can run, what is missing, and the line that mends it."""
    yield (
        f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, {_memory():.0f} GB memory, "
        f"{_disk():.0f} GB free here"
    )
    for extra, (libraries, purpose) in _EXTRAS.items():
        missing = [name for name in libraries if importlib.util.find_spec(name) is None]
        if missing:
            yield f'  missing  {purpose}: {", ".join(missing)}.  pip install "seedbed[{extra}]"'
        else:
            yield f"  ok       {purpose}"
    yield from _gpu()
    for model in models.CATALOGUE:
        if models.path(model.name):
            yield f"  ok       model {model.name}"
        else:
            yield f"  to fetch model {model.name} ({model.bytes / 1e6:.0f} MB).  seedbed models pull {model.name}"


def _gpu() -> Iterator[str]:
    if importlib.util.find_spec("torch") is None:
        return
    import torch

    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / 1e9
        yield f"  ok       GPU: {torch.cuda.get_device_name(0)}, {memory:.0f} GB"
    else:
        yield "  note     no GPU: training runs on the CPU, right for models up to about 0.5B"


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _disk() -> float:
    return shutil.disk_usage(".").free / 1e9
