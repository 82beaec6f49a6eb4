"""Takes secrets out of what is about to be printed or written: a traceback goes into a bug report.

Only values that the environment holds can be known: those of variables whose names say so, and of those that the job
names as its teacher's keys. A value is looked for whole and in runs of printable ASCII, because an error shows a line
break or a typographic quote in it escaped; under eight characters it stays (`MAX_TOKENS=4096` is no secret).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

_NAMES_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.I)
_SHORTEST = 8  # no issuer's keys are shorter
_RUN = re.compile(r"[!-~]+")


def scrubbed(text: str, job: Path | None = None) -> str:
    """`text` with the environment's secrets as `***`. `job` is the job file that was given, whatever state it is in."""
    named = set(_named(_read(job))) if job else set()
    values = (value for name, value in os.environ.items() if name in named or _NAMES_SECRET.search(name))
    found = {run for value in values for run in (value.strip(), *_RUN.findall(value))}
    for secret in sorted(found, key=len, reverse=True):
        text = text.replace(secret, "***") if len(secret) >= _SHORTEST else text
    return text


def _read(job: Path) -> Any:
    import yaml

    with suppress(OSError, ValueError, yaml.YAMLError):
        return yaml.safe_load(job.read_text(encoding="utf-8"))


def _named(value: Any) -> Iterator[str]:
    """The variables under `key_env` and `header_env`, wherever they stand in a job."""
    for part in value if isinstance(value, list) else ():
        yield from _named(part)
    for name, part in value.items() if isinstance(value, dict) else ():
        if name == "key_env":
            yield str(part)
        elif name == "header_env" and isinstance(part, dict):
            yield from map(str, part.values())
        else:
            yield from _named(part)
