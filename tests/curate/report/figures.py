"""What the stages of the run in report_run.py noted in their manifests."""

from __future__ import annotations

import math
import random
from typing import Any

GUIDE, MANUAL, NOTES, LEGAL = "gateway-guide.md", "CK-200离心泵使用手册.pdf", "release-notes.html", "licence.txt"


def figures(stage: str, kept: int, rejected: int) -> dict[str, Any]:
    """What each stage notes in its manifest."""
    if stage == "ingest":
        return {
            "documents": [
                {"document": GUIDE, "kind": "markdown", "page_count": None},
                {"document": NOTES, "kind": "html"},
                {"document": MANUAL, "kind": "pdf", "page_count": 20},
                {"document": LEGAL, "kind": "plain", "passages": 0},
                {"document": "scan-2019.pdf", "rejected_reason": "no_text"},
            ]
        }
    if stage == "doc_qa":
        return {"target": 80, "rounds": 3, "drafts": kept + rejected - 1, "accepted": kept}
    if stage == "train":
        rng = random.Random(1)
        losses = [{"step": s, "loss": 1.1 + 2.3 * math.exp(-s / 28) + rng.uniform(-0.18, 0.18)} for s in range(1, 121)]
        validation = [{"step": s, "loss": 1.34 + 2.0 * math.exp(-s / 26)} for s in range(20, 121, 20)]
        checks = [
            {
                "level": "ok",
                "name": "chat_template",
                "figure": "chatml",
                "why": "The template can be masked to the token.",
                "remedy": "",
            },
            {"level": "ok", "name": "memory", "figure": "2.9 of 7.6 GB", "why": "The training fits.", "remedy": ""},
            {
                "level": "warning",
                "name": "epochs",
                "figure": "4",
                "why": "More than three epochs learn by heart.",
                "remedy": "Set epochs to 3",
            },
        ]
        return {
            "losses": losses,
            "validation": validation,
            "general": [{"step": s, "loss": 1.9 + s / 1500} for s in range(0, 121, 20)],
            "preflight": checks,
            "method": "qlora",
            "rank": 16,
            "steps": 120,
            "kept_step": 120,
            "student": "smollm2-135m-instruct",
            "tokens_trained": 61_430,
            "tokens_per_second": 152.6,
            "trainable_parameters": 4_884_480,
            "parameters": 134_515_008,
            "memory_peak": 2_934_000_000,
        }
    return evaluated() if stage == "evaluate" else {}


def _set(
    records: int, losses: tuple[float, float], apart: tuple[float, float], sentence: str, said: list[str]
) -> dict[str, Any]:
    """One set as the evaluation notes it; `said` is question, reference, answer before and after."""
    base, tuned = losses
    return {
        "records": records,
        "base": {"loss": base, "perplexity": round(math.exp(base), 2)},
        "tuned": {"loss": tuned, "perplexity": round(math.exp(tuned), 2)},
        "difference": {"mean": round(tuned - base, 4), "low": apart[0], "high": apart[1]},
        "sentence": sentence,
        "languages": {
            "en": {"records": 5, "base": {"loss": base - 0.2}, "tuned": {"loss": tuned - 0.1}},
            "zh": {"records": 7, "base": {"loss": base + 0.2}, "tuned": {"loss": tuned + 0.1}},
        },
        "answers": {
            "records": 8,
            "rouge_l": {"base": 0.11, "tuned": 0.43},
            "figures_right": {"records": 5, "base": 0, "tuned": 4},
        },
        "samples": [
            dict(
                zip(("question", "reference", "base", "tuned"), said, strict=True),
                language="zh" if said[0][-1] == "？" else "en",
            )
        ],
    }


def evaluated() -> dict[str, Any]:
    """The figures of the evaluation."""
    return {
        "base": "the nf4-quantised student without the adapter, as it was during training",
        "sets": {
            "test_seen": _set(
                12,
                (3.412, 1.402),
                (-2.31, -1.72),
                "Unseen questions on seen documents: loss fell by 2.01: learned, more than chance explains.",
                [
                    "轴承温度超过多少会报警？",
                    "超过 80 ℃ 时报警。",
                    "轴承温度是指轴承的温度。",
                    "轴承温度超过 80 ℃ 时，控制柜报警。",
                ],
            ),
            "test_heldout": _set(
                11,
                (3.295, 2.718),
                (-0.91, -0.25),
                "Questions on held-out documents: loss fell by 0.58: carried over, more than chance explains.",
                [
                    "Where is the relay?",
                    "In the left cabinet.",
                    "The relay is a relay is a relay",
                    "The relay is in the cabinet.",
                ],
            ),
            "test_general": _set(
                40,
                (2.004, 2.061),
                (-0.02, 0.13),
                "General data: loss rose by 0.06: that may be chance.",
                ["Name a prime number.", "7", "2 is a prime number.", "7 is a prime number."],
            ),
        },
    }
