"""What to do next, in plain words, by small rules. Each rule sees the whole report and says one thing or nothing.

The thresholds are house rules, not results: each stands beside what it is for.
"""

from __future__ import annotations

from collections.abc import Iterator

from curate.report.model import Advice, Report
from curate.report.words import count, listed, percent, plain

_MOST = 7
# A reason counts as common when it takes a fifth of what its stage judged, and at least ten records.
_COMMON, _FEW = 0.2, 10
# Below this share of general data a model forgets: 5 % mixed in left it measurably worse than 10 % (loss 1.54 and 1.42,
# from 1.30 before; our own measurement on 96 narrow examples), none at all 2.61.
_MIX = 0.05
# One kind of question above a half, or ten openings above 43 % (what a single plain prompt gives), reads like a form.
_ONE_KIND, _OPENINGS = 0.5, 0.43
# Fewer training records than this and a difference between two runs is mostly luck.
_SMALL = 100

_REMEDIES = (
    (
        ("refus", "evas", "meta", "banned", "phrase"),
        "The teacher evades. Another teacher helps more than a longer list of phrases.",
    ),
    (
        ("cut", "truncat", "token_limit"),
        "Replies end too early: raise the teacher's max_tokens, or ask for fewer pairs at a time.",
    ),
    (
        ("parse", "json", "reply", "schema", "points"),
        "The teacher's replies could not be read. JSON schema output, or a larger teacher, mends this.",
    ),
    (
        ("duplicate", "rouge", "exact", "twin", "similar"),
        "The same thing is asked again and again. Ask for fewer pairs a passage, or add documents.",
    ),
    (
        ("cop", "echo", "verbatim", "repet"),
        "The teacher repeats instead of answering. A larger teacher does this less.",
    ),
    (
        ("support", "ground", "figure", "evidence", "quote"),
        "The teacher says what the passage does not. A larger teacher, or a lower temperature, makes this rarer.",
    ),
    (
        ("lean", "vague", "alone", "context"),
        "Questions lean on the passage. Name the product in the headings, so that the teacher can name it too.",
    ),
    (("language",), "Text in the wrong language: see that there are prompts in the language of the documents."),
    (("question",), "What the teacher calls a question is none, or several. A larger teacher does this less."),
    (("short", "long"), "See whether the limits of this stage fit your documents."),
)


def advice(report: Report) -> list[Advice]:
    """At most seven pieces, the urgent ones first; one encouraging line when nothing stands out."""
    found = [
        piece
        for rule in (_evaluation, _target, _reasons, _documents, _mix, _variety, _training, _checks, _size)
        for piece in rule(report)
    ]
    found.sort(key=lambda piece: ("act", "watch", "good").index(piece.tone))
    if not any(piece.tone != "good" for piece in found) and report.samples:
        found.append(
            Advice(
                tone="good",
                title="Nothing stands out",
                link="samples",
                text=f"Read the {len(report.samples)} samples below before you build on this data set.",
            )
        )
    return found[:_MOST]


def _evaluation(report: Report) -> Iterator[Advice]:
    by_name = {comparison.name: comparison for comparison in report.evaluation.comparisons}
    seen, general = by_name.get("test_seen"), by_name.get("test_general")
    if seen and seen.high is not None and seen.high < 0:
        yield Advice(
            tone="good",
            title="It learned what it was taught",
            link="evaluation",
            text="Loss on unseen questions about the same documents fell by more than chance explains.",
        )
    elif seen and seen.high is None:
        yield Advice(
            tone="watch",
            title="Too few test questions to tell",
            link="evaluation",
            text=f"{count(seen.records, 'unseen question')} cannot tell learning from chance. Make more records.",
        )
    elif seen:
        yield Advice(
            tone="act",
            title="Learning is not proven",
            link="evaluation",
            text="Loss on unseen questions did not fall clearly. Train longer, or make more records a document.",
        )
    if general and general.low is not None and general.low > 0:
        yield Advice(
            tone="act",
            title="The model forgot general skills",
            link="evaluation",
            text="Loss on general data rose. Mix in more general data, or lower learning rate or epochs.",
        )


def _target(report: Report) -> Iterator[Advice]:
    accepted = next((level for level in report.funnel if level.label == "Accepted"), None)
    drafted = next((level for level in report.funnel if level.label.startswith("Drafted")), None)
    if accepted is None or drafted is None or drafted.count < _FEW:
        return
    if report.target and accepted.count < report.target:
        yield Advice(
            tone="act",
            title=f"{accepted.count:,} of {report.target:,} wanted records",
            link="funnel",
            text="The documents or the budget gave no more. Add documents, allow more a passage, or raise the limits; "
            "the run goes on where it stopped.",
        )
    if accepted.count < 0.25 * drafted.count:
        yield Advice(
            tone="watch",
            title=f"Only {percent(accepted.count / drafted.count)} of the drafts were accepted",
            link="reasons",
            text="Most of what the teacher wrote was thrown away. A larger teacher is often cheaper in the end.",
        )


