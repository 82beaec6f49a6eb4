"""JSON and JSON Lines as documents: an article, a knowledge base, a dump of tickets.

A list of short flat objects is a table. Longer ones are sections: a heading from the field that names the object, short
fields as a list, long ones as paragraphs. Rows of a training set are no document and are refused with the key to use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from datagen.documents import chunk
from datagen.readers.clean import characters, fenced
from datagen.readers.document import Document, Unreadable
from datagen.readers.encoding import decode
from datagen.readers.tables import fields, guarded, markdown
from seedbed.formats import recognise

# Fields whose value names an object, in the order in which they are looked for.
_NAMES = (
    *("title", "name", "heading", "subject", "question", "term", "topic", "summary", "id"),
    *("标题", "题目", "名称", "主题", "问题", "术语", "编号"),
)
# Fields whose value is the object's text: they need no name above them.
_TEXTS = ("text", "content", "body", "markdown", "正文", "内容", "文本")
_TABLE_CELL = 40  # tokens of a value; longer ones are no cells
_LONGEST_NAME = 200  # characters of a heading
_TAGS = re.compile(r"</(?:p|div|li|td|h[1-6]|a|strong|b)>|<br\s*/?>", re.I)
_HEADING = re.compile(r"#{1,6} ")
_SUBHEADING = re.compile(r"^##+ ", re.M)  # a single # may be a remark in a listing
_DEEPEST = 60


def read(data: bytes) -> Document:
    """A JSON value, or one a line. Raises Unreadable("broken" | "encoding" | "data_set" | "no_text" | "too_large")."""
    values = _values(decode(data))
    entries = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    _refuse_data_set(entries)
    title = ""
    if len(entries) == 1 and isinstance(entries[0], dict):
        title, text = _own_title(entries[0]), _section(entries[0], 1)
    else:
        text = _list(entries, 1)
    text = characters(text).strip("\n")
    if not text:
        raise Unreadable("no_text", "it holds no values")
    return Document(kind="json", text=re.sub(r"\n{3,}", "\n\n", text) + "\n", title=" ".join(title.split()))


def _values(content: str) -> list[Any]:
    try:
        return [msgspec.json.decode(content)]
    except msgspec.DecodeError as error:
        whole = str(error)
    found = []
    for number, line in enumerate(content.split("\n"), 1):
        if line.strip():
            try:
                found.append(msgspec.json.decode(line))
            except msgspec.DecodeError as error:
                first = number == 1 or not found
                why = whole if first else f"line {number}: {error}"
                raise Unreadable("broken", f"it is not JSON: {why}; mend or export it again") from error
    return found


def _refuse_data_set(entries: list[Any]) -> None:
    """Instruction, conversation and preference rows are training data already, and questions are not asked of them."""
    first = next((entry for entry in entries if isinstance(entry, dict)), {})
    try:
        format_ = recognise(first)
    except ValueError:
        return
    if format_ != "text":
        raise Unreadable(
            "data_set", f"its rows are a data set ({format_}) and no document; name it under `records:` instead"
        )


def _list(entries: list[Any], level: int) -> str:
    if not any(isinstance(entry, dict | list) for entry in entries):
        return "\n".join(f"- {_scalar(entry)}" for entry in entries if _scalar(entry))
    if _is_table(entries):
        names = list(dict.fromkeys(name for entry in entries for name in entry))
        return markdown(names, [[_cell(entry.get(name)) for name in names] for entry in entries])
    sections = []
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, dict):
            sections.append(_section(entry, level, number))
        else:
            sections.append(_list(entry, level + 1) if isinstance(entry, list) else guarded(_scalar(entry)))
    return "\n\n".join(filter(None, sections))


def _is_table(entries: list[Any]) -> bool:
    return len(entries) > 1 and all(
        isinstance(entry, dict) and all(_is_cell(value) for value in entry.values()) for entry in entries
    )


def _is_deep(value: Any) -> bool:
    """Whether a value is more than a field: an object, or a list that holds one."""
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(i, dict | list) for i in value))


def _is_cell(value: Any) -> bool:
    return not _is_deep(value) and chunk.size(_cell(value)) <= _TABLE_CELL and "\n" not in _cell(value)


def _section(entry: dict[str, Any], level: int, number: int = 0) -> str:
    """An object: heading, short fields, long fields, and what lies deeper as sections below."""
    if level > _DEEPEST:
        raise Unreadable("too_large", f"its values are nested more than {_DEEPEST} deep")
    key = _name_key(entry)
    heading = " ".join(_scalar(entry[key]).split()) if key else str(number or "")
    blocks = [f"{'#' * min(level, 6)} {heading}" if heading else "", fields(_plain_fields(entry, key))]
    for name, value in entry.items():
        if name in _TEXTS and isinstance(value, str):
            blocks.append(_article(value, level))
        elif isinstance(value, dict) and value:
            blocks.append(_nested(name, _section(value, level + 1), level + 1, _name_key(value) != ""))
        elif isinstance(value, list) and _is_deep(value):
            blocks.append(_nested(name, _list(value, level + 2), level + 1, False))
    return "\n\n".join(filter(None, (block.strip("\n") for block in blocks)))


def _nested(name: str, text: str, level: int, named: bool) -> str:
    return text if named or not text else f"{'#' * min(level, 6)} {' '.join(name.split())}\n\n{text}"


def _plain_fields(entry: dict[str, Any], key: str) -> Iterator[tuple[str, str]]:
    for name, value in entry.items():
        if name != key and not (name in _TEXTS and isinstance(value, str)) and not _is_deep(value):
            yield name, _cell(value) if isinstance(value, list) else _text(_scalar(value))


def _article(value: str, level: int) -> str:
    """An object's text. Markdown with headings, and pieces of a web page, keep them, below the object's own."""
    if not _TAGS.search(value) and not _SUBHEADING.search(value):
        return guarded(value.strip())
    lines = fenced((_page(value) if _TAGS.search(value) else value.strip()).split("\n"))
    deeper = "#" * level
    return "\n".join(deeper + line if not in_code and _HEADING.match(line) else line for line, in_code in lines)


def _text(value: str) -> str:
    """The value of a field; one with tags as the words of a page."""
    return guarded(_page(value) if _TAGS.search(value) else value.strip())


def _page(value: str) -> str:
    from datagen.readers.html import read as read_html

    try:
        return read_html(f"<html><body>{value}</body></html>".encode()).text.strip("\n")
    except Unreadable:
        return ""


def _name_key(entry: dict[str, Any]) -> str:
    lower = {name.casefold(): name for name in entry}
    named = (lower[name] for name in _NAMES if name in lower)
    return next((key for key in named if 0 < len(_scalar(entry[key])) <= _LONGEST_NAME), "")


def _own_title(entry: dict[str, Any]) -> str:
    key = _name_key(entry)
    return _scalar(entry[key]) if key else ""


def _cell(value: Any) -> str:
    if isinstance(value, list):
        texts = list(filter(None, map(_scalar, value)))
        return ("；" if any("\u4e00" <= letter <= "\u9fff" for text in texts for letter in text) else "; ").join(texts)
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value).strip()
