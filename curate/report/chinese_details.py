"""What stages write about a record, and what the checks before a training say, in Chinese: English form, Chinese form.

A form is the stage's sentence with {fields} where it puts its own words. Stages write English, and report.json keeps
that; the Chinese page shows these. What is not here is shown as it was written, marked as English.
"""

from __future__ import annotations

import re
from functools import lru_cache

_FORMS = {
    # rules, donts, safety, pii
    "says {it} {n} times or more in a row": "{it} 连续出现 {n} 次以上",
    "says {it} again and again": "反复出现 {it}",
    "says {it}": "出现了 {it}",
    "the answer has {n} tokens, more than {most}": "答案有 {n} 个词元，上限 {most}",
    "the answer is the input": "答案就是输入",
    "the answer is the question": "答案就是问题",
    "the answer repeats the question and adds nothing": "答案只是重复问题",
    "{n} of the lines came before": "{n} 的行前面出现过",
    "{n} of it was said before": "{n} 的内容前面说过",
    "{n} of {all} sentences say what was said before: {it}": "{all} 句中有 {n} 句前面说过：{it}",
    "signs were lost in decoding": "解码时丢了字符",
    "{n} of the answer is {one}, and {other} is expected": "答案的 {n} 是{one}，应为{other}",
    "the question is {one}, and {other} is expected": "问题是{one}，应为{other}",
    "a code block is never closed": "代码块没有结束",
    "the table's last row stops at {it}": "表格最后一行停在 {it}",
    "nothing follows the heading {it}": "标题 {it} 之后没有内容",
    "nothing follows {it}": "{it} 之后没有内容",
    "it ends in {it}": "以 {it} 结尾",
    "the last item of the list has no end": "列表最后一项没有写完",
    "the last sentence has no end": "最后一句没有写完",
    "a sentence of this length has an end": "这么长的句子应有句末标点",
    "{it} points at what its reader does not have": "{it} 所指的内容，读者看不到",
    "{it} in {q}: the answer was true on one day": "{q} 中的 {it}：答案只在某一天成立",
    "{n} were asked for, and there are {there}": "要求 {n} 个，只有 {there} 个",
    "{n} sentences were asked for, and there are {there}": "要求 {n} 句，实有 {there} 句",
    "at most {n} words were asked for, and there are {there}": "要求不超过 {n} 词，实有 {there} 词",
    "JSON was asked for, and there is none": "要求 JSON，答案里没有",
    "a table was asked for, and there is none": "要求表格，答案里没有",
    "{one} was asked for, and the answer is {other}": "要求{one}，答案是{other}",
    "it asks for the input, which is there": "向用户要输入，而输入已经给出",
    "the input says {it}: {found}": "输入里写的是 {it}：{found}",
    "one says yes and the other no": "一条说是，另一条说否",
    "one denies what the other says": "一条否定了另一条",
    "{one} against {other}": "{one} 与 {other} 不符",
    "characters were lost before it came here: {it}": "读入之前就丢了字符：{it}",
    "no answer is left": "清洗后没有答案了",
    "no text is left": "清洗后没有文字了",
    # duplicates, sets apart
    "the same {what} as in {id}": "{what}与另一条完全相同",
    "its {what} is worded like that of {id}: {how} {n}, at most {most} passes": (
        "{what}与另一条措辞相近：{how} {n}，不超过 {most} 才保留"
    ),
    "its {what} is nearly that of {id}: {how} {n}, from {most} on it is a duplicate": (
        "{what}与另一条几乎相同：{how} {n}，达到 {most} 即为重复"
    ),
    "its {what} is close in meaning to that of {id}: {how} {n}, from {most} on it is a duplicate": (
        "{what}与另一条意思相近：{how} {n}，达到 {most} 即为重复"
    ),
    "its document is held out, and {id} on the other side says the same": "它的文档已留作测试，训练一侧有相同的记录",
    "no training record has it": "训练集中没有这一项",
    "it does not end with an answer": "不是以答案结尾",
    # the generators' checks
    "the question is empty": "问题是空的",
    "the answer is empty": "答案是空的",
    "it holds control characters": "含有控制字符",
    "the question is not in the document's language ({one})": "问题的语言与文档（{one}）不同",
    "the answer is not in the document's language ({one})": "答案的语言与文档（{one}）不同",
    "it asks nothing": "没有提问",
    "its last clause asks nothing": "最后一个分句没有提问",
    "a statement to agree with, no question": "是让人同意的陈述，不是问题",
    "it breaks off before the question mark": "问号之前就断了",
    "{it} points at a text that its reader does not have": "{it} 所指的文字，读者看不到",
    "{it} stands where the subject should": "该写主语的地方写的是 {it}",
    "{it}: its reader has not seen which": "{it}：读者不知道是哪一个",
    "{it} speaks of the model, not of the matter": "{it} 说的是模型自己，不是正题",
    "{it} speaks of the model": "{it} 说的是模型自己",
    "{n} tokens do not say what is meant": "只有 {n} 个词元，看不出问的是什么",
    "more than one question": "不止一个问题",
    "it is a sentence of the passage with a question mark: {it}": "把段落里的一句话加上问号：{it}",
    "only {n} of its content words are in what it asks about": "只有 {n} 的实词出现在所问的内容里",
    "only {n} of its content words are in the passage": "只有 {n} 的实词出现在段落里",
    "only {n} of its content words are in the evidence": "只有 {n} 的实词出现在依据里",
    "only {n} of what it adds is in the sentence that the question is about": "所补充的内容只有 {n} 出自所问的那一句",
    "no sentence of the passage has half of its content words": "段落里没有一句含有它一半的实词",
    "no sentence of the passage carries it": "段落里没有一句能支持它",
    "{it} is not in what it asks about": "所问的内容里没有 {it}",
    "{it} is not in the passage": "段落里没有 {it}",
    "{it} is not in the evidence": "依据里没有 {it}",
    "{it} is not in the input": "输入里没有 {it}",
    "{it}: the evidence denies nothing": "{it}：依据里没有否定的说法",
    "it ends with {it}, not at the end of a sentence": "结尾是 {it}，一句话没有说完",
    "it says nothing that the question has not said": "没有说出问题以外的内容",
    "the question holds what the answer says, and asks nothing": "答案已经写在问题里",
    "asked for several things, it names none or one": "问的是几项，只答了一项或没有答",
    "it is copied word for word from the passage": "从段落里逐字抄来",
    "it asks for a fact, and the answer gives no figure or name": "问的是事实，答案里没有数字或名称",
    "the sentence that it is about gives no reason": "所问的那一句没有说原因",
    "its answer does not give the reason": "答案没有说原因",
    "it asks how, and its statement only says that it is so": "问的是怎么做，而原文只说是这样",
    "it leaves out: {it}": "漏掉了条件：{it}",
    "the reply stopped at the token limit": "回复到长度上限就停了",
    "the teacher, reading it beside the passage, is {n} sure that it is right": (
        "教师模型对照段落重读，有 {n} 的把握认为正确"
    ),
    "the teacher gave its words {n} each, and {least} is asked for": "教师模型对用词的把握是 {n}，要求 {least}",
    "answered anew, it says: {it}": "重新回答时说的是：{it}",
    # checks before a training
    "Enough to learn from.": "足够学习。",
    "A few dozen records teach a style and hardly any facts.": "几十条记录只能教会文风，教不会多少事实。",
    "General data keeps the model from forgetting.": "通用数据防止模型遗忘。",
    "Below 5 % of general data a model forgets what it could do.": "通用数据低于 5 % 时，模型会忘掉原有的能力。",
    "Values usual for {what} are {low} to {high}.": "{what} 通常取 {low} 到 {high}。",
    "Up to three keep learning ahead of memorising.": "三轮以内，学会多于死记。",
    "Beyond three epochs a model learns by heart.": "超过三轮，模型会死记硬背。",
    "Adapters on all linear layers come closest to full fine-tuning.": "所有线性层都加适配器，最接近全量微调。",
    "An adapter on few layers learns less than one on all.": "只在少数层加适配器，学得比全部层少。",
    "The student's own template, masked to the token.": "用学生模型自己的模板，掩码精确到词元。",
    "The text itself is learned.": "学习文本本身。",
    "Each answer closes with an end token, and it is learned.": "每个答案都以结束符收尾，并且学习它。",
    "Another token than the end token.": "与结束符不是同一个词元。",
    "Instructions stay whole; answers are cut at a sentence end.": "指令保持完整；答案在句末截断。",
    "Many answers lose their end.": "许多答案丢了结尾。",
    "Its loss is told during the training.": "训练中会报告它的损失。",
    "Nobody will see whether it learns by heart, nor stop it.": "没有验证集，看不出是否在死记，也不会及时停下。",
    "It fits.": "放得下。",
    "That is tight.": "勉强放得下。",
    "Room for the checkpoints and the adapter.": "放得下检查点和适配器。",
    "{n} records, {steps} steps": "{n} 条记录，{steps} 步",
    "{n} of {all} linear layers": "{all} 个线性层中的 {n} 个",
    "{n} of {all} tokens are learned": "{all} 个词元中学习 {n} 个",
    "longest {n} of {all} tokens, {cut} cut, {out} left out": "最长 {n}，上限 {all} 词元；截断 {cut} 条，排除 {out} 条",
    "about {n} of {all} free": "约需 {n}，空闲 {all}",
    "{n} of {all} ({share})": "{all} 条中 {n} 条（{share}）",
    "{n} rows": "{n} 行",
    "{n} of {all} records": "{all} 条记录中 {n} 条",
    # what an evaluation calls "before"
    "the nf4-quantised student without the adapter, as it was during training; the original in bf16 is a little better "
    "than that": "不带适配器、按 nf4 量化的学生模型，与训练时相同；bf16 的原模型略好于此",
}
_WORDS = {
    "question and answer": "问题和答案", "question": "问题", "answer": "答案", "text": "文字", "English": "英文",
    "Chinese": "中文", "en": "英文", "zh": "中文", "mixed": "中英混合", "cosine": "余弦", "not": "别的语言",
    "Jaccard similarity": "Jaccard 相似度",
}
_NUMBER = r"[\d.,]+%?(?: [kMG]B)?"
# What a field may hold; one that is not here takes any text.
_MATCH = dict.fromkeys(("n", "all", "there", "most", "least", "steps", "cut", "out"), _NUMBER) | {"id": "[^ :]+"}
_FIELD = re.compile(r"\{(\w+)\}")
_QUOTED = re.compile(r"(['\"])(.*)\1", re.S)


def translated(said: str) -> str:
    """The Chinese of what a stage wrote; empty where no form fits."""
    for form, chinese in _compiled():
        if match := form.fullmatch(said):
            return chinese.format(**{name: _value(value) for name, value in match.groupdict().items()})
    return ""


@lru_cache
def _compiled() -> list[tuple[re.Pattern[str], str]]:
    # The one with most words of its own first, so that none takes a longer one's sentence.
    forms = sorted(_FORMS.items(), key=lambda form: -len(_FIELD.sub("", form[0])))
    return [(_pattern(english), chinese) for english, chinese in forms]


def _pattern(form: str) -> re.Pattern[str]:
    parts = _FIELD.split(form)
    for at in range(0, len(parts), 2):
        parts[at] = re.escape(parts[at])
    for at in range(1, len(parts), 2):
        parts[at] = f"(?P<{parts[at]}>{_MATCH.get(parts[at], '.+?')})"
    return re.compile("".join(parts), re.S)


def _value(value: str) -> str:
    quoted = _QUOTED.fullmatch(value)
    return f"“{quoted[2]}”" if quoted else _WORDS.get(value, value)
