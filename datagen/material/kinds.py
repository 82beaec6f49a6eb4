"""Kinds of questions and levels of difficulty, and which of them a statement can carry.

A teacher told to ask "why" of a statement that gives no reason makes one up (seen in nearly every such reply of a 1.5B
model). So a kind is only drawn where the statement shows what it asks for; the weights of the job choose among these.
"""

from __future__ import annotations

import random
import re

KINDS = ("fact", "how_to", "why", "compare", "diagnose", "summarise")
LEVELS = ("basic", "intermediate", "advanced")

_FAULT = r"失败|报错|错误|缺少|异常|不足|无法|不了|告警|中断|拒绝|损坏|乱码|丢失|泄漏|[过太][低高多少短长小大]"
# What in a statement shows that it holds a fact, a reason, a comparison, a fault, a way to do something or a meaning.
_CUES = {
    "en": {
        "fact": r"\d|`[^`]{2,}`",
        "why": r".{8,}\b(?:because|since|so that)\b.{8,}",
        "compare": r"\b(?:\w+er|more|less|fewer) (?:\w+ ){0,3}than\b(?! \d)|\b(?:differs?|whereas|unlike)\b|, while\b",
        "diagnose": r"(?=.*(?:\b(?:if|when)\b|\bmeans that\b|\bremedy\b|\bsign of\b|\bstands? for\b))"
        r".*\b(?:fail\w*|errors?|wrong|missing|too (?:low|high|few|many|short|long|small|large)|warn\w*|cannot|does not"
        r"|refused?|reject\w*|broken|lost|rises?|falls?|exit code|cut off)\b",
        "how_to": r"\bby \w+ing\b|\bshould\b|^(?=.*`[^`]{2,}`).*\b(?:command|option|flag|set|use|run|with)\b"
        r"|\b(?:can|may|could) be (?:\w+ly )?"
        r"(?:used to|\w+(?:ed|en|t|de|ne) (?:by|with|using|via|through|under|in|from)\b)"
        r"|\b(?:need|have|needs|has) to \w+|^(?:to|in order to) [^,]{6,60}, \w+",
    },
    "zh": {
        "fact": r"\d|`[^`]{2,}`",
        "why": r"因为|理由是|原因是|由于|，(?:因此|所以|否则|以免|免得)",
        "compare": r"(?<![相对])比(?!例|较|如)[^，。]{1,14}[更多少高低大小快慢好差]|区别|差别|相比|，而(?!且|不|是)",
        "diagnose": rf"(?:如果[^，。]{{3,30}}，|[^，。]{{3,30}}(?:时|以后)，|说明|表示).*(?:{_FAULT}|退出码|上升|下降)"
        rf"|(?:{_FAULT}).*(?:[时，].*(?:说明|应当|检查|先)|时.*(?:{_FAULT}))",
        "how_to": r"(?:办法|做法|方法)是|应当(?!是)|应该(?!是)|可以用|改成|先.{1,20}再"
        r"|(?=.*`[^`]{2,}`).*(?:用|命令|选项|参数|加上|执行)|(?:可以|能够?|可)(?:通过|使用|用|在)|通过[^，。]{2,40}[来进]",
    },
}
# "What does … do?" wants a sentence that says what something is or does.
_MEANS = {
    "en": r"^(?:(?:the|an?|each|every) )?[\w`. -]{2,50} "
    r"(?:is|are|holds?|contains?|shows?|prints?|checks?|measures?|means|reads?|writes?|tells?|records?|covers?|removes?"
    r"|compares?|rejects?|cuts?|keeps?|counts?|estimates?|limits?|serves?) (?!not\b)",
    "zh": r"^[^，。：]{2,20}?(?:是|用来|用于|负责|表示|显示|检查|列出|记录|保存|包括|处理|分为|取决于|衡量)(?!否|不)",
}


# PDF files have no back quotes: what stands there in quotes and is ASCII is what somebody types.
_TYPED = re.compile(r"[“”\"]([!-~](?:[ -~]{0,60}[!-~])?)[“”\"]")


def carried(sentence: str, language: str) -> list[str]:
    """The kinds of question that one sentence can answer."""
    sentence = _TYPED.sub(r"`\1`", sentence)
    cues = _CUES[language] | {"summarise": _MEANS[language]}
    return [kind for kind, cue in cues.items() if re.search(cue, sentence, re.I)]


def draw(weights: dict[str, float], among: list[str], random_: random.Random) -> str:
    """One of `among`, by weight; uniformly where no weight speaks for any of them."""
    chances = [weights.get(name, 0.0) for name in among]
    return random_.choices(among, chances if sum(chances) else None)[0]


_FORMS = {
    "en": {
        "why": r"^why\b|what is the reason|for what reason",
        "compare": r"\bdiffer|\bcompared? (?:to|with)\b|\bversus\b|\bwhich (?:one )?should .* or\b",
        "how_to": r"^how (?:do|does|can|should|is|are|to|would|could|might)\b",
        "summarise": r"^(?:explain|describe|summari[sz]e|outline)\b",
        "fact": r"^(?:what|which|when|where|who|how (?:many|much|long|large|often|big|fast|few))\b",
    },
    "zh": {
        "why": r"为什么|为何|是什么原因|的原因",
        "compare": r"区别|不同|差别|相比|还是",
        "how_to": r"如何|怎样|怎么",
        "summarise": r"^请?(?:说明|解释|概括|简述|介绍)",
        "fact": r"多少|几[个种次条步]|哪|什么",
    },
}


# A diagnosis speaks of something that happens, and a meaning asks what something is or does.
_WIDE = {
    "en": {
        "diagnose": r"\b(?:if|when|mean|means|indicates?|wrong|fails?|errors?|warnings?|happens|code)\b",
        "summarise": r"^what (?:does|do|is|are) (?!the difference)(?!.*\b(?:default|value|number|limit)\b)",
    },
    "zh": {
        "diagnose": r"[时后][，,]|泄漏|漏油|报错|出现|表示|说明|怎么办|不了|失败|退出码|返回",
        "summarise": r"哪些|是什么|作用|什么样",
    },
}


def recognise(question: str, language: str, wanted: str) -> str:
    """The kind that a question is by its form: what was asked for is not always what came. `wanted` where the form
    does not tell, and for a diagnosis or a meaning, which can be asked for in many."""
    if (form := _WIDE[language].get(wanted)) and re.search(form, question, re.I):
        return wanted
    for kind, form in _FORMS[language].items():
        if re.search(form, question.strip(), re.I):
            return kind
    return wanted


# How a question of each kind may begin in English, as the regular expressions of JSON schema (anchored, no
# look-around), to which endpoints with constrained decoding hold the reply. In Chinese the question word may stand
# anywhere.
_OPENINGS = {
    "fact": "(What|Which|When|Where|Who|How|At|In|Up|By|Above|Below)",
    "how_to": "(How|What)",
    "why": "(Why)",
    "compare": "(What|How|When|Which|Why)",
    "diagnose": "(What|Why|How|The|My|A|An|If|When)",
    "summarise": "(What|How)",
}


def pattern(kind: str, language: str) -> str:
    """The pattern of one question of that kind: its opening, 15 to 180 characters (Chinese: 6 to 60), one mark."""
    if language == "zh":
        return '^[^？?。\\n"]{6,60}？$'
    return f'^{_OPENINGS.get(kind, "[A-Z][a-z]*")} [^?\\n"]{{15,180}}\\?$'
