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

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from curate.filters.endings import unfinished
from curate.filters.exchange import Exchange, exchanges, is_json
from curate.filters.language import language_fault
from curate.filters.tongues import by_words, tongue
from seedbed import phrases
from seedbed.context import Context
from seedbed.prose import QUOTED, prose
from seedbed.record import Record
from seedbed.text import language, length, normalise, tokenize

VERSION = 3
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


def watch(options: Options) -> list[Path]:
    """The lists of phrases decide what is rejected."""
    return phrases.files("evasions")


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
    looked_at = list(exchanges(record))
    for name, check in _CHECKS.items():
        if name not in options.off:
            for exchange in looked_at:
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


def _empty(exchange: Exchange, options: Options) -> str:
    if exchange.asked and not (exchange.question + exchange.given).strip():
        return "the question is blank"
    return "" if exchange.answer.strip() else "the answer is blank" if exchange.asked else "the text is blank"


def _too_short(exchange: Exchange, options: Options) -> str:
    if length(exchange.answer) >= options.shortest:
        return ""
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


_EXCUSE = 20  # tokens: a general record that declines and says more than this offers something instead


def _banned_phrase(exchange: Exchange, options: Options) -> str:
    if not exchange.asked or (exchange.general and length(QUOTED.sub(" ", prose(exchange.answer))) > _EXCUSE):
        return ""
    phrase = phrases.found(exchange.answer, options.opening, options.short, ("evasions",), options.banned)
    return f"says {phrase!r}" if phrase else ""


def _wrong_language(exchange: Exchange, options: Options) -> str:
    expected = exchange.expected or tongue(exchange.question, by_words)
    if not exchange.asked or expected not in ("en", "zh"):
        return ""
    _, why = language_fault(exchange, frozenset((expected,)), options.foreign, options.foreign_share, by_words)
    return why


# "Sort: b, a" is no question; the words of such a task are its material.
_ASKS = re.compile(r"[?？]\s*$|(?:吗|呢|什么|怎么|如何|多少)[。.]?\s*$")
# "Is it waterproof?" is answered by "It is waterproof."
_CLOSED = re.compile(
    r"(?i)^(?:is|are|was|were|do|does|did|can|could|should|must|will|would|has|have|may)\b|吗|是否|能否"
)
_STOP = frozenset(
    "a an the of to in on at for by with and or is are was were be it its this that these those do does did can could "
    "will would should what which who when where why how".split()
) | set("的了是在吗呢么什怎何为哪谁多少几会要可以能应该请和与或及也就都而其该这那个些有如")


def _echo(exchange: Exchange, options: Options) -> str:
    if not exchange.asked:
        return ""
    answer, question = tokenize(exchange.answer), tokenize(exchange.question)
    if exchange.given and _written(exchange.answer) == _written(exchange.given):
        return "the answer is the input"
    if answer == question and (answer or normalise(exchange.answer) == normalise(exchange.question)):
        return "the answer is the question"
    asked, said = set(question) - _STOP, set(answer) - _STOP
    repeats = said and not said - asked and len(said) >= options.echo * len(asked)
    if repeats and _ASKS.search(exchange.question) and not _CLOSED.search(exchange.question.strip()):
        return "the answer repeats the question and adds nothing"
    return ""


def _written(text: str) -> list[str]:
    """The lines, normalised: to add a comma or to make paragraphs may be the task."""
    return [line for line in map(normalise, text.splitlines()) if line]


_LEAST_LINES = 4
_LEAST_WORDS = 3  # tokens: names before speeches, "Verse", "Note" come again and again
_LONGEST_LOOP = 40
_LEAST_LOOPED = 8  # tokens: "no, no, no, no, no!" is speech


