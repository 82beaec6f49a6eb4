"""Train, validation and test sets: no document on both sides, no near-duplicate of a trained question in a test.

    train          what is learned
    validation     watched during training: unseen questions on documents of train
    test_seen      was it learned? Unseen questions on documents of train
    test_heldout   does the skill carry over? All records of documents that training never sees

Who goes where is decided by a hash of the seed with a document's name or a record's id, so that neither the order of
the records nor documents added later move what is already placed, save where a bound bites (see `_hold_out` and
`_set_apart`).
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec

from seedbed import jsonl
from seedbed.context import Context
from seedbed.gate import Gate
from seedbed.pairs import conversation, is_pair
from seedbed.record import Record

VERSION = 3
TRAIN, VALIDATION, SEEN, HELDOUT = "train", "validation", "test_seen", "test_heldout"

# Two questions with a higher ROUGE-L F1 ask the same; stricter than the 0.7 of Self-Instruct, under which both may stay
# in a training set, because a test question must not be answered by a trained one.
NEAR = 0.6
# From four documents of a language on, one of them is held out in any case; fewer could not spare it.
_SURE = 4


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


@dataclass(slots=True)
class _Item:
    """What the split must know of a record while its text waits on disk.

    `document` is the hash of its document's content, else the name, and empty where none is known.
    """

    id: str
    language: str
    document: str
    name: str
    split: str
    conversation: bytes
    pair: bool
    asks: bool
    evidence: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Document:
    name: str
    languages: Counter[str] = field(default_factory=Counter)
    splits: set[str] = field(default_factory=set)

    @property
    def records(self) -> int:
        return self.languages.total()

    @property
    def language(self) -> str:
        return min(self.languages, key=lambda language: (-self.languages[language], language))


def split(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, in order, with its `split` set; one that has a split already keeps it.

    Whole documents are held out, by language. From the other documents, single records are drawn for test_seen and
    validation: only such as have no near-duplicate (ROUGE-L F1 over 0.6 between the questions) among the records that
    are not held out, and leave another record of their document in train. Near-duplicates stay together in train. A
    question that rests on the same evidence as a trained one but is worded otherwise asks for what was taught, in
    other words: that is wanted in test_seen, and counted in the figure `taught`.

    Running text asks nothing: it is never drawn for test_seen, only for validation. A preference pair goes where the
    chat record of the same conversation goes.

    Records without a document (imported rows) are drawn by hash alone. Reads to the end before it yields; texts wait
    on disk, only token ids of the questions are held. Figures: `counts` by split and language, `heldout_documents`,
    `shortfalls` with a reason for each set below `minimum`, and what else a careful reader would ask.
    """
    gate = Gate(NEAR)
    items: list[_Item] = []
    with _waiting_room(context.folder) as waiting:
        for record in records:
            _keep(waiting, record, context.folder)
            gate.add("", record.user_text or record.text)
            items.append(_item(record))
        context.figures |= _assign(items, gate, options, context.seed)
        waiting.seek(0)
        decoder = msgspec.json.Decoder(Record)
        for number, (line, item) in enumerate(zip(waiting, items, strict=True), 1):
            context.progress.update(number, len(items))
            yield msgspec.structs.replace(decoder.decode(line), split=item.split)


def _waiting_room(folder: Path) -> IO[bytes]:
    """A file without a name in `folder` (the system's own place for such files may be small), gone once closed."""
    try:
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        raise jsonl.cannot_write(folder, error) from error


def _keep(waiting: IO[bytes], record: Record, folder: Path) -> None:
    try:
        waiting.write(msgspec.json.encode(record) + b"\n")
    except OSError as error:
        raise jsonl.cannot_write(folder, error) from error


