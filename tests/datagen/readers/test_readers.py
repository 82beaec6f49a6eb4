"""What each reader makes of a small document, in English and in Chinese."""

from __future__ import annotations

import gzip

import pytest

from datagen.readers import read
from datagen.readers.clean import Joiner, unwrap
from datagen.readers.document import Unreadable
from tests.datagen.made_up import Text, page, pdf


def refused(name: str, data: bytes) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read(name, data)
    return caught.value


class TestMarkdown:
    def test_lines_of_a_paragraph_are_joined_in_both_languages(self) -> None:
        document = read("a.md", "# Pump\n\nThe pump stops\nat 2.5 bar.\n\n水泵在压力过低时\n会停止运行。\n".encode())
        assert document.text == "# Pump\n\nThe pump stops at 2.5 bar.\n\n水泵在压力过低时会停止运行。\n"
        assert document.title == "Pump"

    def test_code_and_its_indentation_are_untouched(self) -> None:
        code = "```sh\n# apt-get update\nif x; then\n\techo   y   # two  spaces\nfi\n```"
        assert code in read("a.md", f"Run this:\n\n{code}\n\nThen wait.\n".encode()).text

    def test_tables_lists_and_explicit_breaks_keep_their_lines(self) -> None:
        source = "| port | use |\n| --- | --- |\n| 22 | ssh |\n\n- one\n- two\n  goes on\n\nfirst  \nsecond\n"
        assert read("a.md", source.encode()).text == (
            "| port | use |\n| --- | --- |\n| 22 | ssh |\n\n- one\n- two goes on\n\nfirst\nsecond\n"
        )

    def test_front_matter_comments_pictures_and_tags_go(self) -> None:
        source = (
            '---\ntitle: "泵手册"\n---\n<!-- draft -->\n![logo](a.png)\n<div align="center">\n\n'
            "Use `<b>` &amp; wait.\n</div>\n"
        )
        document = read("a.md", source.encode())
        assert document.text == "Use `<b>` & wait.\n"
        assert document.title == "泵手册"

    def test_underlined_headings_become_hash_lines(self) -> None:
        assert read("a.md", b"Title\n=====\n\nPart\n----\n\nText here.\n").text == "# Title\n\n## Part\n\nText here.\n"

    def test_a_fence_that_is_never_closed_is_no_fence(self) -> None:
        assert "```\ntext goes on" in unwrap("```\n\ntext\ngoes on\n").replace("\n\n", "\n")


class TestHyphens:
    def test_a_broken_word_is_mended_and_a_compound_kept(self) -> None:
        joiner = Joiner("The administration of non-free software. adminis-\ntration, non-\nfree")
        assert joiner.join("the adminis-", "tration") == "the administration"
        assert joiner.join("all non-", "free parts") == "all non-free parts"
        assert joiner.join("an MS-", "DOS disk") == "an MS-DOS disk"

    @pytest.mark.parametrize(
        ("document", "joined"), [("使用 API 时，用 SQL 查询", "使用 API"), ("使用API时，用SQL查询", "使用API")]
    )
    def test_the_document_decides_on_spaces_between_chinese_and_latin(self, document: str, joined: str) -> None:
        assert Joiner(document).join("使用", "API") == joined


