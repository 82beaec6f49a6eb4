"""The elimination rules, one by one: what each catches, and what looks like it and passes."""

from __future__ import annotations

import pytest

from datagen.checks.verify import Fault
from datagen.evol_instruct.elimination import (
    FORMS,
    answer_fault,
    data_fault,
    equal_fault,
    input_fault,
    language_fault,
    rewritten_fault,
)
from datagen.evol_instruct.evolve import OPERATIONS
from seedbed.prompts import load
from tests.datagen.teaching import BOTH


def reason(fault: Fault | None) -> str:
    assert fault is None or fault.detail
    return fault.reason if fault else ""


@pytest.mark.parametrize(
    ("task", "parent", "found"),
    [
        ("Explain  how a PUMP works.", "Explain how a pump works.", "equal"),
        ("Explain how a pump works, with an example.", "Explain how a pump works.", ""),
        ("说明水泵的工作原理。", "说明水泵的工作原理。", "equal"),
        ("请你详细地说明一下水泵的工作原理和它在冬天的用法！", "请你详细说明一下水泵的工作原理和它在冬天的用法。", "equal"),
        ("说明水泵的工作原理，并举例。", "说明水泵的工作原理。", ""),
    ],
)
def test_equal_without_a_judge(task: str, parent: str, found: str) -> None:
    assert reason(equal_fault(task, parent)) == found


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("Sorry, no.", "sorry"),
        ("我很sorry，不会。", "sorry"),
        ("抱歉，我不清楚。", "sorry"),
        ("Sorry to hear it. " + "The seal must be changed before the pump is started again. " * 8, ""),
        ("对不起。" + "密封要先更换，然后才能启动水泵。" * 6, ""),
        ("The sorrysail is a kind of sail.", ""),
        ("It is … what it was!", "hollow"),
        ("——。", "hollow"),
        ("的，了。", "hollow"),
        ("No.", ""),
        ("before", ""),
        ("不是。", ""),
        ("三", ""),
        ("Valve", ""),
        ("The rewritten task is about pumps.", "leaks_prompt"),
        ("原任务是说明水泵。", "leaks_prompt"),
        ("Given task: pumps", "leaks_prompt"),
        ("The task was given to the night shift.", ""),
    ],
)
def test_answers(answer: str, found: str) -> None:
    assert reason(answer_fault(answer, "Say what is to be done.")) == found


def test_what_the_task_or_its_source_says_itself_is_no_fault() -> None:
    assert answer_fault("密封损坏时无法保压。", "密封损坏会怎样？", "密封损坏时，水泵无法保压。") is None
    assert answer_fault("Sorry for the delay.", "Write that we are sorry.") is None
    assert answer_fault("It repeats the given task.", "What does the robot do with a given task?") is None


@BOTH
@pytest.mark.parametrize("name", [*OPERATIONS, "from_source"])
def test_the_marks_are_words_that_the_prompts_use(lang: str, name: str) -> None:
    shown = load(lang, f"evol_instruct/{name}").text
    fault = answer_fault(shown, "x")
    assert fault and fault.reason == "leaks_prompt"


GOOD = {
    "table": "| a | b |\n|---|---|\n| 1 | 2 |", "csv": "零件,重量\n螺栓,12\n支架,340", "json": '```json\n{"a": [1, 2]}\n```',
    "xml": '<订单 号="7"><件>密封</件></订单>', "sql": "SELECT * FROM挂号记录 WHERE 号 = 3", "shell": "root@box:~# df -h\n/dev/sda 90%",
    "code": "for part in parts:\n    print(part)", "log": "2024-05-01 09:10:02 start\n2024-05-01 09:10:07 stop",
    "config": "pump:\n  pressure: 4\n  valve: V2",
}


@BOTH
@pytest.mark.parametrize("form", FORMS)
def test_data_has_the_form_that_was_asked_for(lang: str, form: str) -> None:
    assert data_fault(GOOD[form], form, lang) is None
    for other in ("Suppose there is a list of orders.", "假设有一份订单列表。", ""):
        assert reason(data_fault(other, form, lang)) == "no_data"
    assert reason(data_fault(GOOD[form] + "\n" + "1 " * 900, form, lang)) == ("no_data" if form == "json" else "too_long")