# Who asks for the same many times gets it.
_REPEATS = re.compile(
    r"(?i)(?:^|[.!?,:;]\s*|\b(?:please|to|you|and) )repeat\b|\bover and over\b"
    r"|\b(?:say|write|print|type|copy|chant|sing|output|give)\b[^.?!\n]{0,80}\b"
    r"(?:\d+|three|four|five|six|seven|eight|nine|ten|twelve|twenty|fifty|hundred|many) times\b"
    r"|重复(?=[“\"「‘说写念读唱喊以下这])|重复[^。？！\n]{0,40}?[遍次]|反复[说写念唱喊]|[说写抄念喊唱打印输出复制读][^。？！\n]{0,40}?[\d两三四五六七八九十百千几多]\s*[遍次]"
)


def _repetition(exchange: Exchange, options: Options) -> str:
    if _REPEATS.search(exchange.question):
        return ""
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
    # So long a run, at least, then occurs twice: all but the phrase's last time. The search below takes far longer.
    least = min((max(times, -(-_LEAST_LOOPED // size)) - 1) * size for size in range(1, _LONGEST_LOOP + 1))
    if not _said_twice(tokens, least):
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
    if not _said_twice(tokens, size):
        return 0.0
    seen: set[tuple[str, ...]] = set()
    covered = counted_to = 0
    for at in range(len(tokens) - size + 1):
        run = tuple(tokens[at : at + size])
        if run in seen and any(map(_is_word, run)):
            covered += at + size - max(at, counted_to)
            counted_to = at + size
        seen.add(run)
    return covered / len(tokens) if tokens else 0.0


def _said_twice(tokens: list[str], size: int) -> bool:
    """Whether any run of `size` tokens occurs twice."""
    runs = max(0, len(tokens) - size + 1)
    return len(set(zip(*(tokens[at:] for at in range(size)), strict=False))) < runs


def _is_word(token: str) -> bool:
    return (len(token) > 1 and not token.isdigit()) or not token.isascii()


_OF_PROSE = set(".,;:!?'\"()-–—…“”‘’，。；：！？、（）《》「」『』【】·%#*")
_NO_LETTER = re.compile(r"[\W_]")
_FEW_SIGNS = 20  # "→ ✓" and "a² + b²" are answers
_LEAST_LETTERS = 0.2
_LOST = 0.05  # U+FFFD


# What is asked for here is written in signs.
_ASKS_SIGNS = re.compile(
    r"(?i)(?<![a-z])(?:regex(?:es|p)?|regular expressions?|commands?|scripts?|code|one-liners?|formulas?|equations?|"
    r"emojis?|emoticons?|ascii|symbols?|patterns?|glob|cron|xpath|sed|awk|jq|brainfuck)(?![a-z])"
    r"|正则|表达式|命令|脚本|代码|公式|方程|表情|颜文字|符号|字符画|通配"
)


def _symbol_soup(exchange: Exchange, options: Options) -> str:
    if exchange.answer.count("\ufffd") > _LOST * len(exchange.answer):
        return "signs were lost in decoding"
    signs = "".join(prose(exchange.answer).split())
    if len(signs) < _FEW_SIGNS or is_json(exchange.answer) or _ASKS_SIGNS.search(exchange.question):
        return ""
    marks = [mark for mark in _NO_LETTER.findall(signs) if unicodedata.category(mark)[0] != "M"]
    letters = len(signs) - len(marks)
    odd = len(marks) - sum(mark in _OF_PROSE for mark in marks)
    if odd > options.symbols * len(signs):
        return f"{odd / len(signs):.0%} of the signs are symbols"
    return "hardly any letters among its marks" if letters < _LEAST_LETTERS * len(signs) else ""


def _truncated(exchange: Exchange, options: Options) -> str:
    return unfinished(exchange.answer, options.fragment) if exchange.asked else ""


_CHECKS: dict[str, Callable[[Exchange, Options], str]] = dict(zip(NAMES, (
    _empty, _too_short, _too_long, _banned_phrase, _wrong_language, _echo, _repetition, _symbol_soup, _truncated,
), strict=True))
