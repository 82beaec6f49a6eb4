"""A question that points at something its reader does not have: "the article above", 图中, "Why is it …?".

Only first questions are looked at (later ones may point back), and only where nothing is there to be pointed at: no
input, no material in the question itself (after a colon, on a new line, in quotation marks), no longer system prompt.
"""

from __future__ import annotations

import re

from curate.filters.exchange import Exchange
from seedbed.text import length, sentences

_TEXT = r"(?:articles?|texts?|passages?|paragraphs?|excerpt|poem|section|chapter|story|picture|image|photo)"
_MATERIAL = (
    rf"(?:{_TEXT}|figures?|charts?|diagrams?|graphs?|tables?|code|snippet|program|sentences?|documents?|list|options?"
    r"|statements?|data|dataset|emails?|letter|dialogue|conversation|review|report|speech|quotes?|equation|input|words)"
)
# "the story of Cinderella", "the text editor", "this equation 7x + 2": not pointing, or at what is there.
_ALONE = (
    r"(?! (?:of|about|by|editor|file|field|model|called|titled|named|on|for|processing|mining|book|type)\b)"
    r"(?! [A-Z0-9\"“'‘])"
)
_ASKED = r"^(?:why|how|when|where|what|who|which)\b"
_POINTS = {
    "en": re.compile(
        rf"\b(?i:above|following|provided|attached|below) (?!an? |any )(?:\w+ )?{_MATERIAL}\b"
        rf"|\bthe given (?:\w+ )?{_MATERIAL}\b"
        rf"|\b(?:the|this|these|each) (?:\w+ )?{_MATERIAL} (?:above|below|provided)\b"
        rf"|\b(?i:according to|based on) (?:the|this) {_MATERIAL}\b{_ALONE}"
        rf"|\b(?i:from|in) (?:the|this) {_TEXT}\b{_ALONE}"
        rf"|\b(?i:this|these) {_MATERIAL}\b(?! (?:of|about|called|titled|named|type)\b)(?! [A-Z0-9\"“'‘])"
        rf"|\bthe (?:{_MATERIAL}|study|experiment|case) (?:on the (?:left|right)|in question)\b"
        r"|\b(?i:continue|go on|carry on) (?:from )?where (?:we|you|i) (?:stopped|left off)\b"
        rf"|\b(?i:summari[sz]e|rewrite|paraphrase|translate|proofread|edit|shorten|correct|analy[sz]e|rephrase|reword"
        rf"|continue|complete) the (?:\w+ )?{_MATERIAL}\b{_ALONE}"
        r"|\b(?i:what) (?:does|do|is|are) (?:shown in )?the (?:picture|image|photo|figure|chart|diagram)s?\b(?! of)"
        r"|(?<!who is )(?<!who was )\bthe (?:author|narrator|speaker)(?:'s|’s)?\b(?! of\b)"
        r"|\b(?:mentioned|described|stated|discussed|noted) (?:above|earlier|before|in this)\b"
        r"|\b(?i:which) of (?:these|the following)\b"
        rf"|(?i:{_ASKED})(?: \w+){{1,2}}? (?:he|she|they)\b(?! (?:call|say|sell|speak|drive|make|use|put|add|name)\b)"
        rf"|(?i:{_ASKED})(?: \w+){{1,2}}? it\b(?! (?:[\w']+ ){{0,4}}(?:to|that|when|if|for|called|rains?|snows?)\b)"
        rf"|(?i:{_ASKED}) is it \w+ to \w+ it\b"
        r"|\b(?:does|do|is|did|will|would) (?:this|that|these|those) (?:mean|work|happen|affect|say|show|apply|help)\b"
    ),
    "zh": re.compile(
        r"上文|上述|前文|前述|(?<![论作英中范语课散])文中|原文|该文|本文|本节|本章|(?<!上)下文(?!件)|如[前上]所述"
        r"|(?<!网)[上下][表图](?=[中里的所是])"
        r"|以[上下](?:的)?(?:内容|信息|文字|选项|材料|段落|代码|陈述|句子|文章|表格|对话|文本|数据|列表|诗)"
        r"|下[面列](?:的|这[段个篇张])?(?:代码|表格|段落|句子|文章|文字|对话|选项|数据|图片|文本|列表|程序|材料|诗)"
        r"|[这该]份(?:文字|文件|报告|材料|表格|清单|数据|合同|文档)"
        r"|[这该](?:段|篇|张|幅|首|句|封|则|道|条|组)(?!关于)(?:文字|文章|话|图|图片|代码|表格|诗|材料|报告|短文|对话|程序|文本|子|画|漫画|照片|帖子|邮件|信|题|消息|评论|新闻|数据|记录)"
        r"|[这该]个(?:表格?|段落|句子|故事|代码|图表?|列表|程序)"
        r"|根据(?:文章|短文|材料|文字|图片|原文|课文|提供的|给定的|所给)"
        r"|^图[中里]|图片[中里]|^(?:根据)?表中|(?<!的)作者(?:的|认为|为什么|想|如何|怎样)"
        r"|^(?:请?(?:说明|解释))?(?:为什么|怎样|如何)(?:它|他|她)们?"
        r"|^(?:它|他|她)们?[^，。]{0,20}(?:为什么|怎[么样]|如何|什么|多少|哪|吗)"
        r"|^这(?=对|意味|会|是(?:什么|为什么|怎么)|能)"
        r"|^请?(?:概括|总结|改写|翻译|缩写|归纳|续写)(?:一下)?(?:文章|短文|段落|对话|文本|故事|句子)"
        r"(?:的(?:主要内容|大意|中心思想))?[。.]?$"
        r"|补全[下这]?[表句]|接着(?:刚才|上面|往下|写)|继续刚才|[左右][边侧]的?这?张?[图表]"
        r"|^(?:该|这项|这个)(?:研究|报告|实验|作品|影片|故事|案例)|^(?:故事|文章|短文|小说|课文|影片)(?:的|中|里)"
    ),
}
_QUOTE = re.compile(r"[“\"「『《‘][^”\"」』》’]{2,}[”\"」』》’]|`[^`]+`")
_SENTENCE = 8  # tokens: another sentence of this length may be what the question is about
_CONTEXT = 40  # tokens of a system prompt that may well hold what is pointed at


def vague_reference(exchange: Exchange) -> str:
    """The words that point at nothing, in words for the user; empty where there are none."""
    if exchange.place or exchange.given.strip() or brings_material(exchange.question):
        return ""
    if length(exchange.earlier) - length(exchange.question) > _CONTEXT:
        return ""
    question = exchange.question.strip()
    for pattern in _POINTS.values():
        if found := pattern.search(question):
            return f"{found.group().strip()!r} points at what its reader does not have"
    return ""


def brings_material(question: str) -> bool:
    """Whether a question holds the text that it is about."""
    head, _, rest = question.strip().partition("\n")
    after = max(head.rfind(":"), head.rfind("："))
    if length(rest) or (after >= 0 and length(head[after + 1 :])) or _QUOTE.search(question):
        return True
    said = sorted(length(question[start:end]) for start, end in sentences(question))
    return len(said) > 1 and said[-1] >= _SENTENCE
