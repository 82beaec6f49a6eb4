"""The parts of the report on their own: samples, charts, words, checks and advice."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from curate.report import charts, words
from curate.report.advice import advice
from curate.report.coverage import Passages
from curate.report.curves import curves
from curate.report.evaluation import evaluation
from curate.report.examples import PASSAGE, Sampler, clip, in_turn, marked
from curate.report.gaps import gaps, longest
from curate.report.histograms import lengths, likeness, quantile, scores
from curate.report.model import Comparison, Evaluation, Report, Training
from curate.report.model_records import Cell, Document, Level, Part, Reason
from curate.report.model_set import Dataset, Opening, Openings
from curate.report.survey import Scores, Survey
from curate.report.training import training
from curate.report.words import Words
from seedbed import jsonl
from seedbed.record import Evidence, Source, chat
from seedbed.text import opening

EN, ZH = Words("en"), Words("zh")


def test_evidence_that_overlaps_is_marked_once_and_long_passages_are_cut_around_it() -> None:
    text = "One. Two. Three. 四。五。"
    spans = [
        Evidence("One. Two.", 100, 109),
        Evidence("Two. Three.", 105, 116),
        Evidence("五。", 119, 121),
        Evidence("?", 300, 301),
    ]
    assert marked(text, 100, spans) == [("One. Two. Three.", True), (" 四。", False), ("五。", True)]
    long = "a" * 5000 + "证据" + "b" * 5000
    pieces = marked(long, 0, [Evidence("证据", 5000, 5002)])
    assert ("证据", True) in pieces and pieces[0][0] == "… " and pieces[-1][0].endswith(" …")
    assert PASSAGE <= sum(len(text) for text, _ in pieces) <= PASSAGE + 4


def test_samples_do_not_depend_on_the_order_of_records() -> None:
    def draw(keys: list[str], seed: int) -> list[str]:
        sampler: Sampler[str] = Sampler(5, seed)
        for key in keys:
            sampler.offer(key, key)
        return sampler.taken()

    keys = [f"r{i}" for i in range(100)]
    assert draw(keys, 1) == draw(keys[::-1], 1) != draw(keys, 2)
    assert in_turn([["a1", "a2", "a3"], ["b1"]], 3) == ["a1", "b1", "a2"]


def test_quality_finds_what_is_incomplete_moved_contradicted_and_dated(tmp_path: Path) -> None:
    jsonl.write_text(tmp_path / "documents/d.md", "油泵每月加油。")
    place = Source(document="手册.md", document_hash="d", start=0, end=7)
    survey = Survey(tmp_path, 0, 0)
    rows = [
        ("油泵多久加油？", "每月。", (Evidence("油泵每月加油。", 0, 7),)),
        ("油泵多久加油？", "每年。", (Evidence("每月", 0, 2),)),
        ("今天的油价是多少？", "不知道。", ()),
    ]
    for question, answer, evidence in rows:
        survey.add(chat(question, answer, task="doc_qa", language="zh", source=place, evidence=evidence))
    every = [
        chat(question, answer, task="doc_qa", language="zh", source=place, evidence=evidence)
        for question, answer, evidence in rows
    ]
    quality = survey.dataset(ZH, every, Scores()).quality
    found = {q.name: (q.passed, q.checked) for q in quality}
    assert found == {"completeness": (2, 3), "accuracy": (1, 2), "consistency": (1, 3), "timeliness": (2, 3)}
    missed = {q.name: {part.label: part.count for part in q.missed} for q in quality}
    assert missed["completeness"] == {"没有依据": 1} and missed["timeliness"] == {"今天": 1}
    assert missed["consistency"] == {"有多个答案的问题": 1}
    assert {e.answer for e in quality[2].examples} == {"每月。", "每年。"}  # both sides of the contradiction


@pytest.mark.parametrize(
    ("question", "tongue", "begins"),
    [
        ("How does one start the pump?", "en", "how does"),
        ("Why, then, stop?", "en", "why, then"),
        ("如何重启 CK-200？", "zh", "如何重启"),
        ("CK-200 离心泵的转速？", "zh", "CK-200离心泵"),
        ("", "en", ""),
        ("请把 API 关闭", "zh", "请把 API关"),
    ],
)
def test_openings_are_two_words_or_four_characters(question: str, tongue: str, begins: str) -> None:
    assert opening(question, tongue) == begins


def test_lengths_gather_the_longest_in_the_last_bar() -> None:
    counts = {"en": Counter({10: 500, 30: 499, 9000: 1}), "zh": Counter({20: 5})}
    chart = lengths("answer", counts)
    assert chart and chart.open_end and chart.largest == 9000 and chart.bins[-1].high < 100
    assert sum(each.counts["en"] for each in chart.bins) == 1000 and sum(each.counts["zh"] for each in chart.bins) == 5
    assert (chart.median, quantile(Counter({1: 1, 2: 1}), 0.5)) == (20, 1)
    assert lengths("answer", {}) is None
    assert [b.counts["kept"] for b in scores("rouge", {"kept": [0.0, 0.5, 1.0]}).bins if b.counts["kept"]] == [1, 1, 1]


def test_charts_keep_to_their_frames_and_escape() -> None:
    curve = str(
        curves(Training(losses=[(float(i), 3.0 - i / 500) for i in range(1000)], validation=[(999.0, 2.0)]), 340, 240, EN)
    )
    xs = [float(x) for x in re.findall(r"[ML](\d+\.\d) ", curve)]
    assert min(xs) >= 40 and max(xs) <= 326 and len(xs) <= 1010
    strip = str(charts.strip([Cell(label="<b>", passages=1, records=0), Cell(label="二", passages=1, records=4)], 4, EN))
    assert "&lt;b&gt;: 0 records from 1 passage" in strip and 'class="empty"' in strip and 'class="heat-4"' in strip
    assert str(charts.strip([Cell(label=str(i), passages=1, records=1) for i in range(1000)], 9, EN)).count("<rect") == 100
    worse = Comparison(name="x", label="x", asks="", records=1, before=1.0, after=1.2, low=-0.1, high=0.5)
    assert 'class="after same"' in charts.dumbbell(worse, [worse], EN)  # the interval holds zero


def test_the_interval_of_a_difference_lies_within_the_picture() -> None:
    each = Comparison(name="test_seen", label="", asks="", records=8, before=2.73, after=2.38, low=-1.64, high=0.4)
    drawn = str(charts.dumbbell(each, [each], EN))
    found = re.search(r'class="interval" x="([-0-9.]+)" y="\d+" width="([0-9.]+)"', drawn)
    assert found and float(found[1]) >= 0 and float(found[1]) + float(found[2]) <= 360


def test_lengths_are_marked_at_whole_tokens() -> None:
    chart = lengths("answer", {"en": Counter({3: 5, 40: 2, 73: 1})})
    assert chart and len(chart.bins) == 15
    marks = [re.findall(r"<text[^>]*>([0-9.]+)\+?</text>", str(draw))[-3:] for draw in (
        charts.histogram(chart, ["en"], EN), charts.overlay(chart, EN))]
    assert marks == [["0", "35", "75"]] * 2


def test_gaps_name_runs_of_pages_and_the_last_heading() -> None:
    cells = [Cell(label=f"page {n}", passages=1, records=int(n in (2, 6))) for n in range(1, 7)]
    document = Document(document="a", hash="a", by="page", cells=cells)
    assert gaps(document, EN) == "pages 1 and 3–5" and gaps(document, ZH) == "第 1、3–5 页"
    assert longest(document) == (3, 5)
    headed = Document(document="a", hash="a", by="heading", cells=[Cell(label="安装 › 电源", passages=1, records=0)])
    assert gaps(headed, EN) == "电源"
    blank = [Cell(label=str(n), passages=int(n != 3), records=int(n in (1, 6))) for n in range(1, 7)]
    assert longest(Document(document="a", hash="a", cells=blank)) == (2, 5)  # a blank page does not break a gap
    assert longest(Document(document="a", hash="a", cells=blank[:1])) == (1, 0)


def test_figures_in_words() -> None:
    assert [EN.percent(x) for x in (0, 0.0004, 0.046, 0.5, 0.9999, 1)] == [
        "0\u202f%",
        "<\u202f0.1\u202f%",
        "4.6\u202f%",
        "50\u202f%",
        ">\u202f99\u202f%",
        "100\u202f%",
    ]
    assert [EN.seconds(x) for x in (0.42, 42, 200, 11100)] == [
        "0.4\u202fs",
        "42\u202fs",
        "3\u202fmin 20\u202fs",
        "3\u202fh 5\u202fmin",
    ]
    assert (words.number(1234567), words.number(3.14159), EN.short(1_250_000)) == ("1,234,567", "3.14", "1.2\u202fM")
    assert EN.listed(["a", "b", "c", "d"]) == "a, b, c and 1 more" and EN.listed(["a", "b"]) == "a and b"
    assert (words.signed(-0.5), EN.counted("replies", 1), clip("四个字符", 2)) == ("−0.50", "reply", "四个 …")


def test_training_and_evaluation_take_only_what_was_noted() -> None:
    assert training({}, EN) is None and evaluation({}, EN) == Evaluation()
    found = training({"losses": [{"step": 1, "loss": 2.0}, {"step": 2}, "?"], "method": "lora"}, EN)
    assert found and found.losses == [(1.0, 2.0)] and found.facts == [("Method", "LoRA")]
    held = {"pairs": 40, "reward_accuracy": 0.95, "chosen": {"base": -0.5, "tuned": -0.9}, "collapsed": True}
    noted = training({"losses": [{"step": 1, "loss": 0.7}], "preferences": {"validation": held}}, ZH)
    assert noted and noted.facts == [
        ("留出的偏好对", "40 对中 95% 正确"),
        ("优选答案的对数概率（每词元）", "训练前 -0.50，训练后 -0.90：已崩塌"),
    ]
    sets = {
        "mine": {"base": {"loss": 2.0}, "tuned": {"loss": 1.0}},
        "test_seen": {"base": {"loss": 3.0}, "tuned": {"loss": 2.0}},
        "test_general": {"sentence": "General data: no records."},
    }
    assert [(c.name, c.difference) for c in evaluation({"sets": sets}, EN).comparisons] == [
        ("test_seen", None),
        ("mine", None),
    ]


def titles(found: Report) -> list[tuple[str, str]]:
    return [(piece.tone, piece.title) for piece in advice(found, EN)]


def compared(name: str, low: float, high: float) -> Comparison:
    return Comparison(
        name=name, label=name, asks="", records=9, before=2.0, after=2.0 + (low + high) / 2, low=low, high=high
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            Report(title="", evaluation=Evaluation(comparisons=[compared("test_seen", -1.2, -0.8)])),
            ("good", "It learned what it was taught"),
        ),
        (
            Report(title="", evaluation=Evaluation(comparisons=[compared("test_seen", -0.2, 0.1)])),
            ("act", "Learning is not proven"),
        ),
        (
            Report(title="", evaluation=Evaluation(comparisons=[compared("test_general", 0.1, 0.4)])),
            ("act", "The model forgot general skills"),
        ),
        (
            Report(title="", dataset=Dataset(splits=[Part(name="train", label="", count=200)], mix_share=0.03)),
            ("watch", "Little protection against forgetting"),
        ),
        (
            Report(
                title="",
                documents=[
                    Document(document="a", hash="a", passages=3, records=2, with_records=2),
                    Document(document="b", hash="b", passages=1),
                ],
            ),
            ("watch", "1 document gave no records"),
        ),
        (
            Report(
                title="",
                target=90,
                funnel=[
                    Level(name="drafted", label="", unit="records", count=100),
                    Level(name="accepted", label="", unit="records", count=60),
                ],
            ),
            ("act", "60 of 90 wanted records"),
        ),
        (
            Report(
                title="",
                funnel=[
                    Level(
                        name="accepted",
                        label="",
                        unit="records",
                        count=9,
                        reasons=[
                            Reason(anchor="x", stage="doc_qa", reason="refusal", unit="records", count=40, share=0.4)
                        ],
                    )
                ],
            ),
            ("watch", "“refusal” took 40\u202f% in questions from documents"),
        ),
        (
            Report(title="", training=Training(validation=[(1, 2.0), (2, 1.0), (3, 1.1)])),
            ("watch", "Validation loss rose at the end"),
        ),
        (
            Report(
                title="",
                dataset=Dataset(
                    openings=[Openings(language="zh", questions=60, share=0.9, top=[Opening(text="如何", count=54)])]
                ),
            ),
            ("watch", "Questions begin alike"),
        ),
    ],
)
def test_advice_says_what_stands_out(found: Report, expected: tuple[str, str]) -> None:
    assert titles(found) == [expected]


def test_a_passage_that_is_not_found_leaves_the_sample_without_one() -> None:
    lost = chat("Where?", "Nowhere.", source=Source(document="gone.md", document_hash="g", start=5, end=9))
    assert Passages().pieces(lost) == []


def test_figures_in_chinese_words() -> None:
    assert [ZH.percent(x) for x in (0, 0.0004, 0.046, 0.9999, 1)] == ["0%", "<\u202f0.1%", "4.6%", ">\u202f99%", "100%"]
    assert (ZH.seconds(200), ZH.short(129_000), ZH.short(250_000_000)) == ("3\u202f分 20\u202f秒", "12.9\u202f万", "2.5\u202f亿")
    assert (ZH.count(3, "record"), ZH.listed(["甲", "乙", "丙", "丁"])) == ("3\u00a0条记录", "甲、乙、丙 等 4 项")
    assert ZH.stage("rouge") == "近似重复" and ZH.plain("copied_answer") == "答案照抄原文"
    assert ZH.stage("my_stage") == "My stage"  # a stage of the user's own keeps its name


def test_scores_of_a_judge_get_a_bar_a_step_and_long_tails_one_bar() -> None:
    judged = scores("judge", {"kept": [5.0, 4.0, 4.0, 4.5], "dropped": [1.0]})
    assert [(b.low, b.high) for b in judged.bins][:2] == [(0.75, 1.25), (1.25, 1.75)]
    assert {(b.low + b.high) / 2: b.counts for b in judged.bins if any(b.counts.values())} == {
        1.0: {"kept": 0, "dropped": 1},
        4.0: {"kept": 2, "dropped": 0},
        4.5: {"kept": 1, "dropped": 0},
        5.0: {"kept": 1, "dropped": 0},
    }
    tail = scores("perplexity", {"kept": [float(n) for n in range(10, 210)] + [90_000.0]})
    assert tail.open_end and tail.bins[-1].high < 300 and sum(b.counts["kept"] for b in tail.bins) == 201
    assert len(scores("judge", {"kept": [4.0] * 30, "dropped": ()}).bins) == 1
    assert likeness("exact", [1.0, 1.0]) is None
    near = likeness("rouge", [0.71, 0.83, 1.0])
    assert near and near.bins[0].low == 0.7 and near.bins[-1].counts == {"dropped": 1}


def test_scores_that_are_no_numbers_are_passed_over() -> None:
    kept = Scores()
    for value in (0.2, float("nan"), float("inf"), 0.4):
        kept.add(chat("q", "a", scores={"ifd": value}))
    [chart] = kept.histograms(Scores())
    assert (chart.name, sum(b.counts["kept"] for b in chart.bins), chart.largest) == ("ifd", 2, 0.4)


def test_general_loss_has_its_own_curve_and_says_how_far_it_rose() -> None:
    noted = {
        "losses": [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}],
        "validation": [{"step": 2, "loss": 2.1}],
        "general": [{"step": 0, "loss": 2.0}, {"step": 2, "loss": 2.1}, {"step": 4, "loss": 2.4}],
        "steps": 4, "stopped_early": True, "stopped_by": "general", "kept_step": 2,
    }  # fmt: skip
    for tongue, name, why in ((EN, "General loss", "it was forgetting"), (ZH, "通用损失", "因遗忘而提前停止")):
        made = training(noted, tongue)
        assert made and (name, "2.00 → 2.10 (+5.0 %)") in made.facts
        assert why in dict(made.facts)[tongue("Steps")]
        assert curves(made, 340, 240, tongue).count('class="dot general"') == 3
