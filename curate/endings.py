"""Does a text stop where its writer meant it to?

Code, tables, lists, signatures, verse and single words end without a full stop too.
Only what shows is said to be cut: an open code block, a comma, a colon or a word that wants another at the end, a half
table row, a list item unlike its siblings, a long last line without an end mark.
"""

from __future__ import annotations

import re

from seedbed.text import language, length, sentences

_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_ITEM = re.compile(r"\s*(?:[-*+•·]|\(?\d{1,3}[.)、．）]|[（(][\d一二三四五六七八九十]{1,3}[)）]|[①-⑳]|[一二三四五六七八九十]{1,3}、)\s*")
_END = re.compile(r"[.!?。！？…;；]$")
_WANTS_MORE = re.compile(r"[,，、:：(（\[【{“「『‘《<=\\]$|[^-]-$")
_LAST_WORD = re.compile(r"([A-Za-z]+)$")
# Words that no English sentence or phrase ends with.
_DANGLING = frozenset(
    "the a an and or but nor of with from into onto upon because although though while whereas if unless than is are was "
    "were be has have had will would should could may might must can their its your our my this these those every".split()
)
# 的, 是, 到, 上 end many phrases (是的, 不是); these end none.
_DANGLING_ZH = re.compile(r"(?:[和与或及把被将从向对由因但而并且为]|以及|并且|因为|所以|如果|但是|其中|例如|比如|通过|根据)$")
_ZH_FINE = re.compile(r"(?:因而|从而|反而|总和|之和|饱和|缓和|温和|柔和|谐和|参与|给与|赠与|成为|作为|行为|认为|方向|走向|取向|转向|反对|相对|绝对|"
                      r"核对|配对|面对|自由|理由|原因|病因|起因|基因|合并|一并|尚且|暂且|而且|以为|横向|纵向|双向|单向|风向|动向|倾向|人和|共和|不对)$")
# A word of Chinese is about 1.5 characters.
_ZH_TOKENS = 1.5
# "a, b, c and d" in pieces this short is an enumeration, not a sentence.
_PIECE = 4


def unfinished(text: str, fragment: int) -> str:
    """Why the text looks cut off, in words; empty when it does not.

    `fragment` is the length in English tokens up to which a last line without an end mark may be a title, a name or a
    signature.
    """
    text = text.rstrip()
    if not text:
        return ""
    if _open_fence(text):
        return "a code block is never closed"
    lines = text.splitlines()
    last = lines[-1].strip()
    if _FENCE.match(last) or last == "$$":
        return ""
    if last.startswith("|"):
        return "" if last.endswith("|") else f"the table's last row stops at {last[-20:]!r}"
    if re.match(r"#{1,6}\s", last):
        return f"nothing follows the heading {last[:40]!r}"
    if _is_data(lines):
        return ""
    if why := _wants_more(last):
        return why
    if not last[-1].isalnum():
        return ""
    return _without_end(lines, last, fragment)


def _open_fence(text: str) -> bool:
    opened = ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark and not opened:
            opened = mark.group(1)
        elif mark and mark.group(1).startswith(opened) and not line.strip(" \t>`~"):
            opened = ""
    return bool(opened)


def _is_data(lines: list[str]) -> bool:
    """Rows of CSV, or a line of code or of an address: they have no sentence ends."""
    last = lines[-1]
    for comma in (",", "，", "\t", ";"):
        if len(lines) > 1 and last.count(comma) and last.count(comma) == lines[-2].count(comma):
            return True
    return bool(re.search(r"^\s*[$#>] |^ {4}\S|://\S+$|^\S+$(?<=[/)}\]>;])", last))


def _wants_more(last: str) -> str:
    if _WANTS_MORE.search(last) and len(last) > 1 and not re.search(r"[:;=8]-?[(<\\]$", last):
        return f"it stops at {last[-20:]!r}"
    word = _LAST_WORD.search(last)
    if word and word.group(1) in _DANGLING and length(last) > 2:
        return f"it stops at {last[-20:]!r}"
    if _DANGLING_ZH.search(last) and not _ZH_FINE.search(last) and length(last) > 2:
        return f"it stops at {last[-20:]!r}"
    return ""


def _without_end(lines: list[str], last: str, fragment: int) -> str:
    """The last line ends in a letter or digit: fine for what is short, a list item among its like, or an enumeration."""
    why = f"its last sentence has no end: {last[-20:]!r}"
    limit = fragment * (_ZH_TOKENS if language(last) == "zh" else 1)
    if _ITEM.match(last):
        items = [line.strip() for line in lines[:-1] if _ITEM.match(line)]
        ended = sum(bool(_END.search(item)) for item in items)
        return why if len(items) >= 2 and ended > 0.7 * len(items) else ""
    spans = sentences(last)
    if len(spans) > 1 and _END.search(last[spans[-2][0] : spans[-2][1]]) and _is_sentence(last[: spans[-2][1]]):
        return why
    if length(last) <= limit or _is_enumeration(last):
        return ""
    return why


def _is_sentence(text: str) -> bool:
    return length(text) >= 4


def _is_enumeration(line: str) -> bool:
    pieces = re.split(r"[,，、;；|/→]|\band\b|和", line)
    return len(pieces) > 3 and all(length(piece) <= _PIECE * (_ZH_TOKENS if language(piece) == "zh" else 1) for piece in pieces)

