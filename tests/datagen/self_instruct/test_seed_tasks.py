"""The seed tasks that travel with seedbed: as many and as varied as the paper's, in both languages, each with an answer."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from datagen.self_instruct.filters import instance_fault
from seedbed import jsonl
from seedbed.gate import Gate
from seedbed.resources import resource
from seedbed.text import language

AREAS = {"everyday", "office", "coding", "reasoning", "writing", "extraction", "industry"}


@pytest.fixture(scope="module", params=["en", "zh"])
def seeds(request: pytest.FixtureRequest) -> tuple[str, list[dict[str, Any]]]:
    path = resource("seeds") / f"tasks.{request.param}.jsonl"
    return request.param, list(jsonl.read_as(dict[str, Any], path))


def test_there_are_175_of_each_language_with_enough_classification(seeds: tuple[str, list[dict[str, Any]]]) -> None:
    lang, tasks = seeds
    assert len(tasks) == len({task["id"] for task in tasks}) == 175
    assert sum(task["classification"] for task in tasks) >= 25
    areas = Counter(task["area"] for task in tasks)
    assert set(areas) == AREAS and min(areas.values()) >= 15
    assert all(language(task["instruction"]) in (lang, "mixed") for task in tasks)


def test_no_two_are_alike_and_all_are_answered(seeds: tuple[str, list[dict[str, Any]]]) -> None:
    lang, tasks = seeds
    gate = Gate(0.7)
    for task in tasks:
        assert gate.offer(task["id"], task["instruction"]) is None
        assert instance_fault(task["instruction"], task["input"], task["output"], lang) is None, task["id"]


def test_labels_of_classification_tasks_are_not_always_the_first_named(seeds: tuple[str, list[dict[str, Any]]]) -> None:
    _, tasks = seeds
    outputs = Counter(task["output"] for task in tasks if task["classification"])
    assert len(outputs) >= 20 and max(outputs.values()) <= 4
