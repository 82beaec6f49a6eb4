"""In other words the same: what goes, what stays although it is near, and what is encoded how often."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curate.duplicates import semantic as stage
from curate.duplicates import vectors
from curate.duplicates.semantic import Options, semantic
from seedbed import encode
from seedbed.context import Context
from seedbed.encode import Cut, Encoder
from seedbed.errors import InputError, MissingExtra
from seedbed.record import Message, Record, Step, chat, make

EN = ("How do I change the default port of the server?", "Set the port in the configuration file and restart the server.")
EN_TWIN = ("How is the default port of the server changed?", "Change the port in the configuration file; restart the server.")
ZH = ("怎样修改服务器的默认端口？", "在配置文件中修改端口，然后重启服务器。")
ZH_TWIN = ("服务器的默认端口怎样修改？", "修改配置文件中的端口，再重启服务器。")
OTHERS = {"en": ("Where does the pump keep its oil?", "In the sump below the gearbox."),
          "zh": ("水泵的润滑油在哪里？", "在齿轮箱下面的油池里。")}


def run(records: list[Record], folder: Path, **options: Any) -> tuple[list[Record], Context]:
    context = Context(folder)
    return list(semantic(records, Options(**{"encoder": "lexical", "threshold": 0.5, **options}), context)), context


def kept(records: list[Record]) -> list[bool]:
    return [record.rejection is None for record in records]


class Counting:
    """An encoder that counts the texts it was given; a text's vector says which of a few words it holds."""

    words = ("port", "端口", "oil", "油", "change", "修改", "where", "哪里")

    def __init__(self) -> None:
        self.encoded = 0

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.encoded += len(texts)
        return np.array([[word in text.lower() for word in self.words] for text in texts], np.float32)

    def encoder(self, name: str = "counting-1") -> Encoder:
        return Encoder(name, len(self.words), {"twin": Cut(0.9, "for this test")}, self.embed)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    counting = Counting()
    monkeypatch.setattr(encode, "load", lambda name, progress=None: counting.encoder(name))
    return counting


@pytest.mark.parametrize(("first", "twin", "other"), [(EN, EN_TWIN, OTHERS["en"]), (ZH, ZH_TWIN, OTHERS["zh"])])
def test_the_later_of_two_that_say_the_same_goes_and_names_the_first(
    first: tuple[str, str], twin: tuple[str, str], other: tuple[str, str], tmp_path: Path
) -> None:
    given = [chat(*first), chat(*other), chat(*twin)]
    results, context = run(given, tmp_path)
    assert [r.id for r in results] == [r.id for r in given] and kept(results) == [True, True, False]
    rejection = results[2].rejection
    assert rejection is not None
    assert (rejection.stage, rejection.reason, rejection.match) == ("semantic", "semantic", given[0].id)
    assert rejection.score is not None and 0.5 <= rejection.score < 1
    assert rejection.detail.startswith(f"its question and answer is close in meaning to that of {given[0].id}: cosine 0.")
    assert context.figures["encoder"] == "lexical-1" and context.figures["origin"] == "given in the job"


@pytest.mark.parametrize(("first", "twin", "other"), [(EN, EN_TWIN, OTHERS["en"]), (ZH, ZH_TWIN, OTHERS["zh"])])
def test_question_answer_or_both(
    first: tuple[str, str], twin: tuple[str, str], other: tuple[str, str], tmp_path: Path
) -> None:
    asked_again = chat(twin[0], other[1])
    answered_again = chat(other[0], twin[1])
    records = [chat(*first), asked_again, answered_again]
    for on, expected in {"instruction": [True, False, True], "answer": [True, True, False], "both": [True] * 3}.items():
        assert kept(run(records, tmp_path / on, on=on)[0] if (tmp_path / on).mkdir() is None else []) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The filter of the pump is replaced every 2,000 hours.", "The filter of the pump is replaced every 5,000 hours."),
        ("What does code E01 on the display mean?", "What does code E02 on the display mean?"),
        ("May the pump be started without oil?", "May the pump be started with oil?"),
        ("Name three parts of the pump.", "Name five parts of the pump."),
        ("水泵的滤芯每2000小时更换一次吗？", "水泵的滤芯每5000小时更换一次吗？"),
        ("显示屏上的代码 E01 表示什么？", "显示屏上的代码 E02 表示什么？"),
        ("水泵为什么不能启动？", "水泵为什么能启动？"),
        ("列出水泵的三个部件。", "列出水泵的五个部件。"),
    ],
)
def test_other_figures_codes_and_denials_are_no_twins(one: str, other: str, tmp_path: Path) -> None:
    lexical = encode.load("lexical")
    assert lexical.cosine(one, other) > 0.5  # the encoder sees no difference
    assert kept(run([chat(one, "-"), chat(other, "-")], tmp_path, on="instruction")[0]) == [True, True]


