"""Which passages hold nothing to ask about: contents, indexes, legal pages, title pages, references, bare code, what a
document says of itself.

Each test asks for the form of the thing, not for its subject, so that a manual's passage about licences, or a chapter
on how to write an index, is kept. Front matter "yields only nonsense" from a teacher; a kept one costs some calls, a
good passage lost is lost for ever: so the tests err on the side of keeping.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from datagen.readers.clean import fenced
from seedbed.text import length, sentences


class Verdict(NamedTuple):
    """Why a passage is set aside: a stable name, and what was seen."""

    reason: str
    detail: str


_HEADING_LINE = re.compile(r" {0,3}#{1,6}\s")
_TAIL = 60  # characters at the end of a line that are looked at for dots and page numbers
_MARKER = re.compile(r"^\s*(?:[-*+>|]\s+)?")
_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)|<?https?://[^\s>)\]]+>?")
_SENTENCE_END = re.compile(r"[.。!！?？;；…:：][\"'”’)）」』*_`]*\s*\|?$")

_LEADER = re.compile(r"(?:\.\s?){3,}\s*(?:\d{1,4}|[ivxlc]{1,7})\s*\|?$|…{1,}\s*\d{1,4}$|·{3,}\s*\d{1,4}$")
_NUMBERED_TITLE = re.compile(
    r"(?:\d{1,2}(?:\.\d{1,2})+\.?|Chapter\s+\d+[.:]?|Appendix\s+[A-Z][.:]?|第.{1,3}[章节]|附录)\s+\S"
)
_CONTENTS = re.compile(
    r"(?:table of )?contents|(?:list|index) of (?:figures|tables|examples)"
    r"|目\s*录|[图表例][表子]?目录|插图清单|表格清单",
    re.I,
)

_INDEX = re.compile(r"(?:(?:subject|general|alphabetical) )?index|(?:术语|关键词|主题)?索\s*引", re.I)
_INDEX_ENTRY = re.compile(r"\D,\s*\d{1,4}(?:\s*[-–,，、]\s*\d{1,4})*\.?$")

_LEGAL_HEADING = re.compile(
    r"(?:the )?(?:(?:mit|bsd|gnu .*|apache|software|end.user) )?licen[cs](?:e|ing)(?: agreement| terms)?"
    r"|copyrights?(?: notice| and licen[cs]e)?|(?:legal|copyright) (?:notices?|information)"
    r"|disclaimers?|trademarks?|colophon|imprint"
    r"|版权(?:声明|所有|信息|页)?|法律(?:声明|通告|信息)|许可(?:证|协议)?|免责声明|商标(?:声明)?",
    re.I,
)
# What a legal text does, as opposed to what a text about the law describes.
_LEGAL_ACT = re.compile(
    r"permission is (?:hereby )?granted|in no event shall|without warranty of any kind|without any warranty"
    r"|all rights reserved|(?:provided|distributed) [\"“”']?as is|redistribution and use in source"
    r"|merchantability|fitness for a particular purpose|under the terms of the .{0,40}licen[cs]e"
    r"|no part of this (?:publication|book|document) may be|you should have received a copy"
    r"|(?:is|are) (?:registered )?trademarks? (?:of|or)"
    r"|版权所有|保留(?:所有|一切|全部)?权利|未经.{0,20}(?:许可|同意|授权).{0,20}(?:不得|禁止)"
    r"|不得以任何(?:形式|方式)|不提供任何.{0,6}(?:担保|保证)|不承担任何.{0,12}责任"
    r"|(?:均|皆|都)?(?:为|是).{0,20}的(?:注册)?商标|您?可以依据.{0,30}许可证.{0,30}(?:修改|发布|分发)",
    re.I,
)
_COPYRIGHT = re.compile(r"(?:©|\(c\)|copyright|版权)\s*(?:©|\(c\))?\s*(?:19|20)\d\d|ISBN[\s:-]*[\dX-]{10,}", re.I)

_PEOPLE = re.compile(
    r"acknowledge?ments?|(?:about the |list of )?(?:authors?|contributors?|translators?|collaborators?)|dedication"
    r"|credits|(?:revision|document|change|copyright) history"
    r"|致谢|鸣谢|献[词辞]|(?:关于)?(?:作者|译者|贡献者)(?:名单|简介)?|修订(?:历史|记录)|版[本权]历史",
    re.I,
)

# The parts of a document that speak of the document.
_OPENING = re.compile(
    r"preface|foreword|introduction|(?:document |typographic(?:al)? )?conventions(?: used(?: in this \w+)?)?"
    r"|(?:about|how to (?:read|use)|bug reports on|feedback on) this \w+"
    r"|序言|前言|序|引言|(?:排版|书写|文档|本书)约定|(?:关于|如何(?:阅读|使用)|怎样阅读)本(?:文档|书|手册|指南)|文档格式",
    re.I,
)
_SELF, _SELF_IN_OPENING = 0.5, 0.3  # of a passage's words, in sentences that do
_ITSELF = re.compile(
    r"\bthis (?:document|book|manual|guide|handbook)\b|\b(?:typewriter|monospaced?|fixed.width) (?:font|type)\b"
    r"|本(?:文档|书|手册|指南|文(?![件地字本]))|(?:该|这份|这本)(?:文档|手册|书)|(?:打字机|打印机|等宽)字体",
    re.I,
)

_REFERENCES = re.compile(
    r"references|bibliography|works cited|further reading|literature|参考(?:文献|资料|书目)|延伸阅读|引用文献", re.I
)
_CITED = re.compile(
    r"^\[\w{1,12}\]\s|\b(?:19|20)\d\d\b[.)）]|\bdoi\b|https?://|\bpp?\.\s?\d|\bISBN\b|\[[JMCDRS]\]", re.I
)
_NUMBERED = re.compile(
    r"(?:(?:Chapter|Appendix|Part)\s+)?(?:\d+|[A-Z])(?:[.\-]\d+)*[.、)）:]?\s+|第.{1,4}[章节部篇][\s、:：]*"
    r"|附录\s*[A-Z\d]?[\s.、:：]*|[一二三四五六七八九十]{1,3}、\s*",
    re.I,
)


def unusable(text: str, headings: tuple[str, ...] = (), *, early: bool = False) -> Verdict | None:
    """Why no question can be asked of a passage, or None if one can.

    `headings` are those above it; `early` says that it stands at the very beginning of its document.
    """
    prose, code = _parted(text)
    lines = [_MARKER.sub("", line).strip() for line in prose if not _HEADING_LINE.match(line)]
    lines = [line for line in lines if any(map(str.isalnum, line))]
    titles = [_unnumbered(heading) for heading in headings]
    own = [_unnumbered(line.strip("# ")) for line in prose if _HEADING_LINE.match(line)]
    where = titles[-1:] + own
    return (
        _contents(lines, where)
        or _index(lines, titles[-2:] + own)
        or _legal("\n".join(lines), lines, where)
        or _references(lines, where)
        or _front_matter(lines, where, early)
        or _about_itself(lines, titles[-1:] + own)
        or _wordless(text, lines, code, early)
    )


def _parted(text: str) -> tuple[list[str], list[str]]:
    """The lines outside and inside code fences; the closing mark of a fence that was cut off counts as code."""
    prose: list[str] = []
    code: list[str] = []
    lines = text.split("\n")
    orphan = next(
        (n for n, (line, inside) in enumerate(fenced(lines)) if not inside and line.startswith(("```", "~~~"))), None
    )
    for number, (line, in_code) in enumerate(fenced(lines)):
        (code if in_code or (orphan is not None and number >= orphan) else prose).append(line)
    return prose, code


def _unnumbered(heading: str) -> str:
    heading = heading.strip(" *`")
    number = _NUMBERED.match(heading)
    return heading[number.end() :].strip() if number else heading


def _named(pattern: re.Pattern[str], titles: list[str]) -> bool:
    return any(pattern.fullmatch(title) for title in titles)


def _unended(lines: list[str]) -> int:
    return sum(not _SENTENCE_END.search(line) for line in lines)


def _contents(lines: list[str], titles: list[str]) -> Verdict | None:
    leaders = sum(bool(_LEADER.search(line[-_TAIL:])) for line in lines)
    if leaders >= 3 and leaders * 2 >= len(lines):
        return Verdict(
            "contents", f"a table of contents: {leaders} of {len(lines)} lines end in dots and a page number"
        )
    if _named(_CONTENTS, titles) and len(lines) >= 2 and _unended(lines) >= 0.7 * len(lines):
        return Verdict("contents", "a list of headings under a title such as Contents")
    numbered = sum(bool(_NUMBERED_TITLE.match(line)) and not _SENTENCE_END.search(line) for line in lines)
    if numbered >= 4 and numbered >= 0.7 * len(lines):
        return Verdict("contents", f"a list of section titles: {numbered} of {len(lines)} lines")
    links = sum(bool(_LINK.search(line)) and length(_LINK.sub("", line)) <= 2 for line in lines)
    if links >= 4 and links >= 0.8 * len(lines):
        return Verdict("contents", f"a list of links: {links} of {len(lines)} lines")
    return None


def _index(lines: list[str], titles: list[str]) -> Verdict | None:
    entries = sum(bool(_INDEX_ENTRY.search(line[-_TAIL:])) and length(line) <= 16 for line in lines)
    if entries >= 5 and entries >= 0.6 * len(lines):
        return Verdict("index", f"an index: {entries} of {len(lines)} lines end in page numbers")
    if _named(_INDEX, titles) and len(lines) >= 5 and _unended(lines) >= 0.8 * len(lines):
        return Verdict("index", "a list of terms under a title such as Index")
    return None


def _legal(text: str, lines: list[str], titles: list[str]) -> Verdict | None:
    acts = {match.group().lower() for match in _LEGAL_ACT.finditer(text)}
    notices = sum(bool(_COPYRIGHT.search(line)) for line in lines)
    named = _named(_LEGAL_HEADING, titles)
    share = sum(length(line) for line in lines if _LEGAL_ACT.search(line) or _COPYRIGHT.search(line)) / max(
        length(text), 1
    )
    if len(acts) >= 3 or (share >= 0.4 and len(acts) + notices >= 2) or (named and share >= 0.25):
        return Verdict(
            "legal", "a licence, copyright notice or disclaimer: " + "; ".join(sorted(acts)[:3] or ["copyright notice"])
        )
    return None


def _references(lines: list[str], titles: list[str]) -> Verdict | None:
    cited = sum(bool(_CITED.search(line)) for line in lines)
    numbered = sum(bool(re.match(r"\[\w{1,12}\]\s", line)) for line in lines)
    if (_named(_REFERENCES, titles) and cited >= 2 and cited * 2 >= len(lines)) or (
        numbered >= 4 and numbered >= 0.7 * len(lines)
    ):
        return Verdict("references", f"a list of works: {max(cited, numbered)} of {len(lines)} lines cite one")
    return None


def _front_matter(lines: list[str], titles: list[str], early: bool) -> Verdict | None:
    if titles and all(_PEOPLE.fullmatch(title) for title in titles):
        return Verdict("front_matter", f"a section on who made the document: {titles[-1]}")
    if early and any(_COPYRIGHT.search(line) for line in lines) and _unended(lines) >= 0.6 * len(lines):
        return Verdict("front_matter", "a title and copyright page at the beginning of the document")
    return None


def _about_itself(lines: list[str], titles: list[str]) -> Verdict | None:
    """Most of what it says is about the document and not about its matter: how it is set, whom it is for."""
    said = _sentences(lines)
    own = [sentence for sentence in said if _ITSELF.search(sentence)]
    share = sum(map(length, own)) / max(sum(map(length, said)), 1)
    least = _SELF_IN_OPENING if any(_OPENING.fullmatch(title) for title in titles) else _SELF
    if len(own) >= 2 and share >= least:
        return Verdict("about_itself", f"{len(own)} of {len(said)} sentences speak of the document itself")
    return None


def _wordless(text: str, lines: list[str], code: list[str], early: bool) -> Verdict | None:
    """Fewer than two statements; a listing or table that a sentence introduces counts as one."""
    found = _sentences(lines)
    statements = sum(map(_is_statement, found))
    # A row of a table says something however short it is, for its head says the rest: `port | use`, `22 | ssh`.
    rows = sum(line.endswith("|") for line in lines) - 1
    statements = max(statements, rows)
    listing = length("\n".join(code))
    if listing > 0 and not any(map(_explains, found)):
        return Verdict("code_only", f"code without a sentence on what it does: {listing} tokens of code")
    if statements + (statements == 1 and listing > 0) >= 2:
        return None
    if early and not statements:
        return Verdict("front_matter", "a title page or list of names: no sentences at the beginning of the document")
    return Verdict("no_sentence", f"{statements or 'no'} sentence, {length(text)} tokens")


def _sentences(lines: list[str]) -> list[str]:
    text = "\n\n".join(lines)
    return [text[start:end] for start, end in sentences(text)]


def _is_statement(sentence: str) -> bool:
    """Whether it says something: a sentence with an end, or a list item or table row of some length."""
    tokens = length(_LINK.sub(r"\1", sentence))
    return tokens >= 4 and (bool(_SENTENCE_END.search(sentence)) or tokens >= 6)


def _explains(sentence: str) -> bool:
    """Whether a sentence says more than the name of the listing that follows: "Makefile.am (v=2.0):"."""
    return length(sentence) >= (8 if sentence.rstrip("*_` ").endswith((":", "：")) else 6)
