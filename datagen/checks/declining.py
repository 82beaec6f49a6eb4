"""Does an answer say that it is not there? Told by the whole of a short reply and not by how it begins: "Unknown
devices are ignored." and 没有说明书时按 F1。 answer something.
"""

from __future__ import annotations

import re

from seedbed.phrases import NOT_STATED, flat, found
from seedbed.text import length

_SHORT = 30  # tokens; who writes more tells something beside it. The honest sentences of seeds/not_stated have 3 to 10
_SORRY = {"en": r"(?:(?:i'm |i am )?sorry,? ?(?:but )?)?", "zh": r"(?:(?:很?抱歉|对不起),)?"}
_GIVEN = (r"(?:the |these |this |any of the )?(?:given |provided |above )?"
          r"(?:statements?|documents?|documentation|text|passage|manual|handbook|context|source|information|excerpt)")
_SAID = (r"(?:explicitly |directly )?"
         r"(?:stated|mentioned|specified|given|provided|described|covered|indicated|said|explained)")
_TELLS = (r"(?:(?:say|state|mention|specify|tell|indicate|explain|describe)\b"
          r"|(?:give|provide|contain|include) (?:any |an |the |this |that |enough )?(?:information|details?|answer)\b)")
_IT = r"(?:(?:it|that|this|the answer|this information) (?:is|was) )"
_THING = r"(?:(?:the )?\w+(?: \w+){0,5} (?:is|are|was|were) )"
_SOURCE = (r"(?:(?:上述|以上|给出的|所给的?|提供的)?"
           r"(?:陈述|文档|资料|手册|说明书|文|原文|文本|上下文|材料|段落)[中里上内]?)")
_UNSAID = (r"[均都并也]?(?:没有|没|未能|未)(?:明确|具体|直接)?地?"
           r"(?:说明|说到|说(?![明到])|提到|提及|提供|给出|写明|写(?!明)|记载|涉及|指出|规定|回答)")
# What is not told may follow where the source is named; behind 的 or 时 the sentence goes on to say something else.
_WHAT = {"en": r"[^,;:]{0,100}", "zh": r"(?![的时])(?!.*(?:的话|时候?)$)[^,;:]{0,24}"}
_WHOLE = {
    "en": (
        rf"(?:{_IT}|{_THING})?not (?:explicitly |directly )?(?:stated|mentioned)",
        rf"(?:{_IT}|{_THING})?not {_SAID} (?:in|by) {_GIVEN}",
        rf"{_IT}(?:not {_SAID}|unknown|not known)",
        rf"{_GIVEN} (?:do|does)(?: not|n't) (?:explicitly |directly )?{_TELLS}{_WHAT['en']}",
        rf"(?:there is |there was )?no (?:such )?(?:information|mention|answer)"
        rf"(?: (?:available|given|provided|found))?(?: (?:about|on|regarding|of|in|for) {_WHAT['en']})?",
        r"unknown|not known",
        r"i (?:do not|don't) know(?: (?:that|this|it|the answer|for certain|for sure))*",
    ),
    "zh": (
        rf"{_SOURCE}(?:[对并]?[^,;:]{{0,8}})?{_UNSAID}{_WHAT['zh']}",
        rf"[^,;:]{{0,16}}{_UNSAID}(?:这一?点|此事|相关(?:信息|内容)|这方面的(?:信息|内容|说明)|任何信息)?",
        rf"{_SOURCE}?(?:没有|无)(?:相关|这方面的?|此类|任何)(?:信息|说明|内容|记载|答案|资料)",
        r"我?(?:不知道|不清楚|不确定|不详|未知)(?:答案)?",
        rf"(?:根据{_SOURCE},?)?我?无法(?:得知|确定|判断|知道)(?:答案)?",
    ),
}
_FORMS = {lang: re.compile(f"{_SORRY[lang]}(?:{'|'.join(forms)})") for lang, forms in _WHOLE.items()}


def declines(text: str, lang: str) -> bool:
    """Whether an answer says nothing but that it is not there: "not stated", 手册没有说明。"""
    said = flat(text).strip(" .。!\"'`*")
    if not said or length(said) > _SHORT or re.search(r"[.!?]\s|[。!?](?=\S)", said):
        return False
    if any(form.fullmatch(said) for form in _FORMS.values()):
        return True
    phrase = found(said, len(said), _SHORT, (NOT_STATED,))
    return bool(phrase) and re.fullmatch(re.escape(phrase) + _WHAT[lang], said) is not None
