"""Key points: the sentences of a passage that can be asked about and understood alone.

A small teacher asks about whatever it is shown, so what it is shown decides most: told the whole passage, or even its
heading, a 1.5B model asks about those (half of all pairs, docs/quality.md); shown one statement that stands alone, it
asks about that. A sentence that leans on the one before ("This value …") brings it along; one that stands on examples,
or that names nothing, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from datagen.checks.orders import is_order
from datagen.checks.phrases import ASIDE, ELSEWHERE, INSTANCE
from datagen.material import commands, kinds
from seedbed import content

# In characters: more holds several facts, of which a small model mixes parts.
_LONGEST = {"en": 320, "zh": 120}
_SHORTEST = {"en": 35, "zh": 14}
_MOST_FIGURES = 3  # more of them in one sentence get mixed up

LIST_MARK = re.compile(r"^[-*+•·●▪◦–]\s+")
_WHOLE = re.compile(r"[.!。！;；][\"”’」』）)]*$")
# Begins with, or holds, a word that only the text before explains; or tells, in the past tense, of one occasion whose
# circumstances stand elsewhere ("The loss was 1.3").
LEANS = {
    "en": re.compile(
        r"^(?:This|These|That|Those|It|They|He|She|Such|Therefore|So|Then|Thus|Here|Both|All|Otherwise|Its|Their|Another"
        r"|However|But|And|The (?:same|first|second|third|fourth|fifth|last|other|latter|former|next|following))\b"
        r"|\b(?:this|these|those)\b|\b(?:of|in|for|to|at|by|serves?) that\b|\bin (?:all|both) (?:\w+ )?cases\b"
        r"|\bthe same (?:way|function|method|thing|effect)\b|\bas follows\b|\bthe following\b"
        r"|\b(?:in|of) the (?:table|figure|list)\b|\b(?:table|figure|list) (?:above|below)\b"
        r"|\b(?:first|second|third|former|latter) (?:set|group|case|step|part|stage|check|one)\b"
        r"|\b(?:was|were) (?:about |only |below |above )?\d"
        r"|\b(?:measurements?|experiments?|tests?) (?:on|with|of|showed|shows?)\b"
    ),
    "zh": re.compile(
        r"^(?:这|此|它|因此|所以|其|反过来|同样|否则|两[者种个]|三[者种个组]|但|而|另|该|也|还|例|第[一二三四五六]|于是|不过)"
        r"|这[种些个样时]|上述|以上|如下|下面|相同(?:的)?(?:功能|方式|方法|操作)|[前后两二]者|同上|第[一二三四五六](?:组|类|种|步|个|项)|^[^，。]{1,4}方面"
        r"|[上下]表|[表图]中的?|实测|测量中|实验中|试验中"
        # Neither has what is in view a clause before it: "对于控制台，这将更新……".
        r"|^(?:为了|对于)[^，。]{1,40}，[^，。]{0,8}(?:这(?=[将会样使])|它们)"
    ),
}
# What is quoted or given as an example is not what the text says; a semicolon joins two statements, which get mixed.
_EXAMPLE = re.compile(
    r"[?？]|;|例如|比如|以.{2,24}为例|\bfor (?:example|instance)\b|\be\.g\.|[“\"「][^”\"」]{6,}[”\"」]", re.I
)
# Quotes that open and do not close: the sentence was cut at a point within them (find's pattern "." matches …). PDF
# files have one sign for both.
_QUOTE = re.compile(r"[“”\"]")
# Begins in the middle of a sentence, or is an aside as a whole.
_TORN = re.compile(r"(?:[”\"]?[,;:)\]，。、：；）」』]|\.\s|[(（])")
_PAGE = re.compile(r"\(\d\w?\)")  # "mount(8)", a manual page: no figure
# Says that there are several of something and names none: asked which, nobody can answer from it.
_ANNOUNCES = {
    "en": re.compile(
        r"^(?!.*(?:\bsuch as\b|\binclud|\blike\b|\bwhich\b|\bthat\b|\bbut\b|\bsince\b|:))"
        r"(?:.*\bthere (?:are|is|exist) (?:also )?(?:some|many|several|various|(?:a )?few|a number of|plenty of"
        r"|tools|ways|[a-z]+s (?:to|for)\b)"
        r"|(?:\W*\w+,? ){0,2}(?:some|many|several|various|few|most) (?:\S+ ){1,5}"
        r"(?:are|is|may be|may not be) (?:\w+ )?(?:available|supported|under some)\b)",
        re.I,
    ),
    "zh": re.compile(
        r"^(?!.*(?:例如|比如|包括|诸如|：|分别是|、[^。]*等))[^。]*?"
        r"(?:(?<![没带含具拥])有(?:着|很|许)?(?:许多|很多|多|一些|几[个种类项]|多种|不少|若干)[^，。]*(?:。|可用|可供|存在|方法|方式|工具|办法)|(?:许多|很多|一些|某些|大部分)[^，。]*(?:存在|可用)。)"
    ),
}
# Speaks to its reader about the text: "Let's look at …".
_INVITES = re.compile(r"\blet(?:[’']s| us)\b|让我们|我们来看", re.I)
# True on the day it was written: nobody asks for it later.
_DATED = re.compile(
    r"\b(?:currently|at present|nowadays|so far|as of (?:now|today|\d{4})|(?:as|at the time) of (?:this )?writing)\b"
    r"|目前|现如今|截至|撰写本文|至今",
    re.I,
)
# Something that a reader can look up: a command, a name, a figure; in Chinese any Latin word.
_ANCHOR = {
    "en": re.compile(r"`|\d|\b[A-Z]{2,}|\b\w+-\d|\b[a-z]+[A-Z]|(?<=[a-z,] )[A-Z][a-z]+"),
    "zh": re.compile(r"`|\d|[A-Za-z]{2,}"),
}


@dataclass(frozen=True)
class Point:
    """Numbers (from 0) of one sentence or table row, or of two neighbours that belong together, and the kinds of
    question it can carry. `form` is the prompt that it is asked with: a `pair` about sentences, about a `row`, or about
    a `command` and the sentence above it."""

    numbers: tuple[int, ...]
    kinds: tuple[str, ...]
    form: str = "pair"

    @property
    def joins(self) -> bool:
        """Whether an answer must join sentences."""
        return len(self.numbers) > 1 and self.form == "pair"


def points(
    sentences: list[str],
    names: str,
    language: str,
    rows: Collection[int] = (),
    blocks: Mapping[int, int] | None = None,
) -> Iterator[Point]:
    """The key points of a passage, in its order. `names` is what its headings and the job say it is about, `rows` the
    numbers of the sentences that are rows of tables with a head, `blocks` those of commands with the sentence above."""
    sentences = [LIST_MARK.sub("", sentence) for sentence in sentences]
    found = list(_points(sentences, names, language, rows, blocks or {}))
    # What stands alone but shows no kind of question is asked for its fact only where nothing better is there.
    # "You can stop the system from the console." says nothing without the command under it.
    leads = {point.numbers[0] for point in found if point.form == "command"}
    empty = {(number,) for number in leads if not _ANCHOR[language].search(sentences[number])}
    found = [point for point in found if point.form != "pair" or point.numbers not in empty]
    bare = () if any(point.kinds for point in found) else ("fact",)
    yield from (Point(p.numbers, p.kinds or bare, p.form) for p in found)


def _points(
    sentences: list[str], names: str, language: str, rows: Collection[int], blocks: Mapping[int, int]
) -> Iterator[Point]:
    named = set(content.units(names, language))

    def alone(text: str) -> bool:
        anchored = _ANCHOR[language].search(text) or named.intersection(content.units(text, language))
        return bool(anchored) and not LEANS[language].search(text)

    planted = {sentence for sentence in sentences if is_order(sentence)}
    for number, sentence in enumerate(sentences):
        if sentence in planted:
            continue
        if number in rows:
            if not _passing(sentence, language):
                yield Point((number,), ("fact",), "row")
            continue
        if number in blocks:
            lead = sentences[number - 1]
            shell = commands.prompted(sentence) and alone(lead)
            if commands.leads(lead, language, shell) and not _passing(commands.SHOWN.sub("", lead), language):
                yield Point((number - 1, number), ("how_to",), "command")
            continue
        if not _usable(sentence, language):
            continue
        before = sentences[number - 1] if number else ""
        stands = alone(sentence) and not before.endswith(("；", ";"))
        carried = tuple(kinds.carried(sentence, language))
        if stands:
            yield Point((number,), carried)
        joins = (not stands or _continues(before, sentence, language)) and before not in planted
        if joins and _usable(before, language) and alone(before) and len(before + sentence) <= _LONGEST[language]:
            yield Point((number - 1, number), carried)


def _usable(sentence: str, language: str) -> bool:
    """Whole, of a length that says one thing, not full of figures, true tomorrow, no example, no mere announcement, and
    no pointer to another place; all this but for its asides, which nobody is shown."""
    least, most = _SHORTEST[language], _LONGEST[language]
    bare = INSTANCE[language].sub("", ASIDE[language].sub("", sentence))
    fits = len(sentence) >= least and least // 2 <= len(bare) <= most
    fits = fits and len(content.figures(_PAGE.sub("", bare))) <= _MOST_FIGURES
    whole = fits and bool(_WHOLE.search(bare)) and not _TORN.match(bare) and len(_QUOTE.findall(bare)) % 2 == 0
    says = whole and not _EXAMPLE.search(bare) and not _ANNOUNCES[language].search(bare)
    says = says and not _INVITES.search(bare)
    return says and not _passing(bare, language)


def _passing(sentence: str, language: str) -> bool:
    """A pointer to another place, or what is true only on the day it is written."""
    return bool(ELSEWHERE[language].search(ASIDE[language].sub("", sentence)) or _DATED.search(sentence))


def _continues(before: str, sentence: str, language: str) -> bool:
    """Whether two neighbours speak of one thing: they share two content words."""
    return len(set(content.units(before, language)) & set(content.units(sentence, language))) >= 2
