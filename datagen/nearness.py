"""An encoder's part in generation: do two answers say the same, which sections are one?

An encoder sees no figure and no "not" (seedbed/encode.py), so it is only asked where words and figures leave it open.
"""

from __future__ import annotations

from datagen.probes import Alike
from datagen.topics import Merge
from seedbed import encode


def alike(encoder: str) -> Alike | None:
    """Whether two texts say the same; None, no view at all, where no encoder is named."""
    if not encoder:
        return None
    model = encode.load(encoder)
    same, near = model.threshold("same"), model.threshold("near")

    def view(first: str, second: str) -> bool | None:
        cosine = model.cosine(first, second)
        return True if cosine >= same else False if cosine < near else None

    return view


def merge(encoder: str) -> Merge | None:
    """Puts texts that are about the same thing into one group, each with the first that it is near enough to."""
    if not encoder:
        return None
    model = encode.load(encoder)
    same = model.threshold("same")

    def groups(texts: list[str]) -> list[int]:
        vectors = model.encode(texts)
        found: list[int] = []
        for row in range(len(texts)):
            near = (vectors[:row] @ vectors[row] >= same).nonzero()[0] if row else []
            found.append(found[int(near[0])] if len(near) else row)
        return found

    return groups
