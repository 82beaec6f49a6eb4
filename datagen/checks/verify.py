"""What a question-answer pair must pass, told from the source alone: no model rates itself here.

Each check takes texts and gives None or a `Fault(reason, detail)`. Measured on a 1.5B teacher, rating its own pairs
kept those that only repeat the question and threw good ones away, so the checks compare with the source instead.

    question   it asks something · it stands alone · it is in the document's language · it is not the statement itself
               · it is about its statement
    answer     it is whole · it is in the document's language · it answers rather than echoes · it is not a bare copy ·
               its figures, names and commands are in the evidence · the evidence carries its words
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from datagen.checks.phrases import ASKS, BARE, CLOSED, ELSEWHERE, LEANS, LEAVES_OUT, META, QUESTION_WORDS, SHOWING
from seedbed.content import FIGURE, NEGATED, STOP, figures, support, units
from seedbed.text import half_width, language, normalise, sentences, tokenize


class Fault(NamedTuple):
    """Why a pair is not kept: a stable name, and words a user understands."""

    reason: str
    detail: str


Check = Callable[[str], "Fault | None"]

# An answer of which this share stands word for word, in one run, in its evidence adds nothing of its own. Answers of up
# to so many tokens (in Chinese: characters) are exempt: a fact has few wordings ("The default is 0.7").
COPIED_SHARE = 0.8
COPIED_TOKENS = {"en": 27, "zh": 45}
# Share of the answer's content words that must stand in evidence or question. Chosen while reading 150 pairs of the
# 1.5B teacher (docs/quality.md): of those below nearly all were made up.
SUPPORT = {"en": 0.7, "zh": 0.7}
# The same for a question against the statement it is about. One word of its own is free: short texts have few.
PREMISE_SUPPORT = {"en": 0.7, "zh": 0.7}
FREE_WORDS = 1
SHORTEST_QUESTION = {"en": 5, "zh": 6}
# In characters. The pattern of `kinds` ends questions a little later; what reaches that end was cut there.
LONGEST_QUESTION = {"en": 180, "zh": 58}

# A Chinese question asks in its last clause, or in the one before where the last only goes on ("如何…，并…"); a small
# model lets the rest of the statement follow it. "请…" asks anyway.
_ASKS_LAST = re.compile(
    r"^请?(?:说明|解释|概括|简述|总结|描述|列出|介绍|比较)|(?:什么|多[少久长大高远重快]|哪|如何|怎|为何|谁|几)[^，；。]*$"
    r"|(?:如何|怎[样么])[^，；。]{4,}，(?:并且?|再|然后|同时)[^，；。]+$"
)
_LEADING_CLAUSE = re.compile(r"^(?:when|if|after|before|since|because|for|in|at|on|with|during|to)\b[^,]*, ", re.I)
_CLAUSE_END = re.compile(r"(?<=\S)[,;:.](?=\s)|\b(?:because|so that|since)\b")
GARBLED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffd]")
CODE = re.compile(r"`([^`\n]+)`")
# File names, flags, paths, snake_case, CamelCase, dotted names: words that a reader would type. ASCII, so that one in
# front of Chinese ends where the Chinese begins.
NAME = re.compile(
    r"(?<![\w-])--?[a-z][\w-]+|[\w.-]*\w\.(?:[a-z]{2,8})\b|\w+_\w+|/[\w./-]{2,}|\b[a-z]+[A-Z]\w+"
    r"|\b[A-Z]{2,}[\w-]*\d*\b|\b\w+-\d\w*\b",
    re.A,
)
_NAMED = re.compile(r"([A-Za-z][\w.+-]*)\(\d\w?\)|[“”\"]([!-~]{2,40})[“”\"]|(?:^|\|\s?)\|\s*([^|\s]{2,40})\s*\|", re.A)
# A name that says by itself what is meant: "Mondo Rescue", "vim(1)".
_PROPER = re.compile(r"(?<=[\w,] )[A-Z][\w-]+ [A-Z][\w-]+|\b[A-Z][a-z]+ [A-Z][\w-]+ ?是|[a-z][\w.+-]*\(\d\w?\)")
_ESCAPED = re.compile(r"\\(?:[^\s`]|\\+)?")
_WORD = re.compile(r"[a-z]+")
_PAIR = re.compile(r"\b([A-Za-z]+)[ -](?=([A-Za-z]+)\b)")
_LATIN = re.compile(r"[a-z][a-z0-9_.+-]+")
_WHAT_NOUN = re.compile(
    r"(?:what|which) (?!(?:is|are|was|were|do|does|did|can|could|must|should|has|have|will|would|may|might|happens?)\b)"
    r"(\w+)",
    re.I,
)
_IS_THE = re.compile(r"^(\S[^.;:]{0,60}?) (?:is|are) the ", re.I)
_ENDS = re.compile(r"""[.!?。！？…:：)）\]」』”"'`*|]$|```$""")
def question_fault(
    question: str, statement: str, lang: str, context: str = "", premise: float | None = None
) -> Fault | None:
    """The first thing that is wrong with a question, seen beside the statement it should be answered by.

    `context` holds what a question may name besides: title, headings, what the documents are about. `premise` is the
    share of its content words that must stand in either, where that is not PREMISE_SUPPORT.
    """
    if not question.strip():
        return Fault("empty", "the question is empty")
    if GARBLED.search(question):
        return Fault("garbled", "it holds control characters")
    if language(question) not in (lang, "mixed", "other"):
        return Fault("wrong_language", f"the question is not in the document's language ({lang})")
    if not ASKS[lang].search(question):
        return Fault("not_a_question", "it asks nothing")
    if CLOSED[lang].search(question):
        return Fault("yes_or_no", "a statement to agree with, no question")
    if re.search(r"\s[?？]$|的什么[?？]$", question) or len(question) >= LONGEST_QUESTION[lang]:
        return Fault("cut_question", "it breaks off before the question mark")
    if words := leaning(question, statement, lang):
        return Fault("leans_on_passage", f"{words!r} points at a text that its reader does not have")
    if found := BARE[lang].search(question):
        return Fault("leans_on_passage", f"{found.group()!r} stands where the subject should")
    if found := SHOWING[lang].search(question):
        return Fault("leans_on_passage", f"{found.group()!r}: its reader has not seen which")
    if (found := META[lang].search(question)) and not found.group().lower().startswith("i"):  # "I am on night shift."
        return Fault("meta", f"{found.group()!r} speaks of the model")
    size = len(tokenize(question))
    names_it = _PROPER.search(question) or identifiers(question) or (lang == "zh" and _LATIN.search(question.lower()))
    if size < SHORTEST_QUESTION[lang] and not names_it:
        return Fault("vague_question", f"{size} tokens do not say what is meant")
    if lang == "zh" and not _ASKS_LAST.search(question):
        return Fault("not_a_question", "its last clause asks nothing")
    if "\n" in question.strip() or question.count("?") + question.count("？") > 2:
        return Fault("several_questions", "more than one question")
    if sentence := _posed(question, statement, lang):
        return Fault("copies_passage", f"it is a sentence of the passage with a question mark: {sentence[:60]}")
    least = PREMISE_SUPPORT[lang] if premise is None else premise
    return premise_fault(question, f"{statement}\n{context}", lang, least)


