"""The kinds of personal data, and how a place in a text is said to hold one.

    person       names of people                      phone, mobile   landlines; Chinese mobile numbers
    email        e-mail addresses                     resident_id     Chinese resident ID, 18 or 15 digits
    ssn          US social security number            passport        passport numbers
    card         bank card and account numbers        credit_code     Chinese unified social credit code
    plate        licence plates                       address         street addresses
    ip, mac      network addresses, v4 and v6         secret          keys, tokens, passwords
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# In this order where a value could be of two: eleven digits from 13 to 19 are a Chinese mobile number.
KINDS = ("person", "mobile", "phone", "email", "resident_id", "ssn", "passport", "card", "credit_code", "plate",
         "address", "ip", "mac", "secret")
# Presidio wants a score for each hit; these say how a hit was come by, and decide between two of the same place.
PROVEN, CUED, SHAPED, GUESSED = 1.0, 0.9, 0.7, 0.6  # checksum or fixed form; beside a cue; form alone; a model's word


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """`text[start:end]` is of this kind."""

    start: int
    end: int
    kind: str
    score: float


def settled(hits: Iterable[Hit]) -> list[Hit]:
    """Hits without overlaps, in order of place.

    What lies within a longer hit goes with it; two that overlap become one, of the kind with the higher score, for to
    cut either would leave a part of a value in the text.
    """
    done: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end, -hit.score, KINDS.index(hit.kind))):
        last = done[-1] if done else None
        if last is None or hit.start >= last.end:
            done.append(hit)
        elif hit.end > last.end:
            surer = hit if hit.score > last.score else last
            done[-1] = Hit(last.start, hit.end, surer.kind, surer.score)
    return done
