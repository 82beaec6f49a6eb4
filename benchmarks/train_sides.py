"""One training by one side, in this process: seedbed, or TRL's SFTTrainer with its own defaults. Prints one JSON line.
LLaMA-Factory's is in train_with_llamafactory.py, for it cannot be installed beside our versions.

Run by benchmarks/train.py and benchmarks/train_gpu.py. Time counts from when the parent started this process. Only
tokens that are no padding are counted, and none of the first step, whose time is that of warming up.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Literal

import msgspec

from seedbed import jsonl
from seedbed.context import Context, Silent
from train import libraries
from train.checks import memory
from train.options import Method, Options
from train.students import model


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What is trained, on what, by whom. `began` is the parent's clock when it started this process."""

    side: str
    student: str
    method: Method
    data: str
    batch: int = 4
    rank: int = 16
    max_length: int = 1024
    threads: int = 2
    checkpointing: Literal["auto", "on", "off"] = "auto"
    packing: bool = False
    began: float = 0.0


class Measured(msgspec.Struct, frozen=True):
    """Tokens a second, seconds to the end of the first step, and bytes at the peak (of the GPU where there is one)."""

    tokens_per_second: float
    first_step: float
    peak: int
    steps: int
    tokens: int
    version: str


class Clock:
    """When each step ended, and how many tokens it had."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.ends: list[float] = []
        self.tokens: list[int] = []

    def measured(self, version: str) -> Measured:
        seconds = self.ends[-1] - self.ends[0]
        counted = self.tokens[1 : len(self.ends)]
        return Measured(sum(counted) / max(1e-9, seconds), self.ends[0] - self.began, _peak(), len(self.ends),
                        sum(counted), version)


class Steps(Silent):
    """Progress that notes when each step ended."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        if note.startswith("loss ") and done == len(self.clock.ends) + 1:
            self.clock.ends.append(time.time())


def seedbed(task: Task) -> Measured:
    """The stage, as a job runs it: checks, cached tokens, length grouping, files."""
    from train.rows.batches import plan
    from train.stage import train

    clock = Clock(task.began)
    options = Options(student=task.student, method=task.method, batch=task.batch, rank=task.rank, alpha=2 * task.rank,
                      epochs=1, max_length=task.max_length, threads=task.threads,
                      activation_checkpointing=task.checkpointing, packing=task.packing)
    with tempfile.TemporaryDirectory() as folder:
        context = Context(Path(folder), 7, progress=Steps(clock))
        train(jsonl.read(Path(task.data)), options, context)
        clock.tokens = _step_tokens(Path(folder), options, plan)
    return clock.measured(_version("seedbed"))


def _step_tokens(folder: Path, options: Options, plan: Any) -> list[int]:
    """What the sampler gave, counted from the rows that the training left."""
    import datasets

    from train.rows.batches import LengthGrouped, Order
    from train.rows.data import lengths
    from train.rows.packing import Packed

    found = lengths(max((datasets.Dataset.from_file(str(path)) for path in folder.glob("tokens/*.arrow")), key=len))
    sampler: Order = LengthGrouped(found, options.batch, 7)
    if options.packing:
        sampler = Packed(found, options.batch, options.max_length, 7)
    return list(plan(sampler, options.epochs, options.accumulation).step_tokens)


