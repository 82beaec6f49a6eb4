"""Figures and names in an answer that its input does not have.

Looked at where there is an input (or evidence) to rest on, and the task is to take from it: to summarise, extract,
shorten, answer from it. A task that computes, counts or makes something up may bring figures of its own. Rounding,
other units and other ways of writing (1,200 m, 1.2 km, 一千二百米) are no new figures; small counts in words neither.
"""

from __future__ import annotations

import re
from itertools import permutations

from curate.filters.exchange import Exchange
from seedbed.prose import prose
from seedbed.quantities import Quantity, quantities, values
from seedbed.text import length, normalise

_TEXT = r"(?:text|passage|report|article|notes|minutes|document|paragraph|input|story|email|review)"
TAKES = re.compile(
    rf"\b(?:summar\w+|extract|shorten|condense|(?:key|main) (?:facts|points|ideas?)|according to|based on|rewrite"
    r"|rephrase|paraphrase"
    rf"|(?:from|in|of|read) (?:the|this) (?:\w+ )?{_TEXT}|the {_TEXT} (?:say|tell|mention)s?)\b"
    r"|概括|摘要|总结|归纳|提取|缩写|要点|纪要|改写|压缩|主要内容|文中|阅读"
    r"|根据(?:以下|上述|以上|给定的?)?(?:文|输入|材料|报告|资料|笔记|段落|内容|病历)",
    re.I,
)
MAKES_UP = re.compile(
    r"\b(?:story|poem|essay|imagine|invent|create|generate|compose|design|continue|brainstorm|recommend|suggest|research"
    r"|explain|define|(?:an |some |\w+ )?examples?|write (?:a|an) (?!(?:\w+ )?summary)|classify|categori[sz]e|improve"
    r"|advi[cs]e|advertis\w+|(?:write|draft|reply to) \w+ (?:\w+ )?letter"
    r"|estimate|guess|predict|complete|add|fill|expand|elaborate|translate|code|function|outline"
    r"|sql|query|program|longest|shortest|words?|letters|syllables?)\b"
    r"|故事|诗|作文|想象|编|创作|生成|设计|续写|推荐|建议|解释|定义|例|介绍|广告|写.{0,6}[信件]|估计|预测|补全|扩写|填|翻译|代码|函数|程序|撰写|写一"
    r"|分类|改进|改善|评价|评估|最长|最短|字数",
    re.I,
)
COMPUTES = re.compile(
    r"\b(?:sum|add|total|average|mean|median|difference|grow\w*|increase\w*|decrease\w*|convert\w*|calculat\w+|comput\w+"
    r"|percent\w*|ratio|share|proportion|fraction|how much (?:more|less)"
    r"|solve|count|number of|how many|rank|score|rate|sort|round|evaluate|area"
    r"|volume|distance|change|probability|multiply|divide|subtract|age)\b"
    r"|换算|计算|相加|加起来|总共|合计|平均|增长|相差|增加了|减少了|(?<![要请需])求|百分|占|比例|几|多少[个座条名人次种]|排序|四舍五入|数一数|统计|评分|打分|面积|体积|转换",
    re.I,
)
_LEAST_INPUT = 6  # tokens of input from which a task without such words is taken to ask about it
_COUNT = 10  # up to here a number that nobody measured counts the parts of the text itself
_TABLE_ROW = 30  # figures among which a share is looked for
_MANY = 6  # figures from which nearly any other can be worked out
_TABLE = 500  # figures: an input with more is data, from which anything can be worked out
_NEAR = 0.02  # rounding: 19.96 is about 20
# A person: "Dr. Elena Marsh", "by Elena Marsh", 李雪梅医生. Other capitalised words are headings as often as names.
_NAME = re.compile(
    r"\b(?:Dr|Mrs?|Ms|Prof)\.? ((?:[A-Z][a-z]+ ?){1,3})|\b(?:by|named|called) ([A-Z][a-z]+(?: [A-Z][a-z]+)+)"
    r"|(?:由|是|叫|名叫)([\u4e00-\u9fff]{2,3})(?:医生|先生|女士|教授|博士|律师)"
)
_NO_NAME = re.compile("[一位名个的某该这那]")
ASKS = re.compile(
    r"[?？]\s*$|^(?:what|who|whom|whose|which|when|where|why|how|is|are|was|were|do|does|did|can|may|must|should|has|have)\b"
    r"|什么|多少|哪|谁|怎|吗|几|是否", re.I,
)


def unsupported_figures(exchange: Exchange) -> str:
    """The figure or name that the input does not have, in words for the user; empty where all is there."""
    task = exchange.question
    if not (exchange.given.strip() or exchange.evidence) or not exchange.asked:
        return ""
    takes = TAKES.search(task) or exchange.evidence
    asks = ASKS.search(task) and length(exchange.given) >= _LEAST_INPUT and _told(exchange.given)
    if not (takes or asks) or (MAKES_UP.search(task) and not exchange.evidence):
        return ""
    known = values(exchange.known)
    if len(known) > _TABLE:
        return ""
    numbers = [float(value) for value in known if value.count(".") < 2]
    computes = COMPUTES.search(task) is not None
    for found in quantities(prose(exchange.answer)):
        if not _supported(found, known, numbers, computes):
            return f"{found.written} is not in the input"
    if takes and (name := _strange_name(exchange)):
        return f"{name!r} is not in the input"
    return ""


def _told(given: str) -> bool:
    """Whether the input tells something: a sentence, not a list of items or a table."""
    return bool(re.search(r"[.!?。！？]\s*$", given.strip()))


def _supported(found: Quantity, known: frozenset[str], numbers: list[float], computes: bool) -> bool:
    if found.value in known or found.written in known:
        return True
    if found.kind == "version":
        return any(other.startswith(found.value) or found.value.startswith(f"{other}.") for other in known)
    number = float(found.value)
    if not found.kind and number == int(number) and number <= _COUNT:
        return True
    if any(abs(number - other) <= _NEAR * abs(other) for other in numbers if other and number < other * 10):
        return abs(number) < 1000 or any(abs(number - other) < 0.5 for other in numbers) or number % 10 == 0
    if computes:
        return not numbers or len(numbers) > _MANY or _derived(number, numbers)
    return found.kind == "share" and len(numbers) <= _TABLE_ROW and _derived(number, numbers)  # 36 of 50 are 72 %


def _derived(number: float, numbers: list[float]) -> bool:
    """Whether it is the sum, difference, product or ratio of two known numbers, of all, or a share between two."""
    near = [sum(numbers), sum(numbers) / len(numbers)] if numbers else []
    for one, other in permutations(numbers, 2):
        near += [one + other, one - other, one * other]
        near += [one / other, 100 * one / other, 100 * (one - other) / other] if other else []
    return any(abs(number - abs(made)) <= max(_NEAR * abs(made), 0.01) for made in near)


def _strange_name(exchange: Exchange) -> str:
    """A person whom the input does not name."""
    known = normalise(exchange.known)
    for match in _NAME.finditer(exchange.answer):
        name = str(next(filter(None, match.groups()))).strip()
        words = [word for word in normalise(name).split() if len(word) > 1]
        if words and not _NO_NAME.search(name) and not any(word in known for word in words):
            return name
    return ""