@pytest.mark.parametrize(
    ("question", "answers", "stays"),
    [
        ("How hot may the oil get?", ("The oil may reach 80 degrees.", "The oil may reach 90 degrees."), True),
        ("How hot may the oil get?", ("The oil may reach 80 degrees.", "The oil may reach 80 degrees, for 5 minutes."), False),
        ("油温最高多少？", ("油温最高不得超过80度。", "油温最高不得超过90度。"), True),
        ("油温最高多少？", ("油温最高不得超过80度。", "油温最高不得超过80度，时间5分钟以内。"), False),
    ],
)
def test_answers_that_contradict_stay_and_an_answer_that_says_more_is_a_twin(
    question: str, answers: tuple[str, str], stays: bool, tmp_path: Path
) -> None:
    assert kept(run([chat(question, answer) for answer in answers], tmp_path)[0]) == [True, stays]


def test_a_unit_beside_its_figure_and_the_numbers_of_a_list_make_no_difference() -> None:
    assert stage._terms("1. 25cm\n2. 3.50 kg, type `KX-40`") == stage._terms("- 25 cm\n- 3.5kg, KX-40")


def test_a_translation_is_no_repetition(counting: Counting, tmp_path: Path) -> None:
    same = [make(messages=chat("change the port 修改端口", "port 端口").messages, language=name) for name in ("en", "zh")]
    again = make(messages=chat("修改 change 端口 port!", "port 端口.").messages, language="zh")
    assert kept(run([*same, again], tmp_path)[0]) == [True, True, False]


def test_texts_chats_and_pairs_are_compared_among_themselves(tmp_path: Path) -> None:
    turns = chat(*EN).messages
    bad = Message("assistant", "Nobody knows.")
    records = [
        chat(*EN),
        make(text=f"{EN[0]}\n\n{EN[1]}"),
        make(messages=turns, rejected=bad, labels={"negative": "vague"}),
        make(messages=turns, rejected=bad, labels={"negative": "wrong"}),
        make(text=f"{EN_TWIN[0]}\n\n{EN_TWIN[1]}"),
    ]
    assert kept(run(records, tmp_path)[0]) == [True, True, True, True, False]


def test_odd_records_pass(tmp_path: Path) -> None:
    turns = [
        (),
        (Message("user", ""), Message("assistant", "")),
        (Message("system", "你是助手"),),
        (Message("user", "怎样修改？"), Message("user", "How?")),
        (Message("assistant", "alone"),),
        (Message("user", "?!"), Message("tool", "{}"), Message("assistant", "…")),
    ]
    results, context = run([make(messages=messages) for messages in turns], tmp_path)
    assert kept(results) == [True] * len(turns)
    assert run([], tmp_path)[0] == []


def test_a_field_of_megabytes_is_not_encoded_whole(counting: Counting, tmp_path: Path) -> None:
    long = "油" * 400_000
    results, _ = run([chat("哪里？", long), chat("哪里？", f"{long}。")], tmp_path)
    assert kept(results) == [True, False]
    assert len(stage._clipped(long)) <= stage._ENCODED + 2
    assert stage._clipped("\ud800端口") == "?端口"


def test_the_best_copy_stays(tmp_path: Path) -> None:
    records = [make(messages=chat(*pair).messages, scores={"judge": score}) for pair, score in ((ZH, 2.0), (ZH_TWIN, 4.0))]
    assert kept(run(records, tmp_path, keep="best_score")[0]) == [False, True]


def test_a_form_made_on_purpose_is_spared(tmp_path: Path) -> None:
    origin = chat(*EN)
    form = origin.revised(Step(stage="augment", operation="polish"), messages=chat(*EN_TWIN).messages)
    results, context = run([origin, form], tmp_path)
    assert kept(results) == [True, True] and context.figures["spared"] == 1


@pytest.mark.parametrize(("tongue", "form"), [("en", "Where is the {} kept?"), ("zh", "{}放在哪里？")])
def test_a_crowd_keeps_one_and_each_that_goes_names_it(
    counting: Counting, tongue: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "CROWD", 5)
    names = ["anchor", "bolt", "crate", "drum", "engine", "flange"]
    records = [chat(form.format(f"{a} {b}"), "-") for a in names for b in names]
    records = [make(messages=r.messages, language=tongue) for r in records]
    results, context = run(records, tmp_path, threshold=0.9)
    assert kept(results) == [True] + [False] * 35
    assert {r.rejection.match for r in results if r.rejection} == {records[0].id}
    assert context.figures["crowded"] == 30


