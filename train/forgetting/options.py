"""What a user may say against forgetting."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec


class Forgetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How forgetting is watched, bounded and held back.

    bound     stop when the general loss is more than this share above the base's, and keep the best adapter within it
              (0.05: 5 %); null: watch only
    penalty   kl: on general text the tuned model is held to what the base says; ewc: the adapter's weights are held to
              where they began, each as strongly as general text depends on it
    weight    of the penalty beside the loss; both penalties are in nats a token, so that 1 weighs a nat of either alike
    every     steps from one penalty to the next; its weight grows with them
    rows      general records that a penalty looks at
    general   a data file of general records to watch and to hold to; else those of the data set and seedbed's own
    watched   general records whose loss is taken at each validation, at most; 0: not watched
    """

    bound: float | None = None
    penalty: Literal["none", "kl", "ewc"] = "none"
    weight: float = 1.0
    every: int = 1
    rows: int = 2
    general: str = ""
    watched: int = 16  # bounds the time: on a CPU a validation of SmolLM2-135M takes some seconds longer

    def __post_init__(self) -> None:
        for name, least in (("every", 1), ("rows", 1), ("watched", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: expected {least} or more")
        if self.bound is not None and not 0 < self.bound < float("inf"):
            raise ValueError("bound: expected a share above 0, 0.05 for 5 %, or null for none")
        if self.bound is not None and not self.watched:
            raise ValueError("watched: expected 1 or more, for a bound needs general records to watch")
        if not 0 < self.weight < float("inf"):
            raise ValueError("weight: expected more than 0; for no penalty, penalty: none")

    def placed(self, base: Path) -> Forgetting:
        """The same with `general` below `base`."""
        general = str(base / Path(self.general).expanduser()) if self.general else ""
        return msgspec.structs.replace(self, general=general)
