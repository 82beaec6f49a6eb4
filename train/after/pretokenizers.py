"""Which of llama.cpp's ways of cutting text into words (`tokenizer.ggml.pre`) is that of a tokenizer.

llama.cpp knows them by name and has the patterns compiled in; a GGUF file with the wrong name loads, answers, and is
silently worse, for the model reads other tokens than it learned. So the name is not guessed from the model's: it is
looked up by the patterns in the tokenizer itself, and a tokenizer with others is refused.
"""

from __future__ import annotations

from typing import Any

from seedbed.errors import InputError

_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = _WORDS + r"\p{N}" + _REST
LLAMA3 = _WORDS + r"\p{N}{1,3}" + _REST
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*|\p{{N}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_GPT2, _DIGIT = "the words of GPT-2", "each digit"

# (patterns in their order, whether a word that is a token stays whole whatever the merges say) -> llama.cpp's name.
_NAMES: dict[tuple[tuple[str, ...], bool], str] = {
    ((_GPT2,), False): "gpt-2",
    ((_DIGIT, _GPT2), False): "smollm",
    ((QWEN2,), False): "qwen2",
    ((LLAMA3,), True): "llama-bpe",
    ((LLAMA3,), False): "smaug-bpe",
    ((TEKKEN,), True): "tekken",
}


def name_of(said: dict[str, Any], where: str) -> str:
    """llama.cpp's name for the way that a byte-level tokenizer (the content of its tokenizer.json) cuts words.

    Raises InputError for one that is not known.
    """
    found = tuple(_patterns(said.get("pre_tokenizer")))
    name = _NAMES.get((found, bool(said["model"].get("ignore_merges"))))
    if name is None:
        known = ", ".join(sorted(set(_NAMES.values())))
        raise InputError(f"cuts words in a way that has no known name in llama.cpp ({', '.join(found) or 'none'})",
                         where=where, next_step=f"Known are those that llama.cpp calls {known}; use llama.cpp's own "
                         "convert_hf_to_gguf.py for others")
    return name


def _patterns(said: dict[str, Any] | None) -> list[str]:
    """The patterns of a pre-tokenizer, those of a sequence one after the other."""
    match said:
        case None:
            return []
        case {"type": "Sequence", "pretokenizers": parts}:
            return [pattern for part in parts for pattern in _patterns(part)]
        case {"type": "ByteLevel", "add_prefix_space": False, "use_regex": words}:
            return [_GPT2] if words else []
        case {"type": "ByteLevel", "add_prefix_space": False}:
            return [_GPT2]
        case {"type": "Digits", "individual_digits": True}:
            return [_DIGIT]
        case {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}:
            return [str(pattern)]
        case _:
            return [str(said.get("type", "?"))]
