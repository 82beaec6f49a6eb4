"""The rules of `advice` about training and what came of it."""

from __future__ import annotations

from collections.abc import Iterator

from curate.report.model import Advice, Report
from curate.report.summary import level
from curate.report.words import Words

# Below this share of general data a model forgets: 5 % mixed in left it measurably worse than 10 % (loss 1.54 and 1.42,
# from 1.30 before; our own measurement on 96 narrow examples), none at all 2.61.
_MIX = 0.05
# Fewer training records than this and a difference between two runs is mostly luck.
_SMALL = 100


def evaluation(report: Report, words: Words) -> Iterator[Advice]:
    by_name = {comparison.name: comparison for comparison in report.evaluation.comparisons}
    seen, general = by_name.get("test_seen"), by_name.get("test_general")
    if seen and seen.high is not None and seen.high < 0:
        yield Advice(
            tone="good",
            title=words("It learned what it was taught"),
            link="evaluation",
            text=words("Loss on unseen questions about the same documents fell by more than chance explains."),
        )
    elif seen and seen.high is None:
        asked = words.count(seen.records, "unseen question")
        yield Advice(
            tone="watch",
            title=words("Too few test questions to tell"),
            link="evaluation",
            text=words("{questions} cannot tell learning from chance. Make more records.", questions=asked),
        )
    elif seen:
        yield Advice(
            tone="act",
            title=words("Learning is not proven"),
            link="evaluation",
            text=words("Loss on unseen questions did not fall clearly. Train longer, or make more records a document."),
        )
    if general and general.low is not None and general.low > 0:
        yield Advice(
            tone="act",
            title=words("The model forgot general skills"),
            link="evaluation",
            text=words("Loss on general data rose. Mix in more general data, or lower learning rate or epochs."),
        )


def mix(report: Report, words: Words) -> Iterator[Advice]:
    share = report.dataset.mix_share
    if report.dataset.splits and (share is None or share < _MIX):
        text = words("No general data is mixed in. Set the share of `mix` to 0.08.")
        if share:
            text = words(
                "Only {share} of the training set is general data. Set the share of `mix` to 0.08.",
                share=words.percent(share),
            )
        title = words("Little protection against forgetting")
        yield Advice(tone="watch", title=title, link="splits", text=text)


def training(report: Report, words: Words) -> Iterator[Advice]:
    points = report.training.validation if report.training else []
    least = min((loss for _, loss in points), default=0.0)
    # 2 %: below that, a validation loss that goes up again is noise.
    if len(points) >= 3 and points[-1][1] > 1.02 * least:
        yield Advice(
            tone="watch",
            title=words("Validation loss rose at the end"),
            link="training",
            text=words("The last steps learned the training set by heart. Fewer epochs, or early stopping."),
        )


def checks(report: Report, words: Words) -> Iterator[Advice]:
    checks = report.training.preflight if report.training else []
    if warned := [words.plain(str(check.get("name", ""))) for check in checks if check.get("level") == "warning"]:
        yield Advice(
            tone="watch",
            title=words("{checks} before training warned", checks=words.count(len(warned), "check")),
            link="training",
            text=words("{names}: see why, and what to do.", names=words.listed(warned)).capitalize(),
        )


def size(report: Report, words: Words) -> Iterator[Advice]:
    training = level(report, "training")
    if training and 0 < training.count < _SMALL:
        yield Advice(
            tone="watch",
            title=words("{n} training records are few", n=training.count),
            link="splits",
            text=words(
                "Enough to see that everything works, too few to judge a model by. Add documents or raise the target."
            ),
        )
