"""Pairs are kept with what they are of, and used for nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.duplicates import pairs
from curate.duplicates.pairs import FILE, Pairs, load, save

FOUND = [(3, 1, 0.9), (0, 2, 0.7000000000000001), (0, 1, 0.6)]
IDS = ["a", "b", "水泵\n", "d"]


def kept(folder: Path, crowded: int = 0) -> None:
    save(folder, Pairs.of(FOUND, 0.6, crowded), IDS, "key", "first 0.7")


def test_what_was_saved_is_loaded_to_the_bit_in_order_of_place(tmp_path: Path) -> None:
    kept(tmp_path)
    found = load(tmp_path, "key", "longest 0.8")
    assert found is not None
    assert list(zip(found.first.tolist(), found.second.tolist(), found.score.tolist(), strict=True)) == [
        (0, 1, 0.6), (0, 2, 0.7000000000000001), (1, 3, 0.9)
    ]
    assert (found.floor, found.crowded, len(found)) == (0.6, 0, 3)


def test_the_same_pairs_are_the_same_bytes_in_whatever_order(tmp_path: Path) -> None:
    kept(tmp_path)
    first = (tmp_path / FILE).read_bytes()
    save(tmp_path, Pairs.of(FOUND[::-1], 0.6), IDS, "key", "first 0.7")
    assert (tmp_path / FILE).read_bytes() == first


def test_pairs_of_something_else_are_not_used(tmp_path: Path) -> None:
    assert load(tmp_path, "key", "") is None
    kept(tmp_path)
    assert load(tmp_path, "another key", "first 0.7") is None


def test_pairs_cut_in_a_crowd_serve_only_the_decision_they_were_cut_for(tmp_path: Path) -> None:
    kept(tmp_path, crowded=2)
    assert load(tmp_path, "key", "first 0.7") is not None
    assert load(tmp_path, "key", "first 0.8") is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a file", b"\x93NUMPY", b"no archive at all"])
def test_a_file_that_cannot_be_read_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert load(tmp_path, "key", "first 0.7") is None


def test_a_file_cut_off_anywhere_counts_as_none(tmp_path: Path) -> None:
    kept(tmp_path)
    whole = (tmp_path / FILE).read_bytes()
    for size in range(0, len(whole), 97):
        (tmp_path / FILE).write_bytes(whole[:size])
        assert load(tmp_path, "key", "first 0.7") is None, size


def test_no_pairs_are_pairs_too(tmp_path: Path) -> None:
    save(tmp_path, Pairs.of([], 0.6), [], "key", "")
    found = load(tmp_path, "key", "")
    assert found is not None and len(found) == 0


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seedbed.errors import RunError

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pairs.arrays.os, "fsync", full)
    with pytest.raises(RunError, match="cannot be written: No space left"):
        kept(tmp_path)
    assert not (tmp_path / FILE).exists()
