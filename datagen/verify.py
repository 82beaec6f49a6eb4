"""What a question-answer pair must pass, told from the source alone: no model rates itself here.

Each check takes texts and gives None or a `Fault(reason, detail)`. Measured on a 1.5B teacher, rating its own pairs
kept those that only repeat the question and threw good ones away, so the checks compare with the passage instead.

    question   it asks something · it stands alone · it is in the document's language · it is not the statement itself
    answer     it is whole · it is in the document's language · it answers rather than echoes · it is not a bare copy ·
               its figures, names and commands are in the evidence · the evidence carries its words
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from datagen.phrases import ASKS, BARE, LEANS, META, NEGATED, QUESTION_WORDS, STOP
from seedbed.chat import Reply
from seedbed.text import CJK, half_width, language, normalise, sentences, tokenize


class Fault(NamedTuple):
    """Why a pair is not kept: a stable name, and words a user understands."""

    reason: str
    detail: str


Check = Callable[[str], "Fault | None"]

# An answer of which this share stands word for word, in one run, in its evidence adds nothing of its own. 12 tokens and
# shorter are exempt: a fact has few wordings ("The default is 0.7").
COPIED_SHARE, COPIED_TOKENS = 0.8, 12
# Share of the answer's content words that must stand in evidence or question. Chosen while reading
# some 200 replies of the 1.5B teacher (docs/quality.md).
SUPPORT = {"en": 0.6, "zh": 0.5}
REPHRASED_SUPPORT = 0.4
# Share of a question's content words, and of those that its answer adds, that must stand in ONE sentence.
POINT_SUPPORT = 0.5
# The same for a question against the whole passage. Lower: a question brings its own verbs.
PREMISE_SUPPORT = {"en": 0.5, "zh": 0.4}
SHORTEST_QUESTION = {"en": 5, "zh": 7}
# In characters. The pattern of `kinds` ends questions a little later; what reaches that end was cut there.
LONGEST_QUESTION = {"en": 180, "zh": 58}

_CODE = re.compile(r"`([^`\n]+)`")
# File names, flags, paths, snake_case, CamelCase, dotted names: words that a reader would type.
_NAME = re.compile(
    r"--?[a-z][\w-]+|[\w.-]*\w\.(?:[a-z]{2,8})\b|\w+_\w+|/[\w./-]{2,}|\b[a-z]+[A-Z]\w+|\b[A-Z]{2,}[\w-]*\d*\b|\b\w+-\d\w*\b"
)
_FIGURE = re.compile(r"\d+(?:[.,:/-]\d+)*")
_ENUMERATOR = re.compile(r"^\s*\d{1,2}[.)、](?=\s)", re.M)  # of a list: no figure
_ENDS = re.compile(r"""[.!?。！？…:：)）\]」』”"'`*|]$|```$""")
_SMALL = {
    w: str(n) for n, w in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
}
_SMALL_ZH = dict(
    zip("零一二三四五六七八九十两", ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "2"], strict=True)
)


def question_fault(question: str, statement: str, lang: str, context: str = "") -> Fault | None:
    """The first thing that is wrong with a question, seen beside the statement it should be answered by.

    `context` holds what a question may name besides: title, headings, what the documents are about.
    """
    if not question.strip():
        return Fault("empty", "the question is empty")
    if language(question) not in (lang, "mixed", "other"):
        return Fault("wrong_language", f"the question is not in the document's language ({lang})")
    if not ASKS[lang].search(question):
        return Fault("not_a_question", "it asks nothing")
    if re.search(r"\s[?？]$", question) or len(question) >= LONGEST_QUESTION[lang]:
        return Fault("cut_question", "it breaks off before the question mark")
    if leaning := _leaning(question, statement, lang):
        return Fault("leans_on_passage", f"{leaning!r} points at a text that its reader does not have")
    if found := BARE[lang].search(question):
        return Fault("leans_on_passage", f"{found.group()!r} stands where the subject should")
    if found := META[lang].search(question):
        return Fault("meta", f"{found.group()!r} speaks of the model")
    size = len(tokenize(question))
    if size < SHORTEST_QUESTION[lang]:
        return Fault("vague_question", f"{size} tokens do not say what is meant")
    if "\n" in question.strip() or question.count("?") + question.count("？") > 2:
        return Fault("several_questions", "more than one question")
    if sentence := _posed(question, statement):
        return Fault("copies_passage", f"it is a sentence of the passage with a question mark: {sentence[:60]}")
    known = half_width(f"{statement}\n{context}")
    if missing := _missing_figures(question, known) or _missing_names(question, known, lang):
        return Fault("false_premise", f"{missing} is not in the passage")
    share = support(QUESTION_WORDS[lang].sub(" ", question), known, lang)
    if share < PREMISE_SUPPORT[lang]:
        return Fault("false_premise", f"only {share:.0%} of its content words are in the passage")
    return None


