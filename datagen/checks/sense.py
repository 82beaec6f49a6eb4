"""Does a pair say what its statement says? Slips of small models that leave all words in place: the statement turned
round ("Programs write the log" => "What does the log write?"), a condition left out, a list asked for and none given.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from datagen.checks.phrases import CONDITIONS
from datagen.checks.verify import Fault
from seedbed.content import units

# Of a condition's content words, the share that question and answer must have between them.
_KEPT = 0.5
_ASKS_SUBJECT = re.compile(r"^what (?:does|do|did) (.+?)\?*$", re.I)
_ALLOWS = re.compile(r"\b(?:allow|enable|let)s? (?:you|us|one|users?)\b", re.I)  # "Under X, you can …" says that of X
_INSTRUMENT = re.compile(r"\b(?:with|using|by|via|through) (?:the |an? )?(\S+)", re.I)
_ASKS_WHAT = re.compile(
    r"^what (?:is|are) (?:((?:the |an? )?(?:[\w-]+ )+?)(?:of|for|in|on|to|at|from|used|when)\b|([^?]+)\?)", re.I
)
_ARTICLE = re.compile(r"^(?:the|an?) ", re.I)
_HAS = r"\b(?:needs?|requires?|has|have|wants?|sees?|reads?|reviews?|considers?|follows?)"
_OPENS = re.compile(r"^(?:when|if|after|before|since|because|for|in|at|on|with|during|under|as|to)\b[^,]*, ", re.I)
_LIST_ASKED = re.compile(r"^(?:what|which) are (?:some |the (?!differen))?(?:\w+ )?(\w{3,})(?!.* for\?$)", re.I)
_LIST = re.compile(r",|;|\n|\b(?:and|or|as well as|both)\b|`[^`]+` `", re.I)
_DIFFERENCE = {
    "en": re.compile(r"\bdifferences? between\b|\bdiffers? from\b", re.I),
    "zh": re.compile(r"(?:区别|差别|不同)(?:是什么|在哪里|在于什么)?[？?]"),
}
# "sudo 如何授予权限？", how a thing does it; "如何授予权限？", how one does it, is told by any instruction.
_THING_HOW = re.compile(
    r"^[^，。]{2,}?(?<!应该)(?<!应当)(?<!必须)(?<!需要)(?:如何|怎样|怎么)(?!样|办|做|处理|应对|操作)"
)
_MANNER = re.compile(r"使用|利用|借助|通过|依[赖靠据]|取决|[由靠凭]|按[照下住顺]|用(?![户途于处法])")
_IS_ONE = {
    "en": re.compile(r"^(.+?) (?:is|are) (an? .+)$", re.I | re.S),
    "zh": re.compile(r"^(.+?)是(一[个种款类].+)$", re.S),
}
_ASKS_PURPOSE = {"en": re.compile(r"\bpurpose\b", re.I), "zh": re.compile(r"目的")}
_PURPOSE = {
    "en": re.compile(r"\b(?:purpose is|is used|serves) to ([^,.;]+?)(?: if\b| when\b|[,.;]|$)", re.I),
    "zh": re.compile(r"目的是(?:为了)?([^，。；]+)"),
}


def sense_fault(question: str, answer: str, statement: str, lang: str) -> Fault | None:
    """What a pair makes of its statement, if it is not what that says."""
    return (
        _turned_round(question, answer, statement, lang)
        or _swapped(answer, statement, lang)
        or _circular_purpose(question, answer, lang)
        or _condition_dropped(question, answer, statement, lang)
        or _no_list(question, answer, lang)
        or _only_named(question, answer, lang)
    )


def kind_fault(question: str, statement: str, lang: str, carried: Collection[str]) -> Fault | None:
    """Whether a question asks for a difference, or how a thing does something, of a statement that tells neither:
    `carried` are the kinds of question that the statement can answer. Any Chinese sentence with 如何 put into it makes
    such a question."""
    if _DIFFERENCE[lang].search(question) and "compare" not in carried:
        return Fault("off_point", "it asks for a difference, and its statement tells none")
    asks_how = lang == "zh" and _THING_HOW.search(question)
    if asks_how and "how_to" not in carried and not _MANNER.search(statement):
        return Fault("off_point", "it asks how, and its statement only says that it is so")
    return None


def _turned_round(question: str, answer: str, statement: str, lang: str) -> Fault | None:
    """ "What does X do?" where X is what something is done to. In Chinese the words' order tells less, and such
    questions are rare."""
    asks = _ASKS_SUBJECT.match(question.strip()) if lang == "en" else None
    if asks is None or _ALLOWS.search(question):
        return None
    asked, told = set(units(question, "en")), set(units(answer, "en"))
    said = list(units(_OPENS.sub("", statement), "en"))
    first = next((unit for unit in said if unit in asked or unit in told), "")
    # "You can search the data with grep-dctrl" is what grep-dctrl does.
    means = any(set(units(found, "en")) & asked for found in _INSTRUMENT.findall(statement))
    if first and first not in asked and not means:
        return Fault("off_point", "what it asks about does nothing in its statement: something is done with it")
    for verb in filter(str.isalpha, asks.group(1).split()[1:]):
        stem = re.escape(verb.lower().rstrip("ey"))
        passive = rf"\b(?:is|are|be|been|was|were) (?:\w+ly )?{stem}(?:i|{stem[-1:]})?(?:ed|n|en)\b"
        if len(stem) > 2 and re.search(passive, statement, re.I) and not re.search(passive, question, re.I):
            return Fault("off_point", f"its statement has {verb!r} in the passive voice")
    return None


def _swapped(answer: str, statement: str, lang: str) -> Fault | None:
    """ "udpkg is a stripped-down version of dpkg" => "dpkg is a stripped-down version of udpkg". Only of what is one of
    several: "the largest" may stand on either side."""
    told, said = _IS_ONE[lang].match(statement), _IS_ONE[lang].match(answer)
    if not (told and said):
        return None
    thing, kind, other, rest = (set(units(part, lang)) for part in (*told.groups(), *said.groups()))
    if other - thing and (other - thing) <= kind and (thing - kind) and (thing - kind) <= rest:
        return Fault("off_point", "its statement says that of the other one")
    return None


def _circular_purpose(question: str, answer: str, lang: str) -> Fault | None:
    """ "What is the purpose of using IMAP4 to move mails?" => "The purpose is to move mails"."""
    given = _PURPOSE[lang].search(answer)
    asked = _ASKS_PURPOSE[lang].search(question)
    if asked and given and not set(units(given.group(1), lang)) - set(units(question, lang)):
        return Fault("echo", "the purpose that it gives is what was asked about")
    return None


def _condition_dropped(question: str, answer: str, statement: str, lang: str) -> Fault | None:
    kept = set(units(f"{question} {answer}", lang))
    for pattern in CONDITIONS[lang]:
        for found in pattern.finditer(statement):
            words = set(units(found.group(), lang))
            if words and len(words & kept) < _KEPT * len(words):
                return Fault("dropped_condition", f"it leaves out: {found.group().strip(' ,，')[:60]}")
    return None


def _no_list(question: str, answer: str, lang: str) -> Fault | None:
    if lang != "en" or not (asked := _LIST_ASKED.match(question)):
        return None
    # "What are the limits of …?" => "It is under some limits …": such words stand where the list should.
    vague = re.search(rf"\b(?:some|many|several|various|certain|there are) (?:\w+ )?{asked.group(1)}", answer, re.I)
    if not _LIST.search(answer) or (vague and not re.search(r"\bsuch as\b|\binclud|:", answer)):
        return Fault("no_list", "asked for several things, it names none or one")
    return None


def _only_named(question: str, answer: str, lang: str) -> Fault | None:
    """ "What is the proper procedure?" => "The system needs the proper procedure first": it names it and does not say
    what it is. In Chinese the verb stands before it just so, and such answers are rare."""
    asked = _ASKS_WHAT.match(question.strip()) if lang == "en" else None
    thing = (asked.group(1) or asked.group(2)).strip() if asked else ""
    if thing and re.search(rf"{_HAS} (?:the |an? )?{re.escape(_ARTICLE.sub('', thing))}\b", answer, re.I):
        return Fault("off_point", f"it names {thing!r} and does not say what it is")
    return None
