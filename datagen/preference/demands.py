"""What an instruction demands of the form of its answer, and whether an answer keeps to it, where that can be told.

    format       JSON, a list, a table
    constraint   a number of sentences, words or items; something that must not be there
"""

from __future__ import annotations

import json
import re

from seedbed.text import length, sentences

_FORMATS = {
    "json": re.compile(r"\bjson\b", re.I),
    "table": re.compile(r"\b(?:as|in) an? (?:\w+ )?table\b|表格(?:形式|列出|给出|输出)?", re.I),
    "list": re.compile(
        r"\b(?:as|in|with|using) (?:an? )?(?:\w+ )?(?:list|bullets?|bullet points)\b|\bbullet(?:ed)? (?:list|points)\b"
        r"|逐条|分点|列表|列成清单|编号列出",
        re.I,
    ),
}
_COUNT = r"(one|a single|two|three|four|five|\d+)"
_LIMITS = {
    "sentences": re.compile(rf"\b(?:in|within|at most|no more than|exactly) {_COUNT} (?:short )?sentences?\b", re.I),
    "words": re.compile(r"\b(?:in|within|at most|no more than|under|fewer than|up to) (\d+) words\b", re.I),
    "句": re.compile(r"(?:用|以|最多|不超过)([一二两三四五]|\d+)句话?"),
    "字": re.compile(r"(?:不超过|最多|少于|控制在)\s*(\d+)\s*(?:个)?字|(\d+)\s*字(?:以内|之内)"),
}
# How a number of sentences is asked for that is to be met and not only kept to; of words none is met to the word.
_EXACT = re.compile(r"exactly\b|in\b|用|以", re.I)
_OR_LESS = re.compile(r" or (?:fewer|less)|以内|之内|左右")
_FREE = re.compile(
    r"\b(?:without (?:using|mentioning|the word)|(?:do not|don't|avoid) (?:us|mention|includ|writ)\w*"
    r"|(?:start|begin|end)(?:ing)? with|in (?:upper|lower)case|in capital letters)\b"
    r"|(?:不要|不得|不能|避免)(?:使用|用|提|出现|包含|写)|以[^，。]{1,12}(?:开头|结尾)",
    re.I,
)
_ITEM = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)、])\s*\S", re.M)
_ROW = re.compile(r"^\s*\|.*\|\s*$", re.M)
_NUMBERS = {"one": 1, "a single": 1, "two": 2, "three": 3, "four": 4, "five": 5,
            "一": 1, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5}


def demanded_format(instruction: str) -> str:
    """`json`, `table` or `list`; empty where no form is demanded."""
    return next((name for name, pattern in _FORMATS.items() if pattern.search(instruction)), "")


def constrains(instruction: str) -> bool:
    """Whether the instruction limits its answer otherwise than by a format."""
    return bool(_FREE.search(instruction)) or any(pattern.search(instruction) for pattern in _LIMITS.values())


def form(answer: str) -> tuple[bool, bool, bool, bool]:
    """The form of an answer: JSON, table, list, code."""
    return _is_json(answer), bool(_ROW.search(answer)), len(_ITEM.findall(answer)) > 1, "```" in answer


def keeps_format(instruction: str, answer: str) -> bool:
    """Whether the answer has the form that is demanded."""
    return form(answer)[("json", "table", "list").index(demanded_format(instruction))]


def keeps_limits(instruction: str, answer: str) -> bool | None:
    """Whether the answer keeps to the numbers the instruction gives; None where it gives none."""
    kept = None
    for unit, pattern in _LIMITS.items():
        if found := pattern.search(instruction):
            said = next(part for part in found.groups() if part)
            most = _NUMBERS.get(said.lower()) or int(said)
            size = len(sentences(answer)) if unit in ("sentences", "句") else length(answer)
            exact = _EXACT.match(found.group()) and not _OR_LESS.match(instruction, found.end())
            kept = kept is not False and (size == most if exact and unit in ("sentences", "句") else size <= most)
    return kept


def _is_json(text: str) -> bool:
    text = re.sub(r"^```\w*\n|\n```$", "", text.strip())
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False
