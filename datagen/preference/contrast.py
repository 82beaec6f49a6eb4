"""Is a rejected answer really wrong, and really close to the chosen one?

Wrong, told from the evidence: what it says otherwise than the chosen answer is not there (figures, names, content
words), or what it drops is. Close: language and form, length, and wording of the chosen answer, so that nothing but the
mistake tells the two apart; a refusal, or an answer that breaks off, would teach a model to look at that.
"""

from __future__ import annotations

from collections.abc import Callable

from datagen.checks.agreement import agree
from datagen.checks.verify import Fault, form_fault
from datagen.dialogue.follow import content
from datagen.preference.demands import demanded_format, form, keeps_format, keeps_limits
from datagen.preference.negatives import Ground, says_something
from seedbed.gate import rouge_l
from seedbed.parse import evasion
from seedbed.text import length, tokenize

SHORTEST, LONGEST = 0.5, 2.0  # of the chosen answer's length
# Of what an addition says, so much may stand in the passage: words of the trade come again in anything that is added.
_KNOWN = 0.5
_KEPT = 0.8  # of the chosen answer's content stands in one that only adds

# Kinds that the texts alone do not always tell; a judge decides where they do not.
JUDGED = ("ignored_constraint", "wrong_format")


def close_fault(kind: str, chosen: str, rejected: str, ground: Ground, band: tuple[float, float]) -> Fault | None:
    """Why a rejected answer is no near neighbour of the chosen one."""
    if not rejected.strip():
        return Fault("empty", "the rejected answer is empty")
    if phrase := evasion(rejected):
        return Fault("refused", f"it evades: {phrase}")
    if fault := form_fault(rejected, f"{ground.passage}\n{chosen}", ground.lang):
        return fault
    if kind not in JUDGED and form(rejected) != form(chosen):
        return Fault("not_close", "it has another form: a list, a table, code or JSON stands against prose")
    share = length(rejected) / max(1, length(chosen))
    if not SHORTEST <= share <= LONGEST:
        return Fault("not_close", f"it is {share:.2f} times as long as the chosen answer")
    near = rouge_l(chosen, rejected)
    if tokenize(chosen) != tokenize(rejected) and not band[0] <= near <= band[1]:
        return Fault("not_close", f"ROUGE-L {near:.2f} with the chosen answer, {band[0]:g} to {band[1]:g} is asked for")
    return None


def wrong_fault(kind: str, chosen: str, rejected: str, ground: Ground) -> Fault | None:
    """Why a rejected answer is not wrong in the way it should be; None too where only a judge can tell."""
    if tokenize(chosen) == tokenize(rejected):
        return Fault("not_wrong", "it says what the chosen answer says")
    check: dict[str, Callable[[str, str, Ground], str]] = {
        "wrong_figure": _figure, "swapped_entity": _entity, "missing_condition": _condition,
        "unsupported_addition": _addition, "ignored_constraint": _constraint, "wrong_format": _format,
    }
    why = check[kind](chosen, rejected, ground)
    return Fault("not_wrong", why) if why else None


def needs_judge(kind: str, chosen: str, rejected: str, ground: Ground) -> bool:
    """Whether the texts leave open if the rejected answer is wrong."""
    if kind == "ignored_constraint":
        return keeps_limits(ground.question, chosen) is not True or keeps_limits(ground.question, rejected) is not False
    return kind == "unsupported_addition" and not ground.passage


def _added(chosen: str, rejected: str, ground: Ground) -> set[str]:
    return content(rejected, ground.lang) - content(chosen, ground.lang) - content(ground.question, ground.lang)


def _figure(chosen: str, rejected: str, ground: Ground) -> str:
    if agree(chosen, rejected, ground.lang) is not False:
        return "its figures do not contradict the chosen answer's"
    new = {word for word in _added(chosen, rejected, ground) if word[0] == "#"}
    return "" if new - content(ground.evidence, ground.lang) else "its figures stand in the evidence"


def _entity(chosen: str, rejected: str, ground: Ground) -> str:
    new = _added(chosen, rejected, ground)
    return "" if new - content(ground.evidence, ground.lang) else "its names stand in the evidence, or are the same"


def _condition(chosen: str, rejected: str, ground: Ground) -> str:
    dropped = content(chosen, ground.lang) - content(rejected, ground.lang) - content(ground.question, ground.lang)
    known = content(ground.evidence or chosen, ground.lang)
    if not says_something(dropped & known):
        return "what it drops makes no difference"
    return "it says more than that it drops a condition" if says_something(_added(chosen, rejected, ground)) else ""


def _addition(chosen: str, rejected: str, ground: Ground) -> str:
    said = content(chosen, ground.lang)
    if len(said & content(rejected, ground.lang)) < _KEPT * len(said):
        return "it does not keep what the chosen answer says"
    new = _added(chosen, rejected, ground)
    if not says_something(new):
        return "it adds nothing"
    if len(new & content(ground.passage, ground.lang)) > _KNOWN * len(new):
        return "the passage says what it adds"
    return ""


def _constraint(chosen: str, rejected: str, ground: Ground) -> str:
    return "it keeps to the limits" if keeps_limits(ground.question, rejected) is True else ""


def _format(chosen: str, rejected: str, ground: Ground) -> str:
    if not demanded_format(ground.question):
        return "no format is demanded"
    return "it has the format that is demanded" if keeps_format(ground.question, rejected) else ""
