"""Make one HTML page and one PDF file from chapters of the handbook.

    pip install markdown-it-py reportlab
    python docs/handbook/build.py

The handbook is written in Markdown. Real documentation also comes as web pages with navigation and
as PDF files with bookmarks, so one chapter of each language is published in such a form under
docs/handbook/built/: English chapter 12 as HTML, Chinese chapter 5 as PDF. Both results are
committed. They hold no date of building and no path, so the same Markdown gives the same bytes.

Handled: headings, paragraphs, bold, italics, inline code, links, lists, code blocks, tables, quotes.
Anything else in a chapter is an error, never a silent gap.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from reportlab.lib import colors, textsplit
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    ListFlowable,
    ListItem,
    PageTemplate,
    Paragraph,
    Preformatted,
    Spacer,
    Table,
    TableStyle,
    paragraph,
)

HANDBOOK = Path(__file__).resolve().parent
BUILT = HANDBOOK / "built"
HTML_CHAPTER = ("en", 12)
PDF_CHAPTER = ("zh", 5)


class BuildError(Exception):
    """A chapter is missing or holds something that this script does not handle."""


@dataclass(frozen=True)
class Heading:
    """A heading as plain text: its level (1 is the title) and the anchor that links point to."""

    level: int
    text: str
    anchor: str


def main() -> int:
    """Build both files; return 0, or 2 when a chapter is missing or cannot be handled."""
    try:
        chapter = find_chapter(*HTML_CHAPTER)
        page = BUILT / f"en-{chapter.stem}.html"
        BUILT.mkdir(exist_ok=True)
        page.write_text(html_page(chapter), encoding="utf-8", newline="\n")
        print(f"built {page.relative_to(HANDBOOK)}")
        chapter = find_chapter(*PDF_CHAPTER)
        pdf = BUILT / f"zh-{chapter.stem}.pdf"
        write_pdf(chapter, pdf)
        print(f"built {pdf.relative_to(HANDBOOK)}")
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def find_chapter(language: str, number: int) -> Path:
    """Return the one Markdown file of a chapter, such as en/12-training-an-adapter.md."""
    pattern = f"{language}/{number:02d}-*.md"
    found = sorted(HANDBOOK.glob(pattern))
    if len(found) != 1:
        raise BuildError(f"docs/handbook/{pattern}: expected one file, found {len(found)}")
    return found[0]


def parse(chapter: Path) -> SyntaxTreeNode:
    """Parse a chapter as CommonMark with tables; raw HTML is not allowed in the handbook."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return SyntaxTreeNode(markdown.parse(chapter.read_text(encoding="utf-8")))


def plain_text(node: SyntaxTreeNode) -> str:
    """Return the words of a node without any mark-up; a line break stays a line break."""
    if node.type in {"text", "code_inline"}:
        return node.content
    if node.type in {"softbreak", "hardbreak"}:
        return "\n"
    if node.type in {"heading", "paragraph", "inline", "th", "td", "strong", "em", "link"}:
        return "".join(plain_text(child) for child in node.children)
    raise BuildError(f"Markdown {node.type!r} inside a paragraph is not handled")


def headings(tree: SyntaxTreeNode) -> list[Heading]:
    """Return the headings of a chapter in their order, with anchors that work for Chinese too."""
    found = []
    for node in tree.children:
        if node.type == "heading":
            text = plain_text(node)
            anchor = re.sub(r"\W+", "-", text.lower()).strip("-")
            found.append(Heading(int(node.tag[1]), text, anchor))
    return found


# --- HTML ------------------------------------------------------------------------------------------

STYLE = """\
      body { display: grid; grid-template-columns: 16rem minmax(0, 46rem); gap: 0 2rem; margin: 0 auto;
             max-width: 66rem; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif; color: #222; }
      header, footer { grid-column: 1 / -1; padding: 1rem 0; color: #555; }
      header { border-bottom: 1px solid #ccc; }
      footer { border-top: 1px solid #ccc; font-size: 0.875rem; }
      nav { font-size: 0.875rem; padding-top: 1.5rem; }
      nav ol { padding-left: 1.5rem; }
      table { border-collapse: collapse; }
      th, td { border: 1px solid #ccc; padding: 0.3rem 0.6rem; text-align: left; }
      pre { background: #f4f4f4; overflow-x: auto; padding: 0.75rem; }
      @media (max-width: 50rem) { body { display: block; } }
"""


