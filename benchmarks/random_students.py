"""Students with random weights in the shapes of real models, and rows of mixed length: for measurements of speed and
memory, which do not depend on what a model knows."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec

from benchmarks.loads import tiny
from seedbed.record import Record, chat


class Sizes(msgspec.Struct, frozen=True):
    """Of a Llama-like model; `intermediate` is the width of its gate."""

    hidden: int
    layers: int
    intermediate: int
    heads: int
    groups: int
    vocabulary: int
    tied: bool = True


SIZES = {
    "1M": Sizes(64, 2, 128, 2, 1, 512),
    "12M": Sizes(256, 8, 704, 4, 2, 16_384),
    "25M": Sizes(384, 12, 1_024, 6, 3, 16_384),
    "60M": Sizes(512, 16, 1_408, 8, 4, 32_000),
    "135M": Sizes(576, 30, 1_536, 9, 3, 49_152),  # SmolLM2-135M
    "360M": Sizes(960, 32, 2_560, 15, 5, 49_152),  # SmolLM2-360M
    "500M": Sizes(896, 24, 4_864, 14, 2, 151_936),  # Qwen2.5-0.5B
    "1.5B": Sizes(1_536, 28, 8_960, 12, 2, 151_936),  # Qwen2.5-1.5B
    "3B": Sizes(2_048, 36, 11_008, 16, 2, 151_936),  # Qwen2.5-3B
    "8B": Sizes(4_096, 32, 14_336, 32, 8, 128_256, tied=False),  # Llama 3.1 8B
}


def save(size: str, folder: Path) -> Path:
    """The student as a folder that a training takes; made once."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    if (folder / "config.json").is_file():
        return folder
    sizes, tokenizer = SIZES[size], tiny.tokenizer()
    config = LlamaConfig(
        vocab_size=sizes.vocabulary, hidden_size=sizes.hidden, intermediate_size=sizes.intermediate,
        num_hidden_layers=sizes.layers, num_attention_heads=sizes.heads, num_key_value_heads=sizes.groups,
        max_position_embeddings=8_192, tie_word_embeddings=sizes.tied, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=None, dtype="bfloat16",
    )  # fmt: skip
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    try:
        model = LlamaForCausalLM(config)
    finally:
        torch.set_default_dtype(torch.float32)
    tokenizer.save_pretrained(str(folder))
    model.save_pretrained(str(folder))
    return folder


def records(count: int, longest: int, seed: int = 7) -> list[Record]:
    """Questions and answers of mixed length, as instruction data has it: half of them under a fifth of `longest` bytes,
    one in twenty near it. A byte is a token of these students."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        length = longest if number == 0 else min(longest, max(24, int(chance.lognormvariate(0, 0.8) * longest / 6)))
        question = f"Which port does device {number} use?"
        words = chance.choices(("port", "pump", "valve", "reads", "holds", "then", "bar", "4711"), k=length // 5)
        made.append(chat(question, " ".join(words)[: max(8, length - len(question) - 24)] + ".", split="train"))
    return made
