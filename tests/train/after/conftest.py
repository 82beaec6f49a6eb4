"""Students and trainings that several tests read and none changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.train.after import made
from train import libraries


@pytest.fixture(scope="session", autouse=True)
def quiet() -> Iterator[None]:
    with libraries.prepared(threads=1):
        yield


@pytest.fixture(scope="session")
def sharp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.student(tmp_path_factory.mktemp("sharp"))


@pytest.fixture(scope="session")
def trained_run(sharp: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.training(tmp_path_factory.mktemp("run") / "02-train", sharp)
