"""No token is learned that should not be, and none is missed: every family, every conversation, by the oracle."""

from __future__ import annotations

from typing import Any

import pytest

from seedbed import models
from seedbed.errors import TemplateError
from tests.train.rows.conversations import CONVERSATIONS
from tests.train.rows.families import FAMILIES, Family
from tests.train.rows.oracle import TEMPLATES, Verdict, dressed, judge, of_name
from tests.train.tiny import tokenizer
from train.rows.conversation import conversation
from train.rows.template import Template

_TAKEN = 40  # conversations that each family must take, of all that there are


@pytest.fixture(scope="module")
def bare() -> Any:
    return tokenizer(None)


def verdict_of(template: Template, family: Family) -> Verdict:
    verdict = Verdict()
    for name, record in CONVERSATIONS.items():
        judge(template, family, name, record, verdict)
    return verdict


@pytest.mark.parametrize("marks", [True, False], ids=["marks are tokens", "marks are text"])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_no_token_is_wrong(bare: Any, family: Family, marks: bool) -> None:
    verdict = verdict_of(dressed(bare, family, marks=marks), family)
    assert verdict.faults == [] and verdict.wrong == 0
    assert verdict.conversations - verdict.refused >= _TAKEN and verdict.learned > 0
    assert verdict.torn == 0 or not marks


def test_the_oracle_sees_a_single_wrong_token(bare: Any) -> None:
    family = of_name("chatml")

    class Shifted(Template):
        def tokens(self, rendered: Any) -> Any:
            row = super().tokens(rendered)
            return type(row)(row.input_ids, [*row.labels[1:], -100])

    made = dressed(bare, family)
    verdict = verdict_of(Shifted(made.tokenizer, "chatml"), family)
    assert verdict.wrong >= 2 * (verdict.conversations - verdict.refused)


def test_a_template_that_asks_otherwise_than_it_remembers_is_refused(bare: Any) -> None:
    bare.chat_template = (TEMPLATES / "deepseek_r1.jinja").read_text(encoding="utf-8")
    with pytest.raises(TemplateError, match="cannot be told exactly"):
        Template(bare)


@pytest.mark.parametrize(("family", "name", "why"), [
    ("chatml", "a call and its result", "does not tell the model which tools it has"),
    ("chatml", "a call and no tools", "changes or drops a call of a tool"),
    ("llama3", "words and a call", "changes or drops the assistant's answer"),
    ("llama3", "two calls at once", "one tool call at a time"),
    ("gemma", "two answers running", "roles must alternate"),
    ("phi3", "a call and no tools", "drops a call|unknown role"),
])  # fmt: skip
def test_what_a_template_loses_is_refused_with_the_reason(bare: Any, family: str, name: str, why: str) -> None:
    said = conversation(CONVERSATIONS[name])
    with pytest.raises(TemplateError, match=why):
        dressed(bare, of_name(family)).trained(said.turns, said.tools)


def test_tool_calls_and_results_are_what_templates_read() -> None:
    said = conversation(CONVERSATIONS["ids of another service"])
    call = said.turns[1]["tool_calls"][0]
    assert call["function"] == {"name": "read_gauge", "arguments": {"gauge": "P-20"}}
    assert said.turns[2] == {"role": "tool", "content": "1.8", "tool_call_id": call["id"]}
    assert len(call["id"]) == 9 and said.tools[0]["function"]["name"] == "read_gauge"
    both = conversation(CONVERSATIONS["two calls at once"]).turns
    assert [turn["tool_call_id"] for turn in both[2:4]] == [call["id"] for call in both[1]["tool_calls"]]


def test_sharegpt_calls_become_calls(bare: Any) -> None:
    from seedbed.formats import from_row

    row = {"conversations": [{"from": "human", "value": "端口？"},
                             {"from": "function_call", "value": '{"name": "read_gauge", "arguments": {"gauge": "一"}}'},
                             {"from": "observation", "value": "1.8"}, {"from": "gpt", "value": "1.8 巴。"}],
           "tools": '[{"name": "read_gauge"}]'}
    said = conversation(from_row(row, "sharegpt"))
    (rendered,) = dressed(bare, of_name("qwen25")).rows(said.turns, said.tools)
    assert rendered.learned == (
        '<tool_call>\n{"name": "read_gauge", "arguments": {"gauge": "一"}}\n</tool_call><|im_end|>', "1.8 巴。<|im_end|>"
    )


def test_todays_date_is_not_in_the_rows(bare: Any) -> None:
    template = dressed(bare, of_name("llama3"))
    assert "Today Date: 26 Jul 2024" in template.prompt([{"role": "user", "content": "Which day?"}])


def _real(name: str) -> Any:
    """The tokenizer of a GGUF file of the catalogue, with its own template."""
    from transformers import AutoTokenizer

    path = models.pull(name)
    return AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name, local_files_only=True)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "family"), [
    ("smollm2-135m-instruct", "smollm2"), ("qwen2.5-coder-1.5b-instruct", "qwen25"),
])  # fmt: skip
def test_real_tokenizers_with_their_own_templates(model: str, family: str) -> None:
    made = _real(model)
    verdict = Verdict()
    template = Template(made, model)
    for name, record in CONVERSATIONS.items():
        if not conversation(record).tools:  # how the tools are announced is the template's own wording
            judge(template, of_name(family), name, record, verdict)
    assert verdict.faults == [] and verdict.conversations - verdict.refused >= _TAKEN
    if family == "qwen25":
        said = conversation(CONVERSATIONS["a call and its result"])
        (rendered,) = template.rows(said.turns, said.tools)
        assert rendered.learned == (
            '<tool_call>\n{"name": "read_gauge", "arguments": {"gauge": "P-20"}}\n</tool_call><|im_end|>',
            "1.8 bar.<|im_end|>",
        )
