"""Which records ask the same, and which documents say the same.

Two records ask the same when a question of the one is worded like a question of the other: ROUGE-L F1 over 0.6. Of a
dialogue every question counts that can stand alone.

Two records of different documents say the same when both question and answer are near and not each has a word of its
own (manuals of two models word everything alike, and differ in the name of the model and in a figure), or when they
rest on the same sentence. Two documents say the same when that is so for a fifth of the records of the smaller one: two
states of one manual, a manual and the brochure made from it. A page of safety notes that stands in every manual does
not make them one. What is linked through a third is linked.
"""

from __future__ import annotations

import itertools
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from curate.shaping.items import Item
from curate.shaping.traits import question
from seedbed.gate import Gate, rouge_l
from seedbed.record import Record
from seedbed.text import length, tokenize

# Two questions with a higher ROUGE-L F1 ask the same; stricter than the 0.7 of Self-Instruct, under which both may stay
# in a training set, because a test question must not be answered by a trained one.
NEAR = 0.6
# A later question of a dialogue counts from so many tokens on. Shorter ones ("And after that?", "那要多久呢？") are
# asked in every dialogue, and mean something else in each.
STANDS_ALONE = 8
# From this part of the smaller document's records on. A choice: a new edition of a manual that shares less than that is
# mostly new, and its single twins are dealt with one by one.
LINKED = 0.2
# A sentence in more documents than these is boilerplate: it says nothing about any two of them.
_BOILERPLATE = 8
# Words that two wordings of one thing may differ in.
_FUNCTION = frozenset(
    "a an the of in on at to for from by with is are was were be do does did must should can may will it its"
    " 的 了 吗 呢 吧 啊 在 是 要 应 该 需 请 问 个 其 该 会 能 可 以 被 将 把".split()
)
# Characters of an answer that are compared: it is enough that they begin alike.
_ENOUGH = 2_000


class Questions:
    """The questions of all records, by number of the record."""

    def __init__(self) -> None:
        self._gate = Gate(NEAR)
        self._owners = array("I")
        self._asked: list[int] = []  # of each record, where its questions begin
        self._found: dict[int, array[int]] = {}

    def add(self, record: Record) -> None:
        """The questions of the next record."""
        owner = len(self._asked)
        self._asked.append(len(self._owners))
        for text in _questions(record):
            self._gate.add("", text)
            self._owners.append(owner)

    def near(self, number: int) -> Sequence[int]:
        """The other records that ask the same as this one, in order. Looked up once: all records must be there."""
        if number not in self._found:
            end = self._asked[number + 1] if number + 1 < len(self._asked) else len(self._owners)
            matches = (match for index in range(self._asked[number], end) for match in self._gate.neighbours(index))
            owners = sorted({self._owners[match.index] for match in matches} - {number})
            self._found[number] = array("I", owners) if owners else _NONE
        return self._found[number]


_NONE = array("I")


def _questions(record: Record) -> Iterator[str]:
    yield question(record)
    asked = (message.content for message in record.messages if message.role == "user")
    next(asked, None)
    yield from (text for text in asked if length(text[:_ENOUGH]) >= STANDS_ALONE)


def twins(items: Sequence[Item], questions: Questions, texts: Iterable[Record]) -> list[tuple[int, int]]:
    """Pairs of records, by number, that are worded alike in question and answer and are not of one document.

    `texts` are the records once more, in order; held in memory are only those whose question is near another one.
    """
    near = [
        (number, other)
        for number, item in enumerate(items) for other in questions.near(number)
        if number < other and (not item.document or item.document != items[other].document)
    ]
    wanted = {number for pair in near for number in pair}
    said = {number: _Said(record) for number, record in enumerate(texts) if number in wanted} if wanted else {}
    return [(number, other) for number, other in near if said[number].same(said[other])]


def link(items: Sequence[Item], found: Sequence[tuple[int, int]]) -> list[list[str]]:
    """Gives documents that say the same one `side`, and records without a document the side of their twins.

    Returns the names of the documents of each group of more than one.
    """
    sizes = Counter(_place(items, number) for number in range(len(items)))
    shared: dict[tuple[str, str], tuple[set[int], set[int]]] = {}
    for number, other in itertools.chain(found, _on_one_sentence(items)):
        (one, number), (two, other) = sorted([(_place(items, number), number), (_place(items, other), other)])
        left, right = shared.setdefault((one, two), (set(), set()))
        left.add(number)
        right.add(other)
    group: dict[str, str] = {}
    for (one, two), (left, right) in shared.items():
        roots = sorted((_root(group, one), _root(group, two)))
        if roots[0] != roots[1] and min(len(left), len(right)) >= LINKED * min(sizes[one], sizes[two]):
            group[roots[1]] = roots[0]
    names: dict[str, set[str]] = {}
    for item in items:
        if item.document:
            names.setdefault(_root(group, item.document), set()).add(item.name)
    for number, item in enumerate(items):
        root = _root(group, _place(items, number))
        item.side = root if root in names else ""
    return sorted(sorted(one) for one in names.values() if len(one) > 1)


def _on_one_sentence(items: Sequence[Item]) -> Iterator[tuple[int, int]]:
    """Records of different documents that rest on the same sentence."""
    resting: dict[bytes, list[int]] = defaultdict(list)
    for number, item in enumerate(items):
        for quote in item.quotes if item.document else ():
            resting[quote].append(number)
    for numbers in resting.values():
        if len({items[number].document for number in numbers}) in range(2, _BOILERPLATE + 1):
            yield from ((one, other) for one, other in itertools.combinations(numbers, 2)
                        if items[one].document != items[other].document)


class _Said:
    """What a record says, as far as twins are found by it."""

    def __init__(self, record: Record) -> None:
        self.answer = (record.answer or record.text)[:_ENOUGH]
        self.words = set(tokenize(f"{question(record)[:_ENOUGH]}\n{self.answer}")) - _FUNCTION

    def same(self, other: _Said) -> bool:
        if self.words - other.words and other.words - self.words:
            return False
        return self.answer == other.answer or rouge_l(self.answer, other.answer) > NEAR


# Sorts after every document's hash or name, so that a group with a document in it is called by that document.
_ALONE = "\U0010ffff"


def _place(items: Sequence[Item], number: int) -> str:
    """The document of a record, or a place of its own."""
    return items[number].document or f"{_ALONE}{number}"


def _root(group: dict[str, str], place: str) -> str:
    while place in group:
        group[place] = group.get(group[place], group[place])  # halves the way for the next time
        place = group[place]
    return place
