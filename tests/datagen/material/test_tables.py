"""Rows of tables as statements, in both languages."""

from __future__ import annotations

import pytest

from datagen.material.passages import passage_of
from seedbed.record import make

PACKAGES = {
    "en": "# Mail\n\n| package | popcon | size | description |\n|---|---|---|---|\n"
    "| mutt | V:9, I:8 | 7104 | text based mail client |\n| elm | V:0, I:1 | 95 | |\n\nTable 6.2: List of mail clients",
    "zh": "# 邮件\n\n| 软件包 | 流行度 | 大小 | 说明 |\n|---|---|---|---|\n"
    "| mutt | V:9, I:8 | 7104 | 文本邮件客户端 |\n| elm | V:0, I:1 | 95 | |\n\n表 6.2：邮件客户端列表",
}


@pytest.mark.parametrize(
    ("lang", "stated"),
    [
        ("en", "mail clients – package: mutt; description: text based mail client"),
        ("zh", "邮件客户端 – 软件包: mutt; 说明: 文本邮件客户端"),
    ],
)
def test_columns_of_bare_figures_are_left_out_beside_columns_of_words(lang: str, stated: str) -> None:
    passage = passage_of(make(text=PACKAGES[lang]), lang)
    (point,) = [point for point in passage.key_points() if point.form == "row"]  # elm: nothing is said of it
    assert passage.stated(point.numbers[0]) == stated
    assert passage.tables.key(point.numbers[0], passage.sentences[point.numbers[0]]) == "mutt"


@pytest.mark.parametrize(
    ("head", "row", "stated"),
    [
        ("| Code | Meaning |", "| E17 | door open |", "T – Code: E17; Meaning: door open"),
        ("| Program | Heat (°C) | Use |", "| P3 | 180 | rubber |", "T – Program: P3; Heat (°C): 180; Use: rubber"),
        ("| Status | Meaning |", "| 404 | no such page |", "T – Status: 404; Meaning: no such page"),
        ("| Model | Weight |", "| 7 | 12.5 |", "T – Model: 7; Weight: 12.5"),
        ("| 型号 | 功率 | 用途 |", "| A | 4 kW | 排水 |", "T – 型号: A; 功率: 4 kW; 用途: 排水"),
    ],
)
def test_figures_stay_that_have_a_unit_or_name_the_thing_or_are_all_there_is(head: str, row: str, stated: str) -> None:
    rule = "|---" * (head.count("|") - 1) + "|"
    passage = passage_of(make(text=f"# T\n\n{head}\n{rule}\n{row}"), "en")
    assert passage.stated(next(iter(passage.heads))) == stated


@pytest.mark.parametrize(
    ("head", "stated"),
    [
        ("|  | Use | Maker |", ["Pumps – Name: KX-40; Use: water; Maker: Lapwing"]),  # an empty corner
        ("|  |  | Maker |", []),  # what is left of a head on the page before
    ],
)
def test_a_head_that_is_not_whole_heads_nothing(head: str, stated: list[str]) -> None:
    passage = passage_of(make(text=f"# Pumps\n\n{head}\n|---|---|---|\n| KX-40 | water | Lapwing |"), "en")
    assert [passage.stated(row) for row in passage.heads] == stated
