"""The judge's sheet: whole, in both languages, and a judge who sees the flaws told from one who does not."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import judge
from tests.tiny_job import write_rules


def test_the_sheets_have_the_same_flaws_in_both_languages() -> None:
    sheet = judge.records(judge.LANGUAGES, 99)
    flaws = {lang: [flaw for language, flaw, side, _ in sheet if (language, side) == (lang, "good")] for lang in judge.LANGUAGES}
    assert flaws["en"] == flaws["zh"] and len(set(flaws["en"])) == len(flaws["en"]) >= 8
    assert len({record.id for *_, record in sheet}) == len(sheet)


def test_a_judge_who_sees_the_flaws(tmp_path: Path) -> None:
    sheet = judge.records(judge.LANGUAGES, 8)
    criteria = ("correctness", "groundedness", "helpfulness", "clarity", "format")
    marks = {score: {name: {"reason": "", "score": score} for name in criteria} for score in (2, 5)}
    flawed = [record.answer for _, flaw, side, record in sheet if side == "flawed" and flaw != "evasive"]
    write_rules(tmp_path / "replies.jsonl", [*({"match": answer, "json": marks[2]} for answer in flawed), {"default": marks[5]}])
    scores, done = judge.rate(tmp_path, [record for *_, record in sheet], {"model": "scripted:replies.jsonl"}, False)
    found = judge.paired(sheet, scores)
    assert done.figures["with_source"] == len(sheet) == 32
    assert judge.table(found)[2] == "| en | 8 of 8 | 7 | 1 | 0 | 5.00 | 2.38 | 0.94 |"
    assert "| figure | 5.0, 2.0 | 5.0, 2.0 |" in judge.by_flaw(found)
    assert json.dumps(done.figures["flat"]) == "[]"
