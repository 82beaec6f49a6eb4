"""docs/commands.md: its examples work as they stand, and it leaves no command and no flag out."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from seedbed import cli, setup
from tests.seedbed.commands import records
from tests.tiny_job import DOCUMENTS, rules, write_rules

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
EXAMPLES = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines()]
SHOWN = [line for block in re.findall(r"```text\n(.*?)```", PAGE, re.S) for line in block.splitlines()]


def arguments(line: str) -> list[str]:
    words = shlex.split(line, comments=True)
    assert words[0] == "seedbed"
    return words[1:]


def flags(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, str]]:
    """Each command with each of its flags."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command, sub in action.choices.items():
                yield from flags(sub, f"{name} {command}".strip())
        elif action.option_strings != ["-h", "--help"]:
            yield name, next(iter(action.option_strings), "")


def test_every_command_and_every_flag_is_on_the_page() -> None:
    commands = {" ".join(arguments(line)) + " " for line in EXAMPLES}
    for name, flag in flags(cli._parser()):
        assert any(command.startswith(f"{name} ") for command in commands), name
        assert flag in PAGE, (name, flag)


@pytest.mark.parametrize("line", [line for line in EXAMPLES if "# not in the test" in line])
def test_what_is_not_run_is_understood(line: str) -> None:
    assert cli._parser().parse_args(arguments(line)).command


def test_the_examples_run_in_their_order(seedbed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(setup, "_gpu", lambda: iter(()))  # it loads torch: seconds
    outcomes = {}
    for line in (line for line in EXAMPLES if "# not in the test" not in line):
        words = arguments(line)
        if "ID" in words:
            words[words.index("ID")] = records(tmp_path / "pump" / "runs" / "my-data" / "02-doc_qa")[0].id
        outcomes[" ".join(words)] = done = seedbed(*words)
        assert done.status == 0, (line, done.err)
        if words[0] == "init":
            filled(tmp_path / "pump")
    preview = outcomes["generate pump/job.yaml --preview 5"].out.splitlines()
    assert [line for line in SHOWN if not any(is_like(line, said) for said in preview)] == []


def is_like(shown: str, said: str) -> bool:
    return said.startswith(shown.removesuffix("…")) if shown.endswith("…") else said == shown


def filled(folder: Path) -> None:
    """The new job with documents, a teacher that knows its answers by heart, and no model to train."""
    for name, text in DOCUMENTS.items():
        path = folder / "documents" / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    write_rules(folder / "replies.jsonl", rules())
    job = yaml.safe_load((folder / "job.yaml").read_text(encoding="utf-8"))
    del job["train"], job["evaluate"]
    job["teacher"] = {"model": "scripted:replies.jsonl"}
    (folder / "job.yaml").write_text(yaml.safe_dump(job, allow_unicode=True), encoding="utf-8")
