"""Answers that cannot both be true are found, and those that only differ in words are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curate.filters.answers import incompatible
from curate.filters.contradictions import Options, contradictions
from seedbed.context import Context
from seedbed.record import Message, Record, chat, make

CLASH = [
    ("When was the bridge opened?", "In 1932.", "It was opened in 1923."),
    ("How long is the track?", "1.2 km", "1.3 km"),
    ("Which port does it listen on?", "Port 5432.", "It listens on port 5433."),
    ("Who wrote Faust?", "Goethe", "Schiller"),
    ("Is it safe?", "Yes, it is safe.", "No, it is not safe."),
    ("Is the device waterproof?", "The device is waterproof.", "The device is not waterproof."),
    ("When does the valve open?", "The valve opens before the pump starts.", "The valve opens after the pump starts."),
    ("Classify the review as positive or negative.", "Positive", "Negative"),
    ("What is 17 + 26?", "43", "45"),
    ("桥是哪一年通车的？", "1932年。", "1923年通车。"),
    ("跑道有多长？", "1.2公里", "1.3公里"),
    ("谁写了《红楼梦》？", "曹雪芹", "罗贯中"),
    ("可以带宠物吗？", "可以。", "不可以，禁止带宠物。"),
    ("设备防水吗？", "防水。", "不防水。"),
    ("阀门什么时候打开？", "水泵启动之前阀门打开。", "水泵启动之后阀门打开。"),
    ("判断情感是正面还是负面。", "正面", "负面"),
    ("会议几点开始？", "上午九点", "十点"),
]
AGREE = [
    ("When was the bridge opened?", "In 1932.", "The mayor opened it on 5 March 1932."),
    ("How long is the track?", "1.2 km", "1,200 metres"),
    ("Who wrote Faust?", "Johann Wolfgang von Goethe", "Goethe wrote it."),
    ("Which country is it in?", "The US", "The United States"),
    ("What is the boiling point of water?", "100 °C", "212 °F"),
    ("Is it safe?", "Yes.", "It is safe to use."),
    ("What colour is it?", "Red", "Crimson"),
    ("Name a fruit.", "Apple", "Pear"),
    ("Write a title.", "The Last Day", "Home Again"),
    ("How do I reset it?", "Press the button for 5 seconds.", "Hold the button for 10 seconds."),
    ("Why does bread rise?", "Yeast makes gas in the dough.", "The dough fills with gas that is made by yeast."),
    ("跑道有多长？", "1.2公里", "1200米"),
    ("端口是多少？", "默认端口是5432。", "五四三二"),
    ("会议几点开始？", "上午九点", "9点开始"),
    ("推荐一本书。", "《活着》", "《围城》"),
    ("写一个标题。", "最后一天", "回家"),
    ("设备防水吗？", "防水。", "是的，设备可以防水。"),
    ("面包为什么会膨胀？", "酵母在面团里产生气体。", "因为酵母产生的气体充满了面团。"),
]


@pytest.mark.parametrize(("question", "one", "other"), CLASH)
def test_what_cannot_both_be_true(question: str, one: str, other: str) -> None:
    assert incompatible(question, one, other)
    assert incompatible(question, other, one)


@pytest.mark.parametrize(("question", "one", "other"), AGREE)
def test_the_same_in_other_words(question: str, one: str, other: str) -> None:
    assert incompatible(question, one, other) == ""
    assert incompatible(question, other, one) == ""


def run(records: list[Record], tmp_path: Path, **options: Any) -> tuple[list[str], Context]:
    context = Context(tmp_path)
    results = list(contradictions(records, Options(**options), context))
    assert [result.id for result in results] == [record.id for record in records]
    return [result.rejection.match if result.rejection else "" for result in results], context


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("When was the bridge opened?", ["In 1932.", "In 1923.", "On 5 March 1932."]),
        ("桥是哪一年通车的？", ["1932年。", "1923年。", "1932年3月5日。"]),
    ],
)
def test_all_that_contradict_go_and_name_each_other(tmp_path: Path, question: str, answers: list[str]) -> None:
    records = [chat(question, answer) for answer in answers] + [chat(f"{question} Why?", answers[1])]
    matches, context = run(records, tmp_path)
    assert matches == [records[1].id, records[0].id, records[1].id, ""]
    assert context.figures == {"repeated": 1, "contradicting": 1, "rejected": 3}


def test_the_majority_may_stay(tmp_path: Path) -> None:
    records = [chat("When was it opened?", answer) for answer in ("1932.", "In 1932.", "1923.", "It was 1932.")]
    assert [bool(match) for match in run(records, tmp_path, keep="majority")[0]] == [False, False, True, False]
    assert all(run(records[1:3], tmp_path, keep="majority")[0]), "one against one is no majority"


def test_the_best_may_stay(tmp_path: Path) -> None:
    records = [chat("几点开始？", "九点", scores={"judge": 2.0}), chat("几点开始？", "十点", scores={"judge": 4.0})]
    assert run(records, tmp_path, keep="best", score="judge")[0] == [records[1].id, ""]
    assert all(run(records, tmp_path, keep="best", score="ifd")[0]), "without a score none is best"
    equal = [chat("几点开始？", "九点", scores={"judge": 2.0}), chat("几点开始？", "十点", scores={"judge": 2.0})]
    assert all(run(equal, tmp_path, keep="best", score="judge")[0])


def test_what_makes_questions_the_same(tmp_path: Path) -> None:
    yes, no = "Yes, it is.", "No, it is not."
    assert all(run([chat("Is it safe?", yes), chat("is  it SAFE？", no)], tmp_path)[0])
    assert not any(run([chat("Is it safe?", yes), chat("Is it safe?", no, input="bleach")], tmp_path)[0])
    system = (Message("system", "About bleach."), Message("user", "Is it safe?"), Message("assistant", no))
    assert not any(run([chat("Is it safe?", yes), make(messages=system)], tmp_path)[0])


def test_questions_worded_alike_are_one_where_that_is_asked_for(tmp_path: Path) -> None:
    one = chat("When was the old bridge over the river opened?", "In 1932.")
    other = chat("When was the old bridge over the river opened then?", "In 1923.")
    assert not any(run([one, other], tmp_path)[0])
    assert all(run([one, other], tmp_path, near=0.8)[0])
    codes = [chat("错误代码E01在第几页说明？", "第3页。"), chat("错误代码E02在第几页说明？", "第4页。")]
    assert not any(run(codes, tmp_path, near=0.8)[0])


def test_pairs_and_texts_are_left_alone(tmp_path: Path) -> None:
    pair = chat("Is it safe?", "No, it is not.", rejected=Message("assistant", "Yes."))
    assert not any(run([chat("Is it safe?", "Yes, it is."), pair, make(text="No."), make(text="Yes.")], tmp_path)[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"near": 0.5}, "near: expected 0"),
        ({"keep": "best"}, "score: `keep: best` needs"),
        ({"score": "judge"}, "score: `keep: best` needs"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Options(**options)
