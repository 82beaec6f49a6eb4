"""Figures and names as people read them, in the page's language: 1,204 · 8 % · 3 min 20 s · 8% · 3 分 20 秒.

English sentences are written where they are used and stand for themselves; the Chinese ones lie in `chinese`, under the
English sentence. So the template and the rules read as prose, and a test sees to it that none is without its Chinese.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from curate.report import chinese

Tongue = Literal["en", "zh"]

_LANGUAGES = {"en": "English", "zh": "Chinese", "mixed": "Mixed", "other": "Other"}
_STAGES = {
    "ingest": "Reading documents",
    "import": "Reading records",
    "self_instruct": "Self-Instruct",
    "evol_instruct": "Evol-Instruct",
    "doc_qa": "Questions from documents",
    "dialogue": "Dialogues from documents",
    "preference": "Preference pairs",
    "augment": "Augmentation",
    "rewrite": "Rewriting",
    "clean": "Cleaning",
    "rules": "Rules",
    "language": "Language",
    "donts": "The five don'ts",
    "safety": "Harmful content",
    "refusals": "Refusals",
    "contradictions": "Contradictions",
    "exact": "Exact duplicates",
    "rouge": "Near duplicates",
    "minhash": "Near duplicates (MinHash)",
    "semantic": "Duplicates in meaning",
    "pii": "Personal data",
    "judge": "Judge",
    "ifd": "Instruction-following difficulty",
    "perplexity": "Perplexity",
    "select": "Selection by score",
    "decontaminate": "Decontamination",
    "split": "Splitting",
    "balance": "Balance",
    "mix": "General data",
    "export": "Export",
    "train": "Training",
    "evaluate": "Evaluation",
}
_NAMES = {"ifd": "IFD", "rouge": "ROUGE-L", "minhash": "MinHash", "pii": "personal data", "ip": "IP", "mac": "MAC"}
_THIN = "\u202f"  # narrow no-break space, between a number and its sign
_UNITS = {
    "en": (("G", 1e9), ("M", 1e6), ("k", 1e3)),
    "zh": (("亿", 1e8), ("万", 1e4)),
}


@dataclass(frozen=True)
class Words:
    """The wording of one language; calling it says a sentence: `words("{n} of {all}", n=3, all=4)`."""

    language: Tongue = "en"

    def __call__(self, sentence: str, /, **values: Any) -> str:
        said = chinese.SENTENCES.get(sentence, sentence) if self.chinese else sentence
        return said.format(**values) if values else said

    @property
    def chinese(self) -> bool:
        """Whether the page is in Chinese."""
        return self.language == "zh"

    @property
    def _gap(self) -> str:
        return "" if self.chinese else _THIN

    def short(self, value: float) -> str:
        """Three figures with k, M or G, or 万 or 亿: 1.2 M, 120 万, for tokens."""
        for unit, size in _UNITS[self.language]:
            if abs(value) >= size:
                return f"{value / size:.{1 if abs(value) < 100 * size else 0}f}{_THIN}{unit}"
        return number(value)

    def percent(self, share: float) -> str:
        """Whole percent, one decimal below 10; what is not quite all or nothing is never called so."""
        value = share * 100
        if 99 <= value < 100:
            return f">{_THIN}99{self._gap}%"
        if 0 < value < 0.1:
            return f"<{_THIN}0.1{self._gap}%"
        rounded = f"{value:.1f}" if 0 < value < 10 and round(value, 1) % 1 else f"{value:.0f}"
        return f"{rounded}{self._gap}%"

    def seconds(self, value: float) -> str:
        """3 h 5 min · 3 min 20 s · 42 s · 0.4 s; a fraction of a millisecond is 0 s."""
        hours, minutes, seconds = ("小时", "分", "秒") if self.chinese else ("h", "min", "s")
        if value < 0.0005:
            return f"0{_THIN}{seconds}"
        if value < 0.1:
            return f"{value * 1000:.0f}{_THIN}{'毫秒' if self.chinese else 'ms'}"
        if value < 10:
            return f"{value:.1f}{_THIN}{seconds}"
        whole = round(value)
        if whole < 60:
            return f"{whole}{_THIN}{seconds}"
        if whole < 3600:
            return f"{whole // 60}{_THIN}{minutes} {whole % 60}{_THIN}{seconds}"
        return f"{whole // 3600}{_THIN}{hours} {whole % 3600 // 60}{_THIN}{minutes}"

    def count(self, value: int, noun: str, plural: str = "") -> str:
        """`1 page`, `4 pages`, `4 页`."""
        if self.chinese:
            return f"{value:,}\u00a0{chinese.NOUNS[noun]}"
        return f"{value:,} {noun if value == 1 else plural or noun + 's'}"

    def counted(self, unit: str, value: int) -> str:
        """`records` of more than one, `record` of one."""
        single = {"replies": "reply"}.get(unit, unit.removesuffix("s"))
        return chinese.NOUNS[single] if self.chinese else unit if value != 1 else single

    def tongue(self, code: str) -> str:
        """A language's name."""
        return self(_LANGUAGES.get(code, code or "Unknown"))

    def stage(self, name: str) -> str:
        """What a stage does, for people; a stage without such words keeps its name."""
        return self(_STAGES[name]) if name in _STAGES else self.plain(name)[:1].upper() + self.plain(name)[1:]

    def plain(self, name: str) -> str:
        """A stable name as words: `copied_from_source` as `copied from source`."""
        if self.chinese and name in chinese.NAMES:
            return chinese.NAMES[name]
        if name in _NAMES:
            return _NAMES[name]
        return name.replace("_", " ").replace("-", " ").strip()

    def listed(self, items: Sequence[str], most: int = 3) -> str:
        """`a, b and c`, or `a, b, c and 4 more`."""
        if self.chinese:
            more = f" 等 {len(items):,} 项" if len(items) > most else ""
            return "、".join(items[:most]) + more
        if len(items) > most:
            return f"{', '.join(items[:most])} and {len(items) - most:,} more"
        return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)

    def day(self, when: datetime) -> str:
        """23 November 2026, 2026 年 11 月 23 日."""
        if self.chinese:
            return f"{when.year} 年 {when.month} 月 {when.day} 日"
        return f"{when.day} {when:%B %Y}"


def number(value: float) -> str:
    """Thousands separated; two decimals below 10 where there are any, one below 100."""
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.{2 if abs(value) < 10 else 1 if abs(value) < 100 else 0}f}"


def money(value: float) -> str:
    """Two decimals, four below a tenth, more where it would be nothing; the currency is that of the job's prices."""
    return f"{value:,.{6 if 0 < value < 0.001 else 4 if 0 < value < 0.1 else 2}f}"


def signed(value: float, digits: int = 2) -> str:
    """With its sign, and a true minus."""
    return f"{value:+.{digits}f}".replace("-", "−")
