"""Balance: what is capped, what is repeated, what is left alone, and the same set in any order."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from curate.duplicates.exact import Options as Exact
from curate.duplicates.exact import exact
from curate.shaping.balance import Options, balance
from curate.shaping.split import Options as Split
from curate.shaping.split import split
from seedbed.context import Context, Silent
from seedbed.errors import InputError, RunError
from seedbed.record import Message, Record, Source, chat, make
from seedbed.repeats import repeated, times


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def questions(count: int, language: str = "en", **fields: object) -> list[Record]:
    asked = "第{}号泵多久换一次油？" if language == "zh" else "How often is pump {} oiled?"
    return [chat(asked.format(n), "42", language=language, **fields) for n in range(count)]


def run(records: list[Record], folder: Path, seed: int = 0, **options: object) -> tuple[list[Record], dict]:
    context = Context(folder, seed, progress=Heard())
    done = list(balance(records, Options(**options), context))
    assert [r.id for r in done] == [r.id for r in records]
    return done, context.figures


def kept(done: list[Record]) -> list[Record]:
    return [r for r in done if r.rejection is None]


def rows(done: list[Record], **traits: str) -> int:
    """How many rows of these labels train, repeats counted."""
    return sum(times(r) for r in kept(done) if r.split in ("train", "") and traits.items() <= (r.labels | {"language": r.language}).items())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_cap_leaves_out_what_is_over_it_with_a_reason(tmp_path: Path, language: str) -> None:
    facts, steps = questions(8, language, labels={"kind": "fact"}), questions(3, language, labels={"kind": "how-to"}, task="a")
    done, figures = run([*facts, *steps], tmp_path, caps={"kind": {"fact": 5}})
    assert Counter(r.labels["kind"] for r in kept(done)) == {"fact": 5, "how-to": 3}
    left_out = [r.rejection for r in done if r.rejection]
    assert {r.reason for r in left_out} == {"cap"}
    assert left_out[0].detail == "kind=fact: 5 of 8 training records may stay"
    assert figures["before"] == {"kind": {"fact": 8, "how-to": 3}}
    assert figures["after"] == {"kind": {"fact": 5, "how-to": 3}}


def test_one_number_caps_every_value_and_a_star_those_not_named(tmp_path: Path) -> None:
    given = [chat(f"问题{d}{n}", "答", source=Source(document=d)) for d in "甲乙丙" for n in range(4)] + questions(4)
    by = lambda done: Counter(r.source.document for r in kept(done) if r.source)  # noqa: E731
    assert by(run(given, tmp_path, caps={"source": 2})[0]) == {"甲": 2, "乙": 2, "丙": 2}
    done, _ = run(given, tmp_path, caps={"source": {"甲": 3, "*": 1}})
    assert by(done) == {"甲": 3, "乙": 1, "丙": 1}
    assert len(kept(done)) == 9, "records without a source are not capped"


def test_several_caps_hold_at_once(tmp_path: Path) -> None:
    given = [
        msgspec.structs.replace(r, labels={"level": level})
        for language in ("en", "zh") for level in ("basic", "hard") for r in questions(6, language, task=level)
    ]
    done, _ = run(given, tmp_path, caps={"language": 7, "level": {"hard": 5}})
    assert max(Counter(r.language for r in kept(done)).values()) <= 7
    assert Counter(r.labels["level"] for r in kept(done))["hard"] <= 5
    assert len(kept(done)) >= 12


def test_any_order_gives_the_same_set_and_the_seed_another(tmp_path: Path) -> None:
    given = [*questions(30, "en", task="doc_qa"), *questions(20, "zh", task="doc_qa"), *questions(4, "zh", task="rare")]
    options = {"caps": {"language": 18}, "weights": {"language": {"en": 1, "zh": 1}}, "at_least": {"task": {"rare": 9}}}
    chosen = lambda records, seed=0: {(r.id, times(r)) for r in kept(run(records, tmp_path, seed, **options)[0])}  # noqa: E731
    first = chosen(given)
    assert chosen(random.Random(1).sample(given, len(given))) == first
    assert chosen(given[::-1], 1) != first


def test_what_is_rare_and_wanted_is_repeated_evenly_and_marked(tmp_path: Path) -> None:
    rare = questions(3, "zh", labels={"kind": "故障"})
    done, figures = run([*questions(9, labels={"kind": "fact"}), *rare], tmp_path, at_least={"kind": {"故障": 7}})
    assert sorted(times(r) for r in done if r.labels["kind"] == "故障") == [2, 2, 3]
    assert [times(r) for r in done[:9]] == [1] * 9 and done[:9] == questions(9, labels={"kind": "fact"})
    again = next(r for r in done if times(r) == 3)
    assert again.labels["repeat"] == "3" and again.history[-1].operation == "repeat"
    assert again.id in {r.id for r in rare}, "a repeated record keeps its id"
    assert figures["after"]["kind"] == {"fact": 9, "故障": 7} and figures["repeated"] == 3


def test_repeating_has_a_bound_and_what_is_lacking_is_told(tmp_path: Path) -> None:
    given = [*questions(5), *questions(2, "zh")]
    done, figures = run(given, tmp_path, at_least={"language": {"zh": 50, "fr": 1}}, repeats=3)
    assert rows(done, language="zh") == 6
    assert figures["notes"] == [
        "language=zh: 6 of at least 50 (2 records, each at most 3 times)",
        "language=fr: 0 of at least 1 (no training record has it)",
    ]


def test_weights_repeat_the_scarce_before_they_cut(tmp_path: Path) -> None:
    given = [*questions(100), *questions(10, "zh")]
    done, _ = run(given, tmp_path, weights={"language": {"en": 2, "zh": 1}})
    assert (rows(done, language="en"), rows(done, language="zh")) == (80, 40)
    assert {r.rejection.reason for r in done if r.rejection} == {"weight"}
    done, _ = run(given, tmp_path, weights={"language": {"en": 2, "zh": 1}}, repeats=1)
    assert (rows(done, language="en"), rows(done, language="zh")) == (20, 10)
    done, _ = run([*questions(20), *questions(8, "zh")], tmp_path, weights={"language": {"en": 1, "zh": 1}})
    assert (rows(done, language="en"), rows(done, language="zh")) == (20, 20), "enough by repeating: nothing is cut"


def test_the_preset_gives_seventy_dialogues_to_thirty_instructions(tmp_path: Path) -> None:
    talks = [make(messages=tuple(Message(role, f"{role}{n}{turn}") for turn in "一二" for role in ("user", "assistant")))
             for n in range(30)]
    done, _ = run([*talks, *questions(90)], tmp_path, preset="dialogue_70_30", repeats=1)
    assert Counter(len(r.messages) for r in kept(done)) == {4: 30, 2: 13}
    done, _ = run([*talks, *questions(90)], tmp_path, preset="dialogue_70_30")
    assert sum(times(r) for r in kept(done) if len(r.messages) == 4) == 120
    assert sum(times(r) for r in kept(done) if len(r.messages) == 2) == 51


def test_test_sets_are_neither_capped_nor_repeated(tmp_path: Path) -> None:
    tests = [msgspec.structs.replace(r, split=s) for r, s in zip(questions(12, "zh"), ["test_seen", "validation", "test_heldout"] * 4, strict=True)]
    given = [*questions(4, split="train"), *tests]
    done, _ = run(given, tmp_path, caps={"language": 2}, at_least={"language": {"zh": 0}})
    assert done[4:] == tests
    assert len(kept(done)) == 2 + 12


def test_a_document_that_a_test_asks_about_keeps_a_training_record(tmp_path: Path) -> None:
    given = [chat(f"{d} {n}?", "1", source=Source(document=d), split="train", task="t") for d in "abcdef" for n in range(5)]
    seen = chat("另一个问题？", "1", source=Source(document="e"), split="test_seen", task="t")
    for seed in range(8):
        done, _ = run([*given, seen], tmp_path, seed, caps={"task": 1})
        assert [r.source.document for r in kept(done) if r.split == "train" and r.source] == ["e"]


def test_a_score_decides_which_stay_when_asked(tmp_path: Path) -> None:
    given = [msgspec.structs.replace(r, scores={"judge": float(n)} if n else {"judge": float("nan")}) for n, r in enumerate(questions(6))]
    done, _ = run(given, tmp_path, caps={"language": 2}, prefer="judge")
    assert kept(done) == given[-2:]


def test_wanted_records_are_the_last_that_another_cap_leaves_out(tmp_path: Path) -> None:
    given = [*questions(40, labels={"kind": "fact"}), *questions(4, labels={"kind": "故障"}, task="x")]
    for seed in range(5):
        done, _ = run(given, tmp_path, seed, caps={"language": 10}, at_least={"kind": {"故障": 4}})
        assert Counter(r.labels["kind"] for r in kept(done)) == {"fact": 6, "故障": 4}


def test_a_repeated_record_troubles_no_later_stage(tmp_path: Path) -> None:
    rare = questions(2, "zh", labels={"kind": "故障"})
    done, _ = run([*questions(12), *rare], tmp_path, at_least={"kind": {"故障": 6}})
    again = list(exact(done, Exact(), Context(tmp_path)))
    assert kept(again) == done, "a repeat is no second record, so none is a duplicate"
    placed = list(split(done, Split(), Context(tmp_path)))
    assert len({r.id for r in placed}) == len(placed)
    for record in placed:
        assert times(record) == 1 or record.split == "train"
    balanced_again, _ = run(done, tmp_path, at_least={"kind": {"故障": 6}})
    assert balanced_again == done


def test_copies_are_far_apart_in_what_is_trained(tmp_path: Path) -> None:
    done, _ = run(questions(3), tmp_path, at_least={"language": {"en": 7}})
    order = [r.id for r in repeated(done)]
    assert len(order) == 7 and order[:3] == order[3:6] == [r.id for r in done]


@pytest.mark.parametrize("said", ["0", "-3", "two", "二", "²", "99999", ""])
def test_a_label_that_is_no_number_repeats_nothing(said: str) -> None:
    assert times(chat("q", "a", labels={"repeat": said})) == 1


def test_what_no_record_has_is_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no record has a `levle` to count by") as error:
        run(questions(2, labels={"level": "basic"}), tmp_path, caps={"levle": 1})
    assert "Did you mean `level`?" in str(error.value)
    assert run([], tmp_path, caps={"levle": 1})[0] == []


def test_malformed_records_pass(tmp_path: Path) -> None:
    odd = [
        Record(id="0" * 16),
        make(messages=(Message("assistant", "只有回答"),)),
        make(messages=(Message("user", ""), Message("user", "")), scores={"judge": float("nan")}),
        make(messages=(Message("tool", "x" * 1_000_000),), extra={"n": float("nan"), "none": None}),
        Record(id="1" * 16, text="\ud800 lone"),
        make(text="长" * 500_000, labels={"repeat": "nonsense"}),
    ]
    done, _ = run(odd, tmp_path, caps={"shape": {"*": 10}}, at_least={"shape": {"text": 3}}, prefer="judge")
    assert len(kept(done)) == len(odd)
    assert done[4].text == "\ud800 lone"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.TemporaryFile", lambda dir: open("/dev/full", "wb+", buffering=0))  # noqa: SIM115
    with pytest.raises(RunError, match="cannot be written: No space left"):
        run(questions(3), tmp_path, caps={"language": 1})


@pytest.mark.parametrize(("bad", "key"), [
    ({"caps": {"task": -1}}, "caps: task"),
    ({"caps": {"task": {"a": -1}}}, "caps: task"),
    ({"weights": {"task": {"a": 0}}}, "weights: task"),
    ({"weights": {"task": {}}}, "weights: task"),
    ({"at_least": {"task": {"a": 5}}, "caps": {"task": 4}}, "at_least: task=a: 5 are more than its cap of 4"),
    ({"repeats": 0}, "repeats"),
    ({"preset": "dialogue_70_30", "weights": {"shape": {"text": 1}}}, "preset: dialogue_70_30 says"),
])  # fmt: skip
def test_options_that_cannot_be_are_refused(bad: dict, key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}"):
        Options(**bad)