class TestPlainText:
    def test_numbered_headings_paragraphs_and_shell_lines(self) -> None:
        source = """1. Care

    Clean the filter of the pump every five hundred hours of
    use. A dirty filter lowers the pressure.

1.1. Commands

    Update the controller with this command, then wait for the
    green light to come on.

    # apt-get update
    # reboot
"""
        document = read("a.txt", source.encode())
        assert document.text == (
            "# 1. Care\n\nClean the filter of the pump every five hundred hours of use. A dirty filter lowers the "
            "pressure.\n\n"
            "## 1.1. Commands\n\nUpdate the controller with this command, then wait for the green light to come on.\n\n"
            "```\n# apt-get update\n# reboot\n```\n"
        )

    def test_chinese_chapters(self) -> None:
        source = "第一章 概述\n\n水泵用于循环冷却水，\n压力不得低于二点五巴。\n\n一、安全\n\n停机后才能打开阀门。\n"
        assert read("a.txt", source.encode()).text == (
            "# 第一章 概述\n\n水泵用于循环冷却水，压力不得低于二点五巴。\n\n## 一、安全\n\n停机后才能打开阀门。\n"
        )

    def test_a_drawn_table_becomes_a_markdown_table(self) -> None:
        source = """The ports are these.

+------+-----------+
| port | used for  |
|------+-----------|
|   22 | logging   |
|      | in        |
|------+-----------|
| 4711 | 水泵控    |
|      | 制        |
+------+-----------+
"""
        assert read("a.txt", source.encode()).text == (
            "The ports are these.\n\n| port | used for |\n| --- | --- |\n| 22 | logging in |\n| 4711 | 水泵控制 |\n"
        )

    def test_a_numbered_list_is_no_row_of_headings(self) -> None:
        assert "#" not in read("a.txt", b"Steps\n\n1. Open the valve\n\n2. Start the pump\n").text

    def test_gbk_is_read(self) -> None:
        text = "水泵在压力低于二点五巴时会停止运行，操作员应当打开旁通阀。"
        assert read("a.txt", text.encode("gbk")).text == text + "\n"

    def test_other_encodings_are_refused_and_not_turned_to_nonsense(self) -> None:
        russian = "Насос останавливается при низком давлении масла в системе и должен быть проверен."
        assert refused("a.txt", russian.encode("koi8-r")).reason == "encoding"
        assert refused("a.txt", ("Le café est fermé à cause de l'été. " * 5).encode("latin-1")).reason == "encoding"

    def test_control_characters_go(self) -> None:
        assert (
            read("a.txt", "The\u00a0pu\u00admp\u200b of\x07fice: ﬁlter.\r\n".encode()).text
            == "The pump office: filter.\n"
        )


HTML = """<!DOCTYPE html><html><head><title>Pump care | Example site</title><script>x()</script></head><body>
<nav><a href="/">Home</a> <a href="/b">Next</a></nav>
<main><h1>Pump care</h1>
<p>Clean the <a href="filter.html">filter</a>
every 500 hours. See <a href="https://example.org/x">the norm</a>.</p>
<div class="note"><h3>Note</h3><p>水泵必须先
停机。</p></div>
<pre>if ready:
    start()  # now</pre>
<table><tr><th>part</th><th>hours</th></tr><tr><td>filter</td><td>500</td></tr></table>
</main><ul class="docnav"><li><a href="a">上一页</a></li><li>手册</li><li><a href="b">下一页</a></li></ul>
<footer>© 2020</footer></body></html>"""


class TestHtml:
    def test_navigation_goes_and_structure_stays(self) -> None:
        document = read("a.html", HTML.encode())
        assert document.text == (
            "# Pump care\n\nClean the filter every 500 hours. See [the norm](https://example.org/x).\n\n**Note**\n\n"
            "水泵必须先停机。\n\n```\nif ready:\n    start()  # now\n```\n\n"
            "| part | hours |\n| --- | --- |\n| filter | 500 |\n"
        )
        assert document.title == "Pump care"

    def test_the_declared_encoding_counts(self) -> None:
        page_ = '<html><head><meta charset="gb2312"></head><body><p>水泵的压力不能低于二点五巴。</p></body></html>'
        assert read("a.html", page_.encode("gb18030")).text == "水泵的压力不能低于二点五巴。\n"

    def test_a_section_called_menu_is_no_menu(self) -> None:
        assert "Press F9" in read("a.html", b'<div id="menu"><h2>Menu</h2><p>Press F9 to open it.</p></div>').text

    def test_extreme_nesting_and_empty_pages_are_refused(self) -> None:
        assert refused("a.html", b"<div>" * 20_000 + b"deep").reason == "too_large"
        assert refused("a.html", b"<html><body><script>app()</script></body></html>").reason == "no_text"


MANUAL = pdf(
    [
        [
            Text(72, 800, "Pump manual"),
            Text(72, 740, "1 Safety", "bold", 16),
            *page(
                "The pump P-20 stops when the pressure falls below 2.5 bar. The operator must then open the valve",
                "until the gauge shows a steady value. Never restart the pump while that is closed, because adminis-",
                "tration forbids it. Then update the controller:",
                top=710,
            ),
            Text(72, 660, "# apt-get update", "code"),
            Text(72, 648, "if ready:", "code"),
            Text(96, 636, "start()", "code"),
            *page(
                "The alarm code E-17 means that the sensor is broken, and a broken sensor has to be replaced within",
                top=600,
            ),
            Text(300, 40, "1"),
        ],
        [
            Text(72, 800, "Pump manual"),
            *page("eight hours of work.", top=740),
            Text(72, 700, "2 保养", "song", 16),
            *page(
                "水泵在压力低于二点五巴时停止运行，操作员必须随即打开旁通阀，并等待压力表稳定，然后才可以重",
                "新启动。",
                font="song",
                top=670,
            ),
            Text(300, 40, "2"),
        ],
        [
            Text(72, 800, "Pump manual"),
            *[
                Text(x, 740 - 12 * row, cell)
                for row, cells in enumerate((("part", "hours"), ("filter", "500"), ("seal", "9000")))
                for x, cell in zip((72, 240), cells, strict=True)
            ],
            Text(300, 40, "3"),
        ],
    ],
    bookmarks=[(0, "Safety", 0), (0, "保养", 1)],
    title="泵手册",
)


