"""Finds prompts/, seeds/ and configs/, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from seedbed.errors import InputError

_HERE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """The folder or file `name`. A wheel carries them in `seedbed/_resources`, a checkout beside the packages."""
    for root in (_HERE / "_resources", _HERE.parent):
        if (root / name).exists():
            return root / name
    raise InputError(f"seedbed's own {name} is missing", next_step="Install seedbed again")
