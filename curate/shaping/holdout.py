"""Which documents are held out: what training never sees."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from curate.shaping.items import HELDOUT, Item, rank

# From four documents of a language on, one of them is held out in any case; fewer could not spare it.
_SURE = 4


@dataclass(slots=True)
class Side:
    """A document, or several that say the same: what is on one side of the split."""

    name: str
    names: set[str] = field(default_factory=set)
    languages: Counter[str] = field(default_factory=Counter)
    splits: set[str] = field(default_factory=set)

    @property
    def records(self) -> int:
        return self.languages.total()

    @property
    def language(self) -> str:
        return min(self.languages, key=lambda language: (-self.languages[language], language))


def sides(items: Sequence[Item]) -> dict[str, Side]:
    """What is on one side, by the items' `side`."""
    found: dict[str, Side] = {}
    for item in items:
        if item.side:
            side = found.setdefault(item.side, Side(item.name))
            side.languages[item.language] += 1
            side.splits.add(item.split)
            if item.document:
                side.names.add(item.name)
                side.name = min(side.names)
    return found


def hold_out(documents: dict[str, Side], share: float, minimum: int, seed: int) -> set[str]:
    """The documents of test_heldout: those whose hash is below the share, within bounds.

    At least one of a language that has four, at most a third of a language's documents or the share itself, never more
    than half of a language's records; and more, within these bounds, until there are `minimum` records.
    """
    held = {key for key, document in documents.items() if HELDOUT in document.splits}
    if not share:
        return held
    by_language: dict[str, list[str]] = defaultdict(list)
    for key, document in documents.items():
        by_language[document.language].append(key)
    ranks = {key: rank(seed, document.name) for key, document in documents.items()}
    spare: list[str] = []
    for keys in by_language.values():
        already = sum(key in held for key in keys)
        ranked = sorted((key for key in keys if documents[key].splits == {""}), key=ranks.__getitem__)
        free = _up_to_half(ranked, keys, documents)
        most = max(len(keys) // 3, round(share * len(keys))) - already
        below = sum(ranks[key] < share for key in free)
        wanted = max(min(below, most), int(len(keys) >= _SURE) - already, 0)
        held |= set(free[:wanted])
        spare += free[wanted : max(most, 0)]
    for key in sorted(spare, key=ranks.__getitem__):
        if sum(documents[h].records for h in held) >= minimum:
            break
        held.add(key)
    return held


def _up_to_half(ranked: list[str], keys: list[str], documents: dict[str, Side]) -> list[str]:
    """Those of `ranked`, in order, that together have at most half of the records of all `keys`."""
    room = sum(documents[key].records for key in keys) // 2
    chosen = []
    for key in ranked:
        if documents[key].records <= room:
            chosen.append(key)
            room -= documents[key].records
    return chosen


def why_so_few(items: Sequence[Item], documents: dict[str, Side], held: set[str], minimum: int) -> str:
    """Why test_heldout is below the minimum; empty when it is not."""
    count = sum(item.split == HELDOUT and not item.twin for item in items)
    if count >= minimum:
        return ""
    if not documents:
        return "no record names the document it comes from, so none can be held out"
    languages = Counter(document.language for document in documents.values())
    there = ", ".join(f"{number} {language or 'unknown'}" for language, number in sorted(languages.items()))
    return (f"{count} of at least {minimum}: {len(held)} of the documents ({there}) could be held out; a third of a "
            f"language's documents, with half of its records, is the most")
