"""One training by LLaMA-Factory, run in an environment of its own: it pins older transformers, peft and trl than
seedbed. Takes the task of train_sides.py as JSON and prints the same line; imports nothing of seedbed.

The environment is that of benchmarks/loads, with bitsandbytes for qlora. Settings are its own but for adapter, rate,
batch and length: activation checkpointing is on, batches come in random order. Its template `chatml` writes what the
students' own does.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_COLUMNS = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
_DATA = "measured"


def settings(task: dict[str, Any], folder: Path, gpu: bool) -> dict[str, Any]:
    """What its command line would be given."""
    given = {
        "stage": "sft", "do_train": True, "model_name_or_path": task["student"], "template": "chatml",
        "dataset": _DATA, "dataset_dir": str(folder), "cutoff_len": task["max_length"], "overwrite_cache": True,
        "finetuning_type": "lora", "lora_target": "all", "lora_rank": task["rank"], "lora_alpha": 2 * task["rank"],
        "per_device_train_batch_size": task["batch"], "gradient_accumulation_steps": 1, "num_train_epochs": 1,
        "learning_rate": 2e-4, "bf16": True, "seed": 7, "logging_steps": 1, "save_strategy": "no", "report_to": "none",
        "disable_tqdm": True, "output_dir": str(folder / "out"), "use_cpu": not gpu,
        "disable_gradient_checkpointing": task["checkpointing"] == "off",
    }  # fmt: skip
    return given | ({"quantization_bit": 4, "double_quantization": True} if task["method"] == "qlora" else {})


def write(task: dict[str, Any], folder: Path) -> None:
    """The records as it reads them, and what it must be told of them."""
    turns = [{"messages": one} for one in _messages(Path(task["data"]))]
    (folder / "data.json").write_text(json.dumps(turns), encoding="utf-8")
    entry = {"file_name": "data.json", "formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": _COLUMNS}
    (folder / "dataset_info.json").write_text(json.dumps({_DATA: entry}), encoding="utf-8")


def _messages(data: Path) -> Iterator[list[dict[str, str]]]:
    for line in data.open(encoding="utf-8"):
        yield [{"role": turn["role"], "content": turn["content"]} for turn in json.loads(line)["messages"]]


def train(task: dict[str, Any]) -> dict[str, Any]:
    """The figures of one training: those of train_sides.Measured."""
    import torch

    from benchmarks.loads import no_sound

    no_sound.stand_in()
    from llamafactory.train.sft import workflow
    from llamafactory.train.tuner import run_exp
    from transformers import TrainerCallback

    torch.set_num_threads(task["threads"])
    gpu, ends, tokens = torch.cuda.is_available(), [], []

    class Noting(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            ends.append(time.time())

    class Counting(workflow.SFTDataCollatorWith4DAttentionMask):  # type: ignore[misc]
        def __call__(self, rows: Any) -> Any:
            made = super().__call__(rows)
            tokens.append(int(made["attention_mask"].sum()))
            return made

    workflow.SFTDataCollatorWith4DAttentionMask = Counting
    with tempfile.TemporaryDirectory() as scratch:
        write(task, Path(scratch))
        run_exp(settings(task, Path(scratch), gpu), [Noting()])
    counted = sum(tokens[1 : len(ends)])
    peak = torch.cuda.max_memory_allocated() if gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    return {
        "tokens_per_second": counted / max(1e-9, ends[-1] - ends[0]), "first_step": ends[0] - task["began"],
        "peak": peak, "steps": len(ends), "tokens": counted, "version": importlib.metadata.version("llamafactory"),
    }  # fmt: skip


def main() -> None:
    """Measures one task, given as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("task")
    task = json.loads(parser.parse_args().task)
    # Before torch is imported. The second: what it pins needlessly is not what is installed (benchmarks/loads).
    os.environ |= {"OMP_NUM_THREADS": str(task["threads"]), "DISABLE_VERSION_CHECK": "1"}
    found = train(task)
    sys.stdout.write("\n" + json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
