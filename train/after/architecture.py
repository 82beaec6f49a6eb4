"""What llama.cpp calls the parts of a model, and the few that it wants in another order.

Families whose layers are those of Llama (Touvron et al. 2023) or Qwen (2, 2.5, 3). The trap is rope: llama.cpp turns
NEIGHBOURING values of a head in its `llama` architecture where transformers turns the first half against the second, so
the rows of q and k are woven; Qwen's architectures keep the halves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from seedbed.errors import InputError


@dataclass(frozen=True)
class Family:
    """`name` is the architecture in llama.cpp; `woven`: its rope turns neighbours, so q and k are put in that order."""

    name: str
    woven: bool


FAMILIES = {
    "LlamaForCausalLM": Family("llama", True),  # Llama 1 to 3.3, SmolLM 1 and 2, Yi, DeepSeek-LLM, TinyLlama
    "MistralForCausalLM": Family("llama", True),
    "Qwen2ForCausalLM": Family("qwen2", False),  # Qwen 1.5, 2 and 2.5
    "Qwen3ForCausalLM": Family("qwen3", False),
}
_KNOWN = ", ".join(FAMILIES)
# Rope stretched for longer texts, as far as llama.cpp does it too; llama3's is written as factors.
_SCALINGS = ("default", "linear", "yarn", "llama3")
_YARN = ("attention_factor", "mscale", "mscale_all_dim", "beta_fast", "beta_slow", "partial_rotary_factor")


def family(config: Any, where: str) -> Family:
    """Raises InputError for an architecture that is not known, with the list of those that are."""
    named = (config.architectures or ["none"])[0]
    if named not in FAMILIES:
        raise InputError(f"the architecture {named} cannot be written as GGUF here", where=where,
                         next_step=f"Known are {_KNOWN}. Serve the merged model with vLLM, or use llama.cpp's own "
                         "convert_hf_to_gguf.py on it")
    if config.hidden_act != "silu":
        raise InputError(f"the activation {config.hidden_act} is not what llama.cpp computes for {named}", where=where)
    if _rope(config)["rope_type"] not in _SCALINGS:
        raise InputError(f"rope scaling of the kind {_rope(config)['rope_type']} cannot be written as GGUF",
                         where=where, next_step=f"Known are {', '.join(_SCALINGS)}")
    if own := [name for name in _YARN if _rope(config).get(name)]:
        raise InputError(f"rope scaling with {', '.join(own)} of its own cannot be written as GGUF", where=where)
    return FAMILIES[named]


def head_size(config: Any) -> int:
    """Values in one head of attention."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def describe(writer: Any, config: Any) -> None:
    """Sizes and rope into the file's keys."""
    size = head_size(config)
    writer.add_context_length(_context(config))
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(size)
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_vocab_size(config.vocab_size)
    _describe_rope(writer, _rope(config), config)


def _context(config: Any) -> int:
    """The longest text; llama.cpp attends to all of it, so no more than the window where the model learned one."""
    window = getattr(config, "sliding_window", None)
    used = window and getattr(config, "use_sliding_window", True)
    return int(min(config.max_position_embeddings, window) if used else config.max_position_embeddings)


def _rope(config: Any) -> dict[str, Any]:
    return {"rope_type": "default"} | dict(config.rope_parameters or {})


def _describe_rope(writer: Any, rope: dict[str, Any], config: Any) -> None:
    import gguf

    writer.add_rope_freq_base(float(rope["rope_theta"]))
    if rope["rope_type"] not in ("linear", "yarn"):
        return
    writer.add_rope_scaling_type(gguf.RopeScalingType(rope["rope_type"]))
    writer.add_rope_scaling_factor(float(rope["factor"]))
    if rope["rope_type"] == "yarn":
        first = rope.get("original_max_position_embeddings") or config.max_position_embeddings
        writer.add_rope_scaling_orig_ctx_len(int(first))


def rope_factors(config: Any) -> Any:
    """By what llama.cpp shall divide each frequency of rope (`rope_freqs.weight`), or None. float32 [head size / 2].

    Llama 3.1 stretches low frequencies and keeps high ones, with a ramp between; taken from transformers itself.
    """
    if _rope(config)["rope_type"] != "llama3":
        return None
    import torch
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    stretched, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
    size, base = head_size(config), float(_rope(config)["rope_theta"])
    plain = 1.0 / base ** (torch.arange(0, size, 2, dtype=torch.float32) / size)
    return (plain / stretched).numpy()


def weave(rows: Any, name: str, config: Any) -> Any:
    """The rows of q's or k's matrix, bias or lora_B (named as in transformers) with each head's halves interleaved."""
    if ".q_proj." in name:
        heads = config.num_attention_heads
    elif ".k_proj." in name:
        heads = config.num_key_value_heads
    else:
        return rows
    half = rows.shape[0] // heads // 2
    rest = rows.shape[1:]
    return rows.reshape(heads, 2, half, *rest).swapaxes(1, 2).reshape(rows.shape)


def layer_names(found: Family, config: Any) -> Any:
    """From transformers' names of tensors to those in a GGUF file: a function that gives None for unknown ones."""
    import gguf

    kind = next(number for number, name in gguf.MODEL_ARCH_NAMES.items() if name == found.name)
    names = gguf.get_tensor_name_map(kind, config.num_hidden_layers)
    return lambda name: names.get_name(name, try_suffixes=(".weight", ".bias"))


def size_label(parameters: int) -> str:
    """135M, 1.5B: as names of GGUF files have it."""
    if parameters < 10**9:
        return f"{round(parameters / 1e6)}M"
    rounded = parameters / 1e9
    return f"{rounded:.1f}B" if math.floor(rounded) < 10 else f"{round(rounded)}B"
