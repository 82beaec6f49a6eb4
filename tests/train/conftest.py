"""The tiny student, built once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.train.tiny import save_student
from train import libraries


@pytest.fixture(scope="session")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with libraries.prepared(threads=1):
        return save_student(tmp_path_factory.mktemp("student"))
