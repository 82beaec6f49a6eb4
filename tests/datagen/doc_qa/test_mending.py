"""Slips of a small model that writes JSON, put right; and what must stay as wrong as it is."""

from __future__ import annotations

import pytest

from datagen.doc_qa.mending import citations, completed, escaped, gives

FIND = "find . -name ’*.ext’ -exec command ’{}’ \\;"


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("Run `find . -name '*.ext' -exec command '{}' \\;`.", True),
        ("运行 `find . -name ’*.ext’ -exec command ’{}’ \\;`。", True),
        ("Run `find . -name '*.ext' -exec command '{}'`.", False),
        ("Run `find . -name '*.txt' -exec command '{}' \\;`.", False),
        ("Run `find. -name '*.ext' -exec command '{}' \\;`.", False),  # a space that no quote stands beside
    ],
)
def test_straight_quotes_stand_for_typographic_ones(text: str, given: bool) -> None:
    assert gives(text, FIND) is given


def test_spaces_beside_straight_quotes_count() -> None:
    assert gives('Use `[ -f "$x" ]`.', "[ -f ”$x”]") and not gives('Use `[ -f "$x"]`.', '[ -f "$x" ]')


@pytest.mark.parametrize(
    ("lang", "said", "whole"),
    [
        ("en", "Run `find . -name '*.ext' -exec command '{}' \\\\", "Run `find . -name '*.ext' -exec command '{}' \\;`."),
        ("zh", "运行 `find . -name ’*.ext’ -exec command ’{}’ \\", f"运行 `{FIND}`。"),
        ("en", "Run `find . -name", "Run `find . -name"),  # too little of it
        ("zh", "运行 `find . -name '*.txt' -exec command \\", "运行 `find . -name '*.txt' -exec command \\"),  # another one
        ("en", f"Run `{FIND}`.", f"Run `{FIND}`."),
    ],
)
def test_a_command_that_breaks_off_is_completed(lang: str, said: str, whole: str) -> None:
    assert completed(said, [FIND], lang) == whole


def test_an_escape_of_the_source_is_no_line_break() -> None:
    assert escaped("What does \n stand for?", "| \\n | what the n-th group matched |") == "What does \\n stand for?"
    assert escaped("First:\n- one", "a list of things") == "First:\n- one"


@pytest.mark.parametrize(
    ("said", "source", "left", "marks"),
    [
        ("Mail goes to the submission port (587).", "It goes to the port (587).", "Mail goes to the submission port (587).", []),
        ("邮件发往提交端口（587）。", "发往端口(587)。", "邮件发往提交端口（587）。", []),
        ("Mail goes to port 587 (3).", "It goes to port 587.", "Mail goes to port 587", ["3"]),
    ],
)
def test_a_figure_in_brackets_of_the_source_is_no_citation(said: str, source: str, left: str, marks: list[str]) -> None:
    assert citations(said, source) == (left, marks)
