"""PDF: pdfium's characters with their places and fonts, as lines; `layout` makes Markdown of them.

Bookmarks give the headings, because a shell line such as `# apt-get` looks like one to every guess by font.
"""

from __future__ import annotations

import ctypes
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from datagen.readers.clean import characters
from datagen.readers.document import Document, Unreadable
from datagen.readers.layout import Bookmark, Cell, Line, Page, as_markdown
from seedbed.text import length

if TYPE_CHECKING:
    import pypdfium2

_HYPHEN = "\x02"  # what pdfium gives for a hyphen at which a word was broken
_PART = re.compile("[\r\n]+|\x02|[^\x00-\x20\xa0]+")
# Fewer tokens a page than this, on average, is a scan with page numbers: the emptiest real manual has about 60.
_TOKENS_A_PAGE = 5
_FIXED_PITCH = 1  # PDF 32000, table 123: font flag bit 1
_FORCE_BOLD = 1 << 18
_REMARK = re.compile("(?:#|//|/\\*|--|;)[^\u2e80-\uffff]*[\u2e80-\uffff]")
_CELL_GAP = 0.9  # gaps wider than this many font sizes part table cells; justified text stays below 0.8


def read(data: bytes) -> Document:
    """Text of a PDF with headings, lists, tables and code as Markdown, and the place where each page begins.

    Does no character recognition. Raises Unreadable("password" | "broken" | "no_text").
    """
    if b"%%EOF" not in data[-2048:] and b"startxref" not in data[-2048:]:
        raise Unreadable("broken", "its end is missing: the file was cut off; fetch or export it again")
    pdf = _open(data)
    try:
        pages, failed = _pages(pdf)
        bookmarks = _bookmarks(pdf)
        title = characters(pdf.get_metadata_dict().get("Title", "")).strip()
    finally:
        pdf.close()
    _require_text(pages, failed)
    text, page_starts = as_markdown(pages, bookmarks)
    empty = sum(not page.lines for page in pages)
    notes = {"pages": str(len(pages))} | ({"pages_without_text": str(empty)} if empty else {})
    return Document(
        kind="pdf", text=text, title=title if _is_title(title) else "", page_starts=page_starts, notes=notes
    )


def _open(data: bytes) -> pypdfium2.PdfDocument:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "assword" in str(error):
            raise Unreadable("password", "it is encrypted; save a copy without password") from error
        if "ecurity" in str(error):
            raise Unreadable(
                "password", "it uses an encryption that cannot be opened; save a copy without it"
            ) from error
        raise Unreadable("broken", "it is damaged or no PDF; fetch or export it again") from error


def _pages(pdf: pypdfium2.PdfDocument) -> tuple[list[Page], int]:
    """The lines of every page, and how many pages could not be loaded."""
    import pypdfium2

    pages, failed = [], 0
    for index in range(len(pdf)):
        try:
            page = pdf[index]
        except pypdfium2.PdfiumError:
            failed += 1
            pages.append(Page(height=0.0, lines=[]))
            continue
        text_page = page.get_textpage()
        pages.append(Page(height=page.get_height(), lines=_lines(text_page)))
        text_page.close()
        page.close()
    return pages, failed


def _require_text(pages: list[Page], failed: int) -> None:
    if not pages or failed == len(pages):
        raise Unreadable("broken", "none of its pages can be loaded; fetch or export it again")
    text = "".join(line.text for page in pages for line in page.lines)
    if length(text) < min(_TOKENS_A_PAGE * len(pages), 200) and sum(map(str.isalpha, text)) < 200:
        raise Unreadable(
            "no_text", f"{len(pages)} pages hold pictures and no text; run OCR first, for instance ocrmypdf"
        )
    senseless = sum(character == "\ufffd" or "\ue000" <= character <= "\uf8ff" for character in text)
    if senseless * 5 > len(text):
        raise Unreadable(
            "no_text", "its fonts do not say which characters they show; run OCR first, for instance ocrmypdf"
        )


def _bookmarks(pdf: pypdfium2.PdfDocument) -> list[Bookmark]:
    found = []
    for entry in pdf.get_toc(max_depth=6):
        target = entry.get_dest()
        index = target.get_index() if target else None
        title = characters(entry.get_title() or "").strip()
        if index is not None and title:
            found.append(Bookmark(level=entry.level, title=title, page=index))
    return found


