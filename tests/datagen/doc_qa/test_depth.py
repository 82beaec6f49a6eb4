"""Beyond one pair a fact: further wordings, questions over two passages, questions without an answer, topics."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from datagen.doc_qa.brief import Brief
from datagen.doc_qa.hops import hops
from datagen.doc_qa.topics import by_passage, topics
from datagen.material.facts import fact_id
from datagen.material.passages import passage_of
from datagen.teacher.scripted import Rule, Script, scripted
from seedbed.chat import Request
from seedbed.prompts import load
from seedbed.record import Record, Source, make
from tests.datagen.teaching import BOTH, SENTENCES, asked_with, inventive, knowing, numbered, pair, passage, point, run

# About the first sentence of `teaching.SENTENCES`: 2.5 bar by default.
WORDINGS = {
    "en": {"starts from": ("Which pump runs at 2.5 bar when nothing is changed?", "The KX-40 pump runs at 2.5 bar."),
           "situation": ("I have just unpacked a KX-40 pump. At how many bar will it run?", "It will run at 2.5 bar."),
           "other words": ("How much pressure does a KX-40 pump give by default?", "It gives 2.5 bar.")},
    "zh": {"反过来": ("哪种离心泵出厂就按 2.5 bar 运行？", "是 KX-40 离心泵，默认压力是 2.5 bar。"),
           "情境": ("刚装好一台 KX-40 离心泵，没有改动默认压力，会是多少？", "会是 2.5 bar。"),
           "换一种": ("KX-40 离心泵出厂时压力默认几 bar？", "默认 2.5 bar。")},
}


def wording_teacher(lang: str) -> Script:
    """Knows further wordings of the first sentence; of the others it says the same question again."""

    def say(request: Request) -> str | Rule | None:
        if asked_with(request) != "doc_qa/phrasing":
            return None
        last = request.messages[-1].content
        for angle, (question, answer) in WORDINGS[lang].items():
            if angle in last.splitlines()[-1] and "2.5" in last:
                return pair(question, answer, 1)
        return pair(*WORDINGS[lang][list(WORDINGS[lang])[0]], 1)

    return knowing(say)


@BOTH
def test_a_fact_is_met_in_several_wordings_that_share_its_id(tmp_path: Path, lang: str) -> None:
    short = make(text=SENTENCES[lang][0], language=lang, source=Source(document="a.md", start=0, end=1))
    made = run(tmp_path, [short], wording_teacher(lang), phrasings=3)
    first = made.kept
    assert len({r.labels["fact"] for r in first}) == 1 and len({r.instruction for r in first}) == len(first) == 3
    assert [r.labels.get("angle") for r in first].count(None) == 1
    assert all(r.history[0].operation == ("phrasing" if "angle" in r.labels else "pair") for r in first)


@BOTH
def test_each_request_for_a_wording_shows_what_was_asked_before(tmp_path: Path, lang: str) -> None:
    made = run(tmp_path, [passage(lang)], wording_teacher(lang), phrasings=2, per_passage=3)
    again = [r.messages[-1].content for r in made.script.requests if asked_with(r) == "doc_qa/phrasing"]
    questions = [r.instruction for r in made.kept]
    assert again and all(any(question in content for question in questions) for content in again)
    assert "twin_question" in made.reasons or made.reasons


@BOTH
def test_a_reversed_wording_starts_from_the_value(tmp_path: Path, lang: str) -> None:
    forward = {"en": pair("How much pressure does a KX-40 pump give by default?", "It gives 2.5 bar.", 1),
               "zh": pair("KX-40 离心泵出厂时默认是多大压力？", "默认是 2.5 bar。", 1)}[lang]
    mark = {"en": "starts from", "zh": "反过来"}[lang]

    def say(request: Request) -> str | None:
        return forward if mark in request.messages[-1].content.splitlines()[-1] else None

    made = run(tmp_path, [passage(lang)], knowing(say), phrasings=4)
    assert "not_reversed" in made.reasons


def hop_passages(lang: str) -> list[Record]:
    """Two passages of one document that share a part's name, and one that shares nothing."""
    texts = {
        "en": ["The KX-40 needs a quillback coupling of size 7.", "A quillback coupling lasts 900 hours at full load.",
               "The paint of the housing is RAL 5010 by default."],
        "zh": ["KX-40 需要 7 号鱼尾联轴器。", "鱼尾联轴器在满载时能用 900 小时。", "外壳的油漆默认是 RAL 5010。"],
    }[lang]
    made, start = [], 0
    for text in texts:
        source = Source(document="kx.md", document_hash="d0c", headings=("KX",), start=start, end=start + len(text))
        made.append(make(text=text, language=lang, source=source))
        start += len(text) + 2
    return made


