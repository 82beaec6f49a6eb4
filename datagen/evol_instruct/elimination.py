"""What an evolved task and its answer must pass: the elimination rules of Evol-Instruct, and the house's own.

The four rules (Xu et al. 2023, "WizardLM", section 3.2; the first is completed by a judge in evolve.py):

    equal         nothing is gained over the parent
    sorry         the answer apologises and is short (80 words; in Chinese 80 characters)
    hollow        the answer is punctuation and stop words
    leaks_prompt  words of our own prompts, or one of their examples

Each check gives None or a `Fault`. Stop words that are answers ("no", "before", 不, 三) do not make one hollow, and an
apology that the task or its source speaks of is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from datagen.checks.phrases import ASKS, BARE, CLOSED, META
from datagen.checks.verify import Fault, leaning, premise_fault
from datagen.self_instruct.filters import in_other_language, task_fault
from seedbed.content import STOP, support, units
from seedbed.gate import rouge_l
from seedbed.text import language, length, normalise, tokenize

_SAME = 0.95  # ROUGE-L F1 above which no judge is needed
_EXAMPLE = 0.7  # likewise for the examples of a prompt: Self-Instruct's bound for "known already"
_SHORT_ANSWER = 80  # WizardLM, section 3.2

# In tokens. A round adds 10 to 20 words (15 to 35 characters); three times that is more than a slip.
_GROWTH = {"en": 60, "zh": 105}
_SHRUNK = 0.7  # share of the parent's length below which conditions of it are gone
# Share of the parent's content words that an evolution in depth keeps. To be concrete is to replace some of them.
_KEPT, _KEPT_CONCRETE = 0.5, 0.2
# Words added to an instruction, of which more than this share stand in the input that is shown with it anyway.
_FEW_ADDED, _REPEATED = 5, 0.7
_BREADTH = 2.0  # a task in breadth is "of similar length": at most twice the parent's and the growth of a round
_DATA = {"en": 500, "zh": 700}  # a dozen lines; more is a runaway
# Share of an evolved question's words that its passage or its parent has. Lower than for a first question (.7): a case
# from work brings words of its own; figures and names it may not bring.
_PREMISE = 0.5

# No \b: it does not fire between Latin letters and Chinese characters.
_SORRY = re.compile(r"(?<![a-z])sorry(?![a-z])|抱歉|对不起|无法", re.I)
_ANSWERS = frozenset(
    "no not nor never all each every any some more most less before after during between up out over under again he "
    "she they his her".split()
) | frozenset("不会能可要应前后中上下里二三四五六七八九十两每是有")
_MARKS = re.compile(
    r"(?<![a-z])(?:given|original|rewritten|evolved|created) (?:prompt|task|instruction)s?(?![a-z])"
    r"|(?<![a-z])changed question|\"instruction\"\s*:"
    r"|原任务|原指令|(?:给定|改后|改写后|改写|重写后|改编后)的?(?:提示词?|指令|任务|问题)",
    re.I,
)
# The labels that stand before the parts of a prompt.
_LABELS = re.compile(r"^(?:form|change|input|statements|形式|改法|输入|陈述)\s*[:：]", re.I | re.M)
_MATERIAL = re.compile(r"```.*?```|^[ \t]*\|.*\|[ \t]*$", re.S | re.M)

# How real data of each form looks.
_FORMS = {
    "table": re.compile(r"(?:^[ \t]*\|.*\|[ \t]*(?:\n|$)){3,}", re.M),
    "csv": re.compile(r"(?:^[^,，\n]+(?:[,，;\t][^,，\n]*)+(?:\n|$)){3,}", re.M),
    "json": re.compile(r"[{\[].*[}\]]", re.S),
    "xml": re.compile(r"<([^\s<>/!?]+)[^<>]*>.*</\1>", re.S),
    "sql": re.compile(
        r"(?<![a-z])(?:select|insert|update|delete|create)\s.*\s(?:from|into|set|table)(?![a-z])", re.S | re.I
    ),
    "shell": re.compile(r"^\s*(?:[\w.@~:/ \[\]-]*[$#>]) ?\S+", re.M),
    "code": re.compile(r"^\s*(?:def |class |import |from |for |return |function |\w+ = )", re.M),
    "log": re.compile(r"(?:^.*\d{1,2}[:：]\d{2}.*(?:\n|$)){2,}", re.M),
    "config": re.compile(r"(?:^\s*(?:- )?[\w.-]+\s*[:：].*(?:\n|$)){2,}", re.M),
}
FORMS = tuple(_FORMS)


def rewritten_fault(instruction: str, parent: str, lang: str, operation: str, examples: Iterable[str]) -> Fault | None:
    """The first thing that is wrong with an evolved instruction, told without a teacher. `parent` is the instruction
    that it was made from, `examples` are those of the prompt."""
    if language(instruction) not in (lang, "mixed", "other"):
        return Fault("wrong_language", f"it is not in the language of its parent ({lang})")
    found = _MARKS.search(instruction) or _LABELS.search(instruction)
    if found and normalise(found.group()) not in normalise(parent):
        return Fault("leaks_prompt", f"{found.group()!r} are words of the prompt")
    if copied := next((text for text in examples if rouge_l(instruction, text) > _EXAMPLE), ""):
        return Fault("leaks_prompt", f"it repeats an example of the prompt: {copied[:60]}")
    if instruction.endswith((":", "：")):
        return Fault("breaks_off", "it ends in a colon")
    return _form_fault(instruction, parent, lang, operation) or _size_fault(instruction, parent, lang, operation)


def _form_fault(instruction: str, parent: str, lang: str, operation: str) -> Fault | None:
    """What Self-Instruct asks of a task, save where the parent is like that too (or brings the file along)."""
    found, before = task_fault(instruction, lang), task_fault(parent, lang)
    brought = operation == "complicate_input" and found and found[0] == "beyond_text"
    if found and not brought and found[0] != "too_long" and (before is None or before[0] != found[0]):
        return Fault(*found)
    return None


def _size_fault(instruction: str, parent: str, lang: str, operation: str) -> Fault | None:
    before, now = length(parent), length(instruction)
    if operation == "in_breadth":
        if now > _BREADTH * before + _GROWTH[lang] / 3:
            return Fault("too_long", f"{now} tokens, and its parent has {before}")
        return None
    if now > before + _GROWTH[lang]:
        return Fault("too_long", f"{now - before} tokens were added, and {_GROWTH[lang]} are allowed")
    if now < _SHRUNK * before:
        return Fault("lost_conditions", f"{now} of {before} tokens are left")
    least = _KEPT_CONCRETE if operation == "concretise" else _KEPT
    if (share := support(parent, instruction, lang)) < least:
        return Fault("lost_conditions", f"{share:.0%} of the parent's content words are left")
    said = normalise(instruction)
    if lost := next((m.group() for m in _MATERIAL.finditer(parent) if normalise(m.group()) not in said), ""):
        return Fault("lost_material", f"the parent's material is gone: {lost.strip()[:60]}")
    return None


def input_fault(instruction: str, parent: str, input_: str, lang: str) -> Fault | None:
    """An instruction, or data, that says the parent's input again: a small teacher begins to do the task instead of
    changing it."""
    added = set(units(instruction, lang)) - set(units(parent, lang))
    repeated = added & set(units(input_, lang))
    if len(added) > _FEW_ADDED and len(repeated) > _REPEATED * len(added):
        return Fault("repeats_input", f"{len(repeated)} of {len(added)} words of its own stand in the parent's input")
    return None


def equal_fault(task: str, parent: str) -> Fault | None:
    """Tasks so alike that no judge need be asked."""
    if normalise(task) == normalise(parent):
        return Fault("equal", "it is its parent, word for word")
    if (score := rouge_l(task, parent)) > _SAME:
        return Fault("equal", f"ROUGE-L {score:.2f} against its parent")
    return None


def data_fault(data: str, form: str, lang: str) -> Fault | None:
    """Whether the data that complicates a task is data, and of the form that was asked for."""
    data = data.strip()
    if not _FORMS[form].search(data) or (form == "json" and not _is_json(data)):
        return Fault("no_data", f"the input is no {form}")
    if any(data.count(opened) != data.count(closed) for opened, closed in ("()", "[]", "{}")):
        # A quotation mark within data ends the string of the reply's JSON for a small teacher.
        return Fault("breaks_off", "its brackets do not close")
    if length(data) > _DATA[lang]:
        return Fault("too_long", f"{length(data)} tokens of data")
    return None


def _is_json(data: str) -> bool:
    body = re.sub(r"^```\w*\n|\n?```$", "", data)
    try:
        return isinstance(json.loads(body), dict | list)
    except (ValueError, RecursionError):
        return False


def grounded_question_fault(question: str, parent: str, passage: str, names: str, lang: str) -> Fault | None:
    """The first thing that is wrong with a question about a passage. `names` are those of headings."""
    if not ASKS[lang].search(question):
        return Fault("not_a_question", "it asks nothing")
    if CLOSED[lang].search(question):
        return Fault("yes_or_no", "a statement to agree with, no question")
    if words := leaning(question, f"{passage} {parent}", lang):
        return Fault("leans_on_passage", f"{words!r} points at a text that its reader does not have")
    if found := BARE[lang].search(question):
        return Fault("leans_on_passage", f"{found.group()!r} stands where the subject should")
    if found := META[lang].search(question):
        return Fault("meta", f"{found.group()!r} speaks of the model")
    return premise_fault(question, f"{passage}\n{parent}\n{names}", lang, _PREMISE)


def answer_fault(answer: str, task: str, source: str = "") -> Fault | None:
    """The paper's rules for answers. What the task or its `source` says itself is no fault of the answer's."""
    known = normalise(f"{task}\n{source}")
    if length(answer) < _SHORT_ANSWER:
        for word in _SORRY.findall(answer):
            if normalise(word) not in known:
                return Fault("sorry", f"{word!r}, in {length(answer)} tokens")
    words = set(tokenize(answer))
    if answer.strip() and not words - (STOP["en"] | STOP["zh"]) | (words & _ANSWERS):
        return Fault("hollow", "it is only punctuation and stop words")
    if (found := _MARKS.search(answer)) and normalise(found.group()) not in known:
        return Fault("leaks_prompt", f"{found.group()!r} are words of the prompt")
    return None


def language_fault(answer: str, task: str, lang: str, like: str) -> Fault | None:
    """An answer in the other language. `like` is the parent's answer: one to a task that wants a translation is in
    the other language too."""
    if language(like) == {"en": "zh", "zh": "en"}[lang] or not in_other_language(answer, task, lang):
        return None
    return Fault("wrong_language", f"the answer is not in the language of the task ({lang})")
