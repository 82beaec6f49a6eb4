"""What a question asks of the form of its answer, and whether the answer keeps to it: so many things, at most so many
words or sentences, JSON, a table, a haiku."""

from __future__ import annotations

import re

from curate.filters.exchange import Exchange
from seedbed.prose import prose
from seedbed.quantities import quantities
from seedbed.text import CJK, length, sentences

_N = r"(\d{1,2}|two|three|four|five|six|seven|eight|nine|ten|[二两三四五六七八九十])"
_ITEM = re.compile(
    r"^\s*(?:[-*+•·]|\d{1,3}[.)、）:]|[（(]\d{1,3}[)）]|[a-zA-Z][.)]|[一二三四五六七八九十]+、|第\S+[:：])", re.M
)
_WANTS = {
    "en": re.compile(
        r"^(?:please |can you )?(?:list|name|give|provide|suggest|identify|state|mention|find)(?: me| us)?(?: the)?"
        rf"(?: top)? {_N} (?!(?:digit|word|letter|sentence|paragraph|minute|hour|day|week|month|year|line|page|step|or"
        r"|to)s?\b)"
        r"(?:[\w-]+ ){0,2}?[a-z]+s\b",
        re.I,
    ),
    "zh": re.compile(
        rf"^请?(?:列出|列举|说出|给出|给我|提供|举出|写出|指出){_N}[个种条项点款本座位名](?!月|小时|字|词的)"
    ),
}
_PIECES = re.compile(r"[,，、;；]|\b(?:and|or)\b|[和与及或]|(?<=[.!?。！？])")


def count(exchange: Exchange) -> str:
    """Fewer things than were asked for, in words; empty where there are enough."""
    question = exchange.question.strip()
    wanted = next((found for pattern in _WANTS.values() if (found := pattern.search(question))), None)
    if not wanted or is_code(exchange.answer):
        return ""
    number = int(next(iter(q.value for q in quantities(f"{wanted[1]}个")), "0"))
    items = len(_ITEM.findall(exchange.answer))
    lines = sum(bool(line.strip()) for line in exchange.answer.splitlines())
    pieces = sum(bool(length(piece)) for piece in _PIECES.split(exchange.answer))
    there = items if items >= 2 else max(lines, pieces)
    return f"{number} were asked for, and there are {there}" if there < number else ""


_ONE_SENTENCE = re.compile(
    r"\b(?:in|with|as|using) (?:one|a single|1) sentence\b|一句话(?:回答|概括|总结|说明|描述|解释|介绍)", re.I
)
_SENTENCES = re.compile(
    rf"\b{_N}[- ]sentences?\b(?! (?:above|below|from|that|each))|\bin {_N} sentences\b|用{_N}句话", re.I
)
_MOST_WORDS = re.compile(
    r"(?:at most|no more than|not more than|fewer than|less than|under|up to|maximum of|within|max\.?) (\d{1,6}) words"
    r"|(?:不超过|少于|不多于|最多)(\d{1,6})个?(?:汉?字|词)|(\d{1,6})个?字(?:以内|之内|以下)", re.I,
)
_SLACK = 1.25  # nobody counts to the word


def limit(exchange: Exchange) -> str:
    """More sentences or words than were allowed, in words; empty where it keeps to them."""
    most = 1 if _ONE_SENTENCE.search(exchange.question) else 0
    if found := _SENTENCES.search(exchange.question):
        most = int(next(iter(q.value for q in quantities(f"{next(filter(None, found.groups()))}个")), "0"))
    if most:
        answer = prose(exchange.answer)
        said = [span for span in sentences(answer) if length(answer[span[0] : span[1]]) > 1]
        return f"{most} sentences were asked for, and there are {len(said)}" if len(said) > most + 1 else ""
    if found := _MOST_WORDS.search(exchange.question):
        most, there = int(next(filter(None, found.groups()))), length(exchange.answer)
        return f"at most {most} words were asked for, and there are {there}" if there > _SLACK * most + 2 else ""
    return ""


_JSON = re.compile(
    r"\b(?:as|in|into|to|return|output)(?: a| valid)? JSON\b|[以用]JSON|JSON(?:格式)?(?:返回|输出)"
    r"|(?:返回|输出|转换?[为成])JSON", re.I,
)
_TABLE = re.compile(
    r"\b(?:put|organi[sz]e|arrange|convert|present|show|summari[sz]e|list)\b.{0,60}"
    r"\b(?:in|into|as) (?:a|the form of a) table\b"
    r"|(?:整理|转换|归纳|做|列)成[^，。]{0,4}表格|用表格(?:列出|表示|展示|整理)", re.I,
)
_HAIKU = re.compile(r"\b(?:write|compose|create) an? (?:\w+ )?haiku\b", re.I)
_QUATRAIN = re.compile(r"写.{0,8}([五七])[言绝律]")


def form(exchange: Exchange) -> str:
    """Another form than was asked for, in words; empty where it has it or none was."""
    question, answer = exchange.question, exchange.answer
    if _JSON.search(question) and not re.search(r"[{\[]", answer) and not _HOW.search(question):
        return "JSON was asked for, and there is none"
    if _TABLE.search(question) and not re.search(r"[|\t│┃]|<t[rd]|---|,.*\n.*,", answer) and not _HOW.search(question):
        return "a table was asked for, and there is none"
    lines = [line for line in answer.splitlines() if line.strip()]
    if _HAIKU.search(question) and len(lines) < 3 and len(re.split(r"[,;/.]", answer)) < 3:
        return "a haiku has three lines"
    if found := _QUATRAIN.search(question):
        wanted = {"五": 5, "七": 7}[found[1]]
        clauses = [len(clause) for clause in re.findall(f"[{CJK}]+", answer)]
        return "" if clauses.count(wanted) >= 4 else f"no four lines of {wanted} signs"
    return ""


_HOW = re.compile(
    r"\bhow (?:do|can|to)\b|\b(?:explain|difference|parse|convert(?:er)?|code|function|script)\b"
    r"|怎[样么]|如何|解释|区别|函数|代码", re.I,
)


def is_code(text: str) -> bool:
    """Whether a text is code, in which lines and pieces mean nothing."""
    return "```" in text or bool(re.search(r"[{};]\s*$", text, re.M))
