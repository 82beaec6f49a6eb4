"""A job's teachers: roles, what they share, and what of them decides whether a stage is done."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

import pytest

from datagen.teacher.lending import Lender, Teachers
from datagen.teacher.options import ROLES
from seedbed.chat import Complete, Loop, Request
from seedbed.config import Limits, load
from seedbed.context import Context
from seedbed.errors import JobError, LimitReached
from seedbed.pipeline import Pipeline
from seedbed.progress import Plain
from seedbed.record import Message
from seedbed.run import Usage

HEAD = "documents: d\n"
MAIN = "teacher:\n  model: scripted:main.jsonl\n"


def teachers(folder: Path, text: str) -> Teachers:
    for name in ("main", "judge"):
        (folder / f"{name}.jsonl").write_text(f'{{"default": "{name} 说"}}\n', encoding="utf-8")
    job = folder / "job.yaml"
    job.write_text(HEAD + text, encoding="utf-8")
    return Teachers.of(load(job))


def say(given: tuple[Complete, Loop], text: str) -> str:
    complete, loop = given

    async def ask() -> str:
        return (await complete(Request(messages=(Message("user", text),), max_tokens=20))).text

    return loop.run(ask())


def lend(folder: Path, given: Teachers, stack: ExitStack, limits: Limits | None = None) -> tuple[Context, Usage]:
    lender = Lender(given, limits or Limits(), folder / "journal.sqlite", stack)
    context, usage = Context(folder), Usage()
    lender.lend(context, usage, Plain())
    return context, usage


def test_a_role_has_a_teacher_of_its_own_and_the_others_fall_to_the_main_one(tmp_path: Path) -> None:
    given = teachers(tmp_path, MAIN + "  roles:\n    judge:\n      model: scripted:judge.jsonl\n")
    with ExitStack() as stack:
        context, usage = lend(tmp_path, given, stack)
        said = [say(context.teacher(), "问"), say(context.teacher("judge"), "问"), say(context.teacher("verify"), "问")]
        assert said == ["main 说", "judge 说", "main 说"]
        assert usage.calls == 2  # the third was the first one's, asked again
        assert len({context.teacher(role)[0].model for role in ("generate", "judge", "verify")}) == 2


def test_limits_are_over_all_roles_together(tmp_path: Path) -> None:
    given = teachers(tmp_path, MAIN + "  roles: {judge: {model: \"scripted:judge.jsonl\"}}\n")
    with ExitStack() as stack:
        context, _ = lend(tmp_path, given, stack, Limits(calls=2))
        say(context.teacher(), "one")
        say(context.teacher("judge"), "two")
        with pytest.raises(LimitReached, match="2 of 2 calls"):
            say(context.teacher("judge"), "three")
    with ExitStack() as stack:  # and over all runs
        context, usage = lend(tmp_path, given, stack, Limits(calls=2))
        assert say(context.teacher("judge"), "two") == "judge 说" and usage.calls == 1
        with pytest.raises(LimitReached):
            say(context.teacher(), "three")


def test_each_role_is_counted_at_its_own_price_and_a_replay_the_same(tmp_path: Path) -> None:
    given = teachers(tmp_path, MAIN + "  prices: {prompt: 1000, completion: 1000}\n  roles:\n    judge:\n"
                     "      model: scripted:judge.jsonl\n      prices: {prompt: 5000, completion: 5000}\n")
    bills = []
    for _ in range(2):
        with ExitStack() as stack:
            context, usage = lend(tmp_path, given, stack)
            say(context.teacher(), "问")
            say(context.teacher("judge"), "问")
            bills.append((usage.calls, usage.money))
    assert bills[0] == bills[1] and bills[0][1] == pytest.approx(6 * 3 / 1000)  # of 1 + 2 tokens each


def test_equal_options_share_one_teacher(tmp_path: Path) -> None:
    given = teachers(tmp_path, MAIN + "  roles: {verify: {model: \"scripted:main.jsonl\"}}\n")
    with ExitStack() as stack:
        context, _ = lend(tmp_path, given, stack)
        main, verify = context.complete, context.roles["verify"]
        assert main.inner is verify.inner  # type: ignore[union-attr]


def fingerprints(folder: Path, teacher: str) -> dict[str, str]:
    (folder / "d").mkdir(exist_ok=True)
    (folder / "d" / "泵.md").write_text("# 泵\n\n默认压力是 2.5 bar。\n", encoding="utf-8")
    (folder / "job.yaml").write_text(HEAD + teacher + "generate: [doc_qa]\ncurate: [clean]\n", encoding="utf-8")
    pipeline = Pipeline(load(folder / "job.yaml"))
    return {step.stage.name: pipeline.fingerprint(step) for step in pipeline.plan()}


def test_another_model_for_a_role_is_another_outcome_for_those_who_ask(tmp_path: Path) -> None:
    plain = fingerprints(tmp_path, "teacher: {model: a, url: \"http://x/v1\"}\n")
    roles = "teacher: {model: a, url: \"http://x/v1\", roles: {judge: {model: b, url: \"http://x/v1\"}}}\n"
    judged, other = fingerprints(tmp_path, roles), fingerprints(tmp_path, roles.replace("model: b", "model: c"))
    assert len({plain["doc_qa"], judged["doc_qa"], other["doc_qa"]}) == 3
    assert plain["clean"] == judged["clean"] == other["clean"]
    faster = fingerprints(tmp_path, "teacher: {model: a, url: \"http://x/v1\", rpm: 60, concurrency: 2, prices: {prompt: 1}}\n")
    assert faster == plain


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (MAIN + "  roles:\n    juge: {}\n", r"job.yaml:5: teacher.roles.juge: nobody asks for a role `juge`. Did you mean `judge`"),
        (MAIN + "  roles:\n    judge:\n      modle: x\n", r"job.yaml:6: .*unknown key `modle`. Did you mean `model`"),
        (MAIN + "  roles:\n    judge: {model: x}\n", r"job.yaml:5: teacher.roles.judge.url: needed for 'x'"),
        (MAIN + "  roles:\n    judge: {model: embedded, roles: {}}\n", None),
        (MAIN + "  roles:\n    judge: {roles: {verify: {}}}\n", "a role has no roles of its own"),
        ("teacher:\n  model: embedded\n  roles:\n    judge: {model: \"path:j.gguf\"}\n",
         "job.yaml:5: teacher.roles.judge: two local models at once, .*j.gguf.*serve one of them elsewhere"),
        ("teacher:\n  model: embedded\n  roles:\n    judge: {model: embedded, slots: 1}\n", "embedded is started once"),
        ("teacher:\n  model: embedded\n  roles:\n    judge: {model: embedded}\n", None),
        ("teacher: {model: a, url: \"http://x/v1\", prices: {prompt: 1}, roles: {judge: {model: b, url: \"http://x/v1\"}}}\n"
         "limits: {money: 5}\n", "limits.money: counts money, and the teacher's role judge has no prices"),
        ("teacher: {model: a, url: \"http://x/v1\", prices: {prompt: 1, currency: CNY}, roles: {judge: {model: b, "
         "url: \"http://x/v1\", prices: {prompt: 1}}}}\n", "prices in USD cannot be added to those in CNY"),
        ("teacher:\n  model: m\n  endpoints:\n    - {url: \"http://x/v1\", wieght: 2}\n",
         r"job.yaml:5: teacher.endpoints.wieght: unknown key `wieght`. Did you mean `weight`"),
        ("teacher:\n  model: m\n  endpoints:\n    - {url: \"http://x/v1\", weight: 0}\n", "weight: expected more than 0"),
    ],
)
def test_teachers_that_cannot_be_are_told_by_line_and_key(tmp_path: Path, text: str, says: str | None) -> None:
    if says is None:
        teachers(tmp_path, text)
        return
    with pytest.raises(JobError, match=says):
        teachers(tmp_path, text)


def test_every_role_that_a_stage_asks_for_can_be_named() -> None:
    root = Path(__file__).parents[3]
    sources = [file.read_text(encoding="utf-8") for wing in ("datagen", "curate", "train") for file in (root / wing).rglob("*.py")]
    asked = {role for source in sources for role in re.findall(r"\.teacher\(\"(\w+)\"\)", source)}
    assert asked <= set(ROLES)
