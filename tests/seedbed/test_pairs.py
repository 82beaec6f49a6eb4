"""Preference pairs beside the chat records that they were made from: nothing is lost, doubled or leaked."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from curate.duplicates.exact import On, exact
from curate.duplicates.exact import Options as Exact
from curate.duplicates.rouge import Options as Rouge
from curate.duplicates.rouge import rouge
from curate.export.export import Options as Export
from curate.export.export import export
from curate.shaping.mix import Options as Mix
from curate.shaping.mix import mix
from curate.shaping.split import Options as Split
from curate.shaping.split import split
from seedbed.context import Context
from seedbed.pairs import conversation, conversations, is_pair
from seedbed.record import Message, Record, Source, chat

TALK = {
    "en": ("What is the default pressure of the KX-40 pump?", "By default it runs at 2.5 bar.", "By default it runs at 9 bar."),
    "zh": ("KX-40 离心泵的默认压力是多少？", "默认压力是 2.5 bar。", "默认压力是 9 bar。"),
}
BOTH = pytest.mark.parametrize("lang", ["en", "zh"])


def made_from(record: Record, wrong: str, negative: str = "wrong_figure") -> Record:
    """A pair, made as the preference stage makes them."""
    return msgspec.structs.replace(
        record, id=record.id[::-1] + negative[:2], rejected=Message("assistant", wrong), task="preference",
        labels={"negative": negative},
    )


def both(lang: str) -> tuple[Record, Record]:
    question, answer, wrong = TALK[lang]
    record = chat(question, answer, language=lang, source=Source(document="a.md", start=0, end=9), task="doc_qa")
    return record, made_from(record, wrong)


@BOTH
def test_a_conversation_is_told_by_what_was_said(lang: str) -> None:
    record, pair = both(lang)
    other = chat(record.instruction, record.answer, input="x")
    assert conversation(record) == conversation(pair) != conversation(other)
    assert (is_pair(record), is_pair(pair)) == (False, True)


@BOTH
@pytest.mark.parametrize("on", ["both", "instruction", "answer"])
@pytest.mark.parametrize("pair_first", [False, True])
def test_neither_is_a_duplicate_of_the_other(tmp_path: Path, lang: str, on: On, pair_first: bool) -> None:
    records = list(both(lang))[:: -1 if pair_first else 1]
    context = Context(tmp_path)
    assert [r.rejection for r in exact(records, Exact(on=on), context)] == [None, None]
    assert [r.rejection for r in rouge(records, Rouge(on=on), context)] == [None, None]


@BOTH
def test_pairs_are_duplicates_of_pairs_that_are_wrong_in_the_same_way(tmp_path: Path, lang: str) -> None:
    record, pair = both(lang)
    again = made_from(record, TALK[lang][2], "swapped_entity")
    twin = msgspec.structs.replace(pair, id="f" * 16)
    done = list(rouge([record, pair, again, twin], Rouge(), Context(tmp_path)))
    assert [r.rejection.match if r.rejection else None for r in done] == [None, None, None, pair.id]
    done = list(exact([record, pair, again, twin], Exact(on="instruction"), Context(tmp_path)))
    assert [r.rejection.match if r.rejection else None for r in done] == [None, None, None, pair.id]
    repeated = chat(*TALK[lang][:2], language=lang, source=Source(document="b.md", start=0, end=9))
    done = list(rouge([record, pair, repeated], Rouge(), Context(tmp_path)))
    assert [r.rejection.match if r.rejection else None for r in done] == [None, None, record.id]


def many() -> tuple[list[Record], list[Record]]:
    """Records whose questions have nothing in common, four of a document, and a pair of each."""
    records = [
        chat(" ".join(f"word{10 * n + m}" for m in range(8)) + "?", f"It is {n}.", language="en",
             source=Source(document=f"{n // 4}.md", document_hash=f"hash{n // 4}", start=n, end=n + 1))
        for n in range(60)
    ]
    return records, [made_from(record, "No.") for record in records]


def splits(records: list[Record], folder: Path) -> dict[str, str]:
    return {record.id: record.split for record in split(records, Split(), Context(folder))}


def test_a_pair_is_on_the_side_of_its_chat_record_and_takes_no_place_from_others(tmp_path: Path) -> None:
    records, pairs = many()
    alone, together = splits(records, tmp_path), splits([*records, *pairs], tmp_path)
    assert {alone[record.id] for record in records} == {"train", "validation", "test_seen", "test_heldout"}
    assert {record.id: together[record.id] for record in records} == alone
    assert [together[pair.id] for pair in pairs] == [alone[record.id] for record in records]


def test_pairs_without_chat_records_are_drawn_as_others_are(tmp_path: Path) -> None:
    records, pairs = many()
    assert set(splits(pairs, tmp_path).values()) == {"train", "validation", "test_seen", "test_heldout"}
    twice = [*pairs, *(made_from(record, "Never.", "swapped_entity") for record in records)]
    placed = splits(twice, tmp_path)
    assert len({(p.source and p.source.document, conversation(p), placed[p.id]) for p in twice}) == len(records)


def test_general_data_is_a_share_of_what_is_learned(tmp_path: Path) -> None:
    records, pairs = many()
    shares = []
    for given in (records, [*records, *pairs], pairs):
        context = Context(tmp_path)
        list(mix(given, Mix(test=0), context))
        shares.append(context.figures["added"])
    assert shares[0] == shares[1] == shares[2] > 0


@BOTH
def test_the_preference_format_has_the_pairs_and_the_chat_formats_the_rest(tmp_path: Path, lang: str) -> None:
    record, pair = both(lang)
    context = Context(tmp_path)
    assert len(list(export([record, pair], Export(formats=("messages", "alpaca", "preference")), context))) == 2
    question, answer, wrong = TALK[lang]
    (row,) = [json.loads(line) for line in (tmp_path / "preference/train.jsonl").read_text("utf-8").splitlines()]
    assert row == {"prompt": question, "chosen": answer, "rejected": wrong}
    for name in ("messages", "alpaca"):
        assert len((tmp_path / name / "train.jsonl").read_text("utf-8").splitlines()) == 1
    assert {name: sum(why.values()) for name, why in context.figures["left_out"].items()} == {
        "messages": 1, "alpaca": 1, "preference": 1}
    missing = [json.loads(line) for line in (tmp_path / "left_out.jsonl").read_text("utf-8").splitlines()]
    assert {(m["format"], m["id"]) for m in missing} == {
        ("messages", pair.id), ("alpaca", pair.id), ("preference", record.id)}


@BOTH
def test_training_learns_each_answer_once(lang: str) -> None:
    record, pair = both(lang)
    second = made_from(record, "?", "swapped_entity")
    assert conversations([pair, record, second]) == [record]
    assert conversations([pair, second]) == [pair]
