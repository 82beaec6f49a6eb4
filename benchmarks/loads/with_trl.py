"""Run in the environment of TRL: SFTTrainer on messages and text, DPOTrainer on preference, made and not trained.

A trainer prepares its data when it is made: the chat template, tokens, columns. What it prepared is decoded, and each
row's answers must be in it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import datasets
import trl

from benchmarks.loads import tiny


def say(*words: object) -> None:
    print("SAID", json.dumps(words))


def prepared(kind: str, folder: Path, scratch: Path) -> tuple[Any, Any, Any]:
    loaded = datasets.load_dataset(str(folder), cache_dir=str(scratch / "trl"))
    tokenizer = tiny.tokenizer()
    options = {"output_dir": str(scratch / "out"), "use_cpu": True, "bf16": False, "report_to": [], "max_length": None}
    trainer_of, config = (trl.DPOTrainer, trl.DPOConfig) if kind == "dpo" else (trl.SFTTrainer, trl.SFTConfig)
    reference = {"ref_model": tiny.model(len(tokenizer))} if kind == "dpo" else {}
    trainer = trainer_of(
        model=tiny.model(len(tokenizer)), args=config(**options), processing_class=tokenizer,
        train_dataset=loaded["train"], eval_dataset=loaded.get("validation"), **reference,
    )
    return trainer, tokenizer, loaded["train"]


def wanted(row: dict[str, Any]) -> list[str]:
    if "messages" in row:
        return [turn["content"] or "" for turn in row["messages"]]
    return [row["text"]]


def tools(row: dict[str, Any]) -> list[str]:
    """The names of the tools that the row offers."""
    offered = json.loads(row.get("tools") or "[]")
    return [tool.get("function", tool)["name"] for tool in offered]


def compared(kind: str, name: str, folder: Path, scratch: Path) -> list[Any]:
    trainer, tokenizer, rows = prepared(kind, folder, scratch)
    made = trainer.train_dataset
    unlike = 0
    for row, one in zip(rows, made, strict=False):
        if kind == "dpo":
            for answer in ("chosen", "rejected"):
                said = tokenizer.decode(one[f"{answer}_ids"] if f"{answer}_ids" in one else one[f"{answer}_input_ids"])
                learned = row[answer] if isinstance(row[answer], str) else row[answer][-1]["content"]
                unlike += learned.strip() not in said
        else:
            said = tokenizer.decode(one["input_ids"])
            unlike += any(text not in said for text in wanted(row))
            unlike += any(name not in said for name in tools(row))
    return [name, len(rows), len(made), f"{unlike} differ" if unlike else "equal"]


def main(scratch: Path) -> None:
    datasets.disable_progress_bars()
    about = "Made on `load_dataset(FOLDER/FORMAT)`: all turns, tools and answers must be in what the trainer prepared."
    say(f"TRL {trl.__version__}", about)
    folder = scratch / "jsonl"
    say(*compared("sft", "SFTTrainer: messages", folder / "messages", scratch))
    say(*compared("sft", "SFTTrainer: text", folder / "text", scratch))
    say(*compared("dpo", "DPOTrainer: preference, turns", folder / "preference", scratch))
    say(*compared("dpo", "DPOTrainer: preference, texts", scratch / "plain" / "preference", scratch))


main(Path(sys.argv[1]))
