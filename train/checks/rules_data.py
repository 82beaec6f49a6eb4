"""The checks of records, rows and template: is there enough to learn from, and is it learned as it is asked?"""

from __future__ import annotations

from collections.abc import Iterator

from train.checks.finding import Facts, Finding

_GENERAL = 0.05  # share of general records below which forgetting shows (measured: docs/handbook, chapter 10)
_FEW = 50  # records: a few dozen teach a style and hardly any facts
_FEW_STEPS = 10  # optimiser steps: with warm-up and cosine decay hardly one of them runs at the full rate
_LONG = 0.05  # share of records cut or left out
_WANTED = {
    "sft": "Give records that end with an assistant's answer and have the split train",
    "dpo": "Give preference pairs, with a chosen and a rejected answer, that have the split train",
    "pretrain": "Give texts, which the generators passages and rewrite make, that have the split train",
}


def records(facts: Facts) -> Iterator[Finding]:
    """Whether there is anything to train on, and more than a trial's worth."""
    used = facts.train.records - facts.train.refused - facts.train.dropped
    figure = f"{used} records, {facts.steps} steps"
    if used == 0:
        left_out = f" ({facts.train.refused} refused: {facts.train.why})" if facts.train.refused else ""
        yield Finding("error", "training_records", figure + left_out, "There is nothing to train on.",
                      _WANTED[facts.options.objective])
    elif used < _FEW or facts.steps < _FEW_STEPS:
        yield Finding("warning", "training_records", figure, "A few dozen records teach a style and hardly any facts.",
                      "Make more records, or read the results as a trial")
    else:
        yield Finding("ok", "training_records", figure, "Enough to learn from.")


def general(facts: Facts) -> Iterator[Finding]:
    """The share of general data."""
    share = facts.general / max(1, facts.train.records)
    figure = f"{facts.general} of {facts.train.records} ({share:.0%})"
    if share < _GENERAL:
        yield Finding("warning", "general_share", figure, "Below 5 % of general data a model forgets what it could do.",
                      "Put the stage `mix` into the job; its default is 8 %")
    else:
        yield Finding("ok", "general_share", figure, "General data keeps the model from forgetting.")


def template(facts: Facts) -> Iterator[Finding]:
    """Whether the records fit the template, and are learned in the tokens in which the model will be asked."""
    train = facts.train
    if facts.fault:
        yield Finding("error", "chat_template", facts.fault, "Without it nobody can tell what is asked and what is "
                      "answered.", facts.mend)
        return
    if facts.options.objective == "pretrain":
        yield Finding("ok", "chat_template", "not used", "The text itself is learned.")
    elif train.refused:
        figure = f"{train.refused} of {train.records} records do not fit"
        yield Finding("warning", "chat_template", figure, f"{train.why}.",
                      "They are left out; bring their roles into the order that the template accepts")
    elif train.unclean:
        yield Finding("warning", "chat_template", f"{train.unclean} of {train.records} records",
                      "The prompt alone has other tokens than in front of its answer, so the model is asked otherwise "
                      "than it learned.", "Take a template whose prompt ends at a token's border, a line break say")
    else:
        yield Finding("ok", "chat_template", f"{train.learned:,} of {train.tokens:,} tokens are learned",
                      "The student's own template, masked to the token.")
    if train.folded:
        yield Finding("warning", "system_role", f"{train.folded} of {train.records} records",
                      "The template knows no system role; its text stands before the first question.",
                      "Ask the model in the same way later")
    if train.marked:
        yield Finding("warning", "special_tokens_in_text", f"{train.marked} of {train.records} records",
                      "Their text contains the student's own special tokens, which it reads as ends of turns.",
                      "Look at these records; in general they should be left out")


