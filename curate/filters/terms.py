"""Lists of terms with the words around them that decide: `bomb + how to make, build a - bath, calorimeter`.

One term a line. `term*` may go on with further letters; `/…/` is a regular expression; after ` + ` stand words of which
one must be near (60 characters), after ` - ` words of which none may. Compared without case and width; Latin letters
must not go on before or after a term, Chinese has no such bounds. `#` begins a comment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from seedbed.errors import InputError
from seedbed.text import normalise

_NEAR = 60  # characters on either side: about a sentence


@dataclass(frozen=True)
class _Term:
    """`core` is what must stand in a text for `pattern` to match: looked for first, because that takes no time."""

    line: int
    core: str
    pattern: re.Pattern[str]
    wants: tuple[str, ...]
    spares: tuple[str, ...]

    def stands_in(self, said: str) -> bool:
        if self.core not in said:
            return False
        for match in self.pattern.finditer(said):
            around = said[max(0, match.start() - _NEAR) : match.end() + _NEAR]
            wanted = not self.wants or any(word in around for word in self.wants)
            if wanted and not any(word in around for word in self.spares):
                return True
        return False


@dataclass(frozen=True)
class Terms:
    """The terms of one list; `allow` are phrases that are taken out of a text before it is looked at."""

    terms: tuple[_Term, ...]
    allow: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path, allow: tuple[str, ...] = ()) -> Terms:
        """Raises InputError with file and line for a list that cannot be read."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot be read: {error}", where=str(path), next_step="Save it as UTF-8 text") from error
        told = ((number, line) for number, line in enumerate(lines, 1) if line.strip() and line[0] != "#")
        return cls(tuple(_term(line, number, path) for number, line in told), tuple(map(normalise, allow)))

    def line(self, text: str) -> int:
        """The number of the first line whose term stands in `text` with the words around it that it wants; 0 if
        none does."""
        said = _said(text, self.allow)
        return next((term.line for term in self.terms if term.stands_in(said)), 0)


@lru_cache(maxsize=16)  # every list looks at the same few texts, one after the other
def _said(text: str, allow: tuple[str, ...]) -> str:
    said = normalise(text)
    for phrase in allow:
        said = said.replace(phrase, " ")
    return said


def _term(line: str, number: int, path: Path) -> _Term:
    head, _, spared = line.strip().partition(" - ")
    head, _, wanted = head.partition(" + ")
    head = head.strip()
    if len(head) > 2 and head[0] == head[-1] == "/":
        core, expression = "", head[1:-1]
    else:
        core = normalise(head.rstrip("*"))
        goes_on = head.endswith("*") or not head.isascii()
        expression = rf"(?<![a-z]){re.escape(core)}" + ("" if goes_on else "(?![a-z])")
    try:
        return _Term(number, core, re.compile(expression), _words(wanted), _words(spared))
    except re.error as error:
        what = f"no regular expression: {error}"
        raise InputError(what, where=f"{path}:{number}", next_step="Mend that line") from error


def _words(listed: str) -> tuple[str, ...]:
    return tuple(filter(None, (normalise(word) for word in listed.split(","))))
