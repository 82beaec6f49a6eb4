"""The machine, in a line, for the tables of the benchmarks."""

from __future__ import annotations

import os
import platform


def described() -> str:
    """Python, cores and architecture."""
    return f"Python {platform.python_version()}, {os.cpu_count()} shared cores, {platform.machine()}."
