"""How to run what was made, elsewhere: command lines for vLLM, llama.cpp and Ollama. Printed, and in the model card."""

from __future__ import annotations

import shlex
from pathlib import Path

from train.students.trained import Training

# What vLLM takes for --max-lora-rank (vllm/config/lora.py).
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)


def merged(folder: Path) -> list[str]:
    """For a folder that transformers reads."""
    return [f"vllm serve {_quoted(folder)}"]


def adapter(noted: Training, folder: Path) -> list[str]:
    """For the base with the adapter on top. After QLoRA the base is loaded in nf4, as it was trained on."""
    rank = next((known for known in _RANKS if known >= noted.rank), _RANKS[-1])
    nf4 = " --quantization bitsandbytes" if noted.method == "qlora" else ""
    lora = f"--enable-lora --max-lora-rank {rank} --lora-modules tuned={_quoted(folder)}"
    return [f"vllm serve {shlex.quote(noted.student)}{nf4} {lora}"]


def gguf(file: Path, adapter: Path | None = None) -> list[str]:
    """For a GGUF file with its Modelfile beside it."""
    lora = f" --lora {_quoted(adapter)}" if adapter else ""
    name = shlex.quote(file.stem.lower())
    return [
        f"llama-server -m {_quoted(file)}{lora} --jinja",
        f"ollama create {name} -f {_quoted(file.parent / 'Modelfile')} && ollama run {name}",
    ]


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
