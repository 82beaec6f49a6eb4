"""Train, validation and test sets: no document on both sides, no near-duplicate of a trained question in a test.

    train          what is learned
    validation     watched during training: unseen questions on documents of train
    test_seen      was it learned? Unseen questions on documents of train
    test_heldout   does the skill carry over? All records of documents that training never sees
                   (nor their near copies: `curate.shaping.twins`)

Who goes where is decided by a hash of the seed with a document's name or a record's id, so that neither the order of
the records nor documents added later move what is already placed, save where a bound bites (see
`hold_out` and `set_apart`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from curate.shaping.drawing import set_apart
from curate.shaping.holdout import Side, hold_out, sides, why_so_few
from curate.shaping.items import HELDOUT, SEEN, TRAIN, VALIDATION, Item, item
from curate.shaping.twins import Questions, link, twins
from curate.waiting import WaitingRoom
from seedbed.context import Context
from seedbed.record import Record

VERSION = 4
# Names in a figure; a library of ten thousand manuals must not swell the report.
_MOST_SHOWN = 200


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is set apart; 0 does without that set."""

    heldout: float = 0.15  # of the documents of each language
    validation: float = 0.10  # of the records that may be drawn (see `split`)
    seen: float = 0.12  # of the same
    minimum: int = 4  # records in each set, where there are enough

    def __post_init__(self) -> None:
        for name in ("heldout", "validation", "seen"):
            if not 0 <= getattr(self, name) <= 0.5:
                raise ValueError(f"{name}: expected a share between 0 and 0.5, got {getattr(self, name)}")
        if self.validation + self.seen > 0.5:
            raise ValueError("validation: expected `validation` and `seen` to be at most 0.5 together, the rest trains")
        if self.minimum < 0:
            raise ValueError(f"minimum: expected a number of records, got {self.minimum}")


def split(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, in order, with its `split` set; one that has a split already keeps it.

    Whole documents are held out, by language; near copies of one another are one document. A held-out record that has
    a twin on the other side all the same (a page that stands in every manual) is rejected as "twin_in_train". From the
    other documents, single records are drawn for test_seen and validation: only such as have no near-duplicate
    (ROUGE-L F1 over 0.6 between the questions, those of a dialogue's later turns too) among the records that are not
    held out, and leave another record of their document in train. Near-duplicates stay together in train. A question
    that rests on the same evidence as a trained one but is worded otherwise asks for what was taught, in other words:
    that is wanted in test_seen, and counted in the figure `taught`.

    What asks nothing (running text, a record without a question or an answer) is never drawn for test_seen, only for
    validation. A preference pair goes where the chat record of the same conversation goes.

    Records without a document (imported rows) are drawn by hash alone. Reads to the end before it yields; texts wait
    on disk, only token ids of the questions are held. Figures: `counts` by split and language, `heldout_documents`,
    `linked_documents` (groups that say the same), `shortfalls` with a reason for each set below `minimum`, and what
    else a careful reader would ask.
    """
    questions = Questions()
    items: list[Item] = []
    with WaitingRoom(context.folder) as waiting:
        for record in records:
            waiting.add(record)
            questions.add(record)
            items.append(item(record))
        context.figures |= _assign(items, questions, waiting, options, context.seed)
        for number, (record, placed) in enumerate(zip(waiting, items, strict=True), 1):
            context.progress.update(number, len(items))
            yield _decided(record, placed)


def _decided(record: Record, placed: Item) -> Record:
    if not placed.twin:
        return msgspec.structs.replace(record, split=placed.split)
    why = f"its document is held out, and {placed.twin} on the other side says the same"
    return record.reject("split", "twin_in_train", why, match=placed.twin)


def _assign(
    items: list[Item], questions: Questions, texts: WaitingRoom, options: Options, seed: int
) -> dict[str, object]:
    """Sets `split` of every item. Returns the figures."""
    anything_held = options.heldout or any(one.split == HELDOUT for one in items)
    found = twins(items, questions, texts) if anything_held and any(one.document for one in items) else []
    linked = link(items, found)
    documents = sides(items)
    held = hold_out(documents, options.heldout, options.minimum, seed)
    for one in items:
        if not one.split and one.side in held:
            one.split = HELDOUT
    shares = {SEEN: options.seen, VALIDATION: options.validation}
    shortfalls = set_apart(items, questions, shares, options.minimum, seed)
    _find_twins_in_train(items, found)
    if options.heldout and (reason := why_so_few(items, documents, held, options.minimum)):
        shortfalls = {HELDOUT: reason} | shortfalls
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in items:
        if not one.twin:
            counts[one.split][one.language] += 1
    return {
        "counts": {name: dict(sorted(by_language.items())) for name, by_language in sorted(counts.items())},
        "heldout_documents": sorted(name for key in held for name in documents[key].names)[:_MOST_SHOWN],
        "linked_documents": [group[:_MOST_SHOWN] for group in linked[:_MOST_SHOWN]],
        "shortfalls": shortfalls,
        "taught": _taught(items),
        "heldout_like_train": _heldout_like_train(items, questions),
        "on_two_sides": _on_two_sides(documents)[:_MOST_SHOWN],
    }


def _find_twins_in_train(items: Sequence[Item], found: Iterable[tuple[int, int]]) -> None:
    """Marks the records held out here that say the same, or rest on the same sentence, as one which is not."""
    seen: dict[bytes, str] = {}
    for one in items:
        for quote in one.quotes if one.split != HELDOUT else ():
            seen[quote] = min(seen.get(quote, one.id), one.id)
    for one in items:
        known = [seen[quote] for quote in one.quotes if quote in seen]
        if one.split == HELDOUT and not one.given and known:
            one.twin = min(known)
    for pair in found:
        for number, other in (pair, pair[::-1]):
            if items[number].split == HELDOUT != items[other].split and not items[number].given:
                items[number].twin = min(items[number].twin or items[other].id, items[other].id)


def _on_two_sides(documents: dict[str, Side]) -> list[str]:
    return sorted(d.name for d in documents.values() if HELDOUT in d.splits and d.splits - {HELDOUT, ""})


def _taught(items: Sequence[Item]) -> int:
    """How many records of test_seen rest on evidence that overlaps with that of a training record."""
    trained: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for one in items:
        if one.split == TRAIN and one.document:
            trained[one.document].update(one.evidence)
    return sum(
        any(start < other_end and other_start < end
            for start, end in one.evidence for other_start, other_end in trained[one.document])
        for one in items if one.split == SEEN and one.document
    )


def _heldout_like_train(items: Sequence[Item], questions: Questions) -> int:
    """How many held-out questions have a near-duplicate in train: the same thing asked of another document."""
    return sum(
        any(items[near].split == TRAIN for near in questions.near(index))
        for index, one in enumerate(items) if one.split == HELDOUT and not one.twin
    )