def trl(task: Task) -> Measured:
    """SFTTrainer on `messages`, with the same adapter, batch and length and else as it comes: that is with activation
    checkpointing, batches in random order, and every token learned."""
    import torch
    import transformers as hf
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    clock = Clock(task.began)
    given = {"activation_checkpointing": False} if task.checkpointing == "off" else {}
    with tempfile.TemporaryDirectory() as folder:
        settings = SFTConfig(output_dir=folder, num_train_epochs=1, per_device_train_batch_size=task.batch,
                             max_length=task.max_length, learning_rate=2e-4, report_to="none", disable_tqdm=True,
                             use_cpu=not torch.cuda.is_available(), seed=7, logging_steps=1, **given)
        quantised = {"quantization_config": model.nf4()} if task.method == "qlora" else {}
        place = {"device_map": {"": 0}} if torch.cuda.is_available() else {}
        student = hf.AutoModelForCausalLM.from_pretrained(task.student, dtype=torch.bfloat16, **quantised, **place)
        trainer = SFTTrainer(
            student, args=settings, train_dataset=_messages(task), processing_class=model.load_tokenizer(
                Path(task.student)),
            peft_config=LoraConfig(r=task.rank, lora_alpha=2 * task.rank, target_modules="all-linear",
                                   task_type="CAUSAL_LM"),
        )  # fmt: skip
        trainer.add_callback(_noting(clock))
        collate = trainer.data_collator

        def counting(rows: list[Any]) -> Any:
            made = collate(rows)
            clock.tokens.append(int(made["attention_mask"].sum()) if "attention_mask" in made
                                else int(made["input_ids"].numel()))
            return made

        trainer.data_collator = counting
        trainer.train()
    return clock.measured(_version("trl"))


def _noting(clock: Clock) -> Any:
    from transformers import TrainerCallback

    class Noting(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            clock.ends.append(time.time())

    return Noting()


def _messages(task: Task) -> Any:
    import datasets

    return datasets.Dataset.from_list([{"messages": record.turns()} for record in jsonl.read(Path(task.data))])


def unsloth(task: Task) -> Measured:
    """FastLanguageModel under SFTTrainer, as Unsloth's own notebooks do it."""
    from trl import SFTConfig, SFTTrainer
    from unsloth import FastLanguageModel

    clock = Clock(task.began)
    student, tokenizer = FastLanguageModel.from_pretrained(task.student, max_seq_length=task.max_length,
                                                           load_in_4bit=task.method == "qlora")
    student = FastLanguageModel.get_peft_model(student, r=task.rank, lora_alpha=2 * task.rank,
                                               use_gradient_checkpointing="unsloth")
    with tempfile.TemporaryDirectory() as folder:
        settings = SFTConfig(output_dir=folder, num_train_epochs=1, per_device_train_batch_size=task.batch,
                             max_length=task.max_length, report_to="none", disable_tqdm=True, seed=7)
        texts = _messages(task).map(
            lambda row: {"text": tokenizer.apply_chat_template(row["messages"], tokenize=False)},
            remove_columns=["messages"],
        )
        clock.tokens = [sum(len(tokenizer(text)["input_ids"]) for text in texts["text"])]
        trainer = SFTTrainer(student, args=settings, train_dataset=texts, processing_class=tokenizer)
        trainer.add_callback(_noting(clock))
        trainer.train()
    steps = len(clock.ends)
    clock.tokens = [clock.tokens[0] // steps] * steps  # the mean: Unsloth packs and collates in its own way
    return clock.measured(_version("unsloth"))


SIDES = {"seedbed": seedbed, "seedbed, packed": seedbed, "trl": trl, "trl, no checkpointing": trl, "unsloth": unsloth}
LLAMAFACTORY = "benchmarks.train_with_llamafactory"


def there(side: str) -> bool:
    """Whether a side can be measured here."""
    library = {"unsloth": "unsloth"}.get(side, "trl")
    return importlib.util.find_spec(library) is not None


def _version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _peak() -> int:
    import torch

    return int(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else memory.peak()


def main() -> None:
    """Measures one task, given as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task")
    task = msgspec.json.decode(parser.parse_args().task, type=Task)
    with libraries.prepared(task.threads):
        found = SIDES[task.side](task)
    sys.stdout.write("\n" + msgspec.json.encode(found).decode() + "\n")
    sys.stdout.flush()


def apart(task: Task, module: str = "benchmarks.train_sides", python: str = sys.executable) -> Measured | str:
    """The task in a process of its own; a line that says why, where it failed."""
    import subprocess

    began = msgspec.structs.replace(task, began=time.time())
    command = [python, "-m", module, msgspec.json.encode(began).decode()]
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[1])
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:200]
    return msgspec.convert(json.loads(lines[-1]), Measured)


if __name__ == "__main__":
    main()
