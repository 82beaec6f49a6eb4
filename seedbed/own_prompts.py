"""A user's own prompts: listed, shown, copied out to be changed, and checked before anything is bought.

A folder of own prompts holds en/GROUP/NAME.md and zh/GROUP/NAME.md, as seedbed's prompts/ does; what is not in it is
taken from there. The marks of seedbed's own file are what the code fills in, so an own file must have the same ones.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedbed import jsonl
from seedbed.config import suggest
from seedbed.errors import InputError, PromptError
from seedbed.prompts import Prompt, load
from seedbed.resources import resource
from seedbed.stages import STAGES

# A file of which every line is `key: text` is a table that the code looks keys up in.
_TABLE_LINE = re.compile(r"(\w+):")


@dataclass(frozen=True)
class Shipped:
    """One of seedbed's prompt files: `name` is `zh/doc_qa/pair`, `stages` are those whose jobs may replace it."""

    name: str
    path: Path

    @property
    def language(self) -> str:
        return self.name.partition("/")[0]

    @property
    def group(self) -> str:
        return self.name.split("/")[1]

    @property
    def stages(self) -> tuple[str, ...]:
        return tuple(stage.name for stage in STAGES.values() if self.group in stage.prompts)

    def prompt(self, folder: Path | None = None) -> Prompt:
        return load(self.language, self.name.partition("/")[2], folder)


def shipped(group: str = "", language: str = "") -> list[Shipped]:
    """All prompts of seedbed, or those of a group, a language. InputError where there is no such group or language."""
    root = resource("prompts")
    every = [Shipped(p.relative_to(root).with_suffix("").as_posix(), p) for p in sorted(root.glob("*/*/*.md"))]
    for given, known, flag in (
        (group, {one.group for one in every}, "--group"),
        (language, {one.language for one in every}, "--language"),
    ):
        if given and given not in known:
            raise InputError(f"no prompts are called `{given}`", where=flag, next_step=suggest(given, known))
    return [one for one in every if group in ("", one.group) and language in ("", one.language)]


def listed(folder: Path | None = None) -> Iterator[str]:
    """One line a prompt: name, hash, the stages that use it, its variables; `yours` where `folder` has it."""
    used_by = [", ".join(one.stages) or "seedbed itself" for one in shipped()]
    widest = max(map(len, used_by))
    yield f"{'prompt':32} {'hash':12} {'stage':{widest}} variables"
    for one, used in zip(shipped(), used_by, strict=True):
        prompt = one.prompt(folder)
        own = "  (yours)" if folder and _own(folder, one).is_file() else ""
        yield f"{one.name:32} {prompt.hash} {used:{widest}} {', '.join(sorted(prompt.variables)) or '-'}{own}"


def text(name: str, folder: Path | None = None) -> str:
    """The file of one prompt as it is, from `folder` if it has it. InputError with the nearest name for an unknown
    one."""
    known = {one.name: one for one in shipped()}
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        meant = f"Did you mean {' or '.join(nearest)}? " if nearest else ""
        raise InputError("no such prompt", where=name, next_step=f"{meant}`seedbed prompts list` shows all names")
    own = _own(folder, known[name]) if folder else None
    path = own if own and own.is_file() else known[name].path
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise PromptError("is not UTF-8 text", where=str(path), next_step="Save it as UTF-8") from error


def eject(folder: Path, group: str = "", language: str = "", *, force: bool = False) -> Iterator[str]:
    """Copies prompts into `folder`, byte for byte, and says what it did. A file there that differs stays as it is
    unless `force`. Prompts that no job can replace are left out."""
    ones = [one for one in shipped(group, language) if one.stages]
    if not ones:
        raise InputError("these are seedbed's own: no job can replace them", where=f"--group {group}")
    written = equal = 0
    for one in ones:
        path, content = _own(folder, one), one.path.read_bytes()
        try:
            present = path.read_bytes() if path.exists() else None
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from error
        if present == content:
            equal += 1
        elif present is not None and not force:
            yield f"left as it is, for it differs: {path} (--force writes over it)"
        else:
            jsonl.write_text(path, content.decode("utf-8"))
            written += 1
    yield f"Wrote {written} prompts into {folder}" + (f"; {equal} were there already" if equal else "")
    yield f"Change them, take out those you leave alone, and name the folder in the job: `prompts: {folder.resolve()}`"


def check(groups: Sequence[str], folder: Path | None) -> list[str]:
    """Raises PromptError for the first own prompt of these groups that cannot work. Returns warnings: one a file that
    nothing reads."""
    if folder is None:
        return []
    every = {one.name: one for one in shipped()}
    for one in every.values():
        if one.group in groups and (path := _own(folder, one)).is_file():
            _compare(one.prompt(), one.prompt(folder), path)
    warnings = []
    for path in sorted(folder.rglob("*.md")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name not in every and path.name.lower() != "readme.md":
            nearest = difflib.get_close_matches(name, every, n=1, cutoff=0.4)
            meant = f". Did you mean {nearest[0]}.md?" if nearest else ""
            warnings.append(f"{path}: no prompt has this name, so nothing reads it{meant}")
        elif name in every and not every[name].stages:
            warnings.append(f"{path}: nothing reads it: this prompt is seedbed's own and cannot be replaced")
    return warnings


def _compare(ours: Prompt, own: Prompt, path: Path) -> None:
    """PromptError where the code could not use `own` in the place of `ours`."""
    where = str(path)
    if unknown := sorted(own.variables - ours.variables):
        known = suggest(unknown[0], ours.variables) if ours.variables else "It has none"
        raise PromptError(f"uses unknown variables: {', '.join(unknown)}", where=where, next_step=known)
    if unused := sorted(ours.variables - own.variables):
        step = "Add {{" + unused[0] + "}} where it belongs"
        raise PromptError(f"does not use: {', '.join(unused)}", where=where, next_step=step)
    if (len(ours.parts) > 1) and (len(ours.parts) - len(own.parts)) % 2:
        raise PromptError(
            f"has {len(own.parts)} parts, so that its last one is not the user's",
            where=where,
            next_step="Lines of `---` part the system's words, then by turns the user's and the assistant's",
        )
    if missing := sorted(_keys(ours) - _keys(own)):
        raise PromptError(f"has no line `{missing[0]}: …`", where=where, next_step=f"It needs: {', '.join(missing)}")


def _keys(prompt: Prompt) -> set[str]:
    found = [_TABLE_LINE.match(line) for line in prompt.text.splitlines()]
    return {key.group(1) for key in found if key} if all(found) else set()


def _own(folder: Path, one: Shipped) -> Path:
    return folder / f"{one.name}.md"
