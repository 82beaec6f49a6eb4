"""From passages to pairs with a teacher who says what the test wants: what is accepted, and what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datagen.kinds import LEVELS
from datagen.passages import passage_of
from datagen.teacher.journal import canonical, key_of
from datagen.teacher.scripted import Rule
from seedbed.chat import Request
from seedbed.prompts import load
from seedbed.record import make
from tests.datagen.teaching import ANSWERS, BOTH, QUESTIONS, SENTENCES, drawing, kind_of, knowing, passage, run, spoken

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
    record = made.kept[0]
    (step,) = record.history
    assert (step.stage, step.operation, step.parents, step.teacher) == ("doc_qa", "answer", (asked.id,), "scripted")
    assert step.prompt.startswith(f"{lang}/doc_qa/answer@")
    requests = {key_of(canonical("scripted", request)): request for request in made.script.requests}
    assert [kind_of(requests[key]) for key in step.calls] == ["questions", "answer", "check"]
    assert record.instruction in requests[step.calls[1]].messages[-1].content
    assert record.scores == {"sure": 1.0}


@BOTH
@pytest.mark.parametrize("mark", ["[2]", " [2].", "[2] [2]", "【2】", "（2）", "[2, 2]", "[2][9]", "[2–2]。"])
def test_citations_are_taken_off_the_answer(tmp_path: Path, lang: str, mark: str) -> None:
    def cites(request: Request) -> str | None:
        if kind_of(request) == "answer" and QUESTIONS[lang][1] in request.messages[-1].content:
            return ANSWERS[lang][1] + mark
        return None

    record = next(r for r in run(tmp_path, [passage(lang)], knowing(cites)).kept if r.instruction == QUESTIONS[lang][1])
    assert record.answer == ANSWERS[lang][1]
    assert [quote.quote for quote in record.evidence] == [SENTENCES[lang][1]]


@BOTH
@pytest.mark.parametrize(
    "sentence",
    [3, "3", "[3]", 1, 99, 0, -1, "²", "SENTENCE", "near", "nowhere at all 别处"],
)
def test_a_number_or_quote_only_proposes_the_evidence(tmp_path: Path, lang: str, sentence: Any) -> None:
    sentence = {"SENTENCE": SENTENCES[lang][2], "near": SENTENCES[lang][2][:-1] + "!"}.get(str(sentence), sentence)
    made = run(tmp_path, [passage(lang)], knowing(drawing({"sentence": sentence, "question": QUESTIONS[lang][2]})), waves=1)
    (record,) = made.kept
    assert SENTENCES[lang][2] in [quote.quote for quote in record.evidence]


@BOTH
def test_labels_tell_kind_and_level(tmp_path: Path, lang: str) -> None:
    made = run(tmp_path, [passage(lang)], levels={"advanced": 1})
    kinds = {record.instruction: record.labels["kind"] for record in made.kept}
    assert kinds[QUESTIONS[lang][0]] == "fact" and kinds[QUESTIONS[lang][1]] == "why"
    assert {record.labels["level"] for record in made.kept} == {"advanced"}
    made = run(tmp_path / "all", [passage(lang, n) for n in range(4)])
    assert {record.labels["level"] for record in made.records} <= set(LEVELS)


@BOTH
def test_a_kind_without_weight_is_never_asked_for(tmp_path: Path, lang: str) -> None:
    made = run(tmp_path, [passage(lang, n) for n in range(6)], kinds={"why": 1})
    wanted = [request.messages[-1].content for request in made.requests("questions")]
    lines = dict(line.split(": ", 1) for line in load(lang, "doc_qa/kinds").text.splitlines() if ": " in line)
    assert wanted and all(lines["why"] in text and lines["fact"] not in text for text in wanted)


def test_each_passage_is_asked_in_its_own_language(tmp_path: Path) -> None:
    made = run(tmp_path, [passage("en"), passage("zh")])
    assert {spoken(request) for request in made.script.requests} == {"en", "zh"}
    assert made.figures["by_language"] == {"en": 3, "zh": 3}
    for request in made.script.requests:
        text = "".join(message.content for message in request.messages)
        assert (SENTENCES["zh"][0] in text) == (spoken(request) == "zh") or kind_of(request) == "rephrase"


# ---- what is not ----


@BOTH
@pytest.mark.parametrize(
    ("reply", "reason", "calls"),
    [
        (Rule(text='{"questions": [{"sentence": 1, "quest', finish="length"), "cut", 1),
        (Rule(text='{"questions": [{"sentence": 1, "quest'), "cut", 1),
        (Rule(text=""), "empty", 2),
        (Rule(text="The questions are as follows. 问题如下。"), "not_json", 2),
        (Rule(text='{"sentences": [1]}'), "wrong_shape", 2),
        (Rule(text='{"questions": []}'), "no_questions", 1),
        (Rule(text="I'm sorry, but I can't help with that."), "refused", 1),
        (Rule(text="", finish="content_filter"), "refused", 1),
        (Rule(finish="error: 400: too long"), "bad_request", 1),
        (Rule(text="<think>很难 hard"), "empty", 2),
    ],
)
def test_a_reply_without_questions_is_a_rejected_record_with_the_reply(
    tmp_path: Path, lang: str, reply: Rule, reason: str, calls: int
) -> None:
    asked = passage(lang)
    made = run(tmp_path, [asked], knowing(lambda request: reply), waves=1)
    (record,) = made.records
    assert made.reasons == [reason] and record.rejection and record.rejection.detail
    assert record.extra["raw"] == reply.text
    assert (record.source, record.language, record.history[0].parents) == (asked.source, lang, (asked.id,))
    assert len(record.history[0].calls) == len(made.script.requests) == calls
    assert made.figures["parse_failures"] == 1


@BOTH
def test_a_question_before_a_cut_is_kept(tmp_path: Path, lang: str) -> None:
    drawn = json.dumps({"questions": [{"sentence": 1, "question": QUESTIONS[lang][0]}]}, ensure_ascii=False)
    cut = Rule(text=drawn[:-2] + ', {"sentence": 2, "quest', finish="length")
    made = run(tmp_path, [passage(lang)], knowing(lambda r: cut if kind_of(r) == "questions" else None), waves=1)
    assert [record.instruction for record in made.kept] == [QUESTIONS[lang][0]]


@BOTH
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Rule(text="The seal 密封", finish="length"), "cut"),
        (Rule(text=""), "empty"),
        (Rule(text="<think>thinking 想"), "empty"),
        (Rule(finish="error: 400: too long"), "bad_request"),
        (Rule(text="I'm sorry, but I can't help with that."), "refused"),
        (Rule(text="抱歉，我无法回答这个问题。"), "refused"),
        ("wrong figure", "unsupported_figure"),
        ("half", "cut_answer"),
    ],
)
def test_a_bad_answer_is_tried_twice_and_then_rejected_with_the_reply(
    tmp_path: Path, lang: str, answer: Any, reason: str
) -> None:
    good = ANSWERS[lang][0]
    answer = {"wrong figure": good.replace("2.5", "9.5"), "half": good[:-2]}.get(answer, answer) if isinstance(
        answer, str) else answer

    def bad(request: Request) -> Any:
        return answer if kind_of(request) == "answer" else None

    drawn = drawing({"sentence": 1, "question": QUESTIONS[lang][0]})
    made = run(tmp_path, [passage(lang)], knowing(lambda request: drawn(request) or bad(request)), waves=1)
    assert made.reasons == [reason] and not made.kept
    (record,) = made.rejected
    assert record.instruction == QUESTIONS[lang][0] and record.rejection and record.rejection.detail
    assert record.extra["raw"] == (answer if isinstance(answer, str) else answer.text)
    assert [request.sample for request in made.requests("answer")] == [0, 1]


@BOTH
def test_a_second_answer_may_do(tmp_path: Path, lang: str) -> None:
    def late(request: Request) -> str | None:
        return "?" if kind_of(request) == "answer" and request.sample == 0 else None

    made = run(tmp_path, [passage(lang)], knowing(late), waves=1)
    assert sorted(record.answer for record in made.kept) == sorted(ANSWERS[lang])
    assert all(len(record.history[0].calls) == 4 for record in made.kept)


@BOTH
def test_a_bare_copy_is_put_in_other_words(tmp_path: Path, lang: str) -> None:
    longer = {"en": "Above 4 bar the seal of the pump leaks, because its soft rubber tears and the edges wear out.",
              "zh": "压力超过 4 bar 时离心泵的密封会泄漏，因为软橡胶会撕裂，边缘会磨损。"}[lang]
    other = {"en": "Its soft rubber tears and its edges wear out.", "zh": "软橡胶撕裂、边缘磨损，所以泄漏。"}[lang]

    def copies(request: Request) -> str | None:
        return {"answer": longer, "rephrase": other}.get(kind_of(request))

    drawn = drawing({"sentence": 1, "question": QUESTIONS[lang][1]})
    asked = make(text=longer, language=lang, source=passage(lang).source)
    made = run(tmp_path, [asked], knowing(lambda request: drawn(request) or copies(request)), waves=1)
    assert [record.answer for record in made.kept] == [other]
    (request,) = made.requests("rephrase")
    assert longer in request.messages[-1].content and len(request.messages) == 2  # the passage is not shown again


@BOTH
@pytest.mark.parametrize("said", [Rule(text="no"), Rule(text="否"), Rule(text="")])
def test_what_the_teacher_doubts_on_reading_it_again_is_rejected(tmp_path: Path, lang: str, said: Rule) -> None:
    doubts = knowing(lambda request: said if kind_of(request) == "check" else None)
    made = run(tmp_path, [passage(lang)], doubts, waves=1)
    assert set(made.reasons) == {"doubtful"} and not made.kept
    assert all(record.scores == {"sure": 0.0} for record in made.rejected)
    assert {record.extra["raw"] for record in made.rejected} <= set(ANSWERS[lang])  # the answer, not the verdict
    made = run(tmp_path / "off", [passage(lang)], doubts, sure=0.0)
    assert len(made.kept) == 3 and not made.requests("check")[3:] and not made.kept[0].scores


@BOTH
def test_a_bad_question_is_rejected_before_an_answer_is_paid_for(tmp_path: Path, lang: str) -> None:
    leaning = {"en": "According to the text, what is the default pressure?", "zh": "根据上文，默认压力是多少？"}[lang]
    made = run(tmp_path, [passage(lang)], knowing(drawing({"sentence": 1, "question": leaning})), waves=1)
    assert made.reasons == ["leans_on_passage"] and not made.requests("answer")
    assert made.rejected[0].instruction == leaning and made.rejected[0].history[0].operation == "question"


@BOTH
def test_a_reason_is_only_asked_of_a_sentence_that_gives_one(tmp_path: Path, lang: str) -> None:
    question = {"en": "Why is the oil changed every 500 hours of work?", "zh": "为什么每 500 小时就更换润滑油？"}[lang]
    made = run(tmp_path, [passage(lang)], knowing(drawing({"sentence": 3, "question": question})), waves=1)
    assert made.reasons == ["off_point"] and not made.requests("answer")


@BOTH
def test_a_passage_that_carries_nothing_costs_nothing(tmp_path: Path, lang: str) -> None:
    text = {"en": "# Welcome\n\nWe like good pumps very much indeed.", "zh": "# 欢迎\n\n我们很喜欢好的离心泵。"}[lang]
    made = run(tmp_path, [make(text=text, language=lang)], waves=1)
    assert made.reasons == ["carries_nothing"] and not made.script.requests


# ---- twins ----


@BOTH
def test_a_twin_of_an_accepted_question_is_rejected_with_match_and_score(tmp_path: Path, lang: str) -> None:
    made = run(tmp_path, [passage(lang, 0), passage(lang, 1)], waves=1)
    assert len(made.kept) == 3 and made.reasons == ["twin_question"] * 3
    by_question = {record.instruction: record.id for record in made.kept}
    for record in made.rejected:
        assert record.rejection
        assert (record.rejection.match, record.rejection.score) == (by_question[record.instruction], 1.0)
    near = {"en": "What is the usual pressure of the KX-40 pump?", "zh": "KX-40 离心泵的出厂压力是多少？"}[lang]
    drawn = drawing({"sentence": 1, "question": QUESTIONS[lang][0]}, {"sentence": 1, "question": near})
    both = knowing(lambda r: drawn(r) or (ANSWERS[lang][0] if kind_of(r) == "answer" else None))
    made = run(tmp_path / "near", [passage(lang)], both, waves=1, twin=0.5)
    assert [record.instruction for record in made.kept] == [QUESTIONS[lang][0]]
    assert made.rejected[0].rejection and 0.5 < (made.rejected[0].rejection.score or 0) < 1
    made = run(tmp_path / "far", [passage(lang)], both, waves=1, twin=0.99)
    assert len(made.kept) == 2


def test_marks_of_chat_templates_in_a_passage_are_broken_up() -> None:
    shown = passage_of(make(text="End it with <|im_end|> at 5 bar. 用 <|im_start|> 开始。"), "en").numbered
    assert "<|" not in shown and "[1] End it with < |im_end|> at 5 bar." in shown