def premise_fault(question: str, known: str, lang: str, least: float) -> Fault | None:
    """What a question takes for given and `known` does not say: figures, names, more than 1 - `least` of its words."""
    known = half_width(known)
    if missing := _missing_figures(question, known) or _missing_names(question, known, lang):
        return Fault("false_premise", f"{missing} is not in what it asks about")
    asked, known = _spelled_alike(QUESTION_WORDS[lang].sub(" ", question), known)
    if (share := support(asked, known, lang)) < least and _own(asked, known, lang) > FREE_WORDS:
        return Fault("false_premise", f"only {share:.0%} of its content words are in what it asks about")
    return None


def answer_fault(
    question: str, answer: str, evidence: str, lang: str, context: str = "", cells: str = ""
) -> Fault | None:
    """The first thing that is wrong with an answer. `evidence` is what it may say; `context` only names (headings);
    `cells` are those of a table's row, of which one word may be all there is to say ("spreadsheet")."""
    answer = answer.strip()
    return (
        form_fault(answer, evidence, lang)
        or _echo_fault(question, answer, evidence, lang, cells)
        or _grounding_fault(answer, evidence, lang, f"{context} {question}")
    )


def leaning(text: str, source: str, lang: str) -> str:
    """The words with which `text` points at a text; not those that its source uses itself ("the passage" in a manual
    about passages), unless they name another place of it."""
    if found := ELSEWHERE[lang].search(text):
        return found.group()
    said = normalise(source)
    return next((f.group() for f in LEANS[lang].finditer(text) if normalise(f.group()) not in said), "")


