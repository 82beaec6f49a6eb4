"""Run in the environment of LLaMA-Factory: its own `get_dataset` on every entry of our dataset_info.json.

It reads the files, aligns them, and tokenises them with its template `qwen`. What is learned of each row (labels, or
the chosen and the rejected answer) is decoded and compared with what was written.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.metadata
import io
import json
import sys
import types
from pathlib import Path
from typing import Any

import tiny
import transformers

# Its module for pictures, sound and film imports torchaudio at once, of which there is none for this torch; it is used
# for sound only.
sys.modules["torchaudio"] = types.ModuleType("torchaudio")
sys.modules["torchaudio"].__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)

from llamafactory.data import get_dataset, get_template_and_fix_tokenizer  # noqa: E402
from llamafactory.hparams import DataArguments, ModelArguments, TrainingArguments  # noqa: E402

_IGNORED = -100


def learned(ids: list[int], labels: list[int], tokenizer: Any) -> str:
    return str(tokenizer.decode([one for one, label in zip(ids, labels, strict=True) if label != _IGNORED]))


def answers(row: dict[str, Any], entry: dict[str, Any]) -> list[str]:
    """What must be learned of a written row, in order of the columns of a loaded one."""
    columns, tags = entry["columns"], entry.get("tags", {})
    if entry.get("ranking"):
        pair = [row[columns["chosen"]], row[columns["rejected"]]]
        return [one if isinstance(one, str) else one[tags["content_tag"]] for one in pair]
    if "messages" in columns:
        return [row[columns["messages"]][-1][tags["content_tag"]]]
    return [row[columns.get("response", columns["prompt"])]]


def passes(row: dict[str, Any], entry: dict[str, Any]) -> bool:
    """Whether the turns alternate, told anew here: what does not is passed over."""
    column = entry["columns"].get("messages")
    roles = [turn[entry["tags"]["role_tag"]] for turn in row[column]] if column else []
    tags = entry.get("tags", {})
    roles = roles[1:] if roles[:1] == [tags.get("system_tag")] else roles
    asking = (tags.get("user_tag"), tags.get("observation_tag"))
    return all((role in asking) == (place % 2 == 0) for place, role in enumerate(roles))


def load(folder: Path, name: str, entry: dict[str, Any], cache: Path) -> tuple[Any, str, Any]:
    tokenizer = tiny.tokenizer()
    stage = "rm" if entry.get("ranking") else "pt" if entry["columns"] == {"prompt": "text"} else "sft"
    data = DataArguments(dataset=name, dataset_dir=str(folder), template="qwen", cutoff_len=1_000_000, overwrite_cache=True,
                         packing=False)
    transformers.utils.logging.set_verbosity_error()
    training = TrainingArguments(output_dir=str(cache), use_cpu=True, report_to=[])
    model = ModelArguments(model_name_or_path="none", cache_dir=str(cache))
    template = get_template_and_fix_tokenizer(tokenizer, data)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints an example
        loaded = get_dataset(template, model, data, training, stage, tokenizer)
    return loaded["train_dataset"], stage, tokenizer


def compared(folder: Path, name: str, entry: dict[str, Any], cache: Path) -> list[Any]:
    rows = [json.loads(line) for line in (folder / entry["file_name"]).open(encoding="utf-8")]
    fit = [row for row in rows if passes(row, entry)]
    loaded, stage, tokenizer = load(folder, name, entry, cache)
    if stage == "pt":
        said = [[text] for text in "".join(tokenizer.decode(ids) for ids in loaded["input_ids"]).split("<|endoftext|>") if text]
        said = said if len(said) == len(fit) else [[tokenizer.decode(ids)] for ids in loaded["input_ids"]]
    elif stage == "rm":
        kinds = ("chosen", "rejected")
        said = [[learned(row[f"{kind}_input_ids"], row[f"{kind}_labels"], tokenizer) for kind in kinds] for row in loaded]
    else:
        said = [[learned(row["input_ids"], row["labels"], tokenizer)] for row in loaded]
    unlike = sum(
        wanted.strip() not in got for row, one in zip(fit, said, strict=False)
        for wanted, got in zip(answers(row, entry), one, strict=True)
    )
    passed = f", {len(rows) - len(fit)} passed over" if len(rows) > len(fit) else ""
    return [f"{name} ({stage})", len(fit), len(said), (f"{unlike} differ" if unlike else "equal") + passed]


def main(folder: Path) -> None:
    version = importlib.metadata.version("llamafactory")
    about = "Its `get_dataset` with template qwen; what is learned of each row must be the row's answer."
    print("SAID", json.dumps([f"LLaMA-Factory {version}", about]))
    for container in ("jsonl", "json", "parquet", "csv"):
        told = json.loads((folder / container / "dataset_info.json").read_text(encoding="utf-8"))
        for name, entry in told.items():
            if container == "jsonl" or name == "seedbed_alpaca":
                twin = entry | {"file_name": str(Path(entry["file_name"]).with_suffix(".jsonl"))}
                row = compared(folder / container, name, entry, folder / "cache" / container) if container == "jsonl" else [
                    f"{container}: {name}",
                    sum(container != "csv" or not json.loads(line)["history"]
                        for line in (folder / "jsonl" / twin["file_name"]).open(encoding="utf-8")),
                    len(load(folder / container, name, entry, folder / "cache" / container)[0]), "equal (rows counted)",
                ]
                print("SAID", json.dumps(row))


main(Path(sys.argv[1]))
