"""What llamafactory must find before it is imported: its module for pictures, sound and film imports torchaudio at
once, of which there is none for this torch. It is used for sound only, so an empty module stands in for it."""

from __future__ import annotations

import importlib.machinery
import sys
import types


def stand_in() -> None:
    """An empty torchaudio."""
    import transformers  # noqa: F401 - looks for torchaudio when it is imported, and must not find this one

    sys.modules["torchaudio"] = types.ModuleType("torchaudio")
    sys.modules["torchaudio"].__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
