"""What a question's verb is, near enough to count which ones are worn out; no tagger is loaded for it.

English: the word after the pronoun that asks ("How do I reset …"), else after "to" ("How to reset …"), else the first
of some sixty plain verbs of technical questions ("What does E17 mean?"). Chinese: the two characters after a word for
"how" or "must" (如何检查), else the question word with the verb right before it, if that is one of ten (表示什么,
有哪些).

Limits. A verb outside the list is seen only after a pronoun or "to", so "What does the pump deliver?" has none; a noun
of the same form ("the use of") is taken for one. In Chinese no words are cut: of a verb of one or three characters two
are counted (如何装上). A question without a verb by these rules counts in no share but the whole.
"""

from __future__ import annotations

import re

_PLAIN = (
    "mean means do happen happens use used need needed show print check measure read write hold contain set start stop"
    " run cause causes prevent protect limit control install configure change reset replace clean remove add create"
    " open close find tell differ compare serve store support apply require return report allow work fail called stand"
    " indicate"
)
_EN = (
    re.compile(r"\b(?:I|we|you|one|they) (?:(?:not|also|best|then) )?([a-z]+)\b"),
    re.compile(r"^how to ([a-z]+)\b|\b(?:have|need|needs|has|able) to ([a-z]+)\b", re.I),
    re.compile(rf"\b({_PLAIN.replace(' ', '|')})\b", re.I),
)
_ZH = (
    re.compile(r"(?:如何|怎样|怎么|应当|应该|必须|需要)([\u4e00-\u9fff]{2})"),
    re.compile(r"(为什么|(?:表示|说明|意味着|代表|用来|取决于|[是有做用指])?(?:什么|哪些|哪[个种]|多少|多[久长大高]))"),
)


def verb(question: str, language: str) -> str:
    """The verb of a question in lower case, or in Chinese its verb or question phrase; empty where none is seen."""
    for form in _EN if language == "en" else _ZH:
        if found := form.search(question):
            return next(group for group in found.groups() if group).lower()
    return ""
