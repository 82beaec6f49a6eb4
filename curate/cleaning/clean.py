"""Cleaning: repairs text without judging it.

What goes: remains of HTML, control and invisible characters, broken encoding (ftfy, Speer 2019), line ends other than
a newline, white space at line ends, runs of blank lines, runs of blanks in sentences, marks and letters repeated
senselessly.

What stays: code (fences, inline code, indented blocks), formulas, JSON, tables and rules of dashes, columns aligned
with blanks, two empty lines (as between functions), full-width punctuation, units; texts that are about HTML; what
tools said; and the quotes of evidence. Passages as they were cut are left alone, because their offsets point into the
document.

A record that is empty after cleaning is rejected ("empty"), and so is one whose characters are lost ("broken").
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

import msgspec

from curate.cleaning import markup
from seedbed.context import Context
from seedbed.record import Message, Record, Step
from seedbed.text import CJK

VERSION = 4


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is repaired."""

    html: bool = True
    encoding: bool = True
    space: bool = True
    repeats: bool = True
    longest_run: int = 5  # a mark or letter repeated more often is cut to three; no word of either language has six

    def __post_init__(self) -> None:
        if self.longest_run < 3:
            raise ValueError("longest_run: expected 3 or more, because an ellipsis has three dots")


def clean(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, repaired where needed, with a step that names what was done."""
    repaired: Counter[str] = Counter()
    for record in records:
        done: set[str] = set()
        fixed = _fields(record, options, done)
        if done:
            repaired.update(done)
            record = record.revised(Step(stage="clean", operation="clean", note=", ".join(sorted(done))), **fixed)
        if lost := _lost(record):
            record = record.reject("clean", "broken", f"characters were lost before it came here: {lost}")
        elif not (record.answer or record.text).strip() and not _calls_tool(record):
            record = record.reject("clean", "empty", "no answer is left" if record.messages else "no text is left")
        yield record
    context.figures["repaired"] = dict(sorted(repaired.items()))


# One pass is the rule and two are rare; the bound is only there to end.
_MOST_PASSES = 8


def clean_text(text: str, options: Options, done: set[str], about_markup: bool = False) -> str:
    """`text` repaired; the names of the repairs that changed something are added to `done`.

    Repaired until nothing changes: a tag taken away can leave a code block, or the end of one, that was none before.
    """
    if _is_json(text):
        return text
    for _ in range(_MOST_PASSES):
        before, text = text, _once(text, options, done, about_markup)
        if text == before:
            break
    return text


def _once(text: str, options: Options, done: set[str], about_markup: bool) -> str:
    text = _noted("control", text, _without_controls(text), done)
    pieces = _pieces(text)
    # Who writes code in a text means the tags beside it too. Formulas are no code.
    code = any(piece[0] not in "$\\" for piece in pieces[1::2]) or markup.is_source("\n".join(pieces[::2]))
    for at in range(0, len(pieces), 2):  # every second piece is code or a formula
        prose = pieces[at]
        if options.encoding:
            prose = _noted("encoding", prose, _mended(prose), done)
        if options.html and not (about_markup or code):
            prose = _noted("html", prose, markup.removed(prose), done)
        if options.repeats:
            prose = _noted("repeats", prose, _shortened(prose, options.longest_run), done)
        if options.space:
            prose = _noted("space", prose, _tidied(prose, first=at == 0, last=at == len(pieces) - 1), done)
        pieces[at] = prose
    return "".join(pieces)


def _fields(record: Record, options: Options, done: set[str]) -> dict[str, Any]:
    """The record's texts, repaired."""
    # A passage as it was cut: its offsets point into the document. What a generator made of it bears a task.
    if record.text and not record.task and record.source is not None and record.source.start is not None:
        return {}
    texts = _texts(record)
    has_markup = options.html and any("<" in text or "&" in text for text in texts)
    questions = [message.content for message in record.messages if message.role != "assistant"]
    about_markup = has_markup and markup.asked_for(texts, questions)

    def mend(message: Message) -> Message:
        if message.role == "tool":
            return message
        return msgspec.structs.replace(message, content=clean_text(message.content, options, done, about_markup))

    return {
        "messages": tuple(mend(message) for message in record.messages),
        "rejected": record.rejected and mend(record.rejected),
        "input": clean_text(record.input, options, done, about_markup),
        "text": clean_text(record.text, options, done, about_markup),
    }


def _texts(record: Record) -> list[str]:
    return [message.content for message in record.messages] + [record.input, record.text]


def _calls_tool(record: Record) -> bool:
    return bool(record.messages and record.messages[-1].extra.get("tool_calls"))


# What decoders leave behind: U+FFFD, that sign's bytes read as GBK, and the filling of fresh memory read as GBK. Of the
# last there is always much; “烫烫烫！” is said of hot water.
_LOST = re.compile("\ufffd|锟斤拷|[烫屯]{6}")
_ABOUT_ENCODING = re.compile(r"(?i)乱码|编码|encoding|unicode|utf-?8|gbk|mojibake|U\+FFFD")


def _lost(record: Record) -> str:
    texts = _texts(record)
    found = next((match.group() for text in texts if (match := _LOST.search(text))), "")
    return "" if found and any(_ABOUT_ENCODING.search(text) for text in texts) else found


def _noted(kind: str, before: str, after: str, done: set[str]) -> str:
    if after != before:
        done.add(kind)
    return after


_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LINE_END = re.compile("\r\n|[\r\x0b\x0c\u2028\u2029]")
# Invisible: C0 controls, zero-width space, directions, byte order mark. Joiners (emoji) stay.
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


def _without_controls(text: str) -> str:
    return _INVISIBLE.sub("", _LINE_END.sub("\n", _TERMINAL.sub("", text)))


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):  # the last: nested too deeply
        return False
    return True


