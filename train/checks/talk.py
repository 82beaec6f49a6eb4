"""Whether the tokenizer's template is one that the student can have been trained with.

Nobody writes into a model which template it learned, so this looks for the traces of a wrong one: markers that are no
tokens of the vocabulary and fall apart into letters; markers whose embeddings were never trained (a base model whose
tokenizer only reserves them: Llama 3's `<|start_header_id|>`); an end of turn at which nobody stops; a vocabulary that
reserves another template's markers.
"""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import msgspec

from train.rows.template import Template

_MARKER = re.compile(r"<[|｜][^<>\s]{1,40}[|｜]>|<(?:start|end)_of_\w+>")
# What opens a turn in the template that a family's own chat models were trained with.
_OWN = {
    "qwen2": "<|im_start|>",
    "qwen3": "<|im_start|>",
    "gemma": "<start_of_turn>",
    "gemma2": "<start_of_turn>",
    "gemma3_text": "<start_of_turn>",
    "phi3": "<|assistant|>",
    "llama": "<|start_header_id|>",  # of Llama 3, told from its heirs by the vocabulary
}
_LLAMA_3 = 128_000  # tokens at least
# Reserved rows are 0 or nearly (Llama 3), or all the same (SmolLM2's: apart by at most .0025 of their length). Those
# that were trained have the length of others and differ: SmolLM2's `<|im_start|>` 1.06 times the median, .14 apart.
_UNTRAINED = 0.1  # of the median embedding's length
_APART = 0.02  # of its own length
_SAMPLE = 512  # embeddings whose median length is taken


class Talk(msgspec.Struct, frozen=True, kw_only=True):
    """How a template and its student go together.

    split      markers that the template writes and that are several tokens each
    untrained  markers whose embedding was never trained; empty too where no weights are here to look at
    other      the marker that models of this family are asked with, where the template writes others
    closes     what ends an answer; `stops`: at what the model's own configuration stops
    tokens     in the tokenizer
    """

    split: tuple[str, ...] = ()
    untrained: tuple[str, ...] = ()
    other: str = ""
    closes: str = ""
    stops: tuple[str, ...] = ()
    tokens: int = 0


def look(template: Template, folder: Path) -> Talk:
    """What can be told from template, tokenizer and the student's folder, of which the weights may be absent."""
    tokenizer = template.tokenizer
    rendered = template.rows([{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}])[-1]
    markers = sorted(set(_MARKER.findall(rendered.text)))
    ids = {marker: tokenizer(marker, add_special_tokens=False)["input_ids"] for marker in markers}
    whole = {marker: found[0] for marker, found in ids.items() if len(found) == 1}
    last = [label for label in template.tokens(rendered).labels if label >= 0][-1]
    stops = _stops(folder) | ({tokenizer.eos_token_id} if tokenizer.eos_token_id is not None else set())
    family = str(_json(folder / "config.json").get("model_type"))
    own = "" if family == "llama" and len(tokenizer) < _LLAMA_3 else _OWN.get(family, "")
    reserved = bool(own) and own in tokenizer.get_vocab()
    return Talk(
        split=tuple(marker for marker in markers if marker not in whole),
        untrained=tuple(_untrained(whole, folder)),
        other=own if reserved and own not in markers else "",
        closes=tokenizer.convert_ids_to_tokens(last),
        stops=() if last in stops else tuple(tokenizer.convert_ids_to_tokens(sorted(stops))),
        tokens=len(tokenizer),
    )


def _stops(folder: Path) -> set[int]:
    found: set[int] = set()
    for name in ("generation_config.json", "config.json"):
        given = _json(folder / name).get("eos_token_id")
        found |= set(given) if isinstance(given, list) else {given} if isinstance(given, int) else set()
    return found


def _untrained(markers: dict[str, int], folder: Path) -> list[str]:
    """The markers whose embedding is hardly there, or the same as another marker's."""
    import torch

    rows = _embeddings(folder)
    if rows is None or not markers:
        return []
    size = rows.get_shape()[0]
    usual = torch.stack([rows[i] for i in range(0, size, max(1, size // _SAMPLE))]).float().norm(dim=1).median()
    found = {marker: rows[i].float() for marker, i in markers.items() if i < size}
    return [
        marker for marker, own in found.items()
        if own.norm() < _UNTRAINED * usual
        or any((own - row).norm() < _APART * own.norm() for other, row in found.items() if other != marker)
    ]


def _embeddings(folder: Path) -> Any:
    """The input embeddings, of which single rows can be read without the rest; None where there are no weights."""
    from safetensors import safe_open

    for path in sorted(folder.glob("*.safetensors")):
        with contextlib.suppress(OSError), safe_open(str(path), framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118 - not a dictionary
                if name.endswith(("embed_tokens.weight", "wte.weight", "word_embeddings.weight")):
                    return weights.get_slice(name)
    return None


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
