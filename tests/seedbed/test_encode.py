"""Texts as vectors: shapes, empty texts, order, cuts; the real encoder where it has been fetched."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks import encode as benchmark
from seedbed import encode, models
from seedbed.encode import Cut, Encoder, load
from seedbed.errors import InputError, MissingExtra

TEXTS = ["Replace the hydraulic filter.", "更换液压滤芯。", "", " \n", "The pump trips at 0.4 bar.", "水泵在0.4 bar时停机。"]


def letters(texts: Sequence[str]) -> np.ndarray[Any, Any]:
    """A tiny encoder: how often each of a, b and c occurs."""
    return np.array([[text.count(letter) for letter in "abc"] for text in texts], np.float64)


FAKE = Encoder("letters", 3, {"same": Cut(0.9, "made up")}, letters)


@pytest.mark.parametrize("encoder", [load("lexical"), FAKE], ids=lambda encoder: str(encoder.name))
def test_rows_are_single_precision_and_of_length_one_or_zero(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.width) and vectors.dtype == np.float32
    filled = [0, 4, 5] if encoder is FAKE else [0, 1, 4, 5]  # number 1 has no a, b or c
    lengths = np.zeros(len(TEXTS))
    lengths[filled] = 1
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(lengths, abs=1e-6)


def test_no_texts_give_no_rows() -> None:
    assert load("lexical").encode([]).shape == (0, load("lexical").width)


def test_batches_keep_the_order_and_the_empty_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def noted(texts: Sequence[str]) -> np.ndarray[Any, Any]:
        seen.append(list(texts))
        return letters(texts)

    monkeypatch.setattr(encode, "_BATCH", 2)
    vectors = Encoder("letters", 3, {}, noted).encode(["a", "", "b", "cc", "ab"])
    assert seen == [["a", "b"], ["cc", "ab"]]
    assert vectors.round(2).tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1], [pytest.approx(0.71, abs=0.01)] * 2 + [0]]


def test_cosine_of_an_empty_text_is_nothing() -> None:
    assert FAKE.cosine("ab", "ba") == pytest.approx(1)
    assert FAKE.cosine("ab", "") == 0


def test_an_unmeasured_cut_is_refused_with_the_way_to_measure_it() -> None:
    assert FAKE.threshold("same") == 0.9
    with pytest.raises(InputError, match=r"encoder letters.*`near`.*benchmarks\.encode letters"):
        FAKE.threshold("near")


def test_lexical_finds_shared_words_and_characters() -> None:
    lexical = load("lexical")
    near = lexical.threshold("near")
    assert lexical.cosine("inspection of the pumps", "inspecting a pump") > near
    assert lexical.cosine("水泵的定期检查", "定期检查水泵") > near
    assert lexical.cosine("inspection of the pumps", "data retention in the cloud") < near
    assert lexical.cosine("水泵的定期检查", "云端数据保存期限") < near
    assert lexical.cosine("it is in the of an", "of the pumps in it") < 0.5  # function words count little
    assert lexical.cosine("ＡＰＩ端口", "api端口") == pytest.approx(1)


def test_lexical_is_the_same_in_any_company_and_process() -> None:
    lexical = load("lexical")
    assert (lexical.encode(TEXTS)[4] == lexical.encode([TEXTS[4]])[0]).all()
    assert np.flatnonzero(lexical.encode(["泵"])[0]).tolist() == [888]  # CRC-32, not Python's salted hash


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_labelled_pairs_are_whole_and_distinct(language: str) -> None:
    rows = benchmark.read(benchmark.HERE / f"encode_pairs.{language}.jsonl")
    texts = [row[key] for row in rows for key in ("text", "same", "other", "twist")]
    assert len(rows) == 32 and len(set(texts)) == 4 * 32


def test_lexical_cuts_are_those_that_the_benchmark_finds() -> None:
    lexical = load("lexical")
    found = benchmark.cuts([benchmark.measure(lexical, language) for language in benchmark.LANGUAGES])
    assert found == {purpose: cut.cosine for purpose, cut in encode.LEXICAL_CUTS.items()}


def test_benchmark_figures_on_numbers_that_can_be_checked_by_hand() -> None:
    high, low = np.array([0.9, 0.7, 0.5]), np.array([0.5, 0.3])
    assert benchmark.auc(high, low) == pytest.approx(5.5 / 6)
    assert benchmark.between(np.array([0.8, 0.9]), np.array([0.2, 0.405])) == 0.61  # the middle of .41 to .80


def test_a_slip_in_a_name_is_told_from_a_model_of_ones_own() -> None:
    with pytest.raises(InputError, match="Did you mean lexical"):
        load("lexcal")


def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match=r"seedbed\[embed\]"):
        load("somebody/model-of-his-own")


def test_a_model_of_ones_own_is_asked_as_its_library_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class SentenceTransformer:
        def __init__(self, name: str) -> None:
            asked.append(name)

        def get_embedding_dimension(self) -> int:
            return 2

        def encode(self, texts: list[str], *, convert_to_numpy: bool, show_progress_bar: bool) -> Any:
            asked.append((texts, convert_to_numpy, show_progress_bar))
            return np.array([[float(len(text)), 0.0] for text in texts], np.float32)

    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=SentenceTransformer))
    vectors = load(str(tmp_path)).embed(["阀门", "valve"])
    assert asked == [str(tmp_path), (["阀门", "valve"], True, False)]
    assert vectors.tolist() == [[2.0, 0.0], [5.0, 0.0]]


def test_without_the_tokenizer_library_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seedbed import encode_use

    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(MissingExtra, match=r"seedbed\[encoder\]"):
        encode_use.read(tmp_path / "nothing.bin")


needs_model = pytest.mark.skipif(
    models.path(encode.DEFAULT) is None, reason=f"seedbed models pull {encode.DEFAULT} has not been run"
)


@pytest.mark.slow
@needs_model
def test_the_default_tells_paraphrases_from_other_facts() -> None:
    default = load()
    assert default.name == "use-multilingual-v3@55462a183cc5"
    found = [benchmark.measure(default, language) for language in benchmark.LANGUAGES]
    assert benchmark.cuts(found) == {purpose: cut.cosine for purpose, cut in encode.USE_CUTS.items()}
    for one in found:
        assert benchmark.auc(one.same, one.other) > 0.85
        assert benchmark.auc(one.same, one.random) > 0.99
        assert benchmark.auc(one.same, one.twist) < 0.5  # the trap of the module's docstring


@pytest.mark.slow
@needs_model
def test_the_default_is_steady_in_any_company() -> None:
    default = load()
    texts = [*TEXTS, "A long one. " * 400, "很长的一段。" * 400]
    together = default.encode(texts)
    assert (together == default.encode(texts)).all()
    assert np.abs(together - np.concatenate([default.encode([text]) for text in texts])).max() < 1e-5
    assert not together[2:4].any()
