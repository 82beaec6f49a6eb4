"""The same text must be the same tokens in llama.cpp as in transformers: every way of cutting words that is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seedbed import models
from seedbed.context import Silent
from seedbed.llama_server import ServerOptions, serving
from tests.train.after import made
from tests.train.tiny import CHATML
from train.after import check, gguf_file, pretokenizers, vocabulary
from train.students import model

_CORPUS = [*check.TEXTS, "Port 4711, ports 4711 and 47112; it's Ivan's IVAN ivanov.", "端口 4711，端口 47112。传感器"] * 3
_SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def byte_level(*before: Any, words: bool, whole: bool = False) -> Any:
    """A tokenizer whose merges cross whatever these steps before do not cut apart."""
    import tokenizers
    from tokenizers import decoders, pre_tokenizers

    cut = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=words)
    made_of = tokenizers.Tokenizer(tokenizers.models.BPE(ignore_merges=whole))
    made_of.pre_tokenizer = pre_tokenizers.Sequence([*before, cut]) if before else cut
    made_of.decoder = decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=900, special_tokens=_SPECIALS, show_progress=False,
                                             initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    made_of.train_from_iterator(_CORPUS, trainer)
    return fast(made_of)


def sentencepiece(scheme: str) -> Any:
    """BPE over text whose blanks are ▁, with bytes as a fallback, as Llama 2's; every pair that makes a token merges."""
    import json

    import tokenizers
    from tokenizers import decoders, normalizers

    blanks = [normalizers.Replace(" ", "▁")]
    steps = normalizers.Sequence([normalizers.Prepend("▁"), *blanks] if scheme == "prepend" else blanks)
    first = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
    first.normalizer = steps
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=600, special_tokens=["<unk>"], show_progress=False)
    first.train_from_iterator(_CORPUS, trainer)
    pieces = [piece for piece, _ in sorted(first.get_vocab().items(), key=lambda pair: pair[1]) if piece != "<unk>"]
    pieces.sort(key=len)  # no piece before its parts: any order of merges is then a SentencePiece one
    known = set(pieces)
    merges = [(p[:n], p[n:]) for p in pieces for n in range(1, len(p)) if p[:n] in known and p[n:] in known]
    everything = ["<unk>", *_SPECIALS, *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    said = {
        "version": "1.0", "added_tokens": [
            {"id": n, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
             "special": True} for n, text in enumerate(["<unk>", *_SPECIALS])],
        "normalizer": json.loads(steps.__getstate__()),
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True, "merges": merges,
                  "vocab": {text: n for n, text in enumerate(everything)}},
    }
    made_of = tokenizers.Tokenizer.from_str(json.dumps(said))
    made_of.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return fast(made_of)


def fast(made_of: Any) -> Any:
    from transformers import PreTrainedTokenizerFast

    words = PreTrainedTokenizerFast(tokenizer_object=made_of, eos_token="<|im_end|>", pad_token="<|endoftext|>",
                                    additional_special_tokens=_SPECIALS)
    words.chat_template = CHATML
    return words


def differing(words: Any, folder: Path, texts: tuple[str, ...] = check.TEXTS) -> list[str]:
    """The texts that llama.cpp cuts otherwise, with a model of two layers around the vocabulary."""
    pytest.importorskip("xllamacpp")
    student = made.embedding(folder / "s", len(words))
    words.save_pretrained(str(student))
    gguf_file.write(student, folder / "m.gguf", "f16", {}, Silent())
    loaded = model.load_tokenizer(student)
    with serving(folder / "m.gguf", ServerOptions(slots=1, context=256, threads=1)) as url:
        server = check.Server(url)
        return [text for text in texts if server.tokens(text) != loaded(text, add_special_tokens=False)["input_ids"]]


def split(pattern: str) -> Any:
    import tokenizers

    return tokenizers.pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated")


def kinds() -> dict[str, Any]:
    import tokenizers

    digits = tokenizers.pre_tokenizers.Digits(individual_digits=True)
    return {
        "gpt-2": byte_level(words=True),
        "smollm": byte_level(digits, words=True),
        "qwen2": byte_level(split(pretokenizers.QWEN2), words=False),
        "llama-bpe": byte_level(split(pretokenizers.LLAMA3), words=False, whole=True),
        "smaug-bpe": byte_level(split(pretokenizers.LLAMA3), words=False),
        "tekken": byte_level(split(pretokenizers.TEKKEN), words=False, whole=True),
    }


def test_each_way_of_cutting_words_has_its_name() -> None:
    for name, words in kinds().items():
        assert vocabulary.read(words, len(words), [], "here").pre == name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt-2", "smollm", "qwen2", "llama-bpe", "smaug-bpe", "tekken"])
def test_llama_cpp_cuts_words_the_same_way(name: str, tmp_path: Path) -> None:
    assert differing(kinds()[name], tmp_path) == []


@pytest.mark.parametrize(("scheme", "prefix"), [("prepend", True), ("never", False)])
def test_sentencepiece_is_told_by_its_bytes(scheme: str, prefix: bool) -> None:
    words = sentencepiece(scheme)
    found = vocabulary.read(words, len(words), [], "here")
    assert (found.model, found.space_prefix, found.merges) == ("llama", prefix, [])
    assert found.kinds[:5] == [2, 3, 3, 3, 6] and len(found.scores) == len(found.tokens)
    pair = next(n for n, text in enumerate(found.tokens) if n > 260 and len(text) == 2)
    single = next(n for n, text in enumerate(found.tokens) if n > 260 and len(text) == 1)
    assert found.scores[pair] > found.scores[-1] > found.scores[single]  # merged first, last, never


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["prepend", "never"])
def test_llama_cpp_joins_pieces_the_same_way(scheme: str, tmp_path: Path) -> None:
    assert differing(sentencepiece(scheme), tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["smollm2-135m-instruct", "qwen2.5-coder-1.5b-instruct"])
def test_real_tokenizers_are_the_same_in_llama_cpp(name: str, tmp_path: Path) -> None:
    import transformers

    file = models.pull(name)
    words = transformers.AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name, local_files_only=True)
    prompt = words.apply_chat_template([{"role": "user", "content": "端口 4711? 😀"}], tokenize=False)
    assert differing(words, tmp_path, (*check.TEXTS, prompt)) == []
