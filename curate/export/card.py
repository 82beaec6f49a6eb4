"""The data card: README.md of an export, for people who are handed the data and were not there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seedbed.record import Record
from seedbed.repeats import LABEL, times

# Rows of a table in the card; what is longer is summed up, and stands in full in the records.
_MOST = 100
# Sizes as dataset hubs name them.
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
# Labels that tell rows apart instead of grouping them.
_UNCOUNTED = ("format", "fact", LABEL)
_MEANING = {
    "train": "for training",
    "validation": "watched during training: unseen questions on documents of train",
    "test_seen": "unseen questions on documents of train, in other words",
    "test_heldout": "documents that are in no other split",
    "test_general": "general data, to measure what was forgotten",
}


class Survey:
    """What the card tells of the records, gathered while they pass."""

    def __init__(self) -> None:
        self.records = 0
        self.splits: dict[str, Counter[str]] = defaultdict(Counter)
        self.columns: Counter[str] = Counter()
        self.repeats = [0, 0]  # records that stand several times in training, and the rows that adds
        self._labels: dict[str, Counter[str]] = defaultdict(Counter)
        self._sources: Counter[tuple[str, str]] = Counter()
        self.evident = 0
        self._steps: Counter[str] = Counter()
        self._prompts: Counter[str] = Counter()
        self.teachers: Counter[str] = Counter()

    def look(self, record: Record, split: str) -> None:
        self.records += 1
        self.splits[split][record.language] += 1
        for name, value in (("task", record.task), *record.labels.items()):
            if value and name not in _UNCOUNTED:
                self._labels[name][value] += 1
        if (often := times(record)) > 1:
            self.repeats[0] += 1
            self.repeats[1] += often - 1
        source = record.source
        self._sources[(source.document, source.document_hash) if source else ("", "")] += 1
        self.evident += bool(record.evidence)
        self._steps.update({f"{step.stage}: {step.operation}" for step in record.history})
        self._prompts.update({step.prompt for step in record.history if step.prompt})
        self.teachers.update({step.teacher for step in record.history if step.teacher})
        self.columns.update(key for key in record.extra if not key.startswith("_") and key != "tools")

    def head(self, licence: str) -> dict[str, Any]:
        """Fields for the head that data set hubs read."""
        named = {name for counts in self.splits.values() for name in counts}
        # A hub knows a fixed list of licences and calls every other one "other".
        return {
            "license": "other",
            "license_name": licence or "not-stated",
            "language": sorted(named & {"en", "zh"}),
            "task_categories": ["text-generation", "question-answering"],
            "tags": ["synthetic", "seedbed"],
            "size_categories": [next((name for most, name in _SIZES if self.records < most), "n>1M")],
        }

    def sections(self) -> list[str]:
        """Counts, sources, kinds and provenance, as Markdown."""
        return [self._counted(), self._sourced(), self._labelled(), self._provenance()]

    def _counted(self) -> str:
        languages = sorted({language for counts in self.splits.values() for language in counts})
        rows = [
            [name, *(counts[language] for language in languages), counts.total(), _MEANING.get(name, "")]
            for name, counts in in_order(self.splits).items()
        ]
        titles = ["split", *(name or "unknown" for name in languages), "all", "what it is for"]
        records, more = self.repeats
        again = f"\n{records} training records are repeated, which makes {more} more rows.\n" if records else ""
        return "## Records by split and language\n\n" + table(titles, rows) + again

    def _sourced(self) -> str:
        known = [(name, digest[:16], count) for (name, digest), count in self._sources.most_common() if name]
        nowhere = self._sources[("", "")]
        listing = table(["document or file", "hash begins with", "records"], known[:_MOST])
        more = len(known) - _MOST
        return (
            "## Sources\n\n" + listing
            + (f"\nand {more} more, with {sum(row[2] for row in known[_MOST:])} records\n" if more > 0 else "")
            + (f"\nRecords that name no source: {nowhere}\n" if nowhere else "")
        )

    def _labelled(self) -> str:
        labels = sorted(self._labels.items())
        tables = [table([name, "records"], counts.most_common()[:_MOST]) for name, counts in labels]
        return "## Kinds\n\n" + "\n".join(tables or ["No record has a task or a label.\n"])

    def _provenance(self) -> str:
        lines = [
            f"{self.evident} of {self.records} records carry the quotes that their answer rests on, with their place "
            "in the document. `seedbed show ID` tells a record's whole history.",
            "",
            f"- Teachers: {listed(self.teachers)}",
            f"- Prompts (name@hash): {listed(self._prompts)}",
            f"- Steps that records went through: {listed(self._steps)}",
        ]
        return "## Provenance\n\n" + "\n".join(lines) + "\n"


def licences(licence: str, sources: str, terms: str, survey: Survey) -> str:
    """What is known of licences, and what whoever publishes the data has to find out."""
    ask = "to be filled in by whoever publishes"
    return (
        "## Licence\n\n"
        f"- Licence of this data set: {licence or '(not stated; give it as `licence` to the stage export)'}\n"
        f"- Licence of the source documents: {sources or f'({ask}; the owners must permit training)'}\n"
        f"- Terms of the teacher's output: {terms or f'({ask})'}; teachers: {listed(survey.teachers)}\n"
    )


class LeftOut:
    """Records that a format cannot hold, by reason: how many, and the ids of the first ones."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.ids: dict[str, list[str]] = defaultdict(list)

    def add(self, reason: str, id: str) -> None:
        self.counts[reason] += 1
        if len(self.ids[reason]) < _MOST:
            self.ids[reason].append(id)


def left_out(formats: Mapping[str, LeftOut]) -> str:
    """The records that formats cannot hold, named, as Markdown."""
    rows = [
        [name, reason, count, ", ".join(found.ids[reason]) + (" …" if count > _MOST else "")]
        for name, found in formats.items() for reason, count in found.counts.most_common()
    ]
    if not rows:
        return "## Left out\n\nEvery record is in every format.\n"
    return ("## Left out\n\nThese records cannot be told in a format; all of them stand in `left_out.jsonl`.\n\n"
            + table(["format", "reason", "records", "ids"], rows))


def in_order(splits: Mapping[str, Any]) -> dict[str, Any]:
    """The splits in the order in which people expect them."""
    known = list(_MEANING)
    return dict(sorted(splits.items(), key=lambda item: (known.index(item[0]) if item[0] in known else 99, item[0])))


def listed(counts: Counter[str]) -> str:
    named = [f"{name} ({count})" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return ", ".join(named[:_MOST]) or "none known"


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join("| " + " | ".join(_cell(cell) for cell in line) + " |\n" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
