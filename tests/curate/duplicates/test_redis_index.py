"""The standing index in a Redis server: as the one in a folder. Needs redis-server; where there is none, its errors."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from curate.duplicates.minhash import Options, minhash
from seedbed.context import Context
from seedbed.errors import InputError, MissingExtra
from seedbed.record import Evidence, Record, make
from tests.curate.duplicates.test_index import FIRST, SECOND
from tests.curate.duplicates.test_minhash import EN, ZH


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("redis")
    pytest.importorskip("datasketch", minversion="2")
    if not (program := shutil.which("redis-server")):
        pytest.skip("needs redis-server")
    port = free_port()
    process = subprocess.Popen([program, "--port", str(port), "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL)
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    process.wait()


def run(folder: Path, records: list[Record], index: str, **options: Any) -> list[str | None]:
    folder.mkdir(exist_ok=True)
    results = list(minhash(records, Options(against=index, **options), Context(folder)))
    return [result.rejection.match if result.rejection else None for result in results]


def test_runs_meet_those_before_them_and_never_themselves(tmp_path: Path, server: str) -> None:
    index = f"{server}?name=across"
    expected = {"a": (FIRST, [None, None]), "b": (SECOND, [FIRST[0].id, FIRST[1].id, None])}
    for _ in range(2):
        for name, (records, matches) in expected.items():
            assert run(tmp_path / name, records, index) == matches
    assert run(tmp_path / "b", SECOND, index, threshold=0.99) == [None] * 3
    assert run(tmp_path / "a", FIRST, index) == [None, None]
    third = [make(text=SECOND[2].text + "!"), make(text=EN + " 是"), make(text="New. 新的。")]
    assert [match is None for match in run(tmp_path / "c", third, index)] == [False, False, True]


def test_killed_while_it_inserts_it_comes_to_the_same(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasketch

    index = f"{server}?name=killed"
    run(tmp_path / "a", FIRST, index)
    insert = datasketch.MinHashLSH._insert
    new = [make(text=f"{n} {text}") for n, text in enumerate(("Oil is changed every 500 hours.", "每运行五百小时更换一次润滑油。"))]
    for stop in (1, 2):
        done = 0

        def killed(self: Any, *given: Any, **more: Any) -> None:
            nonlocal done
            done += 1
            if done == stop:  # noqa: B023 - used within the round
                raise KeyboardInterrupt
            insert(self, *given, **more)

        with monkeypatch.context() as patched:
            patched.setattr(datasketch.MinHashLSH, "_insert", killed)
            with pytest.raises(KeyboardInterrupt):
                run(tmp_path / "b", [*SECOND[:2], *new], index)
    assert run(tmp_path / "b", [*SECOND[:2], *new], index) == [FIRST[0].id, FIRST[1].id, None, None]
    assert run(tmp_path / "c", new, index) == [new[0].id, new[1].id]


def test_what_is_apart_is_apart_there_too(tmp_path: Path, server: str) -> None:
    index, quote = f"{server}?name=apart", (Evidence("…", 0, 1),)
    faults = [make(text=f"{text} E0{n}", evidence=quote) for n in (1, 2) for text in (EN, ZH)]
    run(tmp_path / "a", faults[:2], index)
    assert run(tmp_path / "b", faults[2:], index) == [None, None]


@pytest.mark.parametrize("changed", [{"on": "answer"}, {"floor": 0.5}])
def test_an_index_of_other_signatures_is_refused(tmp_path: Path, server: str, changed: dict[str, Any]) -> None:
    index = f"{server}?name=other"
    run(tmp_path / "a", FIRST, index)
    with pytest.raises(InputError, match="holds signatures as .*, not as "):
        run(tmp_path / "b", FIRST, index, **changed)


def test_a_server_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    pytest.importorskip("redis")
    pytest.importorskip("datasketch", minversion="2")
    with pytest.raises(InputError, match=r"redis://127.0.0.1:\d+: cannot be used: .*Start the server"):
        run(tmp_path / "a", FIRST, f"redis://127.0.0.1:{free_port()}/0")


def test_without_the_library_the_pip_line_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(MissingExtra, match=r'pip install "seedbed\[index\]"'):
        run(tmp_path / "a", FIRST, "redis://localhost")


def test_a_password_has_no_place_in_a_job() -> None:
    with pytest.raises(ValueError, match="against: no password in a job"):
        Options(against="redis://:secret@localhost/0")


@pytest.mark.parametrize("url", ["redis://localhost/abc", "redis://localhost:x/0", "redis://localhost:99999", "rediss://h/数"])
def test_an_address_that_cannot_be_is_refused_with_the_job(url: str) -> None:
    with pytest.raises(ValueError, match="against: .*; write redis://HOST:PORT/DB"):
        Options(against=url)


def test_an_address_is_no_path() -> None:
    options = Options(against="redis://localhost/0?name=seen")
    assert options.placed(Path("/jobs")) == options