def _item(record: Record) -> _Item:
    source = record.source
    # A row of a data file names that file, which is not a document that can be held out.
    known = source is not None and (source.document_hash or source.line is None)
    return _Item(
        id=record.id,
        language=record.language,
        document=(source.document_hash or source.document) if source and known else "",
        name=source.document if source else "",
        split=record.split,
        conversation=conversation(record),
        pair=is_pair(record),
        asks=bool(record.messages),
        evidence=tuple((quote.start, quote.end) for quote in record.evidence),
    )


def _assign(items: list[_Item], gate: Gate, options: Options, seed: int) -> dict[str, object]:
    """Sets `split` of every item. Returns the figures."""
    documents = _documents(items)
    held = _hold_out(documents, options, seed)
    for item in items:
        if not item.split and item.document in held:
            item.split = HELDOUT
    shortfalls = {}
    if options.heldout and (reason := _heldout_reason(items, documents, held, options.minimum)):
        shortfalls[HELDOUT] = reason
    shortfalls |= _set_apart(items, gate, options, seed)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for item in items:
        counts[item.split][item.language] += 1
    return {
        "counts": {name: dict(sorted(by_language.items())) for name, by_language in sorted(counts.items())},
        "heldout_documents": sorted(documents[key].name for key in held),
        "shortfalls": shortfalls,
        "taught": _taught(items),
        "heldout_like_train": _heldout_like_train(items, gate),
        "on_two_sides": sorted(d.name for d in documents.values() if HELDOUT in d.splits and d.splits - {HELDOUT, ""}),
    }


def _documents(items: list[_Item]) -> dict[str, _Document]:
    documents: dict[str, _Document] = {}
    for item in items:
        if item.document:
            document = documents.setdefault(item.document, _Document(item.name))
            document.name = min(document.name, item.name)
            document.languages[item.language] += 1
            document.splits.add(item.split)
    return documents


