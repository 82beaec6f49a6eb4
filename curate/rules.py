"""Heuristic filters: records that look wrong without knowing the subject. The first rule that objects rejects.

    empty           a blank question or answer               ""
    too_short       an answer without a word or sign         "!"
    too_long        more than a small student can take       5,000 tokens
    banned_phrase   a refusal, the model on itself           "As an AI language model, I …"
    wrong_language  another language than the question's     「默认端口是多少？」 "The default port is …"
    echo            only what was asked, or the input        "What is X's port?" "The port of X."
    repetition      the same words or lines again and again  "and then it stops and then it stops and then …"
    symbol_soup     hardly any words                         "@@# ~~^^ %%$$ ||"
    truncated       no end, an open code block               "The server then connects to the"

Every exchange of a dialogue is looked at, save turns that call tools. Code, formulas and tables do not count where
words are counted. Text records are judged by what needs no question. The rejected answer of a preference record may be
as bad as it likes, but must be there and differ from the chosen one.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import msgspec

from curate.endings import unfinished
from curate.prose import prose
from seedbed.context import Context
from seedbed.record import Message, Record
from seedbed.resources import resource
from seedbed.text import CJK, language, length, normalise, sentences, tokenize

VERSION = 1
NAMES = ("empty", "too_short", "too_long", "banned_phrase", "wrong_language", "echo", "repetition", "symbol_soup",
         "truncated")


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds; lengths in tokens of `seedbed.text`, shares of 1."""

    off: tuple[str, ...] = ()  # rules not to apply
    shortest: int = 1  # too_short: "Paris.", "42" and 是 are answers
    longest: int = 4096  # too_long: question with input, or answer; SmolLM2's window is 8,192 of its own tokens
    opening: int = 160  # banned_phrase: characters at the start in which a refusal shows
    short: int = 60  # banned_phrase: an answer up to this length is looked at as a whole
    foreign: int = 8  # wrong_language: shorter answers may be a name or a term
    foreign_share: float = 0.3  # wrong_language: of the answer's sentences, by length
    echo: float = 0.9  # echo: share of the question's words that are repeated, when the answer adds none
    loops: int = 5  # repetition: times in a row; 3,100 public answers (Alpaca, Glaive, DPO, C4) reach 4
    repeated_words: float = 0.3  # repetition: in repeated 5-grams; Gopher's .15 (table A1) is for long web pages
    repeated_lines: float = 0.3  # repetition: lines that came before (Gopher, Rae et al. 2021, table A1)
    symbols: float = 0.4  # symbol_soup: signs that prose does not use; those answers reach .20 without HTML
    fragment: int = 12  # truncated: words up to which a line may be a phrase, a name, a title without an end
    banned: tuple[str, ...] = ()  # further phrases

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.off) - set(NAMES)):
            raise ValueError(f"off: no rule is called {', '.join(unknown)}; expected some of {', '.join(NAMES)}")
        for name in ("shortest", "longest", "opening", "short", "foreign", "fragment"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: expected 0 or more, got {getattr(self, name)}")
        for name in ("foreign_share", "echo", "repeated_words", "repeated_lines", "symbols"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected a share above 0 and up to 1, got {getattr(self, name)}")
        if self.shortest > self.longest:
            raise ValueError(f"shortest: expected at most longest ({self.longest}), got {self.shortest}")
        if self.loops < 2:
            raise ValueError(f"loops: expected 2 or more times, got {self.loops}")


class Exchange(msgspec.Struct, frozen=True):
    """An answer and what was asked before it. A text record is an answer to no question."""

    answer: str
    question: str = ""
    given: str = ""  # the Alpaca input
    asked: bool = True
    earlier: str = ""  # system prompt and questions so far, where a language may be asked for
    expected: str = ""  # the language of the documents, where that is known
    general: bool = False


def watch(options: Options) -> list[Path]:
    """The lists of phrases decide what is rejected."""
    return [resource("seeds") / f"evasions.{name}.txt" for name in ("en", "zh")]


def rules(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, in order; one that a rule objects to is rejected with the rule's name as the reason."""
    checked = 0
    for checked, record in enumerate(records, 1):
        if checked % 256 == 0:
            context.progress.update(checked)
        reason, detail = fault(record, options)
        yield record.reject("rules", reason, detail) if reason else record
    context.figures["checked"] = checked


def fault(record: Record, options: Options) -> tuple[str, str]:
    """The first rule that objects, and why; two empty strings when none does."""
    if record.messages and record.messages[-1].role != "assistant" and "empty" not in options.off:
        return "empty", "the last question has no answer"
    exchanges = list(_exchanges(record))
    for name, check in _CHECKS.items():
        if name not in options.off:
            for exchange in exchanges:
                if why := check(exchange, options):
                    return name, why
    return _pair_fault(record, options)


def _pair_fault(record: Record, options: Options) -> tuple[str, str]:
    if record.rejected is None:
        return "", ""
    if not record.rejected.content.strip() and "empty" not in options.off:
        return "empty", "the rejected answer is blank"
    if tokenize(record.rejected.content) == tokenize(record.answer) and "echo" not in options.off:
        return "echo", "the rejected answer is the chosen one"
    return "", ""


def _exchanges(record: Record) -> Iterator[Exchange]:
    if not record.messages:
        yield Exchange(record.text, asked=False)
    question, given, earlier = "", record.input, ""
    expected = record.language if record.task == "doc_qa" or record.evidence else ""
    general = record.labels.get("origin") == "general"
    for message in record.messages:
        if message.role in ("system", "user"):
            question = message.content if message.role == "user" else question
            earlier += f"{message.content}\n"
        elif message.role == "assistant" and not _calls_tool(message):
            yield Exchange(message.content, question, given, True, f"{earlier}{given}", expected, general)
            given = ""


def _calls_tool(message: Message) -> bool:
    return bool(message.extra.get("tool_calls")) or (_is_json(message.content) and '"arguments"' in message.content)


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):  # the last: nested too deeply
        return False
    return True


def _empty(exchange: Exchange, options: Options) -> str:
    if exchange.asked and not (exchange.question + exchange.given).strip():
        return "the question is blank"
    return "" if exchange.answer.strip() else "the answer is blank" if exchange.asked else "the text is blank"


def _too_short(exchange: Exchange, options: Options) -> str:
    # In scripts that `tokenize` does not know, words; a sign (✓, 😀) may be an answer too.
    signs = any(unicodedata.category(character)[0] == "S" for character in exchange.answer)
    units = max(length(exchange.answer), len(re.findall(r"\w+", exchange.answer)), int(signs))
    return f"the answer has {units} tokens, fewer than {options.shortest}" if units < options.shortest else ""


def _too_long(exchange: Exchange, options: Options) -> str:
    if not exchange.asked:  # running text is packed or cut by the trainer
        return ""
    asked, answered = length(exchange.question) + length(exchange.given), length(exchange.answer)
    if asked > options.longest:
        return f"question and input have {asked} tokens, more than {options.longest}"
    return f"the answer has {answered} tokens, more than {options.longest}" if answered > options.longest else ""


_QUOTED = re.compile(r"“[^”]*”|\"[^\"\n]*\"|「[^」]*」|『[^』]*』|《[^》]*》|‘[^’]*’")
_EXCUSE = 20  # tokens: a general record that declines and says more than this offers something instead


def _banned_phrase(exchange: Exchange, options: Options) -> str:
    if not exchange.asked:
        return ""
    answer = _QUOTED.sub(" ", prose(exchange.answer))  # a text about such phrases quotes them
    tokens = length(answer)
    if exchange.general and tokens > _EXCUSE:
        return ""
    searched = answer if tokens <= options.short else answer[: options.opening]
    found = _phrases(options.banned).search(_flat(searched))
    return f"says {found.group()!r}" if found else ""


@lru_cache
def _phrases(more: tuple[str, ...]) -> re.Pattern[str]:
    lines = [line for path in watch(Options()) for line in path.read_text(encoding="utf-8").splitlines()]
    phrases = [re.escape(_flat(line)) for line in [*lines, *more] if line.strip() and not line.startswith("#")]
    # Latin letters must not go on ("Alaska has an airport" holds "as an ai"); \b would fail beside Chinese.
    return re.compile("|".join(rf"(?<![a-z]){phrase}(?![a-z])" for phrase in phrases))


def _flat(text: str) -> str:
    return normalise(text).replace("，", ",").replace(" ,", ",").replace(", ", ",")


_ASKS_FOR_LANGUAGE = re.compile(
    r"(?i)translat|\b(?:in|into|to|from) (?:english|chinese|mandarin)|(?:english|chinese|bilingual)\b|pinyin"
    r"|翻译|译[成为]|译文|英[文语译]|中[文译]|汉[语译]|双语|外语|单词|拼音"
)
# What makes a sentence of English rather than names, code or SQL: two of its small words.
_SMALL_WORD = re.compile(r"(?i)\b(?:the|an?|of|to|is|are|was|you|your|that|this|with|and|be|it|can|has|have|in|on)\b")
_CODE_SIGNS = re.compile(r"[(){}\[\]=_;<>+*/^|\\]")
_CODE_SHARE = 0.05
_SIGN_WEIGHT = 3  # a sign of Chinese says about as much as three letters


def _wrong_language(exchange: Exchange, options: Options) -> str:
    expected = exchange.expected or language(exchange.question)
    if not exchange.asked or expected not in ("en", "zh") or _ASKS_FOR_LANGUAGE.search(exchange.earlier):
        return ""
    named = {"en": "English", "zh": "Chinese"}
    if language(exchange.question) == ({"en", "zh"} - {expected}).pop():
        return f"the question is not in {named[expected]}, as its document is"
    answer = _QUOTED.sub(" ", prose(exchange.answer))
    if length(answer) < options.foreign:
        return ""
    spoken = _spoken(answer)
    other = "zh" if expected == "en" else "en"
    share = spoken[other] / sum(spoken.values()) if spoken[other] else 0.0
    if share <= options.foreign_share:
        return ""
    return f"{share:.0%} of the answer is {named[other]}, not {named[expected]}"


def _spoken(text: str) -> dict[str, int]:
    """How much of `text` is sentences of each language."""
    amounts = {"en": 0, "zh": 0}
    for start, end in sentences(text):
        sentence = text[start:end]
        tongue = language(sentence)
        if tongue == "zh" and len(re.findall(f"[{CJK}]", sentence)) >= 4:
            amounts["zh"] += _SIGN_WEIGHT * len(sentence)
        elif tongue == "en" and len(_SMALL_WORD.findall(sentence)) >= 2:
            code = len(_CODE_SIGNS.findall(sentence)) >= _CODE_SHARE * len(sentence)
            amounts["en"] += 0 if code else len(sentence)
    return amounts


# "Sort: b, a" is no question; the words of such a task are its material.
_ASKS = re.compile(r"[?？]\s*$|(?:吗|呢|什么|怎么|如何|多少)[。.]?\s*$")
_STOP = frozenset(
    "a an the of to in on at for by with and or is are was were be it its this that these those do does did can could "
    "will would should what which who when where why how".split()
) | set("的了是在吗呢么什怎何为哪谁多少几会要可以能应该请和与或及也就都而其该这那个些有如")


def _echo(exchange: Exchange, options: Options) -> str:
    if not exchange.asked:
        return ""
    answer, question = tokenize(exchange.answer), tokenize(exchange.question)
    if exchange.given and normalise(exchange.answer) == normalise(exchange.given):  # adding a comma may be the task
        return "the answer is the input"
    if answer == question and (answer or normalise(exchange.answer) == normalise(exchange.question)):
        return "the answer is the question"
    asked, said = set(question) - _STOP, set(answer) - _STOP
    repeats = said and not said - asked and len(said) >= options.echo * len(asked)
    return "the answer repeats the question and adds nothing" if repeats and _ASKS.search(exchange.question) else ""


_LEAST_LINES = 4
_LEAST_WORDS = 3  # tokens: names before speeches, "Verse", "Note" come again and again
_LONGEST_LOOP = 40
_LEAST_LOOPED = 8  # tokens: "no, no, no, no, no!" is speech


def _repetition(exchange: Exchange, options: Options) -> str:
    words = prose(exchange.answer)
    lines = [line.strip() for line in words.splitlines() if length(line) >= _LEAST_WORDS]
    again = 1 - len(set(lines)) / len(lines) if len(lines) >= _LEAST_LINES else 0.0
    if again > options.repeated_lines:
        return f"{again:.0%} of the lines came before"
    tokens = tokenize(words)
    if phrase := _loop(tokens, options.loops):
        return f"says {phrase[:60]!r} {options.loops} times or more in a row"
    share = _repeated(tokens, 10 if language(words) == "zh" else 5)  # a Chinese word is about two characters
    return f"{share:.0%} of it was said before" if share > options.repeated_words else ""


def _loop(tokens: list[str], times: int) -> str:
    """A phrase of words, up to 40 tokens long, that occurs `times` times in a row; empty if none."""
    # Its first two words then occur as often, or once less if it is one word. The search below takes far longer.
    if max(Counter(itertools.pairwise(tokens)).values(), default=0) < times - 1:
        return ""
    ids: dict[str, int] = {}
    signs = "".join(chr(ids.setdefault(token, len(ids))) for token in tokens)  # one sign a token, for the regex
    for match in re.finditer(rf"(.{{1,{_LONGEST_LOOP}}}?)\1{{{times - 1},}}", signs, re.S):
        phrase = tokens[match.start() : match.end(1)]
        if any(map(_is_word, phrase)) and len(match.group()) >= _LEAST_LOOPED:
            return (" " if phrase[0].isascii() else "").join(phrase)
    return ""


def _repeated(tokens: list[str], size: int) -> float:
    """The share of tokens in runs of `size` that came before; runs of numbers and single letters do not count."""
    seen: set[tuple[str, ...]] = set()
    covered = counted_to = 0
    for at in range(len(tokens) - size + 1):
        run = tuple(tokens[at : at + size])
        if run in seen and any(map(_is_word, run)):
            covered += at + size - max(at, counted_to)
            counted_to = at + size
        seen.add(run)
    return covered / len(tokens) if tokens else 0.0


def _is_word(token: str) -> bool:
    return (len(token) > 1 and not token.isdigit()) or not token.isascii()


_OF_PROSE = set(".,;:!?'\"()-–—…“”‘’，。；：！？、（）《》「」『』【】·%#*")
_FEW_SIGNS = 20  # "→ ✓" and "a² + b²" are answers
_LEAST_LETTERS = 0.2
_LOST = 0.05  # U+FFFD


def _symbol_soup(exchange: Exchange, options: Options) -> str:
    if exchange.answer.count("\ufffd") > _LOST * len(exchange.answer):
        return "signs were lost in decoding"
    signs = [character for character in prose(exchange.answer) if not character.isspace()]
    if len(signs) < _FEW_SIGNS or _is_json(exchange.answer):
        return ""
    letters = sum(character.isalnum() or unicodedata.category(character)[0] == "M" for character in signs)
    odd = len(signs) - letters - sum(character in _OF_PROSE for character in signs)
    if odd > options.symbols * len(signs):
        return f"{odd / len(signs):.0%} of the signs are symbols"
    return "hardly any letters among its marks" if letters < _LEAST_LETTERS * len(signs) else ""


def _truncated(exchange: Exchange, options: Options) -> str:
    return unfinished(exchange.answer, options.fragment) if exchange.asked else ""


_CHECKS: dict[str, Callable[[Exchange, Options], str]] = dict(zip(NAMES, (
    _empty, _too_short, _too_long, _banned_phrase, _wrong_language, _echo, _repetition, _symbol_soup, _truncated,
), strict=True))
