"""Kinds of questions and levels of difficulty, and which of them a statement can carry.

A teacher told to ask "why" of a statement that gives no reason makes one up (seen in nearly every such reply of a 1.5B
model). So a kind is only drawn where the statement shows what it asks for; the weights of the job choose among these.
"""

from __future__ import annotations

import random
import re

KINDS = ("fact", "how_to", "why", "compare", "diagnose", "summarise")
LEVELS = ("basic", "intermediate", "advanced")

# What in a statement shows that it holds a reason, a comparison, a fault or a way to do something.
_CUES = {
    "en": {
        "fact": r"\d|`[^`]+`|\b(?:default|called|named|only|always|never|at most|at least|between)\b"
        r"|\b(?:consists?|contains?|holds)\b",
        "why": r"\b(?:because|so that|therefore|reasons?|since|otherwise|which means|hence|in order to)\b",
        "compare": r"\b(?:than|differs?|differences?|whereas|while|instead of|unlike|rather)\b",
        "diagnose": r"\b(?:fail\w*|errors?|wrong|missing|too (?:low|high|few|many|short|long)|remedy|warnings?|warns"
        r"|cannot|refused?|reject\w*|broken|lost)\b",
        "how_to": r"`[^`]+`|\b(?:by \w+ing|should|must|command|flag|option|setting|run|set|use|choose)\b",
    },
    "zh": {
        "fact": r"\d|`[^`]+`|默认|叫做|称为|只有|只能|必须|最多|最少|至少|不超过|之间|包括|分为|由",
        "why": r"因为|所以|因此|原因|否则|为了|以免|由于",
        "compare": r"相比|不同|区别|差别|而不是|比[^，。]{1,14}[更多少高低大小快慢好差]|相反",
        "diagnose": r"失败|报错|错误|缺少|异常|不足|[过太][低高多少短长严松]|无法"
        r"|告警|中断|拒绝|损坏|乱码|丢失",
        "how_to": r"`|命令|应当|应该|需要|参数|设置|可以用|改成|运行|先.{1,20}再",
    },
}


_DEFINES = {
    "en": r"^(?:the |a |an )?[\w`. -]{2,40} "
    r"(?:is|are|holds?|contains?|shows?|prints?|checks?|measures?|means|serves?|tells?|writes?|reads?) ",
    "zh": r"^[^，。]{2,20}(?:是|用来|用于|负责|表示|显示|检查|列出|记录|保存)",
}


def carried(sentence: str, language: str) -> list[str]:
    """The kinds of question that one sentence can answer."""
    found = [kind for kind, cue in _CUES[language].items() if re.search(cue, sentence, re.I)]
    # "What is the purpose of …?" wants a sentence that says what something does or is.
    if re.search(_DEFINES[language], sentence, re.I):
        found.append("summarise")
    return found


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


def recognise(question: str, language: str, wanted: str) -> str:
    """The kind that a question is by its form: what was asked for is not always what came. `wanted` where the form
    does not tell, and for a diagnosis, which can take any form."""
    if wanted == "diagnose" and len(question) > (60 if language == "en" else 25):
        return wanted
    for kind, form in _FORMS[language].items():
        if re.search(form, question.strip(), re.I):
            return kind
    return wanted


# How a question of each kind may begin, as the regular expressions of JSON schema (anchored, no look-around), which
# endpoints with constrained decoding hold the reply to.
_OPENINGS = {
    "en": {
        "fact": "(What|Which|When|Where|Who|How many|How much|How long|How large|How often)",
        "how_to": "(How do|How does|How can|How should|How is|How are)",
        "why": "(Why do|Why does|Why is|Why are|Why should|Why must|Why can)",
        "compare": "(What is the difference|How do|How does|When should|Which)",
        "diagnose": "(What should|What can|What must|What happens|Why|How)",
        "summarise": "(What|How)",
    },
    "zh": {"how_to": "(如何|怎样|在)", "why": "(为什么)"},
}


def pattern(kind: str, language: str) -> str:
    """The pattern of one question of that kind: its opening, 15 to 180 characters (Chinese: 6 to 60), one mark."""
    if language == "zh":
        return f'^{_OPENINGS["zh"].get(kind, "")}[^？?。\\n"]{{6,60}}？$'
    return f'^{_OPENINGS["en"][kind]} [^?\\n"]{{15,180}}\\?$'
