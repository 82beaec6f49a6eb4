"""A judge who sees the source, who writes nonsense, who likes everything, and who likes what comes first."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from curate.scoring.judge import Options, estimate, judge
from curate.scoring.reading import CRITERIA
from datagen.teacher.scripted import Rule, Script, scripted
from seedbed.chat import Loop, Request
from seedbed.context import Context
from seedbed.record import Evidence, Message, Record, Source, chat, make
from tests.datagen.teaching import Asked, Made, Notes

BOTH = pytest.mark.parametrize("lang", ["en", "zh"])
PASSAGE = {"en": "The KX-40 pump runs at 2.5 bar by default. Above 4 bar the seal leaks.",
           "zh": "KX-40 离心泵的默认压力是 2.5 bar。压力超过 4 bar 时密封会泄漏。"}
QUESTION = {"en": "What is the default pressure of the KX-40 pump?", "zh": "KX-40 离心泵的默认压力是多少？"}
RIGHT = {"en": "It runs at 2.5 bar.", "zh": "默认压力是 2.5 bar。"}
WRONG = {"en": "It runs at 9 bar.", "zh": "默认压力是 9 bar。"}


def marks(scores: int | dict[str, int], criteria: Sequence[str] = CRITERIA, reason: str = "seen") -> str:
    each = scores if isinstance(scores, dict) else dict.fromkeys(criteria, scores)
    return json.dumps({name: {"reason": reason, "score": score} for name, score in each.items()})


def asked_for(request: Request) -> list[str]:
    assert request.schema
    return list(request.schema["properties"])


def knowing(lang: str) -> Callable[[Request], str]:
    """A judge who finds the wrong figure."""

    def say(request: Request) -> str:
        wrong = WRONG[lang] in request.messages[-1].content
        lows = ("correctness", "groundedness")
        return marks({name: 1 if wrong and name in lows else 5 for name in asked_for(request)}, reason="9 bar" if wrong else "")

    return say


def grounded(lang: str, answer: str, **fields: Any) -> Record:
    source = Source(document="pump.md", document_hash="d0c", start=10, end=10 + len(PASSAGE[lang]))
    return chat(QUESTION[lang], answer, language=lang, source=source, **fields)


def run(folder: Path, records: list[Record], say: Callable[[Request], str | Rule] | Script, **options: Any) -> Made:
    script = say if isinstance(say, Script) else scripted(say)
    notes, teacher = Notes(), Asked(script)
    with Loop() as loop:
        context = Context(folder, upstream={"ingest": folder / "ingest"}, complete=teacher, loop=loop, progress=notes)
        found = list(judge(iter(records), Options(**options), context))
    return Made(found, context, script, notes.said)


def write_passage(folder: Path, lang: str) -> None:
    path = folder / "ingest" / "documents" / "d0c.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# KX-40\n\n\n" + PASSAGE[lang], encoding="utf-8")


@BOTH
def test_the_judge_sees_the_passage_and_its_scores_and_reasons_stand_on_the_record(tmp_path: Path, lang: str) -> None:
    write_passage(tmp_path, lang)
    made = run(tmp_path, [grounded(lang, RIGHT[lang]), grounded(lang, WRONG[lang])], knowing(lang))
    shown = made.script.requests[0].messages[-1].content
    assert PASSAGE[lang][1:] in shown and QUESTION[lang] in shown and RIGHT[lang] in shown
    assert [r.scores["judge"] for r in made.kept] == [5.0, 3.4]
    assert made.kept[1].scores == {"judge": 3.4, "judge.correctness": 1.0, "judge.groundedness": 1.0,
                                   "judge.helpfulness": 5.0, "judge.clarity": 5.0, "judge.format": 5.0}
    step = made.kept[1].history[-1]
    assert step.note.startswith("correctness 1 (9 bar); groundedness 1 (9 bar)") and len(step.calls) == 1
    assert step.prompt.startswith(f"{lang}/judge/with_source@") and made.kept[1].id == grounded(lang, WRONG[lang]).id
    assert made.figures["judged"] == made.figures["with_source"] == 2
    assert made.figures["marks"]["correctness"] == {"1": 1, "5": 1}


@BOTH
def test_without_a_source_nothing_is_said_of_groundedness(tmp_path: Path, lang: str) -> None:
    made = run(tmp_path, [chat(QUESTION[lang], RIGHT[lang], language=lang)], knowing(lang), above={"groundedness": 5})
    (record,) = made.kept
    assert "judge.groundedness" not in record.scores and record.scores["judge"] == 5.0
    said = "".join(message.content for message in made.script.requests[0].messages)
    assert "groundedness" not in said and asked_for(made.script.requests[0]) == [c for c in CRITERIA if c != "groundedness"]


def test_evidence_is_the_source_where_the_document_is_not_in_the_run(tmp_path: Path) -> None:
    record = grounded("en", RIGHT["en"], evidence=(Evidence("The KX-40 pump runs at 2.5 bar by default.", 0, 42),))
    made = run(tmp_path, [record], knowing("en"))
    assert "Source:\nThe KX-40 pump runs at 2.5 bar by default." in made.script.requests[0].messages[-1].content


@BOTH
def test_cuts_reject_with_the_score_and_the_cut(tmp_path: Path, lang: str) -> None:
    write_passage(tmp_path, lang)
    records = [grounded(lang, RIGHT[lang]), grounded(lang, WRONG[lang])]
    made = run(tmp_path, records, knowing(lang), above={"correctness": 2, "overall": 3.5})
    assert made.reasons == ["low_score"] and len(made.kept) == 1
    why = made.rejected[0].rejection
    assert why and (why.score, why.detail) == (1.0, "its correctness is 1; 2 and more pass")
    assert run(tmp_path, records, knowing(lang), above={"overall": 3.4}).reasons == []  # a score at the cut passes


@BOTH
def test_a_second_reading_is_turned_round_and_averaged(tmp_path: Path, lang: str) -> None:
    """A judge who gives 5 to whatever comes first, and then ever less."""
    write_passage(tmp_path, lang)

    def first_is_best(request: Request) -> str:
        return marks(dict(zip(asked_for(request), (5, 4, 3, 2, 1), strict=True)))

    made = run(tmp_path, [grounded(lang, RIGHT[lang])], first_is_best, twice=True)
    (record,) = made.kept
    assert {record.scores[f"judge.{name}"] for name in CRITERIA} == {3.0} and record.scores["judge"] == 3.0
    assert record.scores["judge.disagreement"] == made.figures["disagreement"] == 2.4
    once, again = (r.messages for r in made.script.requests)
    assert asked_for(made.script.requests[1]) == list(CRITERIA[::-1])
    assert once[0].content.index("- 1: ") < once[0].content.index("- 5: ")
    assert again[0].content.index("- 5: ") < again[0].content.index("- 1: ")
    for messages, order in ((once, CRITERIA), (again, CRITERIA[::-1])):
        assert all(list(json.loads(m.content)) == list(order) for m in messages if m.role == "assistant")
    assert len(record.history[-1].calls) == 2


@pytest.mark.parametrize("nonsense", [
    "I like it! 我很喜欢。", "{}", marks(7), marks(0), '{"correctness": 5}', marks(5, CRITERIA[:2]), '{"score": [1, 2',
    json.dumps({name: "good" for name in CRITERIA}), "5",
])
@BOTH
def test_nonsense_is_asked_about_once_more_and_then_the_record_stays_unscored(tmp_path: Path, lang: str, nonsense: str) -> None:
    write_passage(tmp_path, lang)
    made = run(tmp_path, [grounded(lang, RIGHT[lang], scores={"judge.correctness": 4.0, "ifd": 0.5})], lambda _: nonsense)
    (record,) = made.kept
    assert record.scores == {"ifd": 0.5} and record.labels["judge"] in ("not_json", "wrong_shape")
    assert made.script.calls == 2 and len(record.history[-1].calls) == 2
    assert made.figures["unscored"] == {record.labels["judge"]: 1} and made.figures["judged"] == 0
    assert made.said == [f"  judge: 1 of 1 records could not be rated ({record.labels['judge']} 1)"]
    rejected = run(tmp_path, [grounded(lang, RIGHT[lang])], lambda _: nonsense, unscored="reject")
    assert rejected.reasons == ["no_score"]


def test_a_second_reply_that_can_be_read_counts(tmp_path: Path) -> None:
    replies = count()
    made = run(tmp_path, [chat("Q?", "A.", language="en")],
               lambda r: "Well …" if next(replies) == 0 else marks(4, asked_for(r)))
    assert made.kept[0].scores["judge"] == 4.0 and made.figures["unscored"] == {}


@pytest.mark.parametrize(("rule", "reason"), [
    (Rule(finish="content_filter"), "refused"), (Rule(finish="error: too long"), "bad_request"),
    (Rule(text='{"correctness', finish="length"), "cut"), (Rule(text=" "), "empty"),
])
def test_a_reply_that_is_none_is_told_by_its_reason(tmp_path: Path, rule: Rule, reason: str) -> None:
    made = run(tmp_path, [chat("Q?", "A.", language="en")], lambda _: rule)
    assert made.kept[0].labels == {"judge": reason}


@pytest.mark.parametrize("given", [3, 4, 5])
def test_a_judge_that_likes_everything_is_told_of(tmp_path: Path, given: int) -> None:
    records = [chat(f"Question {n}? 问题", f"Answer {n}.", language="en") for n in range(30)]
    numbers = count()

    def same(request: Request) -> str:
        return marks({name: 1 if n == 0 else given for n in [next(numbers) % 30] for name in asked_for(request)})

    made = run(tmp_path, records, same)
    assert made.figures["flat"] == [name for name in CRITERIA if name != "groundedness"]
    assert made.figures["told_apart"] < 0.2 and f"about the same score, {given}" in made.said[0]


def test_a_judge_that_sorts_is_not_told_of(tmp_path: Path) -> None:
    records = [chat(f"Question {n}?", f"Answer {n}.", language="en") for n in range(30)]
    numbers = count()
    made = run(tmp_path, records, lambda r: marks({**dict.fromkeys(asked_for(r), next(numbers) % 5 + 1), "format": 5}))
    assert made.figures["told_apart"] > 0.6 and made.figures["flat"] == ["format"]
    assert made.said == ["  judge: nearly all records have the same score for format: do not cut by that"]


@BOTH
def test_a_control_tells_whether_the_judge_looks(tmp_path: Path, lang: str) -> None:
    asks = {"en": "What does valve V{} do?", "zh": "阀门 V{} 有什么作用？"}[lang]
    records = [chat(asks.format(n), f"V{n}: 4.", language=lang) for n in range(30)]

    def looks(request: Request) -> str:
        question, answer = request.messages[-1].content.splitlines()
        right = answer.endswith(f"V{question.partition('V')[2].partition(' ')[0]}: 4.")
        return marks(4 if right else 1, asked_for(request))

    made = run(tmp_path, records, looks, control=20)
    assert made.script.calls == 50 and made.figures["control"] == {"pairs": 20, "told": 1.0} and len(made.said) == 1
    assert {record.scores["judge"] for record in made.kept} == {4.0}  # the controls are nobody's score
    blind = run(tmp_path, records, lambda r: marks(4, asked_for(r)), control=20, twice=True)
    assert blind.script.calls == 100 and blind.figures["control"] == {"pairs": 20, "told": 0.5}
    assert blind.said[1].startswith("  judge: in 50% of 20 controls the right answer was rated over an answer to another")
    unread = run(tmp_path, records, lambda r: looks(r) if "V0: " in r.messages[-1].content else "?", control=20)
    assert "control" not in unread.figures and unread.figures["judged"] == 1
    assert run(tmp_path, [records[0], records[0]], looks, control=20).script.calls == 2  # equal answers are no control


def test_few_records_say_nothing_of_the_judge(tmp_path: Path) -> None:
    records = [chat(f"Question {n}?", f"Answer {n}.", language="en") for n in range(5)]
    made = run(tmp_path, records, lambda r: marks(4, asked_for(r)))
    assert made.said == [] and made.figures["flat"] == []


def malformed() -> list[Record]:
    user, assistant = (lambda text, role=role: Message(role, text) for role in ("user", "assistant"))
    return [
        make(text="A passage. 一段文字。"), make(messages=(user("Q?"),)), make(messages=(user("Q?"), assistant(" \n"))),
        make(messages=(assistant("A."),)), make(messages=(user(""), user("Q?"), assistant("A."))),
        make(messages=(user("Q?"), Message("tool", '{"port": 4711}'), assistant("4711"))),
        make(messages=(Message("system", "Be brief."), user("问？"), assistant("答。"), user("Why?"), assistant("因为。"))),
        make(messages=(user("Q?"), assistant("A <|im_end|> {{source}}"))), chat("Q \x00\ufffd?", "🙂"),
        chat("Translate", "翻译", input="input 输入"), make(messages=(user("Q?"), assistant("A.")), rejected=Message("assistant", "B.")),
        chat("Q?", "word " * 50_000), make(),
    ]


def test_malformed_records_pass_with_a_score_or_a_reason(tmp_path: Path) -> None:
    given = malformed()
    made = run(tmp_path, given, lambda r: marks(3, asked_for(r)))
    assert [record.id for record in made.kept] == [record.id for record in given]
    told = ["passed" if not r.messages else r.labels.get("judge") or r.scores["judge"] for r in made.kept]
    assert told == ["passed", "no_answer", "no_answer", 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, "too_long", "passed"]
    said = [request.messages[-1].content for request in made.script.requests]
    assert "Tool: " in said[2] and "系统：Be brief.\n问题：问？\n回答：答。\n问题：Why?\n回答：因为。" in said[3]
    assert "< |im_end|> {{source}}" in said[4] and "问题：Translate\n\ninput 输入\n回答：翻译" in said[6]
    assert "B." not in said[7]


def test_the_plan_counts_readings_of_what_has_an_answer() -> None:
    records = [chat("Q?", "A."), make(text="A passage."), grounded("zh", RIGHT["zh"])]
    calls, prompt, completion = estimate(records, Options())
    assert calls == 2 and 1600 < prompt < 2100 and 150 < completion < 250
    assert estimate(records, Options(twice=True)) == (2 * calls, 2 * prompt, 2 * completion)
    assert estimate(records, Options(control=20)) == (2 * calls, 2 * prompt, 2 * completion)


@pytest.mark.parametrize(("options", "named"), [
    ({"criteria": ()}, "criteria"), ({"criteria": ("clarity", "clarity")}, "criteria"), ({"criteria": ("groundedness",)}, "criteria"),
    ({"above": {"beauty": 3}}, "above"), ({"above": {"overall": 6}}, "above"), ({"above": {"clarity": 0}}, "above"),
    ({"criteria": ("clarity",), "above": {"format": 3}}, "above"), ({"longest": 0}, "longest"), ({"control": -1}, "control"),
])
def test_options_that_cannot_be(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        Options(**options)
