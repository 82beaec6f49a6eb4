"""A LoRA adapter as a GGUF file, for llama.cpp and Ollama beside the base's own GGUF file.

llama.cpp multiplies by alpha / rank, one alpha for the whole file. rsLoRA's root of the rank and ranks or alphas of
single layers therefore go into the numbers: alpha as if it were plain LoRA, and what is left into the B matrices. DoRA
has no place in that format: merge it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seedbed.context import Progress
from seedbed.errors import InputError
from train.after import architecture
from train.after.gguf_file import Planned, save
from train.after.tensors import Tensors

_PREFIX = "base_model.model."
_MERGE = "Merge it instead: seedbed merge RUN, then seedbed gguf RUN"


def write(adapter: Path, base: Path, out: Path, facts: dict[str, str], progress: Progress) -> None:
    """The adapter in the folder `adapter` as the GGUF file `out` (float32), whole or not at all.

    Raises InputError for what is no plain LoRA, and where the base's architecture is not known.
    """
    import gguf
    import transformers as hf
    from peft import PeftConfig

    config = hf.AutoConfig.from_pretrained(str(base), local_files_only=True)
    found = architecture.family(config, str(base))
    lora = PeftConfig.from_pretrained(str(adapter))
    if str(getattr(lora.peft_type, "value", lora.peft_type)) != "LORA":
        raise InputError(f"an adapter of the kind {lora.peft_type} has no form in GGUF", where=str(adapter))
    if lora.use_dora:
        raise InputError("a DoRA adapter has no form in GGUF", where=str(adapter), next_step=_MERGE)
    writer = gguf.GGUFWriter(None, found.name)
    writer.add_type("adapter")
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(lora.lora_alpha))
    writer.add_name(facts.get("name", ""))
    writer.add_license(facts.get("license", ""))
    save(writer, _plan(Tensors(adapter), adapter, lora, config, found), out, progress)


def _plan(
    tensors: Tensors, adapter: Path, lora: Any, config: Any, found: architecture.Family
) -> list[Planned]:
    named, planned = architecture.layer_names(found, config), []
    for name in tensors:
        module, part, matrix = name.removeprefix(_PREFIX).partition(".lora_")
        there = named(f"{module}.weight") if part and matrix in ("A.weight", "B.weight") else None
        if there is None:
            raise InputError(f"holds {name}, which has no form in GGUF", where=str(adapter), next_step=_MERGE)
        side = matrix[0]
        rank = tensors.shape(name)[0 if side == "A" else 1]
        factor = 1.0 if side == "A" else _scale(lora, module, rank) / (lora.lora_alpha / rank)
        woven = found.woven and side == "B"  # the rows of B are those of the matrix that it adds to
        planned.append(Planned(f"{there}.lora_{side.lower()}", "f32", tensors.shape(name),
                               _maker(tensors, name, factor, config if woven else None, module)))
    return planned


def _maker(tensors: Tensors, name: str, factor: float, config: Any, module: str) -> Callable[[], Any]:
    def make() -> Any:
        values = tensors.get(name).float().numpy() * factor
        return values if config is None else architecture.weave(values, f"{module}.weight", config)

    return make


def _scale(lora: Any, module: str, rank: int) -> float:
    """By what PEFT multiplies this layer's product of matrices."""
    alpha = _of_pattern(lora.alpha_pattern, module, lora.lora_alpha)
    return float(alpha / (math.sqrt(rank) if lora.use_rslora else rank))


def _of_pattern(patterns: dict[str, float] | None, module: str, usual: float) -> float:
    """The value of the first pattern that the module's name ends with, as PEFT looks it up."""
    return next((value for key, value in (patterns or {}).items() if re.match(rf"(.*\.)?({key})$", module)), usual)
