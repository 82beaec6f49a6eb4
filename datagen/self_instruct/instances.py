"""A task's inputs and outputs, as Self-Instruct (Wang et al. 2023, section 2.2) fills them in.

    classify   does the task call for one of a few labels? (greedy; to "Is this a classification task?" a 1.5B model
               says yes nearly always, asked for the form of the answer it is right on 22 of 23)
    instance   output first for those, so that labels are balanced; input first for the others (greedy; further ones
               of a task that needs an input are sampled)
    check      filters.py; one input with two outputs: the whole task goes
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from datagen.asking.answering import Answering, answer
from datagen.self_instruct.filters import instance_fault
from seedbed.chat import Complete, Request
from seedbed.parse import ask, strip_thoughts, withheld
from seedbed.prompts import load
from seedbed.record import Message

_SAMPLED = 0.7  # temperature of further instances, which would be the first one again at 0


class Instance(msgspec.Struct):
    """What the teacher fills a task with."""

    output: str
    input: str = ""


@dataclass
class Filled:
    """A task with its instances, or with what was wrong with them."""

    classification: bool = False
    instances: list[Instance] = field(default_factory=list)
    turns: list[Message] = field(default_factory=list)  # the assistant's, one an instance
    fault: tuple[str, str] | None = None
    calls: tuple[str, ...] = ()
    raw: str = ""


@dataclass(frozen=True)
class Filler:
    """Fills tasks in one manner: `count` instances each, answered as `answering` says."""

    complete: Complete
    answering: Answering
    count: int
    max_tokens: int
    prompts: Path | None = None

    async def fill(self, instruction: str, lang: str) -> Filled:
        """Asks for the kind of a task and for its instances."""
        filled = Filled()
        messages = load(lang, "self_instruct/classify", self.prompts).messages(instruction=instruction)
        reply = await self.complete(Request(messages=messages, max_tokens=4, temperature=0.0))
        filled.calls += (reply.key,) if reply.key else ()
        filled.fault = withheld(reply)
        # A model that thinks aloud is cut before it says anything: its task counts as none of classification.
        if not reply.text.strip() and reply.finish != "length":
            filled.fault = filled.fault or ("empty", "the reply to what kind of task it is")
        if filled.fault:
            return filled
        filled.classification = strip_thoughts(reply.text).strip().lower().startswith(("label", "标签"))
        for number in range(self.count):
            await self._instance(filled, instruction, lang, number)
            # A task that needs no input has one instance.
            if filled.fault or not filled.instances[-1].input:
                break
        return filled

    async def _instance(self, filled: Filled, instruction: str, lang: str, number: int) -> None:
        name = "output_first" if filled.classification else "input_first"
        request = Request(
            messages=load(lang, f"self_instruct/{name}", self.prompts).messages(instruction=instruction),
            max_tokens=self.max_tokens,
            temperature=_SAMPLED if number else 0.0,
            presence_penalty=1.5,
            schema=_SCHEMA[name],
            sample=number,
        )
        parsed = await ask(self.complete, request, Instance)
        filled.calls += parsed.calls
        filled.raw = parsed.raw
        if parsed.value is None:
            filled.fault = None if number else (parsed.reason, parsed.detail)
            return
        made = parsed.value
        same = [other for other in filled.instances if other.input.strip() == made.input.strip()]
        if any(other.output.strip() != made.output.strip() for other in same):
            filled.fault = ("contradicting_instances", "one input occurs with two outputs")
        elif not same:
            fault = instance_fault(instruction, made.input, made.output, lang)
            turn = Message("assistant", made.output)
            if fault is None:
                turn, fault = await self._answered(filled, instruction, made, lang)
            if fault is None or not number:  # a further instance that fails is left out; the task stands without it
                filled.instances.append(made)
                filled.turns.append(turn)
                filled.fault = fault

    async def _answered(
        self, filled: Filled, instruction: str, made: Instance, lang: str
    ) -> tuple[Message, tuple[str, str] | None]:
        """The assistant's turn: the output as it is or, where the job asks for steps or agreement, answered anew."""
        manner = self.answering
        if not manner.reasoning and manner.answers == 1:
            return Message("assistant", made.output), None
        task = f"{instruction}\n\n{made.input}" if made.input else instruction
        found = await answer(
            self.complete, task, lang, manner, temperature=0.0, max_tokens=self.max_tokens, prompts=self.prompts
        )
        filled.calls += found.calls
        if found.fault:
            return Message("assistant", made.output), found.fault
        made.output = found.text
        return found.message, instance_fault(instruction, made.input, found.text, lang)


def joined(instruction: str, input_: str, lang: str, random_: random.Random, prompts: Path | None = None) -> str:
    """Instruction and input as one text, in one of the ways of prompts/…/self_instruct/templates.md: a model that has
    met only one way of it stumbles over the others."""
    if not input_:
        return instruction
    forms = load(lang, "self_instruct/templates", prompts).text.split("\n---\n")
    parts = {"{{instruction}}": instruction, "{{input}}": input_}
    # In one go: a task about templates has such marks of its own.
    return re.sub("|".join(map(re.escape, parts)), lambda mark: parts[mark.group()], random_.choice(forms).strip())


# The order of the keys is the order of writing: the label before the text that bears it.
_SCHEMA: dict[str, dict[str, Any]] = {
    name: {
        "type": "object",
        "properties": {key: {"type": "string"} for key in keys},
        "required": list(keys),
        "additionalProperties": False,
    }
    for name, keys in (("output_first", ("output", "input")), ("input_first", ("input", "output")))
}