HOPS = {
    "en": ("How many hours does the coupling that the KX-40 needs last at full load?",
           "The KX-40 needs a quillback coupling, which lasts 900 hours at full load."),
    "zh": ("KX-40 需要的联轴器在满载时能用多少小时？", "KX-40 需要鱼尾联轴器，它在满载时能用 900 小时。"),
}


@BOTH
def test_a_hop_rests_on_two_passages_of_one_document(tmp_path: Path, lang: str) -> None:
    def say(request: Request) -> str | Rule:
        return pair(*HOPS[lang], 1, 2) if asked_with(request) == "doc_qa/hop" else pair("?", "?")

    passages = hop_passages(lang)
    document = "\n\n".join(record.text for record in passages)
    made = run(tmp_path, passages, scripted(say), hops=0.5, target=2, waves=1)
    (hop,) = made.kept
    assert hop.labels["kind"] == "hop" and set(hop.history[0].parents) == {passages[0].id, passages[1].id}
    assert [document[e.start : e.end] for e in hop.evidence] == [e.quote for e in hop.evidence]
    assert len(hop.evidence) == 2 and hop.evidence[1].quote == passages[1].text


@BOTH
def test_the_hops_of_another_document_come_in_between(lang: str) -> None:
    brief = Brief("", {}, {}, 0.0, 1, "point", 0.0, 0.0, seed=7)
    documents = []
    for number in range(5):
        source = Source(document=f"{number}.md", document_hash="d0c", start=0, end=1)
        texts = (record.text.replace("KX-40", f"KX-4{number}") for record in hop_passages(lang))
        documents.append([passage_of(make(text=text, source=source), lang) for text in texts])
    found = hops(itertools.chain(*documents), {lang: brief, "en": brief})
    assert len(found) == 5
    for gone in documents:
        left = hops((p for document in documents if document is not gone for p in document), {lang: brief, "en": brief})
        assert left == [hop for hop in found if hop.first not in gone]


@BOTH
def test_a_hop_that_one_passage_answers_is_rejected(tmp_path: Path, lang: str) -> None:
    one = {"en": pair("How many hours does a quillback coupling last at full load?", "It lasts 900 hours.", 2),
           "zh": pair("鱼尾联轴器在满载时能用多少小时？", "能用 900 小时。", 2)}[lang]

    def say(request: Request) -> str | Rule:
        return one if asked_with(request) == "doc_qa/hop" else pair("?", "?")

    made = run(tmp_path, hop_passages(lang), scripted(say), hops=0.5, target=2, waves=1)
    assert not made.kept and "one_passage_is_enough" in made.reasons


ASKS = {"en": "Who is responsible for the KX-40 pump?", "zh": "KX-40 离心泵由谁负责？"}


def honest(lang: str, question: str, open_book: str | Rule) -> Script:
    def say(request: Request) -> str | Rule | None:
        name = asked_with(request)
        if name == "doc_qa/unanswerable":
            return json.dumps({"question": question})
        return open_book if name == "answer/direct_from_source" else None

    return knowing(say)


