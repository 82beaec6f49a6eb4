"""A student that is built in a moment: a 2-layer Llama, byte-level BPE of 512. It shows mechanics, not quality."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seedbed.record import Record, chat

SPECIALS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "<bos>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<|begin_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|user|>",
    "<|assistant|>",
    "<|system|>",
    "<|end|>",
    "<think>",
    "</think>",
)
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_CORPUS = [
    "The pump P-20 stops below 1.8 bar. Which port does the sensor use? It uses port 4711.",
    "Press the red button, wait ten seconds, and read the value on the display.",
    "泵 P-20 在压力低于 1.8 bar 时停机。传感器使用哪个端口？它使用 4711 端口。",
    "按下红色按钮，等待十秒钟，然后读取显示屏上的数值。",
    "You are a helpful assistant. system user assistant",
    "One.\n\n\nTwo.\n\n\n三。\n\n\nFour.\n\n\n",  # so that two line breaks are one token
]


def tokenizer(template: str | None = CHATML, end: str = "<|im_end|>", pad: str = "<|endoftext|>") -> Any:
    """Byte-level BPE of 512 tokens, with the special tokens of several families."""
    import tokenizers
    from transformers import PreTrainedTokenizerFast

    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=list(SPECIALS),
        show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )
    bpe.train_from_iterator(_CORPUS, trainer)
    made = PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token=end, pad_token=pad, additional_special_tokens=list(SPECIALS)
    )
    made.chat_template = template
    return made


def save_student(folder: Path, template: str | None = CHATML, hidden: int = 64, layers: int = 2, **config: Any) -> Path:
    """The tiny student as a folder that `train.students.model.locate` takes."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    made = tokenizer(template)
    torch.manual_seed(0)
    sizes = LlamaConfig(
        vocab_size=512,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        eos_token_id=made.eos_token_id,
        pad_token_id=made.pad_token_id,
        bos_token_id=None,
        **config,
    )
    model = LlamaForCausalLM(sizes).to(torch.bfloat16)
    model.generation_config.eos_token_id = made.eos_token_id
    model.save_pretrained(str(folder))
    made.save_pretrained(str(folder))
    return folder


def records(count: int, split: str = "train", **fields: Any) -> list[Record]:
    """Questions about invented devices, English and Chinese in turn, of different lengths."""
    made = []
    for i in range(count):
        if i % 2:
            question = f"设备 {split}-{i} 使用哪个端口？"
            answer = f"它使用 {4000 + i} 端口。" + "按下按钮。" * (i % 5)
        else:
            question = f"Which port does device {split}-{i} use?"
            answer = f"It uses port {4000 + i}." + " Press it." * (i % 7)
        made.append(chat(question, answer, split=split, language="zh" if i % 2 else "en", **fields))
    return made
