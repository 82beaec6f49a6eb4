"""The judge sees each pair both ways round; what it says of a place, and not of an answer, counts for nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seedbed.chat import Request
from tests.curate.filters.judge import judging as with_judge
from train.evaluation import judging
from train.evaluation.scores import Answer

RIGHT = {"en": "It uses port 4711.", "zh": "它使用 4711 端口。"}
WRONG = {"en": "The pump is important.", "zh": "泵是很重要的设备。"}
ASKED = {"en": "Which port does the pump use?", "zh": "泵使用哪个端口？"}


def pairs(count: int, better: str = "tuned") -> list[Answer]:
    made = []
    for i in range(count):
        lang = "zh" if i % 2 else "en"
        said = {"base": WRONG[lang], "tuned": RIGHT[lang]} if better == "tuned" else {"base": RIGHT[lang], "tuned": WRONG[lang]}
        made.append(Answer("test_seen", str(i), lang, ASKED[lang], RIGHT[lang], **said))
    return made


def places(request: Request) -> tuple[str, str]:
    """What stands in both places of the last turn."""
    shown = request.messages[-1].content
    mark = "回答 B：" if "回答 B：" in shown else "Answer B:"
    first, second = shown.split(mark)
    return first.splitlines()[-2] if not first.rstrip().splitlines()[-1] else first.rstrip().splitlines()[-1], second.strip()


def fair(request: Request) -> str:
    first, second = (place in RIGHT.values() for place in places(request))
    better = "tie" if first == second else "A" if first else "B"
    return json.dumps({"reason": "port 4711", "better": better})


def always(place: str) -> str:
    return json.dumps({"reason": "better", "better": place})


@pytest.mark.parametrize(("better", "rate", "said"), [
    ("tuned", 1.0, "The judge: tuned wins 8, base 0, 0 ties; win rate 100% (95 % interval 100% to 100%, 8 pairs): "
                   "better than base, more than chance explains."),
    ("base", 0.0, "The judge: tuned wins 0, base 8, 0 ties; win rate 0% (95 % interval 0% to 0%, 8 pairs): "
                  "worse than base, more than chance explains."),
])  # fmt: skip
def test_a_fair_judge(better: str, rate: float, said: str, tmp_path: Path) -> None:
    with with_judge(tmp_path, fair) as (context, asked):
        found = judging.judged(pairs(8, better), context)
    figures, judge = judging.figures(found, 1), judging.standing(found, "judge")
    assert figures["win_rate"]["mean"] == rate and figures["sentence"] == said and figures["disagreed"] == 0
    assert (judge["first"], judge["warning"]) == (0.5, "") and len(asked) == 16
    assert [one.id for one in found] == list("01234567") and found[0].reasons == ("port 4711", "port 4711")


@pytest.mark.parametrize(("place", "name"), [("A", "first"), ("B", "second")])
def test_a_judge_that_names_one_place_whatever_stands_there_is_noticed(place: str, name: str, tmp_path: Path) -> None:
    with with_judge(tmp_path, lambda _: always(place)) as (context, _):
        found = judging.judged(pairs(8), context)
    figures, judge = judging.figures(found, 1), judging.standing(found, "judge")
    assert (figures["wins"], figures["losses"], figures["ties"], figures["disagreed"]) == (0, 0, 8, 8)
    assert not figures["real"] and f"names the {name} answer in 100% of its verdicts" in judge["warning"]


def test_a_judge_that_sees_no_difference_is_noticed(tmp_path: Path) -> None:
    with with_judge(tmp_path, lambda _: always("tie")) as (context, _):
        found = judging.judged(pairs(4), context)
    assert "says tie to everything" in judging.standing(found, "judge")["warning"]


def test_equal_answers_are_a_tie_without_a_question_and_nothing_is_named(tmp_path: Path) -> None:
    same = Answer("test_seen", "1", "en", ASKED["en"], RIGHT["en"], " It uses 4711. ", "It uses 4711.")
    empty = Answer("test_seen", "2", "zh", ASKED["zh"], RIGHT["zh"], "", "<|im_end|>")
    with with_judge(tmp_path, lambda _: always("tie")) as (context, asked):
        found = judging.judged([same, empty], context)
    assert [one.better for one in found] == ["tie", "tie"] and found[0].said == ()
    assert len(asked) == 2 and "（空）" in asked[0].messages[-1].content and "< |im_end|>" in asked[0].messages[-1].content


def test_replies_that_cannot_be_read_count_as_unread(tmp_path: Path) -> None:
    with with_judge(tmp_path, lambda _: "Both are fine.") as (context, _):
        found = judging.judged(pairs(2), context)
    assert judging.figures(found, 1) == {"records": 0, "unread": 2} and found[0].fault == "not_json"


def test_examples_come_as_turns_in_the_language_of_the_question(tmp_path: Path) -> None:
    with with_judge(tmp_path, fair) as (context, asked):
        judging.judged(pairs(2), context)
    for request in asked:
        roles = [message.role for message in request.messages]
        assert roles == ["system", *["user", "assistant"] * 4, "user"] and request.temperature == 0
        verdicts = [json.loads(message.content)["better"] for message in request.messages if message.role == "assistant"]
        assert sorted(verdicts) == ["A", "B", "tie", "tie"]
    last = [request.messages[-1].content for request in asked]  # two pairs at once: in any order
    assert sum("参考答案" in shown for shown in last) == sum("Reference" in shown for shown in last) == 2
