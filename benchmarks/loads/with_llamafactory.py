"""Run in the environment of LLaMA-Factory: its own `get_dataset` on every entry of our dataset_info.json.

It reads the files, aligns them, and tokenises them with its template `qwen`. What is learned of each row (labels, or
the chosen and the rejected answer) is decoded and compared with what was written.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.loads import no_sound, tiny

no_sound.stand_in()

from llamafactory.data import get_dataset, get_template_and_fix_tokenizer  # noqa: E402
from llamafactory.hparams import DataArguments, ModelArguments, TrainingArguments  # noqa: E402

_IGNORED = -100
_WHOLE = 1_000_000  # tokens: nothing is cut


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
    data = DataArguments(
        dataset=name, dataset_dir=str(folder), template="qwen", cutoff_len=_WHOLE, overwrite_cache=True, packing=False
    )
    training = TrainingArguments(output_dir=str(cache), use_cpu=True, report_to=[])
    model = ModelArguments(model_name_or_path="none", cache_dir=str(cache))
    template = get_template_and_fix_tokenizer(tokenizer, data)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints an example
        loaded = get_dataset(template, model, data, training, stage, tokenizer)
    return loaded["train_dataset"], stage, tokenizer


def said(loaded: Any, stage: str, tokenizer: Any) -> list[list[str]]:
    """What is learned of each loaded row."""
    if stage == "pt":
        return [[tokenizer.decode(ids)] for ids in loaded["input_ids"]]
    if stage == "sft":
        return [[learned(row["input_ids"], row["labels"], tokenizer)] for row in loaded]
    kinds = ("chosen", "rejected")
    return [[learned(row[f"{kind}_input_ids"], row[f"{kind}_labels"], tokenizer) for kind in kinds] for row in loaded]


def compared(folder: Path, name: str, entry: dict[str, Any], cache: Path) -> list[Any]:
    rows = written(folder / entry["file_name"])
    fit = [row for row in rows if passes(row, entry)]
    found = said(*load(folder, name, entry, cache))
    unlike = sum(
        wanted.strip() not in got
        for row, one in zip(fit, found, strict=False) for wanted, got in zip(answers(row, entry), one, strict=True)
    )
    passed = f", {len(rows) - len(fit)} passed over" if len(rows) > len(fit) else ""
    word = f"{unlike} differ" if unlike else "equal"
    return [f"{name} ({folder.name}/{entry['file_name']})", len(fit), len(found), word + passed]


def written(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.open(encoding="utf-8")]


def main(folder: Path) -> None:
    about = (
        "Its `get_dataset` with template qwen; what is learned of each row must be the row's answer. Installed without "
        "what its web page needs; an empty module stands in for torchaudio."
    )
    say(f"LLaMA-Factory {importlib.metadata.version('llamafactory')}", about)
    for part in ("jsonl", "plain"):
        for name, entry in told(folder / part).items():
            say(*compared(folder / part, name, entry, folder / "cache" / part))
    for container in ("json", "parquet", "csv"):
        entry = told(folder / container)["seedbed_alpaca"]
        rows = written(folder / "jsonl" / "alpaca" / "train.jsonl")
        rows = [row for row in rows if container != "csv" or not row["history"]]
        found = said(*load(folder / container, "seedbed_alpaca", entry, folder / "cache" / container))
        unlike = sum(row["output"].strip() not in one[0] for row, one in zip(rows, found, strict=False))
        word = f"{unlike} differ" if unlike else "equal"
        say(f"seedbed_alpaca ({container}/{entry['file_name']})", len(rows), len(found), word)


def told(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "dataset_info.json").read_text(encoding="utf-8")))


def say(*words: object) -> None:
    print("SAID", json.dumps(words))


main(Path(sys.argv[1]))
