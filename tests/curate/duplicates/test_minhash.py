"""Records that share most of their character runs are rejected with their nearest match and the exact similarity."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from curate.duplicates.buckets import band_keys, candidates, chance, low_bytes, near_each, rows_of_band
from curate.duplicates.minhash import Options, minhash
from curate.duplicates.signatures import shingles, signatures
from seedbed.context import Context
from seedbed.record import Evidence, Message, Record, chat, make
from seedbed.text import normalise

EN = "The KX-40 pump runs at 2.5 bar by default. The pressure must not exceed 4 bar, because the seal leaks above that."
EN_TWIN = "The KX-40 pump runs at 2.5 bar by default. The pressure must not exceed 4 bar, for the seal leaks above that."
ZH = "KX-40 离心泵的默认压力是 2.5 bar。压力不得超过 4 bar，因为超过以后密封会泄漏，阀门 V2 用来限制压力。"
ZH_TWIN = "ＫＸ-40 离心泵的默认压力是 2.5 bar。压力不得超过 4 bar，因为超过之后密封会泄漏，阀门 V2 用来限制压力。"
ALPHABETS = {"en": "abcdefghijklm nopqrstuvwxyz ", "zh": "".join(map(chr, range(0x4E00, 0x4E00 + 900)))}
BOTH = pytest.mark.parametrize("lang", ["en", "zh"])


def run(folder: Path, records: list[Record], **options: object) -> tuple[list[Record], Context]:
    context = Context(folder)
    results = list(minhash(records, Options(**options), context))  # type: ignore[arg-type]
    assert [result.id for result in results] == [record.id for record in records]
    return results, context


@cache
def runs(text: str) -> set[str]:
    return shingles(normalise(text))


def similarity(one: str, two: str) -> float:
    shared = len(runs(one) & runs(two))
    return shared / (len(runs(one)) + len(runs(two)) - shared)


def made(lang: str, count: int, seed: int = 0) -> list[str]:
    """Texts of 200 characters, half of them an earlier one with up to 9 characters changed."""
    draw = random.Random(f"{lang}{seed}")
    texts: list[str] = []
    for _ in range(count):
        if texts and draw.random() < 0.5:
            changed = list(draw.choice(texts))
            for place in draw.sample(range(200), draw.randint(0, 9)):
                changed[place] = draw.choice(ALPHABETS[lang])
            texts.append("".join(changed))
        else:
            texts.append("".join(draw.choices(ALPHABETS[lang], k=200)))
    return texts


@pytest.mark.parametrize(("first", "twin"), [(EN, EN_TWIN), (ZH, ZH_TWIN)])
def test_the_later_twin_goes_and_names_the_first_and_the_similarity(tmp_path: Path, first: str, twin: str) -> None:
    records = [make(text=first), make(text="Something else. 别的内容。"), make(text=twin)]
    results, context = run(tmp_path, records)
    assert [result.rejection is None for result in results] == [True, True, False]
    why = results[2].rejection
    assert why is not None
    score = similarity(first, twin)
    assert (why.stage, why.reason, why.match, why.score) == ("minhash", "minhash", records[0].id, round(score, 4))
    assert why.detail == (
        f"its text is nearly that of {records[0].id}: Jaccard similarity {score:.2f}, from 0.7 on it is a duplicate"
    )
    assert context.figures["pairs"] == 1


@BOTH
def test_nothing_goes_that_is_no_duplicate_and_nearly_nothing_stays_that_is_one(tmp_path: Path, lang: str) -> None:
    texts = made(lang, 300)
    results, _ = run(tmp_path, [make(text=text, language=lang) for text in texts])
    texts_of = {result.id: result.text for result in results}
    stay = [result for result in results if result.rejection is None]
    for result in results:
        if result.rejection:
            exact = similarity(result.text, texts_of[result.rejection.match])
            assert exact >= 0.7 and result.rejection.score == round(exact, 4)
            assert result.rejection.match in {other.id for other in stay}
    left = [(a, b) for at, a in enumerate(stay) for b in stay[:at] if similarity(a.text, b.text) >= 0.7]
    assert 100 < len(stay) < 250 and len(left) <= 1


@BOTH
def test_pairs_from_the_threshold_on_are_found(tmp_path: Path, lang: str) -> None:
    texts = [normalise(text) for text in made(lang, 240, seed=1)]
    signed = np.concatenate(list(signatures(texts)))
    first, second, crowded = candidates(band_keys(signed, rows_of_band(0.6)), np.arange(len(texts)), low_bytes(signed), 0.6)
    found = set(zip(first.tolist(), second.tolist(), strict=True))
    exact = {(a, b): similarity(texts[a], texts[b]) for b in range(240) for a in range(b)}
    near = {pair for pair, score in exact.items() if score >= 0.7}
    assert crowded == 0 and len(near) > 60 and len(near & found) >= 0.97 * len(near)


def test_bands_follow_the_floor() -> None:
    assert [rows_of_band(floor) for floor in (0.5, 0.6, 0.8, 0.9)] == [4, 5, 9, 14]
    assert rows_of_band(0.01) == 1 and rows_of_band(1.0) == 32
    assert chance(0.7, rows_of_band(0.6)) > 0.98 > 0.9 > chance(0.6, 5) > 0.85
    for floor in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9):
        assert chance(floor, rows_of_band(floor)) >= 0.85


def test_in_a_crowd_everyone_is_compared_with_those_the_policy_prefers() -> None:
    keys, order = np.zeros((2, 400), np.uint64), np.arange(400)[::-1]
    first, second, crowded = candidates(keys, order, np.zeros((400, 128), np.uint8), 0.6)
    heads = set(range(384, 400))
    assert crowded == 384
    assert all(a in heads or b in heads for a, b in zip(first.tolist(), second.tolist(), strict=True))
    assert {p for pair in zip(first.tolist(), second.tolist(), strict=True) for p in pair} == set(range(400))


@BOTH
def test_of_a_template_filled_in_hundreds_of_times_one_stays(tmp_path: Path, lang: str) -> None:
    template = made(lang, 1)[0]
    results, context = run(tmp_path, [make(text=f"{template} {number:03}", language=lang) for number in range(300)])
    assert sum(result.rejection is None for result in results) == 1
    assert context.figures["crowded"] > 0


def test_candidates_of_many_bands_are_told_once_and_those_left_out_never() -> None:
    keys = np.array([[1, 1, 2, 1], [5, 5, 6, 7]], np.uint64)
    alike = np.zeros((4, 128), np.uint8)
    first, second, _ = candidates(keys, np.array([0, 1, 2, 3]), alike, 0.6)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 1), (0, 3), (1, 3)]
    assert len(candidates(keys, np.array([0, 2]), alike, 0.6)[0]) == 0
    alike[3, :80] = 1  # agrees with the others in 48 of 128 places, of which .6 of the texts would give 77
    first, second, _ = candidates(keys, np.array([0, 1, 2, 3]), alike, 0.6)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 1)]


def test_near_each_compares_with_what_stands() -> None:
    signed = np.concatenate(list(signatures([normalise(text) for text in (EN, ZH, EN_TWIN, ZH_TWIN, "else")])))
    keys = band_keys(signed, 5)
    found = list(near_each(keys[:, 2:], signed[2:], keys[:, :2], signed[:2], 0.6))
    assert [(place, other) for place, other, _ in found] == [(0, 0), (1, 1)]
    assert all(score == np.mean(signed[place + 2] == signed[other]) for place, other, score in found)


@BOTH
def test_malformed_records_pass(tmp_path: Path, lang: str) -> None:
    word = {"en": "pump", "zh": "水泵"}[lang]
    tool = (Message("user", word), Message("assistant", "", {"tool_calls": []}), Message("tool", "{}"), Message("assistant", "42"))
    records = [
        make(messages=()), make(text=" \n"), make(text=""), make(text=word), chat("", ""), chat(EN, ""), make(messages=tool),
        make(messages=(Message("user", ZH), Message("user", ZH_TWIN))), make(messages=(Message("system", word),)),
        make(text="\0" * 40), make(text="𠮷" * 3), make(text="x" * 300_000),
    ]
    results, _ = run(tmp_path, records)
    assert [result.rejection for result in results] == [None] * len(records)


def test_no_records_at_all(tmp_path: Path) -> None:
    assert run(tmp_path, [])[0] == []


def test_grounded_records_that_differ_in_a_code_are_no_twins(tmp_path: Path) -> None:
    quote = (Evidence("…", 0, 1),)
    for form in (f"{EN} Fault E0{{}}.", f"{ZH}故障 E0{{}}。"):
        asked = [chat(form.format(n), "-", evidence=quote) for n in (1, 2)]
        assert [r.rejection is None for r in run(tmp_path, asked)[0]] == [True, True]
        bare = [chat(form.format(n), "-") for n in (1, 2)]
        assert [r.rejection is None for r in run(tmp_path, bare)[0]] == [True, False]
