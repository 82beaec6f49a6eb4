"""An encoder's part in generation: do two answers say the same, which sections are one?

An encoder sees no figure and no "not" (seedbed/encode.py), so it is only asked where words and figures leave it open.
"""

from __future__ import annotations

from collections.abc import Callable

from datagen.doc_qa.topics import Merge
from seedbed import encode

# Whether two texts say the same: an encoder's view; None where it does not tell.
Alike = Callable[[str, str], "bool | None"]


def alike(encoder: str) -> Alike | None:
    """Rules out that two texts say the same; that they do it never tells, because one in five pairs about another fact
    is as near as a paraphrase (benchmarks/encode.md). No view at all where no encoder is named."""
    if not encoder:
        return None
    model = encode.load(encoder)
    near = model.threshold("near")
    return lambda first, second: False if model.cosine(first, second) < near else None


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
