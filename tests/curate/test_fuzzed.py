"""A few thousand files drawn by lot: reading, curating and writing them raises nothing but seedbed's own errors."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.curate.fuzzing import drawn, once


@pytest.mark.slow
def test_no_file_brings_it_down(tmp_path: Path) -> None:
    chance, refused = random.Random(23), 0
    for _ in range(2_000):
        refused += bool(once(drawn(chance), tmp_path))
    assert 200 < refused < 1_999


@pytest.mark.parametrize("data", [
    b"\x01\x00" + b"5", b"\x02\x00" + "问,答\n泵？,泵。".encode("gb18030") + b"\x80\n\xff,\x80\n", b"\x02\x00a\xff,b\nc,d\n",
    b'\x00\x04{"prompt":"q","chosen":"a"}', b'\x00\x04{"messages":[],"chosen":1,"rejected":2}', b"\x00\x00" + b"[" * 3_000,
    b'\x00\x00{"text":"' + b"[" * 3_000 + b'"}', b'\x01\x00[{"text":"a"},' + b"[" * 300 + b"]" * 300 + b"]",
])
def test_what_fell_out_once_stays_mended(tmp_path: Path, data: bytes) -> None:
    once(data, tmp_path)
