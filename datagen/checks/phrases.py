"""The words by which a question or an answer gives itself away, in both languages. `verify` reads them.

Each was seen in replies of small teachers: pointing at a text that the reader does not have, a pronoun for a subject,
speaking of the model, a question that asks nothing.
"""

from __future__ import annotations

import re

LEANS = {
    "en": re.compile(
        r"\b(?:(?:the|this|that|these|above|given|provided|following)\s+(?:\w+\s+)?(?:text|passage|section|chapter|statements?"
        r"|paragraph|handbook|manual|excerpt|sentence|document says|author)\b"
        r"(?! (?:file|field|editor|column|model|data|form))"
        r"|according to (?:the|this)\b"
        r"|as (?:mentioned|described|stated|noted) (?:above|here|earlier)|mentioned (?:above|here|earlier))",
        re.I,
    ),
    "zh": re.compile(
        r"上文|下文|文中|本文|本节|本章|这一节|该节|上述|前文|前述|以上(?:内容|陈述|信息|文字)|(?:根据|依据|按照)(?:手册|文档|资料|内容|陈述|描述|说明书|文字)"
        r"|这段(?:话|文字|内容)|该段|手册(?:中|里|上)|文档(?:中|里)(?:提到|说)|小节|(?:提到|提及|所述)的"
    ),
}
# Another place of the document, by its number or after "see": its reader does not have that place, whatever the source
# says. A section of a law ("Section 230") has no dot in its number.
ELSEWHERE = {
    "en": re.compile(
        r"\b(?:tables?|figures?) \d|\b(?:sections?|chapters?|appendix) \d+\.\d|^\W*see\b"
        r"|\bsee (?:also )?(?:section|chapter|appendix)\b"
        r"|\bas (?:described|explained|shown|mentioned|listed) (?:below|above)\b",
        re.I,
    ),
    "zh": re.compile(
        r"第\s*\d+\.[\d.]*\s*[节章]|(?<![代列发仪])[表图]\s*\d|^\W*(?:请?参[见考阅看]|请?[详另]见|请?查看第)|如[下上](?:文)?所[述示]"
        r"|(?:^|，)(?:更多|细节|详情)[^，。]{0,20}参[见考阅看]|参[见考阅看](?:更多|其[它他])|更多[^，。]{0,8}，请?参[见考阅看]"
    ),
}
# The same as an aside, without which a sentence says what it says: "(see Section 9.7.3)".
ASIDE = {
    "en": re.compile(
        r"\s*\((?:(?:see|cf\.?) [^()]*(?:\(\d\w*\)[^()]*)*|(?:as )?(?:in )?(?:section|chapter|table) \d[\d.]*)\)",
        re.I,
    ),
    "zh": re.compile(
        r"\s*[（(](?:(?:请?参[见考阅看]|请?[详另]?见)[^()（）]*(?:\(\d\w*\)[^()（）]*)*|第\s*\d[\d.]*\s*[节章]|[表图]\s*\d[\d.]*)[）)]"
    ),
}
# An example as an aside: "(e.g., /dev/sdb)".
INSTANCE = {
    "en": re.compile(r"\s*\((?:e\.g\.,?|for example,?|such as) [^()]*(?:\(\d\w*\)[^()]*)*\)", re.I),
    "zh": re.compile(r"\s*[（(](?:例如|比如|譬如)[^()（）]*(?:\(\d\w*\)[^()（）]*)*[）)]"),
}
# A pronoun or a bare "this" where the subject should stand.
BARE = {
    "en": re.compile(
        r"^(?:\w+ ){0,3}(?:it|they|them|these|those|this|that|he|she)\b"
        # "Why is it important to …", "How long does it take to …" need no subject.
        r"(?! (?:\w+ )?(?:important|necessary|possible|better|best|advisable|useful|recommended|not|that|to|for|take))",
        re.I,
    ),
    "zh": re.compile(r"^(?:请\w{2})?(?:它|它们|他们|这个|那个|该|此|其(?![他它中余])|这(?=[是会样]))"),
}
# What only a text in view explains, anywhere in a question: "How do I apply this update?"
SHOWING = {
    "en": re.compile(r"\b(?:this|these|those) (?!(?:day|time|year|week|month|way|case|purpose|reason)s?\b)\w+", re.I),
    "zh": re.compile(r"(?<![，,])这[个些种](?!时候|情况|过程)"),
}
ASKS = {
    "en": re.compile(
        r"\?|^(?:explain|describe|summari[sz]e|outline|compare|list|name|state|give|tell|show|define|discuss)\b", re.I
    ),
    "zh": re.compile(
        r"[？?]|什么|怎样|怎么|如何|为何|哪|谁|多少|几[个种次条步年天]|是否|能否|吗|呢|^请?(?:说明|解释|概括|简述|总结|描述|列出|介绍|比较)"
    ),
}
# Answered by yes or no: with a small model a statement that poses as a question.
CLOSED = {
    "en": re.compile(r"^(?:is|are|was|were|do|does|did|can|could|should|must|will|would|has|have) ", re.I),
    "zh": re.compile(r"吗[？?]?$|^(?!.*(?:什么|多少|哪|如何|怎|为何)).*(?:是否|是不是|能否)"),
}
# Asks for one figure, name or reason: the rest of such a question may well be the sentence that tells it.
LEAVES_OUT = {
    "en": re.compile(r"^why\b|\b(?:how (?:many|much|often|long|large|fast)|which|what \w+)\b", re.I),
    "zh": re.compile(r"为什么|为何|多少|多久|几|哪"),
}
# What a question adds to its matter.
QUESTION_WORDS = {
    "en": re.compile(
        r"\b(?:explain|describe|purpose|happens?|difference|between|main|many|much|kind|type|name|value|default|mean|means"
        r"|indicates?|typical(?:ly)?|common(?:ly)?|recommended|suitable|command|option|reason|cause|order|text|result|located|stored|found|find|required?|requires|perform|done|do|often|long|last|far|fast|large)\b",
        re.I,
    ),
    "zh": re.compile(
        r"请?说明|请?解释|什么|怎样|怎么|如何|为什么|为何|哪[些个种一]|多少|是否|区别|情况|时候|方法|方式|进行|主要|具体|原因|作用|选项|内容|意思|含义"
        r"|表示|常见|通常|正确|办法|做法|应该|应当|处理|影响|哪里|多久|几[个种条次步天]"
    ),
}
META = {
    "en": re.compile(
        r"\b(?:as an ai|language model|i am|i'm|i cannot|i can't|sorry|happy to help|great question)\b", re.I
    ),
    "zh": re.compile(r"作为一[个名]\W?(?:AI|人工智能|机器人|大?(?:语言)?模型|助手)|语言模型|人工智能助手"
        r"|抱歉|对不起|我无法|我不能|很高兴|好的[，。！]"),
}
# What in a follow-up stands for something that was said before.
POINTERS = {
    "en": re.compile(
        r"\b(?:it|its|they|them|their|that|this|those|these|there|then|one|ones|same|so|else)\b"
        r"|^(?:and|but|(?:what|how) about)\b",
        re.I,
    ),
    "zh": re.compile(r"它|其(?![他它余中])|这|那|此|该|呢|还|前者|后者|同样"),
}
# Clauses that say when, or under what condition, the rest holds; a reason is none. A point or comma within a number
# does not end them.
_IN = r"(?:[^,.;]|(?<=\d)[.,](?=\d))"
CONDITIONS = {
    "en": (
        re.compile(r"(?:^|(?<=[.!?] ))(?:Only )?(?:If|When|Unless|While|After|Before|Once|Until|Above|Below|Within|For"
                   rf"|With|Without|Except)\b{_IN}{{6,90}}, "),
        re.compile(r",? (?:but )?(?:only )?(?:if|when|unless|provided that|as long as|except|after|before|until|while"
                   rf"|(?<!at )once|above|below|within)\b{_IN}{{5,90}}(?=[.,;](?:\s|$))"),
    ),
    "zh": (
        re.compile(r"(?:^|(?<=[。；，]))(?:如果|若|当|只有|除非|只要|一旦)[^，。；]{3,40}，(?:才|就|则|那么|便)?"),
        re.compile(r"(?:^|(?<=[。；]))(?!因为|由于)[^，。；]{2,30}(?:时|以后|之后|以前|之前|以上|以下|情况下|期间)，"
                   r"(?:才|就|则|便)?"),
        re.compile(r"(?<=[^，。；])(?:除非|除了)[^，。；]{3,40}(?=[。；])"),
    ),
}
