"""A finished training without the training: the tiny student and an adapter of random numbers, large enough to matter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from tests.train.tiny import save_student
from train.rows.template import Template
from train.students import model
from train.students.identity import weights_digest
from train.students.trained import Training

# Wide enough that q and k in the wrong order show in the answers: with the usual 0.02 attention hardly matters.
SHARP = {"initializer_range": 0.25}


def student(folder: Path, **config: Any) -> Path:
    return save_student(folder, **(SHARP | config))


def embedding(folder: Path, rows: int) -> Path:
    """A Llama of one thin layer, for a vocabulary of so many tokens; without a tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = LlamaConfig(vocab_size=rows, hidden_size=32, intermediate_size=32, num_hidden_layers=1,
                        num_attention_heads=1, num_key_value_heads=1, tie_word_embeddings=True)
    LlamaForCausalLM(sizes).to(torch.bfloat16).save_pretrained(str(folder))
    return folder


def training(folder: Path, base: Path, method: str = "qlora", **lora: Any) -> Path:
    """The folder of a training: adapter/ and training.json."""
    import torch
    from peft import LoraConfig, get_peft_model

    tokenizer = model.load_tokenizer(base)
    config = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM", **lora)
    torch.manual_seed(1)
    tuned = get_peft_model(model.load(base, "lora", tokenizer), config)
    for name, value in tuned.named_parameters():
        if "lora_B" in name:
            value.data = torch.randn_like(value, dtype=torch.float32) * 0.05
        elif "lora_" in name:
            value.data = value.data.float()
    tuned.save_pretrained(str(folder / "adapter"))
    tokenizer.save_pretrained(str(folder / "adapter"))
    noted = Training(student=str(base), method=method, rank=8, alpha=16, seed=1, max_length=1024,
                     template=Template(tokenizer, str(base)).digest, base=weights_digest(base))
    (folder / "training.json").write_bytes(msgspec.json.encode(noted))
    return folder


def logits(ready: Any) -> Any:
    """What a model says to a fixed text, in 32 bits."""
    import torch

    with torch.no_grad():
        return ready(torch.tensor([[1, 50, 60, 70, 300, 310, 2]])).logits.float()
