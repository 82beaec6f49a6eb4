"""From passages to pairs with a teacher who says what the test wants: what is accepted, what is not, and when it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from datagen.doc_qa import Options, doc_qa, estimate
from datagen.kinds import LEVELS
from datagen.passages import passage_of
from datagen.teacher.journal import canonical, key_of
from datagen.teacher.scripted import Rule, Script, scripted
from seedbed.chat import Loop, Reply, Request
from seedbed.context import Context, Silent
from seedbed.errors import SeedbedError
from seedbed.prompts import load
from seedbed.record import Record, Source, make
from tests.tiny_job import longest_words

SENTENCES = {
    "en": ["The KX-40 pump runs at 2.5 bar by default.", "Above 4 bar the seal leaks, because its soft rubber tears.",
           "The oil is changed every 500 hours of work."],
    "zh": ["KX-40 离心泵的默认压力是 2.5 bar。", "压力超过 4 bar 时密封会泄漏，因为软橡胶会撕裂。", "润滑油每运行 500 小时更换一次。"],
}
QUESTIONS = {
    "en": ["What is the default pressure of the KX-40 pump?", "Why does the seal leak above 4 bar?",
           "After how many hours is the oil changed?"],
    "zh": ["KX-40 离心泵的默认压力是多少？", "为什么压力超过 4 bar 时密封会泄漏？", "运行多少小时更换一次润滑油？"],
}
ANSWERS = {
    "en": ["By default it runs at 2.5 bar.", "Its soft rubber tears.", "It is changed after 500 hours."],
    "zh": ["默认压力是 2.5 bar。", "因为软橡胶会撕裂。", "每运行 500 小时更换一次。"],
}
BOTH = pytest.mark.parametrize("lang", ["en", "zh"])


def passage(lang: str, number: int = 0, start: int = 100) -> Record:
    """A passage of a document of its own; equal ones are told apart by their document."""
    text = (" " if lang == "en" else "").join(SENTENCES[lang])
    source = Source(document=f"{lang}{number}.md", document_hash="d0c", headings=("KX-40 离心泵 pump",), start=start,
                    end=start + len(text))
    return make(text=text, language=lang, source=source)


def kind_of(request: Request) -> str:
    """Which of the requests about a passage this is."""
    if request.schema is not None:
        return "questions"
    if request.logprobs:
        return "check"
    last = request.messages[-1].content
    return "rephrase" if any(longest_words("rephrase", lang) in last for lang in ("en", "zh")) else "answer"


def spoken(request: Request) -> str:
    return "en" if all(mark not in request.messages[0].content for mark in "的，。") else "zh"


Says = Callable[[Request], "str | Rule | None"]


def knowing(odd: Says | None = None) -> Script:
    """A teacher who draws all three questions, knows the answers and finds them right, unless `odd` says otherwise."""

    def say(request: Request) -> str | Rule:
        if odd and (strange := odd(request)) is not None:
            return strange
        kind, lang = kind_of(request), spoken(request)
        if kind == "questions":
            drawn = [{"sentence": n, "question": q} for n, q in enumerate(QUESTIONS[lang], 1)]
            return json.dumps({"questions": drawn}, ensure_ascii=False)
        if kind == "check":
            return {"en": "yes", "zh": "是"}[lang]
        last = request.messages[-1].content
        return next((a for q, a in zip(QUESTIONS[lang], ANSWERS[lang], strict=True) if q in last), "?")

    return scripted(say)


class Made:
    """What a stage gave."""

    def __init__(self, records: list[Record], context: Context, script: Script, said: list[str]) -> None:
        self.records, self.figures, self.script, self.said = records, context.figures, script, said
        self.kept = [record for record in records if record.rejection is None]
        self.rejected = [record for record in records if record.rejection is not None]

    @property
    def reasons(self) -> list[str]:
        return [record.rejection.reason for record in self.rejected if record.rejection]

    def requests(self, kind: str) -> list[Request]:
        return [request for request in self.script.requests if kind_of(request) == kind]


class Notes(Silent):
    """Keeps what a stage has to say."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, line: str) -> None:
        self.said.append(line)


class Asked:
    """The shortest way to a script: no journal, no limits, no retries. Equal requests get equal keys, as from a journal."""

    model = "scripted"

    def __init__(self, script: Script) -> None:
        self._script = script

    async def __call__(self, request: Request) -> Reply:
        reply = await self._script.send(request)
        return msgspec.structs.replace(reply, key=key_of(canonical(self.model, request)))


