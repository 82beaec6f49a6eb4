"""Decontamination: no record that an evaluation set asks, so that its figures measure what was learned, not what was
seen.

    ngrams   a long item: runs of 13 tokens (GPT-3, Brown et al. 2020, appendix C) in question, answer or text cover at
             least half of it (Tülu 3, Lambert et al. 2024, section 3.2)
    item     a short one, whole: a user turn is worded like it (ROUGE-L over 0.8), and lacks nothing that it asks about

A Chinese character is a token, as a word is in English. The trap of short items: "What is the capital of France?" and
"… of Norway?" share five tokens of six. So a near wording counts only if the item's content words and figures are there
too. Long runs need no such check, but a question's frame is no find ("which of the following is true of the text
above"): what stands in more than ten items is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from curate.shaping.evaluation import Item, Unusable, read
from curate.shaping.grams import Grams
from seedbed import importing
from seedbed.content import figures, support
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.gate import Gate
from seedbed.record import Record
from seedbed.text import language, length

VERSION = 1
_BATCH = 512  # records looked up at once
_SHOWN = 80  # characters of an item in a rejection
_FILES = 40  # evaluation files told of by name; a folder of a thousand must not fill the manifest
# Of the content words of a short item, so many must be there: a wording of ten words may lose two.
_SUPPORT = 0.8


class Options(importing.Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The evaluation sets, as `import` takes data sets, and from where on a record is one of their items.

    paths, dataset, config, split, revision, format, columns   as of `import`
    size       tokens of a run
    coverage   share of a long item that such runs must cover; 0: one run is enough, as with GPT-3
    short      items of fewer tokens are compared whole too; of fewer than `size`, only so
    near       ROUGE-L F1 over which a user turn is worded like a short item
    also_text  running text is looked at too; it is compared by runs alone
    """

    size: int = 13  # GPT-3, appendix C
    coverage: float = 0.5  # Tülu 3, section 3.2
    short: int = 50  # in runs of 13, two changed words may leave nothing of an item of 40
    near: float = 0.8  # 0.7 is what Self-Instruct calls too near for two tasks of one set; an item is one task
    also_text: bool = True

    def __post_init__(self) -> None:
        importing.Options.__post_init__(self)
        if self.size < 3:
            raise ValueError(f"size: expected runs of 3 tokens or more, got {self.size}")
        for name in ("coverage", "near"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected a share between 0 and 1, got {getattr(self, name)}")
        if self.short < 0:
            raise ValueError(f"short: expected a number of tokens, got {self.short}")


def watch(options: Options) -> list[Path]:
    """The evaluation files decide what is rejected."""
    return importing.watch(options)


@dataclass
class _Sets:
    """The items of all evaluation sets, indexed both ways."""

    grams: Grams
    gate: Gate
    items: list[Item] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    unusable: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, options: Options) -> _Sets:
        if not (options.paths or options.dataset):
            next_step = "Name them: decontaminate: {paths: [eval/]} or {dataset: NAME}"
            raise InputError("no evaluation set is named", where="decontaminate", next_step=next_step)
        sets = cls(Grams(options.size), Gate(options.near))
        for item in read(options):
            if isinstance(item, Unusable):
                sets.unusable[item.name] += 1
                continue
            number = len(sets.items)
            sets.items.append(item)
            sets.counts[item.name] += 1
            if not sets.grams.add(number, item.text) or length(item.text) < options.short:
                sets.gate.add(str(number), item.text)
        sets.grams.index()
        return sets


@dataclass(frozen=True)
class _Hit:
    reason: str
    item: int
    score: float


