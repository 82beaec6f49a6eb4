"""Plain text, as people lay it out with line breaks and spaces, to Markdown."""

from __future__ import annotations

import re
import unicodedata

from datagen.readers.clean import Joiner
from seedbed.text import CJK

_UNDERLINE = re.compile(r"([=\-~^*])\1{2,}$")
_CHAPTER = re.compile(
    r"(?:(?:Chapter|Part|Appendix)\s+[\dA-Z]+\b|第\s*[一二三四五六七八九十百\d]+\s*[章部篇]|附录)", re.I
)
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2})*)\.?\s+(?=\S)")
_CHINESE_NUMBER = re.compile(r"[一二三四五六七八九十]{1,3}、")
_SECTION = re.compile(r"第\s*[一二三四五六七八九十百\d]+\s*节")
_ENDS_SENTENCE = tuple(".,;:!?。，；：！？、")
_PROMPT = re.compile(r"\s*(?:[#$%] \S|>>> |C:\\)")
_RULED = re.compile(r"\s*(?:\+[-=+]+\+?\s*$|\|.*\|\s*$|[-=]{3,}(?:\s+[-=]{3,})+\s*$)")
_RULE = re.compile(r"[+|][-=+|]+[+|]")
_COLUMNS = re.compile(r"\S {3,}\S")
_ITEM = re.compile(
    rf"\s*(?:[-*+•◦o]\s+|\(?\d{{1,2}}[.)]\s+|\(?\d{{1,2}}、|[（(]\d{{1,2}}[)）]|\d{{1,2}}[.．](?=[{CJK}]))"
)
_CODE_MARK = re.compile(r"[{}$\\]|[=<>|&]{1,2}\s|;\s*$|\w\(\)|^\s*[./~][\w.-]*/")


def as_markdown(text: str) -> str:
    """Markdown of a plain text: headings as `#` lines, listings and drawn tables in code fences, paragraphs joined.

    A heading is a line between blank lines that is underlined, or numbered as chapters are; a single number counts
    only where the document also has sections numbered below it, or it would be a list item.
    """
    blocks = [block.split("\n") for block in re.split(r"\n(?:[ \t]*\n)+", text.expandtabs(8).strip("\n"))]
    deep = {
        match.group(1).split(".")[0]
        for block in blocks
        if len(block) == 1
        if (match := _NUMBERED.match(block[0].strip())) and "." in match.group(1)
    }
    layout = _Layout(blocks, Joiner(text))
    out: list[str] = []
    for block in blocks:
        level = _heading_level(block, deep)
        if level and layout.is_outer(block[0]):
            out.append(f"{'#' * level} {' '.join(block[0].split())}")
        elif len(block) > 1 and (under := _UNDERLINE.match(block[1].strip())) and not _ITEM.match(block[0]):
            out.append(f"{'#' if under.group(1) == '=' else '##'} {block[0].strip()}")
            if block[2:]:
                out.append(layout.prose(block[2:]))
        else:
            out.append(layout.listing(block) if layout.is_listing(block) else layout.prose(block))
    return "\n\n".join(out)


def _heading_level(block: list[str], deep: set[str]) -> int:
    line = block[0].strip()
    if len(block) > 1 or not line or len(line) > 90 or line.endswith(_ENDS_SENTENCE):
        return 0
    if _CHAPTER.match(line):
        return 1
    if _SECTION.match(line):
        return 2
    if _CHINESE_NUMBER.match(line) and len(line) <= 30:
        return 2
    number = _NUMBERED.match(line)
    if not number:
        return 0
    parts = number.group(1).split(".")
    return min(len(parts), 6) if len(parts) > 1 or parts[0] in deep else 0


class _Layout:
    """How one text uses its page: the indentation of its body and the width at which its lines wrap."""

    def __init__(self, blocks: list[list[str]], joiner: Joiner) -> None:
        self._joiner = joiner
        starts = [_indent(block[0]) for block in blocks if len(block) > 1] or [0]
        self._body = max(set(starts), key=starts.count)
        long = [block for block in blocks if len(block) > 2] or [block for block in blocks if len(block) > 1]
        widths = sorted(_width(line) for block in long for line in block[:-1])
        self._right = widths[len(widths) * 9 // 10] if widths else 72

    def is_outer(self, line: str) -> bool:
        return _indent(line) <= self._body

    def is_listing(self, block: list[str]) -> bool:
        """Code, a shell session or a drawn table: what must keep its line breaks and spaces."""
        if _PROMPT.match(block[0]) or sum(bool(_RULED.match(line)) for line in block) >= 2:
            return True
        if _ITEM.match(block[0]):
            return False
        if len(block) > 1 and sum(bool(_COLUMNS.search(line.strip())) for line in block) * 2 > len(block):
            return True
        return _indent(block[0]) > self._body and any(_CODE_MARK.search(line) for line in block)

    def listing(self, block: list[str]) -> str:
        if table := self._drawn_table([line.strip() for line in block]):
            return table
        margin = min(_indent(line) for line in block)
        return "\n".join(["```", *(line[margin:].rstrip() for line in block), "```"])

    def _drawn_table(self, block: list[str]) -> str:
        """A table drawn with bars and dashes as a Markdown table; nothing if it is not one."""
        inner_rules = sum(bool(_RULE.fullmatch(line)) for line in block[1:-1])
        rows: list[list[str]] = []
        fresh = True
        for line in block:
            if _RULE.fullmatch(line):
                fresh = True
                continue
            if not (line.startswith("|") and line.endswith("|")):
                return ""
            cells = [cell.strip() for cell in line[1:-1].split("|")]
            # With a rule after the header only, each line is a row; with rules between rows, cells may take more lines.
            if fresh or inner_rules < 2:
                rows.append(cells)
            elif len(cells) == len(rows[-1]):
                rows[-1] = [self._joiner.join(above, below) for above, below in zip(rows[-1], cells, strict=True)]
            else:
                return ""
            fresh = False
        if len(rows) < 2 or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
            return ""
        written = [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join([written[0], "|" + " --- |" * len(rows[0]), *written[1:]])

    def prose(self, block: list[str]) -> str:
        """The block's lines joined where the page width broke them, kept apart where its writer did."""
        lines: list[str] = []
        before = ""
        for line in block:
            if lines and not _ITEM.match(line) and self._wrapped(before, line):
                lines[-1] = self._joiner.join(lines[-1], line)
            else:
                lines.append(self._opened(line))
            before = line
        return (
            "\n\n".join(lines) if len(lines) > 1 and not any(_ITEM.match(line) for line in block) else "\n".join(lines)
        )

    def _opened(self, line: str) -> str:
        """A line that begins a paragraph or item; a literal `#` must not become a heading."""
        depth = max(_indent(line) - self._body, 0) if _ITEM.match(line) else 0
        stripped = re.sub(r"^[•◦o*+]\s+", "- ", line.strip())
        return " " * min(depth, 8) + ("\\" + stripped if stripped.startswith("#") else stripped)

    def _wrapped(self, line: str, following: str) -> bool:
        if line.rstrip().endswith((",", "，", "、")):
            return True
        first = re.match(rf"[{CJK}]|\S+", following.strip())
        return _width(line) + 1 + _width(first.group() if first else "") > self._right * 0.85


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _width(line: str) -> int:
    """Columns on a terminal, where a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)
