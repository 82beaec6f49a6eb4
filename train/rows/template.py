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
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from seedbed.errors import TemplateError

Turns = list[dict[str, str]]
IGNORED = -100  # the label that PyTorch's cross-entropy leaves out


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


class Template:
    """Renders and tokenises with one tokenizer's own chat template.

    Raises TemplateError when there is none, or when it cannot be masked exactly even for one question and one answer.
    """

    def __init__(self, tokenizer: Any, student: str = "the student") -> None:
        self.tokenizer, self.student = tokenizer, student
        if not getattr(tokenizer, "chat_template", None):
            raise TemplateError("the tokenizer has no chat template", where=student,
                                next_step="Take the instruct version of the model, or add its chat_template.jinja")
        if not tokenizer.is_fast:
            raise TemplateError("the tokenizer gives no character offsets", where=student,
                                next_step="Take a model that has a tokenizer.json")
        self.rows([{"role": "user", "content": "Which port? 端口？"}, {"role": "assistant", "content": "Port 4711。"}])

    @property
    def digest(self) -> str:
        """Changes when the template or the tokenizer does: part of the key of cached token ids."""
        said = self.tokenizer.backend_tokenizer.to_str() + str(self.tokenizer.chat_template)
        return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()

    def prompt(self, turns: Turns) -> str:
        """The conversation up to where the assistant starts to write."""
        return self._render(self._accepted(turns), generate=True)

    def opening(self, turns: Turns) -> str:
        """What the template writes after these turns to open an answer; empty where that is part of the turns."""
        written, prompt = self._render(self._accepted(turns)), self.prompt(turns)
        return prompt[len(written) :] if prompt.startswith(written) else ""

    def rows(self, turns: Turns) -> list[Rendered]:
        """One rendering with every assistant turn learned, or one a turn where the template demands it.

        Raises TemplateError when the template refuses the conversation, drops an answer, or cannot be masked.
        """
        turns = self._accepted(turns)
        answers = [i for i, turn in enumerate(turns) if turn["role"] == "assistant"]
        if not answers:
            return []
        if whole := self._masked(turns, answers):
            return [whole]
        alone = [self._masked(turns[: i + 1], [i]) for i in answers]
        if None in alone:
            raise TemplateError("the template writes something else before an answer than when it is asked for one, "
                                "so the answer's tokens cannot be told exactly", where=self.student,
                                next_step="Take another student, or mend its chat_template.jinja")
        return [row for row in alone if row]

    def tokens(self, rendered: Rendered) -> Row:
        """Token ids and labels. Nothing is added: the template has written every special token itself."""
        encoded = self.tokenizer(rendered.text, add_special_tokens=False, return_offsets_mapping=True)
        labels = [IGNORED] * len(encoded["input_ids"])
        spans = iter(rendered.spans)
        start, end = next(spans, (0, 0))
        for i, (first, last) in enumerate(encoded["offset_mapping"]):
            while first >= end and last > end:
                following = next(spans, None)
                if following is None:
                    return Row(encoded["input_ids"], labels)
                start, end = following
            # Byte-level tokenizers report a run of blanks as empty and at its end, hence the second case.
            if start <= first and last <= end and (first < last or start < last):
                labels[i] = encoded["input_ids"][i]
        return Row(encoded["input_ids"], labels)

    def prompt_ids(self, text: str) -> list[int]:
        """Token ids of a rendered prompt."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def splits_cleanly(self, rendered: Rendered) -> bool:
        """Whether the first prompt alone has the same tokens as at the head of the conversation.

        Where not, a token reaches across the border and the model is asked in use with other tokens than it learned.
        """
        prompt = self.prompt_ids(rendered.text[: rendered.spans[0][0]])
        return self.prompt_ids(rendered.text)[: len(prompt)] == prompt

    def folds_system(self, turns: Turns) -> bool:
        """Whether the template knows no system role, so that its text moves into the first user turn."""
        return turns[:1] != [] and turns[0]["role"] == "system" and self._accepted(turns) != turns

    def _accepted(self, turns: Turns) -> Turns:
        """The turns, the system text moved into the first user turn where the template refuses that role (Gemma)."""
        if not turns or turns[0]["role"] != "system" or self._try(turns) is not None:
            return turns
        system, *rest = turns
        if not rest or rest[0]["role"] != "user":
            return turns
        folded = [rest[0] | {"content": f"{system['content']}\n\n{rest[0]['content']}"}, *rest[1:]]
        return folded if self._try(folded) is not None else turns

    def _try(self, turns: Turns) -> str | None:
        try:
            return self._render(turns)
        except TemplateError:
            return None

    def _masked(self, turns: Turns, answers: list[int]) -> Rendered | None:
        whole = self._render(turns)
        spans = []
        for i in answers:
            before, after = self._render(turns[:i], generate=True), self._render(turns[: i + 1])
            if not (whole.startswith(before) and whole.startswith(after) and len(before) < len(after)):
                return None
            # White space after the end token belongs to the template, not to the answer.
            span = len(before), len(after.rstrip())
            self._check_answer(whole[span[0] : span[1]], turns[i]["content"])
            spans.append(span)
        return Rendered(whole, tuple(spans))

    def _check_answer(self, written: str, content: str) -> None:
        # Templates may reformat thoughts; what follows them must be there word for word.
        answer = content.rpartition("</think>")[2].strip()
        if answer not in written or not written:
            raise TemplateError("the template changes or drops the assistant's answer", where=self.student,
                                next_step="Take another student, or mend its chat_template.jinja")

    def _render(self, turns: Turns, generate: bool = False) -> str:
        import jinja2

        try:
            text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=generate)
        except (jinja2.TemplateError, TypeError, ValueError, IndexError, KeyError) as error:
            roles = ", ".join(turn["role"] for turn in turns) or "nothing"
            raise TemplateError(f"the chat template refuses a conversation of {roles}: {error}", where=self.student,
                                next_step="Bring the roles into the order that this template accepts") from error
        return str(text)