def decontaminate(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, in order; one that an evaluation set asks is rejected as "ngrams" or "item".

    The rejection names the item (`file:line`), shows how it begins, and has the share of it that was found or the
    ROUGE-L. Records of test splits pass: they are not trained on. General data is looked at like any other; so the
    place of this stage is behind `mix`. Figures: `checked`, `passed_over` (test records; texts without `also_text`),
    `touched` (kept, although they share a run with an item), `items`, `files`, and of each file in `sets` its `items`,
    `unusable` rows, `found` items and `rejected` records. Raises InputError when no evaluation set is named or one
    cannot be read.
    """
    sets = _Sets.of(options)
    tally = _Tally()
    source = iter(records)
    while batch := list(islice(source, _BATCH)):
        looked_at = [_trained(record, options) for record in batch]
        texts = [_all(record) if look else "" for record, look in zip(batch, looked_at, strict=True)]
        shares = sets.grams.covering(texts)
        for record, look, covered in zip(batch, looked_at, shares, strict=True):
            hit = _hit(record, covered, sets, options) if look else None
            tally.count(look, covered, hit, sets)
            yield _rejected(record, hit, sets.items[hit.item]) if hit else record
        context.progress.update(tally.seen)
    context.figures |= tally.figures(sets)


def _trained(record: Record, options: Options) -> bool:
    return not record.split.startswith("test") and (bool(record.messages) or options.also_text)


def _all(record: Record) -> str:
    """All that a student would read, questions and answers in order."""
    parts = [turn["content"] for turn in record.turns()] + [record.text]
    return "\n\n".join([*parts, record.rejected.content if record.rejected else ""])


def _hit(record: Record, covered: dict[int, float], sets: _Sets, options: Options) -> _Hit | None:
    """The item that a record is; of several the one that is there most."""
    item, share = max(covered.items(), key=lambda found: (found[1], -found[0]), default=(0, 0.0))
    if share and share >= options.coverage:
        return _Hit("ngrams", item, share)
    found = [hit for turn in _turns(record) if (hit := _whole(turn, sets))]
    return max(found, key=lambda hit: (hit.score, -hit.item), default=None)


def _turns(record: Record) -> list[str]:
    asked = [message.content for message in record.messages if message.role == "user"]
    # "Answer this:" with the item as its input is the item too.
    return [*asked, record.user_text, record.input] if record.input else asked


def _whole(turn: str, sets: _Sets) -> _Hit | None:
    for match in sorted(sets.gate.over(turn), key=lambda match: (-match.score, match.index)):
        item = int(match.key)
        text = sets.items[item].text
        lang = "zh" if language(text) == "zh" else "en"
        if support(text, turn, lang) >= _SUPPORT and not set(figures(text)) - set(figures(turn)):
            return _Hit("item", item, match.score)
    return None


def _rejected(record: Record, hit: _Hit, item: Item) -> Record:
    shown = " ".join(item.text.split())
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]} …"
    how = f"{hit.score:.0%} of it stands here" if hit.reason == "ngrams" else f"ROUGE-L {hit.score:.2f}"
    detail = f"it is an item of an evaluation set ({item.where}, {how}): {shown}"
    return record.reject("decontaminate", hit.reason, detail, match=item.where, score=round(hit.score, 4))


@dataclass
class _Tally:
    seen: int = 0
    checked: int = 0
    touched: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    found: set[int] = field(default_factory=set)

    def count(self, looked_at: bool, covered: dict[int, float], hit: _Hit | None, sets: _Sets) -> None:
        self.seen += 1
        self.checked += looked_at
        self.touched += bool(covered) and hit is None
        if hit:
            self.rejected[sets.items[hit.item].name] += 1
            self.found.add(hit.item)

    def figures(self, sets: _Sets) -> dict[str, Any]:
        found = Counter(sets.items[item].name for item in self.found)
        names = sorted(sets.counts, key=lambda name: (-self.rejected[name], name))
        return {
            "checked": self.checked,
            "passed_over": self.seen - self.checked,
            "touched": self.touched,
            "items": len(sets.items),
            "files": len(names),
            "sets": {
                name: {"items": sets.counts[name], "unusable": sets.unusable[name], "found": found[name],
                       "rejected": self.rejected[name]}
                for name in names[:_FILES]
            },
        }  # fmt: skip
