"""Extracted text made whole again: stray characters removed, lines that a page width broke joined, hyphens mended.

Nothing here touches code: fenced blocks and their indentation pass through as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from seedbed.text import CJK

# Control characters, lone surrogates, byte order marks, soft hyphens, zero-width marks and non-characters: they carry
# nothing in English or Chinese, and some cannot be written as UTF-8 or JSON.
_STRAY = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufff9-\ufffc\ufffe\uffff\ud800-\udfff]"
)
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SPACE = re.compile("[\u00a0\u2000-\u200a\u202f\u205f]")
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})

WIDE = f"{CJK}\u3000-\u303f\uff00-\uffef"
_WIDE = re.compile(f"[{WIDE}]")
_CJK = re.compile(f"[{CJK}]")
_HYPHENATED = re.compile(r"([A-Za-z]+(?:-[A-Za-z]+)*)-$")
_RUN_OF_SPACES = re.compile(r"(?<=[^\s]) {2,}(?=\S)")
_BROKEN_WORD = re.compile(r"[A-Za-z-]{1,40}-\n\s*[a-z]+")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_BLOCK_START = re.compile(
    rf"""\s*(?:
        \#{{1,6}}\s | \|                        # heading, table row
      | [-*+•]\s                              # list item
      | \(?\d{{1,3}}(?:[.)]\s|、|[.．)](?=[{CJK}]))  # 1. 1) (1) 1、
      | [（(][\d一二三四五六七八九十]{{1,3}}[)）]
      | >                                       # quotation
      | (?:[-*_]\s*){{3,}}$                     # rule
      | \[\^?[^\]]+\]:\s                        # footnote, link definition
    )""",
    re.X,
)
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_WHOLE_LINE = re.compile(r"\s*(?:#{1,6}\s|\||(?:[-*_]\s*){3,}$|\[[^\]]+\]:\s|>\s*$)")


def characters(text: str) -> str:
    """`text` with one kind of line end, plain spaces, no ligatures and no characters that carry nothing."""
    text = _LINE_END.sub("\n", text)
    return _STRAY.sub("", _SPACE.sub(" ", text)).translate(_LIGATURES)


class Joiner:
    """Joins two lines of one paragraph the way its document writes.

    The document decides two things that a pair of lines cannot tell: whether a hyphen at the line end belongs to the
    word (its vocabulary has `non-free`, or `nonfree`), and whether a space stands between Chinese and Latin letters.
    """

    def __init__(self, text: str) -> None:
        unbroken = _BROKEN_WORD.sub(" ", text).lower()
        self._words = set(re.findall(r"[a-z]+(?:-[a-z]+)*", unbroken))
        spaced = len(re.findall(f"[{CJK}] [A-Za-z]|[A-Za-z] [{CJK}]", text))
        self._space = " " if spaced > len(re.findall(f"[{CJK}][A-Za-z]|[A-Za-z][{CJK}]", text)) else ""

    def join(self, before: str, after: str) -> str:
        """`before` and `after` as one line: English with a space, Chinese without, hyphenated words mended."""
        before, after = before.rstrip(), after.lstrip()
        if not before or not after:
            return before + after
        if (word := _HYPHENATED.search(before[-60:])) and (rest := re.match("[A-Za-z]+", after)):
            one_word = rest.group().islower() and self._is_one_word(word.group(1), rest.group())
            return before[:-1] + after if one_word else before + after
        return before + self._between(before[-1], after[0]) + after

    def _is_one_word(self, start: str, rest: str) -> bool:
        start, last_part = start.lower(), start.lower().rsplit("-", 1)[-1]
        if f"{start}-{rest}" in self._words:
            return False
        if start + rest in self._words or last_part + rest in self._words:
            return True
        return not (last_part in self._words and rest in self._words)

    def _between(self, last: str, first: str) -> str:
        if not _WIDE.match(last) and not _WIDE.match(first):
            return "" if last == "/" and first.isalnum() else " "
        if _WIDE.match(last) and _WIDE.match(first):
            return ""
        latin, wide = (first, last) if _WIDE.match(last) else (last, first)
        return self._space if _CJK.match(wide) and latin.isalnum() else ""


def fenced(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Each line with whether it belongs to a code fence. A fence that is never closed is no fence."""
    longest_ahead = _longest_closing_ahead(lines)
    closing = ""
    for line, ahead in zip(lines, longest_ahead, strict=True):
        mark = FENCE.match(line)
        if closing:
            yield line, True
            if mark and mark.group(1).startswith(closing) and _is_bare(line):
                closing = ""
        elif mark and ahead[mark.group(1)[0]] >= len(mark.group(1)):
            closing = mark.group(1)
            yield line, True
        else:
            yield line, False


def _longest_closing_ahead(lines: list[str]) -> list[dict[str, int]]:
    """For each line, how long the longest closing fence of either kind is among the lines after it."""
    longest = {"`": 0, "~": 0}
    found: list[dict[str, int]] = []
    for line in reversed(lines):
        found.append(longest)
        mark = FENCE.match(line)
        if mark and _is_bare(line) and len(mark.group(1)) > longest[mark.group(1)[0]]:
            longest = longest | {mark.group(1)[0]: len(mark.group(1))}
    return found[::-1]


def _is_bare(line: str) -> bool:
    return not line.strip(" `~")


def unwrap(markdown: str) -> str:
    """Markdown with the lines of each paragraph and list item joined, and runs of blank lines made one.

    Code, tables, headings and explicit line breaks (two spaces or a backslash at the line end) stay as they are.
    """
    joiner = Joiner(markdown)
    out: list[str] = []
    open_line = False  # whether the last line of `out` is prose that may go on
    inset = 0  # how far the text of the list item above is set in: four more make code
    for line, in_code in fenced(markdown.split("\n")):
        line = line if in_code else _RUN_OF_SPACES.sub(" ", line.expandtabs(4))
        indent = len(line) - len(line.lstrip())
        if in_code or not line.strip():
            open_line = False
            if in_code or (out and out[-1].strip()):
                out.append(line if in_code else "")
            continue
        if item := _ITEM.match(line):
            inset = item.end()
        elif not indent:
            inset = 0
        if open_line and not _BLOCK_START.match(line):
            out[-1] = joiner.join(out[-1], line)
        elif open_line and out[-1].startswith(">") and line.startswith(">") and line.strip("> "):
            out[-1] = joiner.join(out[-1], line.lstrip("> "))
        else:
            out.append(line.rstrip())
            open_line = indent < inset + 4 and not _WHOLE_LINE.match(line)
        open_line = open_line and not line.endswith(("  ", "\\"))
    return "\n".join(out).strip("\n") + "\n"
