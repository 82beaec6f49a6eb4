"""What becomes of Word, PowerPoint, Excel and EPUB files: structure kept, what is deleted or hidden left out."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from typing import Any

import docx
import openpyxl
import pptx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE

from datagen.readers import read
from datagen.readers.document import Unreadable
from datagen.readers.numbering import Numbering
from datagen.readers.shown import shown
from tests.datagen.office import body, edited, epub, saved, with_footnote, zipped

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def refused(name: str, data: bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        read(name, data)
    assert caught.value.detail
    return caught.value.reason


def word(*paragraphs: tuple[str, str]) -> Any:
    """A Word document of (style, text); styles that the template lacks are made."""
    document = docx.Document()
    for style, text in paragraphs:
        if style not in [known.name for known in document.styles]:
            document.styles.add_style(style, WD_STYLE_TYPE.PARAGRAPH)
        document.add_paragraph(text, style=style)
    return document


def run_of(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


class TestWord:
    def test_headings_by_style_in_both_languages_and_by_outline_level(self) -> None:
        document = word(("Heading 1", "Pumps 泵"), ("Normal", "The pump stops."), ("标题 2", "报警"), ("Normal", "泵停止。"))
        own = document.styles.add_style("章节名", WD_STYLE_TYPE.PARAGRAPH)
        own.element.get_or_add_pPr().append(docx.oxml.parse_xml(f'<w:outlineLvl {WORD} w:val="2"/>'))
        document.styles.add_style("Ours", WD_STYLE_TYPE.PARAGRAPH).base_style = own
        document.add_paragraph("E-17", style="Ours")
        assert read("a.docx", saved(document)).text == (
            "# Pumps 泵\n\nThe pump stops.\n\n## 报警\n\n泵停止。\n\n### E-17\n"
        )

    def test_a_title_stands_above_the_headings_and_contents_go(self) -> None:
        document = word(("Title", "KX-40 手册"), ("TOC 1", "1 Care ..... 3"), ("目录 2", "1.1 保养 ..... 4"), ("Heading 1", "Care"))
        found = read("a.docx", saved(document))
        assert (found.text, found.title) == ("# KX-40 手册\n\n## Care\n", "KX-40 手册")

    def test_lists_keep_their_numbers_and_levels(self) -> None:
        document = word(("List Number", "Open the valve."), ("List Number", "等待。"), ("List Bullet", "Close it."))
        assert read("a.docx", saved(document)).text == "1. Open the valve.\n2. 等待。\n- Close it.\n"

    def test_numbers_that_word_shows_before_headings(self) -> None:
        level = '<w:lvl w:ilvl="{}"><w:start w:val="1"/><w:numFmt w:val="{}"/><w:lvlText w:val="{}"/></w:lvl>'
        levels = level.format(0, "chineseCountingThousand", "第%1章") + level.format(1, "decimal", "%1.%2")
        xml = f'<w:numbering {WORD}><w:abstractNum w:abstractNumId="3">{levels}</w:abstractNum><w:num w:numId="7">' \
              '<w:abstractNumId w:val="3"/></w:num></w:numbering>'
        numbering = Numbering(docx.oxml.parse_xml(xml))
        assert [numbering.label("7", n) for n in (0, 1, 1, 0, 1)] == ["第一章", "一.1", "一.2", "第二章", "二.1"]
        assert numbering.label("8", 0) is None

    def test_tracked_changes_links_and_content_controls(self) -> None:
        xml = (f'<w:p>{run_of("Open ")}<w:ins w:id="1">{run_of("the valve ")}</w:ins><w:del w:id="2"><w:r><w:delText>a tap '
               f'</w:delText></w:r></w:del><w:hyperlink>{run_of("V2")}</w:hyperlink>{run_of(".")}<w:r><w:rPr><w:vanish/></w:rPr>'
               f'<w:t>secret</w:t></w:r></w:p><w:sdt><w:sdtContent><w:p>{run_of("阀门已关闭。")}</w:p></w:sdtContent></w:sdt>')
        assert read("a.docx", body(saved(word()), xml)).text == "Open the valve V2.\n\n阀门已关闭。\n"

    def test_a_note_follows_the_paragraph_that_points_to_it(self) -> None:
        xml = f'<w:p>{run_of("油压过低")}<w:r><w:footnoteReference w:id="2"/></w:r>{run_of("。")}</w:p><w:p>{run_of("Next.")}</w:p>'
        data = with_footnote(body(saved(word()), xml), "低于 2.5 bar。")
        assert read("a.docx", data).text == "油压过低[^2]。\n\n[^2]: 低于 2.5 bar。\n\nNext.\n"

    def test_a_text_box_is_read_once(self) -> None:
        box = f'<w:txbxContent><w:p>{run_of("Hot surface! 高温表面！")}</w:p></w:txbxContent>'
        xml = (f'<w:p {WORD} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><w:r><mc:AlternateContent>'
               f'<mc:Choice Requires="wps"><w:drawing>{box}</w:drawing></mc:Choice><mc:Fallback><w:pict>{box}</w:pict></mc:Fallback>'
               f'</mc:AlternateContent></w:r>{run_of("Wear gloves.")}</w:p>')
        assert read("a.docx", body(saved(word()), xml)).text == "Wear gloves.\n\nHot surface! 高温表面！\n"

    def test_a_table_with_merged_cells_can_be_read_row_by_row(self) -> None:
        document = word()
        table = document.add_table(5, 4)
        rows = [["Code", "Pressure 压力", "", "Remedy"], ["", "low", "high", ""], ["E1", "1", "2", "wipe it"],
                ["", "3", "4", "更换 | 密封"], ["E3", "off", "", "-"]]
        for number, row in enumerate(rows):
            for column, text in enumerate(row):
                table.cell(number, column).text = text
        for first, last in (((0, 1), (0, 2)), ((0, 0), (1, 0)), ((0, 3), (1, 3)), ((2, 0), (3, 0)), ((4, 1), (4, 2))):
            table.cell(*first).merge(table.cell(*last))
        assert read("a.docx", saved(document)).text == (
            "| Code | Pressure 压力 low | Pressure 压力 high | Remedy |\n| --- | --- | --- | --- |\n"
            "| E1 | 1 | 2 | wipe it |\n| E1 | 3 | 4 | 更换 \\| 密封 |\n| E3 | off |  | - |\n"
        )

    def test_pages_are_those_that_word_laid_out(self) -> None:
        xml = f'<w:p>{run_of("泵停止。")}<w:r><w:lastRenderedPageBreak/></w:r>{run_of("Then wait.")}</w:p>'
        found = read("a.docx", body(saved(word(("Normal", "First."))), xml))
        assert found.text == "First.\n\n泵停止。Then wait.\n"
        assert [found.page_at(found.text.index(words)) for words in ("First", "泵", "Then")] == [1, 1, 2]
        assert read("a.docx", saved(word(("Normal", "First.")))).page_starts == ()

    def test_listings_are_fenced_and_no_line_becomes_a_heading_by_accident(self) -> None:
        document = word(("Source Code", "# apt-get update"), ("Source Code", "reboot"), ("Normal", "# not a heading"))
        assert read("a.docx", saved(document)).text == "```\n# apt-get update\nreboot\n```\n\n\\# not a heading\n"


class TestPowerPoint:
    def test_a_slide_is_a_page_with_title_list_table_chart_and_notes(self) -> None:
        show = pptx.Presentation()
        show.core_properties.title = "泵"
        first = show.slides.add_slide(show.slide_layouts[1])
        first.shapes.title.text = "Start 启动"
        frame = first.placeholders[1].text_frame
        frame.text = "Open V2"
        below = frame.add_paragraph()
        below.text, below.level = "慢慢打开", 1
        first.notes_slide.notes_text_frame.text = "Say that V2 sticks.\n提醒戴手套。"
        second = show.slides.add_slide(show.slide_layouts[5])
        second.shapes.title.text = "Faults"
        table = second.shapes.add_table(3, 2, 0, 0, 100, 100).table
        for number, text in enumerate(["Code", "Remedy", "E1", "wipe", "", "更换"]):
            table.cell(number // 2, number % 2).text = text
        table.cell(1, 0).merge(table.cell(2, 0))
        figures = CategoryChartData()
        figures.categories = ["May", "六月"]
        figures.add_series("bar", (1.5, 2))
        second.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, 100, 100, figures)
        found = read("a.pptx", saved(show))
        assert found.text == (
            "# Start 启动\n\n- Open V2\n  - 慢慢打开\n\nSay that V2 sticks.\n\n提醒戴手套。\n\n"
            "# Faults\n\n| Code | Remedy |\n| --- | --- |\n| E1 | wipe |\n| E1 | 更换 |\n\n"
            "|  | bar |\n| --- | --- |\n| May | 1.5 |\n| 六月 | 2 |\n"
        )
        assert [found.page_at(found.text.index(words)) for words in ("Start", "提醒", "# Faults", "六月")] == [1, 1, 2, 2]
        assert found.title == "泵"

    def test_hidden_slides_go_and_keep_their_number(self) -> None:
        show = pptx.Presentation()
        for words in ("one", "secret", "三"):
            show.slides.add_slide(show.slide_layouts[5]).shapes.title.text = words
        show.slides[1]._element.set("show", "0")
        found = read("a.pptx", saved(show))
        assert (found.text, found.page_at(found.text.index("三"))) == ("# one\n\n# 三\n", 3)
        assert found.notes == {"hidden_slides": "1"}


def sheet(*rows: list[Any], title: str = "Sheet", **formats: str) -> Any:
    book = openpyxl.Workbook()
    book.active.title = title
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row, 1):
            if value is not None:
                book.active.cell(number, column, value)
    for place, number_format in formats.items():
        book.active[place].number_format = number_format
    return book


class TestExcel:
    def test_sheets_are_pages_and_values_are_as_shown(self) -> None:
        book = sheet(["Part", "压力", None, "Share", "Day"], ["P-20", 2.5, None, 0.125, dt.date(2026, 3, 5)], [None] * 5,
                     ["P-30", 0.1 + 0.2, None, 1, dt.datetime(2026, 3, 5, 8, 30)],
                     title="设备 台账", B2='0.00" bar"', D2="0.0%", E2='yyyy"年"m"月"d"日"', D4="0%")
        book.create_sheet("Prices").append(["only a remark"])
        hidden = book.create_sheet("Lists")
        hidden.append(["secret"])
        hidden.sheet_state = "hidden"
        found = read("a.xlsx", saved(book))
        assert found.text == (
            "# 设备 台账\n\n| Part | 压力 | Share | Day |\n| --- | --- | --- | --- |\n| P-20 | 2.50 bar | 12.5% | 2026年3月5日 |\n"
            "| P-30 | 0.3 | 100% | 2026-03-05 08:30 |\n\n# Prices\n\nonly a remark\n"
        )
        assert [found.page_at(found.text.index(words)) for words in ("P-30", "remark")] == [1, 2]
        assert found.notes == {"hidden_sheets": "Lists"}

    def test_a_title_row_a_header_of_two_floors_and_merged_rows(self) -> None:
        book = sheet(["2026年设备台账"], ["编号", "压力", None], [None, "最低", "最高"], ["P-20", 1, 2], [None, 3, 4])
        for area in ("A1:C1", "A2:A3", "B2:C2", "A4:A5"):
            book.active.merge_cells(area)
        assert read("a.xlsx", saved(book)).text == (
            "# Sheet\n\n2026年设备台账\n\n| 编号 | 压力 最低 | 压力 最高 |\n| --- | --- | --- |\n| P-20 | 1 | 2 |\n| P-20 | 3 | 4 |\n"
        )

    def test_two_tables_on_a_sheet_and_one_without_header(self) -> None:
        book = sheet(["Code", "Bar"], ["E1", 2], [None], ["阀门", "数量"], ["V2", 4], [None], [None], [None], [None], [7, 8], [9, 10])
        assert read("a.xlsx", saved(book)).text.split("\n\n")[1:] == [
            "| Code | Bar |\n| --- | --- |\n| E1 | 2 |", "| 阀门 | 数量 |\n| --- | --- |\n| V2 | 4 |",
            "| A | B |\n| --- | --- |\n| 7 | 8 |\n| 9 | 10 |\n",
        ]

    def test_a_long_sheet_repeats_its_header_and_a_long_row_is_a_list(self) -> None:
        rows = [[f"E{n}", f"Open valve {n} and wait for the green light to come on. 等待绿灯亮起。"] for n in range(40)]
        rows[20][1] = "The pump was opened and cleaned. " * 40
        text = read("a.xlsx", saved(sheet(["Code", "Remedy 措施"], *rows))).text
        pieces = text.split("\n\n")[1:]
        tables = [piece for piece in pieces if piece.startswith("|")]
        assert len(tables) == 6 and all(piece.startswith("| Code | Remedy 措施 |\n| --- | --- |\n| E") for piece in tables)
        assert [line[2:].split(" ")[0] for piece in tables for line in piece.strip().split("\n")[2:]] == [
            f"E{n}" for n in range(40) if n != 20
        ]
        assert "- Code: E20\n\nRemedy 措施:\n\nThe pump was opened" in text

    def test_formulas_by_their_stored_value(self) -> None:
        data = saved(sheet(["Bar", "Twice"], [2, "=A2*2"], [3, "=A3*2"]))
        assert read("a.xlsx", data).notes["formulas_without_value"].startswith("2;")
        data = edited(data, "xl/worksheets/sheet1.xml", lambda text: text.replace("<v></v>", "<v>4</v>").replace("<v />", "<v>4</v>"))
        found = read("a.xlsx", data)
        assert "| 2 | 4 |" in found.text and not found.notes

    @pytest.mark.parametrize(
        ("value", "number_format", "text"),
        [(1234.5, "#,##0.00", "1,234.50"), (-3, "0;(0)", "(3)"), (-3.25, "0.0", "-3.3"), (5, '[$¥-804]#,##0', "¥5"), (7, "000", "007"),
         (2, '0"台"', "2台"), (1e-7, "General", "1e-07"), (12.0, "General", "12"), (0.5, "# ?/?", "0.5"), (True, "General", "TRUE"),
         ("#N/A", "General", ""), (1500000, '0.0,,"M"', "1.5M"), (dt.time(8, 5), "h:mm", "08:05"), (0.5, "0.0##", "0.5")],
    )
    def test_number_formats(self, value: object, number_format: str, text: str) -> None:
        assert shown(value, number_format) == text


class TestEpub:
    def test_chapters_are_pages_and_the_contents_go(self) -> None:
        data = epub({"1.xhtml": "<h1>第一章 启动</h1><p>先打开阀门。<a href='#n'>1</a></p><aside id='n'>戴手套。</aside>",
                     "2.xhtml": "<h1>Faults</h1><table><tr><th>Code</th><th>Bar</th></tr><tr><td>E1</td><td>2</td></tr></table>"}, "泵书")
        found = read("a.epub", data)
        assert found.text == (
            "# 第一章 启动\n\n先打开阀门。1\n\n戴手套。\n\n# Faults\n\n| Code | Bar |\n| --- | --- |\n| E1 | 2 |\n"
        )
        assert (found.title, [found.page_at(found.text.index(words)) for words in ("启动", "Faults")]) == ("泵书", [1, 2])

    def test_a_locked_book(self) -> None:
        lock = '<encryption xmlns:e="x"><e:EncryptedData><e:EncryptionMethod Algorithm="{}"/></e:EncryptedData></encryption>'
        chapters = {"1.xhtml": "<p>Open the valve. 打开阀门。</p>"}
        aes, font = "http://www.w3.org/2001/04/xmlenc#aes256-cbc", "http://www.idpf.org/2008/embedding"
        assert refused("a.epub", epub(chapters, **{"META-INF/encryption.xml": lock.format(aes)})) == "password"
        assert "打开" in read("a.epub", epub(chapters, **{"META-INF/encryption.xml": lock.format(font)})).text


LAUGHS = ('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "haha">' + "".join(
    f'<!ENTITY {new} "{f"&{old};" * 20}">' for old, new in zip("abcdefg", "bcdefgh", strict=True)) + "]>")


class TestHostile:
    @pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx", "a.epub"])
    def test_what_is_cut_off_empty_or_something_else(self, name: str) -> None:
        whole = {"a.docx": saved(word(("Normal", "Text."))), "a.pptx": saved(pptx.Presentation()),
                 "a.xlsx": saved(sheet(["a", "b"], [1, 2])), "a.epub": epub({"1.xhtml": "<p>Text.</p>"})}[name]
        assert refused(name, whole[: len(whole) // 2]) == "broken"
        assert refused(name, b"no package at all") == "broken"
        assert refused(name, zipped({"readme.txt": "hello"})) == "wrong_suffix"
        assert refused(name, b"\xd0\xcf\x11\xe0" + b"\0" * 512 + "EncryptedPackage".encode("utf-16-le")) == "password"

    @pytest.mark.parametrize(
        ("name", "main"), [("a.docx", "word/document.xml"), ("a.pptx", "ppt/presentation.xml"), ("a.xlsx", "xl/workbook.xml"),
                           ("a.epub", "META-INF/container.xml")])
    def test_packages_without_sense_and_bombs(self, name: str, main: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert refused(name, zipped({main: "<x/>"})) == "broken"
        assert refused(name, zipped({main: "not xml"})) == "broken"
        monkeypatch.setattr("datagen.readers.package._MOST_MARKUP", 1_000_000)
        assert refused(name, zipped({main: " " * 2_000_000})) == "too_large"

    def test_entities_are_not_expanded_and_files_not_read(self, tmp_path: Any) -> None:
        (tmp_path / "secret").write_text("TOP-SECRET")
        outside = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY h SYSTEM "file://{tmp_path}/secret">]>'
        for doctype in (LAUGHS, outside):
            data = edited(saved(word(("Normal", "mark"))), "word/document.xml",
                          lambda text, doctype=doctype: doctype + text.partition("?>")[2].replace("mark", "say &h; end"))
            self._no_word_of_it("a.docx", data)
            data = edited(saved(sheet(["Name", "B"], ["mark", 2])), "xl/worksheets/sheet1.xml",
                          lambda text, doctype=doctype: doctype + text.replace("</worksheet>", "<x>&h;</x></worksheet>"))
            self._no_word_of_it("a.xlsx", data)
            book = epub({"1.xhtml": "<p>mark</p>"}, "&h;")
            self._no_word_of_it("a.epub", edited(book, "OEBPS/book.opf", lambda text, doctype=doctype: doctype + text))

    def _no_word_of_it(self, name: str, data: bytes) -> None:
        try:
            found = read(name, data)
        except Unreadable as problem:
            assert problem.reason in ("broken", "no_text")
        else:
            assert not {"haha", "SECRET"} & set((found.text + found.title).replace("TOP-", " ").split())

    def test_deep_nesting_is_a_reason(self) -> None:
        deep = "<w:sdt><w:sdtContent>" * 3_000 + "</w:sdtContent></w:sdt>" * 3_000
        assert refused("a.docx", body(saved(word()), deep)) == "broken"

    def test_a_locked_zip_and_a_file_without_text(self) -> None:
        data = bytearray(saved(word(("Normal", "Text."))))
        at = data.index(b"PK\x01\x02")
        data[at + 8] |= 1
        assert refused("a.docx", bytes(data)) == "password"
        assert refused("a.docx", saved(word())) == "no_text"
        assert refused("a.xlsx", saved(openpyxl.Workbook())) == "no_text"
        assert refused("a.pptx", saved(pptx.Presentation())) == "no_text"

    @pytest.mark.parametrize(("name", "better"), [("a.doc", ".docx"), ("b.ppt", ".pptx"), ("c.xls", ".xlsx")])
    def test_the_old_formats_name_the_next_step(self, name: str, better: str) -> None:
        with pytest.raises(Unreadable) as caught:
            read(name, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
        assert caught.value.reason == "old_office" and f"save it as {better}" in caught.value.detail

    def test_a_wrong_suffix_is_seen_through(self) -> None:
        found = read("a.doc", saved(word(("Normal", "泵停止。"))))
        assert (found.kind, found.notes["read_as"]) == ("docx", "docx, though named .doc")
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as odt:
            odt.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        assert refused("a.docx", out.getvalue()) == "wrong_suffix"