def _is_title(title: str) -> bool:
    """Whether a Title field names the document; word processors often leave a file name there."""
    return (
        2 < len(title) < 200 and "." not in title[-6:] and not title.lower().startswith(("untitled", "microsoft word"))
    )


def _lines(text_page: Any) -> list[Line]:
    """The page's words gathered into lines, in the order in which the page draws them."""
    from pypdfium2 import raw

    page, words = text_page.raw, _Words(text_page)
    text = "".join(chr(raw.FPDFText_GetUnicode(page, index)) for index in range(text_page.count_chars()))
    lines: list[Line] = []
    line: list[_Word] = []
    for match in _PART.finditer(text):
        if match.group()[0] in "\r\n":
            lines += _line(line)
            line = []
        elif match.group() == _HYPHEN:
            if line:
                line[-1] = line[-1]._replace(text=line[-1].text + "-")
            lines += _line(line)
            line = []
        elif word := words.at(match.start(), match.end(), _clean(match.group())):
            line.append(word)
    return lines + _line(line)


class _Word(NamedTuple):
    start: float
    end: float
    bottom: float
    top: float
    text: str
    size: float
    mono: bool
    bold: bool


class _Words:
    """Asks pdfium for the place of a word and the font of its first letter: words rarely change their font."""

    def __init__(self, text_page: Any) -> None:
        from pypdfium2 import raw

        self._page, self._raw = text_page.raw, raw
        self._first, self._last = raw.FS_RECTF(), raw.FS_RECTF()
        self._name, self._flags = ctypes.create_string_buffer(128), ctypes.c_int()

    def at(self, first: int, end: int, text: str) -> _Word | None:
        if not text:
            return None
        self._raw.FPDFText_GetLooseCharBox(self._page, first, self._first)
        self._raw.FPDFText_GetLooseCharBox(self._page, end - 1, self._last)
        self._raw.FPDFText_GetFontInfo(self._page, first, self._name, 128, self._flags)
        name, flags = self._name.value.decode("utf-8", "replace").lower(), self._flags.value
        mono = bool(flags & _FIXED_PITCH) or any(part in name for part in ("mono", "courier", "consol", "typewriter"))
        return _Word(
            self._first.left,
            self._last.right,
            min(self._first.bottom, self._last.bottom),
            max(self._first.top, self._last.top),
            text,
            self._raw.FPDFText_GetFontSize(self._page, first),
            mono,
            bool(flags & _FORCE_BOLD) or "bold" in name or "heavy" in name,
        )


def _line(words: list[_Word]) -> list[Line]:
    """The words as one line, parted into cells at wide gaps; nothing for no words."""
    if not words:
        return []
    sizes = [word.size for word in words]
    size = max(set(sizes), key=sizes.count)
    groups = [[words[0]]]
    for before, word in zip(words, words[1:], strict=False):
        gap = word.start - before.end
        if gap > _CELL_GAP * size or gap < -4 * size:
            groups.append([word])
        else:
            groups[-1].append(word)
    cells = tuple(
        Cell(
            group[0].start,
            group[-1].end,
            " ".join(word.text for word in group),
            tuple((word.start, word.text) for word in group),
        )
        for group in groups
    )
    total = sum(len(word.text) for word in words)
    return [
        Line(
            cells=cells,
            bottom=min(word.bottom for word in words),
            top=max(word.top for word in words),
            size=size,
            mono=_is_mono(words),
            bold=sum(len(word.text) for word in words if word.bold) >= 0.8 * total,
        )
    ]


def _is_mono(words: list[_Word]) -> bool:
    """Whether a line is of a listing. Chinese there may be in another font if it is a remark, behind `#` or `//`."""
    latin = mono_latin = wide = mono_wide = 0
    for word in words:
        narrow = sum(character < "\u2e80" for character in word.text)
        starts_wide = word.text[0] >= "\u2e80"
        latin, wide = latin + narrow, wide + len(word.text) - narrow
        # The font is that of the first character: it says nothing of the other script in the same word.
        mono_latin += narrow if word.mono and not starts_wide else 0
        mono_wide += len(word.text) - narrow if word.mono and starts_wide else 0
    remark = wide and _REMARK.search(" ".join(word.text for word in words))
    return mono_latin >= 0.9 * latin > 0 and (bool(remark) or mono_wide >= 0.9 * wide)


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    # Characters beyond the first plane come as two halves.
    return characters(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")).strip()
