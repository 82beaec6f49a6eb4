"""Heuristic filters: cheap rules that find most of what a teacher spoils, each with a name, a threshold and a reason.

The repetition numbers are those of Gopher (Rae et al. 2021, appendix A1.1); the others are said beside the options. On
the 287 general records of seeds/ the rules reject none. A rule looks at one assistant turn
and what was asked before it; the first rule that objects gives the reason.

    empty           a blank question or answer               ""
    too_short       an answer of hardly a token              "!"
    too_long        an answer beyond what students can take  5,000 tokens
    banned_phrase   a refusal, the model on itself           "As an AI language model, I …"
    wrong_language  another language than the question's     「默认端口是多少？」 "The default port is …"
    echo            only what was asked, or the input        "What is X's port?" "The port of X."
    repetition      the same words or lines again and again  "and then it stops and then it stops and then …"
    symbol_soup     hardly any words                         "@@# ~~^^ %%$$ ||"
    truncated       no sentence end, an open code block      "The server then connects to the"

Code, formulas and tables are left out where words are counted. Text records are judged by what needs no question (empty,
too_short, repetition, symbol_soup); the rejected answer of a preference record may be as bad as it likes, but must
be there and differ.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from curate.clean import LITERAL
from curate.endings import unfinished
from seedbed.context import Context
from seedbed.gate import rouge_l
from seedbed.record import Record
from seedbed.resources import resource
from seedbed.text import language, length, normalise, tokenize

VERSION = 1

NAMES = (
    "empty", "too_short", "too_long", "banned_phrase", "wrong_language", "echo", "repetition", "symbol_soup", "truncated",
)  # fmt: skip


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds, in tokens of `seedbed.text` (a CJK character or a run of letters or digits) unless said otherwise."""

    off: tuple[str, ...] = ()  # rules not to apply
    shortest: int = 1  # too_short: "Paris.", "42" and 是 are answers
    longest: int = 4096  # too_long: fills the window of a small student by itself (SmolLM2: 8,192 of its own tokens)
    opening: int = 160  # banned_phrase: characters at the start in which a refusal shows; as in datagen's parser
    short: int = 60  # banned_phrase: up to this length the whole answer is looked at; a refusal with no more than excuses
    foreign: int = 8  # wrong_language: shorter answers may be a name or a term
    echo: float = 0.9  # echo: ROUGE-L of answer and question; a corrected sentence stays below
    repeated_words: float = 0.15  # repetition: share of tokens in repeated 5-grams (Gopher, table A1)
    repeated_lines: float = 0.3  # repetition: share of lines that came before (Gopher, table A1)
    symbols: float = 0.5  # symbol_soup: share of characters that are neither letters, digits nor punctuation of prose
    fragment: int = 12  # truncated: a last line up to this long may be a signature, a name, a title without a full stop

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.off) - set(NAMES)):
            raise ValueError(f"off: no rule is called {', '.join(unknown)}; expected some of {', '.join(NAMES)}")
        for name in ("shortest", "longest", "opening", "short", "foreign", "fragment"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: expected 0 or more, got {getattr(self, name)}")
        for name in ("echo", "repeated_words", "repeated_lines", "symbols"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected a share above 0 and up to 1, got {getattr(self, name)}")
        if self.shortest > self.longest:
            raise ValueError(f"shortest: expected at most longest ({self.longest}), got {self.shortest}")


def watch(options: Options) -> list[Path]:
    """The lists of phrases decide what is rejected."""
    return [resource("seeds") / f"evasions.{name}.txt" for name in ("en", "zh")]


def rules(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, in order; one that a rule objects to is rejected with the rule's name as the reason."""
    checked = 0
    for number, record in enumerate(records, 1):
        if number % 256 == 0:
            context.progress.update(number)
        checked = number
        reason, detail = fault(record, options)
        yield record.reject("rules", reason, detail) if reason else record
    context.figures |= {"checked": checked, "off": list(options.off)}


def fault(record: Record, options: Options) -> tuple[str, str]:
    """The first rule that objects and what it says; two empty strings when none does."""
    if not record.messages:
        turns, names = [_Turn(answer=record.text)], _FOR_TEXT
    else:
        turns, names = list(_turns(record)), NAMES
        if "empty" not in options.off and (detail := _missing(record, turns)):
            return "empty", detail
        if "echo" not in options.off and record.rejected and _same(record.rejected.content, record.answer):
            return "echo", "the rejected answer is the chosen one"
    for turn in turns:
        for name in names:
            if name not in options.off and (detail := _RULES[name](turn, options)):
                return name, detail
    return "", ""


# ---- what is judged ----


@dataclass(frozen=True)
class _Turn:
    """One answer, the question before it, and all that was said by others until then."""

    answer: str
    question: str = ""
    input: str = ""
    asked: str = ""
    general: bool = False


def _turns(record: Record) -> Iterator[_Turn]:
    """The assistant's turns; those that only call a tool say nothing and are left out."""
    asked: list[str] = []
    question = data = ""
    for message in record.messages:
        if message.role == "assistant":
            if message.content.strip() or not message.extra:
                general = record.labels.get("origin") == "general"
                yield _Turn(message.content, question, data, "\n".join(asked), general)
            continue
        asked.append(message.content)
        if message.role == "user":
            data = record.input if not question else ""
            question = message.content
            asked.append(data)


def _missing(record: Record, turns: list[_Turn]) -> str:
    if not turns or record.messages[-1].role != "assistant":
        return "there is no answer"
    if any(not m.content.strip() and not m.extra for m in record.messages if m.role == "user") and not record.input.strip():
        return "the question is empty"
    if record.rejected and not record.rejected.content.strip():
        return "the rejected answer is empty"
    return ""


def _same(first: str, second: str) -> bool:
    return bool(first.strip()) and normalise(first) == normalise(second)


@lru_cache(maxsize=64)  # several rules look at the same few texts, one after the other
def _prose(text: str) -> str:
    """The text without code, formulas, table rows and rules."""
    text = LITERAL.sub(" ", text)
    return re.sub(r"^[ \t]*(?:\|.*|[-=*_~#+.·•—─\s]+)$", "", text, flags=re.M)


def _size(text: str) -> int:
    """Length in tokens; in words for scripts that the tokens leave out (Cyrillic, Greek, Arabic …)."""
    return length(text) or len(re.findall(r"\w+", text))


# ---- the rules: a detail in words, or "" ----


def _empty(turn: _Turn, options: Options) -> str:
    return "" if turn.answer.strip() else "there is nothing in it"


def _too_short(turn: _Turn, options: Options) -> str:
    size = _size(turn.answer)
    return f"{size} tokens, at least {options.shortest} are expected" if size < options.shortest else ""


def _too_long(turn: _Turn, options: Options) -> str:
    size = length(turn.answer)
    return f"{size} tokens, at most {options.longest} are allowed" if size > options.longest else ""


# From here on an answer does more than decline: a general record that declines and then offers help is meant so.
_OFFERS_MORE = 30


def _banned_phrase(turn: _Turn, options: Options) -> str:
    """A phrase of seeds/evasions at the start of an answer, or anywhere in a short one. Code may hold what it likes."""
    if turn.general and length(turn.answer) >= _OFFERS_MORE:
        return ""
    prose = _prose(turn.answer).strip()
    where = prose if length(turn.answer) <= options.short else prose[: options.opening]
    found = _evasions().search(_flat(where))
    return f"it says {found.group()!r}" if found else ""


@lru_cache
def _evasions() -> re.Pattern[str]:
    lines = [line for file in watch(Options()) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    # Latin letters must not go on before or after: "Alaska has an airport" holds "as an ai".
    return re.compile("|".join(rf"(?<![a-z]){re.escape(_flat(line))}(?![a-z])" for line in lines))


def _flat(text: str) -> str:
    return normalise(text).replace("，", ",").replace(" ,", ",")


_ASKS_FOR_LANGUAGE = re.compile(
    r"translat|bilingual|\b(?:english|chinese|mandarin|cantonese|pinyin)\b|翻译|译[成为文]|双语|英[文语]|中[文英]|汉[语字]|拼音"
    r"|普通话|文言|外语|单词",
    re.I,
)
# Text in Latin letters without these is commands, names or code, not English.
_ENGLISH = re.compile(r"\b(?:the|is|are|was|an|of|to|you|it|this|that|which|with|for|can|will)\b", re.I)


def _wrong_language(turn: _Turn, options: Options) -> str:
    if _ASKS_FOR_LANGUAGE.search(turn.asked):
        return ""
    prose = _prose(turn.answer)
    asked, said = language(f"{turn.question}\n{turn.input}"), language(prose)
    if (asked, said) not in (("zh", "en"), ("en", "zh")) or length(prose) < options.foreign:
        return ""
    if said == "en" and len(set(map(str.lower, _ENGLISH.findall(prose)))) < 2:
        return ""
    names = {"en": "English", "zh": "Chinese"}
    return f"the question is {names[asked]}, the answer {names[said]}"


# A longer instruction carries the text to work on, and good work on a text resembles it.
_PLAIN_QUESTION = 60
# Fewer tokens than this may be one of the choices that the question gave.
_CHOICE = 4
# "What is the port of X?" "The port of X.": words of the question, in order, and most of them.
_RESTATED = 0.6


def _echo(turn: _Turn, options: Options) -> str:
    if turn.input and _same(turn.answer, turn.input):
        return "the answer is the input"
    if _same(turn.answer, turn.question):
        return "the answer is the question"
    asked, said = tokenize(turn.question), tokenize(turn.answer)
    if not _CHOICE <= len(said) or len(asked) > _PLAIN_QUESTION:
        return ""
    score = rouge_l(turn.question, turn.answer)
    if score > options.echo:
        return f"the answer repeats the question (ROUGE-L {score:.2f})"
    is_question = turn.question.rstrip().endswith(("?", "？")) and not re.search(r"[:：\"“「`]", turn.question)
    # All of the answer is in the question, in order: LCS = its length, so F1 = 2 said / (said + asked).
    contained = score >= 2 * len(said) / (len(said) + len(asked)) - 1e-9
    if is_question and contained and len(said) >= _RESTATED * len(asked):
        return "every word of the answer is in the question"
    return ""


# Gopher's corpus starts at 50 words (below, one phrase that comes twice is a large share) and has n-grams of 5 to 10. A
# Chinese word has about 1.5 characters, which are the tokens.
_GOPHER = {"en": (50, 5, 10), "zh": (75, 8, 15)}


def _repetition(turn: _Turn, options: Options) -> str:
    prose = _prose(turn.answer)
    tokens = tokenize(prose)
    if loop := _loop(tokens):
        return f"{loop!r} over and over"
    lines = [line.strip() for line in prose.splitlines() if length(line) >= 3]
    if len(lines) >= 4 and (share := 1 - len(set(lines)) / len(lines)) > options.repeated_lines:
        return f"{share:.0%} of its lines came before, at most {options.repeated_lines:.0%} may"
    enough, short, long = _GOPHER.get(language(prose), _GOPHER["en"])
    if len(tokens) < enough:
        return ""
    # Gopher allows .15 for 5-grams and two thirds of it, .10, for 10-grams.
    for n, most in ((short, options.repeated_words), (long, options.repeated_words * 2 / 3)):
        if (share := _covered(tokens, n)) > most:
            return f"{share:.0%} of it is runs of {n} tokens that came before, at most {most:.0%} may be"
    return ""


def _loop(tokens: list[str]) -> str:
    """What is said at least four times on end (single words nine times: ha ha ha is no loop); digits do not count."""
    for period in range(1, 13):
        needed, streak = period * (max(4, 10 - period) - 1), 0
        for position in range(period, len(tokens)):
            streak = streak + 1 if tokens[position] == tokens[position - period] else 0
            if streak >= needed:
                unit = tokens[position - period + 1 : position + 1]
                if not all(token.isdigit() for token in unit):
                    return ("" if any(map(_is_wide, unit)) else " ").join(unit)
    return ""


def _is_wide(token: str) -> bool:
    return not token.isascii()


def _covered(tokens: list[str], n: int) -> float:
    """The share of tokens within n-grams that occurred before; overlaps count once."""
    seen: set[tuple[str, ...]] = set()
    covered = end = 0
    for start in range(len(tokens) - n + 1):
        gram = tuple(tokens[start : start + n])
        if gram in seen:
            covered += start + n - max(start, end)
            end = start + n
        seen.add(gram)
    return covered / max(1, len(tokens))


_ENOUGH_CHARACTERS = 10  # "= 42" and ":-)" are answers
_FEWEST_LETTERS = 0.2  # letters and digits; JSON and lists of numbers, which are mostly brackets, stay above
_OF_PROSE = frozenset(".,;:!?'\"()[]{}-/&%，。；：！？、“”‘’（）《》〈〉【】「」『』—–…·～•*#`_")


def _symbol_soup(turn: _Turn, options: Options) -> str:
    characters = [character for character in _prose(turn.answer) if not character.isspace()]
    if len(characters) < _ENOUGH_CHARACTERS or _is_json(turn.answer):
        return ""
    if "\ufffd" in characters and characters.count("\ufffd") > 0.02 * len(characters):  # one in fifty: bytes, not text
        return "full of characters that could not be decoded"
    wordy = sum(unicodedata.category(character)[0] in "LNM" for character in characters)
    symbols = len(characters) - wordy - sum(character in _OF_PROSE for character in characters)
    if symbols > options.symbols * len(characters):
        return f"{symbols / len(characters):.0%} of its characters are symbols, at most {options.symbols:.0%} may be"
    if wordy < _FEWEST_LETTERS * len(characters):
        return f"only {wordy / len(characters):.0%} of its characters are letters or digits"
    return ""


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _truncated(turn: _Turn, options: Options) -> str:
    return unfinished(turn.answer, options.fragment)


_RULES: dict[str, Callable[[_Turn, Options], str]] = {
    "empty": _empty,
    "too_short": _too_short,
    "too_long": _too_long,
    "banned_phrase": _banned_phrase,
    "wrong_language": _wrong_language,
    "echo": _echo,
    "repetition": _repetition,
    "symbol_soup": _symbol_soup,
    "truncated": _truncated,
}
_FOR_TEXT = ("empty", "too_short", "repetition", "symbol_soup")
