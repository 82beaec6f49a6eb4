"""A question whose answer was true on one day only: "the price today", 现任总统, "the latest version".

Both must be there: a word for the present, and a thing that changes. A question that brings its own facts, asks how to
find out, or wants something written, translated or planned is none.
"""

from __future__ import annotations

import re

from curate.filters.donts.vague import brings_material
from curate.filters.exchange import Exchange
from seedbed.quantities import quantities

_NOW = {
    "en": re.compile(
        r"\b(?:today(?:['’]s)?|tonight(?:['’]s)?|tomorrow(?:['’]s)?|yesterday(?:['’]s)?|right now|now|currently"
        r"|latest(?! (?:date|time|point|moment|possible))"
        r"|newest|most recent|at the moment|at present|presently|these days|nowadays|as of now|up[- ]to[- ]date"
        r"|this (?:week|month|year|morning|evening|season)|last (?:night|week|month)"
        r"|current(?= (?:\w+ ){0,3}?(?:weather|price|rate|president|prime|ceo|population|time|date|version|value|score"
        r"|champion|temperature|stock|market|exchange|king|queen|pope|chancellor|governor|mayor|status|situation|events)))\b",
        re.I,
    ),
    "zh": re.compile(
        r"今[天日晚年]|明[天日]|昨[天日晚]|现在|目前|当前|眼下|如今|此刻|最新|最近(?=一|的)|近日|这几天|本[周月]|[这上]个?[周月]|现任|截至目前"
    ),
}
_CHANGES = {
    "en": re.compile(
        r"\b(?:weather|temperature|forecast|prices?|costs?|rates?|stocks?|shares?|index|headlines?|news|time|date"
        r"|president|prime minister|chancellor|ceo|king|queen|pope|champions?|population|inhabitants|people live"
        r"|version|release|model|iphone|scores?|match|game|standings|schedule|films?|movies?|events|inflation|unemployment|worth"
        r"|traffic|richest|holder|won|showing|market|situation)\b",
        re.I,
    ),
    "zh": re.compile(
        r"天气|气温|温度|价格|[股金油票房]价|多少钱|汇率|利率|新闻|头条|几点|几号|星期几|总统|总理|主席|首相|总裁|CEO|冠军|首富|身家"
        r"|人口|版本|型号|一款|比分|比赛|赛程|上映|电影|通货膨胀|失业率|票房|排名|路况|放假"
    ),
}
_ASKS = {
    "en": re.compile(
        r"^(?:(?:please|can you|could you) )?(?:what|who|which|when|where|how (?:many|much|is|are|old|long|hot|cold"
        r"|high)|give me|tell me|show me|list|find|look up|name|is|are|did|does|will|check)\b",
        re.I,
    ),
    "zh": re.compile(r"[?？]|多少|什么|谁|几|哪|怎么样|^请?(?:告诉|给)我|^请?(?:查|列出|找)"),
}
# A question that changes by its form, whatever it is about: who holds, how many there are, is it running.
_STATE = {
    "en": re.compile(
        r"^who (?:\w+ )?(?:currently|presently|now)\b|^who\b.* (?:now|at present|at the moment|these days)\W*$"
        r"|^how many\b.*\b(?:now|currently|at present|at the moment|as of now|today|this (?:year|month|week))\b"
        r"|^(?:is|are|was|were|did|has|have|does|do)\b(?!.*\b(?:still|used?|possible|common|important|relevant|popular|legal"
        r"|safe|should|you|i|my|your)\b).*\b(?:right now|now|at present|at the moment|currently|today|tonight|this"
        r" (?:week|month|year|morning)|last night|yesterday)\W*$"
        r"|^what(?:['’]s| is| was)? new (?:in|at|with)\b"
        r"|\b(?:top|best[- ]selling|trending|hottest|most (?:popular|watched|played))\b.*\b(?:this (?:week|month|year)"
        r"|now|today|at the moment|these days)\b",
        re.I,
    ),
    "zh": re.compile(
        r"(?:目前|现在|当前|眼下|此刻)(?:[^，。]{0,12})(?:谁|多少|几[个位名人])|谁.{0,8}(?:目前|现在|当前)"
        r"|(?:今年|本月|上个?月|这个月|本周|这周)[^，。]{0,14}(?:多少|谁|哪些|哪个|第一)"
        r"|(?:最热门|最火|热搜|最畅销|销量最高|排行榜)"
        r"|^(?!.*[我你您应能会该]).*(?:此刻|现在|今天|今晚|昨晚|昨天|目前)(?!还).*吗[？?]?$|最新的?[^，。]{0,12}(?:更新|款|型号|版)[^，。]{0,6}(?:什么|哪)"
    ),
}
# How to find out, and tools that do: true on any day.
_TIMELESS = {
    "en": re.compile(
        r"\bhow (?:do|can|to|could|should|would|does)\b|\b(?:command|shell|function|script|sql|python|java|api|pip|npm"
        r"|excel|formula|program|code|word for|mean by|impact|effects?|difference between|history of)\b"
        r"|\b(?:in|since|between|of) (?:1[5-9]|20)\d\d\b",
        re.I,
    ),
    "zh": re.compile(
        r"(?:怎样|怎么|如何)(?!样)|命令|函数|脚本|代码|程序|编写|公式|影响|区别|意义|历史|(?:1[5-9]|20)\d\d年|^请?(?:写|编|创作|翻译|把|将|修改|造句|帮我(?:写|安排|计划))"
    ),
}


def dated(exchange: Exchange) -> str:
    """The words that tie the question to a day, in words for the user; empty where there are none."""
    question = exchange.question.strip()
    if exchange.tools or exchange.given.strip() or exchange.evidence or brings_material(question):
        return ""
    if len(quantities(question)) > 1:
        return ""  # a task with figures of its own: now 20 % off, what does it cost?
    for lang, now in _NOW.items():
        found, thing = now.search(question), _CHANGES[lang].search(question) or _STATE[lang].search(question)
        if found and thing and _ASKS[lang].search(question) and not _TIMELESS[lang].search(question):
            return f"{found.group()!r} in {question[:60]!r}: the answer was true on one day"
    return ""
