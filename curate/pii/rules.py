"""What a rule is: a pattern, the part of it that is the value, and what must hold besides.

Presidio's own patterns begin and end with `\\b`, which never fires between a digit and a Chinese character, and its
context words do nothing without a language model. So here the bounds are ASCII ones and the cue is in the rule.

Every pattern must run in time linear in the text (a field may have 10 MB): what repeats has a bound, and a pattern
cannot begin in the middle of what it would match.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from curate.pii.kinds import SHAPED
from seedbed.text import CJK

# Nothing of the same word before and after. Chinese may stand on both sides.
L, R = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
HAN = f"[{CJK}]"


@dataclass(frozen=True)
class Found:
    """A match as a rule's check sees it: the value, and the text around it."""

    value: str
    text: str
    start: int
    end: int

    def before(self, size: int) -> str:
        return self.text[max(0, self.start - size) : self.start]

    def after(self, size: int) -> str:
        return self.text[self.end : self.end + size]


Check = Callable[[Found], bool]


@dataclass(frozen=True)
class Rule:
    """One way to find a kind. The value is the group `v`, or the whole match where there is none.

    `profiles` are those that use the rule. `begins` says where the value begins, from the text and the place of the
    match, for what is told by its end; None: it is none.
    """

    kind: str
    pattern: re.Pattern[str]
    check: Check = lambda found: True
    score: float = SHAPED
    profiles: tuple[str, ...] = ("strict", "default", "technical")
    begins: Callable[[str, int], int | None] | None = None


def near(cue: re.Pattern[str], size: int, after: int = 0) -> Check:
    """A check for a cue within `size` characters before the value, or `after` behind it."""
    return lambda found: bool(cue.search(found.before(size)) or (after and cue.search(found.after(after))))


def both(*checks: Check) -> Check:
    return lambda found: all(check(found) for check in checks)


def any_of(*checks: Check) -> Check:
    return lambda found: any(check(found) for check in checks)


def unless(check: Check) -> Check:
    return lambda found: not check(found)
