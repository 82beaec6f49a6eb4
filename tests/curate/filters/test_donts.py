"""The five don'ts against labelled examples, and what the judge adds."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import donts as measured
from curate.filters.donts.stage import RULES, Options, donts, estimate, fault
from seedbed.chat import Request
from seedbed.context import Context
from seedbed.record import Evidence, Message, chat, make
from tests.curate.filters.judge import judging

BOTH = pytest.mark.parametrize("language", ["en", "zh"])
EACH = pytest.mark.parametrize("rule", list(RULES))


@EACH
@BOTH
def test_there_are_thirty_examples_half_of_them_tempting(rule: str, language: str) -> None:
    found = measured.examples(rule, language)
    assert len(found) == 30
    assert sum(example.fault for example in found) == 15
    assert sum(example.held_out for example in found) == 10


@EACH
@BOTH
def test_precision_before_recall(rule: str, language: str) -> None:
    score = measured.score(rule, measured.examples(rule, language))
    assert score.precision >= 0.9, score
    assert score.recall >= 0.7, score


@EACH
@BOTH
@pytest.mark.parametrize("name", measured.LATER)
def test_what_was_written_later_gives_no_false_alarm(name: str, rule: str, language: str) -> None:
    assert measured.score(rule, measured.later(name, rule, language)).wrong == 0


@BOTH
def test_no_rule_rejects_what_another_one_is_tempted_by(language: str) -> None:
    total, rejected = measured.others(language)
    assert rejected <= 0.02 * total


def test_a_record_is_rejected_by_name_and_in_order() -> None:
    context = Context(Path("donts"))
    records = [
        chat("请概括上文的主要内容。", "文章讲了一家面包店。"),
        chat("What is the price of gold today?", "1,950 dollars."),
        chat("What is a valve?", "A part that opens and shuts a pipe."),
    ]
    results = list(donts(records, Options(), context))
    assert [r.rejection.reason if r.rejection else "" for r in results] == ["vague_reference", "dated", ""]
    assert results[0].rejection and "上文" in results[0].rejection.detail
    assert results[2] is records[2]
    assert context.figures == {"checked": 3}
    assert fault(records[0], Options(off=("vague_reference",))) == ("", "")


def test_later_questions_may_point_back() -> None:
    first = (Message("user", "Write a poem about rain."), Message("assistant", "Rain falls on tin."))
    later = (Message("user", "Translate this poem into plain words."), Message("assistant", "It rains on a roof."))
    assert fault(make(messages=first + later), Options()) == ("", "")


def test_a_system_prompt_may_hold_what_is_pointed_at() -> None:
    manual = Message("system", "阀门V2用来限制压力，出厂时已经调好并加了铅封，任何人不得自行拆开。" * 2)
    turns = (Message("user", "根据上文，V2有什么作用？"), Message("assistant", "限制压力。"))
    assert fault(make(messages=(manual, *turns)), Options()) == ("", "")
    assert fault(make(messages=turns), Options())[0] == "vague_reference"


def test_tools_may_know_todays_weather() -> None:
    asked = Message("user", "今天北京的天气怎么样？")
    call = Message("assistant", "", {"tool_calls": [{"name": "weather"}]})
    answer = Message("assistant", "今天晴，24度。")
    assert fault(make(messages=(asked, call, Message("tool", "晴，24度"), answer)), Options()) == ("", "")
    assert fault(make(messages=(asked, answer)), Options())[0] == "dated"


def test_figures_are_sought_in_the_evidence_too() -> None:
    quote = (Evidence("The pump runs at 2.5 bar.", 0, 25),)
    assert fault(chat("At what pressure does the pump run?", "At 2.5 bar.", evidence=quote), Options()) == ("", "")
    assert fault(chat("At what pressure does the pump run?", "At 25 bar.", evidence=quote), Options())[0] == (
        "unsupported_figures"
    )


def test_the_judge_is_asked_only_about_what_passes(tmp_path: Path) -> None:
    def say(request: Request) -> str:
        last = request.messages[-1].content
        return '{"why": "off", "fault": "mismatch"}' if "harbour" in last or "港口" in last else '{"why": "", "fault": "none"}'

    records = [
        chat("How is bread kept?", "The harbour is large."),
        chat("面包怎样保存？", "港口很大。"),
        chat("How is bread kept?", "In a cool and dry place."),
        chat("Summarise the article above.", "It is about bread."),
        make(text="The harbour is large."),
    ]
    with judging(tmp_path, say) as (context, requests):
        results = list(donts(records, Options(judge=True), context))
    reasons = [r.rejection.reason if r.rejection else "" for r in results]
    assert reasons == ["mismatch", "mismatch", "", "vague_reference", ""]
    assert len(requests) == 3
    assert requests[1].messages[0].content.startswith("你检查") and requests[0].messages[0].content.startswith("You check")
    assert context.figures["judge"] == {"mismatch": 2, "none": 1}
    assert results[0].rejection and results[0].rejection.detail == "the judge: off"


@pytest.mark.parametrize("reply", ["", "no idea", '{"fault": "boredom"}', "[1]", '{"fault": 3}', '{"why": "x"}'])
def test_what_a_judge_says_wrongly_rejects_nothing(tmp_path: Path, reply: str) -> None:
    with judging(tmp_path, lambda _: reply) as (context, _):
        results = list(donts([chat("What is a valve?", "A part that shuts a pipe.")], Options(judge=True), context))
    assert results[0].rejection is None
    assert context.figures["judge"] == {"unread": 1}


def test_a_judge_that_finds_fault_with_everything_is_named(tmp_path: Path) -> None:
    said: list[str] = []

    class Notes:
        def update(self, done: int, total: int | None = None, note: str = "") -> None: ...

        def say(self, line: str) -> None:
            said.append(line)

    records = [chat(f"What is part {n} of a pump for?", f"It holds piece {n}.") for n in range(30)]
    with judging(tmp_path, lambda _: '{"why": "", "fault": "dated"}') as (context, _):
        context.progress = Notes()
        list(donts(records, Options(judge=True), context))
    assert said == ["the judge said 'dated' for 30 of 30 records: do not trust it, name a larger one"]


def test_only_a_judge_costs() -> None:
    records = [chat("What is a valve?", "A part.")]
    assert estimate(records, Options()) == (0, 0, 0)
    calls, prompt, completion = estimate(records, Options(judge=True))
    assert calls == 1 and prompt > 100 and completion > 0


def test_unknown_rules_are_refused() -> None:
    with pytest.raises(ValueError, match="off: no rule is called datd"):
        Options(off=("datd",))
    with pytest.raises(ValueError, match="judged: no rule is called x"):
        Options(judged=("x",))
