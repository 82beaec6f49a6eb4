"""What an invented task and its instance must pass: the heuristics of Self-Instruct, for both languages.

Each check gives None, or a stable reason and words that a user understands.
"""

from __future__ import annotations

import re

from seedbed.parse import evasion
from seedbed.text import CJK, language, tokenize

# In tokens: the paper's 3 and 150 words; a Chinese word has about 1.6 characters.
_SHORTEST = {"en": 3, "zh": 5}
_LONGEST = {"en": 150, "zh": 240}
# What text alone cannot give (the paper's list, and what Chinese tasks say for it).
_BEYOND = {
    "en": re.compile(
        r"\b(?:images?|graphs?|pictures?|photos?|files?|maps?|draw(?:ing)?|plots?|go to|videos?|audio|music|flowcharts?"
        r"|diagrams?|screenshots?|websites?|links?)\b",
        re.I,
    ),
    "zh": re.compile(
        r"图片|图像|照片|截图|附图|下图|地图|流程图|画[一出图]|绘制|作图|视频|音频|录音|附件|文件夹|打开(?:网|链)|网址|链接"
    ),
}
_PROGRAM = {
    "en": re.compile(r"^write (?:a|an|the) (?:\w+ )?program\b", re.I),
    "zh": re.compile(r"^请?(?:编写|写)一?个?程序"),
}
# Small teachers ask the assistant about itself, and the answers evade or invent a life.
_PERSONAL = {
    "en": re.compile(
        r"\b(?:your (?:own |last |first |best )?(?:favou?rite|hobby|hobbies|dream|name|age|siblings?|friends?|job)"
        r"|(?:do|did|are|were|have) you\b(?! (?:think|agree|sure)))",
        re.I,
    ),
    "zh": re.compile(r"你(?:最|平时|自己)?(?:喜欢|爱吃|有没有|叫什么|几岁|多大)|你的(?:名字|爱好|梦想|家人|朋友|职业)"),
}
# A task that names a language, or has some of the other one in it, may be answered in that.
_NAMES_LANGUAGE = re.compile(
    r"translat|(?<![a-z])(?:Chinese|English|Mandarin|bilingual)(?![a-z])"
    r"|翻译|译[成为文]|[中英][文译]|英语|汉语|双语|外语|单词|拼音",
    re.I,
)
# What makes a line of Latin letters a sentence of English, and no name, command or code: two of its small words.
_SMALL_WORD = re.compile(r"\b(?:the|of|to|is|are|was|were|be|has|have|can|you|your|that|this|it|its|with|and)\b", re.I)
_CODE = re.compile(r"[{}=;<>`|]")
_CERTAIN = 40  # tokens from which on no small words are looked for
_PUNCTUATION = re.compile(r"^[^\w\s`“\"「《（(]")


def task_fault(task: str, lang: str) -> tuple[str, str] | None:
    """Why a proposed task is not kept: the paper's filters, for both languages."""
    size = len(tokenize(task))
    if size <= _SHORTEST[lang]:
        return "too_short", f"{size} tokens"
    if size > _LONGEST[lang]:
        return "too_long", f"{size} tokens, and {_LONGEST[lang]} are allowed"
    if found := _BEYOND[lang].search(task):
        return "beyond_text", f"{found.group()!r} wants more than text"
    if found := _PERSONAL[lang].search(task):
        return "about_the_assistant", f"{found.group()!r} asks the assistant about itself"
    if _PROGRAM[lang].search(task):
        return "write_a_program", "such tasks leave open what the program is for"
    if _PUNCTUATION.search(task):
        return "punctuation_first", f"it begins with {task[0]!r}"
    if language(task) not in (lang, "mixed", "other"):
        return "wrong_language", f"it is not in the language of its examples ({lang})"
    if phrase := evasion(task[:160]):
        return "refused", f"the reply refuses: {phrase}"
    return None


def instance_fault(instruction: str, input_: str, output: str, lang: str) -> tuple[str, str] | None:
    """Why an instance is not kept: the paper's rules, and an answer that refuses or merely repeats the task."""
    output, input_ = output.strip(), input_.strip()
    if not output:
        return "empty_output", "the output is empty"
    if output == input_:
        return "output_is_input", "input and output are the same"
    if output == instruction.strip():
        return "output_is_instruction", "the output repeats the task"
    if output.endswith((":", "：")) or input_.endswith((":", "：")):
        return "breaks_off", "it ends in a colon"
    if instruction.rstrip().endswith((":", "：")) and not input_:
        return "breaks_off", "the task ends in a colon, and nothing comes after it"
    if phrase := evasion(output[:160]):
        return "refused", f"the output evades: {phrase}"
    if language(instruction) == lang and in_other_language(output, f"{instruction}\n{input_}", lang):
        return "wrong_language", "the output is not in the language of the task"
    return None


def in_other_language(answer: str, task: str, lang: str) -> bool:
    """Whether an answer is in the other language, and its task wants none of that. `task` is instruction and input."""
    if language(answer) != {"en": "zh", "zh": "en"}[lang] or _NAMES_LANGUAGE.search(task):
        return False
    if lang == "en":
        return not re.search(f"[{CJK}]", task)
    sentence = len(_SMALL_WORD.findall(answer)) >= 2 and not _CODE.search(answer)
    return sentence or len(tokenize(answer)) > _CERTAIN
