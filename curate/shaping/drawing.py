"""Which single records are drawn from the documents that training sees: test_seen and validation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from curate.shaping.items import HELDOUT, SEEN, TRAIN, VALIDATION, Item, rank
from curate.shaping.twins import Questions


def set_apart(
    items: Sequence[Item], questions: Questions, shares: dict[str, float], minimum: int, seed: int
) -> dict[str, str]:
    """Draws test_seen and then validation; all that is left trains. Returns the reason for each set too small.

    Drawn are the records whose hash is below the share, and the next ones until there are `minimum`. One record of
    each document stays in train, and half of all.
    """
    _follow(items, questions)
    leaders = _leaders(items)
    undecided = [index for index, item in enumerate(items) if not item.split and index not in leaders]
    free = [
        items[index]
        for index in undecided
        if all(items[near].split == HELDOUT or leaders.get(near) == index for near in questions.near(index))
    ]
    near = len(undecided) - len(free)
    left = Counter(
        item.document for index, item in enumerate(items) if item.split in ("", TRAIN) and index not in leaders
    )
    half = left.total() - left.total() // 2
    shortfalls = {}
    for name, share in shares.items():
        there = sum(item.split == name for item in items)
        drawn = [item for item in free if item.asks or name != SEEN]
        ranks = {item.id: rank(seed, f"{name} {item.id}") for item in drawn}
        for item in sorted(drawn, key=lambda item: ranks[item.id]) if share else ():
            enough = ranks[item.id] >= share and there >= minimum
            if enough or left.total() <= half:
                break
            if left[item.document] > 1:
                left[item.document] -= 1
                item.split = name
                there += 1
        if share and there < minimum:
            running = "running text asks nothing, " if len(drawn) < len(free) else ""
            shortfalls[name] = (
                f"{there} of at least {minimum}: of {len(undecided)} records not held out, {near} have a "
                f"near-duplicate question, {running}and one of each document and half of all must stay in train"
            )
        free = [item for item in free if not item.split]
    for index, leader in leaders.items():
        items[index].split = items[index].split or items[leader].split
    for item in items:
        item.split = item.split or TRAIN
    return shortfalls


def _leaders(items: Sequence[Item]) -> dict[int, int]:
    """Preference pairs -> the chat record, or the first pair, of the same conversation: they go where that one goes."""
    first: dict[bytes, int] = {}
    for index in sorted(range(len(items)), key=lambda index: items[index].pair):
        first.setdefault(items[index].conversation, index)
    return {i: leader for i, item in enumerate(items) if item.pair and (leader := first[item.conversation]) != i}


def _follow(items: Sequence[Item], questions: Questions) -> None:
    """Near-duplicates of a question that was put into validation or test_seen before go there, never into train."""
    queue = [index for index, item in enumerate(items) if item.split in (VALIDATION, SEEN)]
    for index in queue:  # grows on the way, so that near-duplicates of near-duplicates follow too
        for near in questions.near(index):
            if not items[near].split:
                items[near].split = items[index].split
                queue.append(near)