def answer_fault(
    question: str, answer: str, evidence: str, lang: str, context: str = "", least: float | None = None
) -> Fault | None:
    """The first thing that is wrong with an answer. `evidence` is what it may say; `context` only names (headings);
    `least` is the share of its content words that must be known, SUPPORT by default."""
    answer = answer.strip()
    return (
        _form_fault(answer, evidence, lang)
        or _echo_fault(question, answer, evidence, lang)
        or _grounding_fault(answer, evidence, lang, f"{context} {question}", SUPPORT[lang] if least is None else least)
    )


def point_of(question: str, passage: list[str], cited: int | None, name: str, lang: str) -> int | None:
    """Index of the sentence that a question is about: the cited one if half of the question's content words stand
    there, else the sentence that has most of them, at least half; None when no sentence does.

    Of 69 pairs read, those whose question had no such sentence were wrong or empty, all but three.
    """
    asked = QUESTION_WORDS[lang].sub(" ", question)
    shares = [support(asked, f"{sentence} {name}", lang) for sentence in passage]
    if cited is not None and shares[cited] >= POINT_SUPPORT:
        return cited
    best = max(range(len(shares)), key=lambda index: shares[index], default=None)
    return best if best is not None and shares[best] >= POINT_SUPPORT else None


def point_fault(question: str, answer: str, point: str, lang: str) -> Fault | None:
    """Whether what the answer adds to the question comes from the sentence that the question is about."""
    asked, known = set(units(question, lang)), set(units(point, lang))
    added = [unit for unit in units(answer, lang) if unit not in asked]
    share = sum(unit in known for unit in added) / len(added) if added else 1.0
    if share < POINT_SUPPORT:
        return Fault("off_point", f"only {share:.0%} of what it adds is in the sentence that the question is about")
    return None


def kind_fault(kind: str, question: str, answer: str) -> Fault | None:
    """Whether the answer gives what its kind of question asks for.

    A question for a fact is answered by a figure or a name that the question has not said and the evidence has. Of the
    pairs of the 1.5B teacher that lacked it nearly all were empty talk ("What is the purpose of the second check?").
    """
    if kind != "fact":
        return None
    told = set(_figures(answer)) - set(_figures(question)) or _names(answer) - _names(question)
    if told:
        return None
    return Fault("no_fact", "it asks for a fact, and the answer gives no figure or name")


def _leaning(text: str, source: str, lang: str) -> str:
    """The words with which `text` points at a text; not those that its source uses itself ("the passage" in a manual
    about passages)."""
    said = normalise(source)
    return next((f.group() for f in LEANS[lang].finditer(text) if normalise(f.group()) not in said), "")


def _form_fault(answer: str, evidence: str, lang: str) -> Fault | None:
    if not answer:
        return Fault("empty", "the answer is empty")
    if language(answer) not in (lang, "mixed", "other"):
        return Fault("wrong_language", f"the answer is not in the document's language ({lang})")
    if not _ENDS.search(answer) or answer.count("```") % 2 or answer.count("`") % 2:
        return Fault("cut_answer", f"it ends with {answer[-20:]!r}, not at the end of a sentence")
    if found := META[lang].search(answer):
        return Fault("meta", f"{found.group()!r} speaks of the model, not of the matter")
    if leaning := _leaning(answer, evidence, lang):
        return Fault("leans_on_passage", f"{leaning!r} points at a text that its reader does not have")
    if repeated := _repeated(answer):
        return Fault("repetition", f"says {repeated!r} again and again")
    return None


def _echo_fault(question: str, answer: str, evidence: str, lang: str) -> Fault | None:
    asked, said = tokenize(question), tokenize(answer)
    fresh = [token for token in said if token not in set(asked) and token not in STOP[lang]]
    exact = set(_figures(answer)) - set(_figures(question)) or _names(answer) - _names(question)
    if not exact and len(fresh) < 3:
        return Fault("echo", "it says nothing that the question has not said")
    if len(said) > COPIED_TOKENS and _longest_run(said, tokenize(evidence)) >= COPIED_SHARE * len(said):
        return Fault("copied_answer", "it is copied word for word from the passage")
    return None


def _grounding_fault(answer: str, evidence: str, lang: str, context: str, least: float) -> Fault | None:
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
    share = support(answer, known, lang)
    if share < least:
        return Fault("unsupported", f"only {share:.0%} of its content words are in the evidence")
    return None