def statement_fault(text: str, evidence: str, lang: str, context: str = "") -> Fault | None:
    """The first thing that is wrong with a sentence that nobody asked for (of a summary, say): as of an answer, but
    that it may be worded as the evidence is."""
    return form_fault(text, evidence, lang) or _grounding_fault(text, evidence, lang, context)


def form_fault(answer: str, evidence: str, lang: str) -> Fault | None:
    if not answer:
        return Fault("empty", "the answer is empty")
    if GARBLED.search(answer):
        return Fault("garbled", "it holds control characters")
    if language(answer) not in (lang, "mixed", "other"):
        return Fault("wrong_language", f"the answer is not in the document's language ({lang})")
    if not _ENDS.search(answer) or answer.count("```") % 2 or answer.count("`") % 2:
        return Fault("cut_answer", f"it ends with {answer[-20:]!r}, not at the end of a sentence")
    if found := META[lang].search(answer):
        return Fault("meta", f"{found.group()!r} speaks of the model, not of the matter")
    if words := leaning(answer, evidence, lang):
        return Fault("leans_on_passage", f"{words!r} points at a text that its reader does not have")
    if repeated := _repeated(answer):
        return Fault("repetition", f"says {repeated!r} again and again")
    return None


def _echo_fault(question: str, answer: str, evidence: str, lang: str, cells: str) -> Fault | None:
    asked, said = tokenize(question), tokenize(answer)
    fresh = [token for token in said if token not in set(asked) and token not in STOP[lang]]
    exact = (
        set(figures(answer)) - set(figures(question))
        or identifiers(answer) - identifiers(question)
        or _named(answer, evidence, lang) - _named(question, evidence, lang)
        or (set(units(answer, lang)) & set(units(cells, lang))) - set(units(question, lang))
        or _asked_for(question, answer, evidence, lang)
        or _told(question, answer, evidence, lang)
    )
    if not exact and len(fresh) < 3:
        return Fault("echo", "it says nothing that the question has not said")
    if lang == "en" and _asks_what_it_says(question, answer, evidence):
        return Fault("echo", "the question holds what the answer says, and asks nothing")
    if "哪些" in question and not re.search(r"[、；]|和|与|以及|或|分别|及|并|\n", answer):
        return Fault("no_list", "asked for several things, it names none or one")
    if len(said) > COPIED_TOKENS[lang] and longest_run(said, tokenize(evidence)) >= COPIED_SHARE * len(said):
        return Fault("copied_answer", "it is copied word for word from the passage")
    return None


