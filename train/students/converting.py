"""A GGUF file as a folder that transformers loads: dequantised to bf16 once, and kept beside the models."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from seedbed import models
from seedbed.context import Progress
from seedbed.errors import InputError, MissingExtra
from train.students.identity import fingerprint

NEXT = "Name a model of `seedbed models list`, a folder, a hub name, or path:/some/model.gguf"

_NO_ARCHITECTURE = {"general", "tokenizer"}  # parts of a GGUF's header that transformers lists among them


def convert(gguf: Path, progress: Progress) -> Path:
    """The folder of the converted file; made once. Raises InputError where there is no such file, or no such model."""
    if not gguf.is_file():
        raise InputError("no such file", where=str(gguf), next_step=NEXT)
    target = models.folder() / f"{gguf.stem}-{fingerprint(gguf)}"
    if (target / "config.json").is_file():
        return target
    if importlib.util.find_spec("gguf") is None:
        raise MissingExtra("gguf", "train")
    progress.say(f"converting {gguf.name} once, to {target}")
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        _refuse_unknown(gguf)
        _dequantise(gguf, partial)
        if not target.exists():
            partial.rename(target)
    except (ValueError, KeyError, IndexError, RuntimeError, OSError) as error:
        raise InputError(
            f"cannot be loaded for training: {error or type(error).__name__}", where=str(gguf),
            next_step="Check that the file is whole and of an architecture that transformers reads",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _refuse_unknown(gguf: Path) -> None:
    """Raises InputError for an architecture that transformers cannot read, before any weight is."""
    from gguf import GGUFReader
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    field = GGUFReader(str(gguf)).get_field("general.architecture")
    if field is None:
        raise ValueError("it names no architecture")
    architecture = str(field.contents())
    # In GGUF some are spelt otherwise than in transformers: qwen2moe, gpt-oss.
    readable = sorted(set(GGUF_SUPPORTED_ARCHITECTURES) - _NO_ARCHITECTURE)
    plain = {name.replace("_", "").replace("-", "") for name in readable}
    if architecture.replace("_", "").replace("-", "") not in plain:
        raise InputError(
            f"has the architecture `{architecture}`, which transformers cannot read from GGUF", where=str(gguf),
            next_step=f"Known: {', '.join(readable)}. Others can be trained from their original folder",
        )


def _dequantise(gguf: Path, folder: Path) -> None:
    import torch
    import transformers as hf

    tokenizer = hf.AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name, local_files_only=True)
    # Without `dequantize` the model can be used but not saved.
    model = hf.AutoModelForCausalLM.from_pretrained(
        str(gguf.parent), gguf_file=gguf.name, quantization_config=hf.GgufConfig(dequantize=True),
        dtype=torch.bfloat16, local_files_only=True,
    )
    tokenizer.save_pretrained(str(folder))
    model.save_pretrained(str(folder))
