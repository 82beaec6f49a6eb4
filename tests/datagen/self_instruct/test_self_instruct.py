"""Self-Instruct with a teacher whose proposals are known: what each step keeps, and why the rest goes."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from datagen.self_instruct.filters import instance_fault, task_fault
from datagen.self_instruct.instances import joined
from datagen.self_instruct.stage import Options, estimate, proposals, self_instruct
from datagen.teacher.scripted import Rule, Script, scripted
from seedbed.chat import Loop, Reply, Request
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.record import Record
from tests.datagen.teaching import BOTH, Asked, Notes, numbered


def task(lang: str, number: int) -> str:
    """A task that shares few words with any other; every third is a question."""
    if lang == "en":
        return f"Is {number}a {number}b {number}c {number}d right?" if number % 3 else f"Sort {number}a {number}b {number}c."
    names = "".join(chr(0x4E10 + 8 * number + n) for n in range(6))
    return f"{names}对不对？" if number % 3 else f"整理{names}。"


def seeds(folder: Path, lang: str, count: int = 12) -> Path:
    path = folder / f"mine.{lang}.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        {"id": f"{lang}-{n}", "instruction": {"en": "Seed: ", "zh": "种子："}[lang] + task(lang, 900 + n), "output": "x",
         "classification": n % 3 == 0}
        for n in range(count)
    ]
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


def kind(request: Request) -> str:
    if request.schema is not None:
        return "instance"
    return "classify" if request.max_tokens < 10 else "propose"


def teacher(lang: str, odd: Callable[[Request], Any] = lambda request: None, start: int = 1) -> Script:
    """Proposes three tasks a request, none like another; says that questions are classification tasks."""
    numbers = itertools.count(start)

    def say(request: Request) -> Any:
        if (strange := odd(request)) is not None:
            return strange
        last = request.messages[-1].content
        if kind(request) == "propose":
            made = [task(lang, next(numbers)) for _ in range(3)]
            return f" {made[0]}\n10. {made[1]}\n11. {made[2]}"
        if kind(request) == "classify":
            return {"en": "Label", "zh": "标签"}[lang] if last.endswith(("?", "？")) else "text 文字"
        return json.dumps({"input": "", "output": {"en": "It is done.", "zh": "已经完成。"}[lang]}, ensure_ascii=False)

    return scripted(say)


class Made:
    def __init__(
        self, folder: Path, lang: str, script: Script | None = None, seed: int = 0, records: Iterable[Record] = (),
        **options: Any,
    ) -> None:
        self.script, notes = script or teacher(lang), Notes()
        given = {"target": 6, "languages": (lang,), "seeds": (str(seeds(folder, lang)),), "patience": 3} | options
        with Loop() as loop:
            context = Context(folder, seed=seed, complete=Asked(self.script), loop=loop, progress=notes)
            self.records: list[Record] = list(self_instruct(records, Options(**given), context))
        self.figures, self.said = context.figures, notes.said
        self.kept = [record for record in self.records if record.rejection is None]
        self.reasons = [record.rejection.reason for record in self.records if record.rejection]

    def requests(self, wanted: str) -> list[Request]:
        return [request for request in self.script.requests if kind(request) == wanted]


@BOTH
def test_tasks_come_with_input_output_kind_parents_and_nearest(tmp_path: Path, lang: str) -> None:
    made = Made(tmp_path, lang)
    assert len(made.kept) == 6 and made.figures["accepted"] == 6 and made.figures["by_language"] == {lang: 6}
    known = {f"{lang}-{n}" for n in range(12)} | {record.id for record in made.records}
    for record in made.kept:
        assert (record.task, record.language) == ("self_instruct", lang) and record.answer
        (step,) = record.history
        assert len(step.parents) == 8 and set(step.parents) <= known and len(step.calls) == 3
        assert record.labels["classification"] == ("yes" if record.instruction.endswith(("?", "？")) else "no")
        nearest = record.extra["most_similar"]
        assert nearest[0]["score"] == record.scores["most_similar"] <= 0.7
        assert {near["id"] for near in nearest} <= known


@BOTH
def test_a_request_shows_six_written_and_two_made_and_asks_as_the_paper_does(tmp_path: Path, lang: str) -> None:
    made = Made(tmp_path, lang, target=27)
    first, *_, last = made.requests("propose")
    shown = [line.partition(". ")[2] for line in last.messages[2].content.splitlines()]
    assert last.messages[2].role == "assistant" and len(shown) == 8
    assert len([text for text in shown if not text.startswith(("Seed", "种子"))]) == 2
    at_first = [line.partition(". ")[2] for line in first.messages[2].content.splitlines()]
    assert all(text.startswith(("Seed", "种子")) for text in at_first)  # nothing was made yet
    assert (last.temperature, last.top_p, last.presence_penalty, last.max_tokens) == (0.7, 0.5, 2.0, 1024)
    assert "16" in last.messages[-1].content
    assert all(request.temperature == 0 for request in made.requests("classify") + made.requests("instance"))
    orders = {next(iter(request.schema["properties"])) for request in made.requests("instance") if request.schema}
    assert orders == {"output", "input"}  # the label first for classification tasks


@BOTH
def test_equal_seeds_give_equal_tasks_whatever_comes_first(tmp_path: Path, lang: str) -> None:
    def slow(request: Request) -> Any:
        return Rule(text=plain._choose(request).text, delay=0.01 if len(request.messages[-1].content) % 2 else 0.0)

    plain = teacher(lang)
    results = [Made(tmp_path / name, lang, script).records
               for name, script in (("a", teacher(lang)), ("b", teacher(lang, slow)))]
    assert msgspec.json.encode(results[0]) == msgspec.json.encode(results[1])
    other = Made(tmp_path / "c", lang, seed=1)
    assert other.requests("propose")[0].messages != Made(tmp_path / "d", lang).requests("propose")[0].messages


@BOTH
def test_twins_in_one_reply_do_not_both_enter(tmp_path: Path, lang: str) -> None:
    twins = f"{task(lang, 1)}\n10. {task(lang, 1)}"
    made = Made(tmp_path, lang, teacher(lang, lambda r: twins if kind(r) == "propose" else None), target=3)
    assert [record.instruction for record in made.kept] == [task(lang, 1)]
    assert set(made.reasons) == {"near_duplicate"}
    twin = next(record for record in made.records if record.rejection)
    assert twin.rejection and (twin.rejection.match, twin.rejection.score) == (made.kept[0].id, 1.0)
    assert twin.scores["most_similar"] == 1.0
    assert "1 of 3 tasks" in made.said[-1]


@BOTH
def test_a_teacher_who_brings_nothing_new_is_given_up(tmp_path: Path, lang: str) -> None:
    made = Made(tmp_path, lang, scripted(lambda request: Rule(text="", finish="length")), patience=4)
    assert set(made.reasons) == {"cut"} and not made.kept
    assert 4 <= len(made.script.requests) <= 5 and "4 requests in a row" in made.said[-1]


@BOTH
@pytest.mark.parametrize(
    ("instance", "reason"),
    [
        ({"input": "", "output": ""}, "empty_output"),
        ({"input": "3 bar", "output": "3 bar"}, "output_is_input"),
        ({"input": "", "output": "As follows:"}, "breaks_off"),
        ({"input": "值：", "output": "3 bar。"}, "breaks_off"),
        ({"input": "", "output": "I'm sorry, but I can't help with that."}, "refused"),
        ("nothing 没有", "not_json"),
    ],
)
def test_a_task_without_a_sound_instance_is_rejected(tmp_path: Path, lang: str, instance: Any, reason: str) -> None:
    said = instance if isinstance(instance, str) else json.dumps(instance, ensure_ascii=False)
    made = Made(tmp_path, lang, teacher(lang, lambda r: said if kind(r) == "instance" else None), target=2, patience=1)
    assert set(made.reasons) == {reason} and not made.kept
    assert all(record.instruction and record.extra["raw"] == said for record in made.records)


FAULTS = [
    ("too_short", "en", "Do it well.", "Do it well today."),
    ("too_short", "zh", "介绍水泵。", "介绍一下水泵。"),
    ("beyond_text", "en", "Describe the picture above in one line.", "Describe the picturesque village in one line."),
    ("beyond_text", "zh", "描述这张图片里的设备。", "描述图书馆里的设备。"),
    ("about_the_assistant", "en", "What is your favourite colour, and why?", "What do you think of the colour, and why?"),
    ("about_the_assistant", "zh", "你最喜欢的水果是什么？", "病人最喜欢的水果是什么？"),
    ("write_a_program", "en", "Write a program that sorts numbers.", "Write a function that sorts numbers."),
    ("write_a_program", "zh", "编写一个程序，给数字排序。", "编写一个函数，给数字排序。"),
    ("punctuation_first", "en", "- List three causes of leaks.", "List three causes of leaks."),
    ("punctuation_first", "zh", "，列出泄漏的三个原因。", "列出泄漏的三个原因。"),
    ("wrong_language", "en", "请列出离心泵泄漏的三个原因。", "List three causes of leaks."),
    ("wrong_language", "zh", "List three causes of leaks in a pump.", "列出 pump 泄漏的三个原因。"),
    ("too_long", "en", "word " * 151, "word " * 150),
    ("too_long", "zh", "字" * 241, "字" * 240),
]


@pytest.mark.parametrize(("reason", "lang", "fails", "passes"), FAULTS)
def test_filters(reason: str, lang: str, fails: str, passes: str) -> None:
    found = task_fault(fails, lang)
    assert found and found[0] == reason and found[1]
    assert task_fault(passes, lang) is None


def test_an_instance_that_answers_passes() -> None:
    assert instance_fault("Convert it.", "2 kg", "2,000 g", "en") is None
    assert instance_fault("翻译成英文。", "泵", "pump", "zh") is None
    assert instance_fault("用English说出它的名称。", "", "It is the pump of the mill.", "zh") is None
    assert instance_fault("Translate into French:", "Good morning.", "Bonjour.", "en") is None
    for announced, lang in (("Summarise the following list:", "en"), ("总结下面的清单：", "zh")):
        assert instance_fault(announced, "", "It is short. 很短。", lang) == (
            "breaks_off", "the task ends in a colon, and nothing comes after it")
    foreign = [instance_fault("说明水泵的用途。", "", "It lifts the water to the tank.", "zh"),
               instance_fault("Say what a pump is for.", "", "把水抽到水箱里。", "en")]
    assert [fault and fault[0] for fault in foreign] == ["wrong_language"] * 2
    repeated = instance_fault("Convert it to grams.", "", "Convert it to grams.", "en")
    assert repeated and repeated[0] == "output_is_instruction"


@pytest.mark.parametrize(
    ("text", "finish", "found"),
    [
        (" Sort the list.\n10. Name a city.", "stop", ["Sort the list.", "Name a city."]),
        ("9. Sort the list.\n10. Name a city.", "stop", ["Sort the list.", "Name a city."]),
        ("1. Sort the list.\n2. Name\na city.", "stop", ["Sort the list.", "Name a city."]),
        ("9. 整理清单。\n10、说出一个城市。", "stop", ["整理清单。", "说出一个城市。"]),
        ("9. Task: Sort the list.\n10. **Name a city.**", "stop", ["Sort the list.", "Name a city."]),
        ("9. Sort the list.\n10. Name a ci", "length", ["Sort the list."]),
        ("9. Sort", "length", []),
        ("10. Sort the list.\n11. Name a city.", "stop", ["Sort the list.", "Name a city."]),
        ("<think>hm</think>9. Sort the list.", "stop", ["Sort the list."]),
        ("9. Summarise this:\n1. First\n2. Second\n10. Name a city.", "stop",
         ["Summarise this: 1. First 2. Second", "Name a city."]),
        ("9. 给下面的步骤排序：\n1. 关泵\n2. 排气\n11. 说出一个城市。", "stop",
         ["给下面的步骤排序： 1. 关泵 2. 排气", "说出一个城市。"]),
        ("", "stop", []),
        ("", "error: 400", []),
    ],
)
def test_a_reply_is_split_on_its_numbers(text: str, finish: str, found: list[str]) -> None:
    assert proposals(Reply(text=text, finish=finish), 9) == found


@BOTH
def test_lines_that_are_no_seeds_are_set_aside_and_told_by_their_line_in_the_file(tmp_path: Path, lang: str) -> None:
    good, path = seeds(tmp_path, lang).read_text(encoding="utf-8"), tmp_path / "bad.jsonl"
    named = good.replace('"id"', '"was"', 1)
    lost = '\n{"task": 3}\n\n{"instruction": " \u3000"}\nno JSON\n["list"]\n'
    path.write_text("\ufeff" + named + lost, encoding="utf-8")
    made = Made(tmp_path, lang, seeds=(str(path),))
    bad = [record for record in made.records if record.rejection and record.rejection.reason == "bad_line"]
    assert [record.source and record.source.line for record in bad] == [14, 16, 17, 18]
    told = [record.rejection.detail for record in bad if record.rejection]
    assert all(f"bad.jsonl:{n}: " in text for n, text in zip((14, 16, 17, 18), told, strict=True))
    whys = ("missing required field `instruction`", "`instruction` is empty", "not JSON", "expected an object")
    assert all(why in text for why, text in zip(whys, told, strict=True)) and len(made.kept) == 6
    parents = {id_ for record in made.kept for id_ in record.history[0].parents}
    assert "bad.jsonl:1" in parents and f"{lang}-11" in parents


def test_seeds_of_which_none_or_too_few_are_left_are_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('\n{"task": 3}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"mine\.jsonl: no line is a seed task; the first \(line 2\).*A line is"):
        Made(tmp_path, "en", seeds=(str(path),))
    path.write_text('{"instruction": "Sort the list."}\n{"task": 3}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"1 seed tasks are in the language en; 8 are shown .* \(1 lines are none: .*:2: "):
        Made(tmp_path, "en", seeds=(str(path),))


@BOTH
def test_marks_within_a_task_are_not_filled(lang: str) -> None:
    asked, given = {"en": ("What does {{input}} mean in Jinja?", "Hello {{instruction}}"),
                    "zh": ("在 Jinja 里 {{input}} 是什么意思？", "你好 {{instruction}}")}[lang]
    for seed in range(8):
        text = joined(asked, given, lang, random.Random(seed))
        assert text.count(asked) == 1 and text.count(given) == 1


def test_records_of_an_earlier_run_are_seeds(tmp_path: Path) -> None:
    first = Made(tmp_path / "a", "en", target=12)
    kept = tmp_path / "kept.jsonl"
    kept.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in first.kept))
    made = Made(tmp_path / "b", "en", teacher("en", start=100), seeds=(str(kept),), target=1)
    assert set(made.kept[0].history[0].parents) <= {record.id for record in first.kept}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"languages": ("de",)}, "languages: expected en, zh or both, not de"),
        ({"languages": ()}, "languages"),
        ({"target": 0}, "expected 1 or more"),
        ({"classification": 2.0}, "expected 0 to 1"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Options(**options)


def test_an_estimate_grows_with_the_target() -> None:
    few, many = estimate([], Options(target=10)), estimate([], Options(target=100))
    assert all(a < b for a, b in zip(few, many, strict=True))


def with_instances(lang: str, *instances: tuple[str, str]) -> Script:
    """Fills every task with these inputs and outputs, one a request."""

    def odd(request: Request) -> Any:
        if kind(request) != "instance":
            return None
        input_, output = instances[request.sample]
        return json.dumps({"input": input_, "output": output}, ensure_ascii=False)

    return teacher(lang, odd)


INPUTS = {"en": [("Pump 1 leaks.", "A leak."), ("Pump 2 is loud.", "A noise.")],
          "zh": [("一号泵漏油。", "漏油。"), ("二号泵有异响。", "异响。")]}


@BOTH
def test_a_task_that_needs_an_input_gets_several_instances(tmp_path: Path, lang: str) -> None:
    made = Made(tmp_path, lang, with_instances(lang, *INPUTS[lang]), target=1, instances=2)
    assert [(r.input, r.answer) for r in made.kept] == INPUTS[lang]
    assert len({r.instruction for r in made.kept}) == 1 and made.figures["accepted"] == 1


@BOTH
def test_one_input_with_two_outputs_takes_the_whole_task_away(tmp_path: Path, lang: str) -> None:
    (input_, output), (_, other) = INPUTS[lang]
    made = Made(tmp_path, lang, with_instances(lang, (input_, output), (input_, other)), target=1, instances=2)
    assert not made.kept and set(made.reasons) == {"contradicting_instances"}


@BOTH
def test_a_further_instance_that_fails_is_left_out(tmp_path: Path, lang: str) -> None:
    first = INPUTS[lang][0]
    made = Made(tmp_path, lang, with_instances(lang, first, ("x", "")), target=1, instances=2)
    assert [(r.input, r.answer) for r in made.kept] == [first]


@BOTH
def test_input_and_instruction_are_joined_in_several_ways(tmp_path: Path, lang: str) -> None:
    made = Made(tmp_path, lang, with_instances(lang, *INPUTS[lang]), target=12, templates="varied")
    assert all(r.input == "" and INPUTS[lang][0][0] in r.instruction for r in made.kept)
    assert len({r.instruction.replace(INPUTS[lang][0][0], "").strip()[:3] for r in made.kept}) > 2


@BOTH
def test_passages_of_the_documents_steer_the_tasks(tmp_path: Path, lang: str) -> None:
    from tests.datagen.teaching import SENTENCES, passage

    made = Made(tmp_path, lang, records=[passage("en"), passage("zh")], passages=1.0)
    systems = [request.messages[0].content for request in made.requests("propose")]
    other = "zh" if lang == "en" else "en"
    assert systems and all(SENTENCES[lang][0] in text and SENTENCES[other][0] not in text for text in systems)


@BOTH
def test_a_new_passage_takes_over_the_requests_that_show_it_and_no_others(tmp_path: Path, lang: str) -> None:
    *old, new = numbered(lang, 6)
    options: dict[str, Any] = {"passages": 1.0, "patience": 24}
    before, after = (
        Made(tmp_path, lang, scripted(lambda request: ""), records=given, **options).script.requests for given in (old, [*old, new])
    )
    changed = [two.messages[0].content for one, two in zip(before, after, strict=True) if one != two]
    assert 0 < len(changed) < 12 and all(new.text[:20] in text for text in changed)


@BOTH
def test_outputs_can_be_worked_out_step_by_step(tmp_path: Path, lang: str) -> None:
    steps = {"en": "Two and two are four.\nAnswer: Four.", "zh": "二加二得四。\n答案：四。"}[lang]

    def odd(request: Request) -> Any:
        return steps if kind(request) == "propose" and len(request.messages) > 4 and request.max_tokens > 10 and (
            "Answer" in request.messages[0].content or "答案" in request.messages[0].content) else None

    made = Made(tmp_path, lang, teacher(lang, odd), target=1, reasoning=True)
    (record,) = made.kept
    assert record.answer in ("Four.", "四。")
    assert record.messages[-1].extra["reasoning_content"] in ("Two and two are four.", "二加二得四。")