def html_page(chapter: Path) -> str:
    """Return a chapter as one complete HTML page: navigation, the text, and a footer."""
    tree = parse(chapter)
    marks = headings(tree)
    title = escape(marks[0].text)
    return f"""\
<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{title} – seedbed handbook</title>
    <style>
{STYLE}    </style>
  </head>
  <body>
    <header><a href="../en/">seedbed handbook</a></header>
    <nav aria-label="Handbook">
{chapter_list(chapter)}
      <p>On this page</p>
      <ul>
{section_list(marks)}
      </ul>
    </nav>
    <main>
{html_body(chapter, marks)}    </main>
    <footer>
{neighbour_links(chapter)}
      <p>Part of seedbed. This page is made from docs/handbook/en/{escape(chapter.name)}.</p>
    </footer>
  </body>
</html>
"""


def html_body(chapter: Path, marks: list[Heading]) -> str:
    """Render the Markdown of a chapter, giving each heading the anchor of its mark."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(chapter.read_text(encoding="utf-8"))
    opened = (token for token in tokens if token.type == "heading_open" and token.level == 0)
    for token, mark in zip(opened, marks, strict=True):
        token.attrSet("id", mark.anchor)
    return str(markdown.renderer.render(tokens, markdown.options, {}))


def chapter_list(chapter: Path) -> str:
    """Return the list of all chapters; the current one is marked and not linked."""
    items = []
    for other in sorted(chapter.parent.glob("[0-9][0-9]-*.md")):
        title = escape(headings(parse(other))[0].text)
        if other == chapter:
            items.append(f'        <li><span aria-current="page">{title}</span></li>')
        else:
            items.append(f'        <li><a href="../en/{escape(other.name)}">{title}</a></li>')
    return "      <ol>\n" + "\n".join(items) + "\n      </ol>"


def section_list(marks: list[Heading]) -> str:
    """Return links to the sections of the page."""
    return "\n".join(
        f'        <li><a href="#{mark.anchor}">{escape(mark.text)}</a></li>' for mark in marks if mark.level == 2
    )


def neighbour_links(chapter: Path) -> str:
    """Return links to the chapters before and after this one, where there are such chapters."""
    chapters = sorted(chapter.parent.glob("[0-9][0-9]-*.md"))
    here = chapters.index(chapter)
    links = []
    for word, index in (("Previous", here - 1), ("Next", here + 1)):
        if 0 <= index < len(chapters):
            title = escape(headings(parse(chapters[index]))[0].text)
            links.append(f'<a href="../en/{escape(chapters[index].name)}">{word}: {title}</a>')
    return f"      <p>{' · '.join(links)}</p>"


# --- PDF -------------------------------------------------------------------------------------------

SONG = "STSong-Light"  # one of the Chinese fonts that every PDF viewer substitutes: nothing is embedded
BREAK_IN_CHINESE = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef])\n(?=[\u3000-\u9fff\uff00-\uffef])")
CANNOT_START_LINE = textsplit.ALL_CANNOT_START + "，；：？！》”’…—·"  # reportlab's list is the Japanese one
MARGIN = 25 * mm
TEXT_WIDTH = A4[0] - 2 * MARGIN
CODE_SIZE = 9
CODE_COLUMNS = int((TEXT_WIDTH - 16) / (0.6 * CODE_SIZE))  # a Courier character is 0.6 em wide

BODY = ParagraphStyle("body", fontName=SONG, fontSize=11, leading=18, spaceAfter=8, wordWrap="CJK")
CELL = ParagraphStyle("cell", BODY, fontSize=10, leading=15, spaceAfter=0)
QUOTE = ParagraphStyle("quote", BODY, leftIndent=12, textColor=colors.HexColor("#444444"))
CODE = ParagraphStyle(
    "code",
    fontName="Courier",
    fontSize=CODE_SIZE,
    leading=13,
    leftIndent=8,
    spaceBefore=4,
    spaceAfter=12,
    borderPadding=6,
    backColor=colors.HexColor("#f4f4f4"),
)
TITLES = {
    1: ParagraphStyle("title", BODY, fontSize=22, leading=30, spaceAfter=14),
    2: ParagraphStyle("section", BODY, fontSize=15, leading=22, spaceBefore=12, spaceAfter=6, keepWithNext=1),
    3: ParagraphStyle("subsection", BODY, fontSize=12.5, leading=19, spaceBefore=8, keepWithNext=1),
}
GRID = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.5, colors.HexColor("#bbbbbb")),
        ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#eeeeee")),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
)


class TitleParagraph(Paragraph):  # type: ignore[misc]  # reportlab has no types
    """A heading that enters itself into the bookmarks of the PDF when it is drawn."""

    def __init__(self, markup: str, style: ParagraphStyle, mark: Heading) -> None:
        super().__init__(markup, style)
        self.mark = mark

    def draw(self) -> None:
        self.canv.bookmarkPage(self.mark.anchor)
        self.canv.addOutlineEntry(self.mark.text, self.mark.anchor, level=self.mark.level - 1, closed=False)
        super().draw()


def write_pdf(chapter: Path, target: Path) -> None:
    """Write a chapter as A4 pages with bookmarks and page numbers; equal input gives equal bytes."""
    pdfmetrics.registerFont(UnicodeCIDFont(SONG))
    textsplit.ALL_CANNOT_START = paragraph.ALL_CANNOT_START = CANNOT_START_LINE
    tree = parse(chapter)
    marks = headings(tree)
    document = BaseDocTemplate(
        str(target), pagesize=A4, title=marks[0].text, author="seedbed", lang="zh-CN", invariant=1
    )
    frame = Frame(MARGIN, MARGIN, TEXT_WIDTH, A4[1] - 2 * MARGIN, 0, 0, 0, 0)
    document.addPageTemplates(PageTemplate(frames=[frame], onPageEnd=page_number))
    document.build(list(flowables(tree, marks)))


def page_number(canvas: Canvas, document: BaseDocTemplate) -> None:
    """Print the page number in the footer and let a viewer open the file with its bookmarks shown."""
    canvas.setFont("Helvetica", 9)
    canvas.drawCentredString(A4[0] / 2, 14 * mm, str(document.page))
    canvas.showOutline()


def flowables(tree: SyntaxTreeNode, marks: list[Heading]) -> Iterator[Flowable]:
    """Yield what the PDF shows for each block of a chapter, from the top down."""
    remaining = iter(marks)
    for node in tree.children:
        if node.type == "heading":
            mark = next(remaining)
            yield TitleParagraph(inline(node), TITLES.get(mark.level, TITLES[3]), mark)
        else:
            yield from block(node)


def block(node: SyntaxTreeNode, style: ParagraphStyle = BODY) -> Iterator[Flowable]:
    """Yield what the PDF shows for one block that is not a heading."""
    if node.type == "paragraph":
        yield Paragraph(inline(node), style)
    elif node.type in {"fence", "code_block"}:
        yield code(node.content)
    elif node.type in {"bullet_list", "ordered_list"}:
        yield listing(node)
        yield Spacer(0, 6)
    elif node.type == "table":
        yield table(node)
        yield Spacer(0, 10)
    elif node.type == "blockquote":
        for child in node.children:
            yield from block(child, QUOTE)
    else:
        raise BuildError(f"Markdown block {node.type!r} on line {(node.map or (0, 0))[0] + 1} is not handled")


def code(text: str) -> Preformatted:
    """Return a code block; a line too long for the page goes on in the next one."""
    latin = text.isascii()
    style = CODE if latin else ParagraphStyle("chinese-code", CODE, fontName=SONG)
    # A Chinese character is 1 em wide, a Courier one 0.6 em.
    columns = CODE_COLUMNS if latin else int(CODE_COLUMNS * 0.6)
    return Preformatted(text.rstrip("\n"), style, maxLineLength=columns, newLineChars="")


def listing(node: SyntaxTreeNode) -> ListFlowable:
    """Return a bullet list or a numbered list; a list may stand inside a list item."""
    items = [ListItem([flow for child in item.children for flow in block(child, CELL)]) for item in node.children]
    if node.type == "ordered_list":
        start = int(node.attrs.get("start", 1))
        return ListFlowable(items, bulletType="1", bulletFormat="%s.", start=start, leftIndent=20, bulletFontSize=10)
    return ListFlowable(items, bulletType="bullet", start="•", leftIndent=20, bulletFontSize=10)


def table(node: SyntaxTreeNode) -> Table:
    """Return a table as wide as the text; a column is as wide as its longest cell asks for, within reason."""
    rows = [row.children for part in node.children for row in part.children]
    longest = [max(len(plain_text(cell)) for cell in column) for column in zip(*rows, strict=True)]
    # Between 6 and 30 characters: a column of single words stays readable, one long text does not take all.
    shares = [min(max(length, 6), 30) for length in longest]
    widths = [TEXT_WIDTH * share / sum(shares) for share in shares]
    cells = [[Paragraph(inline(cell), CELL) for cell in row] for row in rows]
    return Table(cells, colWidths=widths, repeatRows=1, style=GRID)


def inline(node: SyntaxTreeNode) -> str:
    """Return the text of a node, escaped for reportlab, in one face and colour from end to end.

    Bold words and code look like the rest on purpose. Every change of face starts a new run of text, and
    PDFium, where no Chinese font is installed, loses a run that is one full-width comma long. A text that
    can be read out of the file without a gap is worth more here than the look of a word.
    """
    text = BREAK_IN_CHINESE.sub("", plain_text(node))
    return escape(text.replace("\n", " "), quote=False)


if __name__ == "__main__":
    sys.exit(main())