def test_data_that_breaks_off_is_none() -> None:
    assert reason(data_fault("$ df -h | awk '{if ($1 == ", "shell", "en")) == "breaks_off"
    assert reason(data_fault("$ df -h | awk '{if ($1 == 2) print}'", "shell", "zh")) == ""
    assert reason(data_fault('[{"a": 1}, {"a": ]', "json", "en")) == "no_data"
    assert reason(data_fault("[" * 100_000 + "]", "json", "en")) == "no_data"


@pytest.mark.parametrize(
    ("evolved", "parent", "lang", "operation", "found"),
    [
        ("Explain how a pump works, with a diagram.", "Explain how a pump works.", "en", "deepen", "beyond_text"),
        ("Explain how the file server works, and why.", "Explain how the file server works.", "en", "deepen", ""),
        ("说明水泵的工作原理，并画一张流程图。", "说明水泵的工作原理。", "zh", "deepen", "beyond_text"),
        ("Explain how a pump works, by the log file.", "Explain how a pump works.", "en", "complicate_input", ""),
        ("Sort the rows.\n| a |\n| b |\nThen add them up.", "Sort the rows.\n| a |\n| c |", "en", "deepen", "lost_material"),
        ("Sort the rows, then add them up.\n| a |\n| c |", "Sort the rows.\n| a |\n| c |", "en", "deepen", ""),
        ("修改代码，并说明原因。", "修改代码。\n```\nx = 1\n```", "zh", "deepen", "lost_material"),
        ("Input: a table. Explain how a pump works.", "Explain how a pump works.", "en", "deepen", "leaks_prompt"),
        ("How is a dull chain saw filed, and how often?" + " And why?" * 20, "How does a pump work?", "en", "in_breadth", "too_long"),
        ("How is the chain of a saw sharpened?", "How does a pump work?", "en", "in_breadth", ""),
    ],
)
def test_rewritten_tasks(evolved: str, parent: str, lang: str, operation: str, found: str) -> None:
    assert reason(rewritten_fault(evolved, parent, lang, operation, ["How do I graft a pear?"])) == found


@pytest.mark.parametrize(
    ("evolved", "lang", "found"),
    [
        ("Cut the paragraph: the committee redesigned the garden, removed the benches and built new ones.", "en", "repeats_input"),
        ("Cut the paragraph to forty words, for readers who have never seen the garden, and end it with an invitation.", "en", ""),
        ("缩写这段话：委员会决定改造花园，拆除旧长椅，用木料做新长椅。", "zh", "repeats_input"),
        ("缩写这段话，不超过四十个字，写给从来没有来过花园的读者，结尾加一句邀请。", "zh", ""),
    ],
)
def test_an_instruction_does_not_say_its_input_again(evolved: str, lang: str, found: str) -> None:
    input_ = {"en": "The committee decided to redesign the garden. The old benches are removed, new ones are built.",
              "zh": "委员会决定改造花园，拆除旧长椅，用捐来的木料做新长椅。"}[lang]
    assert reason(input_fault(evolved, {"en": "Cut the paragraph.", "zh": "缩写这段话。"}[lang], input_, lang)) == found
    assert input_fault(evolved, "Cut it.", "", lang) is None


@pytest.mark.parametrize(
    ("answer", "task", "lang", "like", "found"),
    [
        ("水泵把水抽上来。", "Explain how a pump works.", "en", "It lifts water.", "wrong_language"),
        ("水泵把水抽上来。", "Translate into Chinese: a pump lifts water.", "en", "泵。", ""),
        ("水泵把水抽上来。", "Say it in Chinese, politely.", "en", "It lifts water.", ""),
        ("The pump lifts the water. " * 9, "说明水泵的工作原理。", "zh", "它把水抽上来。", "wrong_language"),
        ("The pump lifts the water. " * 9, "译成英文，语气客气。", "zh", "它把水抽上来。", ""),
        ("The pump lifts the water to the tank.", "说明水泵的工作原理。", "zh", "它把水抽上来。", "wrong_language"),
        ("systemctl restart pump", "写出重启的命令。", "zh", "用命令重启。", ""),
    ],
)
def test_the_language_of_answers(answer: str, task: str, lang: str, like: str, found: str) -> None:
    assert reason(language_fault(answer, task, lang, like)) == found
