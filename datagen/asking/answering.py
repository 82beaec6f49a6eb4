"""Answers to a task: plain, reasoned step by step, or the one on which several samples agree.

    reasoning   chain of thought (Wei et al. 2022): the steps first, then a line that begins with "Answer:". They are
                kept apart, as `reasoning_content` of the assistant's turn, the name that reasoning endpoints and chat
                templates use; a model that thinks aloud in <think> marks has given its steps already
    answers     self-consistency (Wang et al. 2022): so many samples at temperature 0.7 or more, of which `agree` must
                say the same (datagen/checks/agreement.py); the one that most of the others agree with is the answer
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from datagen.checks.agreement import majority
from seedbed.chat import Complete, Reply, Request
from seedbed.parse import evasion, strip_thoughts, withheld
from seedbed.prompts import Prompt, load
from seedbed.record import Message

_SAMPLED = 0.7  # the paper's temperature: below it the samples are one answer several times
_STEPS = re.compile(r"<(think|thinking|reasoning|thought)>(.*?)</\1>", re.S | re.I)
_FINAL = {
    "en": re.compile(r"^\W{0,4}(?:final )?answer\W{0,4}[:：]\W{0,4}\s*", re.I | re.M),
    "zh": re.compile(r"^\W{0,4}(?:最终)?(?:答案|答)\W{0,4}[:：]\W{0,4}\s*", re.M),
}
_OPENING = 160  # characters in which an answer that evades says so


class Answering(msgspec.Struct, frozen=True, kw_only=True):
    """How answers are made; the options of every generator that has the teacher answer.

    reasoning  answers are worked out step by step
    answers    samples of each answer
    agree      how many of them must say the same
    """

    reasoning: bool = False
    answers: int = 1
    agree: int = 1

    def __post_init__(self) -> None:
        if self.answers < 1 or not 1 <= self.agree <= self.answers:
            raise ValueError("agree: expected 1 or more, and no more than `answers`")


def lacks(why: str) -> dict[str, str]:
    """These options, each with the reason why a generator has none of them: for the error of a job that names one."""
    return dict.fromkeys(Answering.__struct_fields__, why)


@dataclass(frozen=True)
class Answer:
    """An answer, or the `fault` (reason, words) why there is none. `agreement` is the share of the samples that say the
    same, where there were several."""

    text: str = ""
    reasoning: str = ""
    fault: tuple[str, str] | None = None
    calls: tuple[str, ...] = ()
    raw: str = ""
    agreement: float | None = None

    @property
    def message(self) -> Message:
        """The assistant's turn."""
        return Message("assistant", self.text, {"reasoning_content": self.reasoning} if self.reasoning else {})


async def answer(
    complete: Complete,
    task: str,
    lang: str,
    options: Answering,
    *,
    sentences: str = "",
    temperature: float = 0.7,
    top_p: float = 1.0,
    max_tokens: int = 1024,
    prompts: Path | None = None,
) -> Answer:
    """The teacher's answer to `task` (instruction and input as one text); from `sentences` alone, where some are given.
    """
    messages = prompt(lang, options, bool(sentences), prompts).messages(
        **({"task": task, "sentences": sentences} if sentences else {"task": task})
    )
    warm = max(temperature, _SAMPLED) if options.answers > 1 else temperature
    requests = [
        Request(messages=messages, max_tokens=max_tokens, temperature=warm, top_p=top_p, sample=number)
        for number in range(options.answers)
    ]
    replies = await asyncio.gather(*(complete(request) for request in requests))
    if "<|" in f"{task}{sentences}":  # marks of a template as the task has them; prompts show them broken up
        replies = [msgspec.structs.replace(reply, text=reply.text.replace("< |", "<|")) for reply in replies]
    found = [read(reply, lang, options.reasoning) for reply in replies]
    calls = tuple(key for one in found for key in one.calls)
    if len(found) == 1:
        return found[0]
    good = [one for one in found if one.fault is None]
    group = majority([one.text for one in good], lang)
    if len(group) < options.agree:
        if not good:
            return replace(found[0], calls=calls)
        why = f"of {len(found)} answers {len(group)} agree, and {options.agree} are asked for"
        return Answer(good[0].text, fault=("disagreement", why), calls=calls, raw=good[0].raw)
    return replace(good[group[0]], calls=calls, agreement=round(len(group) / len(found), 4))


def prompt(lang: str, options: Answering, grounded: bool = False, prompts: Path | None = None) -> Prompt:
    """The prompt file that `answer` uses."""
    manner = "reasoned" if options.reasoning else "direct"
    return load(lang, f"answer/{manner}_from_source" if grounded else f"answer/{manner}", prompts)


def read(reply: Reply, lang: str, reasoning: bool = False) -> Answer:
    """One reply as an answer without its thoughts, or the fault why it is none."""
    calls = (reply.key,) if reply.key else ()

    def failed(reason: str, why: str) -> Answer:
        return Answer(fault=(reason, why), calls=calls, raw=reply.text)

    if why := withheld(reply):
        return failed(*why)
    if reply.finish == "length":
        return failed("cut", "the reply stopped at the token limit")
    text = strip_thoughts(reply.text)
    if not text:
        return failed("empty", "the reply is empty")
    if phrase := evasion(text[:_OPENING]):
        return failed("refused", f"the reply evades: {phrase}")
    if not reasoning:
        return Answer(text, calls=calls, raw=reply.text)
    if thought := _STEPS.search(reply.text):
        return Answer(_FINAL[lang].sub("", text), thought.group(2).strip(), calls=calls, raw=reply.text)
    marks = list(_FINAL[lang].finditer(text))
    if not marks:
        return failed("no_answer", "the steps end without a line that begins with the answer")
    steps, last = text[: marks[-1].start()].strip(), text[marks[-1].end() :].strip()
    if not steps or not last:
        return failed("no_answer", "the steps or the answer are missing")
    return Answer(last, steps, calls=calls, raw=reply.text)
