"""What is put in the place of a value.

    surrogate   a value that is nobody's, in the same form                 陈金凤 → 李安然
    mask        stars, blanks and marks stay                               138-1234-5678 → ***-****-****
    tag         the kind, numbered where a record has several              [MOBILE], [PERSON_2]
    hash        the kind and a salted hash: alike for alike                [PERSON:5f0c3a9e17b2]
    drop        the record is left out (what is written of it is tagged)

All but the tags come from the salt, the scope and the value alone, so records can be taken in any order.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from curate.pii.cast import Cast, Entity, Place
from curate.pii.cues import surname_of
from curate.pii.surrogates import Draw, surrogate
from seedbed.errors import MissingExtra

ACTIONS = ("surrogate", "mask", "tag", "hash", "drop")
_MOST_TRIES = 100  # for a surrogate that no other entity of the record has


class Replacements:
    """What stands for each entity of one record."""

    def __init__(self, cast: Cast, action: Callable[[str], str], salt: bytes, scope: str) -> None:
        self._cast, self._action, self._salt, self._scope = cast, action, salt, scope
        self._tries: dict[tuple[str, str], int] = {}
        self._numbers = _numbered(cast)
        self._keep_apart()

    def apply(self, text: str) -> str:
        """The text with all entities replaced."""
        places = self._cast.places(text)
        return put(text, [(p.start, p.end, self._new(p, text[p.start : p.end])) for p in places]) if places else text

    def _new(self, place: Place, form: str) -> str:
        entity = place.entity
        action = self._action(entity.kind)
        if action == "mask":
            return re.sub(r"[^\W_]", "*", form) if entity.kind != "secret" else "*" * 8
        if action == "hash":
            drawn = self._pick(entity)("hash").signs(12, "0123456789abcdef")
            return f"[{entity.kind.upper()}:{drawn}]"
        if action == "surrogate":
            return self._surrogate(place, form)
        number = self._numbers[entity.kind, entity.key]
        return f"[{entity.kind.upper()}_{number}]" if number else f"[{entity.kind.upper()}]"

    def _surrogate(self, place: Place, form: str) -> str:
        entity = place.entity
        if not place.part:
            return surrogate(entity.kind, form, self._pick(entity))
        whole = surrogate(entity.kind, entity.first_form, self._pick(entity))
        if place.part == "tail":
            return re.sub(r"\W", "", whole)[-4:]
        if place.part == "surname":
            return surname_of(whole)
        return whole.split()[int(place.part.split()[1])]

    def _pick(self, entity: Entity) -> Callable[..., Draw]:
        """Draws for an entity; for a part that others share (a family name, a host) when it is named."""
        attempt = str(self._tries.get((entity.kind, entity.key), 0))

        def pick(*part: str) -> Draw:
            what = part if part and part[0] != "hash" else (entity.kind, entity.key, *part)
            return Draw(self._salt, self._scope, attempt, *what)

        return pick

    def _keep_apart(self) -> None:
        """Two entities of a record must not get one surrogate, nor an entity what another one was in truth."""
        taken = {form.casefold() for entity in self._cast.entities.values() for form in entity.forms}
        drawn = [item for item in self._cast.entities.items() if self._action(item[0][0]) == "surrogate"]
        for key, entity in sorted(drawn, key=lambda item: item[0]):
            for attempt in range(_MOST_TRIES):
                self._tries[key] = attempt
                made = surrogate(entity.kind, entity.first_form, self._pick(entity)).casefold()
                if made not in taken:
                    taken.add(made)
                    break


_AT_ONCE = 100


def put(text: str, new: Sequence[tuple[int, int, str]]) -> str:
    """`text` with each span replaced, by presidio's anonymizer; spans are in order and do not overlap.

    It copies the whole text for every span, so a long text is given to it in stretches. Each span is a kind of its own
    to it: of one kind it would join neighbours, and see one operator.
    """
    done, at = [], 0
    for first in range(0, len(new), _AT_ONCE):
        spans = new[first : first + _AT_ONCE]
        end = spans[-1][1]
        done.append(_anonymised(text[at:end], [(start - at, stop - at, value) for start, stop, value in spans]))
        at = end
    return "".join([*done, text[at:]])


def _anonymised(text: str, spans: Sequence[tuple[int, int, str]]) -> str:
    engine, result, operator = _presidio()
    found = [result(str(number), start, end, 1.0) for number, (start, end, _) in enumerate(spans)]
    operators = {str(number): operator("replace", {"new_value": value}) for number, (_, _, value) in enumerate(spans)}
    new: str = engine.anonymize(text, found, operators, merge_entities_with_spaces=False).text
    return new


@lru_cache
def _presidio() -> tuple[Any, Any, Any]:
    try:
        from presidio_anonymizer import AnonymizerEngine
        from presidio_anonymizer.entities import OperatorConfig, RecognizerResult
    except ImportError as error:
        raise MissingExtra("presidio-anonymizer", "pii") from error
    logging.getLogger("presidio-anonymizer").setLevel(logging.ERROR)
    return AnonymizerEngine(), RecognizerResult, OperatorConfig


def _numbered(cast: Cast) -> dict[tuple[str, str], int]:
    """1, 2, … in the order in which they occur; 0 where a kind has one entity only."""
    totals = Counter(kind for kind, _ in cast.entities)
    counts: Counter[str] = Counter()
    numbers = {}
    for kind, key in cast.entities:
        counts[kind] += 1
        numbers[kind, key] = counts[kind] if totals[kind] > 1 else 0
    return numbers