def test_nothing_is_encoded_twice(counting: Counting, tmp_path: Path) -> None:
    records = [chat(*EN), chat(*EN_TWIN), chat(*ZH)]
    first, _ = run(records, tmp_path, threshold=0.9)
    assert counting.encoded == 6
    assert run(records, tmp_path, threshold=0.95)[0] != [] and counting.encoded == 6
    (tmp_path / "pairs.npz").unlink()
    assert run(records, tmp_path, threshold=0.9)[0] == first and counting.encoded == 6
    run([chat(*OTHERS["en"]), *records], tmp_path)
    assert counting.encoded == 14  # another first record: from there on it is another set


def test_a_kill_between_two_chunks_costs_no_more_than_one(
    counting: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "_CHUNK", 2)
    records = [chat(f"{question} {number}", answer) for number in range(3) for question, answer in (EN, ZH)]
    whole = tmp_path / "whole"
    whole.mkdir()
    expected, _ = run(records, whole)
    killed = tmp_path / "killed"
    killed.mkdir()
    embed, given = counting.embed, []

    def dying(texts: Sequence[str]) -> np.ndarray:
        given.append(len(texts))
        if len(given) == 3:
            raise KeyboardInterrupt
        return embed(texts)

    monkeypatch.setattr(counting, "embed", dying)
    with pytest.raises(KeyboardInterrupt):
        run(records, killed)
    # What a kill in the middle of writing leaves: rows without a name, and half a name.
    with (killed / vectors.VECTORS).open("ab") as data:
        data.write(b"\x01\x02\x03")
    with (killed / vectors.CHUNKS).open("ab") as names:
        names.write(b"0123")
    results, _ = run(records, killed)
    assert given == [4, 4, 4, 4] and results == expected
    assert {p.name: p.read_bytes() for p in killed.iterdir()} == {p.name: p.read_bytes() for p in whole.iterdir()}


def test_rows_lost_from_the_disk_are_encoded_again(counting: Counting, tmp_path: Path) -> None:
    records = [chat(*EN), chat(*EN_TWIN)]
    first, _ = run(records, tmp_path)
    (tmp_path / "pairs.npz").unlink()
    (tmp_path / vectors.VECTORS).write_bytes(b"\0" * 8)
    assert run(records, tmp_path)[0] == first and counting.encoded == 8


def test_another_encoder_has_vectors_of_its_own(counting: Counting, tmp_path: Path) -> None:
    run([chat(*EN)], tmp_path, encoder="one")
    run([chat(*EN)], tmp_path, encoder="two")
    assert counting.encoded == 4
    run([chat(*EN)], tmp_path, encoder="two", on="answer")
    assert counting.encoded == 5


def test_the_encoder_s_own_threshold_has_an_origin(counting: Counting, tmp_path: Path) -> None:
    _, context = run([chat(*EN)], tmp_path, threshold=0.0)
    assert (context.figures["threshold"], context.figures["floor"]) == (0.9, 0.8)
    assert context.figures["origin"] == "for this test"


def test_an_encoder_that_nobody_measured_needs_a_threshold(
    counting: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = Encoder("mine", 8, {}, counting.embed)
    monkeypatch.setattr(encode, "load", lambda name, progress=None: bare)
    with pytest.raises(InputError, match=r"encoder mine.*`twin`"):
        run([chat(*EN)], tmp_path, encoder="mine", threshold=0.0)
    assert kept(run([chat(*EN), chat(*EN_TWIN)], tmp_path, encoder="mine", threshold=0.7)[0]) == [True, False]


def test_a_missing_library_is_told_before_a_record_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    read: list[Record] = []
    given = (read.append(record) or record for record in [chat(*EN)])
    with pytest.raises(MissingExtra, match=r'pip install "seedbed\[embed\]"') as error:
        list(semantic(given, Options(encoder="somebody/a-model"), Context(tmp_path)))
    assert error.value.exit_code == 2 and read == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"threshold": 1.2}, "threshold: expected"),
        ({"threshold": -0.1}, "threshold: expected"),
        ({"threshold": 0.5, "floor": 0.6}, "floor: expected"),
        ({"max_per_fact": 0}, "max_per_fact: expected"),
        ({"exact": -1}, "exact: expected"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Options(**options)


def test_a_floor_above_the_encoder_s_threshold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"floor 0.9 is above the threshold of lexical-1, 0.66"):
        run([chat(*EN)], tmp_path, threshold=0.0, floor=0.9)
