"""The salt of surrogates and hashes: from an environment variable, or else from the run; written nowhere.

A hash without a secret is none: there are some ten thousand million mobile numbers, and a computer tries them all in
minutes. So a hash asks for the variable. Surrogates do without it, from the job's seed, which anyone with the job file
knows; they say so.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Protocol

from seedbed.context import Context
from seedbed.errors import InputError

_LEAST = 16  # characters: fewer can be guessed
_ROUNDS = 200_000  # of PBKDF2, so that the mark in a fingerprint is of no help in guessing


@dataclass(frozen=True)
class Salt:
    """`origin` is `environment` or `run`."""

    value: bytes
    origin: str
    warning: str = ""


class Wishes(Protocol):
    @property
    def salt(self) -> str: ...

    def action_for(self, kind: str) -> str: ...

    def wanted(self) -> tuple[str, ...]: ...


def salt_of(options: Wishes, context: Context) -> Salt:
    """The salt. Raises InputError where a hash is asked for and there is none, or it is short."""
    actions = {options.action_for(kind) for kind in options.wanted()}
    given = os.environ.get(options.salt, "")
    if given and len(given) < _LEAST and actions & {"hash", "surrogate"}:
        raise InputError(f"the salt has fewer than {_LEAST} characters and could be guessed", where=f"${options.salt}",
                         next_step=_HOW.format(options.salt))
    if given:
        return Salt(given.encode("utf-8", "surrogateescape"), "environment")
    if "hash" in actions:
        raise InputError("the action `hash` needs a salt that nobody knows", where=f"${options.salt}",
                         next_step=_HOW.format(options.salt))
    warning = (f"surrogates come from the job's seed: who knows it can try guesses; set {options.salt} to prevent that"
               if "surrogate" in actions else "")
    return Salt(f"seedbed pii {context.seed}".encode(), "run", warning)


_HOW = "Set it, for one: export {}=$(openssl rand -hex 16); keep it as you keep a password, or throw it away afterwards"


def trace(variable: str) -> str:
    """What a fingerprint holds of the salt: enough to see that it changed."""
    given = os.environ.get(variable, "").encode("utf-8", "surrogateescape")
    return hashlib.pbkdf2_hmac("sha256", given, b"seedbed pii", _ROUNDS).hex() if given else "none"
