"""A table's row as a statement: `Faults – Code: E17; Remedy: wipe it`, under the name of its table.

Columns of bare figures ("size: 258", "popcon: V:0, I:5") are left out beside columns of words: without a unit they say
nothing to who has not the table, and a small teacher asks about them first. Where figures are what a table has to say
("Temperature (°C): 180", two columns), they stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from datagen.material.terms import Term, terms_of
from seedbed.text import CJK

Span = tuple[int, int]

_ROW = re.compile(r"\|.*\|\s*$")
_RULE = re.compile(r"\s*\|[\s:|-]+\|")
# A table's caption, alone on its line ("Table 5.5: List of tools"); and the number of a heading, which says nothing to
# who has not the document.
_CAPTION = re.compile(
    r"(?:Table|表)\s*(?:[A-Z]\.?)?\d[\d.-]*\s*(?:[:.]\s+|：\s*)"
    r"(?:list of (?:the )?)?(\S[^\n|]{1,78}?)(?:列表|一览表|清单)?\s*$",
    re.I | re.M,
)
_SECTION = re.compile(
    r"^(?:(?:chapter|section|appendix)\s+[A-Z\d][\d.]*|第.{1,4}[章节]|\d+(?:\.\d+)*)[.:：、]?\s+(?=\S)", re.I
)
_CODE = re.compile(r"^```.*?^```", re.S | re.M)  # in which "# " is a prompt, and no heading
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.M)
_WORD = re.compile(rf"[A-Za-z]{{2,}}|[A-Za-z]\d|\d[A-Za-z]|[{CJK}]")  # "E17" and "4K" are names; "V:0, I:5" is none
# A unit makes a figure say something: in the cell ("4 bar" is a word), or in the head ("Weight (kg)").
_UNIT = re.compile(r"[%‰°℃€$¥£]|[(（/]")
# What no heading of a first column has: a path, a flag, an argument, a figure. PDF readers take the first line of a
# page for the head of what goes on there.
_TYPED = re.compile(r"[/\\@{}*=<>_\d]|\s-|\w\.\w")
_TELLS, _FIGURES = 4, 2  # words of a last cell that says something, and bare figures beside it, that no head has
_BARE = 0.8  # of a column's filled cells; a stray "n/a" or "none" among figures is no word
_FEWEST = 2  # columns that a row must keep: a thing, and what is said of it
# What the two columns are called where no head names them.
_COLUMNS = {"en": ["Name", "Meaning"], "zh": ["名称", "含义"]}


@dataclass(frozen=True)
class Table:
    """A table's name, the names of its columns, and the numbers of those that say something by themselves."""

    name: str
    columns: list[str]
    telling: list[int]


@dataclass(frozen=True)
class Tables:
    """The tables of a text: row -> the row that heads it (or the sentence that has its term), row -> its table. `terms`
    are the rows that are told by no head."""

    heads: dict[int, int] = field(default_factory=dict)
    tables: dict[int, Table] = field(default_factory=dict)
    terms: dict[int, Term] = field(default_factory=dict)

    def of(self, row: int) -> Table:
        return self.tables[row]

    def cells(self, row: int, text: str) -> list[str]:
        """The row's cells; a term and its meaning."""
        return list(self.terms[row][:2]) if row in self.terms else cells(text)

    def told(self, row: int, text: str) -> list[tuple[str, str]]:
        """What a row tells: column and cell, of the cells that say something."""
        table, filled = self.of(row), self.cells(row, text)
        return [(table.columns[n], filled[n]) for n in table.telling if filled[n]]

    def key(self, row: int, text: str) -> str:
        """The thing that a row is about: its first cell that says something."""
        told = self.told(row, text)
        return told[0][1] if told else ""

    def stated(self, row: int, text: str, named: bool = True) -> str:
        """The row as prompts show it, under its table's name or without that."""
        said = "; ".join(f"{column}: {cell}" for column, cell in self.told(row, text))
        return f"{self.of(row).name} – {said}" if named else said

    def carrying(self, texts: list[str]) -> list[int]:
        """The rows that say something of something."""
        return [row for row in self.heads if len(self.told(row, texts[row])) >= _FEWEST]