def markers(facts: Facts) -> Iterator[Finding]:
    """Whether the template is one that the student can have been trained with (train/checks/talk.py)."""
    talk = facts.talk
    if talk is None:
        return
    if talk.tokens > facts.shape.vocabulary:
        yield Finding("error", "vocabulary", f"{talk.tokens:,} tokens, the student knows {facts.shape.vocabulary:,}",
                      "The tokenizer belongs to another model, or tokens were added to it alone.",
                      "Take the tokenizer that came with the student")
    if talk.split:
        yield Finding("warning", "template_mismatch", ", ".join(talk.split),
                      "The template writes markers that the tokenizer does not know: each falls apart into several "
                      "ordinary tokens.", "Take the student with the template that it was trained with")
    elif talk.untrained:
        yield Finding("warning", "template_mismatch", ", ".join(talk.untrained),
                      "The student has never seen these markers: their embeddings are not trained, and an adapter "
                      "does not train them.", "Take the instruct version of the student, or method: full")
    elif talk.other:
        yield Finding("warning", "template_mismatch", f"the template writes no {talk.other}",
                      "Models of this family were trained with another template, and ask for turns with that marker.",
                      "Take the student's own chat_template.jinja, unless it was tuned with this one")
    if talk.stops:
        yield Finding("warning", "stop_token", f"answers end with {talk.closes}, generation at {', '.join(talk.stops)}",
                      "Servers read where to stop from the model's configuration and will write on after the answer.",
                      f"Put {talk.closes} into eos_token_id of generation_config.json, or make it the eos_token")


def end(facts: Facts) -> Iterator[Finding]:
    """Whether each answer closes with a token that tells the model to stop."""
    if not facts.end:
        yield Finding("error", "end_token", "the tokenizer has none", "Nothing tells the model, or a server, to stop.",
                      "Set eos_token in the student's tokenizer_config.json")
    elif facts.train.endless:
        yield Finding("error", "end_token", f"missing in {facts.train.endless} of {facts.train.rows} rows",
                      "A model that never learns its end token does not stop.",
                      "Mend the chat template: each answer must close with the end token")
    else:
        yield Finding("ok", "end_token", facts.end, "Each answer closes with an end token, and it is learned.")


def padding(facts: Facts) -> Iterator[Finding]:
    """Whether padding could be taken for the end."""
    if facts.pad == facts.end:
        yield Finding("warning", "pad_token", f"{facts.pad or 'neither'} is the end token too",
                      "Harmless here, where padding is masked by position; other tools mask every end token with it.",
                      "Give the tokenizer a padding token of its own")
    else:
        yield Finding("ok", "pad_token", facts.pad, "Another token than the end token.")


def length(facts: Facts) -> Iterator[Finding]:
    """Whether the rows fit the model, and how many records lose something."""
    counts, limit = facts.train, facts.options.max_length
    touched = counts.cut + counts.dropped
    figure = f"longest {counts.longest} of {limit} tokens, {counts.cut} cut, {counts.dropped} left out"
    virtual = facts.options.virtual_tokens  # they stand before each row, and take places as its tokens do
    if limit + virtual > facts.shape.positions:
        asked = f"{limit} tokens" + (f" behind {virtual} virtual ones" if virtual else "")
        yield Finding("error", "length", f"{asked}, the student takes {facts.shape.positions}",
                      "Beyond its context a model is undefined.", f"Set max_length: {facts.shape.positions - virtual}")
    elif touched > _LONG * max(1, counts.records):
        yield Finding("warning", "length", figure, "Many answers lose their end.",
                      "Raise max_length, or shorten the answers")
    else:
        yield Finding("ok", "length", figure, "Instructions stay whole; answers are cut at a sentence end.")


def validation(facts: Facts) -> Iterator[Finding]:
    """Whether anybody watches."""
    if facts.validation.rows == 0:
        yield Finding("warning", "validation", "no records", "Nobody will see whether it learns by heart, nor stop it.",
                      "Put the stage `split` into the job")
    else:
        yield Finding("ok", "validation", f"{facts.validation.rows} rows", "Its loss is told during the training.")
