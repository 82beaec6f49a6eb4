"""What can be said of any set of records, before curation as well as after it: languages, tasks, lengths, openings and
twins. Records go by once; what is held are counters and eight bytes a record, so that a million of them are no matter.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, defaultdict
from typing import NamedTuple

from curate.report import histograms
from curate.report.model_set import Change, Opening, Openings, Side
from seedbed.record import Record
from seedbed.text import language, length, normalise, opening

_OPENINGS = 10
# Distinct openings that are held for a language. When they grow beyond, those seen once are forgotten: what is among
# the ten commonest of a million questions was seen thousands of times.
_DISTINCT = 200_000


_ODD, _ALL = 0x9E3779B97F4A7C15, 2**64 - 1  # mixes two hashes into one of 64 bits (Knuth's multiplier)


class Seen(NamedTuple):
    """What was found out about a record: its language, and hashes of what is asked and told, folded."""

    language: str
    asked: int
    told: int


class Tally:
    """Counts as records go by. General data is for the caller to leave out."""

    def __init__(self) -> None:
        self.records = 0
        self.languages: Counter[str] = Counter()
        self.tasks: Counter[str] = Counter()
        self.lengths: dict[str, dict[str, Counter[int]]] = {
            "question": defaultdict(Counter),
            "answer": defaultdict(Counter),
        }
        self._openings: dict[str, Counter[str]] = defaultdict(Counter)
        self._questions: Counter[str] = Counter()
        self._forgotten: Counter[str] = Counter()
        self._whole = array("Q")

    def add(self, record: Record) -> Seen:
        """One more record."""
        self.records += 1
        tongue = record.language or language(record.user_text or record.text)
        self.languages[tongue] += 1
        self.tasks[record.task or "unnamed"] += 1
        if record.messages:
            self.lengths["question"][tongue][length(record.user_text)] += 1
            self.lengths["answer"][tongue][length(record.answer)] += 1
            self._begins(opening(record.instruction, tongue), tongue)
        asked, told = digest(normalise(record.user_text)), digest(normalise(record.answer or record.text))
        self._whole.append(asked * _ODD + told & _ALL)
        return Seen(tongue, asked, told)

    def _begins(self, text: str, tongue: str) -> None:
        self._questions[tongue] += 1
        counts = self._openings[tongue]
        counts[text] += 1
        if len(counts) > _DISTINCT:
            once = [key for key, seen in counts.items() if seen == 1]
            self._forgotten[tongue] += len(once)
            for key in once:
                del counts[key]

    def openings(self) -> list[Openings]:
        """The commonest openings, language by language, the commonest language first."""
        return [self._of(tongue) for tongue, _ in self.languages.most_common() if tongue in self._openings]

    def _of(self, tongue: str) -> Openings:
        counts = self._openings[tongue]
        top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_OPENINGS]
        return Openings(
            language=tongue,
            questions=self._questions[tongue],
            share=sum(count for _, count in top) / self._questions[tongue],
            top=[Opening(text=text, count=count) for text, count in top],
        )

    def side(self) -> Side:
        """Everything in a few figures."""
        return Side(
            records=self.records,
            languages=dict(self.languages.most_common()),
            tasks=dict(self.tasks.most_common()),
            twins=self._twins(),
            question=self._quantiles("question"),
            answer=self._quantiles("answer"),
            openings={each.language: each.share for each in self.openings()},
            distinct_openings=sum(len(counts) for counts in self._openings.values()) + self._forgotten.total(),
        )

    def _twins(self) -> int:
        import numpy as np

        return len(self._whole) - len(np.unique(np.frombuffer(self._whole, np.uint64))) if self._whole else 0

    def _quantiles(self, part: str) -> tuple[int, int] | None:
        every = self.whole(part)
        return (histograms.quantile(every, 0.5), histograms.quantile(every, 0.95)) if every else None

    def whole(self, part: str) -> Counter[int]:
        """Lengths of questions or answers, all languages together."""
        return sum(self.lengths[part].values(), Counter())


def change(before: Tally, after: Tally) -> Change:
    """Both ends beside each other, lengths on one axis."""
    pairs = ((part, {"before": before.whole(part), "after": after.whole(part)}) for part in before.lengths)
    return Change(
        before=before.side(),
        after=after.side(),
        lengths=[chart for part, counts in pairs if (chart := histograms.lengths(part, counts))],
    )


def digest(text: str) -> int:
    """64 bits of BLAKE2b: among a million texts two are taken for one with a chance of 3 in 100 million."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
