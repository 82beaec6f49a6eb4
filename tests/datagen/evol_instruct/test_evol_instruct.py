"""Evol-Instruct with a teacher whose evolutions are known: rounds, lineage, and what is eliminated."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from datagen.evol_instruct.evolve import OPERATIONS
from datagen.evol_instruct.stage import Options, estimate, evol_instruct, expected, watch
from datagen.evol_instruct.trial import added
from datagen.teacher.scripted import Rule, Script, scripted
from seedbed.chat import Loop, Request
from seedbed.context import Context
from seedbed.prompts import load
from seedbed.record import Evidence, Message, Record, Source, chat, make
from tests.datagen.teaching import BOTH, NAMES, Asked, Notes, numbered

TASKS = {
    "en": ["Explain how a steam trap works.", "Name three uses of a lathe.", "Write a short note to the night shift."],
    "zh": ["说明蒸汽疏水阀的工作原理。", "说出车床的三种用途。", "给夜班写一张简短的便条。"],
}
MORE = {
    "en": [", in at most ninety words", " and name one exception", ", for a new apprentice", ", and give your reasons", ", in a table"],
    "zh": ["，不超过九十个字", "，并说明一个例外", "，写给新来的学徒看", "，并说出理由", "，列成表格"],
}
ANSWER = {"en": "It lets the water out and keeps the steam in.", "zh": "它排出凝结水，留住蒸汽。"}
DATA = {
    "table": "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |", "csv": "a,b\n1,2\n3,4", "json": '[{"a": 1}, {"a": 2}]',
    "xml": "<parts><part>seal</part></parts>", "sql": "SELECT a FROM parts WHERE b = 2;", "shell": "$ df -h\n/dev/sda 90%",
    "code": "def double(x):\n    return 2 * x", "log": "09:10 start\n09:20 stop", "config": "pump: on\npressure: 4",
}


def parents(lang: str, **more: Any) -> list[Record]:
    return [chat(task, "Parent answer." if lang == "en" else "原来的答案。", language=lang, task="t", **more) for task in TASKS[lang]]


def kind(request: Request) -> str:
    if request.schema is None:
        return "answer"
    return "judge" if "verdict" in request.schema["properties"] else "rewrite"


def spoken(request: Request) -> str:
    return "zh" if "你" in request.messages[0].content or "比较两个" in request.messages[0].content else "en"


def evolved(request: Request) -> dict[str, str]:
    """What a good teacher makes of it: one more condition each round; in breadth, something else."""
    lang, words = spoken(request), request.messages[-1].content
    shown = words.split({"en": "task: ", "zh": "任务："}[lang])[-1].split("\n")[0]
    if request.messages[0].content.startswith(load(lang, "evol_instruct/in_breadth").text[:20]):
        name = NAMES[lang][zlib.crc32(f"{request.sample}{shown}".encode()) % 10]
        return {"instruction": {"en": f"Which of {name} fits best?", "zh": f"{name}里哪个最合适？"}[lang], "input": "4 bar"}
    reply = {"instruction": shown.rstrip(".。") + MORE[lang][request.sample]}
    reply["instruction"] += {"en": ".", "zh": "。"}[lang]
    if request.schema and "input" in request.schema["properties"]:
        forms = dict(line.split(": ", 1) for line in load(lang, "evol_instruct/forms").text.splitlines())
        reply["input"] = DATA[next(name for name, form in forms.items() if words.endswith(form))]
    return reply


Says = Callable[[Request], Any]


def teacher(odd: Says = lambda request: None) -> Script:
    def say(request: Request) -> Any:
        if (strange := odd(request)) is not None:
            return strange if not isinstance(strange, dict) else json.dumps(strange, ensure_ascii=False)
        if kind(request) == "judge":
            return '{"besides": "a condition", "verdict": "different"}'
        if kind(request) == "rewrite":
            return json.dumps(evolved(request), ensure_ascii=False)
        return ANSWER[spoken(request)]

    return scripted(say)


class Made:
    def __init__(self, folder: Path, given: list[Record], script: Script | None = None, seed: int = 0, **options: Any) -> None:
        self.script, notes = script or teacher(), Notes()
        options = {"rounds": 1, "operations": {"deepen": 1}} | options
        upstream = {"ingest": folder / "ingest"}
        with Loop() as loop:
            context = Context(folder, seed=seed, complete=Asked(self.script), loop=loop, progress=notes, upstream=upstream)
            self.records = list(evol_instruct(given, Options(**options), context))
        self.figures, self.said = context.figures, notes.said
        self.kept = [record for record in self.records if record.rejection is None]
        self.reasons = [record.rejection.reason for record in self.records if record.rejection]

    def requests(self, wanted: str) -> list[Request]:
        return [request for request in self.script.requests if kind(request) == wanted]


# ---- rounds ----


@BOTH
def test_each_round_evolves_what_the_round_before_made(tmp_path: Path, lang: str) -> None:
    given = parents(lang)
    made = Made(tmp_path, given, rounds=4)
    assert len(made.kept) == len(made.records) == 12
    last = {record.id: record for record in given}
    for number in range(4):
        for record in made.kept[3 * number : 3 * number + 3]:
            (step,) = record.history
            (parent,) = step.parents
            assert record.instruction.startswith(last[parent].instruction.rstrip(".。"))
            assert (step.stage, step.operation, step.note) == ("evol_instruct", "deepen", f"round {number + 1}")
            assert step.prompt == load(lang, "evol_instruct/deepen").label and len(step.calls) == 3
            assert record.labels == {"evolution": "deepen", "round": str(number + 1)}
            assert (record.language, record.task, record.answer) == (lang, "t", ANSWER[lang])
        last = {record.id: record for record in made.kept[3 * number : 3 * number + 3]}
    assert [(r["asked"], r["kept"]) for r in made.figures["rounds"]] == [(3, 3)] * 4
    assert made.figures["operations"] == {"deepen": {"asked": 12, "kept": 12}} and not made.said


@BOTH
def test_a_failed_evolution_leaves_its_parent_to_the_next_round(tmp_path: Path, lang: str) -> None:
    def fails_once(request: Request) -> Any:
        return "" if kind(request) == "answer" and MORE[lang][1] in request.messages[-1].content else None

    given = parents(lang)
    made = Made(tmp_path, given, teacher(fails_once), rounds=2)
    assert made.reasons == ["empty"] * 3 and len(made.kept) == 3
    assert [r.history[0].parents for r in made.kept] == [(parent.id,) for parent in given]
    assert [r.labels["round"] for r in made.kept] == ["2"] * 3
    assert made.figures["eliminated"] == {"empty": 3}


@BOTH
def test_a_draw_depends_on_seed_record_and_round_alone(tmp_path: Path, lang: str) -> None:
    every = {"operations": dict.fromkeys(OPERATIONS, 1.0)}

    def drawn(given: list[Record], seed: int = 0) -> dict[str, list[str]]:
        made = Made(tmp_path, given, seed=seed, rounds=4, **every)
        firsts = {record.id: [record.id] for record in given}
        for record in made.kept:
            for line in firsts.values():
                if record.history[0].parents[0] == line[-1]:
                    line.append(record.id)
        operations = {record.id: record.history[0].operation for record in made.kept}
        return {first: [operations[id_] for id_ in line[1:]] for first, line in firsts.items()}

    given = parents(lang)
    together = drawn(given)
    assert {given[1].id: together[given[1].id]} == drawn(given[1:2])
    assert drawn(given[::-1]) == together
    assert drawn(given, seed=1) != together
    assert len({operation for line in together.values() for operation in line}) >= 3


@BOTH
def test_a_teacher_who_always_says_the_same_comes_to_an_end(tmp_path: Path, lang: str) -> None:
    same = {"instruction": {"en": "Say how one bends a copper pipe by hand.", "zh": "说说怎样徒手弯铜管。"}[lang], "input": "x"}
    made = Made(tmp_path, parents(lang), teacher(lambda r: same if kind(r) == "rewrite" else None), rounds=4,
                operations={"in_breadth": 1})
    assert len(made.kept) == 1 and len(made.records) == 12
    assert set(made.reasons) == {"near_duplicate", "equal"}
    assert "1 of 12 evolutions survived" in made.said[-1]


@BOTH
def test_equal_journals_give_equal_records_whatever_comes_first(tmp_path: Path, lang: str) -> None:
    def slow(request: Request) -> Any:
        return Rule(text=plain._choose(request).text, delay=0.005 * (len(request.messages[-1].content) % 3))

    plain = teacher()
    options = {"rounds": 3, "operations": dict.fromkeys(OPERATIONS, 1.0)}
    one = Made(tmp_path, parents(lang), teacher(), **options)
    other = Made(tmp_path, parents(lang), scripted(slow), **options)
    assert msgspec.json.encode(one.records) == msgspec.json.encode(other.records)


# ---- operations ----


@BOTH
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_asks_in_its_own_words_and_at_the_papers_temperature(tmp_path: Path, lang: str, operation: str) -> None:
    made = Made(tmp_path, parents(lang), operations={operation: 1})
    assert len(made.kept) == 3, made.reasons
    for request in made.requests("rewrite"):
        assert request.messages[0].content == load(lang, f"evol_instruct/{operation}").text.split("\n---\n")[0].strip()
        assert (request.temperature, request.top_p) == (1.0, 0.9)
    assert all((r.temperature, r.top_p, r.max_tokens) == (1.0, 0.9, 2048) for r in made.requests("answer"))
    assert all(bool(record.input) == (operation == "complicate_input") for record in made.kept)
    assert all(("most_similar" in record.extra) == (operation == "in_breadth") for record in made.kept)


@BOTH
def test_in_depth_a_reply_must_be_longer_than_the_parent(tmp_path: Path, lang: str) -> None:
    given = parents(lang)
    for operation in OPERATIONS:
        made = Made(tmp_path, given, operations={operation: 1})
        for parent, request in zip(given, made.requests("rewrite"), strict=True):
            assert request.schema and list(request.schema["properties"])[:2] == ["new", "instruction"]
            bounds = request.schema["properties"]["instruction"]
            least = bounds["minLength"]
            assert ("maxLength" in bounds) == (least > 1)
            assert (least > len(parent.instruction)) == (operation not in ("complicate_input", "in_breadth"))


@BOTH
def test_the_parents_input_is_kept_word_for_word_and_shown(tmp_path: Path, lang: str) -> None:
    table = "| 阀 | bar |\n|---|---|\n| V2 | 4 |"
    given = parents(lang, input=table)
    made = Made(tmp_path, given)
    assert [record.input for record in made.kept] == [table] * 3
    assert all(table in request.messages[-1].content for kind_ in ("rewrite", "answer") for request in made.requests(kind_))
    assert not any(table in request.messages[-1].content for request in made.requests("judge"))  # nothing new in it
    more = Made(tmp_path, given, operations={"complicate_input": 1})
    assert all(table in request.messages[-1].content for request in more.requests("judge"))
    assert all(record.input.startswith(table + "\n\n") and len(record.input) > len(table) + 10 for record in more.kept)
    assert len(more.kept) == 3
    assert all(record.history[0].note.startswith("round 1, ") for record in more.kept)


@BOTH
def test_only_single_questions_with_an_answer_are_evolved(tmp_path: Path, lang: str) -> None:
    turns = (Message("user", "a"), Message("assistant", "b"))
    others = [make(text="passage"), make(messages=turns * 2), make(messages=turns, rejected=Message("assistant", "c")),
              make(messages=(Message("system", "s"), *turns))]
    made = Made(tmp_path, [*others, *parents(lang), parents(lang)[0]])
    assert (made.figures["evolved"], made.figures["passed_over"], len(made.kept)) == (3, 4, 3)


@BOTH
def test_count_draws_by_the_seed_and_not_by_the_order(tmp_path: Path, lang: str) -> None:
    given = parents(lang)
    one, other = Made(tmp_path, given, count=2), Made(tmp_path, given[::-1], count=2)
    drawn = {record.history[0].parents[0] for record in one.kept}
    assert len(one.kept) == 2 and drawn == {record.history[0].parents[0] for record in other.kept}
    assert len({frozenset(r.history[0].parents[0] for r in Made(tmp_path, given, seed=n, count=1).kept) for n in range(8)}) > 1


def test_seeds_are_given_out_with_all_rounds(tmp_path: Path) -> None:
    made = Made(tmp_path, [], count=6, rounds=2, from_="seeds")
    seeds = [record for record in made.records if record.history[0].operation == "seed"]
    assert len(seeds) == 6 and made.records[:6] == seeds and all(record.answer for record in seeds)
    assert {record.history[0].note[:3] for record in seeds} <= {"en-", "zh-"}
    parents_ = {record.history[0].parents[0] for record in made.records[6:12]}
    assert parents_ == {record.id for record in seeds} and len(made.records) == 18
    assert made.records == Made(tmp_path, [], count=6, rounds=2).records  # without `from`, when nothing comes


def test_seeds_that_came_from_an_earlier_stage_are_not_given_out_again(tmp_path: Path) -> None:
    first = Made(tmp_path, [], count=2)
    again = Made(tmp_path, first.kept, from_="evol_instruct", operations={"reasoning_steps": 1})
    assert again.figures["evolved"] == len(first.kept) >= 2 and not {r.id for r in again.records} & {r.id for r in first.kept}


# ---- elimination ----

FAULTS: list[tuple[str, str, Any]] = [
    ("equal", "rewrite", {"en": {"instruction": "PARENT"}, "zh": {"instruction": "PARENT"}}),
    ("equal", "judge", {"en": {"besides": "nothing", "verdict": "equal"}, "zh": {"besides": "没有", "verdict": "equal"}}),
    ("no_verdict", "judge", {"en": "Not Equal", "zh": "不相同"}),
    ("sorry", "answer", {"en": "Sorry, that is beyond me.", "zh": "抱歉，这个我不会。"}),
    ("sorry", "answer", {"en": "I'm sorry, but I can't assist with that.", "zh": "对不起，我无法回答这个问题。"}),
    ("hollow", "answer", {"en": "It is what it is …", "zh": "这个的，就。"}),
    ("empty", "answer", {"en": "", "zh": ""}),
    ("leaks_prompt", "answer", {"en": "The given prompt asks for an explanation.", "zh": "改写后的任务要求说明原理。"}),
    ("leaks_prompt", "rewrite", {"en": {"instruction": "Rewritten task: PARENT in depth, with causes."},
                                 "zh": {"instruction": "改写后的任务：PARENT还要说明原因。"}}),
    ("breaks_off", "answer", {"en": "It works as follows:", "zh": "原理如下："}),
    ("wrong_language", "rewrite", {"en": {"instruction": "说明蒸汽疏水阀的工作原理，并给出理由和例外。"},
                                   "zh": {"instruction": "Explain how a steam trap works and why it fails."}}),
    ("wrong_language", "answer", {"en": "它排出凝结水，留住蒸汽。", "zh": "It lets the water out and keeps the steam in. " * 6}),
    ("breaks_off", "rewrite", {"en": {"instruction": "PARENT Answer these questions:"}, "zh": {"instruction": "PARENT回答下面的问题："}}),
    ("too_long", "rewrite", {"en": {"instruction": "PARENT" + " and then another one" * 20}, "zh": {"instruction": "PARENT" + "还要再多说一点" * 16}}),
    ("cut", "rewrite", {"en": {"instruction": "PARENT" + " and so on," * 60}, "zh": {"instruction": "PARENT" + "，" * 140}}),
    ("lost_conditions", "rewrite", {"en": {"instruction": "Name a use of traps."}, "zh": {"instruction": "疏水阀怎么用？"}}),
    ("lost_conditions", "rewrite", {"en": {"instruction": "Name three causes of vibration in a fan and how each is found."},
                                    "zh": {"instruction": "说出风机振动的三个原因，并说明怎样查出每个原因。"}}),
    ("not_json", "rewrite", {"en": "Explain it.", "zh": "说明一下。"}),
]


@BOTH
@pytest.mark.parametrize(("reason", "step", "said"), FAULTS)
def test_what_is_eliminated_and_why(tmp_path: Path, lang: str, reason: str, step: str, said: Any) -> None:
    parent = parents(lang)[0]
    reply = json.loads(json.dumps(said[lang], ensure_ascii=False).replace("PARENT", parent.instruction))
    made = Made(tmp_path, [parent], teacher(lambda r: reply if kind(r) == step else None))
    assert made.reasons == [reason] and not made.kept
    (record,) = made.records
    assert record.rejection and record.rejection.stage == "evol_instruct" and record.rejection.detail
    assert record.history[0].parents == (parent.id,) and record.history[0].calls
    if step == "rewrite":  # no more is bought for it
        assert not made.requests("judge") and not made.requests("answer")


@BOTH
def test_an_example_of_the_prompt_is_no_evolution(tmp_path: Path, lang: str) -> None:
    example = json.loads(load(lang, "evol_instruct/deepen").messages(task="x")[2].content)
    made = Made(tmp_path, parents(lang)[:1], teacher(lambda r: example if kind(r) == "rewrite" else None))
    assert made.reasons == ["leaks_prompt"]


@BOTH
def test_data_that_is_none_does_not_complicate(tmp_path: Path, lang: str) -> None:
    def says(request: Request) -> Any:
        return evolved(request) | {"input": {"en": "some data", "zh": "一些数据"}[lang]} if kind(request) == "rewrite" else None

    made = Made(tmp_path, parents(lang), teacher(says), operations={"complicate_input": 1})
    assert set(made.reasons) == {"no_data"} and len(made.reasons) == 3


@BOTH
def test_data_that_the_task_does_not_speak_of_changes_nothing(tmp_path: Path, lang: str) -> None:
    def says(request: Request) -> Any:
        return evolved(request) | {"instruction": TASKS[lang][0]} if kind(request) == "rewrite" else None

    made = Made(tmp_path, parents(lang)[:1], teacher(says), operations={"complicate_input": 1})
    assert made.reasons == ["equal"]


@BOTH
def test_data_that_is_the_parents_input_again_is_none(tmp_path: Path, lang: str) -> None:
    given = {"en": "Valve V2 leaks, seal worn, gasket brittle, spring broken", "zh": "阀门泄漏，密封磨损，垫片老化，弹簧断裂"}[lang]
    table = "\n".join(f"| {part} |" for part in [given, "---", *given.split({"en": ", ", "zh": "，"}[lang])])

    def says(request: Request) -> Any:
        return evolved(request) | {"input": table} if kind(request) == "rewrite" else None

    def tables(seed: int) -> list[str]:
        made = Made(tmp_path, parents(lang, input=given), teacher(says), seed=seed, operations={"complicate_input": 1})
        return [r.rejection.reason for r in made.records if r.rejection and r.history[0].note.endswith("table")]

    assert set(sum(map(tables, range(12)), [])) == {"repeats_input"}


@BOTH
def test_a_task_in_breadth_is_held_against_all_others(tmp_path: Path, lang: str) -> None:
    twin = {"en": "Name three uses of a lathe, please.", "zh": "请说出车床的三种用途。"}[lang]
    given = parents(lang)
    made = Made(tmp_path, given[:2], teacher(lambda r: {"instruction": twin} if kind(r) == "rewrite" else None),
                operations={"in_breadth": 1})
    first = made.records[0].rejection
    assert first and (first.reason, first.match) == ("near_duplicate", given[1].id)
    assert first.score and 0.7 < first.score < 1
    assert made.records[0].extra["most_similar"][0] == {"id": given[1].id, "score": first.score}


@BOTH
def test_records_that_were_not_drawn_are_known_too(tmp_path: Path, lang: str) -> None:
    given = parents(lang)
    for seed in range(3):
        made = Made(tmp_path, given, teacher(lambda r: {"instruction": TASKS[lang][1]} if kind(r) == "rewrite" else None),
                    seed=seed, count=1, operations={"in_breadth": 1})
        assert made.reasons in (["near_duplicate"], ["equal"])


@BOTH
def test_without_a_judge_none_is_asked(tmp_path: Path, lang: str) -> None:
    made = Made(tmp_path, parents(lang), judge=False)
    assert len(made.kept) == 3 and not made.requests("judge")


@BOTH
def test_an_apology_that_the_task_wants_is_an_answer(tmp_path: Path, lang: str) -> None:
    asked = {"en": "Write to a guest that we are sorry for the noise.", "zh": "给客人写一句对不起，说明为什么有噪声。"}[lang]
    said = {"en": "We are sorry for the noise of the pumps last night.", "zh": "昨晚水泵声音太大，对不起。"}[lang]
    made = Made(tmp_path, [chat(asked, "x", language=lang)], teacher(lambda r: said if kind(r) == "answer" else None))
    assert len(made.kept) == 1


# ---- grounded records ----


def grounded(folder: Path, lang: str) -> tuple[Record, str]:
    """A question about the second sentence of a passage, whose document lies beside the ingest stage."""
    passage = numbered(lang, 1)[0].text
    document = "# x\n\n" + passage + "\n"
    (folder / "ingest" / "documents").mkdir(parents=True, exist_ok=True)
    (folder / "ingest" / "documents" / "d0c.md").write_bytes(document.encode())
    quote = {"en": "The Alfa Bravo Charlie Delta seal lasts 31 days.", "zh": "天地玄黄宇宙密封能用 31 天，然后更换。"}[lang]
    start = document.index(quote)
    source = Source(document="x.md", document_hash="d0c", headings=("x",), start=5, end=5 + len(passage))
    question = {"en": "How many days does the Alfa Bravo Charlie Delta seal last?", "zh": "天地玄黄宇宙密封能用几天？"}[lang]
    answer = {"en": "It lasts 31 days.", "zh": "能用 31 天。"}[lang]
    record = chat(question, answer, language=lang, task="doc_qa", source=source, labels={"kind": "fact", "level": "basic"},
                  evidence=(Evidence(quote, start, start + len(quote)),))
    return record, document


DEEPER = {
    "en": "How many days does the Alfa Bravo Charlie Delta seal last, and which pressure does the Alfa Bravo Charlie Delta pump hold?",
    "zh": "天地玄黄宇宙密封能用几天，天地玄黄宇宙泵的压力是多少？",
}
BOTH_FACTS = {"en": "The seal lasts 31 days, and the pump holds 11 bar.", "zh": "密封可以用 31 天，泵的压力则是 11 bar。"}


@BOTH
def test_a_grounded_evolution_rests_on_exact_sentences_of_the_same_passage(tmp_path: Path, lang: str) -> None:
    parent, document = grounded(tmp_path, lang)
    replies = {"rewrite": {"instruction": DEEPER[lang]}, "answer": BOTH_FACTS[lang]}
    made = Made(tmp_path, [parent], teacher(lambda r: replies.get(kind(r))))
    (record,) = made.kept
    assert (record.source, record.task, record.language) == (parent.source, "doc_qa", lang)
    assert len(record.evidence) == 2 and parent.evidence[0] in record.evidence
    assert all(document[quote.start : quote.end] == quote.quote for quote in record.evidence)
    assert record.history[0].prompt == load(lang, "evol_instruct/from_source").label
    for kind_ in ("rewrite", "answer"):  # both see what the passage says
        assert all("51" in request.messages[-1].content for request in made.requests(kind_))
    assert [request.temperature for request in made.requests("answer")] == [0.3]


@BOTH
@pytest.mark.parametrize(
    ("reason", "step", "said"),
    [
        ("false_premise", "rewrite", {"en": "How many days does the Alfa Bravo Charlie Delta seal last at 99 bar?",
                                      "zh": "在 99 bar 的压力下，天地玄黄宇宙密封能用几天？"}),
        ("leans_on_passage", "rewrite", {"en": "According to the text, how many days does the Alfa Bravo Charlie Delta seal last?",
                                         "zh": "根据上文，天地玄黄宇宙密封能用几天，要不要更换？"}),
        ("unsupported_figure", "answer", {"en": "The seal lasts 32 days.", "zh": "密封可以用 32 天。"}),
        ("unsupported", "answer", {"en": "Rubber hardens slowly under sunlight and ozone.", "zh": "橡胶在阳光和臭氧里会慢慢变硬。"}),
        ("not_stated", "answer", {"en": "not stated", "zh": "没有说明"}),
    ],
)
def test_an_evolution_that_leaves_its_passage_is_rejected(
    tmp_path: Path, lang: str, reason: str, step: str, said: dict[str, str]
) -> None:
    parent, _ = grounded(tmp_path, lang)
    replies: dict[str, Any] = {"rewrite": {"instruction": DEEPER[lang]}, "answer": BOTH_FACTS[lang]}
    replies[step] = {"instruction": said[lang]} if step == "rewrite" else said[lang]
    made = Made(tmp_path, [parent], teacher(lambda r: replies.get(kind(r))))
    assert made.reasons == [reason] or (reason == "unsupported" and made.reasons == ["no_evidence"])
    assert made.records[0].source == parent.source


@BOTH
def test_without_the_document_the_quotes_are_the_ground(tmp_path: Path, lang: str) -> None:
    parent, _ = grounded(tmp_path / "elsewhere", lang)
    question = {"en": "After how many days must the Alfa Bravo Charlie Delta seal, which does not last longer, be renewed?",
                "zh": "天地玄黄宇宙密封能用几天，到期以后应当怎么做？"}[lang]
    answer = {"en": "The Alfa Bravo Charlie Delta seal lasts for 31 days.", "zh": "密封可以用 31 天，到期更换。"}[lang]
    replies = {"rewrite": {"instruction": question}, "answer": answer}
    made = Made(tmp_path, [parent], teacher(lambda r: replies.get(kind(r))))
    assert not made.reasons or made.reasons == ["false_premise"]
    assert [record.evidence for record in made.kept] == [parent.evidence] * len(made.kept)


# ---- options ----


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"operations": {"dig": 1}}, "operations: unknown dig; known: add_constraints"),
        ({"operations": {"deepen": 0}}, "at least one above 0"),
        ({"operations": {"deepen": -1}}, "0 and more"),
        ({"rounds": 0}, "expected 1 or more"),
        ({"count": 0}, "expected 1 or more"),
        ({"top_p": 2.0}, "expected 0 to 1"),
        ({"agree": 2}, "agree"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Options(**options)


def test_options_come_as_a_job_writes_them() -> None:
    options = msgspec.convert({"from": ["seeds", "doc_qa"], "operations": {"deepen": 2}}, Options)
    assert options.sources == ("seeds", "doc_qa") and Options().sources == ()
    assert [path.name for path in watch(options)] == ["tasks.en.jsonl", "tasks.zh.jsonl"]
    assert not watch(Options(from_="doc_qa"))


def test_an_estimate_grows_with_records_and_rounds() -> None:
    few, many = (estimate(parents("en"), Options(rounds=rounds)) for rounds in (1, 4))
    assert all(0 < a < b for a, b in zip(few, many, strict=True))
    assert estimate([], Options(from_="doc_qa")) == (0, 0, 0)
    assert estimate(parents("zh"), Options(count=2, rounds=1, judge=False))[0] == 2 * 2
    assert estimate([], Options(from_="seeds"))[0] == 350 * 4 * 3 and expected([], Options(from_="seeds")) == 350 * 5
    assert expected(parents("zh"), Options(from_="doc_qa", rounds=2)) == 3 * 2


@pytest.mark.parametrize(
    ("first", "second", "new"),
    [
        ("How long does it take?", "How long does it take? Give the answer in hours.", "Give the answer in hours"),
        ("List three causes of leaks.", "Name three reasons for leaks.", "Name … reasons for"),
        ("列出三个原因。", "列出三个原因，并说明 pump-2 的查法。", "并说明 pump-2 的查法"),
        ("Sort the list.", "sort the list!", ""),
    ],
)
def test_the_judge_is_shown_what_only_the_second_task_has(first: str, second: str, new: str) -> None:
    assert added(first, second) == new
