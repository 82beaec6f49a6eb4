"""The student's own chat template, and exactly which of its tokens are learned.

Most templates do not say which part of their text is the assistant's, so it is found by rendering prefixes. The whole
conversation is rendered once; an assistant turn is the span from the end of "all before it, plus the generation
prompt" to the end of "all up to and including it", and both must be prefixes of the whole. So the positions never
depend on searching for markers, and text that imitates the template's markers cannot move them. Tokens come from one
tokenisation of the whole text with character offsets; a token is learned when it lies inside a span, and the span
includes the end-of-turn token, since a model that never learns it does not stop.

Some templates render a turn differently once it is no longer the last (Qwen3 drops its thoughts, Phi-3 ends only the
whole conversation). Such a conversation becomes one row per assistant turn, each learning its last turn only. Where
even that is not prefix-preserving, nothing can be told exactly, and `TemplateError` says so.

A tokenizer may join the end of the prompt and the beginning of the answer into one token. A model that is asked never
sees that token: it is given the prompt's own tokens and goes on from there. So where it happens, `trained` tokenises
prompt and answer apart, in a row of its own; then every answer is learned behind the very ids that a server makes.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from seedbed.errors import TemplateError
from train.rows.conversation import Tools, Turns, says_something

__all__ = ["IGNORED", "Rendered", "Row", "Template", "Trained", "Turns"]

IGNORED = -100  # the label that PyTorch's cross-entropy leaves out
# Llama 3.1 and its kin write today's date into the system turn. Rows must not change overnight, so it is always the
# day to which their templates fall back by themselves.
_DAY = datetime.date(2024, 7, 26)
_TODAY = re.compile(r"""strftime_now\(\s*(['"])(.*?)\1\s*\)""")


class Rendered(msgspec.Struct, frozen=True):
    """A conversation as the template writes it, and the [start, end) character spans that are learned."""

    text: str
    spans: tuple[tuple[int, int], ...]

    @property
    def learned(self) -> tuple[str, ...]:
        """The learned text, span by span."""
        return tuple(self.text[start:end] for start, end in self.spans)


class Row(msgspec.Struct, frozen=True):
    """One training example: token ids, and for each the same id where it is learned, else -100."""

    input_ids: list[int]
    labels: list[int]

    @property
    def learned(self) -> int:
        """How many tokens are learned."""
        return sum(label != IGNORED for label in self.labels)


class Trained(msgspec.Struct, frozen=True):
    """The rows of one conversation.

    parted    an answer was tokenised apart from its prompt, since a token would have reached across the border
    unclean   a row's prompt has other ids than when it is asked, because its tokenizer cannot go on in mid-text
    """

    rows: list[Row]
    parted: bool = False
    unclean: bool = False


class Template:
    """Renders and tokenises with one tokenizer's own chat template.

    Raises TemplateError when there is none, or when it cannot be masked exactly even for one question and one answer.
    A base model has none and needs none where it reads running text: where it is not `needed`, every conversation
    raises instead.
    """

    def __init__(self, tokenizer: Any, student: str = "the student", *, needed: bool = True) -> None:
        self.tokenizer, self.student = tokenizer, student
        self.absent = not getattr(tokenizer, "chat_template", None)
        if self.absent and not needed:
            return
        self._refuse_absent()
        if not tokenizer.is_fast:
            raise TemplateError("the tokenizer gives no character offsets", where=student,
                                next_step="Take a model that has a tokenizer.json")
        self.rows([{"role": "user", "content": "Which port? 端口？"}, {"role": "assistant", "content": "Port 4711。"}])

    @property
    def digest(self) -> str:
        """Changes when the template or the tokenizer does: part of the key of cached token ids."""
        said = self.tokenizer.backend_tokenizer.to_str() + str(self.tokenizer.chat_template)
        return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()

    def prompt(self, turns: Turns, tools: Tools | None = None) -> str:
        """The conversation up to where the assistant starts to write."""
        return self._render(self._accepted(turns, tools), tools, generate=True)

    def opening(self, turns: Turns) -> str:
        """What the template writes after these turns to open an answer; empty where that is part of the turns."""
        written, prompt = self._render(self._accepted(turns)), self.prompt(turns)
        return prompt[len(written) :] if prompt.startswith(written) else ""

    def rows(self, turns: Turns, tools: Tools | None = None, *, apart: bool = False) -> list[Rendered]:
        """One rendering with every assistant turn learned, or one a turn where the template (or `apart`) demands it.

        An empty assistant turn is shown and not learned, and so is one before any other. Raises TemplateError when the
        template refuses the conversation, drops an answer or the tools, or cannot be masked.
        """
        self._refuse_absent()
        turns = self._accepted(turns, tools)
        answers = [i for i, turn in enumerate(turns) if i and turn["role"] == "assistant" and says_something(turn)]
        if not answers:
            return []
        self._check_tools(turns, tools)
        if not apart and (whole := self._masked(turns, answers, tools)):
            return [whole]
        alone = [self._masked(turns[: i + 1], [i], tools) for i in answers]
        if None in alone:
            raise TemplateError("the template writes something else before an answer than when it is asked for one, "
                                "so the answer's tokens cannot be told exactly", where=self.student,
                                next_step="Take another student, or mend its chat_template.jinja")
        return [row for row in alone if row]

    def trained(self, turns: Turns, tools: Tools | None = None) -> Trained:
        """The rows of a conversation as they are trained on. Raises TemplateError as `rows` does."""
        rendered = self.rows(turns, tools)
        rows = [self.tokens(one) for one in rendered]
        if all(self._as_asked(one, row) for one, row in zip(rendered, rows, strict=True)):
            return Trained(rows)
        apart = self.rows(turns, tools, apart=True)
        cut = [self.parted(one) for one in apart]
        rows = [row or self.tokens(one) for one, row in zip(apart, cut, strict=True)]
        return Trained(rows, parted=any(row is not None for row in cut), unclean=None in cut)

    def tokens(self, rendered: Rendered) -> Row:
        """Token ids and labels. Nothing is added: the template has written every special token itself."""
        encoded = self.tokenizer(rendered.text, add_special_tokens=False, return_offsets_mapping=True)
        return Row(encoded["input_ids"], _labels(encoded["input_ids"], encoded["offset_mapping"], rendered.spans))

    def prompt_ids(self, text: str) -> list[int]:
        """Token ids of a rendered prompt."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def parted(self, rendered: Rendered) -> Row | None:
        """The row with its last answer tokenised by itself; None where that adds or loses text, as the tokenizers do
        that put a blank before every beginning."""
        start, end = rendered.spans[-1]
        prompt, rest = self.prompt_ids(rendered.text[:start]), rendered.text[start:]
        row = self.tokens(Rendered(rest, ((0, end - start),)))
        together = Row(prompt + row.input_ids, [IGNORED] * len(prompt) + row.labels)
        whole = self.tokenizer.decode(self.prompt_ids(rendered.text))
        return together if self.tokenizer.decode(together.input_ids) == whole else None

    def _refuse_absent(self) -> None:
        if self.absent:
            raise TemplateError("the tokenizer has no chat template", where=self.student,
                                next_step="Take the instruct version of the model, or add its chat_template.jinja")

    def _as_asked(self, rendered: Rendered, row: Row) -> bool:
        """Whether each answer stands behind the ids that its prompt alone has."""
        for start, _ in rendered.spans:
            prompt = self.prompt_ids(rendered.text[:start])
            if row.input_ids[: len(prompt)] != prompt:
                return False
        return True

    def folds_system(self, turns: Turns) -> bool:
        """Whether the template knows no system role, so that its text moves into the first user turn."""
        return turns[:1] != [] and turns[0]["role"] == "system" and self._accepted(turns) != turns

    def _accepted(self, turns: Turns, tools: Tools | None = None) -> Turns:
        """The turns, the system text moved into the first user turn where the template refuses that role (Gemma)."""
        if not turns or turns[0]["role"] != "system" or self._try(turns, tools) is not None:
            return turns
        system, *rest = turns
        if not rest or rest[0]["role"] != "user":
            return turns
        folded = [rest[0] | {"content": f"{system['content']}\n\n{rest[0]['content']}"}, *rest[1:]]
        return folded if self._try(folded, tools) is not None else turns

    def _try(self, turns: Turns, tools: Tools | None) -> str | None:
        try:
            return self._render(turns, tools)
        except TemplateError:
            return None

    def _masked(self, turns: Turns, answers: list[int], tools: Tools | None) -> Rendered | None:
        whole = self._render(turns, tools)
        spans = []
        for i in answers:
            before, after = self._render(turns[:i], tools, generate=True), self._render(turns[: i + 1], tools)
            if not (whole.startswith(before) and whole.startswith(after) and len(before) < len(after)):
                return None
            # White space after the end token belongs to the template, not to the answer.
            span = len(before), len(after.rstrip())
            self._check_answer(whole[span[0] : span[1]], turns[i])
            spans.append(span)
        return Rendered(whole, tuple(spans))

    def _check_answer(self, written: str, turn: dict[str, Any]) -> None:
        # Templates may reformat thoughts; what follows them must be there word for word.
        answer = turn["content"].rpartition("</think>")[2].strip()
        calls = [call["function"]["name"] for call in turn.get("tool_calls", ())]
        if answer not in written or not written or not all(name in written for name in calls):
            what = "a call of a tool" if calls and answer in written else "the assistant's answer"
            raise TemplateError(f"the template changes or drops {what}", where=self.student,
                                next_step="Take another student, or mend its chat_template.jinja")

    def _check_tools(self, turns: Turns, tools: Tools | None) -> None:
        if tools and self._render(turns, tools) == self._render(turns):
            raise TemplateError("the template does not tell the model which tools it has", where=self.student,
                                next_step="Take a student whose template knows tools, or leave these records out")

    def _render(self, turns: Turns, tools: Tools | None = None, generate: bool = False) -> str:
        import jinja2

        try:
            text = self.tokenizer.apply_chat_template(
                turns, tools=tools or None, tokenize=False, add_generation_prompt=generate,
                chat_template=_dated(self.tokenizer.get_chat_template(tools=tools or None)),
            )
        except (jinja2.TemplateError, TypeError, ValueError, IndexError, KeyError) as error:
            roles = ", ".join(turn["role"] for turn in turns) or "nothing"
            raise TemplateError(f"the chat template refuses a conversation of {roles}: {error}", where=self.student,
                                next_step="Bring the roles into the order that this template accepts") from error
        return str(text)


def _dated(template: str) -> str:
    """The template with a fixed day in the place of today."""
    return _TODAY.sub(lambda found: repr(_DAY.strftime(found[2])), template)


def _labels(ids: list[int], offsets: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]) -> list[int]:
    labels = [IGNORED] * len(ids)
    rest = iter(spans)
    start, end = next(rest, (0, 0))
    for i, (first, last) in enumerate(offsets):
        while first >= end and last > end:
            following = next(rest, None)
            if following is None:
                return labels
            start, end = following
        # Byte-level tokenizers report a run of blanks as empty and at its end, hence the second case.
        if start <= first and last <= end and (first < last or start < last):
            labels[i] = ids[i]
    return labels
