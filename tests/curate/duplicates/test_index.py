"""The standing index: what an earlier run kept, a later one has not again, and a run is never held against itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curate.duplicates.minhash import Options, minhash
from curate.duplicates.signatures import SCHEME
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.record import Evidence, Message, Record, make
from tests.curate.duplicates.test_minhash import EN, EN_TWIN, ZH, ZH_TWIN

FIRST = [make(text=EN), make(text=ZH)]
SECOND = [make(text=EN_TWIN), make(text=ZH_TWIN), make(text="Every 500 hours the oil is changed; 每运行 500 小时更换一次。")]


def run(folder: Path, records: list[Record], index: Path, **options: Any) -> list[str | None]:
    folder.mkdir(exist_ok=True)
    results = list(minhash(records, Options(against=str(index), **options), Context(folder)))
    return [result.rejection.match if result.rejection else None for result in results]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.startswith(".")}


def test_what_an_earlier_run_kept_goes_and_is_named(tmp_path: Path) -> None:
    assert run(tmp_path / "a", FIRST, tmp_path / "index") == [None, None]
    assert run(tmp_path / "b", SECOND, tmp_path / "index") == [FIRST[0].id, FIRST[1].id, None]
    results = list(minhash(SECOND, Options(against=str(tmp_path / "index")), Context(tmp_path / "b")))
    why = results[0].rejection
    assert why and why.score is not None and 0.7 <= why.score <= 1
    assert why.detail.startswith(f"its text is nearly that of {FIRST[0].id}: in the index, estimated Jaccard similarity")
    shares = json.loads((tmp_path / "index" / "index.json").read_text())["shares"]
    assert [share["records"] for share in shares] == [2, 1]


def test_a_third_run_meets_both(tmp_path: Path) -> None:
    for name, records in (("a", FIRST), ("b", SECOND)):
        run(tmp_path / name, records, tmp_path / "index")
    again = [make(text=SECOND[2].text + "!"), make(text=EN + " 是"), make(text="New. 新的。")]
    assert run(tmp_path / "c", again, tmp_path / "index") == [SECOND[2].id, FIRST[0].id, None]


def test_a_run_that_is_done_again_comes_to_the_same_and_so_does_the_index(tmp_path: Path) -> None:
    index = tmp_path / "index"
    run(tmp_path / "a", FIRST, index)
    run(tmp_path / "b", SECOND, index)
    before = contents(index)
    for name, records, matches in (("a", FIRST, [None, None]), ("b", SECOND, [FIRST[0].id, FIRST[1].id, None])):
        assert run(tmp_path / name, records, index) == matches
    assert contents(index) == before
    # with a threshold that lets the twins pass they stand in the index, at their run's place
    assert run(tmp_path / "b", SECOND, index, threshold=0.99) == [None] * 3
    assert run(tmp_path / "a", FIRST, index) == [None, None]
    shares = json.loads((index / "index.json").read_text())["shares"]
    assert [share["records"] for share in shares] == [2, 3]


@pytest.mark.parametrize("moment", ["index.json", ".npz", "folder"])
def test_killed_while_it_writes_it_comes_to_the_same(tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    index = tmp_path / "index"
    run(tmp_path / "a", FIRST, index)
    replace = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if target.parent == index and str(target).endswith(moment) or (moment == "folder" and target.parent != index):
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "b", SECOND, index)
    assert run(tmp_path / "b", SECOND, index) == [FIRST[0].id, FIRST[1].id, None]
    shares = json.loads((index / "index.json").read_text())["shares"]
    assert [share["records"] for share in shares] == [2, 1]
    assert {path.suffix for path in index.iterdir() if not path.name.startswith(".")} <= {".npz", ".json", ".partial"}


def test_signatures_are_kept_for_another_threshold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from curate.duplicates import signed

    run(tmp_path / "a", FIRST, tmp_path / "index")
    monkeypatch.setattr(signed, "signatures", lambda texts: pytest.fail("made again"))
    assert run(tmp_path / "a", FIRST, tmp_path / "index", threshold=0.9) == [None, None]


def test_what_is_apart_within_a_run_is_apart_from_the_index(tmp_path: Path) -> None:
    quote = (Evidence("…", 0, 1),)
    faults = [make(text=f"{text} E0{n}", evidence=quote) for n in (1, 2) for text in (EN, ZH)]
    run(tmp_path / "a", faults[:2], tmp_path / "index")
    assert run(tmp_path / "b", faults[2:], tmp_path / "index") == [None, None]
    pair = make(messages=(Message("user", EN), Message("assistant", "")), rejected=Message("assistant", "x"))
    chat = make(messages=(Message("user", EN), Message("assistant", "")))
    assert run(tmp_path / "c", [chat, pair], tmp_path / "index") == [None, None]


def test_records_with_nothing_to_compare_pass_and_are_not_indexed(tmp_path: Path) -> None:
    empty = [make(messages=()), make(text="  ")]
    for name in "ab":
        assert run(tmp_path / name, empty, tmp_path / "index") == [None, None]
    shares = json.loads((tmp_path / "index" / "index.json").read_text())["shares"]
    assert [share["records"] for share in shares] == [0, 0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"scheme": "legacy", "on": "both", "shares": []}, "holds signatures of `legacy` on both, not of `affine32"),
        ({"scheme": SCHEME, "on": "answer", "shares": []}, "on answer, not of"),
        ({"scheme": SCHEME, "on": "both", "shares": [{"owner": "gone", "records": 1}]}, "is named in the index and cannot"),
        ([], "is no index that can be read"),
    ],
)
def test_an_index_that_does_not_fit_is_refused(tmp_path: Path, content: Any, said: str) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "index.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=said):
        run(tmp_path / "a", FIRST, tmp_path / "index")


def test_a_place_that_cannot_be_an_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is no index that can be read"):
        run(tmp_path / "a", FIRST, tmp_path / "file")


def test_datasketch_finds_the_same_in_an_index_of_its_own(tmp_path: Path) -> None:
    datasketch = pytest.importorskip("datasketch", minversion="2")
    from curate.duplicates import arrays
    from curate.duplicates.signatures import signatures
    from seedbed.text import normalise

    run(tmp_path / "a", FIRST, tmp_path / "index")
    (share,) = (tmp_path / "index").glob("*.npz")
    found = arrays.load(share)
    assert found is not None
    lsh = datasketch.MinHashLSH(num_perm=128, params=(25, 5))
    for entry, row in zip(json.loads(found["entries"].tobytes()), found["signatures"], strict=True):
        lsh.insert(entry["id"], datasketch.MinHash(hashvalues=row, scheme="affine32"))
    (rows,) = signatures([normalise(record.text) for record in SECOND])
    asked = [lsh.query(datasketch.MinHash(hashvalues=row, scheme="affine32")) for row in rows]
    assert asked == [[FIRST[0].id], [FIRST[1].id], []]