def _posed(question: str, passage: str) -> str:
    """The sentence of the passage that the question repeats nearly whole (80 % of it in one run); empty if none."""
    asked = tokenize(question)
    if asked[:1] == ["why"]:
        return ""  # the reason is what such a question leaves out
    for start, end in sentences(passage):
        said = tokenize(passage[start:end])
        if len(said) > 5 and passage[start] != "#" and _longest_run(asked, said) >= 0.8 * len(said):
            return passage[start:end]
    return ""


def _missing_figures(text: str, known: str) -> str:
    return ", ".join(sorted(set(_figures(text)) - set(_figures(known))))


def _missing_names(text: str, known: str, lang: str) -> str:
    known = normalise(known)
    missing = {name for name in _names(text) if name not in known}
    if lang == "zh":
        # In Chinese every Latin word is a name or a term, and a small model garbles some ("种子bed" for seedbed).
        words = re.compile(r"[a-z][a-z0-9_-]+")
        missing |= set(words.findall(normalise(text))) - set(words.findall(known))
    return ", ".join(sorted(missing))


def support(text: str, evidence: str, lang: str) -> float:
    """Share of the content units of `text` that stand in `evidence`; 1.0 where there are none."""
    wanted = list(units(text, lang))
    have = set(units(evidence, lang))
    return sum(unit in have for unit in wanted) / len(wanted) if wanted else 1.0


def units(text: str, lang: str) -> Iterator[str]:
    """What carries meaning: in English words without stop words, cut to 5 letters so that inflections meet; in Chinese
    pairs of neighbouring characters that are not function words, and Latin words whole."""
    if lang == "en":
        for token in tokenize(text):
            if token not in STOP["en"] and len(token) > 1:
                yield token[:5]
        return
    for run in re.findall(f"[{CJK}]+|[a-z0-9]+", half_width(text).lower()):
        if run[0].isascii():
            yield run
        else:
            yield from (
                a + b for a, b in zip(run, run[1:], strict=False) if a not in STOP["zh"] and b not in STOP["zh"]
            )


def _figures(text: str) -> list[str]:
    """Numbers, with number words up to twelve as digits and thousands separators taken out."""
    text = _ENUMERATOR.sub("", half_width(text))
    found = [match.rstrip(".,:-/") for match in _FIGURE.findall(text)]
    found = [f.replace(",", "") if re.fullmatch(r"\d{1,3}(?:,\d{3})+", f) else f for f in found]
    found = [re.sub(r"(\.\d*?)0+$", r"\1", f).rstrip(".") if re.fullmatch(r"\d+\.\d+", f) else f for f in found]
    words = [_SMALL[w] for w in re.findall(r"[a-z]+", text.lower()) if w in _SMALL and w not in ("one", "zero")]
    chinese = [
        _SMALL_ZH[w] for w in re.findall(r"([二三四五六七八九十两])(?=[个种次条步年天分秒轮级份倍项类章台])", text)
    ]
    return found + words + chinese


def _names(text: str) -> set[str]:
    """Commands, files, flags and identifiers, normalised: what must not be invented."""
    found = [name for name in _CODE.findall(text) if name.isascii()] + _NAME.findall(half_width(text))
    return {normalise(name.strip(".,:;")) for name in found if len(name) > 1 and not _FIGURE.fullmatch(name)}


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


def _longest_run(tokens: list[str], inside: list[str]) -> int:
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
    wanted = set(units(answer, lang)) | {f"#{figure}" for figure in _figures(answer)} | _names(answer)
    said = [
        set(units(s, lang)) | {f"#{f}" for f in _figures(s)} | {n for n in _names(answer) if n in normalise(s)}
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


_YES = {"en": {"yes", "correct", "true"}, "zh": {"是", "是的", "对", "正确", "yes"}}
_NO = {"en": {"no", "not", "false"}, "zh": {"否", "不", "不是", "错", "no"}}


def yes(reply: Reply, lang: str) -> float:
    """How sure a yes-or-no reply is of yes, from 0 to 1: P(yes) / (P(yes) + P(no)) over its first token where the
    endpoint gave probabilities, else 1.0 or 0.0 by the word."""
    if reply.first:
        for_, against = (
            sum(p for t, p in reply.first.items() if t.strip().lower() in words) for words in (_YES[lang], _NO[lang])
        )
        if for_ + against > 0:
            return for_ / (for_ + against)
    word = reply.text.strip().lower()
    return (
        1.0 if any(word.startswith(w) for w in _YES[lang]) and not any(word.startswith(n) for n in _NO[lang]) else 0.0
    )