def _reasons(report: Report) -> Iterator[Advice]:
    common = [
        reason
        for level in report.funnel
        for reason in level.reasons
        if reason.count >= _FEW and reason.share >= _COMMON
    ]
    for reason in sorted(common, key=lambda reason: -reason.share)[:2]:
        remedy = next(
            (text for marks, text in _REMEDIES if any(mark in reason.reason for mark in marks)),
            "Read its examples: they show whether the teacher or the limit is at fault.",
        )
        yield Advice(
            tone="watch",
            title=f"“{plain(reason.reason)}” took {percent(reason.share)} in {plain(reason.stage)}",
            link=reason.anchor,
            text=remedy,
        )


def _documents(report: Report) -> Iterator[Advice]:
    if lost := [each.document for each in report.unreadable if not each.copy]:
        yield Advice(
            tone="act",
            title=f"{count(len(lost), 'document')} could not be read",
            link="unreadable",
            text=f"{listed(lost)}: the reasons are below. What is not read is not taught.",
        )
    empty = [document.document for document in report.documents if document.passages and not document.records]
    if empty and any(document.records for document in report.documents):
        yield Advice(
            tone="watch",
            title=f"{count(len(empty), 'document')} gave no records",
            link="coverage",
            text=f"{listed(empty)}. See why their drafts were left out, or give them a run of their own.",
        )
    passages = sum(document.passages for document in report.documents)
    used = sum(document.with_records for document in report.documents)
    if passages and used and used < 0.5 * passages:
        yield Advice(
            tone="watch",
            title=f"{percent(1 - used / passages)} of the passages gave nothing",
            link="coverage",
            text="Raise the target: rounds begin with the least covered passages.",
        )


def _mix(report: Report) -> Iterator[Advice]:
    share = report.dataset.mix_share
    if report.dataset.splits and (share is None or share < _MIX):
        have = "No general data is" if not share else f"Only {percent(share)} of the training set is general data"
        yield Advice(
            tone="watch",
            title="Little protection against forgetting",
            link="splits",
            text=f"{have}{' mixed in' if not share else ''}. Set the share of `mix` to 0.08.",
        )


def _variety(report: Report) -> Iterator[Advice]:
    total = sum(sum(levels.values()) for levels in report.dataset.kinds.values())
    for kind, levels in report.dataset.kinds.items():
        if total >= _FEW and sum(levels.values()) > _ONE_KIND * total:
            yield Advice(
                tone="watch",
                title=f"{percent(sum(levels.values()) / total)} of the questions are of one kind",
                link="kinds",
                text=f"“{plain(kind)}” prevails. Weigh the other kinds higher in the job.",
            )
    for openings in report.dataset.openings:
        if openings.questions >= 50 and openings.share > _OPENINGS:
            yield Advice(
                tone="watch",
                title="Questions begin alike",
                link="openings",
                text=f"The {len(openings.top)} commonest openings make {percent(openings.share)} of the questions. "
                "More kinds and levels vary them.",
            )
            return


def _training(report: Report) -> Iterator[Advice]:
    points = report.training.validation if report.training else []
    least = min((loss for _, loss in points), default=0.0)
    # 2 %: below that, a validation loss that goes up again is noise.
    if len(points) >= 3 and points[-1][1] > 1.02 * least:
        yield Advice(
            tone="watch",
            title="Validation loss rose at the end",
            link="training",
            text="The last steps learned the training set by heart. Fewer epochs, or early stopping.",
        )


def _checks(report: Report) -> Iterator[Advice]:
    checks = report.training.preflight if report.training else []
    if warned := [plain(str(check.get("name", ""))) for check in checks if check.get("level") == "warning"]:
        yield Advice(
            tone="watch",
            title=f"{count(len(warned), 'check')} before training warned",
            link="training",
            text=f"{listed(warned).capitalize()}: see why, and what to do.",
        )


def _size(report: Report) -> Iterator[Advice]:
    training = next((level.count for level in report.funnel if level.label == "Training set"), 0)
    if 0 < training < _SMALL:
        yield Advice(
            tone="watch",
            title=f"{training} training records are few",
            link="splits",
            text="Enough to see that everything works, too few to judge a model by. Add documents or raise the target.",
        )
