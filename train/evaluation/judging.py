"""The teacher as judge: the answers of base and tuned model side by side (Zheng et al. 2023, "Judging LLM-as-a-Judge
with MT-Bench and Chatbot Arena").

A model that judges leans towards what stands first. So each pair is shown twice, the other way round the second time;
one side wins where both verdicts name it, and everything else is a tie. A judge that names the same place nearly
always has compared nothing, which is noticed and said. Equal answers are a tie without a question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any, Literal

import msgspec

from seedbed.chat import Complete, Request
from seedbed.context import Context
from seedbed.parse import Parsed, ask
from seedbed.prompts import load
from seedbed.text import language
from train.evaluation import intervals
from train.evaluation.intervals import Spread
from train.evaluation.scores import Answer

PROMPT = "evaluate/pairwise"
_TOKENS = 200
_SHOWN = 4000  # characters of each part: a judge with a small window must see the question too
_SAME, _ENOUGH = 0.9, 8  # share of verdicts for one place, among so many that name one, at which a judge tells nothing
_SIDE = {"A": ("base", "tuned"), "B": ("tuned", "base")}  # who stands there at the first and at the second asking


class _Said(msgspec.Struct):
    """The judge's words: the reason first, for what is written before a verdict bears on it."""

    reason: str
    better: Literal["A", "B", "tie"]


class Verdict(msgspec.Struct, frozen=True):
    """One pair, both ways round. `better` is base, tuned or tie; empty where a reply could not be read, as `fault`
    tells. `said` are the two verdicts as places, `reasons` the judge's words."""

    set: str
    id: str
    better: str
    said: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    fault: str = ""


def judged(answers: Sequence[Answer], context: Context) -> list[Verdict]:
    """A verdict for each answer, in order."""
    complete, loop = context.teacher("judge")
    found = []
    for verdict in loop.in_order((_verdict(complete, one, context) for one in answers), context.width):
        found.append(verdict)
        context.progress.update(len(found), len(answers), "the judge compares")
    return found


def figures(verdicts: Sequence[Verdict], seed: int) -> dict[str, Any]:
    """Wins of the tuned model on one set, ties counting half, with the interval and a sentence."""
    read = [one for one in verdicts if one.better]
    found: dict[str, Any] = {"records": len(read), "unread": len(verdicts) - len(read)}
    if not read:
        return found
    count = Counter(one.better for one in read)
    rate = intervals.mean([_POINTS[one.better] for one in read], seed)
    away = Spread(rate.mean - 0.5, *(None if end is None else end - 0.5 for end in (rate.low, rate.high)))
    won = f"tuned wins {count['tuned']}, base {count['base']}, {count['tie']} ties"
    said = f"The judge: {won}; win rate {rate.mean:.0%}"
    return found | {
        "wins": count["tuned"],
        "losses": count["base"],
        "ties": count["tie"],
        "disagreed": sum(set(one.said) in ({"A"}, {"B"}) for one in read),
        "win_rate": rate.noted(),
        "real": away.real,
        "sentence": said + _means(rate, away, len(read)),
    }


def standing(verdicts: Sequence[Verdict], model: str) -> dict[str, Any]:
    """What the judge itself is worth: how often it names the first place, over all pairs, and a warning."""
    said = Counter(place for one in verdicts for place in one.said)
    named = said["A"] + said["B"]
    first = said["A"] / named if named else None
    warning = ""
    if named >= _ENOUGH and first is not None and max(first, 1 - first) >= _SAME:
        place = "first" if first > 0.5 else "second"
        warning = f"the judge names the {place} answer in {max(first, 1 - first):.0%} of its verdicts, whichever it " \
                  "is: it compares nothing, and its win rate tells nothing. Take another judge"
    elif said["tie"] >= _ENOUGH and not named:
        warning = "the judge says tie to everything: its win rate tells nothing. Take another judge"
    share = None if first is None else round(first, 4)
    return {"model": model, "first": share, "ties": said["tie"], "warning": warning}


def estimate(pairs: int, shown: int) -> tuple[int, int, int]:
    """Calls, prompt and completion tokens for so many pairs; `shown` tokens are the prompt with a pair in it."""
    return 2 * pairs, 2 * pairs * shown, 2 * pairs * 30  # 30 tokens of a verdict, with the embedded teacher


_POINTS = {"tuned": 1.0, "tie": 0.5, "base": 0.0}


def _means(rate: Spread, away: Spread, pairs: int) -> str:
    if rate.low is None or rate.high is None:
        return f", but {pairs} pairs are too few to tell that from chance."
    told = f" (95 % interval {rate.low:.0%} to {rate.high:.0%}, {pairs} pairs)"
    if not away.real:
        return f"{told}: that may be chance."
    return f"{told}: {'better' if away.mean > 0 else 'worse'} than base, more than chance explains."


def _verdict(complete: Complete, one: Answer, context: Context) -> Coroutine[None, None, Verdict]:
    async def compared() -> Verdict:
        if one.base.strip() == one.tuned.strip():
            return Verdict(one.set, one.id, "tie")
        there = await ask(complete, _request(one, one.base, one.tuned, context), _Said)
        back = await ask(complete, _request(one, one.tuned, one.base, context), _Said)
        return _joined(one, there, back)

    return compared()


def _joined(one: Answer, there: Parsed[_Said], back: Parsed[_Said]) -> Verdict:
    calls = there.calls + back.calls
    if there.value is None or back.value is None:
        why = there.reason or back.reason
        return Verdict(one.set, one.id, "", calls=calls, fault=why)
    said = there.value.better, back.value.better
    named = {_SIDE[place][turn] if place in _SIDE else "tie" for turn, place in enumerate(said)}
    better = named.pop() if len(named) == 1 else "tie"
    return Verdict(one.set, one.id, better, said, (there.value.reason, back.value.reason), calls)


def _request(one: Answer, first: str, second: str, context: Context) -> Request:
    lang = "zh" if language(f"{one.question} {one.reference}") in ("zh", "mixed") else "en"
    nothing = "(nothing)" if lang == "en" else "（空）"
    parts = {"question": one.question, "reference": one.reference, "first": first, "second": second}
    shown = {name: text.strip()[:_SHOWN].replace("<|", "< |") or nothing for name, text in parts.items()}
    messages = load(lang, PROMPT, context.prompts).messages(**shown)
    return Request(messages=messages, max_tokens=_TOKENS, temperature=0.0)
