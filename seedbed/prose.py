"""What of a text is prose, for whoever counts words or looks for phrases: code, formulas and tables are none."""

from __future__ import annotations

import re
from functools import lru_cache

# A fence that never closes goes on to the end, as in CommonMark; `$` needs a sign of mathematics: most are money.
_LITERAL = re.compile(
    r"""
      ^[ \t>]*(?P<fence>`{3,}|~{3,})[^`\n]*(?:\n(?:(?s:.*?)\n)??[ \t>]*(?P=fence)[`~]*[ \t]*$|(?s:.*)\Z)
    | (?<!`)(?P<ticks>`{1,2})(?!`)[^\n]{1,400}?(?<!`)(?P=ticks)(?!`)
    | <(?P<tag>pre|code)\b[^<>]*>(?s:.*?)</(?P=tag)>
    | \$\$(?s:.+?)\$\$ | \\\[(?s:.+?)\\\] | \\\(.+?\\\)
    | \$(?![\s\d$])[^$\n]{1,200}(?<!\s)\$(?!\d) | \$[^$\n]{0,100}[\\^_=+{}][^$\n]{0,100}(?<!\s)\$(?!\d)
    """,
    re.X | re.M | re.I,
)
# None runs over another opening mark: texts full of those would take for ever.
QUOTED = re.compile(r"“[^“”]*”|\"[^\"\n]*\"|「[^「」]*」|『[^『』]*』|《[^《》]*》|‘[^‘’]*’")
_NO_SENTENCE = re.compile(r"^[ \t]*(?:\|.*|[-=*_~#+.·•—─\s]+)$", re.M)


@lru_cache(maxsize=64)  # several rules look at the same few texts, one after the other
def prose(text: str) -> str:
    """The text without code, formulas, table rows and rules of dashes."""
    return _NO_SENTENCE.sub("", _LITERAL.sub(" ", text))
