"""What to do next, in plain words, by small rules. Each rule sees the whole report and says one thing or nothing.

The thresholds are house rules, not results: each stands beside what it is for.
"""

from __future__ import annotations

from collections.abc import Iterator

from curate.report import advice_training as after
from curate.report.gaps import longest
from curate.report.model import Advice, Report
from curate.report.model_records import Reason
from curate.report.summary import level
from curate.report.words import Words

_MOST = 8
# A reason counts as common when it takes a fifth of what its stage judged, and at least ten records.
_COMMON, _FEW = 0.2, 10
# One kind of question above a half, or ten openings above 43 % (what a single plain prompt gives), reads like a form.
_ONE_KIND, _OPENINGS = 0.5, 0.43
# Three pages in a row without a record are a gap and no chance: a page gives records or not about evenly.
_GAP = 3
# One record in fifty contradicted, incomplete or misquoting: a reader of fifty samples meets one.
_FAULTY = 0.02
# Public sets have 2 to 3 % (curate/filters/refusals.py, whose cap this is).
_REFUSALS = 0.05
# A third of what came in was there before: the source repeats itself.
_TWINS = 0.33

_REMEDIES = (
    (
        ("refus", "evas", "meta", "banned", "phrase"),
        "The teacher evades. Another teacher helps more than a longer list of phrases.",
    ),
    (
        ("cut", "truncat", "token_limit", "breaks_off"),
        "Replies end too early: raise the teacher's max_tokens, or ask for fewer pairs at a time.",
    ),
    (
        ("parse", "json", "reply", "schema", "points", "no_data", "no_list"),
        "The teacher's replies could not be read. JSON schema output, or a larger teacher, mends this.",
    ),
    (
        ("duplicate", "rouge", "exact", "twin", "similar", "minhash", "semantic"),
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


def advice(report: Report, words: Words) -> list[Advice]:
    """At most eight pieces, the urgent ones first; one encouraging line when nothing stands out."""
    rules = (_empty,) if report.empty else (
        after.evaluation, _target, _refusals, _reasons, _documents, _pages, _faults, _scores, _twins, after.mix,
        _variety, after.training, after.checks, after.size,
    )  # fmt: skip
    found = [piece for rule in rules for piece in rule(report, words)]
    found.sort(key=lambda piece: ("act", "watch", "good").index(piece.tone))
    if not any(piece.tone != "good" for piece in found) and report.samples:
        found.append(
            Advice(
                tone="good",
                title=words("Nothing stands out"),
                link="samples",
                text=words("Read the {n} samples below before you build on this data set.", n=len(report.samples)),
            )
        )
    return found[:_MOST]


def _empty(report: Report, words: Words) -> Iterator[Advice]:
    last = next((each for each in reversed(report.funnel) if each.lost), None)
    if last is None or not last.reasons:
        title, text = words("Nothing came in"), words("See whether the files that the job names are the right ones.")
        yield Advice(tone="act", title=title, text=text, link="funnel" if report.funnel else "next")
        return
    first = last.reasons[0]
    yield Advice(
        tone="act",
        title=words("“{reason}” emptied the set", reason=words.plain(first.reason)),
        link=first.anchor,
        text=words(
            "{stage} left out the last {n}. Read its examples: if they are good records, its options are too strict; "
            "if not, the source is at fault.",
            stage=words.stage(first.stage),
            n=words.count(last.lost, "record"),
        ),
    )
    yield Advice(tone="act", title=words("What to do about it"), link=first.anchor, text=words(_remedy(first)))
    for reason in sorted(_every(report), key=lambda reason: -reason.count)[:3]:
        if reason is not first and reason.share >= _COMMON:
            yield _common(reason, words)


def _target(report: Report, words: Words) -> Iterator[Advice]:
    accepted, drafted = level(report, "accepted"), level(report, "drafted")
    if accepted is None or drafted is None or drafted.count < _FEW:
        return
    if report.target and accepted.count < report.target:
        yield Advice(
            tone="act",
            title=words("{n} of {all} wanted records", n=f"{accepted.count:,}", all=f"{report.target:,}"),
            link="funnel",
            text=words(
                "The documents or the budget gave no more. Add documents, allow more a passage, or raise the limits; "
                "the run goes on where it stopped."
            ),
        )
    if accepted.count < 0.25 * drafted.count:
        share = words.percent(accepted.count / drafted.count)
        yield Advice(
            tone="watch",
            title=words("Only {share} of the drafts were accepted", share=share),
            link="reasons",
            text=words("Most of what the teacher wrote was thrown away. A larger teacher is often cheaper in the end."),
        )


def _refusals(report: Report, words: Words) -> Iterator[Advice]:
    refusals = report.dataset.refusals
    if refusals.checked >= _FEW and refusals.share > _REFUSALS:
        yield Advice(
            tone="act",
            title=words("Refusals are {share} of the answers", share=words.percent(refusals.share)),
            link="refusals",
            text=words("Cap them with the stage `refusals`: a model that is taught to refuse refuses too much."),
        )


def _every(report: Report) -> list[Reason]:
    return [reason for each in report.funnel for reason in each.reasons]


def _reasons(report: Report, words: Words) -> Iterator[Advice]:
    common = [reason for reason in _every(report) if reason.count >= _FEW and reason.share >= _COMMON]
    for reason in sorted(common, key=lambda reason: -reason.share)[:2]:
        yield _common(reason, words)


def _common(reason: Reason, words: Words) -> Advice:
    title = words(
        "“{reason}” took {share} in {stage}",
        reason=words.plain(reason.reason),
        share=words.percent(reason.share),
        stage=words.stage(reason.stage).lower(),
    )
    return Advice(tone="watch", title=title, link=reason.anchor, text=words(_remedy(reason)))


def _remedy(reason: Reason) -> str:
    return next(
        (text for marks, text in _REMEDIES if any(mark in reason.reason for mark in marks)),
        "Read its examples: they show whether the teacher or the limit is at fault.",
    )


def _documents(report: Report, words: Words) -> Iterator[Advice]:
    if lost := [each.document for each in report.unreadable if not each.copy]:
        yield Advice(
            tone="act",
            title=words("{documents} could not be read", documents=words.count(len(lost), "document")),
            link="unreadable",
            text=words("{names}: the reasons are below. What is not read is not taught.", names=words.listed(lost)),
        )
    empty = [document.document for document in report.documents if document.passages and not document.records]
    if empty and any(document.records for document in report.documents):
        yield Advice(
            tone="watch",
            title=words("{documents} gave no records", documents=words.count(len(empty), "document")),
            link="coverage",
            text=words(
                "{names}. See why their drafts were left out, or give them a run of their own.",
                names=words.listed(empty),
            ),
        )
    passages = sum(document.passages for document in report.documents)
    used = sum(document.with_records for document in report.documents)
    if passages and used and used < 0.5 * passages:
        yield Advice(
            tone="watch",
            title=words("{share} of the passages gave nothing", share=words.percent(1 - used / passages)),
            link="coverage",
            text=words("Raise the target: rounds begin with the least covered passages."),
        )


def _pages(report: Report, words: Words) -> Iterator[Advice]:
    """The longest run of pages or headings that gave nothing in a document that gave something."""
    runs = [(document, *longest(document)) for document in report.documents if document.records]
    if not runs:
        return
    document, first, last = max(runs, key=lambda run: run[2] - run[1])
    if last - first + 1 < _GAP:
        return
    if document.by == "page":
        title = words("Pages {first}–{last} gave nothing", first=first, last=last)
    else:
        title = words("{n} in a row gave nothing", n=words.count(last - first + 1, document.by))
    text = "In {document}. See whether they hold what should be taught; if so, raise the target or `per_passage`."
    yield Advice(tone="watch", title=title, link="coverage", text=words(text, document=document.document))


def _faults(report: Report, words: Words) -> Iterator[Advice]:
    texts = {
        "completeness": "What is missing stands with the figure, beside some records. Fill it in or leave them out.",
        "accuracy": "Quotes that are not in the document: was it changed after the records were made?",
        "consistency": "The same question has different answers. The stage `contradictions` finds such pairs.",
        "timeliness": "Questions tied to a day are wrong tomorrow. The stage `donts` leaves them out.",
    }
    for each in report.dataset.quality:
        if each.checked >= _FEW and 1 - each.passed / each.checked > _FAULTY and each.name in texts:
            yield Advice(
                tone="watch",
                title=words("{label}: {share}", label=each.label, share=words.percent(each.passed / each.checked)),
                link="quality",
                text=words(texts[each.name]),
            )


def _scores(report: Report, words: Words) -> Iterator[Advice]:
    for chart in report.dataset.scores:
        filled = [each for each in chart.bins if each.counts.get("kept")]
        if len(filled) == 1 and filled[0].counts["kept"] >= _FEW:
            yield Advice(
                tone="watch",
                title=words("“{score}” tells nothing apart", score=words.plain(chart.name)),
                link="scores",
                text=words("Nearly every record has the same score. A larger model as judge, or a sharper rubric."),
            )


def _twins(report: Report, words: Words) -> Iterator[Advice]:
    if report.change and report.change.before.records >= _FEW:
        share = report.duplicates.records / report.change.before.records
        if share > _TWINS:
            yield Advice(
                tone="watch",
                title=words("{share} of the records were duplicates", share=words.percent(share)),
                link="duplicates",
                text=words("The same thing is asked again and again. Ask for fewer pairs a passage, or add documents."),
            )


def _variety(report: Report, words: Words) -> Iterator[Advice]:
    total = sum(sum(levels.values()) for levels in report.dataset.kinds.values())
    for kind, levels in report.dataset.kinds.items():
        if total >= _FEW and sum(levels.values()) > _ONE_KIND * total:
            share = words.percent(sum(levels.values()) / total)
            yield Advice(
                tone="watch",
                title=words("{share} of the questions are of one kind", share=share),
                link="kinds",
                text=words("“{kind}” prevails. Weigh the other kinds higher in the job.", kind=words.plain(kind)),
            )
    for openings in report.dataset.openings:
        if openings.questions >= 50 and openings.share > _OPENINGS:
            yield Advice(
                tone="watch",
                title=words("Questions begin alike"),
                link="openings",
                text=words(
                    "The {n} commonest openings make {share} of the questions. More kinds and levels vary them.",
                    n=len(openings.top),
                    share=words.percent(openings.share),
                ),
            )
            return