class TestPdf:
    def test_headings_paragraphs_code_and_tables(self) -> None:
        document = read("a.pdf", MANUAL)
        assert document.title == "泵手册"
        assert document.text == (
            "# 1 Safety\n\n"
            "The pump P-20 stops when the pressure falls below 2.5 bar. The operator must then open the valve until "
            "the gauge shows a steady value. Never restart the pump while that is closed, because administration "
            "forbids it. Then update the controller:\n\n"
            "```\n# apt-get update\nif ready:\n    start()\n```\n\n"
            "The alarm code E-17 means that the sensor is broken, and a broken sensor has to be replaced within eight "
            "hours of work.\n\n"
            "# 2 保养\n\n"
            "水泵在压力低于二点五巴时停止运行，操作员必须随即打开旁通阀，并等待压力表稳定，然后才可以重新启动。\n\n"
            "| part | hours |\n| --- | --- |\n| filter | 500 |\n| seal | 9000 |\n"
        )

    def test_each_place_knows_its_page(self) -> None:
        document = read("a.pdf", MANUAL)
        for words, number in (
            ("# 1 Safety", 1),
            ("replaced within", 1),
            ("eight hours", 2),
            ("重新启动", 2),
            ("| seal", 3),
        ):
            assert document.page_at(document.text.index(words)) == number, words

    def test_without_bookmarks_larger_type_makes_the_headings(self) -> None:
        lines = [
            Text(72, 760, "Care", "bold", 20),
            *page("Clean the filter every 500 hours of use.", "Then wait.", top=730),
        ]
        assert read("a.pdf", pdf([lines])).text.startswith("# Care\n\nClean the filter")

    def test_pages_without_text_are_refused_with_advice(self) -> None:
        problem = refused("a.pdf", pdf([[], [Text(300, 40, "2")]]))
        assert problem.reason == "no_text"
        assert "OCR" in problem.detail

    def test_a_password_is_named(self) -> None:
        assert refused("a.pdf", pdf([page("The pump stops.")], password="secret")).reason == "password"

    def test_damage_is_named(self) -> None:
        assert refused("a.pdf", MANUAL[: len(MANUAL) // 2]).reason == "broken"
        assert refused("a.pdf", b"%PDF-1.4\n" + b"\x01\x02nonsense" * 50 + b"%%EOF").reason == "broken"
        assert refused("a.pdf", b"just words").reason == "broken"


class TestKinds:
    def test_an_unknown_suffix_is_named_with_the_supported_ones(self) -> None:
        problem = refused("a.xyz", b"text")
        assert problem.reason == "unsupported"
        assert ".xyz" in problem.detail and ".pdf" in problem.detail

    def test_the_bytes_decide_and_the_document_says_so(self) -> None:
        document = read("a.md", MANUAL)
        assert document.kind == "pdf"
        assert document.notes["read_as"] == "pdf, though named .md"
        assert read("a.txt", HTML.encode()).kind == "html"

    def test_a_picture_named_text_is_refused(self) -> None:
        problem = refused("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
        assert problem.reason == "wrong_suffix"
        assert "PNG" in problem.detail

    @pytest.mark.parametrize("data", [b"", b" \n\t", b"\xef\xbb\xbf", b"---\n***\n"])
    def test_nothing_in_it(self, data: bytes) -> None:
        assert refused("a.md", data).reason == ("no_text" if data else "empty_file")

    def test_binary_data_is_no_text(self) -> None:
        assert refused("a.txt", b"abc\0def" * 10).reason == "broken"

    def test_packed_text_is_unpacked_and_a_bomb_is_not(self) -> None:
        assert read("a.txt.gz", gzip.compress(b"The pump stops.")).text == "The pump stops.\n"
        assert refused("a.txt.gz", gzip.compress(b"\0" * 100_000_000)).reason == "too_large"
        assert refused("a.txt.gz", gzip.compress(b"The pump stops.")[:-6]).reason == "broken"