def run(folder: Path, passages: list[Record], script: Script | None = None, seed: int = 0, **options: Any) -> Made:
    script = script or knowing()
    notes = Notes()
    with Loop() as loop:
        context = Context(folder, seed=seed, complete=Asked(script), loop=loop, progress=notes)
        records = list(doc_qa(passages, Options(**options), context))
    return Made(records, context, script, notes.said)


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


def drawing(*drawn: dict[str, Any]) -> Says:
    def says(request: Request) -> str | None:
        return json.dumps({"questions": drawn}, ensure_ascii=False) if kind_of(request) == "questions" else None

    return says


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


# ---- rounds ----


WORDS = ("Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa Quebec Romeo "
         "Sierra Tango Uniform Victor Whiskey Yankee Zulu Alder Birch Cedar Elm Fir Hazel Larch Maple Oak Pine Rowan Spruce "
         "Tamarisk Willow Yew").split()
# The first characters of the Thousand Character Classic, none of which comes twice.
字 = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳云腾致雨露结为霜金生丽水玉出昆冈剑号巨阙珠称夜光果珍李柰"
NAMES = {"en": [" ".join(WORDS[4 * n : 4 * n + 4]) for n in range(10)], "zh": [字[6 * n : 6 * n + 6] for n in range(10)]}


def numbered(lang: str, count: int) -> list[Record]:
    """Passages about things whose names have nothing in common, so that no question is the twin of another."""
    shape = {"en": "The {0} pump holds {1} bar. The {0} seal lasts {2} days. The {0} valve takes {3} litres.",
             "zh": "{0}泵的压力是 {1} bar，每天检查。{0}密封能用 {2} 天，然后更换。{0}阀门装得下 {3} 升，出厂时是空的。"}[lang]
    return [
        make(text=shape.format(name, n + 11, n + 31, n + 51), language=lang,
             source=Source(document=f"{name}.md", start=0, end=1))
        for n, name in enumerate(NAMES[lang][:count])
    ]


def inventive(lang: str, wrong: Callable[[str, int], bool] = lambda name, nth: False) -> Script:
    """A teacher for `numbered`: three questions a passage; answers that `wrong` (name, number from 0) names fail."""
    asks = {"en": ["Which pressure does the {0} pump hold?", "How many days does the {0} seal last?",
                   "What volume in litres fits the {0} valve?"],
            "zh": ["{0}泵的压力是多少？", "{0}密封能用几天？", "{0}阀门装得下多少升？"]}[lang]
    says = {"en": ["It holds {0} bar.", "It lasts {0} days.", "It takes {0} litres."],
            "zh": ["压力是 {0} bar。", "能用 {0} 天。", "装得下 {0} 升。"]}[lang]

    def say(request: Request) -> str:
        n, name = next((n, name) for n, name in enumerate(NAMES[lang]) if f"{name}" in request.messages[1].content)
        if kind_of(request) == "questions":
            drawn = [{"sentence": i, "question": ask.format(name)} for i, ask in enumerate(asks, 1)]
            return json.dumps({"questions": drawn}, ensure_ascii=False)
        if kind_of(request) == "check":
            return {"en": "yes", "zh": "是"}[lang]
        i = next(i for i, ask in enumerate(asks) if ask.format(name) in request.messages[-1].content)
        return says[i].format("999" if wrong(name, i) else n + (11, 31, 51)[i])

    return scripted(say)


def asked_in_order(made: Made) -> list[str]:
    return [record.source.document[:-3] for record in made.records if record.source]


@BOTH
def test_every_passage_gets_its_share(tmp_path: Path, lang: str) -> None:
    made = run(tmp_path, numbered(lang, 6), inventive(lang))
    shares = [sum(record.source == asked.source for record in made.kept) for asked in numbered(lang, 6)]
    assert shares == [3] * 6
    assert made.figures["passages_covered"] == made.figures["passages"] == 6
    assert (made.figures["target"], made.figures["accepted"]) == (18, 18) and not made.said


@BOTH
def test_generation_ends_when_the_target_is_reached(tmp_path: Path, lang: str) -> None:
    made = run(tmp_path, numbered(lang, 10), inventive(lang), target=4)
    assert 4 <= len(made.kept) < 30 and made.figures["rounds"] == 1
    assert len(made.requests("questions")) < 10
    assert not made.said


