"""Heuristic filters: records that look wrong without knowing the subject. The first rule that finds fault rejects.

    empty           the answer has no letter, digit or sign; or the question has none
    too_short       fewer tokens than asked for (off by default for answers: "42" and "Paris." answer some questions)
    too_long        more tokens than a training example of 2,048 model tokens can hold of one side
    symbol_soup     more symbols than words (after Gopher's symbol-to-word filter, Rae et al. 2021, table A1)
    repetition      a phrase said again and again, or large parts said twice (Gopher's n-gram filters)
    wrong_language  the answer, or much of it, is in another language than the question, which did not ask for that
    banned_phrase   a phrase of seeds/evasions.*.txt outside quotes: "As an AI language model", 作为一个AI语言模型
    truncated       the answer breaks off (curate/endings.py)
    echo            the answer is the question or the input over again, and adds nothing

Every exchange of a dialogue is looked at; turns that call tools and what tools said are not. Of text records, only length,
symbols and repetition count. The rejected answer of a preference record may be as bad as it likes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

import msgspec

from curate.endings import FENCE, cut_off
from seedbed.context import Context
from seedbed.record import Record
from seedbed.resources import resource
from seedbed.text import CJK, language, length, normalise, sentences, tokenize

VERSION = 1


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds; lengths in tokens of seedbed.text, shares of 1."""

    off: tuple[str, ...] = ()  # rules by name that are not applied
    min_question: int = 2  # one word asks nothing; Self-Instruct drops 3 and fewer of English *tasks*
    min_answer: int = 1  # raise it to 5 or so for data sets of prose
    max_question: int = 2048  # with the input
    max_answer: int = 2048
    max_symbols: float = 0.4  # the highest of 3,100 public answers (Alpaca, Glaive, C4, DPO) that is not HTML: .20
    max_repeated: float = 0.4  # Gopher's .10 is for web pages; choruses and worked sums reach .37 in those answers
    max_loop: int = 5  # times in a row; sound answers reach 4
    max_foreign: float = 0.3  # of the answer's sentences, by length
    banned: tuple[str, ...] = ()  # further phrases

    def __post_init__(self) -> None:
        if unknown := set(self.off) - set(RULES):
            raise ValueError(f"off: there is no rule {', '.join(sorted(unknown))}; expected {', '.join(RULES)}")
        if not 0 <= self.min_answer <= self.max_answer or not 0 <= self.min_question <= self.max_question:
            raise ValueError("min_answer, max_answer: expected 0 <= minimum <= maximum, and so for questions")
        for name in ("max_symbols", "max_repeated", "max_foreign"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected a share between 0 and 1")
        if self.max_loop < 2:
            raise ValueError("max_loop: expected 2 or more times")


class Exchange(msgspec.Struct, frozen=True):
    """A question and its answer. `given` is the Alpaca input; a text record is an answer to no question."""

    question: str
    answer: str
    given: str = ""
    language: str = ""  # what the answer's language should be; empty where only the question tells
    asked: bool = True


def rules(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, those with a fault bearing the rule's name as reason."""
    checks = {name: check for name, check in RULES.items() if name not in options.off}
    for record in records:
        for exchange in _exchanges(record):
            fault = next(((name, why) for name, check in checks.items() if (why := check(exchange, options))), None)
            if fault:
                record = record.reject("rules", *fault)
                break
        yield record


def _exchanges(record: Record) -> Iterator[Exchange]:
    if record.text:
        yield Exchange("", record.text, asked=False)
    question, given = "", record.input
    expected = record.language if record.task == "doc_qa" else ""  # its documents have one language
    for message in record.messages:
        if message.role == "user":
            question = message.content
        elif message.role == "assistant" and not _is_call(message.content, message.extra):
            yield Exchange(question, message.content, given, expected)
            given = ""


def _is_call(content: str, extra: dict[str, object]) -> bool:
    return bool(extra.get("tool_calls")) or (content.lstrip()[:1] == "{" and '"arguments"' in content)


def _empty(exchange: Exchange, options: Options) -> str:
    if exchange.asked and not _says_something(exchange.question + exchange.given):
        return "the question is empty"
    return "" if _says_something(exchange.answer) else "the answer is empty"


def _says_something(text: str) -> bool:
    return any(character.isalnum() or unicodedata.category(character)[0] == "S" for character in text)


def _too_short(exchange: Exchange, options: Options) -> str:
    asked, answered = _units(exchange.question + " " + exchange.given), _units(exchange.answer)
    if exchange.asked and asked < options.min_question:
        return f"the question has {asked} tokens, fewer than {options.min_question}"
    return f"the answer has {answered} tokens, fewer than {options.min_answer}" if answered < options.min_answer else ""


def _units(text: str) -> int:
    """Tokens; in scripts that `tokenize` does not know, words; a single sign (✓, 🙂) is one too."""
    return max(length(text), len(re.findall(r"\w+", text)), int(_says_something(text)))


def _too_long(exchange: Exchange, options: Options) -> str:
    asked, answered = length(exchange.question) + length(exchange.given), length(exchange.answer)
    if asked > options.max_question:
        return f"question and input have {asked} tokens, more than {options.max_question}"
    return f"the answer has {answered} tokens, more than {options.max_answer}" if answered > options.max_answer else ""


_CODE = re.compile(r"`[^`\n]+`|\$\$.+?\$\$|\$[^$\n]+\$|\\\(.+?\\\)|\\\[.+?\\\]", re.S)
_TABLE_ROW = re.compile(r"^\s*\|.*$", re.M)
_ORDINARY = set(".,;:!?'\"()-–—…“”‘’，。；：！？、（）《》「」『』【】·%#*")
_FEW_SIGNS = 20  # "→ ✓" may be an answer


def _prose(text: str) -> str:
    """Without code, formulas and tables, to which these rules do not apply."""
    return _TABLE_ROW.sub("", _CODE.sub(" ", FENCE.sub("\n", text)))


def _symbol_soup(exchange: Exchange, options: Options) -> str:
    signs = [c for c in _prose(exchange.answer) if not c.isspace()]
    if len(signs) < _FEW_SIGNS:
        return ""
    odd = sum(not c.isalnum() and c not in _ORDINARY and unicodedata.category(c)[0] != "M" for c in signs)
    share = odd / len(signs)
    return f"{share:.0%} of the signs are symbols" if share > options.max_symbols else ""


def _repetition(exchange: Exchange, options: Options) -> str:
    prose = _prose(exchange.answer)
    tokens = tokenize(prose)
    if looped := _loop(tokens, options.max_loop):
        return f"says “{looped[:60]}” {options.max_loop} times or more in a row"
    size = 20 if language(prose) == "zh" else 10  # a Chinese word is about two characters
    share = _repeated(tokens, size)
    return f"{share:.0%} of it was said before" if share > options.max_repeated else ""


_LONGEST_LOOP = 40
_LEAST_LOOPED = 8  # tokens: "no, no, no, no, no!" is speech


def _loop(tokens: list[str], times: int) -> str:
    """A phrase of words, up to 40 tokens long, that occurs `times` times in a row; empty if none."""
    for size in range(1, min(_LONGEST_LOOP, len(tokens) // times) + 1):
        same = 0
        for at in range(size, len(tokens)):
            same = same + 1 if tokens[at] == tokens[at - size] else 0
            phrase = tokens[at - size + 1 : at + 1]
            words = any(len(token) > 1 and not token.isdigit() or not token.isascii() for token in phrase)
            if same >= max(size * (times - 1), _LEAST_LOOPED - size) and words:  # numbers may repeat: 2 × 2 × 2
                return (" " if phrase[0].isascii() else "").join(phrase)
    return ""


def _repeated(tokens: list[str], size: int) -> float:
    """The share of tokens within a run of `size` that occurred before."""
    seen: set[tuple[str, ...]] = set()
    covered = 0
    counted_to = 0
    for at in range(len(tokens) - size + 1):
        run = tuple(tokens[at : at + size])
        if run in seen:
            covered += at + size - max(at, counted_to)
            counted_to = at + size
        seen.add(run)
    return covered / len(tokens) if tokens else 0.0


_ASKS_FOR_LANGUAGE = re.compile(
    r"(?i)translat|\b(?:in|into|to|from) (?:english|chinese|mandarin)|(?:english|chinese|bilingual)\b|翻译|译[成为]|译文"
    r"|英[文语译]|中[文译]|汉[语译]|双语|外语|单词|拼音|pinyin"
)
_QUOTED = re.compile(r"“[^”]*”|\"[^\"\n]*\"|「[^」]*」|『[^』]*』|《[^》]*》|‘[^’]*’|`[^`\n]*`")
_LEAST_WORDS = {"en": 6, "zh": 4}  # names and commands are no sentences in a language


def _wrong_language(exchange: Exchange, options: Options) -> str:
    expected = exchange.language or language(exchange.question)
    if expected not in ("en", "zh") or _ASKS_FOR_LANGUAGE.search(f"{exchange.question} {exchange.given}"):
        return ""
    if exchange.language and language(exchange.question) not in (expected, "mixed", "other"):
        return f"the question is not in the document's language ({expected})"
    other = "zh" if expected == "en" else "en"
    prose = _QUOTED.sub(" ", _prose(exchange.answer))
    weights = {"en": 0, "zh": 0}
    for start, end in sentences(prose):
        sentence = prose[start:end]
        spoken = language(sentence)
        if spoken in weights and length(sentence) >= _LEAST_WORDS[spoken]:
            weights[spoken] += end - start if spoken == "en" else 3 * (end - start)  # a Chinese sign says about as much
    share = weights[other] / sum(weights.values()) if weights[other] else 0.0
    named = {"en": "English", "zh": "Chinese"}
    return f"{share:.0%} of the answer is {named[other]}, the question is {named[expected]}" if share > options.max_foreign else ""


def _banned_phrase(exchange: Exchange, options: Options) -> str:
    answer = exchange.answer.strip()
    unquoted = _QUOTED.sub(" ", FENCE.sub(" ", answer))
    found = _phrases(options.banned).search(_flat(unquoted)) if options.banned or unquoted else None
    return f"says “{found.group()}”" if found else ""


@lru_cache
def _phrases(more: tuple[str, ...]) -> re.Pattern[str]:
    files = [resource("seeds") / f"evasions.{name}.txt" for name in ("en", "zh")]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()] + list(more)
    phrases = (re.escape(_flat(line)) for line in lines if line.strip() and not line.startswith("#"))
    # Latin letters must not go on ("Alaska has an airport" holds "as an ai"); \b would fail beside Chinese.
    return re.compile("|".join(rf"(?<![a-z]){phrase}(?![a-z])" for phrase in phrases) or r"(?!)")


def _flat(text: str) -> str:
    return normalise(text).replace("，", ",").replace(" ,", ",")


def _truncated(exchange: Exchange, options: Options) -> str:
    return cut_off(exchange.answer) if exchange.asked else ""


_STOP = frozenset(
    "a an the of to in on at for by with and or is are was were be it its this that these those do does did can could will "
    "would should what which who when where why how".split()
) | set("的了是在吗呢么什怎何为哪谁多少几会要可以能应该请和与或及也就都而其该这那个些有如")
_REPEATS_QUESTION = 0.8  # of the question's words; "Which is faster, TCP or UDP?" – "UDP is faster." repeats fewer


def _echo(exchange: Exchange, options: Options) -> str:
    if not exchange.asked:
        return ""
    answer = normalise(exchange.answer)
    if exchange.given and answer == normalise(exchange.given):
        return "the answer is the input"
    if answer == normalise(exchange.question):
        return "the answer is the question"
    asked, said = set(tokenize(exchange.question)) - _STOP, set(tokenize(exchange.answer)) - _STOP
    if not said or said - asked or len(said & asked) < _REPEATS_QUESTION * len(asked):
        return ""
    return "the answer repeats the question and adds nothing"


RULES: dict[str, Callable[[Exchange, Options], str]] = {
    "empty": _empty,
    "too_short": _too_short,
    "too_long": _too_long,
    "symbol_soup": _symbol_soup,
    "repetition": _repetition,
    "wrong_language": _wrong_language,
    "banned_phrase": _banned_phrase,
    "truncated": _truncated,
    "echo": _echo,
}
