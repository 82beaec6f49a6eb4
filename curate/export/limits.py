"""Known limits of the data set, in plain words: what a reader of the card must not have to find out alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from curate.export.card import Survey
from seedbed.run import manifest

# Below this part of the records, a language is too small to be judged by what is said of the whole. A choice.
_FEW = 0.1
_NAMES = {"": "an unknown language", "mixed": "English and Chinese at once", "other": "another language"}
# Stages that look for personal data and for harm; without them the card says that nobody looked.
_LOOKED = {"pii": "personal data", "safety": "harmful content", "decontaminate": "items of public evaluation sets"}


def known(survey: Survey, upstream: Mapping[str, Path]) -> str:
    """The limits that the records and the stages before show, as Markdown."""
    found = [*_of_records(survey), *_of_stages(upstream)]
    lines = "".join(f"- {line}\n" for line in found)
    return "## Known limits\n\n" + (lines or "None that the records or the stages before show.\n")


def _of_records(survey: Survey) -> list[str]:
    found = []
    if survey.teachers:
        found.append("Written by a model: read a sample before you rely on it")
    if survey.records and survey.evident < survey.records:
        found.append(f"{survey.records - survey.evident} records carry no quote of a source that their answer rests on")
    languages = Counter[str]()
    for counts in survey.splits.values():
        languages.update(counts)
    for name, count in sorted(languages.items()):
        if count < _FEW * survey.records:
            found.append(f"Only {count} records are in {_NAMES.get(name, name)}")
    if not any(name.startswith("test") for name in survey.splits):
        found.append("No test set: what a model learned from this cannot be measured with it")
    elif "test_heldout" not in survey.splits:
        found.append("No test of documents that training never saw")
    return found


def _of_stages(upstream: Mapping[str, Path]) -> list[str]:
    missing = [what for stage, what in _LOOKED.items() if stage not in upstream]
    found = [f"No stage looked for {', '.join(missing)}"] if missing else []
    for done in filter(None, map(manifest, upstream.values())):
        if done.stage == "split":
            found += [f"{name} is small: {why}" for name, why in done.figures.get("shortfalls", {}).items()]
        if done.stage in ("balance", "mix"):
            found += [f"{done.stage}: {note}" for note in done.figures.get("notes", [])]
    return found