def _named(text: str, evidence: str, lang: str) -> set[str]:
    """What `text` calls by a name that is one in its evidence: what stands there in quotes, with the section of its
    manual page ("sed(1)") or at the head of a table's row; in Chinese any Latin word."""
    found = {(page or quoted or key).strip() for page, quoted, key in _NAMED.findall(half_width(evidence))}
    said = normalise(text)
    names = {name for name in map(normalise, found) if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", said)}
    return names | (set(_LATIN.findall(said)) if lang == "zh" else set())


def _asked_for(question: str, answer: str, evidence: str, lang: str) -> set[str]:
    """What stands in the answer beside the noun that is asked for: "What privilege …?" => "… root privilege". One word
    is then all that is asked. A Chinese one has two tokens or three, so that the count of tokens does not miss it."""
    asked = _WHAT_NOUN.match(question) if lang == "en" else None
    noun = next(units(asked.group(1), "en"), "") if asked else ""
    said = ["".join(units(token, "en")) for token in tokenize(answer)]
    beside = {other for pair in pairwise(said) if noun in pair for other in pair}
    return (beside & set(units(evidence, lang))) - set(units(question, lang)) if noun else set()


def _told(question: str, answer: str, evidence: str, lang: str) -> set[str]:
    """What a "What is the …?" is answered with before "is the …": "Zip is the cross-platform archive tool"."""
    asks = lang == "en" and re.match(r"what (?:is|are) the\b", question, re.I)
    found = _IS_THE.match(answer) if asks else None
    said = set(units(found.group(1), "en")) if found else set()
    return (said & set(units(evidence, "en"))) - set(units(question, "en"))


def _asks_what_it_says(question: str, answer: str, evidence: str) -> bool:
    """ "What does the ratio scale the effect?": a statement with "What does" before it, which the answer's first clause
    then repeats. In Chinese the question word stands in its place, and this slip is not seen."""
    if not question.lower().startswith("what "):
        return False
    clause = _CLAUSE_END.split(_LEADING_CLAUSE.sub("", answer) + " ")[0]
    exact = (
        set(figures(clause)) - set(figures(question))
        or identifiers(clause) - identifiers(question)
        or _named(clause, evidence, "en") - _named(question, evidence, "en")
    )
    return not exact and not set(units(clause, "en")) - set(units(question, "en"))


def _grounding_fault(answer: str, evidence: str, lang: str, context: str) -> Fault | None:
    if not evidence:
        return Fault("no_evidence", "no sentence of the passage carries it")
    known = half_width(f"{evidence}\n{context}")
    if missing := _missing_figures(answer, known):
        return Fault("unsupported_figure", f"{missing} is not in the evidence")
    if missing := _missing_names(answer, known, lang):
        return Fault("unsupported_name", f"{missing} is not in the evidence")
    negated = NEGATED[lang]
    if negated.search(answer) and not negated.search(f"{evidence} {context}"):
        return Fault("unsupported_negation", f"{negated.search(answer).group()!r}: the evidence denies nothing")  # type: ignore[union-attr]
    answer, known = _spelled_alike(answer, known)
    if (share := support(answer, known, lang)) < SUPPORT[lang] and _own(answer, known, lang) > FREE_WORDS:
        return Fault("unsupported", f"only {share:.0%} of its content words are in the evidence")
    return None


def steps_fault(steps: str, known: str, lang: str) -> Fault | None:
    """Whether the steps of a reasoned answer rest on what is `known`: its evidence and its question."""
    known = half_width(known)
    if missing := _missing_figures(steps, known) or _missing_names(steps, known, lang):
        return Fault("unsupported_step", f"{missing} is not in the evidence")
    if language(steps) not in (lang, "mixed", "other"):
        return Fault("wrong_language", f"the steps are not in the document's language ({lang})")
    if words := leaning(steps, known, lang):
        return Fault("leans_on_passage", f"{words!r} points at a text that its reader does not have")
    return None


def _posed(question: str, passage: str, lang: str) -> str:
    """The sentence of the passage that the question repeats nearly whole (80 % of it in one run); empty if none."""
    asked = tokenize(question)
    if LEAVES_OUT[lang].search(question):
        return ""  # one figure, name or reason is what such a question leaves out
    for start, end in sentences(passage):
        said = tokenize(passage[start:end])
        if len(said) > 5 and passage[start] != "#" and longest_run(asked, said) >= 0.8 * len(said):
            return passage[start:end]
    return ""


def _missing_figures(text: str, known: str) -> str:
    return ", ".join(sorted(set(figures(text)) - set(figures(known))))


def _missing_names(text: str, known: str, lang: str) -> str:
    exact, known = known, normalise(known)
    missing = {name for name in identifiers(text) if name not in known}
    # `rouge_score` is not Rouge_Score: what has an underscore is a name in code.
    written = {name.strip(".,:;") for name in NAME.findall(half_width(text))}
    missing |= {name for name in written if "_" in name and name not in exact}
    # Nor is `\\)` what stands there as `\\&`: a small model held to JSON loses what follows a backslash.
    missing |= {mark for mark in _ESCAPED.findall(text) if mark not in exact}
    if lang == "zh":
        # In Chinese every Latin word is a name or a term, and a small model garbles some ("种子bed" for seedbed).
        words = re.compile(r"[a-z][a-z0-9_-]+")
        missing |= set(words.findall(normalise(text))) - set(words.findall(known))
    return ", ".join(sorted(missing))


def _spelled_alike(text: str, known: str) -> tuple[str, str]:
    """Both with one spelling of what one of them has in two words and the other in one: "shut down", "shutdown"."""
    return _joined_as(text, known), _joined_as(known, text)


def _joined_as(text: str, other: str) -> str:
    words = set(_WORD.findall(other.lower()))
    return _PAIR.sub(lambda pair: pair[1] if (pair[1] + pair[2]).lower() in words else pair[0], text)


def _own(text: str, evidence: str, lang: str) -> int:
    """How many content units of `text` do not stand in `evidence`."""
    return len(set(units(text, lang)) - set(units(evidence, lang)))


def identifiers(text: str) -> set[str]:
    """Commands, files, flags and identifiers, normalised: what must not be invented."""
    found = [name for name in CODE.findall(text) if name.isascii()] + NAME.findall(half_width(text))
    return {normalise(name.strip(".,:;")) for name in found if len(name) > 1 and not FIGURE.fullmatch(name)}


def _repeated(text: str) -> str:
    """A run of 8 tokens that stands three times or more."""
    tokens = tokenize(text)
    seen: dict[tuple[str, ...], int] = {}
    for start in range(len(tokens) - 7):
        gram = tuple(tokens[start : start + 8])
        seen[gram] = seen.get(gram, 0) + 1
        if seen[gram] >= 3:
            return " ".join(gram)
    return ""


def longest_run(tokens: list[str], inside: list[str]) -> int:
    """Length of the longest run of `tokens` that stands, in one piece, in `inside`."""
    best, row = 0, [0] * (len(inside) + 1)
    for token in tokens:
        previous = 0
        for column, other in enumerate(inside, 1):
            previous, row[column] = row[column], (previous + 1 if token == other else 0)
            best = max(best, row[column])
    return best


def align(quote: str, text: str) -> tuple[int, int] | None:
    """Where `quote` stands in `text`, white space and width aside; near misses (over 90 % alike) are repaired to what
    the text says. None where it stands nowhere. `text[start:end]` is the exact evidence."""
    from rapidfuzz import fuzz

    squeezed, places = _squeeze(text)
    wanted, _ = _squeeze(quote)
    if not wanted:
        return None
    start = squeezed.find(wanted)
    end = start + len(wanted)
    if start < 0:
        near = fuzz.partial_ratio_alignment(wanted, squeezed, score_cutoff=90)
        if near is None or near.dest_end - near.dest_start < 0.8 * len(wanted):
            return None
        start, end = near.dest_start, near.dest_end
    return places[start], places[end - 1] + 1


def _squeeze(text: str) -> tuple[str, list[int]]:
    """The text without white space, half width, lower case; and where each character stood."""
    kept = [(char, place) for place, char in enumerate(half_width(text).lower()) if not char.isspace()]
    return "".join(char for char, _ in kept), [place for _, place in kept]


def carriers(answer: str, passage: list[str], proposed: list[int], lang: str, most: int) -> list[int]:
    """Indices (from 0) of the sentences that carry an answer: of those `proposed` the ones that share words with it,
    and while figures, names or most of its words are still missing, those of the rest that add the most."""
    wanted = set(units(answer, lang)) | {f"#{figure}" for figure in figures(answer)} | identifiers(answer)
    said = [
        set(units(s, lang)) | {f"#{f}" for f in figures(s)} | {n for n in identifiers(answer) if n in normalise(s)}
        for s in passage
    ]
    chosen = [i for i in dict.fromkeys(proposed) if wanted & said[i]][:most]
    missing = wanted - set().union(*(said[i] for i in chosen))
    while missing and len(chosen) < most:
        gain, best = max((len(missing & words), -i) for i, words in enumerate(said))
        # One shared word is no reason to cite a sentence; a figure or name is.
        if gain < 2 and not any(unit[0] == "#" for unit in missing & said[-best]):
            break
        chosen.append(-best)
        missing -= said[-best]
    return sorted(chosen)
