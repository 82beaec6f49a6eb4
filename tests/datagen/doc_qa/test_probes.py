"""What the probes find, which labels they give, and what the job keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datagen.checks.agreement import agree, majority
from datagen.doc_qa.stage import Options
from datagen.teacher.scripted import Rule
from seedbed.chat import Request
from tests.datagen.teaching import BOTH, QUESTIONS, SENTENCES, Made, asked_with, knowing, passage, run

ALL = ("open_book", "back_translation", "closed_book")
DECLINES = {"en": "not stated", "zh": "没有说明"}
UNKNOWN = {"en": "unknown", "zh": "不知道"}
WRONG = {"en": "It is 9 bar.", "zh": "是 9 bar。"}


def probed(folder: Path, lang: str, replies: dict[str, str | Rule], **options: object) -> Made:
    """A run over one passage whose teacher gives a fixed reply to a probe's prompt, or else says the sentence of the
    passage that the question is about."""

    def say(request: Request) -> str | Rule | None:
        name = asked_with(request)
        if not name.startswith("answer/"):
            return None
        return replies.get(name) or next(SENTENCES[lang][n] for n, question in enumerate(QUESTIONS[lang])
                                         if question in request.messages[-1].content)

    return run(folder, [passage(lang)], knowing(say), probes=options.pop("probes", ALL), keep=options.pop("keep", ()),
               **options)


@BOTH
def test_an_answer_that_the_open_book_gives_too_is_grounded(tmp_path: Path, lang: str) -> None:
    made = probed(tmp_path, lang, {"answer/same_answer": '{"verdict": "same"}'}, probes=("open_book",))
    assert {r.labels["grounded"] for r in made.kept} == {"yes"} and len(made.kept) == 3
    assert all(2 <= len(r.history[0].calls) <= 3 for r in made.kept)


@BOTH
def test_an_open_book_without_the_answer_makes_a_pair_ungrounded(tmp_path: Path, lang: str) -> None:
    replies = {"answer/direct_from_source": DECLINES[lang]}
    made = probed(tmp_path, lang, replies, probes=("open_book",))
    assert {r.labels["grounded"] for r in made.kept} == {"no"}
    made = probed(tmp_path, lang, replies, probes=("open_book",), keep=("grounded",))
    assert not made.kept and set(made.reasons) == {"ungrounded"}


@BOTH
def test_what_the_model_knows_without_the_passage_is_known(tmp_path: Path, lang: str) -> None:
    made = probed(tmp_path, lang, {"answer/closed_book": UNKNOWN[lang]}, probes=("closed_book",), keep=("new",))
    assert {r.labels["known"] for r in made.kept} == {"no"}
    knows = {"en": "By default it runs at 2.5 bar.", "zh": "默认压力是 2.5 bar。"}[lang]
    made = probed(tmp_path, lang, {"answer/closed_book": knows}, probes=("closed_book",), keep=("new",))
    assert "known" in made.reasons and all("2.5" not in r.answer for r in made.kept)


@BOTH
def test_contradicting_figures_are_not_put_to_a_judge(tmp_path: Path, lang: str) -> None:
    made = probed(tmp_path, lang, {"answer/closed_book": WRONG[lang]}, probes=("closed_book",))
    first = next(r for r in made.kept if "2.5" in r.answer)
    assert first.labels["known"] == "no" and len(first.history[0].calls) == 2


@BOTH
def test_where_words_do_not_tell_the_judge_does(tmp_path: Path, lang: str) -> None:
    partly = {"en": "The rubber grows brittle over the years.", "zh": "橡胶年久变脆。"}[lang]
    for verdict, label in (("same", "yes"), ("different", "no")):
        replies = {"answer/closed_book": partly, "answer/same_answer": json.dumps({"verdict": verdict})}
        made = probed(tmp_path / verdict, lang, replies, probes=("closed_book",))
        why = next(r for r in made.kept if r.labels["kind"] == "why")
        assert why.labels["known"] == label


@BOTH
def test_an_answer_to_another_question_is_not_grounded(tmp_path: Path, lang: str) -> None:
    other = {"en": "Who painted the hall?", "zh": "大厅是谁粉刷的？"}[lang]
    replies = {"answer/question_of": json.dumps({"question": other}),
               "answer/same_question": json.dumps({"verdict": "different"})}
    made = probed(tmp_path, lang, replies, probes=("back_translation",), keep=("grounded",))
    assert not made.kept and set(made.reasons) == {"ungrounded"}


@pytest.mark.parametrize(("options", "why"), [
    ({"probes": ("openbook",)}, "known: open_book"),
    ({"probes": ALL, "keep": ("known", "new")}, "no pair is both"),
    ({"keep": ("new",)}, "closed_book"),
    ({"answers": 3, "agree": 4}, "agree"),
])
def test_options_that_cannot_be_met_are_refused(options: dict[str, tuple[str, ...]], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Options(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("lang", "first", "second", "verdict"), [
    ("en", "The default is 0.7.", "By default it is 0.7.", True),
    ("en", "The default is 0.7.", "The default is 0.8.", False),
    ("en", "The door sensor is dirty.", "The motor has run too hot.", False),
    ("en", "The valve limits the pressure.", "The valve does not limit the pressure.", None),
    ("en", "Two valves limit it.", "2 valves limit it.", True),
    ("zh", "默认阈值是 0.7。", "阈值默认为 0.7。", True),
    ("zh", "每运行 500 小时更换一次。", "每运行 800 小时更换一次。", False),
    ("zh", "门传感器脏了。", "电机温度过高。", False),
    ("zh", "阀门限制压力。", "阀门不限制压力。", None),
    ("en", "Use TCP instead of UDP.", "Use UDP instead of TCP.", None),
    ("en", "The client connects to the server.", "The server connects to the client.", None),
    ("en", "Raise the pressure from 2 bar to 4 bar.", "Raise the pressure from 4 bar to 2 bar.", None),
    ("en", "Open the valve, then start the pump.", "Start the pump, then open the valve.", None),
    ("en", "Open the valve before you start the pump.", "Before you open the valve, start the pump.", None),
    ("en", "Start the pump before you open the valve.", "Before you open the valve, start the pump.", True),
    ("en", "The oil is changed every 500 hours.", "Every 500 hours the oil is changed.", True),
    ("en", "The pressure is 2.5 bar by default.", "By default the pressure is 2.5 bar.", True),
    ("en", "Use TCP, not UDP.", "Use UDP, not TCP.", None),
    ("en", "Start it before the pump.", "Start it after the pump.", None),
    ("zh", "启动水泵前检查。", "启动水泵后检查。", None),
    ("zh", "把文件复制到磁盘。", "将文件复制到磁盘。", True),
    ("en", "The server starts the client.", "The client is started by the server.", None),
    ("zh", "用 TCP 代替 UDP。", "用 UDP 代替 TCP。", None),
    ("zh", "客户端连接到服务器。", "服务器连接到客户端。", None),
    ("zh", "先打开阀门，再启动水泵。", "先启动水泵，再打开阀门。", None),
    ("zh", "把压力从 2 bar 提高到 4 bar。", "把压力从 4 bar 提高到 2 bar。", None),
    ("zh", "润滑油每运行 500 小时更换一次。", "每运行 500 小时更换一次润滑油。", True),
    ("zh", "TCP 比 UDP 快。", "UDP 比 TCP 快。", None),
    ("zh", "每 500 小时更换润滑油。", "润滑油每 500 小时更换。", True),
])
def test_two_answers_agree_contradict_or_leave_it_open(lang: str, first: str, second: str, verdict: bool) -> None:
    assert agree(first, second, lang) is verdict and agree(second, first, lang) is verdict


def test_the_majority_begins_with_the_answer_that_most_agree_with() -> None:
    answers = ["It is 9 bar.", "It is 2.5 bar.", "The pressure is 2.5 bar.", "It is 2.5 bar by default.", "No idea."]
    group = majority(answers, "en")
    assert set(group) == {1, 2, 3} and majority([], "en") == []


CUT = {"en": "The KX-40 pump runs at 2.5 bar, and", "zh": "KX-40 离心泵的默认压力是 2.5 bar，而"}


@BOTH
@pytest.mark.parametrize("name", ["open_book", "closed_book"])
@pytest.mark.parametrize(("finish", "reason"), [("length", "cut"), ("content_filter", "refused"), ("error: no", "bad_request")])
def test_a_reply_that_did_not_come_whole_gives_no_label(
    tmp_path: Path, lang: str, name: str, finish: str, reason: str
) -> None:
    prompt = {"open_book": "answer/direct_from_source", "closed_book": "answer/closed_book"}[name]
    reply = {prompt: Rule(text=CUT[lang], finish=finish)}
    made = probed(tmp_path, lang, reply, probes=(name,))
    assert len(made.kept) == 3 and not any({"grounded", "known"} & r.labels.keys() for r in made.kept)
    keep = {"open_book": "grounded", "closed_book": "new"}[name]
    made = probed(tmp_path / "kept", lang, reply, probes=(name,), keep=(keep,))
    assert not made.kept and set(made.reasons) == {reason}


@BOTH
def test_what_the_model_thinks_aloud_is_not_its_answer(tmp_path: Path, lang: str) -> None:
    thought = "<think>" + SENTENCES[lang][0] + "?</think>" + UNKNOWN[lang]
    made = probed(tmp_path, lang, {"answer/closed_book": thought}, probes=("closed_book",), keep=("new",))
    assert len(made.kept) == 3 and {r.labels["known"] for r in made.kept} == {"no"}


@BOTH
@pytest.mark.parametrize("prompt", ["answer/question_of", "answer/same_answer"])
def test_a_judge_that_says_nothing_says_neither_yes_nor_no(tmp_path: Path, lang: str, prompt: str) -> None:
    partly = {"en": "The rubber grows brittle over the years.", "zh": "橡胶年久变脆。"}[lang]
    name = "back_translation" if prompt == "answer/question_of" else "open_book"
    made = probed(tmp_path, lang, {"answer/direct_from_source": partly, prompt: "?"}, probes=(name,))
    why = next(r for r in made.kept if r.labels["kind"] == "why")
    assert "grounded" not in why.labels