_PROTECTED = re.compile(
    r"""
      ^[ ]{0,3}(?P<fence>`{3,}|~{3,})[^\n]*(?:\n.*?\n[ ]{0,3}(?P=fence)[`~]*[ ]*$|\n.*\Z)  # a fence, closed or not
    | (?:(?<=\n\n)|\A)(?:(?:[ ]{4}|\t)[^\n]*(?:\n|\Z)|\n(?=[ ]{4}|\t))+                     # an indented block
    | `[^`\n]+`
    | \$\$.+?\$\$ | \\\[.+?\\\] | \\\(.+?\\\)
    | (?<![\\$\w])\$(?=\S)[^$\n]*?(?<=\S)\$(?![\d$])                                        # $x$, not "$5 or $10"
    """,
    re.X | re.S | re.M,
)


def _pieces(text: str) -> list[str]:
    """Prose and what must not be touched, in turn; the first and the last are prose, perhaps empty."""
    pieces, start = [], 0
    for match in _PROTECTED.finditer(text):
        pieces += [text[start : match.start()], match.group()]
        start = match.end()
    return [*pieces, text[start:]]


def _mended(prose: str) -> str:
    if prose.isascii():
        return prose
    fixed: str = _ftfy()(prose)
    return fixed.translate(_LEFT_OVER)


# C1 controls and the soft hyphen: parts of mis-read Chinese too, so they go only after that was mended.
_LEFT_OVER = dict.fromkeys([*range(0x80, 0xA0), 0xAD]) | {0x85: "\n"}


@lru_cache
def _ftfy() -> Callable[[str], str]:
    """ftfy with everything off that would change sound text: width, quotes, normal form."""
    import ftfy

    config = ftfy.TextFixerConfig(unescape_html=False, remove_terminal_escapes=False, fix_character_width=False,
                                  uncurl_quotes=False, fix_line_breaks=False, remove_control_chars=False,
                                  normalization=None, explain=False)
    return lambda text: ftfy.fix_text(text, config)


_SAME_MARK = re.compile(r"([!?！？。，、,;；～…．.])\1+")
_SAME_HAN = re.compile(f"(?![烫屯])([{CJK}])\\1+")  # of those two, see _LOST
_SAME_LETTER = re.compile(r"([a-wyz])\1+", re.I)  # xxxx stands for something left out
_WORD = re.compile(r"[#:&]?[A-Za-z0-9_/+=\-]+")
# A word that is drawn out: not #FFFFFF, ff02::1:ffffff and AAAAAAAAGT, which are values.
_DRAWN_OUT = re.compile(r"(?=.*[h-mo-su-z])[A-Za-z][a-z]*")
_RULE = set(" -=_*#~+.·")  # a line of nothing else divides


@lru_cache
def _long_run(longest: int) -> re.Pattern[str]:
    return re.compile(rf"(\S)\1{{{longest},}}", re.I)


def _shortened(prose: str, longest: int) -> str:
    """Runs cut to three (an ellipsis to two signs). Rules, tables and identifiers keep theirs."""
    if not _long_run(longest).search(prose):  # nearly always
        return prose

    def cut(match: re.Match[str]) -> str:
        run = match.group()
        return run if len(run) <= longest else match[1] * (2 if match[1] == "…" else 3)

    def word(match: re.Match[str]) -> str:
        return _SAME_LETTER.sub(cut, match.group()) if _DRAWN_OUT.fullmatch(match.group()) else match.group()

    def line(text: str) -> str:
        if "|" in text or not set(text) - _RULE:
            return text
        return _WORD.sub(word, _SAME_HAN.sub(cut, _SAME_MARK.sub(cut, text)))

    return "\n".join(map(line, prose.split("\n")))


# Two blanks after the end of a sentence are how many were taught to type; a blank beside `_` is a gap to be filled.
_RUN = re.compile(r"(?<=[^\s.!?:_]) {2,}(?=[^\s_])|(?<=[.!?:]) {3,}(?=[^\s_])")
# A run of blanks in a line without an end is layout: log lines, receipts, `call()  what it does`.
_SENTENCE = re.compile(r"[.!?。！？；…][\"”’'」』）)]*$")


def _tidied(prose: str, first: bool, last: bool) -> str:
    """Blanks alike, none at line ends, three empty lines or more made one, no runs of blanks within sentences."""
    prose = re.sub("[\xa0\u2000-\u200a\u202f\u205f]", " ", prose)
    prose = re.sub(r"[ \t\u3000]+(?=\n)", "", prose)
    prose = re.sub(r"\n{4,}", "\n\n", prose)
    prose = re.sub(r"\A(?:[ \t]*\n)+", "", prose) if first else prose
    prose = prose.rstrip() if last else prose
    lines = prose.split("\n")
    ends = [set() if "|" in line else {match.end() for match in _RUN.finditer(line)} for line in lines]
    for at, line in enumerate(lines):
        beside = (ends[at - 1] if at else set()) | (ends[at + 1] if at + 1 < len(lines) else set())
        if ends[at] and "\t" not in line and not ends[at] & beside and _SENTENCE.search(line):
            lines[at] = _RUN.sub(" ", line)
    return "\n".join(lines)
