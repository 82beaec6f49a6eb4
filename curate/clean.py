"""Cleaning: what scraping, copying and wrong decoding left in a text is taken out, and nothing that carries meaning.

Encoding is mended by ftfy (Speer 2019), told to leave full-width marks and curly quotes alone, which are right in
Chinese and in good English. Code (fenced, inline, `<pre>`, `<code>`) and formulas are set aside first and put back as
they were; only their line ends become `\\n`. Angle brackets go when they are tags of HTML for sure, so `<your-name>`,
`List<T>` and `mv <source> <target>` stay, and in a record about HTML or XML every tag stays.

What this does not do: it rejects nothing, re-words nothing, and never touches evidence or passages, whose text must stay
what their document says at their offsets.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Any

import msgspec

from seedbed.context import Context
from seedbed.record import Message, Record, Step
from seedbed.text import CJK

VERSION = 1

# One round can lay bare work for the next (`&amp;nbsp;`); each makes the text simpler, and few need a third.
_ROUNDS = 10

# Code and formulas. A fence that never closes goes on to the end, as in CommonMark; `$` needs a sign of mathematics
# inside, since most are money.
LITERAL = re.compile(
    r"""
      ^[ \t>]*(?P<fence>`{3,}|~{3,})[^`\n]*(?:\n(?:(?s:.*?)\n)??[ \t>]*(?P=fence)[`~]*[ \t]*$|(?s:.*)\Z)
    | (?<!`)(?P<ticks>`{1,2})(?!`)[^\n]{1,400}?(?<!`)(?P=ticks)(?!`)
    | <(?P<tag>pre|code)\b[^<>]*>(?s:.*?)</(?P=tag)>
    | \$\$(?s:.+?)\$\$ | \\\[(?s:.+?)\\\] | \\\(.+?\\\)
    | \$(?![\s\d$])[^$\n]{1,200}(?<!\s)\$(?!\d) | \$[^$\n]{0,100}[\\^_=+{}][^$\n]{0,100}(?<!\s)\$(?!\d)
    """,
    re.X | re.M | re.I,
)
# Non-characters that Unicode leaves to programs stand in for what was set aside.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_MARK = re.compile(f"({_OPEN}[0-9]+{_CLOSE})")
_NO_MARKS = {ord(_OPEN): None, ord(_CLOSE): None}

# Zero-width marks and soft hyphens; the joiners U+200C and U+200D stay, emoji and Persian need them.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u2060-\u2064\u202a-\u202e\ufeff\ufffe\uffff]")
_SPACE = re.compile("[\u00a0\u2000-\u200a\u202f\u205f]")
_TRAILING = re.compile(r"[ \t\u3000]+$", re.M)
_TABLE_ROW = re.compile(r"\s*\|")

_TAG = re.compile(
    r"""<(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9]*)
        (?P<attributes>(?:\s++[\w:@.-]++\s*+=\s*+(?:"[^"<>]*+"|'[^'<>]*+'|[^\s"'<>]++))*+)\s*+/?>""",
    re.X,
)
_LINK = re.compile(r"""<a\s[^<>]*?href=["'](https?://[^"'\s<>()]+)["'][^<>]*>([^<>\[\]\n]+)</a>""", re.I)
_UNSEEN = re.compile(rf"<!--[^{_OPEN}]*?-->|<!DOCTYPE[^<>]*>|<(script|style)\b[^<>]*>[^{_OPEN}]*?</\1>", re.I)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_ESCAPED_TAG = re.compile(r"&lt;/?([A-Za-z][A-Za-z0-9]*)(?:(?!&[lg]t;)[^<>`\n]){0,200}&gt;")
_BLOCKS = frozenset(
    "p div br hr li ul ol tr h1 h2 h3 h4 h5 h6 table tbody thead blockquote section article header footer nav main aside "
    "html head body dl dt dd figure figcaption form center".split()
)
# Nobody names a placeholder so: stripped even when the other half of the pair is missing.
_SURE = frozenset("p div span br hr li ul ol td tr th tbody thead h1 h2 h3 h4 h5 h6 strong em font center".split())
# `<sub>` and `<sup>` are in none: without them x² would become x2.
_KNOWN = _SURE | _BLOCKS | frozenset("a b i u s small big img label button mark ins del strike tt abbr cite dfn caption".split())
_ABOUT_MARKUP = re.compile(
    r"(?<![\w./<-])(?<!doctype )(?:x?html5?|xml|svg|jsx|css|markup)(?![\w/])|>[`\"”]?\s*(?:tags?|elements?)\b"
    r"|>\s*(?:标签|元素)|转义|标记语言|网页源码",
    re.I,
)
_ABOUT_ENCODING = re.compile(r"mojibake|garbled|乱码", re.I)

# Three say as much as thirty. Commas, colons, dashes and digits are left alone: CSV, directives, rules and numbers.
_RUN = re.compile(rf"([!！?？。，、；～])\1{{3,}}|([a-wyz{CJK}])\2{{9,}}|(?<=\w)\.{{7,}}+(?!\s*\d)|…{{5,}}")
_RULE_LINE = re.compile(r"[-=*_~#+.·•—─\s]+$")
_PART_OF_A_VALUE = re.compile(r"[\d_/+=\\\"'“”‘’]")


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is cleaned besides line ends, invisible characters and white space, which always are."""

    html: bool = True  # tags, comments, entities
    encoding: bool = True  # text decoded with the wrong table, control characters, ligatures of print
    repeated: bool = True  # runs such as !!!!!!!!


def clean(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, cleaned in every turn, input, text and rejected answer; those that need nothing are not changed."""
    changed, operations = 0, Counter[str]()
    for number, record in enumerate(records, 1):
        cleaned, done = _cleaned(record, options)
        changed += bool(done)
        operations.update(done)
        if number % 256 == 0:
            context.progress.update(number)
        yield cleaned
    context.figures |= {"changed": changed, "operations": dict(sorted(operations.items()))}


def clean_text(text: str, options: Options | None = None) -> tuple[str, list[str]]:
    """The text cleaned and the names of the operations that changed it; cleaning again changes nothing more."""
    options = options or Options()
    done: list[str] = []
    for _ in range(_ROUNDS):
        text, now = _round(text, options)
        if not now:
            break
        done += [name for name in now if name not in done]
    return text, done


def _cleaned(record: Record, options: Options) -> tuple[Record, list[str]]:
    options = _fitting(record, options)
    done: set[str] = set()

    def mend(text: str) -> str:
        text, names = clean_text(text, options)
        done.update(names)
        return text

    def mend_message(message: Message) -> Message:
        content = mend(message.content)
        return message if content == message.content else msgspec.structs.replace(message, content=content)

    changes: dict[str, Any] = {"messages": tuple(map(mend_message, record.messages)), "input": mend(record.input)}
    if record.rejected:
        changes["rejected"] = mend_message(record.rejected)
    if not (record.source and record.source.start is not None):  # a passage is what its document says
        changes["text"] = mend(record.text)
    changes = {name: value for name, value in changes.items() if value != getattr(record, name)}
    if not changes:
        return record, []
    names = sorted(done)
    return record.revised(Step(stage="clean", operation=", ".join(names)), **changes), names


def _fitting(record: Record, options: Options) -> Options:
    """The options without what would spoil this record's subject: tags in one on HTML, mojibake in one on encodings."""
    texts = [message.content for message in record.messages] + [record.input, record.text]
    return msgspec.structs.replace(
        options,
        html=options.html and not any(map(_ABOUT_MARKUP.search, texts)),
        encoding=options.encoding and not any(map(_ABOUT_ENCODING.search, texts)),
    )


def _round(text: str, options: Options) -> tuple[str, list[str]]:
    aside: list[str] = []

    def hide(match: re.Match[str]) -> str:
        aside.append(match.group())
        return f"{_OPEN}{len(aside) - 1}{_CLOSE}"

    lines = re.sub("\r\n?", "\n", text)
    done = ["line_ends"] if lines != text else []
    shown = LITERAL.sub(hide, lines.translate(_NO_MARKS))
    for name, operation in _operations(options):
        before, shown = shown, operation(shown)
        if shown != before:
            done.append(name)
    result = _MARK.sub(lambda mark: aside[int(mark.group()[1:-1])], shown)
    if result != text and not done:
        done.append("characters")
    return result, done if result != text else []


def _operations(options: Options) -> Iterator[tuple[str, Callable[[str], str]]]:
    if options.encoding:
        yield "encoding", _mended
    yield "characters", _visible
    if options.html:
        yield "html", _without_html
    if options.repeated:
        yield "repeated", _shortened
    yield "white_space", _trimmed


def _mended(text: str) -> str:
    """Encoding mended piece by piece: what was set aside must not keep ftfy from seeing a whole line as broken."""
    return "".join(part if _MARK.match(part) else _fix(part) for part in _MARK.split(text))


def _fix(text: str) -> str:
    import ftfy

    if text.isascii() and text.isprintable():
        return text
    return ftfy.fix_text(text, _configuration()).translate(_NO_MARKS)  # type: ignore[no-any-return]


@lru_cache
def _configuration() -> Any:
    import ftfy

    return ftfy.TextFixerConfig(
        unescape_html=False,  # done here, with an eye to what the record is about
        fix_character_width=False,  # “，” and “（” are Chinese punctuation
        uncurl_quotes=False,
        explain=False,
    )


def _visible(text: str) -> str:
    return _SPACE.sub(" ", _INVISIBLE.sub("", text))


def _without_html(text: str) -> str:
    if "<" in text:
        text = _LINK.sub(r"[\2](\1)", _UNSEEN.sub("", text))
        tags = [(match["name"].lower(), bool(match["close"])) for match in _TAG.finditer(text)]
        pairs = {name for name, _ in tags if (name, True) in tags and (name, False) in tags}
        text = _TAG.sub(partial(_instead_of_tag, pairs), text)
    if "&" in text:
        text = _ESCAPED_TAG.sub(_as_code, text)
        text = _ENTITY.sub(lambda entity: html.unescape(entity.group()), text)
    return text


def _instead_of_tag(pairs: set[str], tag: re.Match[str]) -> str:
    """A line break for a block, a dash for a list item, nothing for the rest; the tag itself when it may be none."""
    name, closing = tag["name"].lower(), bool(tag["close"])
    if name not in _KNOWN or not (closing or tag["attributes"] or name in _SURE or name in pairs):
        return tag.group()
    line = tag.string[tag.string.rfind("\n", 0, tag.start()) + 1 : tag.start()]
    if _TABLE_ROW.match(line):
        return tag.group() if name == "br" else ""
    if name in ("td", "th"):
        return " " if closing else ""
    if name == "li" and not closing:
        return "\n- "
    return "\n" if name in _BLOCKS else ""


def _as_code(escaped: re.Match[str]) -> str:
    """A tag that was written out to be read goes between back quotes, or the next round would take it for a tag."""
    tag = html.unescape(escaped.group())
    return f"`{tag}`" if escaped[1].lower() in _KNOWN else tag


def _shortened(text: str) -> str:
    return "\n".join(
        line if _TABLE_ROW.match(line) or _RULE_LINE.match(line) else _RUN.sub(_three, line) for line in text.split("\n")
    )


def _three(run: re.Match[str]) -> str:
    first = run.group()[0]
    if first == "…":
        return "……"
    around = run.string[max(0, run.start() - 1) : run.start()] + run.string[run.end() : run.end() + 1]
    return run.group() if run[2] and _PART_OF_A_VALUE.search(around) else first * 3


def _trimmed(text: str) -> str:
    """No white space at line ends and around the text, at most one blank line in a row; indentation stays."""
    text = re.sub(r"\n{3,}", "\n\n", _TRAILING.sub("", text)).lstrip("\n").rstrip()
    return re.sub(r"\A {1,3}(?=\S)", "", text)  # four would be code, and U+3000 opens a Chinese paragraph
