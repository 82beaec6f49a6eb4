"""The `teacher:` part of a job."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from datagen.teacher.budget import Prices
from seedbed import models

_SECRET = re.compile(r"api[_-]?key|authorization|secret|password|credential", re.I)


class TeacherOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which teacher, and how it is asked.

    model        `embedded`, a name of `seedbed models list`, `path:/some/model.gguf`, `scripted:replies.jsonl`, or,
                 with `url`, what the endpoint calls its model
    url          base URL, or several of the same model to share the work; usually ends in /v1
    key_env      the environment variable that holds the key; never the key itself
    header_env   more headers: name -> environment variable that holds the value
    concurrency  calls at once to each endpoint, at most; the endpoint's refusals decide how many really
    timeout      seconds for one call
    retries      tries after the first for calls that broke
    patience     seconds to go on against 429 without one answer
    structured   how JSON is asked for; `auto` takes the strongest form that the endpoint knows
    max_tokens   a cap on every reply, whatever a stage asks for
    extra        more parameters for every request, as the endpoint knows them
    slots, context, threads   of a local model: see `embedded.ServerOptions`
    """

    model: str = "embedded"
    url: str | tuple[str, ...] | None = None
    key_env: str = "OPENAI_API_KEY"
    header_env: dict[str, str] = {}
    concurrency: int = 16
    timeout: float = 120.0
    retries: int = 6
    patience: float = 600.0
    structured: Literal["auto", "json_schema", "json_object", "none"] = "auto"
    max_tokens: int | None = None
    prices: Prices = Prices()
    extra: dict[str, Any] = {}
    slots: int = 4
    context: int = 4096
    threads: int = 0

    def __post_init__(self) -> None:
        for name in ("concurrency", "timeout", "patience", "slots", "context"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: expected more than 0")
        if self.retries < 0 or (self.max_tokens is not None and self.max_tokens < 1):
            raise ValueError("retries: expected 0 or more; max_tokens: expected 1 or more")
        if secret := next((name for name in _names(self.extra) if _SECRET.search(name)), ""):
            raise ValueError(
                f"extra: {secret} would be kept in the journal; name an environment variable that holds it in "
                "`key_env` or `header_env`"
            )
        if self.url is None and not self.local and not self.model.startswith("scripted:"):
            known = ", ".join(model.name for model in models.CATALOGUE)
            raise ValueError(f"url: needed for {self.model!r}; without it: embedded, path:FILE.gguf or {known}")

    @property
    def urls(self) -> tuple[str, ...]:
        return (self.url,) if isinstance(self.url, str) else self.url or ()

    @property
    def local(self) -> bool:
        """Whether seedbed starts this model itself."""
        known = {*models.ALIASES, *(m.name for m in models.CATALOGUE)}
        return self.url is None and (self.model.startswith("path:") or self.model in known)

    @property
    def width(self) -> int:
        """Calls worth having under way or waiting for their turn at once.

        Results are taken in order, so one refused call that waits a second must not hold up all behind it: an endpoint
        of 200 ms answers five others at its place meanwhile.
        """
        return self.slots if self.local else 4 * self.concurrency * max(1, len(self.urls))


def _names(value: Any) -> Iterator[str]:
    """The names of all keys in a nested value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


@dataclass(frozen=True)
class Pace:
    """Waiting between tries, in seconds; tests hurry it."""

    first: float = 1.0  # doubles with each try
    longest: float = 60.0
    refused: float = 2.0  # after a 429 that says nothing of its own (algorithms of the common clients)
    reach: float = 15.0  # for an endpoint that never answered to come up

    def backoff(self, tries: int) -> float:
        return min(self.longest, self.first * 2.0 ** (tries - 1)) * random.uniform(0.75, 1.25)
