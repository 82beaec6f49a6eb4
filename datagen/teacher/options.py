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

Structured = Literal["auto", "json_schema", "json_object", "none"]
# Who may be asked by a teacher of its own: those that write, those that check what was written, and those that rate it.
ROLES = ("generate", "verify", "judge")
_SECRET = re.compile(r"api[_-]?key|authorization|secret|password|credential", re.I)


class EndpointOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of several endpoints. What it leaves out is as `teacher` says.

    weight   its share of the work, measured against the others'
    """

    url: str
    weight: float = 1.0
    model: str | None = None
    key_env: str | None = None
    header_env: dict[str, str] | None = None
    concurrency: int | None = None
    rpm: float | None = None
    tpm: float | None = None
    structured: Structured | None = None
    prices: Prices | None = None
    extra: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.weight <= 0:
            raise ValueError("weight: expected more than 0; leave the endpoint out instead")


class TeacherOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which teacher, and how it is asked.

    model        `embedded`, a name of `seedbed models list`, `path:/some/model.gguf`, `scripted:replies.jsonl`, or,
                 with `url` or `endpoints`, what they call the model
    url          base URL, or several of the same model to share the work; usually ends in /v1
    endpoints    several endpoints, each with a URL and what is its own: model, key, weight, prices, caps
    roles        teachers for a role of their own (ROLES), each with options as these; they inherit nothing
    key_env      the environment variable that holds the key; never the key itself
    header_env   more headers: name -> environment variable that holds the value
    concurrency  calls at once to each endpoint, at most; the endpoint's refusals decide how many really
    rpm, tpm     requests and tokens a minute to each endpoint, at most
    timeout      seconds for one call
    retries      tries after the first for calls that broke
    patience     seconds to go on against 429 without one answer
    structured   how JSON is asked for; `auto` takes the strongest form that the endpoint knows
    max_tokens   a cap on every reply, whatever a stage asks for
    prices       money for a million tokens, as the endpoint charges it (with `batch` what a batch costs)
    extra        more parameters for every request, as the endpoint knows them
    batch        asks by the Batch API: within a day, usually at half the price
    batch_size   requests in one batch, at most
    batch_poll   seconds between two looks at a batch
    slots, context, threads   of a local model: see `embedded.ServerOptions`
    """

    model: str = "embedded"
    url: str | tuple[str, ...] | None = None
    endpoints: tuple[EndpointOptions, ...] = ()
    roles: dict[str, dict[str, Any]] = {}
    key_env: str = "OPENAI_API_KEY"
    header_env: dict[str, str] = {}
    concurrency: int = 16
    rpm: float | None = None
    tpm: float | None = None
    timeout: float = 120.0
    retries: int = 6
    patience: float = 600.0
    structured: Structured = "auto"
    max_tokens: int | None = None
    prices: Prices | None = None
    extra: dict[str, Any] = {}
    batch: bool = False
    batch_size: int = 5_000
    batch_poll: float = 30.0
    slots: int = 4
    context: int = 4096
    threads: int = 0

    def __post_init__(self) -> None:
        for name in "concurrency timeout patience slots context rpm tpm batch_size batch_poll".split():
            if (value := getattr(self, name)) is not None and value <= 0:
                raise ValueError(f"{name}: expected more than 0")
        if self.retries < 0 or (self.max_tokens is not None and self.max_tokens < 1):
            raise ValueError("retries: expected 0 or more; max_tokens: expected 1 or more")
        for extra in (self.extra, *(endpoint.extra for endpoint in self.endpoints)):
            if secret := next((name for name in _names(extra) if _SECRET.search(name)), ""):
                raise ValueError(
                    f"extra: {secret} would be kept in the journal; name an environment variable that holds it in "
                    "`key_env` or `header_env`"
                )
        if not self.urls and not self.local and not self.model.startswith("scripted:"):
            known = ", ".join(model.name for model in models.CATALOGUE)
            raise ValueError(f"url: needed for {self.model!r}; without it: embedded, path:FILE.gguf or {known}")
        self._check_pool()

    def _check_pool(self) -> None:
        if self.endpoints and self.url is not None:
            raise ValueError("url: stands beside `endpoints`; name each endpoint there, with a `url` of its own")
        if any((e.model or self.model) == "embedded" for e in self.endpoints):
            raise ValueError("endpoints: each needs a `model`, its own or the one beside `endpoints`")
        each = [options for _, options in self.each] if self.urls else []
        if len({options.prices.currency for options in each if options.prices}) > 1:
            raise ValueError("endpoints: prices in several currencies cannot be added up; give all in one")
        if self.batch and not each:
            raise ValueError("batch: needs an endpoint that knows the Batch API; name its `url`")
        if self.batch and len({options.group for options in each}) < len(each):
            raise ValueError("batch: one endpoint for each model; a batch is not shared between two")

    @property
    def urls(self) -> tuple[str, ...]:
        """The base URLs of all endpoints."""
        if self.endpoints:
            return tuple(endpoint.url for endpoint in self.endpoints)
        return (self.url,) if isinstance(self.url, str) else self.url or ()

    @property
    def each(self) -> list[tuple[float, TeacherOptions]]:
        """The endpoints: the weight of each and its options, as a teacher of its own would have them."""
        if not self.endpoints:
            one = isinstance(self.url, str)
            return [(1.0, self if one else msgspec.structs.replace(self, url=url)) for url in self.urls]
        shared = msgspec.structs.replace(self, endpoints=(), roles={}, batch=False, url=self.endpoints[0].url)
        return [(e.weight, msgspec.structs.replace(shared, **_said(e))) for e in self.endpoints]

    @property
    def group(self) -> tuple[str, bytes]:
        """What endpoints must have in common for a reply of one to do for another: the model and the parameters."""
        return self.model, msgspec.json.encode(self.extra, order="sorted")

    @property
    def identity(self) -> tuple[Any, ...]:
        """What of the teacher decides its replies; how fast it is asked does not."""
        cap = [self.max_tokens] if self.max_tokens else []
        if not self.endpoints:
            return (self.model, self.urls, self.extra, *cap)
        several = len({options.group for _, options in self.each}) > 1
        pool = [(o.model, o.url, o.extra, *([weight] if several else [])) for weight, o in self.each]
        return ("endpoints", pool, *cap)

    @property
    def price(self) -> Prices:
        """The dearest of its endpoints', for estimates; zero where none is told."""
        told = [options.prices for _, options in self.each if options.prices] or ([self.prices] if self.prices else [])
        return max(told, key=lambda p: (p.completion, p.prompt), default=Prices())

    @property
    def unpriced(self) -> bool:
        """Whether an endpoint's price is not told. A model that seedbed runs itself costs nothing."""
        return any(options.prices is None for _, options in self.each)

    @property
    def local(self) -> bool:
        """Whether seedbed starts this model itself."""
        known = {*models.ALIASES, *(m.name for m in models.CATALOGUE)}
        return not self.urls and (self.model.startswith("path:") or self.model in known)

    @property
    def width(self) -> int:
        """Calls worth having under way or waiting for their turn at once.

        Results are taken in order, so one refused call that waits a second must not hold up all behind it: an endpoint
        of 200 ms answers five others at its place meanwhile. A batch should hold as much as it can.
        """
        if self.local or not self.urls:
            return self.slots if self.local else 4 * self.concurrency
        return self.batch_size if self.batch else 4 * sum(options.concurrency for _, options in self.each)


def _said(endpoint: EndpointOptions) -> dict[str, Any]:
    """What an endpoint says for itself."""
    values = msgspec.structs.asdict(endpoint)
    return {name: value for name, value in values.items() if value is not None and name != "weight"}


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
    scattered: float = 0.1  # after one fault of an endpoint that answers others meanwhile
    gather: float = 1.0  # a batch goes when no new request has come for so long
    refused: float = 2.0  # after a 429 that says nothing of its own (algorithms of the common clients)
    reach: float = 15.0  # for an endpoint that never answered to come up

    def backoff(self, tries: int) -> float:
        return min(self.longest, self.first * 2.0 ** (tries - 1)) * random.uniform(0.75, 1.25)
