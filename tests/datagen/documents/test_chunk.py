"""Where documents are cut, in English and in Chinese."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.documents.chunk import cut, sections
from datagen.documents.usable import unusable
from seedbed.text import length

EN = "The pump stops when the pressure falls below 2.5 bar. "
ZH = "水泵在压力低于二点五巴时会停止运行。"

words = st.sampled_from(
    ["pump", "the valve", "API", "E-17", "停机", "压力表", "旁通阀", "3.5 bar", "`ls -l`", "(see 2.1)"]
)
ends = st.sampled_from([". ", "。", "! ", "？", ", ", "，", " ", "\n", ":\n"])
prose = st.lists(st.tuples(words, ends), min_size=1, max_size=30).map(lambda parts: "".join(a + b for a, b in parts))
blocks = st.one_of(
    prose,
    st.tuples(st.integers(1, 4), words).map(lambda h: f"{'#' * h[0]} {h[1]}"),
    prose.map(lambda text: f"```\n# {text}\n```"),
    prose.map(lambda text: "```\nnever closed " + text),
    st.lists(words, min_size=1, max_size=8).map(lambda items: "\n".join(f"- {item}" for item in items)),
    st.lists(st.tuples(words, words), min_size=2, max_size=9).map(
        lambda rows: "| a | b |\n| --- | --- |\n" + "\n".join(f"| {a} | {b} |" for a, b in rows)
    ),
    st.text(max_size=60),
    st.integers(1, 400).map(lambda count: "泵" * count),
    st.integers(1, 400).map(lambda count: "x" * count),
)
documents = st.lists(blocks, max_size=12).map("\n\n".join)


@settings(max_examples=150, deadline=None)
@given(documents, st.integers(20, 80), st.integers(0, 10))
def test_every_character_lies_in_exactly_one_passage_and_none_is_too_long(text: str, tokens: int, minimum: int) -> None:
    covered = [0] * len(text)
    for piece in cut(text, tokens=tokens, minimum=minimum):
        content = text[piece.start : piece.end]
        assert content == content.strip() != ""
        assert length(content) <= tokens
        for place in range(piece.start, piece.end):
            covered[place] += 1
    assert all(count == 1 for count, character in zip(covered, text, strict=True) if not character.isspace())
    assert all(count <= 1 for count in covered)


@settings(max_examples=50, deadline=None)
@given(documents, st.integers(1, 20))
def test_overlap_stays_within_its_bounds(text: str, overlap: int) -> None:
    pieces = cut(text, tokens=60, minimum=5, overlap=overlap)
    for before, piece in zip(pieces, pieces[1:], strict=False):
        assert before.start < piece.start
        assert length(text[piece.start : max(before.end, piece.start)]) <= overlap
    assert all(length(text[piece.start : piece.end]) <= 60 for piece in pieces)
    assert "".join(text.split()) == "" or pieces[-1].end == len(text.rstrip())


def texts(document: str, *, tokens: int, minimum: int, overlap: int = 0) -> list[str]:
    pieces = cut(document, tokens=tokens, minimum=minimum, overlap=overlap)
    return [document[piece.start : piece.end] for piece in pieces]


@pytest.mark.parametrize(("sentence", "end"), [(EN, "."), (ZH, "。")])
def test_long_sections_are_cut_at_sentence_ends(sentence: str, end: str) -> None:
    found = texts(sentence * 40, tokens=60, minimum=10)
    assert len(found) > 5
    assert all(text.endswith(end) and text.startswith(sentence[:3]) for text in found)


def test_overlap_repeats_whole_sentences() -> None:
    document = "".join(f"The pump number {number} is painted blue. " for number in range(20))
    first, second = texts(document, tokens=40, minimum=5, overlap=10)[:2]
    assert second.startswith(first[first.rindex("The pump") :])


def test_headings_lead_their_passage_and_their_path_begins_with_the_title() -> None:
    document = f"# Pump\n\n{EN * 4}\n\n## Care\n\n### 保养\n\n{ZH * 5}\n\n# Alarm\n\n{EN * 4}"
    pieces = cut(document, tokens=200, minimum=20, title="Manual")
    assert [piece.headings for piece in pieces] == [
        ("Manual", "Pump"),
        ("Manual", "Pump", "Care", "保养"),
        ("Manual", "Alarm"),
    ]
    assert document[pieces[1].start :].startswith("## Care\n\n### 保养")


def test_the_title_is_not_said_twice() -> None:
    assert cut(f"# Pump\n\n{EN * 4}", title="Pump")[0].headings == ("Pump",)


def test_no_passage_ends_with_a_heading() -> None:
    document = "\n\n".join(f"## Part {number}\n\n{EN * 5}" for number in range(12))
    for text in texts(document, tokens=70, minimum=10):
        assert not text.splitlines()[-1].startswith("#")


def test_shell_comments_in_code_are_no_headings() -> None:
    document = f"# Real\n\n{EN * 3}\n\n```\n# apt-get update\n## echo\n```\n\n    # indented code\n\n{ZH * 3}"
    assert [section.path for section in sections(document)] == [("Real",)]


def test_small_sections_join_a_neighbour_and_the_larger_part_names_both() -> None:
    document = f"## Small\n\nIt hums.\n\n## Large\n\n{EN * 6}\n\n## Tiny\n\nEnd."
    pieces = cut(document, tokens=200, minimum=20)
    assert [piece.headings for piece in pieces] == [("Large",)]


def test_a_lead_in_stays_with_its_list_and_a_table_header_with_its_rows() -> None:
    rows = "\n".join(f"| part {number} | every {number} hours |" for number in range(30))
    document = f"{EN * 6}\n\nThe parts are:\n\n| part | interval |\n| --- | --- |\n{rows}"
    found = texts(document, tokens=100, minimum=10)
    holding = next(text for text in found if "The parts are:" in text)
    assert "| part | interval |\n| --- | --- |\n| part 0 |" in holding


def test_a_sentence_beyond_the_limit_is_cut_at_a_clause() -> None:
    found = texts("水泵停止运行，操作员打开旁通阀，" * 20, tokens=40, minimum=5)
    assert all(text.endswith("，") for text in found)


UNUSABLE: dict[str, list[tuple[str, tuple[str, ...]]]] = {
    "contents": [
        ("1.1 Console basics ..... 1\n1.2 The shell ..... 2\n1.3 Files ..... 4", ("Book",)),
        ("1.1 控制台基础 ..... 1\n1.2 文件系统 ..... 6\n1.3 常用命令 ..... 9", ("目录",)),
        ("- [Install](a.md)\n- [Run](b.md)\n- [Stop](c.md)\n- [Mend](d.md)", ()),
        ("# Contents\n\nSafety\n\nCare\n\nAlarms", ("Manual", "Contents")),
    ],
    "index": [
        ("alarm, 12, 45\nbypass, 7\nfilter, 3, 9–11\nvalve, 8\nseal, 30", ("Index",)),
        ("报警, 12\n阀门, 7, 9\n滤网, 3\n密封, 8\n水泵, 30", ("索引",)),
    ],
    "legal": [
        (
            "Permission is hereby granted, free of charge, to any person. The software is provided “as is”, without "
            "warranty of any kind. In no event shall the authors be liable.",
            ("License",),
        ),
        ("版权 © 2020 示例公司。保留所有权利。未经书面许可，任何人不得复制本书。", ("版权声明",)),
    ],
    "references": [
        (
            "[1] A. Smith. On Pumps. 2001.\n[2] B. Li. On Valves. 2003.\n[3] C. Wu. Oil. 2004.\n[4] D. Xu. 2005.",
            ("References",),
        ),
        ("王明. 水泵设计[M]. 北京, 2001.\n李华. 阀门[J]. 机械, 2003.", ("参考文献",)),
    ],
    "front_matter": [
        ("Teodor wrote most of it. Oleg helped him with the rest of it.", ("Manual", "Acknowledgements")),
        ("感谢所有同事。感谢家人。", ("致谢",)),
    ],
    "about_itself": [
        (
            "This document uses shell examples for all it says. Names of commands are set in the typewriter font. "
            "Please report the errors of this document to its list.",
            ("Manual", "Conventions"),
        ),
        (
            "Filenames are printed in a monospaced font. This book is meant for operators of pumps.",
            ("Manual", "Part"),
        ),
        ("命令用等宽字体标记，就像 bash。文件名放在引号里。如果发现本手册有错误，请写信给维护者。", ("手册", "序言")),
        ("本书的目标读者是水泵的操作人员。写作本文档时遵循下列原则。", ("手册", "水泵")),
    ],
    "code_only": [
        ("debian/rules:\n\n```\n#!/usr/bin/make -f\n%:\n\tdh $@\n```", ()),
        ("配置文件：\n\n```\nport = 22\n```", ()),
    ],
    "no_sentence": [("# Part\n\n## Chapter", ()), ("Warning", ()), ("参见第三章。", ())],
}


@pytest.mark.parametrize(
    ("reason", "text", "headings"), [(r, *case) for r, cases in UNUSABLE.items() for case in cases]
)
def test_passages_without_facts_are_named(reason: str, text: str, headings: tuple[str, ...]) -> None:
    verdict = unusable(text, headings)
    assert verdict is not None and verdict.reason == reason


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        # About the thing, not the thing itself.
        ("The licence file names the licence of each source file. Packages under the GPL go into main.", ("Licences",)),
        ("许可证必须满足自由软件准则的全部条件。软件包应当附带版权文件。", ("许可证",)),
        ("An index speeds up a query. Create one on each column that is searched often.", ("Indexes",)),
        ("The table of contents is written by the build. It lists every chapter.", ("Contents of the archive",)),
        ("Every reference is counted. An object without references is freed.", ("References",)),
        # It speaks of itself once, and otherwise of its matter; or of another document.
        ("This manual shows how. Close the valve first. Then stop the pump and wait for a minute.", ("Preface",)),
        ("本手册说明做法。先关闭阀门，等待压力稳定。然后停止水泵，再等待一分钟。", ("序言",)),
        ("Names of functions are written in lower case. Constants are written in capitals.", ("Conventions",)),
        ("函数名一律小写。常量名一律大写，用下划线连接。", ("命名约定",)),
        # Code or a table with a word on it.
        ("You can shut the system down with the following command.\n\n```\n# shutdown -h now\n```", ()),
        ("可以用下面的命令关闭系统，执行后请等待一分钟。\n\n```\n# shutdown -h now\n```", ()),
        (
            "| key | effect |\n| --- | --- |\n| F9 | opens the menu at the top |\n| F10 | leaves the program at once |",
            (),
        ),
        ("- 打开旁通阀，等待压力稳定\n- 启动水泵，观察压力表", ("步骤",)),
    ],
)
def test_passages_with_facts_are_kept(text: str, headings: tuple[str, ...]) -> None:
    assert unusable(text, headings) is None


def test_a_title_page_counts_only_at_the_beginning() -> None:
    title = "Pump manual\n\nEdition 3\n\nA. Smith\n\nCopyright © 2020 A. Smith"
    assert unusable(title, (), early=True) is not None and unusable(title, (), early=True).reason == "front_matter"  # type: ignore[union-attr]
    assert unusable(title, ()).reason == "no_sentence"  # type: ignore[union-attr]
