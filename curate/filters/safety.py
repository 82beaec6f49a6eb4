"""Harmful content (row C7), by lists in both languages, each term with the words that make it harmful or harmless.

    hate        contempt for people for what they are
    abuse       insults and threats
    profanity   swear words
    self_harm   a wish to hurt oneself, answered without a way to help
    dangerous   help with serious harm asked for, and not declined

Hate, abuse and profanity are looked for in all turns; in a task about such words (classify, translate, define) only in
the answer, and not in its quotations. Self-harm and dangerous requests are looked for in questions, for a record that
declines, or that helps, is what a model should learn from. What was found is never shown: a rejection names list and
line. Lists see words, not intentions: what is asked in harmless words only a judge can tell (`judge: true`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import msgspec

from curate.filters import judging
from curate.filters.exchange import Exchange, exchanges
from curate.filters.terms import Terms
from seedbed import phrases
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.prose import QUOTED, prose
from seedbed.record import Record
from seedbed.resources import resource

VERSION = 1
KINDS = ("hate", "abuse", "profanity", "self_harm", "dangerous")
_SAID, _ASKED = KINDS[:3], KINDS[3:]
# A task about such words, in which they may stand.
_ABOUT = re.compile(
    r"\b(?:classif\w+|detect\w*|moderat\w+|offensive|profan\w+|hate speech|toxic\w*|slurs?|swear\w*|insult\w*|abusive"
    r"|translat\w+|defin\w+|meaning|means?|etymology|censor\w*|filter)\b"
    r"|脏话|辱骂|仇恨言论|敏感词|审核|分类|识别|检测|侮辱|骂人|翻译|含义|什么意思|词源|过滤|屏蔽",
    re.I,
)
_HELPS = re.compile(
    r"\b(?:hotline|helpline|crisis line|lifeline|988|samaritans|emergency (?:services|number|room)|therapist|counsel\w+"
    r"|professional help|reach out|talk to someone|you are not alone|you're not alone|support group|mental health)\b"
    r"|热线|心理咨询|心理医生|咨询师|求助|专业帮助|倾诉|报警|拨打|急诊|你并不孤单|你不是一个人",
    re.I,
)
_DECLINES = re.compile(
    r"\b(?:illegal|against the law|a (?:serious )?crime|dangerous and|unethical|not (?:legal|ethical|safe) to|strongly"
    r" advise|do not attempt)\b|违法|犯罪|违反法律|触犯|不道德|强烈建议不要|请勿尝试|切勿",
    re.I,
)


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which kinds are looked for, and where."""

    off: tuple[str, ...] = ()
    questions: bool = True  # hate, abuse and profanity also where the user says it
    lists: str = ""  # a folder with lists of one's own; a file of the same name takes the place of seedbed's
    allow: tuple[str, ...] = ()  # phrases that are never harmful here: product names, terms of the trade
    judge: bool = False

    PATHS: ClassVar[tuple[str, ...]] = ("lists",)

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.off) - set(KINDS)):
            raise ValueError(f"off: no kind is called {', '.join(unknown)}; expected some of {', '.join(KINDS)}")


def watch(options: Options) -> list[Path]:
    """The lists decide what is rejected."""
    return [*files(options).values(), *phrases.files("evasions", "refusals")]


def safety(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, in order; one with harmful content is rejected under the kind. Figures: `checked`, and with a
    judge its verdicts by kind. No text enters them."""
    terms = {name: Terms.read(path, options.allow) for name, path in files(options).items()}
    checked = 0

    def by_lists() -> Iterator[Record]:
        nonlocal checked
        for checked, record in enumerate(records, 1):
            if checked % 256 == 0:
                context.progress.update(checked)
            kind, detail = fault(record, options, terms)
            yield record.reject("safety", kind, detail) if kind else record

    if options.judge:
        verdicts = Counter[str]()
        names = tuple(kind for kind in KINDS if kind not in options.off)
        yield from judging.judged(by_lists(), "safety/judge", names, "safety", context, verdicts, silent=True)
        context.figures["judge"] = dict(sorted(verdicts.items()))
    else:
        yield from by_lists()
    context.figures["checked"] = checked


def estimate(records: Iterable[Record], options: Options) -> tuple[int, int, int]:
    """Calls, prompt and completion tokens of the judge, at most."""
    return judging.estimate(records, "safety/judge") if options.judge else (0, 0, 0)


def fault(record: Record, options: Options, terms: dict[str, Terms]) -> tuple[str, str]:
    """The kind, and in which list and line it stands; two empty strings when nothing is found."""
    for exchange in exchanges(record):
        for name, found in terms.items():
            kind = name.partition(".")[0]
            if kind in options.off:
                continue
            line = _line(exchange, kind, found, options)
            if line:
                where = "the text" if not exchange.asked else f"exchange {exchange.place + 1}"
                return kind, f"{where} has what line {line} of {name}.txt is about"
    return "", ""


def _line(exchange: Exchange, kind: str, terms: Terms, options: Options) -> int:
    question, answer = f"{exchange.question}\n{exchange.given}", prose(exchange.answer)
    if kind in _SAID:
        if exchange.asked and _ABOUT.search(exchange.question):
            return terms.line(QUOTED.sub(" ", answer))
        return terms.line(answer) or (terms.line(question) if options.questions else 0)
    if not exchange.asked or not (line := terms.line(question)):
        return 0
    helps = _HELPS.search(answer) if kind == "self_harm" else _DECLINES.search(answer)
    declined = phrases.found(answer, 240, 80, ("evasions", "refusals"))
    return 0 if helps or declined else line


def files(options: Options) -> dict[str, Path]:
    """The list of each kind and language: one's own, where the folder has it, else seedbed's."""
    own = Path(options.lists) if options.lists else None
    if own and not own.is_dir():
        raise InputError("no such folder", where=str(own), next_step="`lists` names one with files such as hate.en.txt")
    found = {}
    for kind in KINDS:
        for lang in phrases.LANGUAGES:
            name = f"{kind}.{lang}"
            mine = own / f"{name}.txt" if own else None
            found[name] = mine if mine and mine.is_file() else resource("seeds") / "safety" / f"{name}.txt"
    return found
