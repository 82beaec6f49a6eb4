"""Finds personal data in a text: presidio's analyzer with seedbed's recognisers, and nothing of presidio's own.

Presidio without a language engine, for its patterns fail beside Chinese (see rules.py), one of them asks the network
for a list of domains, and its time limit for a pattern skips what a long text holds without a word. The two models of
names.py are recognisers like the rest.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from curate.pii import addresses, contact, cues, fame, identity, names, network, secrets
from curate.pii.kinds import Hit, settled
from curate.pii.rules import Found, Rule
from seedbed.errors import MissingExtra
from seedbed.text import half_width

# A surrogate half, which no encoder takes. Where a text has one, models and hashes would fail on it.
LONE = re.compile("[\ud800-\udfff]")
_LANGUAGE = "en"  # presidio asks for one; the recognisers go by script


class Finder(Protocol):
    def __call__(self, text: str, *, names: bool = True) -> list[Hit]: ...


def finder(profile: str, kinds: Sequence[str], languages: Sequence[str], allow: Iterable[str] = ()) -> Finder:
    """A function from text to hits, without overlaps and in order.

    `languages` are those whose names are looked for with a model; `allow` are values that are nobody's. With
    `names=False` the models are not asked. Raises MissingExtra.
    """
    everything = (*contact.RULES, *identity.RULES, *network.RULES, *secrets.RULES, *addresses.RULES, *cues.rules())
    chosen = [rule for rule in everything if profile in rule.profiles and rule.kind in kinds]
    engine = _engine(chosen, languages if "person" in kinds else ())
    allowed = frozenset(half_width(value).casefold() for value in allow)
    models = [f"name_{language}" for language in languages if "person" in kinds]
    patterns = sorted({f"{rule.kind}" for rule in chosen})

    def find(text: str, *, names: bool = True) -> list[Hit]:
        plain = LONE.sub("\ufffd", half_width(text))
        wanted = patterns + models if names else patterns
        results = engine.analyze(plain, _LANGUAGE, entities=wanted) if wanted and plain.strip() else ()
        hits = (Hit(r.start, r.end, "person" if r.entity_type in models else r.entity_type, r.score) for r in results)
        kept = hits if profile == "strict" else fame.without_figures(plain, hits)
        return [hit for hit in settled(kept) if plain[hit.start : hit.end].casefold() not in allowed]

    return find


def _engine(rules: Sequence[Rule], languages: Sequence[str]) -> Any:
    try:
        from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
        from presidio_analyzer.nlp_engine import NoOpNlpEngine
    except ImportError as error:
        raise MissingExtra("presidio-analyzer", "pii") from error
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)

    class Patterns(EntityRecognizer):  # type: ignore[misc]
        """All rules of one kind."""

        def __init__(self, kind: str) -> None:
            self.rules = [rule for rule in rules if rule.kind == kind]
            super().__init__(supported_entities=[kind], name=kind, supported_language=_LANGUAGE)

        def load(self) -> None:
            """Nothing to load."""

        def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:
            return [self._result(hit) for rule in self.rules for hit in _matches(rule, text)]

        def _result(self, hit: Hit) -> Any:
            return RecognizerResult(hit.kind, hit.start, hit.end, hit.score)

    class Names(Patterns):
        """A language's model of names."""

        def __init__(self, language: str) -> None:
            self.search = {"zh": names.chinese, "en": names.english}[language]
            super().__init__(f"name_{language}")

        def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:
            kind = self.supported_entities[0]
            return [RecognizerResult(kind, hit.start, hit.end, hit.score) for hit in self.search(text)]

    kinds = sorted({rule.kind for rule in rules})
    registry = RecognizerRegistry(recognizers=[*map(Patterns, kinds), *map(Names, languages)],
                                  supported_languages=[_LANGUAGE])
    nothing = NoOpNlpEngine(models=[{"lang_code": _LANGUAGE, "model_name": ""}])
    return AnalyzerEngine(registry=registry, nlp_engine=nothing, supported_languages=[_LANGUAGE])


def _matches(rule: Rule, text: str) -> Iterator[Hit]:
    group = "v" if "v" in rule.pattern.groupindex else 0
    for match in rule.pattern.finditer(text):
        start, end = match.span(group)
        begun = rule.begins(text, start) if rule.begins else start
        if begun is not None and end > begun and rule.check(Found(text[begun:end], text, begun, end)):
            yield Hit(begun, end, rule.kind, rule.score)
