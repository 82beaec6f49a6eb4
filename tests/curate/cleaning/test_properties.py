"""What a technical text in either language needs comes out of cleaning as it went in, whatever stands beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.cleaning.clean import Options, clean, clean_text
from seedbed.context import Context
from seedbed.formats import read_records
from seedbed.resources import resource

NAMES = st.sampled_from(["pump", "x", "i", "泵", "压力", "port_2", "V2"])
PROSE = st.sampled_from([
    "The pump stops.", "Set it to 2.5 bar, then wait.", "阀门 V2 限制压力。", "压力为（１２±０．５）ｋＰａ，温度≤６０℃；详见《手册》——第３章……",
    "“注意”：先停机，再检查！", "见 RFC 793、API 与 SDK。", "ΔT = 5 K, 3 × 10⁵ Pa, CO₂ … naïve", "include <stdio.h>, Map<K, V>, a < b > c",
])  # fmt: skip
CODE_LINE = st.tuples(st.integers(0, 3), NAMES, st.sampled_from([" =  1", "(<b>)", "  # !!!!!!!!", ".join('  ')", " &lt; 3", "\t|"])).map(
    lambda part: "    " * part[0] + part[1] + part[2]
)
CODE = st.lists(CODE_LINE, min_size=1, max_size=4)
FENCE = st.tuples(st.sampled_from(["```", "~~~", "````"]), st.sampled_from(["", "py", "html"]), CODE).map(
    lambda part: f"{part[0]}{part[1]}\n" + "\n".join(part[2]) + f"\n{part[0]}"
)
INDENTED = CODE.map(lambda lines: "\n".join("    " + line for line in lines))
TABLE = st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=3).map(
    lambda rows: "| a   | b   |\n|-----|-----|\n" + "\n".join(f"| {a}   | {b} !!!!!!!! |" for a, b in rows)
)
LAYOUT = st.sampled_from([
    "Subtotal                   1,087.00", "08:01:16 INFO  mailer retry in 30 s", "hqkclb()  获取库存列表", "应付 69.30  实收 64.30",
    "def a():\n    pass\n\n\ndef b():\n    pass", "E   FileNotFoundError: 'data.csv'", "白班  当班：老耿、小满",
])  # fmt: skip
COLUMNS = st.lists(NAMES, min_size=2, max_size=4).map(lambda names: "\n".join(f"{name:<8}    up" for name in names))
FORMULA = st.tuples(NAMES, NAMES).map(lambda part: f"$$\\frac{{{part[0]}}}{{{part[1]}}}   \n  <b> !!!!!!! $$")
INLINE = st.sampled_from(["Use `a  b   !!!!!!!!` here.", "用 `<br>  x` 换行。", "当 $a  <b> y</b>$ 成立。", "令 \\(x   y\\) 为真。"])
BLOCK = st.one_of(PROSE, FENCE, INDENTED, TABLE, COLUMNS, FORMULA, INLINE, LAYOUT)


@settings(max_examples=300, deadline=None)
@given(st.lists(BLOCK, min_size=1, max_size=5))
def test_code_tables_formulas_chinese_marks_and_indentation_survive(blocks: list[str]) -> None:
    text = "\n\n".join(["开始 Start.", *blocks, "End 完。"])
    done: set[str] = set()
    assert clean_text(text, Options(), done) == text
    assert done == set()


DIRT = st.sampled_from(["<p>", "</p>", "<br/>", "&nbsp;", "\x07", "\u200b", "\ufeff", "！！！！！！！！", "\xa0\xa0", "  \n\n\n\n", "\r\n", "â€™", "ç”¨"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(BLOCK, DIRT), max_size=7), st.sampled_from(["", " ", "\n", "\n\n"]))
def test_twice_is_once_whatever_stands_in_it(parts: list[str], gap: str) -> None:
    once = clean_text(gap.join(parts), Options(), set())
    again: set[str] = set()
    assert clean_text(once, Options(), again) == once and again == set()


@settings(max_examples=200, deadline=None)
@given(FENCE, st.lists(DIRT, min_size=1, max_size=4))
def test_a_code_block_among_dirt_keeps_every_character(fence: str, dirt: list[str]) -> None:
    assert fence in clean_text("Text 文字" + "".join(dirt) + f"\n\n{fence}\n\n" + "".join(dirt) + "文字", Options(), set())


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_any_text_at_all_is_cleaned_once_and_for_all(text: str) -> None:
    once = clean_text(text, Options(), set())
    assert clean_text(once, Options(), set()) == once


@pytest.mark.parametrize("text", [
    "ＡＰＩ（１２）：full-width stays，也不换成半角", "№5, ㎡, ½, ², ㏄", "“curly” ‘quotes’ and 'straight' ones",
    "e\u0301 stays in two, é in one", "Ω and Ω", "100 % 的 ﹪ ％", "hyphen\u2010dash – em — 破折号——", "\u3000\u3000全角缩进的段落。",
    "AT&T, R&D, a && b, ?a=1&copy=2", "Ä Ö Ü ß, Dvořák, 東京, 서울",
])
def test_ftfy_touches_nothing_that_was_right(text: str) -> None:
    done: set[str] = set()
    assert (clean_text(f"x {text}", Options(), done), done) == (f"x {text}", set())


@pytest.mark.parametrize(("broken", "mended"), [
    ("The pumpâ€™s valve", "The pump’s valve"), ("cafÃ© naÃ¯ve", "café naïve"),
    ("水泵停了，请检查阀门。".encode().decode("latin-1"), "水泵停了，请检查阀门。"), ("é˜€é—¨", "阀门"),
])
def test_broken_encoding_is_mended_where_nothing_was_lost(broken: str, mended: str) -> None:
    assert clean_text(broken, Options(), set()) == mended


@pytest.mark.parametrize("name", ["general.en.jsonl", "general.zh.jsonl", "tasks.en.jsonl", "tasks.zh.jsonl"])
def test_the_seeds_which_people_have_read_are_left_as_they_are(tmp_path: Path, name: str) -> None:
    records = list(read_records(resource("seeds") / name))
    assert len(records) > 100
    assert [a.history[-1].note for a, b in zip(clean(records, Options(), Context(tmp_path)), records, strict=True) if a != b] == []
