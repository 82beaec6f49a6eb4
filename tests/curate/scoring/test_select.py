"""The best, the best that differ, and who comes first among equals."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from curate.scoring.choosing import _BLOCK
from curate.scoring.select import Options, select
from seedbed.context import Context
from seedbed.record import Message, Record, Source, chat, make
from tests.curate.scoring.test_judge import malformed
from tests.datagen.teaching import NAMES, Notes

QUESTIONS = {
    "en": ["How often is the oil of the pump changed?", "How often do you change the pump's oil?",
           "Which valve limits the pressure?", "Who may enter the boiler room at night?"],
    "zh": ["离心泵多久更换一次润滑油？", "离心泵的润滑油多久换一次？", "哪个阀门限制压力？", "夜里谁可以进入锅炉房？"],
}


def scored(score: float | None, number: int = 0, lang: str = "en", **fields: Any) -> Record:
    question = {"en": f"What does valve V{number} do?", "zh": f"阀门 V{number} 有什么作用？"}[lang]
    return chat(question, "It limits the pressure.", language=lang, scores={} if score is None else {"judge": score}, **fields)


class Chosen:
    def __init__(self, folder: Path, records: list[Record], **options: Any) -> None:
        notes = Notes()
        context = Context(folder, progress=notes, seed=options.pop("seed", 0))
        self.records = list(select(iter(records), msgspec.convert(options, Options), context))
        assert [record.id for record in self.records] == [record.id for record in records]
        self.kept = [number for number, record in enumerate(self.records) if record.rejection is None]
        self.why = {n: (r.rejection.reason, r.rejection.score) for n, r in enumerate(self.records) if r.rejection}
        self.details = [record.rejection.detail for record in self.records if record.rejection]
        self.figures, self.said = context.figures, notes.said


def test_thresholds_on_any_score(tmp_path: Path) -> None:
    records = [chat(f"Q{n}? 问", "A.", scores={"ifd": n / 10, "judge.correctness": 5 - n}) for n in range(5)]
    chosen = Chosen(tmp_path, records, within={"ifd": {"above": 0.1, "below": 0.3}, "judge.correctness": {"above": 3}})
    assert chosen.kept == [1, 2]
    assert chosen.why == {0: ("low_score", 0.0), 3: ("low_score", 2.0), 4: ("high_score", 0.4)}
    assert chosen.details[1:] == ["its judge.correctness is 2; 3 and more pass", "its ifd is 0.4; 0.3 and less pass"]


@pytest.mark.parametrize(("best", "kept"), [(2, [1, 3]), (0.5, [1, 3]), (1, [3]), (1.0, [0, 1, 2, 3]), (9, [0, 1, 2, 3])])
def test_the_best_by_count_or_share(tmp_path: Path, best: float, kept: list[int]) -> None:
    chosen = Chosen(tmp_path, [scored(s, n) for n, s in enumerate((2.0, 4.0, 3.0, 5.0))], best=best)
    assert chosen.kept == kept
    assert chosen.said == (["  select: 4 of the 9 best: no more pass"] if best == 9 else [])
    if best == 2:
        assert chosen.why == {0: ("not_best", 2.0), 2: ("not_best", 3.0)}
        assert chosen.details[0] == "its judge is 2; the 2 best stay, the last with 4"
        assert (chosen.figures["candidates"]["count"], chosen.figures["taken"]["mean"]) == (4, 4.5)


def test_a_minus_takes_the_lowest_and_a_second_score_decides_between_equals(tmp_path: Path) -> None:
    records = [chat(f"Q{n}?", "A.", scores={"perplexity": p, "judge": j}) for n, (p, j) in enumerate([(9, 5), (3, 1), (3, 4), (7, 2)])]
    assert Chosen(tmp_path, records, by="-perplexity", best=2).kept == [1, 2]
    assert Chosen(tmp_path, records, by=("-perplexity", "judge"), best=1).kept == [2]
    assert Chosen(tmp_path, records, by=("-perplexity", "-judge"), best=1).kept == [1]


def test_ties(tmp_path: Path) -> None:
    records = [chat(f"Q{n}?", "word " * (n + 1), scores={"judge": 4}) for n in range(40)]
    assert Chosen(tmp_path, records, best=3, ties="first").kept == [0, 1, 2]
    assert Chosen(tmp_path, records, best=3, ties="shortest").kept == [0, 1, 2]
    assert Chosen(tmp_path, records, best=3, ties="longest").kept == [37, 38, 39]
    drawn = Chosen(tmp_path, records, best=10)
    assert drawn.kept == Chosen(tmp_path, records, best=10).kept != Chosen(tmp_path, records, best=10, seed=1).kept
    assert max(drawn.kept) > 19 and drawn.figures["tied"] == 30  # by lot: not the first ten
    other_order = Chosen(tmp_path, records[::-1], best=10)
    assert {records[n].id for n in drawn.kept} == {records[::-1][n].id for n in other_order.kept}


def test_languages_have_parts_of_their_own(tmp_path: Path) -> None:
    records = [scored(5 - n / 10, n, "en") for n in range(6)] + [scored(3 - n / 10, n, "zh") for n in range(4)]
    assert Chosen(tmp_path, records, best=4).kept == [0, 1, 2, 3]
    half = Chosen(tmp_path, records, best=4, languages={"en": 0.5, "zh": 0.5})
    assert half.kept == [0, 1, 6, 7] and half.figures["languages"] == {"en": 2, "zh": 2}
    assert half.figures["last"] == {"en": 4.9, "zh": 2.9}
    assert half.records[8].rejection and half.records[8].rejection.detail == "its judge is 2.8; 2 of zh stay, the last with 2.9"
    none = Chosen(tmp_path, records, best=4, languages={"zh": 3})
    assert none.kept == [6, 7, 8] and none.said == ["  select: 3 of the 4 best: no more pass"]


def test_a_kind_that_is_full_makes_room_for_others(tmp_path: Path) -> None:
    def of(document: str, score: float, number: int, topic: str = "") -> Record:
        return scored(score, number, source=Source(document=document), labels={"topic": topic} if topic else {})

    records = [of("泵.md", 5 - n / 10, n) for n in range(5)] + [of("en.md", 2, 7, "oil"), of("en.md", 1, 8, "oil"), scored(0.5, 9)]
    chosen = Chosen(tmp_path, records, best=4, most={"document": 2, "topic": 1})
    assert chosen.kept == [0, 1, 5, 7] and chosen.figures["kinds"] == {"document": {"泵.md": 2, "en.md": 1}, "topic": {"oil": 1}}
    assert chosen.why == {2: ("full", 4.8), 3: ("full", 4.7), 4: ("full", 4.6), 6: ("full", 1.0)}
    assert chosen.details[0] == "2 of document 泵.md are better; its judge is 4.8"
    assert Chosen(tmp_path, records, best=4, most={"document": 0.5}).kept == [0, 1, 5, 6]
    assert Chosen(tmp_path, records, most={"topic": 1}).kept == [0, 1, 2, 3, 4, 5, 7]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_asks_the_same_as_a_better_one_is_passed_over(tmp_path: Path, lang: str) -> None:
    records = [chat(q, "A.", language=lang, scores={"judge": s}) for q, s in zip(QUESTIONS[lang], (3.0, 5.0, 2.0, 1.0), strict=True)]
    assert Chosen(tmp_path, records, best=2).kept == [0, 1]
    apart = Chosen(tmp_path, records, best=2, apart=0.4, encoder="lexical")
    assert apart.kept == [1, 2] and apart.why[0][0] == "too_near" and apart.why[3][0] == "not_best"
    first = apart.records[0].rejection
    assert first and first.match == records[1].id and first.score and 0.4 <= first.score < 1
    assert "its judge is 3" in first.detail


def test_a_near_one_is_found_across_blocks(tmp_path: Path) -> None:
    texts = [f"{a} {b} {n}" for n, (a, b) in enumerate(zip(NAMES["en"] * 60, NAMES["zh"] * 60, strict=True))]
    records = [chat(text, "A.", scores={"judge": 1000 - n}) for n, text in enumerate(texts)]
    records.append(chat(texts[0] + "!", "A.", scores={"judge": 1}))
    assert len(records) > 2 * _BLOCK
    chosen = Chosen(tmp_path, records, apart=0.999, encoder="lexical", by="judge")
    last = chosen.records[-1].rejection
    assert last and (last.reason, last.match) == ("too_near", records[0].id) and 0 in chosen.kept


def test_records_without_the_score(tmp_path: Path) -> None:
    records = [scored(None, 1), scored(2, 2), make(text="A passage. 一段文字。"), scored(4, 3)]
    assert Chosen(tmp_path, records, best=2).kept == [1, 3]
    assert len(Chosen(tmp_path, records, best=3).kept) == 3 and Chosen(tmp_path, records, best=3).figures["unscored"] == 1
    assert Chosen(tmp_path, records, within={"judge": {"above": 3}}).kept == [0, 2, 3]
    rejecting = Chosen(tmp_path, records, within={"judge": {"above": 3}}, missing="reject")
    assert rejecting.kept == [3] and Counter(reason for reason, _ in rejecting.why.values()) == {"no_score": 2, "low_score": 1}
    assert rejecting.details[0] == "it has no score `judge`"


def test_without_any_wish_everything_stays_and_that_is_said(tmp_path: Path) -> None:
    chosen = Chosen(tmp_path, [scored(None, 1), scored(2, 2)])
    assert chosen.kept == [0, 1] and chosen.said == ["  select: everything stays; give `within`, `best`, `most` or `apart`"]


def test_no_records_at_all_and_none_that_pass(tmp_path: Path) -> None:
    assert Chosen(tmp_path, [], best=3).kept == []
    assert Chosen(tmp_path, [scored(1)], best=1, within={"judge": {"above": 2}}).why == {0: ("low_score", 1.0)}


def test_malformed_records_are_ranked_like_any(tmp_path: Path) -> None:
    pair = make(messages=(Message("user", "Q?"), Message("assistant", "A.")), rejected=Message("assistant", "B."), scores={"judge": 5})
    records = [*malformed(), pair]
    for options in ({"apart": 0.9, "encoder": "lexical"}, {"ties": "longest"}, {"most": {"document": 1, "task": 1, "topic": 1}}):
        chosen = Chosen(tmp_path, records, **{"best": 1, **options})
        assert chosen.kept == [len(records) - 1]


def test_the_same_records_give_the_same_choice(tmp_path: Path) -> None:
    records = [scored(n % 5, n, "zh" if n % 3 else "en") for n in range(600)]
    first, second = (Chosen(tmp_path, records, best=100, apart=0.9, encoder="lexical") for _ in range(2))
    assert first.records == second.records and first.figures == second.figures and len(first.kept) == 100


@pytest.mark.parametrize(("options", "named"), [
    ({"best": 0}, "best"), ({"best": 1.5}, "best"), ({"best": 3, "by": ""}, "by"), ({"best": 3, "by": ("judge", "-")}, "by"),
    ({"most": {"task": 0.5}}, "most"), ({"most": {"task": -1}}, "most"), ({"languages": {"en": 3}, "most": {"task": 1}}, "languages"),
    ({"best": 3, "languages": {"en": 2.5}}, "languages"), ({"apart": 1.2}, "apart"), ({"apart": 0.0}, "apart"),
])
def test_options_that_cannot_be(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        Options(**options)
