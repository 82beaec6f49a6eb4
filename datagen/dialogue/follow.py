"""Is this a follow-up? It must lean on what was said before, and be understood from it.

Both are told from the FULL question, which stands alone and has passed the checks of `verify` against its statement,
and from the history:

    leans        it leaves out words of the full question that the history has said: any where a pronoun or the like
                 stands in their place, at least half of them without one
    understood   every word, name and figure of the full question stands in the follow-up or in the history, so that
                 the full question can be put together again, and it asks in the same way ("how often" stays "how
                 often"; where no word asks, the question before must have asked in the same way: "And above 4 bar?")
    the same     it brings no word, name or figure that neither has
"""

from __future__ import annotations

import re

from datagen.checks.phrases import ASKS, CLOSED, LEANS, META, POINTERS, QUESTION_WORDS
from datagen.checks.verify import FREE_WORDS, GARBLED, LONGEST_QUESTION, Fault, identifiers
from seedbed.content import STOP, figures, units
from seedbed.text import CJK, language, normalise, tokenize

# Of the words that the history has said, this share left out is an ellipsis ("Above what pressure does it leak?" keeps
# the leak, which was spoken of, and leaves out the seal).
_ELLIPSIS = 0.5
_CUT = re.compile(r"(?:\b(?:the|an?|its|their|and|or)|[的和与或])\s*[?？]$", re.I)
_OPENING = re.compile(r"^(?:(?:and|but|so|then|okay|ok|now)\b[ ,]*)+", re.I)
_ASKING = {
    "en": re.compile(r"\b(?:why|when|where|who|what|which|how(?: (?:many|much|long|often|large|big|fast|few|far))?)\b"),
    "zh": re.compile(r"为什么|为何|什么原因|多少|多[久长大高远重快]|几|哪里|哪儿|哪|什么|怎么办|怎[么样]?|如何|谁|区别"
                     r"|不同"),
}
# A word, code as a whole, a Chinese character.
_TOKEN = re.compile(rf"`[^`]+`|[A-Za-z0-9_.-]+|[{CJK}]")
# Ways of asking for the same.
_ALIKE = {"which": "what", "how large": "how big", "为何": "为什么", "什么原因": "为什么",
          "如何": "怎", "怎么": "怎", "怎样": "怎", "怎么办": "怎",
          "哪": "什么", "哪儿": "哪里", "几": "多少", "不同": "区别"}


def follow_fault(said: str, full: str, history: str, before: str, lang: str) -> Fault | None:
    """The first thing that is wrong with a follow-up: `said` of the `full` question, after `history` (all turns as
    running text), whose last full question was `before`."""
    return (
        _form_fault(said, full, lang)
        or _changed(said, full, history, before, lang)
        or _lost(said, full, history, lang)
        or (None if leans(said, full, history, lang) else Fault("self_contained", "it says all that the full one says"))
    )


def leans(said: str, full: str, history: str, lang: str) -> bool:
    """Whether `said` leaves to the history what the `full` question says itself."""
    known = content(full, lang) & content(history, lang)
    left_out = known - content(said, lang)
    return bool(left_out) and (bool(POINTERS[lang].search(said)) or len(left_out) >= _ELLIPSIS * len(known))


def said_before(full: str, history: str, lang: str) -> list[str]:
    """The phrases of a full question that the history has said, as the question has them: what a follow-up can leave
    out. Empty where it has nothing to lean on."""
    known, said = set(tokenize(history)), normalise(history)
    runs: list[list[re.Match[str]]] = [[]]
    # Words that ask are blanked by one that nobody has said, so that none of them stands at the end of a phrase.
    for match in _TOKEN.finditer(_ASKING[lang].sub(lambda asks: "q" * len(asks.group()), full)):
        if not set(tokenize(match.group())) <= known:
            runs.append([])
        elif runs[-1] and normalise(full[runs[-1][0].start() : match.end()]) not in said:
            runs.append([match])  # said too, and not in one piece with what stands before it
        else:
            runs[-1].append(match)
    held = content(history, lang)
    phrases = (_trimmed(full, run, lang) for run in runs)
    return [phrase for phrase in phrases if content(phrase, lang) & held]


def _trimmed(full: str, run: list[re.Match[str]], lang: str) -> str:
    """The text of a run of tokens without function words at its ends; an article may begin it."""
    bare = STOP[lang] - {"the", "a", "an"}
    while run and run[0].group().lower() in bare:
        run = run[1:]
    while run and run[-1].group().lower() in STOP[lang]:
        run = run[:-1]
    return full[run[0].start() : run[-1].end()] if run else ""


def content(text: str, lang: str) -> set[str]:
    """Content words, names and figures of a text; not the words that ask."""
    words = set(units(POINTERS[lang].sub(" ", QUESTION_WORDS[lang].sub(" ", text)), lang))
    return words | identifiers(text) | {f"#{figure}" for figure in figures(text)}


def _form_fault(said: str, full: str, lang: str) -> Fault | None:
    if not said.strip():
        return Fault("empty", "the follow-up is empty")
    if GARBLED.search(said):
        return Fault("garbled", "it holds control characters")
    if language(said) not in (lang, "mixed", "other"):
        return Fault("wrong_language", f"the follow-up is not in the document's language ({lang})")
    if not ASKS[lang].search(said) or (CLOSED[lang].search(said) and not CLOSED[lang].search(full)):
        return Fault("not_a_question", "it asks nothing that the full question asks")
    if len(said) >= LONGEST_QUESTION[lang] or "\n" in said.strip() or len(re.findall("[?？]", said)) > 2:
        return Fault("several_questions", "more than one short question")
    if _CUT.search(said):
        return Fault("cut_question", "it breaks off before the question mark")
    if found := LEANS[lang].search(said):
        return Fault("leans_on_passage", f"{found.group()!r} points at a text that its reader does not have")
    if found := META[lang].search(said):
        return Fault("meta", f"{found.group()!r} speaks of the model")
    return None


def _changed(said: str, full: str, history: str, before: str, lang: str) -> Fault | None:
    """Something asked that the full question does not ask."""
    own = content(said, lang) - content(full, lang) - content(history, lang)
    if len(own) > FREE_WORDS or any(_exact(word) for word in own):
        return Fault("changed_question", f"{', '.join(sorted(own))} is in neither the question nor the talk before")
    asked, wanted = _asking(said, lang), _asking(full, lang)
    if not (asked or _asking(before, lang)) & wanted and wanted:
        return Fault("changed_question", "it does not ask in the way of the full question")
    return None


def _lost(said: str, full: str, history: str, lang: str) -> Fault | None:
    """Something that is left out and that the history does not say."""
    here = f"{said}\n{history}"
    missing = content(full, lang) - content(said, lang) - content(history, lang)
    if lang == "zh":  # two characters that only meet where words meet (泵主 of 离心泵主轴) are not left out
        missing = {word for word in missing if _exact(word) or not all(sign in here for sign in word)}
    # One plain word may be said in another, but not left out.
    instead = content(said, lang) - content(full, lang)
    if len(missing) > min(FREE_WORDS, len(instead)) or any(_exact(word) for word in missing):
        return Fault("lost_referent", f"{', '.join(sorted(missing))} is left out, and nothing before has said it")
    return None


def _exact(word: str) -> bool:
    """A figure or a name; of plain words one may be another."""
    return word[0] == "#" or not word.isalpha()


def _asking(question: str, lang: str) -> set[str]:
    text = _OPENING.sub("", normalise(question))
    return {_ALIKE.get(found, found) for found in _ASKING[lang].findall(text)}