def tables_of(text: str, spans: list[Span], otherwise: str, language: str) -> Tables:
    """The tables among the sentences of a text, and its lists of terms; a head is the row before a rule (`|---|`).
    `otherwise` names a table that has no caption and stands under no heading."""
    rows: dict[int, list[int]] = {}
    for row, head in _heads(text, spans):
        rows.setdefault(head, []).append(row)
    heads: dict[int, int] = {}
    tables: dict[int, Table] = {}
    for head, own in rows.items():
        columns = cells(text[slice(*spans[head])])
        filled = [cells(text[slice(*spans[row])]) for row in own]
        if _is_row(columns, filled) or columns.count("") > 1:  # of a head that lies on the page before, a part is left
            continue
        columns[0] = columns[0] or _COLUMNS[language][0]  # the corner of rows and columns that both have names
        heads |= dict.fromkeys(own, head)
        name = _name(text, spans[head][0], spans[own[-1]][1], otherwise)
        tables |= dict.fromkeys(own, Table(name, columns, _telling(columns, filled)))
    terms = terms_of(text, spans, heads, language)
    for row, term in terms.items():
        name = _name(text, spans[term.at][0], spans[term.last][1], otherwise)
        tables[row] = Table(name, _COLUMNS[language], [0, 1])
    return Tables(heads | {row: term.at for row, term in terms.items()}, tables, terms)


def cells(row: str) -> list[str]:
    """A row's cells, each on one line."""
    return [" ".join(cell.split()) for cell in row.strip().strip("|").split("|")]


def without_number(heading: str) -> str:
    """A heading without "Section 4.2"."""
    return _SECTION.sub("", heading)


def _heads(text: str, spans: list[Span]) -> Iterator[tuple[int, int]]:
    head: int | None = None
    for number, (start, end) in enumerate(spans):
        if not _ROW.match(text[start:end]):
            head = None
        elif _RULE.match(text, end):
            head = number
        elif head is not None and len(cells(text[start:end])) == len(cells(text[slice(*spans[head])])):
            yield number, head


def _is_row(head: list[str], rows: list[list[str]]) -> bool:
    """Whether what stands as a head is a row like the others."""
    told = len(_WORD.findall(head[-1])) >= _TELLS
    figures = sum(bool(re.search(r"\d", cell)) and not _WORD.search(cell) for cell in head)
    first = head[0].split(" ")[0]
    alike = " " in head[0] and sum(row[0].split(" ")[0] == first for row in rows) * 2 >= len(rows)  # "git stash"
    return told and (bool(_TYPED.search(head[0])) or figures >= _FIGURES or alike)


def _telling(columns: list[str], rows: list[list[str]]) -> list[int]:
    # The first column names the thing, be it by a number.
    told = [n for n in range(len(columns)) if not n or not _bare(columns[n], [row[n] for row in rows if row[n]])]
    return told if len(told) >= _FEWEST else list(range(len(columns)))


def _bare(column: str, filled: list[str]) -> bool:
    if _UNIT.search(column):
        return False
    figures = [cell for cell in filled if re.search(r"\d", cell) and not _WORD.search(cell) and not _UNIT.search(cell)]
    return len(figures) >= _BARE * len(filled)


def _name(text: str, start: int, end: int, otherwise: str) -> str:
    """What a table is called: its caption, above or (in most PDFs) below it, else the heading above it."""
    below = _CAPTION.match(text[end:].lstrip())
    above = _CAPTION.search(text[:start].rstrip().rsplit("\n", 1)[-1])
    if named := below or above:
        return named.group(1).strip()
    headings = _HEADING.findall(_CODE.sub("", text[:start]))
    return without_number(headings[-1] if headings else otherwise)
