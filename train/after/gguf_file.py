"""A model's folder as one GGUF file, on the `gguf` library's writer; its tensors pass through memory one by one.

Types are rounded without calibration, exactly as llama.cpp's own converter does it (f16, bf16, q8_0) or its `quantize`
without an importance matrix (q4_0 … q5_1). The k-quants (Q4_K_M) exist in llama.cpp only: make them there from f16.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from seedbed import jsonl
from seedbed.context import Progress
from seedbed.errors import InputError
from train.after import architecture, vocabulary
from train.after.tensors import Tensors
from train.students import model

Type = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"]
TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0")
_BLOCK = 32  # values that share a scale in every q type
# Embeddings and head decide over each token, and are a small part of a large model: llama.cpp keeps them finer too.
_FINER = {"q5_1": "q8_0", "q5_0": "q8_0", "q4_1": "q8_0", "q4_0": "q8_0"}


class Planned(msgspec.Struct, frozen=True):
    """One tensor to be written: its name and type in the file, its shape, and how it is had (float32)."""

    name: str
    type: str
    shape: tuple[int, ...]
    make: Callable[[], Any]


def write(folder: Path, out: Path, type_: str, facts: dict[str, str], progress: Progress) -> None:
    """The model in `folder` as the GGUF file `out`, whole or not at all. `facts`: name, license, base_model.

    Raises InputError where the architecture or the tokenizer has no equal in llama.cpp, before anything is written.
    """
    import gguf
    import transformers as hf

    where = str(folder)
    config = hf.AutoConfig.from_pretrained(where, local_files_only=True)
    found = architecture.family(config, where)
    tensors = Tensors(folder)
    words = vocabulary.read(model.load_tokenizer(folder), config.vocab_size, ends(folder), where)
    planned = _plan(tensors, config, found, type_, where)
    writer = gguf.GGUFWriter(None, found.name)
    writer.add_type("model")
    _describe(writer, facts, planned)
    architecture.describe(writer, config)
    writer.add_file_type(gguf.LlamaFileType["ALL_F32" if type_ == "f32" else f"MOSTLY_{type_.upper()}"])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _describe_words(writer, words)
    save(writer, planned, out, progress)


def _describe(writer: Any, facts: dict[str, str], planned: list[Planned]) -> None:
    writer.add_name(facts.get("name", ""))
    writer.add_size_label(architecture.size_label(sum(_count(one.shape) for one in planned)))
    writer.add_license(facts.get("license", ""))
    if base := facts.get("base_model"):
        writer.add_base_model_count(1)
        writer.add_base_model_name(0, base)


def _count(shape: Iterable[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _describe_words(writer: Any, words: vocabulary.Vocabulary) -> None:
    writer.add_tokenizer_model(words.model)
    writer.add_tokenizer_pre(words.pre)
    writer.add_token_list(words.tokens)
    writer.add_token_types(words.kinds)
    writer.add_token_merges(words.merges)  # the writer leaves empty lists out
    writer.add_token_scores(words.scores)
    for name, number in words.ids.items():
        getattr(writer, f"add_{name}_token_id")(number)
    writer.add_add_bos_token(words.add_bos)
    writer.add_add_eos_token(words.add_eos)
    writer.add_add_space_prefix(words.space_prefix)
    if words.template:
        writer.add_chat_template(words.template)


def ends(folder: Path) -> list[int]:
    """The tokens at which the model is said to stop when it generates."""
    import transformers as hf

    try:
        given = hf.GenerationConfig.from_pretrained(str(folder), local_files_only=True).eos_token_id
    except OSError:  # there is none
        return []
    return list(given) if isinstance(given, list) else [] if given is None else [given]


def _plan(tensors: Tensors, config: Any, found: architecture.Family, type_: str, where: str) -> list[Planned]:
    named = architecture.layer_names(found, config)
    planned, unknown = [], []
    for name in tensors:
        if name.endswith("rotary_emb.inv_freq") or (name == "lm_head.weight" and config.tie_word_embeddings):
            continue  # computed from the configuration; the embeddings once more
        there = named(name)
        if there is None:
            unknown.append(name)
            continue
        shape = tensors.shape(name)
        planned.append(Planned(there, _type(there, shape, type_), shape, _maker(tensors, name, found, config)))
    if unknown:
        raise InputError(f"{len(unknown)} tensors have no place in llama.cpp's {found.name}: {', '.join(unknown[:3])}",
                         where=where, next_step="Merge adapters first; quantised weights cannot be converted")
    factors = architecture.rope_factors(config)
    if factors is not None:
        planned.append(Planned("rope_freqs.weight", "f32", factors.shape, lambda: factors))
    return planned


def _type(name: str, shape: tuple[int, ...], type_: str) -> str:
    if len(shape) < 2:
        return "f32"  # norms and biases are small, and multiply everything
    if name in ("token_embd.weight", "output.weight"):
        type_ = _FINER.get(type_, type_)
    return "f16" if type_.startswith("q") and shape[-1] % _BLOCK else type_


def _maker(tensors: Tensors, name: str, found: architecture.Family, config: Any) -> Callable[[], Any]:
    def make() -> Any:
        values = tensors.get(name).float().numpy()
        return architecture.weave(values, name, config) if found.woven else values

    return make


def save(writer: Any, planned: list[Planned], out: Path, progress: Progress) -> None:
    """Keys, then the tensors one by one, into `out`: whole or not at all."""
    import gguf
    import numpy as np

    partial = out.with_name(out.name + ".partial")
    kinds = [gguf.GGMLQuantizationType[one.type.upper()] for one in planned]
    for one, kind in zip(planned, kinds, strict=True):
        bytes_ = gguf.quants.quant_shape_to_byte_shape(one.shape, kind)
        plain = {"f32": np.float32, "f16": np.float16}.get(one.type)
        shape = one.shape if plain else bytes_
        writer.add_tensor_info(one.name, shape, np.dtype(plain or np.uint8), _count(bytes_), raw_dtype=kind)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        writer.write_header_to_file(partial)
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for number, (one, kind) in enumerate(zip(planned, kinds, strict=True), 1):
            writer.write_tensor_data(gguf.quants.quantize(np.ascontiguousarray(one.make(), np.float32), kind))
            progress.update(number, len(planned), one.name)
        writer.flush()
        for written in writer.fout:
            os.fsync(written.fileno())
        writer.close()
        partial.replace(out)
    except OSError as error:
        raise jsonl.cannot_write(out, error) from error
    finally:
        writer.close()
        partial.unlink(missing_ok=True)
