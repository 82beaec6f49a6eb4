"""What `seedbed train DATA --show N` prints."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from seedbed.context import Silent
from seedbed.errors import InputError
from seedbed.record import Message, Record, chat, make
from tests.train.rows.test_template import MISTRAL
from tests.train.tiny import CHATML, records, tokenizer
from train.options import Options
from train.rows.show import coloured, example, show
from train.rows.template import Template

OPTIONS = Options(max_length=512)


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(tokenizer(CHATML))


def lines(record: Record, template: Template, options: Options = OPTIONS, colours: bool = False) -> list[str]:
    return list(example(record, template, options, colours=colours))


def test_learned_text_stands_in_brackets_and_special_tokens_are_seen(template: Template) -> None:
    found = lines(chat("Which port?", "Port 4711.\n按下。"), template)
    assert found[0].endswith(" learned") and found[0].strip()[0].isdigit()
    assert found[1:] == ["  | <|im_start|>user↵", "  | Which port?<|im_end|>↵", "  | <|im_start|>assistant↵",
                         "  | ⟦Port 4711.↵", "  | 按下。<|im_end|>⟧↵"]  # fmt: skip


def test_in_colour_the_same_text_has_no_brackets_and_every_line_ends_plain(template: Template) -> None:
    found = lines(chat("端口？", "4711。\nPress."), template, colours=True)
    assert "  | \x1b[1;32m4711。↵\x1b[0m" in found
    assert not any("⟦" in line for line in found)
    assert all(line.count("\x1b[1;32m") + line.count("\x1b[2;36m") == line.count("\x1b[0m") for line in found)


def test_counts_are_those_of_the_row(template: Template) -> None:
    record = chat("Which port?", "Port 4711.")
    row = template.trained(record.turns()).rows[0]
    assert lines(record, template)[0] == f"  {len(row.input_ids)} tokens, {row.learned} learned"


def test_what_is_left_out_tells_the_reason(template: Template) -> None:
    mistral = Template(tokenizer(MISTRAL, "</s>"))
    twice = make(messages=(Message("user", "one"), Message("user", "二"), Message("assistant", "three")))
    assert "roles must alternate" in lines(twice, mistral)[0] and len(lines(twice, mistral)) == 1
    long = chat("Read. " * 50, "读完。")
    assert lines(long, template, Options(max_length=40)) == [
        "  left out: longer than 40 tokens, and no part of its answer fits"
    ]
    assert lines(make(messages=(Message("user", "?"),)), template) == [
        "  left out: it has no answer of the assistant's at its end"
    ]


def test_a_cut_answer_is_shown_as_it_is_learned(template: Template) -> None:
    answer = "泵停机。按下红色按钮。等待十秒钟。读取数值。" * 3
    found = lines(chat("怎么办？", answer), template, Options(max_length=60))
    assert found[0] == "  longer than 60 tokens: its answer ends at an earlier sentence"
    assert "。<|im_end|>⟧" in found[-1]


def test_escape_sequences_of_a_record_do_not_reach_the_terminal(template: Template) -> None:
    found = "\n".join(lines(chat("\x1b[31mred", "\x1b]0;title\x07"), template))
    assert "\x1b" not in found and "␛[31mred" in found


def test_both_answers_of_a_pair_are_shown(template: Template) -> None:
    pair = make(messages=(Message("user", "端口？"), Message("assistant", "4711。")), rejected=Message("assistant", "80。"))
    found = lines(pair, template, Options(objective="dpo"))
    assert [line.split(":")[0].strip() for line in found if "learned" in line] == ["chosen", "rejected"]
    assert any("⟦4711。" in line for line in found) and any("⟦80。" in line for line in found)


def test_of_running_text_all_is_learned(template: Template) -> None:
    found = lines(make(text="泵停机。Press it."), template, Options(objective="pretrain"))
    assert found[1:] == ["  | ⟦泵停机。Press it.<|endoftext|>⟧"]


def test_examples_are_taken_from_the_whole_of_the_training_set(student: Path) -> None:
    data = [*records(9), *records(3, "validation")]
    found = list(show(data, Options(student=str(student)), 3, Silent(), colours=False))
    heads = [line for line in found if line.startswith("Example")]
    assert [head.split("record ")[1] for head in heads] == [data[0].id, data[4].id, data[8].id]
    for wrong, asked in ((data, 0), (data[9:], 3)):
        with pytest.raises(InputError, match="--show"):
            list(show(wrong, Options(student=str(student)), asked, Silent(), colours=False))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals_and_for_those_who_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert coloured(Terminal()) and not coloured(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured(Terminal())


def test_the_command_needs_no_run_directory_and_trains_nothing(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from seedbed.cli import main

    data = tmp_path / "data.jsonl"
    rows: list[dict[str, Any]] = [{"instruction": "Which port?", "input": "", "output": "4711。"}]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["train", str(data), "--model", str(student), "--show", "3"]) == 0
    said = capsys.readouterr().out
    assert "Example 1 of 1" in said and "⟦4711。<|im_end|>⟧" in said
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]
