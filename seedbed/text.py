"""Tokens, sentences, language and normal forms, for English and Chinese alike.

Lengths everywhere in seedbed are counted in the tokens of `tokenize` unless a model's own tokenizer is named.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import islice

# Han (with extensions A–H and compatibility forms), kana and 〇: scripts written without spaces.
CJK = "\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_TOKEN = re.compile(f"[{CJK}]|[a-z0-9]+")
_CJK = re.compile(f"[{CJK}]")
_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")
# Full-width ASCII (ＡＰＩ，１２) to half width. A table, because NFKC would also touch ℃, ² and ㎡.
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_HALF_WIDTH_ALNUM = {code: half for code, half in _HALF_WIDTH.items() if chr(half).isalnum()}
_COMMON_WIDE = tuple(zip("，？！：；（）", ",?!:;()", strict=True))
_QUOTES = tuple(zip("‘’“”", "''\"\"", strict=True))


def tokenize(text: str) -> list[str]:
    """Each CJK character is a token, and so is each run of letters or digits, in lower case.

    On text without CJK characters this equals the tokenizer of Google's `rouge_score` (no stemming), whose
    `[a-z0-9]+` alone would drop Chinese altogether.
    """
    return _TOKEN.findall(text.translate(_HALF_WIDTH_ALNUM).lower())


def length(text: str) -> int:
    """Length in tokens of `tokenize`."""
    return len(tokenize(text))


def normalise(text: str) -> str:
    """A form for comparing: NFKC, case folded, white space folded to single spaces, typographic quotes straightened."""
    if not text.isascii():
        # One full-width comma makes NFKC rebuild the whole text, ten times as slow as these searches.
        for wide, narrow in _COMMON_WIDE:
            text = text.replace(wide, narrow)
        text = unicodedata.normalize("NFKC", text)
        for typographic, straight in _QUOTES:
            text = text.replace(typographic, straight)
    return " ".join(text.casefold().split())


_PIECE = re.compile(r"[A-Za-z0-9]+(?:[-./_][A-Za-z0-9]+)*|\S")
_EXACT = re.compile(
    r"`([^`\n]+)`|(?<![\w-])(--?[a-z][\w-]*|(?=[\w./-]*\d)[A-Za-z0-9](?:[\w./-]|,(?=\d))*\w|\d)", re.ASCII
)


def exact_terms(text: str) -> frozenset[str]:
    """What a text names to the letter: figures, codes with a digit in them, options, and what stands in back quotes."""
    found = (code or term for code, term in _EXACT.findall(half_width(text)))
    return frozenset(normalise(term) for term in found)


def opening(question: str, language: str) -> str:
    """How a question begins: its first two words, or four in Chinese, where a character or a Latin name is one."""
    pieces = _PIECE.finditer(question.strip()) if language != "en" else re.finditer(r"\S+", question.strip())
    begun = "".join(
        f" {m.group()}" if m.group()[0].isascii() else m.group() for m in islice(pieces, 2 if language == "en" else 4)
    )
    return (begun.lower() if language == "en" else begun).strip().rstrip(",:;")


def half_width(text: str) -> str:
    """Full-width ASCII characters as half-width ones; same length, so offsets stay true."""
    return text.translate(_HALF_WIDTH)


def language(text: str) -> str:
    """`zh`, `en`, `mixed` or `other`, by the share of CJK characters among CJK characters and Latin words.

    Code in back quotes and between fences is left out, because technical Chinese is full of Latin terms. A Chinese
    word is about 1.5 characters, so a text is called Chinese from a share of .4 up, and English below .1.
    """
    prose = re.sub(r"```.*?```|`[^`]*`", " ", text, flags=re.S)
    for candidate in (prose, text):
        cjk, words = len(_CJK.findall(candidate)), len(_WORD.findall(candidate))
        if cjk + words:
            share = cjk / (cjk + words)
            return "zh" if share >= 0.4 else "en" if share < 0.1 else "mixed"
    return "other"


_ABBREVIATIONS = (
    "e.g i.e etc vs cf al fig figs no nos approx ca dr mr mrs ms prof st inc ltd co sec ch vol ed eds pp resp max min"
).split()
_BOUNDARY = re.compile(
    r"""
    [。！？!?；…]+[”’」』）)"']*            # Chinese ends, and marks that need no space after them
    | \.[”’)"'\]]*(?=\s|$)                  # an English full stop before white space
    | \n\s*\n                               # a blank line
    | \n(?=\s*(?:[-*+•]\s|\d+[.)、]\s?|\#{1,6}\s|\||>|```))   # list items, headings, table rows, quotes, fences
    | (?<=\|)\n                             # the end of a table row
    """,
    re.X,
)


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of `text`, in order, without the white space between them.

    Table rows, list items and headings count as sentences of their own, so that every statement can be cited.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        if match.group()[0] != "\n" and _in_row(text, match.start()):
            continue  # a cell may hold sentences, and a row without its other cells says nothing
        if match.group().startswith(".") and _is_abbreviation(text, match.start()):
            continue
        after = text[match.end() : match.end() + 1]
        if match.group()[0] in "!?" and after and not after.isspace() and not _CJK.match(after):
            continue  # an exclamation mark inside code or a URL
        if len(match.group()) > 1 and match.group()[0] in "!?" and _goes_on(text, match.end()):
            continue  # a quoted question within the sentence: "What …?" and "Why …?" share three tokens
        _add(spans, text, start, match.end())
        start = match.end()
    _add(spans, text, start, len(text))
    return spans


def _in_row(text: str, place: int) -> bool:
    line = text.rfind("\n", 0, place) + 1
    return text[line : line + 4].lstrip().startswith("|")


def _goes_on(text: str, end: int) -> bool:
    """Whether what follows begins with a small letter."""
    return text[end : end + 3].lstrip()[:1].islower()


def _is_abbreviation(text: str, dot: int) -> bool:
    word = re.search(r"[\w.]*$", text[max(0, dot - 12) : dot])
    last = word.group().lower() if word else ""
    # "1." opens a list item; single capitals are initials ("J. Smith").
    opens_item = last.isdigit() and not text[:dot].rsplit("\n", 1)[-1].strip().rstrip(last)
    return last in _ABBREVIATIONS or opens_item or (len(last) == 1 and last.isalpha() and text[dot - 1].isupper())


def _add(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped.startswith("#") and "\n" in stripped:  # a heading ends with its line
        line_end = start + piece.index("\n", piece.index("#"))
        _add(spans, text, start, line_end)
        _add(spans, text, line_end, end)
    elif stripped:
        start += len(piece) - len(piece.lstrip())
        spans.append((start, start + len(stripped)))
