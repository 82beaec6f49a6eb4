"""Markdown and plain text."""

from __future__ import annotations

import html
import re

from datagen.readers.clean import characters, fenced, unwrap
from datagen.readers.document import Document
from datagen.readers.encoding import decode
from datagen.readers.lines import as_markdown

_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)\n", re.S)
_TITLE = re.compile(r"^title:\s*[\"']?(.+?)[\"']?\s*$", re.M)
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_IMAGE = re.compile(r"!\[[^\]\n]{0,500}\]\([^)\s]*(?:\s+[\"'][^\"'\n]*[\"'])?\)")
_EMPTY_LINK = re.compile(r"\[\s*\]\([^)\n]*\)")
_TAG = re.compile(
    r"</?(?:a|b|big|br|center|dd|details|div|dl|dt|em|font|hr|i|img|kbd|li|ol|p|picture|small|source|span|strong|sub|"
    r"summary|sup|table|tbody|td|th|thead|tr|u|ul)(?:\s[^<>\n]*)?/?>",
    re.I,
)
_CODE_SPAN = re.compile(r"(`+)[^`\n]+\1")


def markdown(data: bytes) -> Document:
    """A Markdown file: front matter and HTML remains removed, headings as `#` lines, lines of a paragraph joined."""
    return _from_markdown(characters(decode(data)))


def text(data: bytes) -> Document:
    """A plain text file: numbered and underlined headings found, paragraphs joined, listings put in code fences.

    A file that begins with a `#` heading or holds code fences is taken as Markdown.
    """
    content = characters(decode(data))
    first = next((line for line in content.split("\n") if line.strip()), "")
    if _HEADING.match(first) or any(in_code for _, in_code in fenced(content.split("\n"))):
        return _from_markdown(content, kind="text")
    body = unwrap(as_markdown(content))
    return Document(kind="text", text=body, title=first_title(body))


def _from_markdown(content: str, kind: str = "markdown") -> Document:
    content = content.lstrip("\n")
    title = ""
    if front := _FRONT_MATTER.match(content):
        named = _TITLE.search(front.group(1))
        title, content = named.group(1) if named else "", content[front.end() :]
    body = unwrap(tidy(content))
    return Document(kind=kind, text=body, title=title or first_title(body))


def first_title(markdown_text: str) -> str:
    """The text of the first heading, if it is the only one of the highest level: then it names the document."""
    found = []
    for line, in_code in fenced(markdown_text.split("\n")):
        if not in_code and (match := _HEADING.match(line)):
            found.append((len(match.group(1)), match.group(2)))
    highest = min((level for level, _ in found), default=0)
    return found[0][1] if found and found[0][0] == highest and [level for level, _ in found].count(highest) == 1 else ""


def tidy(content: str) -> str:
    """Markdown without images, comments and layout tags, with `#` headings only. Code is left alone."""
    out: list[str] = []
    prose: list[str] = []
    for line, in_code in fenced(content.split("\n")):
        if not in_code:
            prose.append(line)
            continue
        if prose:
            out.extend(_tidy_prose(prose))
            prose = []
        out.append(line)
    return "\n".join(out + (_tidy_prose(prose) if prose else []))


def _tidy_prose(lines: list[str]) -> list[str]:
    text = _COMMENT.sub("", "\n".join(lines))
    text = _EMPTY_LINK.sub("", _IMAGE.sub("", text))
    cleaned: list[str] = []
    for line in text.split("\n"):
        # Indented code and code between back quotes keep their angle brackets and entities.
        plain = line if line.startswith(("    ", "\t")) else _outside_code(line)
        under = _UNDERLINE.match(plain)
        if under and cleaned and _can_be_title(cleaned[-1]):
            cleaned[-1] = f"{'#' if under.group(1)[0] == '=' else '##'} {cleaned[-1].strip()}"
        elif plain.strip() or not line.strip():
            cleaned.append(plain)
    return cleaned


def _can_be_title(line: str) -> bool:
    return bool(line.strip()) and not re.match(r"\s*(?:[#>|*+-]|\d+[.)]\s|    )", line)


def _outside_code(line: str) -> str:
    pieces, end = [], 0
    for span in _CODE_SPAN.finditer(line):
        pieces += [html.unescape(_TAG.sub("", line[end : span.start()])), span.group()]
        end = span.end()
    return "".join([*pieces, html.unescape(_TAG.sub("", line[end:]))])
