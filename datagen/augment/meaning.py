"""Does a reworded text still say the same? Told from the texts and from what their record rests on.

Exact things must be equal: figures, names and commands, whether something is denied, what kind of question is asked.
The rest is a matter of words: a good paraphrase shares most content words with its original, its answer and its
evidence, and where it shares too few nobody can tell by words alone (an encoder could: `changed` is the place to ask
it, before the last two faults). For records with evidence the checks that their question and answer had to pass when
they were made are made again.

Reasons: empty, wrong_language, unchanged, changed_figure, changed_code, changed_name, changed_negation,
changed_kind, meaning_changed, and those of `verify`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from datagen.checks import verify
from datagen.checks.agreement import agree
from datagen.checks.phrases import META
from datagen.checks.verify import Fault
from datagen.material import kinds
from seedbed import content
from seedbed.content import NEGATED, STOP
from seedbed.gate import rouge_l
from seedbed.record import Record
from seedbed.text import half_width, language, normalise, tokenize

# ROUGE-L F1 from which on a text is its original again.
_SAME = 0.95
# Least share of the new text's content words that stand in the old one or in what is known besides, and of the old
# text's that stand in the new one.
_KNOWN, _KEPT = 0.5, 0.4
_TERMS = 0.85  # least share that is left of the words of the matter; chosen on what the 1.5B teacher wrote
# Faults of `verify` that are a share of content words, and the same share in characters that outweighs them in Chinese.
_OF_WORDS, _SURE = ("false_premise", "unsupported"), 0.7
_LONGER = 2.0  # times the original's length; twice as long is not the same said otherwise

_FREE_NOT = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|\S+://\S+|\S+@\S+|“[^”]*”|\"[^\"\n]*\"|「[^」]*」|《[^》]*》"
    r"|[\x21-\x7e]*\d[\x21-\x7e]*",
    re.S,
)
_PROPER = re.compile(r"(?<=[a-z,;:] )[A-Z][\w-]+")
_FENCED = re.compile(r"```.*?(?:```|\Z)", re.S)
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_LATIN = re.compile(r"[a-z][a-z0-9_-]+")
# A question of fact may begin with other words ("At what intervals …", "By default, which …").
_OF_FACT = {
    "en": re.compile(r"\b(?:what|which|when|where|who|how (?:many|much|long|often))\b.*\?\s*$", re.I | re.S),
    "zh": re.compile(r"(?:多[少久长]|哪|几|什么).*[?？]\s*$", re.S),
}


def free(text: str, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    """The matches of `pattern` that code may reword: not in code, quotes, addresses or tokens with a figure."""
    kept = [match.span() for match in _FREE_NOT.finditer(text)]
    return [m for m in pattern.finditer(text) if not any(m.start() < end and start < m.end() for start, end in kept)]


def exact_fault(old: str, new: str, lang: str, besides: str = "") -> Fault | None:
    """What of figures, code, names and negation is not as it was. The new text may also name what stands in `besides`
    (an answer what its question names)."""
    if fault := figures_fault(old, new, besides):
        return fault
    if _FENCED.findall(old) != _FENCED.findall(new):
        return Fault("changed_code", "a block of code is not as it was")
    before, after = _names(old, lang), _names(new, lang)
    # `normalise`: names of another case are the same names.
    odd = {name for name in before - after if name not in normalise(new)}
    odd |= {name for name in after - before if name not in normalise(f"{old} {besides}")}
    if odd:
        return Fault("changed_name", f"{', '.join(sorted(odd))} stands in one of them only")
    if bool(NEGATED[lang].search(old)) != bool(NEGATED[lang].search(new)):
        return Fault("changed_negation", "one of them denies something")
    return None


def figures_fault(old: str, new: str, besides: str = "") -> Fault | None:
    """Whether the two texts have other figures."""
    before, after = set(content.figures(old)), set(content.figures(new))
    odd = (before - after) | (after - before - set(content.figures(besides)))
    return Fault("changed_figure", f"{', '.join(sorted(odd))} stands in one of them only") if odd else None


def lost_in_translation(text: str, translation: str) -> Fault | None:
    """Whether a translation has other figures in digits: number words differ between languages (两段, "two parts")."""
    one, other = (set(_DIGITS.findall(half_width(side).replace(",", ""))) for side in (text, translation))
    odd = one ^ other
    return Fault("changed_figure", f"{', '.join(sorted(odd))} stands in one language only") if odd else None


def _names(text: str, lang: str) -> set[str]:
    found = verify.identifiers(text) | {normalise(name) for name in _PROPER.findall(text)}
    # In Chinese every Latin word is a name or a term.
    return found | set(_LATIN.findall(half_width(text).lower())) if lang == "zh" else found


def changed(old: str, new: str, lang: str, known: str = "", besides: str = "") -> Fault | None:
    """The first thing that a rewording got wrong. `known` is what it may take words from (answer, evidence, title),
    `besides` what it may take figures and names from."""
    if not new.strip():
        return Fault("empty", "nothing came")
    if language(new) != language(old) and language(new) not in (lang, "mixed"):
        return Fault("wrong_language", f"the original is in another language ({lang})")
    if (found := META[lang].search(new)) and not META[lang].search(old):
        return Fault("meta", f"{found.group()!r} speaks of the model")
    if normalise(new) == normalise(old):
        return Fault("unchanged", "it is its original")
    if fault := exact_fault(old, new, lang, besides):
        return fault
    if (score := rouge_l(old, new)) > _SAME:
        return Fault("unchanged", f"it is nearly its original, ROUGE-L {score:.2f}")
    if len(new) > _LONGER * len(old) + 20:
        return Fault("meaning_changed", f"it is {len(new) / len(old):.1f} times as long")
    share, kept = words_in(new, f"{old}\n{known}", lang), words_in(old, new, lang)
    if share < _KNOWN:
        return Fault("meaning_changed", f"only {share:.0%} of its content words are known")
    if kept < _KEPT or agree(old, new, lang) is False:
        return Fault("meaning_changed", f"{kept:.0%} of the original's content words are left, ROUGE-L {score:.2f}")
    return None


def words_in(text: str, known: str, lang: str) -> float:
    """Share of the content words of `text` that stand in `known`."""
    wanted, there = _content(text, lang), set(_content(known, lang))
    return sum(word in there for word in wanted) / len(wanted) if wanted else 1.0


def _content(text: str, lang: str) -> list[str]:
    """English stems; Chinese characters: `verify` counts pairs of neighbours, of which one synonym breaks three."""
    if lang == "en":
        return list(content.units(text, lang))
    return [sign for sign in tokenize(text) if sign not in STOP["zh"] and not sign.isdigit()]


def term_fault(old: Record, instruction: str, evidence: str, lang: str) -> Fault | None:
    """Whether a question lost the words of its matter: those that stand in its answer and its evidence too ("the
    most that the teacher can write" for "the maximum number of tokens …")."""
    matter = set(_content(old.answer, lang)) & set(_content(evidence, lang))
    terms = matter.intersection(_content(old.instruction, lang))
    lost = terms - set(_content(instruction, lang))
    if len(lost) > (1 - _TERMS) * len(terms):
        return Fault("meaning_changed", f"lost {', '.join(sorted(lost))}, which its answer speaks of")
    return None


def asks_otherwise(old: str, new: str, lang: str) -> Fault | None:
    """Whether a question became one of another kind, or no question any more. "Explain …" may be asked in many ways."""
    before, after = (_asks(text, lang) for text in (old, new))
    if before not in ("", "summarise") and before != after:
        return Fault("changed_kind", f"{before} became {after or 'no question'}")
    return None


def _asks(text: str, lang: str) -> str:
    return kinds.recognise(text, lang, "") or ("fact" if _OF_FACT[lang].search(text) else "")


def ground_fault(old: Record, instruction: str, answer: str, evidence: str, lang: str) -> Fault | None:
    """The checks that a grounded question and answer had to pass, made on the new ones. What the old ones would not
    pass either (a yes-or-no question in somebody's data set) is no fault of the rewording."""
    source = old.source
    names = " ".join((*(source.headings if source else ()), old.instruction, old.answer))
    checks: list[Callable[[str, str], Fault | None]] = [
        lambda asked, told: verify.question_fault(asked, evidence, lang, names),
        lambda asked, told: verify.answer_fault(asked, told, evidence, lang, names),
    ]
    for check in checks:
        fault = check(instruction, answer)
        before = check(old.instruction, old.answer) if fault else None
        if fault is None or (before and before.reason == fault.reason):
            continue
        known = words_in(instruction if fault.reason == "false_premise" else answer, f"{evidence}{names}", lang)
        if lang == "zh" and fault.reason in _OF_WORDS and known >= _SURE:
            continue
        return fault
    return None
