"""A tokenizer as a GGUF file holds it: tokens, kinds, merges or scores, special tokens, chat template.

Two kinds: byte-level BPE (GPT-2, Llama 3, Qwen, SmolLM) and SentencePiece's BPE with bytes as a fallback (Llama 2,
Mistral 7B). Everything is read from the tokenizer that the student was trained with, not from the files of its family:
one that came out of a GGUF file, say, may cut digits otherwise than the original.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from seedbed.errors import InputError
from train.after import pretokenizers

# gguf.TokenType
_NORMAL, _UNKNOWN, _CONTROL, _USER, _UNUSED, _BYTE = 1, 2, 3, 4, 5, 6
_BYTE_TOKEN = re.compile(r"<0x[0-9A-F]{2}>")
_LOWEST = -1e4  # score of what no merge makes: single characters, as SentencePiece gives them the last ranks


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True):
    """`model` is llama.cpp's word for the algorithm: gpt2 (byte-level BPE) or llama (SentencePiece)."""

    model: str
    pre: str
    tokens: list[str]
    kinds: list[int]
    merges: list[str] = []
    scores: list[float] = []
    ids: dict[str, int] = {}  # bos, eos, eot, unk, pad
    add_bos: bool = False
    add_eos: bool = False
    space_prefix: bool = False
    template: str = ""


def read(tokenizer: Any, rows: int, ends: list[int], where: str) -> Vocabulary:
    """The vocabulary for a model with `rows` embeddings that stops at the tokens `ends` besides the tokenizer's own.

    Raises InputError for algorithms that llama.cpp has no equal of.
    """
    said = json.loads(tokenizer.backend_tokenizer.to_str())
    if said["model"]["type"] != "BPE":
        raise _unknown(f"{said['model']['type']} tokenizers", where)
    sentencepiece = bool(said["model"].get("byte_fallback"))
    tokens, kinds = _tokens(said, rows, sentencepiece, where)
    before, after = _added(tokenizer)
    shared: dict[str, Any] = {
        "tokens": tokens, "kinds": kinds, "ids": _ids(tokenizer, ends, rows), "add_bos": before, "add_eos": after,
        "template": tokenizer.chat_template if isinstance(tokenizer.chat_template, str) else "",
    }
    if sentencepiece:
        return Vocabulary(model="llama", pre="default", scores=_scores(said, tokens),
                          space_prefix=_space_prefix(said, where), **shared)
    normaliser = said.get("normalizer")
    if normaliser and normaliser.get("type") != "NFC":  # which llama.cpp leaves out: composed text is the rule
        raise _unknown(f"a tokenizer that normalises text by {normaliser['type']}", where)
    return Vocabulary(model="gpt2", pre=pretokenizers.name_of(said, where), merges=_merges(said), **shared)


def _unknown(what: str, where: str) -> InputError:
    return InputError(f"{what} cannot be written as GGUF", where=where,
                      next_step="Known are byte-level BPE and SentencePiece's BPE; serve the merged model with vLLM")


def _tokens(said: dict[str, Any], rows: int, sentencepiece: bool, where: str) -> tuple[list[str], list[int]]:
    """The text and the kind of each id; ids that stand for nothing fill up to the model's embeddings."""
    texts = {number: text for text, number in said["model"]["vocab"].items()}
    kinds = dict.fromkeys(texts, _NORMAL)
    if sentencepiece:
        kinds |= {number: _BYTE for number, text in texts.items() if _BYTE_TOKEN.fullmatch(text)}
    for added in said.get("added_tokens") or []:
        texts[added["id"]] = added["content"]
        kinds[added["id"]] = _CONTROL if added["special"] else _USER
    if sentencepiece and (unknown := said["model"].get("unk_token")) in said["model"]["vocab"]:
        kinds[said["model"]["vocab"][unknown]] = _UNKNOWN
    if max(texts) >= rows:
        raise InputError(f"the tokenizer has token {max(texts)} and the model {rows} embeddings", where=where,
                         next_step="Take the tokenizer that belongs to the model")
    return [texts.get(n, f"[PAD{n}]") for n in range(rows)], [kinds.get(n, _UNUSED) for n in range(rows)]


def _merges(said: dict[str, Any]) -> list[str]:
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in said["model"]["merges"]]


def _scores(said: dict[str, Any], tokens: list[str]) -> list[float]:
    """SentencePiece joins the pair whose whole scores highest: the merges' ranks, negated, give the same order."""
    ranks: dict[str, int] = {}
    for rank, merge in enumerate(said["model"]["merges"]):
        ranks.setdefault("".join(merge.split(" ") if isinstance(merge, str) else merge), rank)
    return [-float(ranks[token]) if token in ranks else _LOWEST - number for number, token in enumerate(tokens)]


def _space_prefix(said: dict[str, Any], where: str) -> bool:
    """Whether a text begins with a blank that nobody wrote."""
    steps = said.get("normalizer") or {}
    found = {step["type"]: step for step in steps.get("normalizers") or [steps] if step}
    cut = said.get("pre_tokenizer")
    if unknown := set(found) - {"Prepend", "Replace"}:
        raise _unknown(f"a tokenizer that normalises text by {', '.join(sorted(unknown))}", where)
    if cut is None:
        return "Prepend" in found
    if cut.get("type") != "Metaspace" or cut.get("split", True):
        raise _unknown(f"a SentencePiece tokenizer that cuts words by {cut.get('type')}", where)
    return str(cut.get("prepend_scheme")) != "never"


def _added(tokenizer: Any) -> tuple[bool, bool]:
    """Whether the tokenizer puts a begin token before, and an end token after a plain text."""
    ids = list(tokenizer("1")["input_ids"])
    return ids[:1] == [tokenizer.bos_token_id], ids[-1:] == [tokenizer.eos_token_id]


def _ids(tokenizer: Any, ends: list[int], rows: int) -> dict[str, int]:
    known = {"bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id, "unk": tokenizer.unk_token_id,
             "pad": tokenizer.pad_token_id}
    others = [end for end in ends if end != tokenizer.eos_token_id]
    known["eot"] = others[0] if others else None  # llama.cpp finds further ends of a turn by their text
    return {name: number for name, number in known.items() if number is not None and number < rows}