@BOTH
def test_rounds_go_on_with_the_least_covered_passages(tmp_path: Path, lang: str) -> None:
    """In the first round two passages give nothing: the second round begins with them."""
    poor = NAMES[lang][1:3]
    made = run(tmp_path, numbered(lang, 6), inventive(lang, lambda name, nth: name in poor or nth == 2), waves=2)
    turns = [document for n, document in enumerate(asked_in_order(made))
             if n == 0 or asked_in_order(made)[n - 1] != document]
    assert sorted(turns[:6]) == sorted(r.source.document[:-3] for r in numbered(lang, 6) if r.source)
    assert set(turns[6:8]) == set(poor)
    assert made.figures["rounds"] == 2
    (said,) = made.said
    assert f"{len(made.kept)} of 18 accepted" in said and "2 times" in said


@BOTH
def test_a_teacher_who_always_says_the_same_comes_to_an_end(tmp_path: Path, lang: str) -> None:
    made = run(tmp_path, [passage(lang, n) for n in range(4)], knowing(), waves=3)
    assert len(made.kept) == 3 and set(made.reasons) == {"twin_question"}
    assert len(made.requests("questions")) <= 3 * 4 and made.figures["rounds"] <= 12
    assert "3 of 12 accepted" in made.said[-1] and "a higher `waves`" in made.said[-1]
    made = run(tmp_path / "mute", [passage(lang)], scripted(lambda request: "I would rather not. 不说。"), waves=3)
    assert not made.kept and len(made.requests("questions")) == 2 * 3


@BOTH
def test_the_order_of_replies_changes_nothing(tmp_path: Path, lang: str) -> None:
    def slow(delays: dict[str, float]) -> Script:
        plain, script = inventive(lang), inventive(lang)

        def say(request: Request) -> Rule:
            rule = plain._choose(request)
            name = next((name for name in delays if NAMES[lang][int(name)] in request.messages[1].content), "")
            return msgspec.structs.replace(rule, delay=delays.get(name, 0.0))

        script._choose = say
        return script

    passages = numbered(lang, 5)
    results = [run(tmp_path / name, passages, slow(delays)).records
               for name, delays in (("a", {"0": 0.05, "2": 0.02}), ("b", {"1": 0.05, "4": 0.03}))]
    assert msgspec.json.encode(results[0]) == msgspec.json.encode(results[1])
    other = run(tmp_path / "c", passages, inventive(lang), seed=1).records
    assert [r.id for r in other] != [r.id for r in results[0]] and {r.id for r in other} == {r.id for r in results[0]}


@pytest.mark.xfail(reason="a passage may be given one pair more than its quota", strict=False)
@BOTH
@pytest.mark.parametrize("most", [1, 2])
def test_no_passage_gets_more_than_its_quota(tmp_path: Path, lang: str, most: int) -> None:
    made = run(tmp_path, numbered(lang, 3), inventive(lang), per_passage=most)
    assert [sum(record.source == asked.source for record in made.kept) for asked in numbered(lang, 3)] == [most] * 3


# ---- options, plan, surroundings ----


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kinds": {"facts": 1}}, "kinds: unknown facts; known: fact, how_to"),
        ({"kinds": {"fact": 0}}, "kinds: at least one weight must be above 0"),
        ({"levels": {"expert": 1}}, "levels: unknown expert; known: basic"),
        ({"target": 0}, "target: expected 1 or more"),
        ({"per_passage": 0}, "per_passage: expected 1 or more"),
        ({"waves": -1}, "waves: expected 1 or more"),
        ({"max_tokens": 0}, "max_tokens: expected 1 or more"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Options(**options)


def test_an_estimate_grows_with_the_target_and_never_beyond_the_passages() -> None:
    passages = [passage("en", n) for n in range(10)]
    of = partial(estimate, passages)
    assert estimate([], Options()) == (0, 0, 0)
    assert all(a < b for a, b in zip(of(Options(target=5)), of(Options(target=10)), strict=True))
    assert of(Options(target=1000)) == of(Options()) == of(Options(target=30))


def test_without_a_teacher_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(SeedbedError, match="needs a teacher and the job names none.*--teacher URL"):
        list(doc_qa([passage("en")], Options(), Context(tmp_path)))


def test_marks_of_chat_templates_in_a_passage_are_broken_up() -> None:
    shown = passage_of(make(text="End it with <|im_end|> at 5 bar. 用 <|im_start|> 开始。"), "en").numbered
    assert "<|" not in shown and "[1] End it with < |im_end|> at 5 bar." in shown
