"""Was the answer cut off? Teachers stop at their token limit, and data sets were made with such limits.

Found by form alone, so with care: lists, tables, code, verses, signatures and short answers need no full stop. What
counts is how the rest of the answer is written: where its lines or its sentences end in full stops, the last one does.
"""

from __future__ import annotations

import re

from seedbed.text import CJK, length

# Answers shorter than this are phrases ("Paris", "set the flag to true"); so is the last line below _TAIL ("Yours, Li").
_PHRASE = 12
_TAIL = 5

FENCE = re.compile(r"^[ ]{0,3}(`{3,}|~{3,})[^\n]*\n(?:.*?^[ ]{0,3}\1[`~]*[ ]*$|.*\Z)", re.M | re.S)
_FENCE_LINE = re.compile(r"^[ ]{0,3}(?:```|~~~)", re.M)
_TERMINAL = re.compile(r"[.。!！?？…;；:：][\"”’'」』）)\]】*_~`>]*$")
_INNER_END = re.compile(r"[。！？；!?]|\.(?=\s)")
_OPEN_END = re.compile(rf"[A-Za-z0-9{CJK}]$")
_LIST_ITEM = re.compile(r"^\s*(?:[-*+•·]|\d{1,3}[.)、）]|[（(]\d{1,3}[)）]|[a-zA-Z][.)]|[一二三四五六七八九十]+、)\s*")
# Tables, headings, commands, tags, addresses, formulas, indented code, hashtags, “quoted words” – their author.
_NOT_PROSE = re.compile(
    r"^\s*(?:\||#{1,6}\s|>|\$|</?[a-z])|https?://\S+$|\S+@\S+$|[=→]|^ {4}|^\t|#\w+$|[\"”’」』*]\s*[-–—]{1,2}\s*\S.{0,40}$"
)
_HANGING = re.compile(
    r"(?:[,，、(（\[【「『“]|(?<![A-Za-z])(?:the|an|and|or|of|because|than|whose|your|their|its)"
    r"|以及|因为|如果|由于|例如|比如|包括|或者|并且|而且)$", re.I,
)  # fmt: skip


def cut_off(answer: str) -> str:
    """Why the answer seems cut off, in words; empty when it seems whole."""
    text = answer.rstrip()
    if len(_FENCE_LINE.findall(text)) % 2:
        return "a code fence is opened and never closed"
    if _FENCE_LINE.match(text.rsplit("\n", 1)[-1]):
        return ""  # ends with code
    if text.endswith((":", "：")) and length(text) > 3:
        return "ends in a colon, and nothing follows"
    if length(text) > 3 and (hanging := _HANGING.search(text)) and not _is_csv(text):
        return f"ends in “{hanging.group()}”"
    if not _OPEN_END.search(text) or length(text) < _PHRASE:
        return ""
    lines = [line for line in FENCE.sub("", text).split("\n") if line.strip()]
    last, earlier = lines[-1], lines[:-1]
    if _NOT_PROSE.search(last):
        return ""
    if _LIST_ITEM.match(last):
        items = [line for line in earlier if _LIST_ITEM.match(line)]
        return "the last item of the list has no end" if len(items) >= 2 and _all_end(items) else ""
    if _INNER_END.search(last):
        return "the last sentence has no end"
    paragraphs = [line for line in earlier if not _LIST_ITEM.match(line) and not _NOT_PROSE.search(line)]
    if length(last) >= _TAIL and paragraphs and _all_end(paragraphs):
        return "the last sentence has no end"
    return ""


def _is_csv(text: str) -> bool:
    lines = text.rsplit("\n", 2)[-2:]
    return len(lines) == 2 and lines[0].count(",") == lines[1].count(",") > 0


def _all_end(lines: list[str]) -> bool:
    return all(_TERMINAL.search(line.rstrip()) for line in lines)
