"""Who and what occurs in one record, under which forms, and where in each of its texts.

A value found once is looked for in all texts of the record: a sentence that gives a name away in the question does not
do so again in the answer. A number counts with other blanks and dashes in it as well; of a person, a part of the name
that stands alone; of a number, its last four digits where a text calls them that.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from curate.pii import checks
from curate.pii.cues import TITLES, surname_of
from curate.pii.kinds import KINDS, Hit
from curate.pii.surrogates import EXTENSION
from seedbed.text import half_width

_NUMBERS = frozenset({"phone", "mobile", "resident_id", "ssn", "card"})
_TAILED = re.compile(
    r"(?i)(?:尾号|[末后][四4]位)(?:数字|号码)?[是为:： ]{0,3}(\d{4})(?!\d)"
    r"|\b(?:ending|ends) (?:in|with) (\d{4})(?!\d)|\blast (?:four|4)(?: digits)?(?: are| is|:)? (\d{4})(?!\d)"
)
# First names and family names that are words as well: alone they are taken for the word.
_WORDS = frozenset(
    "Will May Mark Grace Rose Hope Faith Joy April June August Brown White Black Green Young Long Short King Page Bill "
    "Rich Wood Stone Field Price Case Chase Drew Grant Art Frank Gene Jack Pat Rob Sue Van".split()
)


# What the same number is written with or without: the country's code, the 0 before an area.
_PREFIX = {
    "mobile": re.compile(r"^(?:(?:00)?86|0)(?=1[3-9]\d{9}$)"),
    "phone": re.compile(r"^(?:(?:001|1)(?=[2-9]\d{2}[2-9]\d{6}$)"
                        r"|(?:(?:00)?86)?0?(?=(?:10|2\d|[3-9]\d{2})[2-8]\d{6,7}$))"),
}


@dataclass(slots=True)
class Entity:
    """One person or number of a record; `forms` are the ways in which it is written there, in half width."""

    kind: str
    key: str
    score: float
    forms: set[str] = field(default_factory=set)

    @property
    def first_form(self) -> str:
        """A form that does not depend on the order in which they were found."""
        return min(self.forms, key=lambda form: (-len(form), form))


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entity stands in a text. `part` is what of it: all, a word of a name, a surname, the last digits."""

    start: int
    end: int
    entity: Entity
    part: str = ""


def key_of(kind: str, form: str) -> str:
    """What is the same for all forms of an entity."""
    if kind in _PREFIX:
        return _PREFIX[kind].sub("", checks.digits(EXTENSION.sub("", form)))
    if kind in ("card", "ssn"):
        return checks.digits(form)
    if kind == "ip":
        return str(ipaddress.ip_address(form)) if checks.is_ip(form) else form
    if kind in ("secret", "person"):
        return form if kind == "secret" else " ".join(form.casefold().split())
    if kind == "mac":
        return re.sub("[^0-9a-f]", "", form.lower())
    return re.sub(r"[\s·•.,，-]", "", form).casefold() if kind != "email" else form.casefold()


class Cast:
    """The entities of one record, in the order in which they were met."""

    def __init__(self) -> None:
        self.entities: dict[tuple[str, str], Entity] = {}
        self._kinds: dict[str, Hit] = {}
        self._patterns: list[tuple[re.Pattern[str], str, Entity]] = []

    def meet(self, text: str, hits: list[Hit]) -> None:
        """Takes in what was found in a text."""
        plain = half_width(text)
        for hit in hits:
            form = plain[hit.start : hit.end]
            known = self._kinds.get(form)
            if known is None or _rank(hit) > _rank(known):  # a number is of one kind throughout a record
                self._kinds[form] = hit

    def settle(self) -> None:
        """Makes the entities, once all texts were met."""
        for form, hit in self._kinds.items():
            key = (hit.kind, key_of(hit.kind, form))
            self.entities.setdefault(key, Entity(*key, hit.score)).forms.add(form)
        self._join_parts()
        self._patterns = [found for entity in self.entities.values() for found in _patterns(entity)]

    def _join_parts(self) -> None:
        """A lone word is the person in whose name it is, where there is one: "Mr. Smith" after "John Smith"."""
        people = [entity for entity in self.entities.values() if entity.kind == "person"]
        whole = {word: entity for entity in reversed(people) if " " in entity.key for word in entity.key.split()}
        for entity in people:
            if entity.key in whole:
                del self.entities[entity.kind, entity.key]

    def places(self, text: str) -> list[Place]:
        """Where the entities stand in a text: in order, without overlaps."""
        plain = half_width(text)
        found = [Place(*match.span(), entity, part)
                 for pattern, part, entity in self._patterns for match in pattern.finditer(plain)]
        found += self._tails(plain)
        done: list[Place] = []
        for place in sorted(found, key=lambda place: (place.start, -place.end, bool(place.part), -place.entity.score)):
            start = max(place.start, done[-1].end if done else 0)
            if start == place.start:
                done.append(place)
            elif start < place.end:  # the rest of one that overlaps must not stay either
                done.append(Place(start, place.end, place.entity))
        return done

    def _tails(self, plain: str) -> Iterator[Place]:
        numbers = {checks.digits(e.key)[-4:]: e for e in self.entities.values() if e.kind in _NUMBERS}
        for match in _TAILED.finditer(plain) if numbers else ():
            group = match.lastindex or 0
            if match[group] in numbers:
                yield Place(*match.span(group), numbers[match[group]], "tail")


def _rank(hit: Hit) -> tuple[float, int]:
    return hit.score, -KINDS.index(hit.kind)


def _patterns(entity: Entity) -> Iterator[tuple[re.Pattern[str], str, Entity]]:
    for form in sorted(entity.forms):
        yield _pattern(entity.kind, form), "", entity
        if entity.kind == "person" and not form.isascii():
            surname = surname_of(form)
            if surname and len(form) > len(surname):
                yield re.compile(rf"{surname}(?=(?:{TITLES}))"), "surname", entity
        elif entity.kind == "person" and " " in form:
            for number, word in enumerate(form.split()):
                if len(word) >= 3 and word[0].isupper() and word not in _WORDS:
                    yield re.compile(rf"(?<![0-9A-Za-z]){re.escape(word)}(?![0-9A-Za-z])"), f"word {number}", entity


def _pattern(kind: str, form: str) -> re.Pattern[str]:
    if kind in _NUMBERS:
        signs = re.sub(r"[^0-9Xx]", "", form) if kind == "resident_id" else checks.digits(form)
        return re.compile(rf"{re.escape(form)}|(?<![0-9])" + "[ .-]?".join(signs) + r"(?![0-9])", re.I)
    escaped = re.escape(form)
    if form.isascii() and (kind in ("person", "ip") or len(form) < 6):
        escaped = rf"(?<![0-9A-Za-z]){escaped}(?![0-9A-Za-z])"
    return re.compile(escaped, 0 if kind == "secret" else re.I)