@BOTH
def test_a_question_without_an_answer_is_answered_honestly(tmp_path: Path, lang: str) -> None:
    short = make(text=SENTENCES[lang][0], language=lang, source=Source(document="a.md", start=0, end=1))
    script = honest(lang, ASKS[lang], {"en": "not stated", "zh": "没有说明"}[lang])
    made = run(tmp_path, [passage(lang), short], script, unanswerable=0.3, target=4)
    (one,) = [r for r in made.kept if r.labels["kind"] == "unanswerable"]
    assert one.instruction == ASKS[lang] and one.labels["answerable"] == "no"
    assert one.evidence[0].quote in one.answer or one.evidence[0].quote.rstrip("。") in one.answer
    assert len(made.kept) == 4 and made.figures["by_kind"]["unanswerable"] == 1


@BOTH
def test_a_question_that_the_passage_does_answer_is_not_taken_for_one_without(tmp_path: Path, lang: str) -> None:
    told = {"en": "The maker is responsible for it.", "zh": "由厂家负责。"}[lang]
    short = [make(text=SENTENCES[lang][0], language=lang, source=Source(document=name, start=0, end=1)) for name in "ab"]
    passages = [passage(lang), *short]
    made = run(tmp_path, passages, honest(lang, ASKS[lang], told), unanswerable=0.3)
    assert "may_be_answered" in made.reasons
    known = {"en": "What is the default pressure of the KX-40 pump?", "zh": "KX-40 离心泵的默认压力是多少？"}[lang]
    made = run(tmp_path / "b", passages, honest(lang, known, "not stated"), unanswerable=0.3)
    assert all(r.labels["kind"] != "unanswerable" for r in made.kept)


@BOTH
@pytest.mark.parametrize(("finish", "reason"), [("length", "cut"), ("content_filter", "refused"), ("error: no", "bad_request")])
def test_a_reply_that_did_not_come_whole_does_not_tell_that_there_is_no_answer(
    tmp_path: Path, lang: str, finish: str, reason: str
) -> None:
    told = Rule(text={"en": "not stated", "zh": "没有说明"}[lang], finish=finish)
    short = [make(text=SENTENCES[lang][0], language=lang, source=Source(document=name, start=0, end=1)) for name in "ab"]
    made = run(tmp_path, [passage(lang), *short], honest(lang, ASKS[lang], told), unanswerable=0.3)
    assert reason in made.reasons and all(r.labels["kind"] != "unanswerable" for r in made.kept)


MARKS = {"en": "A KX-40 message ends with <|im_end|> after 5 seconds.", "zh": "KX-40 的每条消息在 5 秒后以 <|im_end|> 结束。"}


@BOTH
def test_marks_of_a_template_are_broken_up_in_every_request_and_whole_in_the_record(tmp_path: Path, lang: str) -> None:
    asks = {"en": "How does a KX-40 message end?", "zh": "KX-40 的每条消息以什么结束？"}[lang]
    beside = {"en": "Who chose < |im_end|> for a KX-40 message?", "zh": "KX-40 消息的 < |im_end|> 由谁选定？"}[lang]

    def say(request: Request) -> str | None:
        match asked_with(request):
            case "doc_qa/pair":
                return pair(asks, MARKS[lang].replace("<|", "< |"), 1) if "im_end" in point(request) else None
            case "doc_qa/unanswerable":
                marked = "im_end" in request.messages[-1].content
                return json.dumps({"question": beside if marked else ASKS[lang]}, ensure_ascii=False)
            case "answer/question_of":
                return json.dumps({"question": asks}, ensure_ascii=False)
        return {"en": "not stated", "zh": "没有说明"}[lang]

    one = make(text=MARKS[lang], language=lang, source=Source(document="a.md", start=0, end=1))
    made = run(tmp_path, [one, passage(lang), passage(lang, 1)], knowing(say), unanswerable=0.3, keep=(),
               probes=("open_book", "closed_book", "back_translation"))
    asked = {asked_with(request) for request in made.script.requests}
    assert {"doc_qa/unanswerable", "answer/direct_from_source", "answer/closed_book", "answer/question_of"} <= asked
    assert not any("<|" in message.content for request in made.script.requests for message in request.messages)
    said = [r.instruction + r.answer for r in made.records if "im_end" in r.instruction + r.answer]
    assert said and not any("< |" in text for text in said)


