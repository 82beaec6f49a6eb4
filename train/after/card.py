"""The model card: README.md and README.zh.md beside what was made, from the manifests of the run and nothing else.

What was not measured is said to be not measured. No path of this machine gets in: a card travels with the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seedbed import jsonl, models, run
from train.after.words import WORDS
from train.students.trained import Training

_UNKNOWN = "unknown"


@dataclass(frozen=True)
class Card:
    """What a card is made of. `base` is the folder of the base, `training` that of the training; None where unknown."""

    title: str
    what: str  # a key of WORDS: merged_dequantised, merged_original, gguf, gguf_adapter
    noted: Training | None = None
    base: Path | None = None
    training: Path | None = None
    commands: list[str] = field(default_factory=list)
    type: str = ""
    checked: str = ""

    def write(self, folder: Path) -> None:
        """README.md in English and README.zh.md in Chinese."""
        jsonl.write_text(folder / "README.md", self._text("en"))
        jsonl.write_text(folder / "README.zh.md", self._text("zh"))

    def _text(self, language: str) -> str:
        words = WORDS[language]
        parts = [self._head(), f"# {self.title}", words[self.what].format(base=self._base(), type=self.type)]
        for title, lines in (
            ("data", self._data(words)),
            ("method", self._method(words)),
            ("numbers", self._numbers(words)),
            ("check", [self.checked] if self.checked else [words["unchecked"]] if "gguf" in self.what else []),
            ("limits", self._limits(words)),
            ("run", ["```sh", *self.commands, "```"]),
            ("licence", [words["licence_of"].format(base=self._base(), licence=licence(self._student(), self.base))]),
        ):
            if lines:
                parts += [f"## {words[title]}", "\n".join(lines)]
        return "\n\n".join(parts) + "\n"

    def _head(self) -> str:
        """What hubs read: licence, base and kind."""
        known = licence(self._student(), self.base)
        lines = [f"license: {known.lower()}"] if known != _UNKNOWN else []
        lines += [f"base_model: {self._base()}"] if self.noted else []
        kind = "finetune" if self.what.startswith("merged") else "quantized" if self.what == "gguf" else "adapter"
        lines += [f"base_model_relation: {kind}", "pipeline_tag: text-generation", "tags: [seedbed]"]
        return "\n".join(["---", *lines, "---"])

    def _student(self) -> str:
        return self.noted.student if self.noted else ""

    def _base(self) -> str:
        return name_of(self._student()) if self.noted else _UNKNOWN

    def _stages(self) -> list[tuple[str, run.Manifest]]:
        """Name and manifest of the finished stages up to the training, in order."""
        if self.training is None:
            return []
        folders = [one for one in sorted(self.training.parent.glob("[0-9][0-9]-*")) if one <= self.training]
        found = [(run.stage_name(one), run.manifest(one)) for one in folders]
        return [(name, done) for name, done in found if done]

    def _data(self, words: Mapping[str, str]) -> list[str]:
        before = [(name, done) for name, done in self._stages() if name != "train"]
        if not before:
            return [words["no_data"]]
        rows = [f"| {name} | {done.read} | {done.kept} | {done.rejected} |" for name, done in before]
        return [words["data_head"], "|---|---|---|---|", *rows]

    def _method(self, words: Mapping[str, str]) -> list[str]:
        if self.noted is None:
            return []
        noted = self.noted
        lines = [words["trained"].format(method=noted.method, objective=noted.objective, seed=noted.seed)]
        if noted.method in ("qlora", "lora"):
            lines.append(words["lora"].format(rank=noted.rank, alpha=noted.alpha))
        figures = self._figures()
        if _numbers(figures, "steps", "tokens_trained"):
            lines.append(words["steps"].format(steps=figures["steps"], tokens=figures["tokens_trained"]))
        records = figures.get("records")
        if _numbers(records, "records") and isinstance(records, Mapping):
            lines.append(words["records"].format(records=records["records"]))
        return [f"- {line}" for line in lines]

    def _figures(self) -> dict[str, Any]:
        done = run.manifest(self.training) if self.training else None
        return done.figures if done else {}

    def _numbers(self, words: Mapping[str, str]) -> list[str]:
        sets = evaluated(self.training)
        rows = []
        for name, found in sets.items():
            if _numbers(found.get("base"), "loss") and _numbers(found.get("tuned"), "loss"):
                before, after = found["base"]["loss"], found["tuned"]["loss"]
                rows.append(f"| {name} | {found.get('records', '')} | {before:.3f} | {after:.3f} |")
        if not rows:
            return [words["no_numbers"]]
        said = [f"- {found['sentence']}" for found in sets.values() if found.get("sentence")]
        about = words["about_adapter"] if self.what != "gguf_adapter" else ""
        return [words["numbers_head"], "|---|---|---|---|", *rows, "", *said, *([about] if about else [])]

    def _limits(self, words: Mapping[str, str]) -> list[str]:
        lines = [words["limit_facts"]]
        if self.noted:
            lines.append(words["limit_length"].format(tokens=self.noted.max_length))
        lines += [words["limit_original"]] if self.what == "merged_original" else []
        lines += [words["limit_type"].format(type=self.type)] if self.type.startswith("q") else []
        for finding in self._figures().get("preflight") or []:
            if isinstance(finding, Mapping) and finding.get("level") == "warning":
                lines.append(words["warned"].format(name=str(finding.get("name", "")).replace("_", " "),
                                                   said=f"{finding.get('figure', '')}. {finding.get('why', '')}"))
        return [f"- {line}" for line in lines]


def name_of(student: str) -> str:
    """A student's name without this machine's folders; a hub name stays whole."""
    path = student.removeprefix("path:")
    return Path(path).name if student.startswith("path:") or Path(path).is_absolute() or Path(path).exists() else path


def licence(student: str, base: Path | None) -> str:
    """Of the base: as the catalogue has it, or the front matter of the README beside its weights; else `unknown`."""
    for model in models.CATALOGUE:
        if student in (model.name, *(alias for alias, name in models.ALIASES.items() if name == model.name)):
            return model.licence
    readme = base / "README.md" if base else None
    if readme and readme.is_file():
        front = readme.read_text(encoding="utf-8", errors="replace").split("---")[1:2]
        if found := re.search(r"^license: *([^\s]+)", front[0] if front else "", re.MULTILINE):
            return found[1]
    return _UNKNOWN


def evaluated(training: Path | None) -> dict[str, dict[str, Any]]:
    """The sets of the evaluation that followed the training, by name; empty where there was none."""
    if training is None:
        return {}
    for folder in sorted(training.parent.glob("[0-9][0-9]-evaluate"), reverse=True):
        if (done := run.manifest(folder)) and folder > training and isinstance(done.figures.get("sets"), dict):
            return {name: found for name, found in done.figures["sets"].items() if isinstance(found, dict)}
    return {}


def _numbers(noted: Any, *keys: str) -> bool:
    return isinstance(noted, Mapping) and all(isinstance(noted.get(key), int | float) for key in keys)
