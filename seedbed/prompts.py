"""Prompt files: found, rendered strictly, and hashed.

A prompt is `prompts/<language>/<group>/<name>.md` with `{{variable}}` marks. Rendering with a variable missing or left
over is an error, because a silently half-filled prompt costs a whole run.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from seedbed.errors import PromptError
from seedbed.record import Message, Role
from seedbed.resources import resource

_MARK = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_LABEL = re.compile(r"^([^\n{}]*[:：]) *\{\{", re.M)


@dataclass(frozen=True)
class Prompt:
    """One prompt file. `label` is what records keep: `zh/doc_qa/pair@1f0c9a…`."""

    name: str
    text: str

    @property
    def hash(self) -> str:
        return hashlib.blake2b(self.text.encode(), digest_size=6).hexdigest()

    @property
    def label(self) -> str:
        return f"{self.name}@{self.hash}"

    @property
    def variables(self) -> set[str]:
        """The names in its marks."""
        return set(_MARK.findall(self.text))

    @property
    def parts(self) -> list[str]:
        """What stands between the lines of `---`."""
        return self.text.split("\n---\n")

    def unlabelled(self, reply: str) -> str:
        """A reply without the label of what it was shown ("Answer: {{answer}}"): small teachers write it down again."""
        reply = reply.strip()
        label = next((text for text in _LABEL.findall(self.parts[-1]) if reply.startswith(text)), "")
        return reply.removeprefix(label).lstrip()

    def render(self, **variables: str) -> str:
        """The text with every mark filled in. Raises PromptError on a missing or unused variable."""
        marks = self.variables
        if missing := marks - variables.keys():
            raise PromptError(
                f"uses unknown variables: {', '.join(sorted(missing))}",
                where=self.name,
                next_step=f"It may use: {', '.join(sorted(variables))}",
            )
        if unused := variables.keys() - marks:
            raise PromptError(
                f"does not use: {', '.join(sorted(unused))}",
                where=self.name,
                next_step="Add {{" + sorted(unused)[0] + "}} where it belongs",
            )
        return _MARK.sub(lambda mark: variables[mark.group(1)], self.text)

    def messages(self, **variables: str) -> tuple[Message, ...]:
        """The rendered text as a conversation: parts between lines of `---` are the system's, then by turns the user's
        and the assistant's, so that all but the last user's are examples. Values never begin a new part, and a chat
        template's own marks in them (`<|im_end|>`) are broken up: servers read them as marks wherever they stand, and a
        document about templates, or a hostile one, would end the user's turn in the middle."""
        self.render(**variables)  # complains where a mark and its value do not meet
        safe = {name: value.replace("<|", "< |") for name, value in variables.items()}
        parts = [_MARK.sub(lambda mark: safe[mark.group(1)], part) for part in self.parts]
        roles: tuple[Role, ...] = ("system", *(("user", "assistant") * len(parts)))
        return tuple(Message(role, part.strip()) for role, part in zip(roles, parts, strict=False))


@lru_cache
def load(language: str, name: str, folder: Path | None = None) -> Prompt:
    """`prompts/<language>/<name>.md`, from the user's `folder` if it has it, else from seedbed's own."""
    places = ([folder] if folder else []) + [resource("prompts")]
    for place in places:
        path = place / language / f"{name}.md"
        if path.is_file():
            try:
                return Prompt(f"{language}/{name}", path.read_text(encoding="utf-8").strip())
            except UnicodeDecodeError as error:
                raise PromptError("is not UTF-8 text", where=str(path), next_step="Save it as UTF-8") from error
    raise PromptError(
        "no such prompt", where=f"{language}/{name}", next_step=f"Looked in: {', '.join(map(str, places))}"
    )


def group_hashes(group: str, folder: Path | None = None) -> dict[str, str]:
    """Name -> hash of every prompt of a group in both languages: part of a stage's fingerprint."""
    names = {(path.parent.parent.name, f"{group}/{path.stem}") for path in resource("prompts").glob(f"*/{group}/*.md")}
    return {f"{language}/{name}": load(language, name, folder).hash for language, name in sorted(names)}