@BOTH
def test_questions_about_two_codes_are_no_twins(tmp_path: Path, lang: str) -> None:
    text = {"en": "The code `E01` means that the door is open. The code `E02` means that the lamp is dark.",
            "zh": "代码 `E01` 表示门没有关好。代码 `E02` 表示信号灯损坏。"}[lang]
    asks = {"en": "What does the code `E0{}` mean?", "zh": "代码 `E0{}` 表示什么？"}[lang]
    tells = {"en": ["It means that the door is open.", "It means that the lamp is dark."],
             "zh": ["表示门没有关好。", "表示信号灯损坏。"]}[lang]

    def say(request: Request) -> str | Rule:
        n = 1 if "E01" in point(request) else 2
        return pair(asks.format(n), tells[n - 1], n)

    made = run(tmp_path, [make(text=text, language=lang, source=Source(document="a.md", start=0, end=1))],
               scripted(say))
    assert sorted(r.instruction for r in made.kept) == [asks.format(1), asks.format(2)]


@BOTH
def test_a_topic_gets_no_more_than_its_share(tmp_path: Path, lang: str) -> None:
    def under(record: Record, heading: str) -> Record:
        source = Source(document="m.md", headings=("M", heading), start=0, end=1, line=int(record.id[:6], 16))
        return make(text=record.text, language=lang, source=source)

    many, few = numbered(lang, 6)[:5], numbered(lang, 6)[5:]
    passages = [under(r, "valves") for r in many] + [under(r, "seals") for r in few]
    made = run(tmp_path, passages, inventive(lang), spread="topics", target=4, at_once=1)
    heads = [r.source.headings[1] for r in made.kept if r.source]
    assert heads.count("seals") >= 1 and len(heads) == 4
    made = run(tmp_path / "b", passages, inventive(lang), per_topic=2)
    heads = [r.source.headings[1] for r in made.kept if r.source]
    assert heads.count("valves") <= 2 * 3 and made.figures["topics"] == made.figures["topics_covered"] == 2


@BOTH
def test_text_without_headings_has_its_topics_by_its_key_points(lang: str) -> None:
    texts = {"en": ["The valve V2 opens at 4 bar of pressure. Above 6 bar the valve V2 must be closed.",
                    "A valve that leaks is replaced within 3 days of the report.",
                    "The oil of the KX-40 pump is changed every 500 hours. The oil foams at 90 degrees and is lost.",
                    "Use oil of grade ISO VG 46 in the KX-40 pump.",
                    "Well."],
             "zh": ["阀门 V2 在压力达到 4 bar 时打开。阀门 V2 上不得刷漆，否则 3 天后会卡住。",
                    "泄漏的阀门必须在 3 天之内更换完毕。",
                    "KX-40 离心泵的机油每运行 500 小时更换一次。机油超过 90 度会起泡沫。",
                    "KX-40 离心泵应当使用 ISO VG 46 牌号的机油。",
                    "好。"]}[lang]
    sources = [Source(document="m.txt", start=place, end=place + 1) for place in range(len(texts))]
    passages = [passage_of(make(text=text, source=source, language=lang), lang)
                for text, source in zip(texts, sources, strict=True)]
    found = topics(passages, 2)
    valve, oil = {"en": ("valve", "oil"), "zh": ("阀门", "机油")}[lang]
    assert {topic.name: [passages.index(p) for p in topic.passages] for topic in found} == {
        "m.txt": [4], f"m.txt > {oil}": [2, 3], f"m.txt > {valve}": [0, 1]}
    again = topics(passages[::-1], 2)
    assert [(t.name, len(t.passages)) for t in again] == [(t.name, len(t.passages)) for t in found]


def test_sections_that_an_encoder_takes_for_one_share_a_topic() -> None:
    records = [make(text=text, source=Source(document=name, headings=(name,), start=0, end=1))
               for name, text in (("old.md", "Valves"), ("new.md", "Valves!"), ("other.md", "Seals"))]
    passages = [passage_of(record, "en") for record in records]
    assert len(topics(passages, 2)) == 3
    merged = topics(passages, 2, lambda texts: [0 if "Valves" in text else 1 for text in texts])
    assert sorted(len(topic.passages) for topic in merged) == [1, 2]
    assert by_passage(merged)[records[0].id] is by_passage(merged)[records[1].id]


