"""From passages to pairs with a teacher who says what the test wants: what is accepted, and what is not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest

from datagen.checks.certainty import certainty
from datagen.material.kinds import LEVELS
from datagen.material.passages import passage_of
from datagen.teacher.journal import canonical, key_of
from datagen.teacher.scripted import Rule, scripted
from seedbed.chat import Reply, Request
from seedbed.gate import Gate
from seedbed.kin import named
from seedbed.prompts import load
from seedbed.record import Source, chat, make
from tests.datagen.teaching import (
    ANSWERS,
    BOTH,
    QUESTIONS,
    SENTENCES,
    Asked,
    knowing,
    pair,
    passage,
    point,
    run,
    spoken,
)


def only(lang: str, n: int) -> Any:
    """A passage of one sentence."""
    return make(text=SENTENCES[lang][n], language=lang, source=passage(lang).source)


# ---- what is accepted ----


@BOTH
def test_accepted_pairs_rest_on_exact_evidence(tmp_path: Path, lang: str) -> None:
    asked = passage(lang)
    document = "#" * 100 + asked.text + " 后面还有 more."
    made = run(tmp_path, [asked])
    assert len(made.kept) == 3 and made.figures["accepted"] == 3
    by_question = {record.instruction: record for record in made.kept}
    for sentence, question, answer in zip(SENTENCES[lang], QUESTIONS[lang], ANSWERS[lang], strict=True):
        record = by_question[question]
        assert record.answer == answer
        assert [quote.quote for quote in record.evidence] == [sentence]
        assert all(document[quote.start : quote.end] == quote.quote for quote in record.evidence)
        assert (record.task, record.language, record.source) == ("doc_qa", lang, asked.source)


@BOTH
def test_the_history_tells_passage_prompt_teacher_and_calls(tmp_path: Path, lang: str) -> None:
    asked = passage(lang)
    made = run(tmp_path, [asked])
    requests = {key_of(canonical("scripted", request)): request for request in made.script.requests}
    for record in made.kept:
        (step,) = record.history
        assert (step.stage, step.operation, step.parents, step.teacher) == ("doc_qa", "pair", (asked.id,), "scripted")
        assert step.prompt == load(lang, "doc_qa/pair").label
        (key,) = step.calls
        assert point(requests[key]) == record.evidence[0].quote


@BOTH
def test_the_teacher_sees_examples_and_the_point_alone_unless_the_passage_is_asked_for(tmp_path: Path, lang: str) -> None:
    for request in run(tmp_path, [passage(lang)]).script.requests:
        roles = [message.role for message in request.messages]
        assert roles == ["system", *["user", "assistant"] * 6, "user"] and "{{" not in request.messages[-1].content
        assert sum(sentence in request.messages[-1].content for sentence in SENTENCES[lang]) == 1
    shown: list[str] = []

    def say(request: Request) -> str:
        shown.append(request.messages[-1].content)
        return pair("?", "?")

    run(tmp_path / "whole", [passage(lang)], scripted(say), context="passage", waves=1)
    assert len(shown) == 3 and all(sentence in text for text in shown for sentence in SENTENCES[lang])
    assert {text.splitlines()[3] for text in shown} == {"→ [1]", "→ [2]", "→ [3]"}


@BOTH
@pytest.mark.parametrize("mark", ["[2]", " [2].", "[2] [2]", "【2】", "（2）", "[2, 2]", "[2][9]", "[2–2]。"])
def test_citations_are_taken_off_the_answer(tmp_path: Path, lang: str, mark: str) -> None:
    cites = knowing(lambda request: pair(QUESTIONS[lang][1], ANSWERS[lang][1] + mark))
    (record,) = run(tmp_path, [only(lang, 1)], cites).kept
    assert record.answer == ANSWERS[lang][1]
    assert [quote.quote for quote in record.evidence] == [SENTENCES[lang][1]]


@pytest.mark.parametrize(
    ("lang", "said", "asked", "answer"),
    [
        ("en", "The limit of the pump is set with the command kx-limit(8).", "How is the limit of the pump set?",
         "It is set with the command kx-limit(8)."),
        ("zh", "离心泵的压力上限由值班人员设置，所用的命令是 kx-limit(8)。", "离心泵的压力上限用什么命令设置？", "用命令 kx-limit(8)。"),
    ],
)
def test_the_section_of_a_manual_page_is_no_citation(tmp_path: Path, lang: str, said: str, asked: str, answer: str) -> None:
    manual = make(text=said, language=lang, source=Source(document="kx.md"))
    (record,) = run(tmp_path, [manual], scripted(lambda request: pair(asked, answer)), waves=1).kept
    assert record.answer == answer


@BOTH
@pytest.mark.parametrize(
    "sentence",
    [3, "3", "[3]", 1, 99, 0, -1, "²", "SENTENCE", "near", "nowhere at all 别处"],
)
def test_a_number_or_quote_only_proposes_the_evidence(tmp_path: Path, lang: str, sentence: Any) -> None:
    sentence = {"SENTENCE": SENTENCES[lang][2], "near": SENTENCES[lang][2][:-1] + "!"}.get(str(sentence), sentence)

    def says(request: Request) -> str:
        return pair(QUESTIONS[lang][2], ANSWERS[lang][2], sentence) if point(request) == SENTENCES[lang][2] else "?"

    (record,) = run(tmp_path, [passage(lang)], knowing(says), waves=1).kept
    assert SENTENCES[lang][2] in [quote.quote for quote in record.evidence]


@BOTH
def test_labels_tell_kind_and_level(tmp_path: Path, lang: str) -> None:
    made = run(tmp_path, [passage(lang)], levels={"advanced": 1})
    kinds = {record.instruction: record.labels["kind"] for record in made.kept}
    assert kinds[QUESTIONS[lang][0]] == "fact" and kinds[QUESTIONS[lang][1]] == "why"
    assert {record.labels["level"] for record in made.kept} == {"advanced"}
    lines = load(lang, "doc_qa/kinds").text.splitlines()
    line = next(line.partition(": ")[2] for line in lines if line.startswith("advanced:"))
    assert all(line in request.messages[-1].content for request in made.script.requests)
    made = run(tmp_path / "all", [passage(lang, n) for n in range(4)], levels=dict.fromkeys(LEVELS, 1))
    assert {record.labels["level"] for record in made.records} <= set(LEVELS)


@BOTH
def test_two_neighbours_are_joined_for_the_intermediate_level_alone(tmp_path: Path, lang: str) -> None:
    text = {"en": "The KX-40 pump runs at 2.5 bar by default. It must not run above a pressure of 4 bar.",
            "zh": "KX-40 离心泵的默认压力是 2.5 bar。它的运行压力不得超过 4 bar。"}[lang]
    question = {"en": "What is the default and the highest pressure of the KX-40 pump?", "zh": "KX-40 离心泵的默认压力和最高运行压力是多少？"}[lang]
    answer = {"en": "It runs at 2.5 bar by default, and not above 4 bar.", "zh": "默认压力是 2.5 bar，运行压力不得超过 4 bar。"}[lang]
    both = scripted(lambda request: pair(question, answer, 1, 2))
    (record,) = run(tmp_path, [make(text=text, language=lang)], both, levels={"intermediate": 1}, kinds={"fact": 1}).records
    assert record.labels["level"] == "intermediate"
    shown = both.requests[0].messages[-1].content
    assert "[1] " in shown and "[2] " in shown
    made = run(tmp_path / "basic", [make(text=text, language=lang)], scripted(lambda request: "?"), waves=1)
    assert all("[2]" not in request.messages[1 + 12].content for request in made.script.requests)


@BOTH
def test_a_row_of_a_table_is_shown_with_its_heads_and_rests_on_both(tmp_path: Path, lang: str) -> None:
    text = {"en": "# KX-40 faults\n\n| Code | Meaning |\n|---|---|\n| E01 | motor too hot |\n| E17 | filter blocked |",
            "zh": "# KX-40 故障\n\n| 代码 | 含义 |\n|---|---|\n| E01 | 电机过热 |\n| E17 | 滤芯堵塞 |"}[lang]
    says = {"en": {"E01": ("What does the KX-40 fault E01 mean?", "The code E01 means that the motor is too hot."),
                   "E17": ("What is the meaning of the KX-40 code E17?", "The code E17 means that the filter is blocked.")},
            "zh": {"E01": ("KX-40 的故障代码 E01 表示什么？", "代码 E01 的含义是电机过热。"),
                   "E17": ("KX-40 的代码 E17 是什么含义？", "代码 E17 的含义是滤芯堵塞。")}}[lang]
    knows = scripted(lambda request: pair(*next(said for code, said in says.items() if code in point(request))))
    made = run(tmp_path, [make(text=text, language=lang)], knows, twin=0.99)
    shown = {request.messages[-1].content.splitlines()[0] for request in knows.requests}
    assert shown == {"en": {"[2] KX-40 faults – Code: E01; Meaning: motor too hot",
                            "[3] KX-40 faults – Code: E17; Meaning: filter blocked"},
                     "zh": {"[2] KX-40 故障 – 代码: E01; 含义: 电机过热", "[3] KX-40 故障 – 代码: E17; 含义: 滤芯堵塞"}}[lang]
    assert len(made.kept) == 2
    for record in made.kept:
        quotes = [quote.quote for quote in record.evidence]
        assert len(quotes) == 2 and all(quote in text for quote in quotes)


@pytest.mark.parametrize(
    ("lang", "says", "reasons"),
    [
        ("en", "The remedy is Code: E01.", ["copies_passage"]),
        ("en", "The motor is too hot, the level is 3, and the remedy is to let it cool.", ["copies_passage"]),
        ("en", "The motor is too hot, and the remedy is to let it cool.", []),
        ("zh", "KX-40 的故障是代码: E01。", ["copies_passage"]),
        ("zh", "含义是电机过热，等级是 3，办法是停机冷却。", ["copies_passage"]),
        ("zh", "表示电机过热，办法是停机冷却。", []),
    ],
)
def test_a_row_as_it_is_shown_or_as_a_whole_is_no_answer(tmp_path: Path, lang: str, says: str, reasons: list[str]) -> None:
    head = {"en": "| Code | Meaning | Level | Remedy |", "zh": "| 代码 | 含义 | 等级 | 办法 |"}[lang]
    row = {"en": "| E01 | motor is too hot | 3 | let it cool |", "zh": "| E01 | 电机过热 | 3 | 停机冷却 |"}[lang]
    asks = {"en": "What does the KX-40 fault E01 mean?", "zh": "KX-40 的故障 E01 表示什么？"}[lang]
    title = {"en": "# KX-40 faults", "zh": "# KX-40 故障"}[lang]
    manual = make(text=f"{title}\n\n{head}\n|---|---|---|---|\n{row}", language=lang)
    assert run(tmp_path, [manual], scripted(lambda request: pair(asks, says)), waves=1).reasons == reasons


@BOTH
def test_rows_of_a_table_that_draws_all_questions_to_it_are_shown_without_its_name(tmp_path: Path, lang: str) -> None:
    head, name = {"en": ("| Part | Use |", "Parts for KX-40 pumps"), "zh": ("| 零件 | 用途 |", "KX-40 离心泵的零件")}[lang]
    uses = {"en": ["keeps water in", "turns the shaft", "reads the heat", "holds the oil"],
            "zh": ["防止漏水", "带动转轴", "读取温度", "储存润滑油"]}[lang]
    rows = "\n".join(f"| P-{number} | {use} |" for number, use in enumerate(uses, 11))
    wide, narrow = {"en": ("What is needed for KX-40 pumps?", "What is the part {} used for?"),
                    "zh": ("KX-40 离心泵需要哪些零件？", "零件 {} 有什么用途？")}[lang]

    def says(request: Request) -> str:
        told = point(request)
        code, use = next((f"P-{n}", use) for n, use in enumerate(uses, 11) if use in told)
        said = {"en": f"The part {code} {use}.", "zh": f"零件 {code} 用于{use}。"}[lang]
        return pair(wide if name in told else narrow.format(code), said)

    made = run(tmp_path, [make(text=f"# {name}\n\n{head}\n|---|---|\n{rows}", language=lang)], scripted(says), per_passage=2, twin=0.99)
    assert made.reasons == ["whole_table"] * 2
    assert len(made.kept) == 2 and not {r.instruction for r in made.kept} & {wide}


TABLE = "| Code | Meaning |\n|---|---|\n| E01 | motor 电机 |"


@pytest.mark.parametrize(
    ("lang", "text", "shown"),
    [
        ("en", f"## 7.5 Fonts\n\n{TABLE}\n\nTable 7.5: List of pump faults\n\n## 7.6 Inks", "pump faults"),
        ("en", f"## 7.5 Fonts\n\nTable A.2. The faults\n{TABLE}\n\nThe rest is fine.", "The faults"),
        ("en", f"## 7.5 Faults of pumps\n\n{TABLE}\n\nTable 7.5 is old.", "Faults of pumps"),
        ("en", f"## 3D printing\n\n{TABLE}", "3D printing"),
        ("zh", f"## 5.5 网络优化\n\n{TABLE}\n\nTable 5.5: 离心泵故障列表\n\n## 5.6 防火墙", "离心泵故障"),
        ("zh", f"## 5.5 网络优化\n\n表 5.5：离心泵故障\n\n{TABLE}", "离心泵故障"),
        ("zh", f"## 第五章 离心泵\n\n{TABLE}", "离心泵"),
    ],
)
def test_a_table_goes_by_its_caption_or_its_heading_without_the_number(lang: str, text: str, shown: str) -> None:
    seen = passage_of(make(text=text, language=lang), lang)
    assert [seen.stated(row) for row in seen.heads] == [f"{shown} – Code: E01; Meaning: motor 电机"]


@BOTH
def test_a_kind_without_weight_is_never_asked_for(tmp_path: Path, lang: str) -> None:
    made = run(tmp_path, [passage(lang, n) for n in range(6)], kinds={"why": 1})
    wanted = {request.messages[-1].content.splitlines()[-1] for request in made.script.requests}
    line = next(line for line in load(lang, "doc_qa/kinds").text.splitlines() if line.startswith("why: "))
    assert len(wanted) == 1 and wanted.pop().endswith(line.removeprefix("why: "))


def test_each_passage_is_asked_in_its_own_language(tmp_path: Path) -> None:
    made = run(tmp_path, [passage("en"), passage("zh")])
    assert {spoken(request) for request in made.script.requests} == {"en", "zh"}
    assert made.figures["by_language"] == {"en": 3, "zh": 3}
    for request in made.script.requests:
        assert (point(request) in SENTENCES["zh"]) == (spoken(request) == "zh")


# ---- what is not ----


@BOTH
@pytest.mark.parametrize(
    ("reply", "reason", "calls"),
    [
        (Rule(text='{"question": "What is', finish="length"), "cut", 1),
        (Rule(text='{"question": "What is'), "cut", 1),
        (Rule(text=""), "empty", 2),
        (Rule(text="The pairs are as follows. 问答如下。"), "not_json", 2),
        (Rule(text='{"sentences": [1]}'), "wrong_shape", 2),
        (Rule(text="I'm sorry, but I can't help with that."), "refused", 1),
        (Rule(text="", finish="content_filter"), "refused", 1),
        (Rule(finish="error: 400: too long"), "bad_request", 1),
        (Rule(text="<think>很难 hard"), "empty", 2),
    ],
)
def test_a_reply_without_a_pair_is_a_rejected_record_with_the_reply(
    tmp_path: Path, lang: str, reply: Rule, reason: str, calls: int
) -> None:
    asked = only(lang, 0)
    made = run(tmp_path, [asked], knowing(lambda request: reply), waves=1)
    (record,) = made.records
    assert made.reasons == [reason] and record.rejection and record.rejection.detail
    assert (record.extra["raw"], record.extra["point"]) == (reply.text, [1])
    assert (record.source, record.language, record.history[0].parents) == (asked.source, lang, (asked.id,))
    assert len(record.history[0].calls) == len(made.script.requests) == calls
    assert made.figures["parse_failures"] == 1


@BOTH
def test_records_of_equal_failures_are_told_apart(tmp_path: Path, lang: str) -> None:
    made = run(tmp_path, [passage(lang)], knowing(lambda request: "no 不"), waves=3)
    assert len(made.rejected) == 3 and len({record.id for record in made.rejected}) == 3  # each point once, in all waves


@BOTH
@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ({"en": "According to the text, what is the default pressure?", "zh": "根据上文，默认压力是多少？"}, None,
         "leans_on_passage"),
        ({"en": "Does the KX-40 pump run at 2.5 bar?", "zh": "KX-40 离心泵的默认压力是 2.5 bar 吗？"}, None, "yes_or_no"),
        (None, {"en": "By default it runs at 9.5 bar.", "zh": "默认压力是 9.5 bar。"}, "unsupported_figure"),
        (None, {"en": "By default it runs at 2.5", "zh": "默认压力是 2.5"}, "cut_answer"),
        (None, {"en": "By default it \b runs at 2.5 bar.", "zh": "默认压力 \b 是 2.5 bar。"}, "garbled"),
    ],
)
def test_a_bad_pair_is_rejected_with_the_reason_and_the_reply(
    tmp_path: Path, lang: str, question: Any, answer: Any, reason: str
) -> None:
    said = pair((question or {lang: QUESTIONS[lang][0]})[lang], (answer or {lang: ANSWERS[lang][0]})[lang], 1)
    made = run(tmp_path, [only(lang, 0)], knowing(lambda request: said), waves=1)
    assert made.reasons == [reason] and not made.kept
    (record,) = made.rejected
    assert record.rejection and record.rejection.detail and record.extra["raw"] == said


@BOTH
def test_a_reason_is_only_asked_of_a_sentence_that_gives_one(tmp_path: Path, lang: str) -> None:
    question = {"en": "Why is the oil changed every 500 hours of work?", "zh": "为什么每 500 小时就更换润滑油？"}[lang]
    said = pair(question, {"en": "It is changed after 500 hours.", "zh": "运行 500 小时就更换。"}[lang], 1)
    made = run(tmp_path, [only(lang, 2)], knowing(lambda request: said), waves=1)
    assert made.reasons == ["off_point"]


@BOTH
def test_plain_sentences_are_asked_about_once_nothing_else_gave_a_pair(tmp_path: Path, lang: str) -> None:
    """The second sentence of each passage shows no kind of question."""
    text = {"en": "The KX-40 pump runs at 2.5 bar by default. Spoofed orders cause bad side effects in the KX-Lime pump.",
            "zh": "KX-40 离心泵的默认压力是 2.5 bar。伪造的指令会给 KX-Lime 离心泵带来不良后果。"}[lang]

    def asked(good: bool) -> list[bool]:
        said = QUESTIONS[lang][0], ANSWERS[lang][0] if good else "no 不"
        made = run(tmp_path / str(good), [make(text=text, language=lang)], scripted(lambda request: pair(*said)))
        return ["Lime" in point(request) for request in made.script.requests]

    assert asked(good=True) == [False]
    assert True not in asked(good=False)[:1] and True in asked(good=False)


@BOTH
def test_a_passage_that_carries_nothing_costs_nothing(tmp_path: Path, lang: str) -> None:
    text = {"en": "# Welcome\n\nWe like good pumps very much indeed.", "zh": "# 欢迎\n\n我们很喜欢好的离心泵。"}[lang]
    made = run(tmp_path, [make(text=text, language=lang)], waves=2)
    assert made.reasons == ["carries_nothing"] and not made.script.requests  # said once, in all rounds
    assert made.figures["parse_failures"] == 0


# ---- how sure the teacher is ----


class Hesitant(Asked):
    """Gives each token of its answers the same probability, and those of its questions 1."""

    def __init__(self, probability: float, **also: float) -> None:
        super().__init__(knowing())
        self.probability, self.question = probability, also.get("question", 1.0)

    async def __call__(self, request: Request) -> Reply:
        assert request.logprobs
        reply = await super().__call__(request)
        cut = reply.text.index('"answer"')
        tokens = [(char, math.log(self.question if n < cut else self.probability)) for n, char in enumerate(reply.text)]
        return msgspec.structs.replace(reply, tokens=tuple(tokens))


@BOTH
@pytest.mark.parametrize(
    ("teacher", "options", "reason"),
    [
        (Hesitant(0.9), {}, ""),
        (Hesitant(0.5), {}, "unsure_answer"),
        (Hesitant(0.5), {"certain_answer": 0}, ""),
        (Hesitant(0.9, question=0.5), {}, "unsure_question"),
        (Hesitant(0.9, question=0.5), {"certain_question": 0.4}, ""),
    ],
)
def test_words_of_which_the_teacher_is_not_sure_are_rejected(
    tmp_path: Path, lang: str, teacher: Hesitant, options: dict[str, Any], reason: str
) -> None:
    made = run(tmp_path, [only(lang, 0)], teacher=teacher, waves=1, **options)
    (record,) = made.records
    assert made.reasons == [reason] * bool(reason)
    assert record.scores["answer_certainty"] == pytest.approx(teacher.probability, abs=1e-3)
    assert record.scores["question_certainty"] == pytest.approx(teacher.question, abs=1e-3)


def test_certainty_is_the_geometric_mean_between_two_marks() -> None:
    tokens = (('{"question": "', 0.0), ("Why?", math.log(0.5)), ('", "answer": "', math.log(0.125)), ("Rain.", math.log(0.5)))
    assert certainty(tokens, '"question"', '"answer"') == pytest.approx((0.5 * 0.125) ** (1 / 2))  # the mark is in the first
    assert certainty(tokens, '"answer"', '"sentences"') == pytest.approx(0.5)  # to the end; its mark began before it
    assert certainty(tokens, '"reason"', '"answer"') is None
    assert certainty((), '"question"', '"answer"') is None  # an endpoint that tells none


# ---- twins ----


@BOTH
def test_a_twin_of_an_accepted_question_is_rejected_with_match_and_score(tmp_path: Path, lang: str) -> None:
    made = run(tmp_path, [passage(lang, 0), passage(lang, 1)], waves=1)
    assert len(made.kept) == 3 and made.reasons == ["twin_question"] * 3
    by_question = {record.instruction: record.id for record in made.kept}
    for record in made.rejected:
        assert record.rejection
        assert (record.rejection.match, record.rejection.score) == (by_question[record.instruction], 1.0)
    near = {"en": "At what pressure does the KX-40 pump run by default?", "zh": "KX-40 离心泵的出厂默认压力是多少？"}[lang]
    said = iter([pair(QUESTIONS[lang][0], ANSWERS[lang][0]), pair(near, ANSWERS[lang][0])] * 2)
    both = [make(text=SENTENCES[lang][0], language=lang, source=passage(lang, n).source) for n in range(2)]
    made = run(tmp_path / "near", both, knowing(lambda request: next(said)), waves=1, twin=0.5)
    assert [record.instruction for record in made.kept] == [QUESTIONS[lang][0]]
    assert made.rejected[0].rejection and 0.5 < (made.rejected[0].rejection.score or 0) < 1
    made = run(tmp_path / "far", both, knowing(lambda request: next(said)), waves=1, twin=0.99)
    assert len(made.kept) == 2


def test_marks_of_chat_templates_are_broken_up_in_prompts_and_whole_in_records(tmp_path: Path) -> None:
    text = "The KX-40 protocol ends each message with <|im_end|> after 5 seconds."
    assert passage_of(make(text=text), "en").numbered((0,)) == f"[1] {text}".replace("<|", "< |")
    said = pair("How does the KX-40 protocol end each message?", "It ends each message with < |im_end|> after 5 seconds.", 1)
    made = run(tmp_path, [make(text=text, language="en")], knowing(lambda request: said), waves=1)
    assert made.kept[0].answer == "It ends each message with <|im_end|> after 5 seconds."


def test_latin_names_tell_chinese_questions_apart() -> None:
    """Five of six characters of these two are the same."""
    asked = [make(messages=chat(q, "好。").messages, language="zh") for q in ("aptitude 是什么工具？", "exiv2 是什么工具？")]
    gate = Gate(0.7)
    assert [gate.offer(r.id, r.instruction, named(r, r.instruction)) for r in asked] == [None, None]
    again = make(messages=chat("aptitude 究竟是什么工具？", "好。").messages, language="zh")
    assert gate.offer("again", again.instruction, named(again, again.instruction)) is not None
