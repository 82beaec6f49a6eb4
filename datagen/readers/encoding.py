"""Bytes to text: UTF-8 first, then GB18030, and a reason where neither fits."""

from __future__ import annotations

import re

from datagen.readers.document import Unreadable

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_HAN = re.compile("[\u3400-\u9fff]")
# The characters that any Chinese text is full of: 20 % and more of prose, 8 % of our tersest manual. Bytes of another
# encoding read as GB18030 give characters from all over the table, 1 % of them these.
_COMMON = set(
    "的一是不了在有人我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之用可件文使行包如"
)
_SAMPLE = 50_000


def decode(data: bytes, declared: str = "") -> str:
    """`data` as text. `declared` is an encoding that the document names itself, tried after UTF-8.

    Raises Unreadable("broken") for binary data and Unreadable("encoding") where no encoding gives sense.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode("utf-8", "replace") if name == "utf-8" else data.decode(name, "replace")
    if b"\0" in data:
        if (text := _utf16(data)) is not None:
            return text
        raise Unreadable("broken", "it holds binary data, not text; export it again as text in UTF-8")
    if (text := _utf8(data)) is not None:
        return text
    if declared and declared.lower().replace("_", "-") not in ("utf-8", "utf8", "gb2312", "gbk", "gb18030"):
        try:
            return data.decode(declared)
        except (LookupError, UnicodeDecodeError):
            pass
    text = _gb18030(data)
    if text is None:
        raise Unreadable("encoding", "it is neither UTF-8 nor GB18030 (GBK); save it again as UTF-8")
    return text


def _utf16(data: bytes) -> str | None:
    """UTF-16 without a mark, as some exports of tables are: every line end in it is a zero byte beside a line feed."""
    for name, line_end in (("utf-16-le", b"\n\0"), ("utf-16-be", b"\0\n")):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        sample = text[:_SAMPLE]
        known = sum(character in "\t\r\n" or " " <= character <= "~" or "\u3000" <= character <= "\u9fff" or character
                    in "，。：；（）" for character in sample)
        if line_end in data and known >= 0.9 * len(sample):
            return text
    return None


def _utf8(data: bytes) -> str | None:
    """UTF-8, with a cut last character or a few stray bytes forgiven; None if it is something else."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    sound = sum(1 for character in text[:_SAMPLE] if character > "\x7f") - bad
    # At most one bad byte in 1,000 characters, and far more sound multi-byte characters than bad ones.
    return text.replace("\ufffd", "") if not bad or (bad * 1000 < len(text) and sound > 10 * bad) else None


def _gb18030(data: bytes) -> str | None:
    """GB18030 if the outcome reads like Chinese; the encoding itself takes almost any bytes."""
    # A file cut in the middle of a character loses that character only.
    for end in range(len(data), max(len(data) - 4, 0), -1):
        try:
            text = data[:end].decode("gb18030")
        except UnicodeDecodeError:
            continue
        sample = text[:_SAMPLE]
        han = _HAN.findall(sample)
        common = sum(character in _COMMON for character in han)
        known = len("".join(han).encode("gb2312", "ignore")) / 2
        return text if han and (common >= 0.04 * len(han) if len(han) >= 50 else known >= 0.9 * len(han)) else None
    return None
