from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from datagen.teacher import client
from datagen.teacher.options import Pace
from seedbed.cli import main
from tests.seedbed.commands import Said
from tests.tiny_job import write_job


@pytest.fixture
def seedbed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command in this process; the waits for an endpoint that does not answer are hurried."""
    monkeypatch.setattr(client, "Pace", partial(Pace, first=0.002, refused=0.002, reach=0.05))

    def run(*argv: object) -> Said:
        capsys.readouterr()
        try:
            status = main([str(part) for part in argv])
        except SystemExit as refused:  # argparse
            status = int(refused.code or 0)
        said = Said(status, *capsys.readouterr())
        assert "Traceback" not in said.out + said.err
        return said

    return run


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished tiny job; nobody changes it."""
    folder = tmp_path_factory.mktemp("finished")
    out = f"runs/{folder.name}"
    assert main(["run", str(write_job(folder, out=out))]) == 0
    return folder


@pytest.fixture
def run_of(finished: Path) -> Path:
    return finished / "runs" / finished.name
