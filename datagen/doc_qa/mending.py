"""What is put right in a reply before it is checked: nothing that it says, only how a small model wrote it down."""

from __future__ import annotations

import re
from collections.abc import Iterable

from datagen.material.passages import Passage
from seedbed.text import half_width

_LABEL = re.compile(r"^\W{0,3}(?:question|answer|q|a|问题|问|答案|回答|答)\W{0,3}[:：]\W{0,3}\s*", re.I)
_QUOTES = {('"', '"'), ("“", "”"), ("「", "」"), ("'", "'")}
# "(8)" right after a Latin letter is no citation: it belongs to the name of a manual page, "slapd(8)".
_CITED = re.compile(
    r"(?:(?:[\[［【（]|(?<![A-Za-z\d_])\()\s*(\d{1,3}(?:\s*[,，、\-–]\s*\d{1,3})*)\s*[\]］】)）][\s,，、和]*)+[.。]?\s*$"
)
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\r": "\\r"}
# PDF files have typographic quotes in their commands, and lose or add spaces beside them.
_STRAIGHT = str.maketrans("“”‘’", "\"\"''")
_LEAST = 0.5  # of a command that must be there before the rest is put to it
_STOP = {"en": ".", "zh": "。"}


def tidy(text: str, passage: Passage) -> str:
    """Without a label ("Answer:") and quotes around all of it; a template's marks as the passage has them."""
    text = _LABEL.sub("", text.strip())
    if len(text) > 2 and (text[0], text[-1]) in _QUOTES:
        text = text[1:-1].strip()
    return text.replace("< |", "<|") if "<|" in passage.text else text


def escaped(text: str, source: str) -> str:
    """`\\n` as its source has it: copied into JSON as it stands, it was read as a line break."""
    for read, written in _ESCAPES.items():
        if read in text and written in source:
            text = text.replace(read, written)
    return text


def citations(text: str, source: str) -> tuple[str, list[int | str]]:
    """The answer without sentence numbers at its end, and those numbers; what stands so in its source is a figure of
    its own ("the submission port (587)")."""
    found = _CITED.search(text)
    if not found or half_width(found.group()).strip(" .。") in half_width(source):
        return text, []
    return text[: found.start()].rstrip(), list(re.findall(r"\d+", found.group()))


def completed(answer: str, commands: Iterable[str], language: str) -> str:
    """The answer with the rest of the command within which it breaks off. Held to JSON, a small model cannot write what
    stands behind a backslash that JSON does not know (`\\;`), and ends there."""
    if answer.count("`") % 2 == 0:
        return answer
    before, begun = answer.rsplit("`", 1)
    begun = begun.rstrip("\\ ")
    for command in commands:
        whole = command if set(begun) & set("“”‘’") else command.translate(_STRAIGHT)
        if len(begun) >= _LEAST * len(whole) and whole.startswith(begun):
            return f"{before}`{whole}`{_STOP[language]}"
    return answer


def gives(text: str, command: str) -> bool:
    """Whether a text holds a command to the letter. Where the command's own quotes are typographic, which no shell
    takes, straight ones stand for them, and white space beside them does not count."""
    flat, command = " ".join(text.split()), " ".join(command.split())
    return command in flat or (command != command.translate(_STRAIGHT) and _plain(command) in _plain(flat))


def _plain(text: str) -> str:
    return re.sub(r"\s*([\"'])\s*", r"\1", text.translate(_STRAIGHT))