def _hold_out(documents: dict[str, _Document], options: Options, seed: int) -> set[str]:
    """The documents of test_heldout: those whose hash is below the share, within bounds.

    At least one of a language that has four, at most a third of a language's documents or the share itself, never more
    than half of a language's records; and more, within these bounds, until there are `minimum` records.
    """
    held = {key for key, document in documents.items() if HELDOUT in document.splits}
    if not options.heldout:
        return held
    by_language: dict[str, list[str]] = defaultdict(list)
    for key, document in documents.items():
        by_language[document.language].append(key)
    ranks = {key: _rank(seed, document.name) for key, document in documents.items()}
    spare: list[str] = []
    for keys in by_language.values():
        already = sum(key in held for key in keys)
        ranked = sorted((key for key in keys if documents[key].splits == {""}), key=ranks.__getitem__)
        free = _up_to_half(ranked, keys, documents)
        most = max(len(keys) // 3, round(options.heldout * len(keys))) - already
        below = sum(ranks[key] < options.heldout for key in free)
        wanted = max(min(below, most), int(len(keys) >= _SURE) - already, 0)
        held |= set(free[:wanted])
        spare += free[wanted : max(most, 0)]
    for key in sorted(spare, key=ranks.__getitem__):
        if sum(documents[h].records for h in held) >= options.minimum:
            break
        held.add(key)
    return held


def _up_to_half(ranked: list[str], keys: list[str], documents: dict[str, _Document]) -> list[str]:
    """Those of `ranked`, in order, that together have at most half of the records of all `keys`."""
    room = sum(documents[key].records for key in keys) // 2
    chosen = []
    for key in ranked:
        if documents[key].records <= room:
            chosen.append(key)
            room -= documents[key].records
    return chosen


def _set_apart(items: list[_Item], gate: Gate, options: Options, seed: int) -> dict[str, str]:
    """Draws test_seen and then validation; all that is left trains. Returns the reason for each set too small.

    Drawn are the records whose hash is below the share, and the next ones until there are `minimum`. One record of
    each document stays in train, and half of all.
    """
    _follow(items, gate)
    leaders = _leaders(items)
    undecided = [index for index, item in enumerate(items) if not item.split and index not in leaders]
    free = [
        items[index]
        for index in undecided
        if all(items[match.index].split == HELDOUT or leaders.get(match.index) == index
               for match in gate.neighbours(index))
    ]
    near = len(undecided) - len(free)
    left = Counter(
        item.document for index, item in enumerate(items) if item.split in ("", TRAIN) and index not in leaders
    )
    half = left.total() - left.total() // 2
    shortfalls = {}
    for name, share in ((SEEN, options.seen), (VALIDATION, options.validation)):
        there = sum(item.split == name for item in items)
        drawn = [item for item in free if item.asks or name != SEEN]
        ranks = {item.id: _rank(seed, f"{name} {item.id}") for item in drawn}
        for item in sorted(drawn, key=lambda item: ranks[item.id]) if share else ():
            enough = ranks[item.id] >= share and there >= options.minimum
            if enough or left.total() <= half:
                break
            if left[item.document] > 1:
                left[item.document] -= 1
                item.split = name
                there += 1
        if share and there < options.minimum:
            running = "running text asks nothing, " if len(drawn) < len(free) else ""
            shortfalls[name] = (
                f"{there} of at least {options.minimum}: of {len(undecided)} records not held out, {near} have a "
                f"near-duplicate question, {running}and one of each document and half of all must stay in train"
            )
        free = [item for item in free if not item.split]
    for index, leader in leaders.items():
        items[index].split = items[index].split or items[leader].split
    for item in items:
        item.split = item.split or TRAIN
    return shortfalls


def _leaders(items: list[_Item]) -> dict[int, int]:
    """Preference pairs -> the chat record, or the first pair, of the same conversation: they go where that one goes."""
    first: dict[bytes, int] = {}
    for index in sorted(range(len(items)), key=lambda index: items[index].pair):
        first.setdefault(items[index].conversation, index)
    return {i: leader for i, item in enumerate(items) if item.pair and (leader := first[item.conversation]) != i}


def _follow(items: list[_Item], gate: Gate) -> None:
    """Near-duplicates of a question that was put into validation or test_seen before go there, never into train."""
    queue = [index for index, item in enumerate(items) if item.split in (VALIDATION, SEEN)]
    for index in queue:  # grows on the way, so that near-duplicates of near-duplicates follow too
        for match in gate.neighbours(index):
            if not items[match.index].split:
                items[match.index].split = items[index].split
                queue.append(match.index)


def _heldout_reason(items: list[_Item], documents: dict[str, _Document], held: set[str], minimum: int) -> str:
    """Why test_heldout is below the minimum; empty when it is not."""
    count = sum(item.split == HELDOUT for item in items)
    if count >= minimum:
        return ""
    if not documents:
        return "no record names the document it comes from, so none can be held out"
    languages = Counter(document.language for document in documents.values())
    there = ", ".join(f"{number} {language or 'unknown'}" for language, number in sorted(languages.items()))
    return (f"{count} of at least {minimum}: {len(held)} of the documents ({there}) could be held out; a third of a "
            f"language's documents, with half of its records, is the most")


def _taught(items: list[_Item]) -> int:
    """How many records of test_seen rest on evidence that overlaps with that of a training record."""
    trained: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for item in items:
        if item.split == TRAIN and item.document:
            trained[item.document].update(item.evidence)
    return sum(
        any(start < other_end and other_start < end
            for start, end in item.evidence for other_start, other_end in trained[item.document])
        for item in items if item.split == SEEN and item.document
    )


def _heldout_like_train(items: list[_Item], gate: Gate) -> int:
    """How many held-out questions have a near-duplicate in train: the same thing asked of another document."""
    return sum(
        any(items[match.index].split == TRAIN for match in gate.neighbours(index))
        for index, item in enumerate(items) if item.split == HELDOUT
    )


def _rank(seed: int, name: str) -> float:
    """A number from 0 up to 1, uniform over names."""
    digest = hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
