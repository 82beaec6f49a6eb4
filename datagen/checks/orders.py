"""Sentences that speak to a model and not to a reader: planted orders, or examples of them. They are no part of what a
document says, so they are neither shown to a teacher nor asked about.

An order is known by its structure, not by its words, which ordinary manuals have too ("override the default rules",
系统提示, "answer with yes"): it makes the model's own instructions void, it is addressed to an AI, it wants the hidden
prompt, or it lays down what all answers look like. How many are found that the patterns were not written on:
docs/generators/doc_qa.md. Both languages at once, since an order may be in another than its text.
"""

from __future__ import annotations

import re
from functools import lru_cache

_EN = {
    # A "model" or an "assistant" alone may be a pump or a set-up program.
    "AI": r"\b(?:AI|LLM|chat ?bot|language model|ChatGPT|GPT-\d)s?"
          r"(?: (?:assistant|model|agent|system|tool|crawler|reader)s?)?\b",
    "ANY": r"(?:(?:any|all|every|the|an?) )?(?:large )?",
    "DROP": r"\b(?:ignore|disregard|forget|override|bypass|(?:stop|quit) (?:following|obeying)"
            r"|(?:do not|don't) (?:follow|obey))",
    "BEFORE": r"(?:previous|prior|earlier|preceding|above|foregoing|former|existing|original)",
    "RULES": r"(?:instructions?|prompts?|guidelines|guidance|directives?|orders|rules|tasks?)\b",
    "TOLD": r"(?:instructions?|prompts?|guidelines|guidance|directives?|directions|orders|commands|rules|context"
            r"|messages?)\b",
    "VOID": r"(?:void|cancel(?:l)?ed|revoked|outdated|obsolete|superseded|overridden|suspended|do not apply"
            r"|no longer (?:\w+ )?(?:valid|apply|binding|in force)"
            r"|(?:must|should|need|shall) not be (?:followed|obeyed))",
    "SAY": r"(?:say|state|write|tell|answer|reply|respond|output|print|return|mention|add|include|claim|describe"
           r"|recommend|rate|refuse|treat|begin|end|use|call|translate|append|praise)\b",
    "SHOW": r"\b(?:reveal|print|repeat|show|output|leak|display|disclose|quote|recite|tell|give)(?: me| us)?"
            r" (?:all )?(?:of )?",
    "ANSWER": r"(?:answers?|repl(?:y|ies)|responses?|outputs?)",
    "START": r"(?:^\W*|[,;.:] |\bplease )",
}
_ENGLISH = (
    # its instructions are void
    r"{DROP} (?:(?:all|any|every|each|your|my|the|these|those|of) ){{0,3}}{BEFORE}(?: \w+)? {TOLD}",
    r"{DROP} (?:all |any |of )*(?:the )?{TOLD} (?:above|before|you)\b",
    r"{DROP} (?:(?:all|any|every|of) )*your (?:(?:system|initial|hidden|original|previous|prior|earlier|safety|own"
    r"|internal|current|secret) )?(?:programming|training|{RULES})",
    r"{DROP} (?:everything|all|anything) (?:that )?(?:(?:above|before)(?= this| and\b|\s*[,.;:!]|$)"
    r"|you (?:were|have|know)\b)|{DROP} what(?:ever)? you (?:were|have been) told\b",
    r"{DROP} (?:all )?(?:of )?the above(?: text| content| instructions?)?(?: and\b|\s*[,.;:!]|$)",
    r"(?:^\W*|[:.] )(?:override|ignore) the instructions?\b",
    r"{DROP} (?:the |this |any )?users?'?s? (?:requests?|questions?|instructions?|prompts?)\b",
    r"\b(?:stop|abort|cancel|quit) (?:what you are doing|(?:the|your) (?:current )?task)(?: now)?(?:,| and)"
    r"(?: instead)? {SAY}",
    r"\b(?:text|content|everything|all) (?:above|before this) (?:was|is|were) (?:only |just |merely )?(?:a )?"
    r"(?:test|joke|decoy|fake)\b",
    r"\b(?:(?:all|any) (?:the |of the |your )?{BEFORE}|your(?: {BEFORE})?) {RULES}.{{0,40}}\b{VOID}",
    r"\binstructions? (?:that |which )?you (?:(?:have |had )?(?:received|got)|(?:were|are|have been) given)\b"
    r".{{0,40}}\b{VOID}",
    r"\byou (?:now )?(?:have|are (?:bound|limited) by|obey|follow) no (?:\w+ )?"
    r"(?:restrictions|rules|limits|limitations|guidelines|filters)\b",
    # it is addressed to an AI
    r"\b(?:attention|note|notice|message|memo|instructions?|hello|hey|hi|dear|to|for)\b[ ,:]+(?:(?:to|for) )?{ANY}{AI}"
    r"[^.:,]{{0,50}}[:,]",
    r"\bif you are {ANY}{AI}",
    r"{AI}[^.,:]{{0,20}}? (?:reading|(?:that|who|which) reads?|(?:that |who )?process(?:ing|es)|summari[sz]ing"
    r"|parsing|indexing)\b.{{0,30}}\b(?:this|the)\b",
    r"(?:^\W*|[.:;] )(?:all |any |every |the )?(?:AI (?:models?|assistants?|agents?|systems?)|AIs|LLMs?|chatbots?"
    r"|(?:large )?language models) (?:must|should|shall|have to|are to|need to) (?:(?:not|never|always|only) )?{SAY}",
    r"\byou are (?:now )?(?:an? |the )?(?:\w+ )?(?:AI|assistant|chatbot|language model|LLM|DAN)\b",
    r"(?:^\W*|[,;.] )as an? (?:\w+ )?(?:AI|assistant|chatbot|(?:large )?language model|LLM)(?: model| assistant)?"
    r"(?:, \w+| you\b)",
    r"(?:{START}|and )(?:act|behave) (?:as|like) an? (?:\w+ )?(?:AI|chatbot|language model|LLM|DAN)\b",
    r"{START}pretend (?:to be|that you|you)\b",
    r"{START}act as an? (?:[\w-]+ ){{1,3}}and (?:{SAY}|reveal)",
    r"\b(?:in which|imagine|now|that) you are \w+, an? (?:\w+ )?(?:model|AI|assistant|bot|chatbot)\b",
    r"\b(?:model|AI|assistant|chatbot|bot) (?:without|with no|that has no|free of|not bound by) (?:any )?"
    r"(?:rules|restrictions|limits|limitations|filters|guidelines)\b",
    r"\b(?:note|message|memo|instructions?) (?:to|for) (?:the|any|all|every)"
    r" (?:machine|bot|robot|computer|program|model|parser)s? (?:that|who|which|reading|processing|parsing)\b",
    # it wants the prompt, or gives another task
    r"{SHOW}your (?:\w+ )?(?:prompt|instructions|guidelines|rules|programming)\b",
    r"{SHOW}(?:the )?(?:system prompt|(?:instructions|prompt|rules|text) (?:that |which )?you (?:were|are|have|got)\b)",
    r"\byour (?:new|real|true|actual|only) (?:instructions?|task|orders?|role|goal|job|mission|purpose)"
    r"(?: (?:is|are)(?: now)? to\b|:)",
    r"(?:^\W*|\bsystem: )new (?:system message|(?:system )?(?:prompt|instructions?))"
    r"(?: (?:from|by|for) [^.:]{{1,30}})?:",
    r"\bassistant ?: (?:I|sure|okay|of course|here)\b",
    r"\b(?:reveal|print|output|repeat|show|leak) (?:the|this|our) (?:conversation|chat|dialogue)\b",
    # it lays down what answers look like
    r"\bfrom (?:now|here|this point) on,? (?:you (?:will|must|shall|should|are to) )?"
    r"(?:(?:please|only|always|never) )*(?:respond|answer|reply|say|speak|write|talk|end|begin)\b",
    r"\b(?:respond|reply|answer) (?:(?:only|exclusively) (?:with|in|by)|with only)\b(?! (?:an? )?(?:yes|no|[yn])\b)",
    r"\b(?:answer|respond to|reply to) (?:all|every|each|any)(?: of)?(?: the| my| user)?"
    r" (?:questions?|prompts?|requests?) (?:about|on|regarding|concerning|with)\b.{{0,60}}[\"“'\d]",
    r"\b(?:all|every|each|any) (?:of the |of your )?{ANSWER} (?:that )?you (?:give|write|generate|produce|make)\b",
    r"\b(?:begin|start|end|finish|prefix|conclude) (?:your|every|each|all(?: your)?|any) (?:\w+ )?{ANSWER}\b",
    r"\b(?:do not|don't|never|refuse to) answer (?:the|this|any|that)(?: user's| user)? questions?\s*[;,.:]",
    r"\b(?:whatever|regardless of|no matter (?:what|which|how)) (?:\w+ ){{0,2}}"
    r"(?:questions?|prompts?|users?|asks?|asked)\b(?!.s).{{0,30}}\b(?:answer|reply|respond|response|say)\b",
    r"\b(?:never|not|always|must) [^.;]{{0,60}}\bin (?:(?:each|every|all|any) of )?your"
    r" (?:answers|replies|responses|outputs?)\b",
    r"\byour {ANSWER} (?:must|should|shall|has to|have to) (?:always |only )*(?:consist of|contain only|begin|start|end"
    r"|be (?:only|just|nothing but|the (?:single )?word))\b",
    r"\binstead of answering(?: the questions?| it)?, (?:please )?{SAY}",
    r"\byou (?:must|should|shall|may|will) (?:not|never) answer (?:any )?questions\b",
    r"{START}(?:respond|reply|answer|output|return|say)\b[^.;]{{0,80}}\b(?:and|with) nothing else\b",
    r"\bwhen(?:ever)? (?:you (?:are )?)?(?:summari[sz]|translat|describ|process|pars|quot)(?:e|ing) (?:this|the)"
    r" (?:text|page|document|file|passage|article|section|manual),? (?:please |always |you must )?"
    r"(?:{SAY}|do not|never)",
)
_ZH = {
    "AI": r"(?<![a-z])(?:AI(?: ?(?:模型|助手|系统|智能体))?|人工智能(?:助手|模型)?|(?:大型?)?语言(?:大)?模型|大模型"
          r"|聊天机器人|智能助手|LLM|ChatGPT|GPT)(?![a-z])",
    "DROP": r"(?<!可以)(?<!如果)(?<!会)(?<!可)(?<!将)(?:忽略|无视|忘记|忘掉|抛开|抛弃|丢掉|绕过|违背"
            r"|不(?:要再?|必再?|用再?|得|再)(?:理会|遵守|遵循|执行|管|听从)|停止(?:执行|遵守|遵循))(?!了)",
    "TOLD": r"(?:指令|指示|提示词?|要求|规则|设定|命令|准则|限制|约束|对话|上下文|指引)",
    "PROMPT": r"(?:提示词?|指令|规则|设定|准则)",
    "BEFORE": r"(?:之前|以前|先前|此前|上述|上面|以上|前面|原有|原来|原先|早先)",
    "ALL": r"(?:所有|全部|一切|任何)",
    "VOID": r"(?:作废|失效|无效|取消|废除|撤销|过期|过时|不再(?:有效|生效|适用(?!于))|不适用于(?:本|这))",
    "MUST": r"(?:必须|应当|应该?|务必|不得|不要|请)",
    "ANSWER": r"(?:回答|回复|输出|作答|答复)",
    "START": r"(?:^\W*|[，。：:；])",
}
_CHINESE = (
    # its instructions are void
    r"{DROP}(?:你的?|任务|系统|{ALL})[^，。；]{{0,8}}{TOLD}",
    r"{DROP}任务(?:要求|说明)",
    r"{DROP}你?{BEFORE}的?{ALL}?的?(?:{TOLD}|内容|文字|任务|话|说明|被告知)(?!时|的时候|后|之后)",
    r"{DROP}(?:用户|提问者)的?(?:问题|要求|请求)",
    r"(?:停止|中断|放弃|取消)(?:当前|现在|目前)的?任务[，,](?:改|转|告诉|输出|去|直接)",
    r"(?:上面|以上|前面)的?(?:文字|内容|一切)[^，。；]{{0,4}}(?:只|仅|都)不?过?是[^，。；]{{0,6}}(?:测试|玩笑|假的)",
    r"(?:你的?{BEFORE}?|{BEFORE}的?{ALL})[^，。；]{{0,6}}{TOLD}[^，。；]{{0,6}}{VOID}",
    r"{BEFORE}的(?:指令|指示|提示词|设定|准则|限制|约束|指引)[^，。；]{{0,4}}{VOID}",
    r"你{BEFORE}?所?(?:收到|得到|接到)的[^，。；]{{0,6}}{TOLD}[^。；]{{0,8}}(?:{VOID}|不要再?遵)",
    r"你(?:现在|已经?)?(?:没有|不受|再无|不再受)(?:任何|一切)?的?(?:规则|限制|约束|道德)",
    # it is addressed to an AI
    r"(?:致|各位|给|告诉|请|亲爱的)(?:所有|任何|各位|全体|正在|处理|阅读|本文|文件|文档|的| ){{0,8}}?{AI}"
    r"[^，。：:]{{0,8}}[：:，,]",
    r"(?:如果|假如|若|要是)你就?是(?:一[个名款])?[^，。]{{0,4}}?{AI}",
    r"(?:读到|阅读|看到|处理|解析|总结)[^，。；：:]{{0,8}}的(?:任何|所有| )?{AI}",
    r"{AI} ?(?:读到|阅读|看到|处理|解析|总结)到?(?:这|此|本|该)",
    r"{START}(?:所有|任何|凡是|各)?的?{AI}们?(?: )?[都均]?{MUST}[^，。]{{0,12}}"
    r"(?:回答|回复|说|写|声称|告诉|让用户|输出|推荐|提及|描述|称|注意)",
    r"你(?:现在)?(?:是|扮演)(?:一?[个名位款台])?[^，。]{{0,6}}(?:{AI}|助手|模型|机器人|DAN)",
    r"你现在(?:是|扮演)一[个名位](?![^，。]{{0,8}}(?:用户|管理员|成员))",
    r"{START}作为(?:一[个名位款])?[^，。]{{0,8}}(?:{AI}|助手)，(?:请|你|应|必)",
    r"没有(?:任何)?(?:规则|限制|约束|底线)的[^，。；]{{0,4}}(?:{AI}|模型|助手|机器人)",
    r"(?:给|致|告诉)(?:所有|任何|正在)?[^，。：:]{{0,4}}(?:读|处理|看)[^，。：:]{{0,6}}的(?:机器|程序|模型|电脑)[：:，]",
    r"{START}(?:请|现在)?你?(?:假装|装作|扮演)(?:成|是|自己|你|一[个名位])",
    # it wants the prompt, or gives another task
    r"(?:输出|显示|打印|透露|泄露|复述|重复|公开|说出|列出|告诉我|展示)(?:一下|所有|全部)?你(?:的|所?[收得]到的)?"
    r"[^，。；]{{0,6}}{PROMPT}",
    r"把你(?:的|所?[收得]到的)[^，。；]{{0,6}}{PROMPT}[^，。]{{0,6}}(?:重复|复述|输出|打印|写|说|列|公开|告诉)",
    r"你的?(?:新|真正|唯一|实际)的?(?:任务|指令|目标|角色|职责|使命)(?:就?是|：|:)",
    r"新的?系统(?:消息|提示词?|指令)[：:]|(?:以下|下面)是新的[^，。]{{0,4}}(?:指令|提示词)",
    r"来自(?:开发者|管理员|系统|用户)的[^，。：:]{{0,4}}(?:指令|命令|消息)[：:]",
    r"(?:把|将)[^，。；]{{0,4}}(?:对话|聊天)(?:记录|内容)[^，。；]{{0,4}}(?:输出|打印|公开|列出|发)",
    r"系统提示词?[：:](?:以后|今后|从[现今此]|你|忘|忽略|无视)",
    # it lays down what answers look like
    r"你在(?:所有|每个)?的?(?:回答|回复|输出)[中里时]",
    r"(?:从[现今此]在?刻?(?:起|开始|以后|往后)|{START}(?:今后|以后))[^。；]{{0,16}}(?:一律|都|全部|只|必须)"
    r"[^，。；]{{0,8}}(?:{ANSWER}|答(?!案)|说)",
    r"(?:无论|不管|别管|不论|任凭)[^，。]{{0,6}}[问提](?:什么|到|起|的是)?[^。；]{{0,16}}(?:回答|回复|答|输出|说|写)",
    r"你(?:只能|必须|要)(?:一直|始终|都)?用[^，。；]{{1,10}}(?:说话|回答|回复|作答|写)",
    r"(?:每个|{ALL})(?:关于|有关)?[^，。；]{{0,12}}(?:问题|提问)(?:都|一律|均|全部)(?:要|必须|请|应)?只?能?"
    r"(?:回答|回复|答|用|说)",
    r"(?:所有|每[个条一次]+|全部)的?(?:答案|回答|回复)(?:都|均|一律|必须|应)?[要须]?(?:写成|改成|换成|以|用|是)",
    r"你(?:给出|写|生成|输出)的(?:所有|每|任何|全部|答案|回答|回复)",
    r"(?:一律|全部|全都|只|请)用.{{1,4}}[语文]来?{ANSWER}",
    r"只[能需要可许]?(?:回复|回答|输出|说)[“\"「{{：:](?!.{{0,2}}[”\"」])|[只都](?:回复|回答|答)[“\"「](?!.{{0,2}}[”\"」])"
    r"|(?:一律|直接)(?:回复|回答|答)[“\"「]",
    r"(?:不要|不得|不许|禁止|拒绝)再?回答[^，。]{{0,14}}(?:问题|提问)[，,；;。][^。]*[改就只而写说]",
    r"与其回答[^，。]{{0,6}}，不如",
    r"(?:总结|概括|翻译|描述|介绍|引用)[本这该](?:文|页|篇|段|份|手册)[^，。]{{0,6}}时，?(?:请|必须|务必|都?要|应)"
    r"[^，。]{{0,6}}(?:写|说|加|称|提|声明|注明)",
    r"不(?:要|得|许)再?输出(?:其他|其它|别的|任何)",
    r"请用“[^”]{{1,8}}”[^，。]{{0,6}}(?:开头|结尾)",
)
# Marks by which templates begin and end turns, where they are not broken up anyway (`<|im_end|>` is, in every prompt).
_MARKS = r"</?(?:system|assistant)>|(?-i:\[/?INST\]|<</?SYS>>)|<(?:start|end)_of_turn>"
_ENGLISH_ORDER = re.compile("|".join([*(form.format(**_EN) for form in _ENGLISH), _MARKS]), re.I)
_CHINESE_ORDER = re.compile("|".join(form.format(**_ZH) for form in _CHINESE), re.I)
_LATIN = re.compile(r"[a-z]{3}", re.I)


@lru_cache(maxsize=1 << 14)  # a passage's sentences are looked at for every request about it
def is_order(text: str) -> bool:
    """Whether a sentence speaks to a model."""
    if _LATIN.search(text) and _ENGLISH_ORDER.search(text):
        return True
    return not text.isascii() and _CHINESE_ORDER.search(text) is not None
