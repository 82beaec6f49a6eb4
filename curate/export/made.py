"""How the data was made and what that cost, from the manifests of the stages before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from curate.export.card import table
from seedbed.run import Manifest, manifest


def stages(upstream: Mapping[str, Path]) -> str:
    """Each finished stage with what it kept and why it rejected, as Markdown."""
    done = _done(upstream)
    if not done:
        return "## How it was made\n\nWritten by seedbed from records given to it; no earlier stage is known.\n"
    rows = [[name, found.kept, found.rejected, _reasons(found), _prompts(found)] for name, found in done]
    titles = ["stage", "kept", "rejected", "why", "prompts (hash of all)"]
    return "## How it was made\n\nBy seedbed, stage by stage:\n\n" + table(titles, rows)


def cost(upstream: Mapping[str, Path]) -> str:
    """What the teacher was asked, stage by stage, as Markdown; replies out of the journal are counted like new ones."""
    asked = [(name, found.usage) for name, found in _done(upstream) if found.usage.calls]
    if not asked:
        return "## Cost\n\nNo teacher was asked.\n"
    rows = [
        [name, f"{use.calls:,}", f"{use.prompt_tokens:,}", f"{use.completion_tokens:,}", f"{use.money:.2f}"]
        for name, use in asked
    ]
    whole = [f"{sum(values):,}" for values in zip(
        *((use.calls, use.prompt_tokens, use.completion_tokens) for _, use in asked), strict=True)]
    rows.append(["all", *whole, f"{sum(use.money for _, use in asked):.2f}"])
    free = "" if any(use.money for _, use in asked) else "\nNo price was given for the teacher: money is not known.\n"
    return "## Cost\n\n" + table(["stage", "calls", "tokens sent", "tokens received", "money"], rows) + free


def _done(upstream: Mapping[str, Path]) -> list[tuple[str, Manifest]]:
    return [(name, found) for name, folder in upstream.items() if (found := manifest(folder))]


def _reasons(found: Manifest) -> str:
    reasons = sorted(found.reasons.items(), key=lambda reason: (-reason[1], reason[0]))
    return ", ".join(f"{reason} {count}" for reason, count in reasons)


def _prompts(found: Manifest) -> str:
    return ", ".join(f"{name} {digest[:8]}" for name, digest in sorted(found.prompts.items()))
