"""Figures as people read them: 1,204 · 8 % · 3 min 20 s · en as English."""

from __future__ import annotations

_LANGUAGES = {"en": "English", "zh": "Chinese", "mixed": "Mixed", "other": "Other"}
_STAGES = {
    "ingest": "Reading documents",
    "import": "Reading records",
    "doc_qa": "Questions from documents",
    "dialogue": "Dialogues from documents",
    "preference": "Preference pairs",
    "clean": "Cleaning",
    "rules": "Rules",
    "exact": "Exact duplicates",
    "rouge": "Near duplicates",
    "split": "Splitting",
    "balance": "Balance",
    "mix": "General data",
    "export": "Export",
    "train": "Training",
    "evaluate": "Evaluation",
}
_THIN = "\u202f"  # narrow no-break space, between a number and its sign


def number(value: float) -> str:
    """Thousands separated; two decimals below 10 where there are any, one below 100."""
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.{2 if abs(value) < 10 else 1 if abs(value) < 100 else 0}f}"


def short(value: float) -> str:
    """Three figures with k, M or G: 1.2 M, for tokens."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.{1 if abs(value) < 100 * size else 0}f}{_THIN}{unit}"
    return number(value)


def percent(share: float) -> str:
    """Whole percent, one decimal below 10; what is not quite all or nothing is never called so."""
    value = share * 100
    if 99 <= value < 100:
        return f">{_THIN}99{_THIN}%"
    if 0 < value < 0.1:
        return f"<{_THIN}0.1{_THIN}%"
    rounded = f"{value:.1f}" if 0 < value < 10 and round(value, 1) % 1 else f"{value:.0f}"
    return f"{rounded}{_THIN}%"


def seconds(value: float) -> str:
    """3 h 5 min · 3 min 20 s · 42 s · 0.4 s."""
    if value < 10:
        return f"{value:.1f}{_THIN}s"
    whole = round(value)
    if whole < 60:
        return f"{whole}{_THIN}s"
    if whole < 3600:
        return f"{whole // 60}{_THIN}min {whole % 60}{_THIN}s"
    return f"{whole // 3600}{_THIN}h {whole % 3600 // 60}{_THIN}min"


def money(value: float) -> str:
    """Two decimals, four below a tenth; the currency is whatever the job's prices are in."""
    return f"{value:,.4f}" if 0 < value < 0.1 else f"{value:,.2f}"


def count(value: int, noun: str, plural: str = "") -> str:
    """`1 page`, `4 pages`."""
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


def counted(unit: str, value: int) -> str:
    """`records` of more than one, `record` of one."""
    return unit if value != 1 else {"replies": "reply"}.get(unit, unit.removesuffix("s"))


def tongue(code: str) -> str:
    """A language's name."""
    return _LANGUAGES.get(code, code or "Unknown")


def stage(name: str) -> str:
    """What a stage does, for people; a stage without such words keeps its name."""
    return _STAGES.get(name, plain(name).capitalize())


def signed(value: float, digits: int = 2) -> str:
    """With its sign, and a true minus."""
    return f"{value:+.{digits}f}".replace("-", "−")


def plain(name: str) -> str:
    """A stable name as words: `copied_from_source` as `copied from source`."""
    return name.replace("_", " ").replace("-", " ").strip()


def listed(items: list[str], most: int = 3) -> str:
    """`a, b and c`, or `a, b, c and 4 more`."""
    if len(items) > most:
        return f"{', '.join(items[:most])} and {len(items) - most:,} more"
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)
