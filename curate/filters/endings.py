"""Was the answer cut off? Teachers stop at their token limit, and data sets were made with such limits.

Found by form alone, so with care: lists, tables, code, verses, signatures and short answers need no full stop. What
counts is how the rest of the answer is written: where its lines or sentences end in full stops, the last one does too.
Of 1,999 public Alpaca answers 16 are said to be cut off, and nearly all of those are.
"""

from __future__ import annotations

import re

from seedbed.text import CJK, language, length

# A last line below this many tokens may be a signature ("Yours, Li").
_TAIL = 5
# A Chinese word is about 1.5 characters.
_ZH_TOKENS = 1.5
# A line that alone is longer than this many fragments and has no end was not meant as a phrase.
_FRAGMENTS = 2

_FENCED = re.compile(r"^[ \t>]*(`{3,}|~{3,})[^\n]*\n(?:.*?^[ \t>]*\1[`~]*[ \t]*$|.*\Z)", re.M | re.S)
_FENCE_LINE = re.compile(r"^[ \t>]*(?:```|~~~)", re.M)
_END = re.compile(r"[.。!！?？…;；:：][\"”’'」』）)\]】*_~`>]*$")
_INNER_END = re.compile(r"[。！？；!?](?=.)|\.(?=\s)")
_OPEN = re.compile(rf"[A-Za-z0-9{CJK}]$")
_HEADING = re.compile(r"#{1,6}\s")
_ITEM = re.compile(
    r"^\s*(?:[-*+•·]|\d{1,3}[.)、）]|[（(]\d{1,3}[)）]|[a-zA-Z][.)]|[一二三四五六七八九十]+、)\s*"
)
# Headings, quotes, commands, tags, addresses, formulas, indented code, hashtags, “quoted words” – their author.
_NOT_PROSE = re.compile(
    r"^\s*(?:\||#{1,6}\s|>|\$|</?[a-z])|https?://\S+$|\S+@\S+$|[=→]|^ {4}|^\t|#\w+$"
    r"|[\"”’」』*]\s*[-–—]{1,2}\s*\S.{0,40}$"
)
_COMMA = re.compile(r"[,，、(（\[【{「『“]$")
_WANTS_MORE = re.compile(
    r"(?:(?<![A-Za-z])(?:the|an|and|or|of|because|than|whose|your|their|its)"
    r"|以及|因为|如果|由于|例如|比如|包括|或者|并且|(?<![自理事缘])由|把|(?<![合一])并)$", re.I,
)  # fmt: skip


def unfinished(text: str, fragment: int) -> str:
    """Why the text looks cut off, in words; empty when it looks whole.

    `fragment` is the length in English words up to which a line may be a phrase, a name or a title without an end.
    """
    text = text.rstrip()
    if len(_FENCE_LINE.findall(text)) % 2:
        return "a code block is never closed"
    lines = [line for line in _FENCED.sub("\n", text).split("\n") if line.strip()]
    if not lines or _FENCE_LINE.match(text.rsplit("\n", 1)[-1]):
        return ""  # ends with code
    last, earlier = lines[-1].strip(), lines[:-1]
    if last.startswith("|"):
        return "" if last.endswith("|") or not earlier else f"the table's last row stops at {last[-20:]!r}"
    if _HEADING.match(last):
        return f"nothing follows the heading {last[:40]!r}" if earlier else ""
    return _open_end(lines) or _without_end(lines[-1], earlier, fragment)


def _open_end(lines: list[str]) -> str:
    """What at the very end calls for more."""
    last = lines[-1].rstrip()
    if last.endswith((":", "：")) and length(last) > 1:
        return f"nothing follows {last[-20:]!r}"
    data = len(lines) > 1 and lines[-2].count(",") == last.count(",") > 0  # a row of a CSV may end in an empty field
    if length(last) > 1 and not data and (mark := _COMMA.search(last)):
        return f"it ends in {mark.group()!r}"
    word = _WANTS_MORE.search(last) if length(last) > 2 else None
    return f"it ends in {word.group()!r}" if word else ""


def _without_end(last: str, earlier: list[str], fragment: int) -> str:
    """Whether the last line, having no end mark, is unlike what came before."""
    if not _OPEN.search(last) or _NOT_PROSE.search(last):
        return ""
    if _ITEM.match(last):
        items = [line for line in earlier if _ITEM.match(line)]
        return "the last item of the list has no end" if len(items) >= 2 and _all_end(items) else ""
    if _INNER_END.search(last):
        return "the last sentence has no end"
    prose = [line for line in earlier if not _ITEM.match(line) and not _NOT_PROSE.search(line)]
    words = length(last) / (_ZH_TOKENS if language(last) == "zh" else 1)
    if words >= _TAIL and prose and _all_end(prose):
        return "the last sentence has no end"
    alone = not earlier and words > _FRAGMENTS * fragment and not _is_enumeration(last)
    return "a sentence of this length has an end" if alone else ""


def _is_enumeration(line: str) -> bool:
    """a, b, c and d: no piece is longer than four tokens."""
    pieces = re.split(r"[,，、;；]", line)
    return len(pieces) > 2 and all(length(piece) <= 4 for piece in pieces)


def _all_end(lines: list[str]) -> bool:
    return all(_END.search(line.rstrip()) for line in lines)
