"""The checks of options and machine: is it set to learn, and does it fit?"""

from __future__ import annotations

from collections.abc import Iterator

from train.checks import rates
from train.checks.finding import Facts, Finding
from train.checks.memory import fitting

_MOST_LAYERS = 0.5  # share of the linear layers
_TIGHT = 0.8  # share of the memory that is there: the estimate is good to a fifth (docs/training/checks.md)
_EPOCHS = 3  # as Alpaca; beyond, validation loss rises while training loss falls (measured: facts learned by heart)


def rate(facts: Facts) -> Iterator[Finding]:
    """The learning rate, against what is usual for method and objective."""
    options, usual = facts.options, rates.usual(facts.options)
    figure, said, instead = f"{options.learning_rate:g}", rates.described(options), rates.advised(options)
    if options.learning_rate > usual.ruin:
        yield Finding("error", "learning_rate", figure, f"So high a rate destroys the model; {said}.", instead)
    elif options.learning_rate > usual.high:
        yield Finding("warning", "learning_rate", figure, f"The loss may jump; {said}.", instead)
    elif options.learning_rate < usual.low:
        yield Finding("warning", "learning_rate", figure, f"Hardly anything will be learned; {said}.", instead)
    else:
        yield Finding("ok", "learning_rate", figure, f"Values {said}.")


def epochs(facts: Facts) -> Iterator[Finding]:
    """How often each record is seen."""
    if facts.options.epochs > _EPOCHS:
        yield Finding("warning", "epochs", str(facts.options.epochs), "Beyond three epochs a model learns by heart.",
                      f"Set epochs: {_EPOCHS}, or make more records")
    else:
        yield Finding("ok", "epochs", str(facts.options.epochs), "Up to three keep learning ahead of memorising.")


def targets(facts: Facts) -> Iterator[Finding]:
    """Which layers get an adapter, and whether those of the student can be quantised."""
    options, every = facts.options, facts.shape.linear
    if options.method in ("qlora", "lora"):
        yield from _adapted(facts)
    odd = sorted({name for name, (into, _) in every.items() if into % 64})
    if odd and options.method == "qlora":
        yield Finding("error", "quantisation", f"{len(odd)} layers, {odd[0]} first",
                      "Their number of inputs is no multiple of 64, as nf4 needs.", "Set method: lora")


def _adapted(facts: Facts) -> Iterator[Finding]:
    chosen, every = facts.shape.targeted(facts.options.targets), facts.shape.linear
    figure = f"{len(chosen)} of {len(every)} linear layers"
    known = ", ".join(sorted({name.rpartition(".")[2] for name in every}))
    if not chosen:
        yield Finding("error", "target_modules", figure, "No layer of the student has such a name.", f"It has: {known}")
    elif len(chosen) < _MOST_LAYERS * len(every):
        yield Finding("warning", "target_modules", figure, "An adapter on few layers learns less than one on all.",
                      "Set targets: all-linear")
    else:
        yield Finding("ok", "target_modules", figure, "Adapters on all linear layers come closest to full fine-tuning.")


def memory(facts: Facts) -> Iterator[Finding]:
    """Whether a step fits, all processes of this machine together where they share its memory."""
    need, free = facts.memory.total * facts.processes / 1e9, facts.free / 1e9
    figure = f"about {need:.1f} GB of {free:.1f} GB free ({facts.memory.parts()})"
    room = int(_TIGHT * facts.free / facts.processes)
    remedy = fitting(facts.shape, facts.options, facts.longest, room) if need > _TIGHT * free else ""
    if need > free:
        yield Finding("error", "memory", figure, "The training would be killed.", remedy)
    elif need > _TIGHT * free:
        yield Finding("warning", "memory", figure, "That is tight.", remedy)
    else:
        yield Finding("ok", "memory", figure, "It fits.")


def disk(facts: Facts) -> Iterator[Finding]:
    """Whether the checkpoints fit."""
    figure = f"about {facts.disk / 1e6:,.0f} MB of {facts.disk_free / 1e6:,.0f} MB free"
    if facts.disk > facts.disk_free:
        yield Finding("error", "disk", figure, "The checkpoints would not fit.",
                      "Free some space or choose another folder with --out")
    else:
        yield Finding("ok", "disk", figure, "Room for the checkpoints and the adapter.")