def test_the_id_of_a_fact_tells_document_and_place() -> None:
    assert fact_id("a", 0, 5) == fact_id("a", 0, 5) and len(fact_id("a", 0, 5)) == 8
    assert len({fact_id("a", 0, 5), fact_id("b", 0, 5), fact_id("a", 1, 5)}) == 3


@BOTH
def test_reasons_and_agreement_on_request(tmp_path: Path, lang: str) -> None:
    """The steps go onto the answer's turn; an answer that the samples do not give is rejected."""
    steps = {"en": "The KX-40 pump runs at 2.5 bar.\nAnswer: By default it runs at 2.5 bar.",
             "zh": "KX-40 离心泵的压力是 2.5 bar。\n答案：默认压力是 2.5 bar。"}[lang]

    def say(request: Request) -> str | Rule | None:
        return steps if asked_with(request) == "answer/reasoned_from_source" else None

    one = make(text=SENTENCES[lang][0], language=lang, source=Source(document="a.md", start=0, end=1))
    made = run(tmp_path, [one], knowing(say), reasoning=True, answers=3, agree=2)
    (record,) = made.kept
    assert record.messages[-1].extra["reasoning_content"].endswith("2.5 bar." if lang == "en" else "2.5 bar。")
    assert record.scores["agreement"] == 1.0 and len(record.history[0].calls) == 4
    wrong = steps.replace("2.5", "9.9")
    made = run(tmp_path / "b", [one], knowing(lambda r: wrong if asked_with(r).startswith("answer/") else None),
               reasoning=True)
    assert not made.kept and made.reasons == ["disagreement"]


@BOTH
def test_openings_that_are_worn_out_are_asked_to_be_avoided(tmp_path: Path, lang: str) -> None:
    """Ten passages of one document: from the twentieth accepted question on, requests name the commonest opening."""
    source = {"document": "m.md", "start": 0, "end": 1}
    passages = [make(text=r.text, language=lang, source=Source(line=n, **source))
                for n, r in enumerate(numbered(lang, 10))]
    mark = {"en": "does not begin with: ", "zh": "开头不用："}[lang]

    def worn(openings: float) -> list[str]:
        made = run(tmp_path / str(openings), passages, inventive(lang), openings=openings, waves=3, at_once=1)
        asked = [r.messages[-1].content for r in made.script.requests]
        assert all(mark not in content for content in asked[:20])
        return [content.partition(mark)[2] for content in asked if mark in content]

    assert worn(1.0) == [] and len(set(worn(0.05))) >= 1


@BOTH
def test_a_verb_that_is_worn_out_is_told_beside_the_openings(tmp_path: Path, lang: str) -> None:
    passages = [make(text=r.text, language=lang, source=Source(document="m.md", line=n, start=0, end=1))
                for n, r in enumerate(numbered(lang, 10))]
    phrase = {"en": "… hold", "zh": "… 是多少"}[lang]

    def asked(openings: float) -> list[str]:
        made = run(tmp_path / str(openings), passages, inventive(lang), openings=openings, waves=3, at_once=1)
        return [r.messages[-1].content for r in made.script.requests]

    assert any(phrase in content for content in asked(0.2)[20:])  # a third of the questions
    assert not any(phrase in content for content in [*asked(0.2)[:20], *asked(0.6)])


@BOTH
def test_a_share_of_the_requests_names_who_asks(tmp_path: Path, lang: str) -> None:
    people = load(lang, "doc_qa/personas").text.splitlines()

    def named(share: float) -> int:
        made = run(tmp_path / str(share), numbered(lang, 10), inventive(lang), personas=share)
        return sum(any(who in r.messages[-1].content for who in people) for r in made.script.requests)

    assert named(0.0) == 0 and named(1.0) == 30 and 5 <= named(0.5) <= 25
