"""The embedded teacher with a model of a few kilobytes, made here: mechanics, not wisdom."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datagen.teacher.budget import Budget
from datagen.teacher.client import open_teacher
from datagen.teacher.embedded import ServerOptions, locate, serving
from datagen.teacher.journal import Journal
from datagen.teacher.options import TeacherOptions
from seedbed.chat import Loop, Request
from seedbed.errors import TeacherError
from seedbed.record import Message

ROOT = Path(__file__).parents[3]
PARENT = """
import sys, time
from pathlib import Path
from datagen.teacher.embedded import ServerOptions, serving
with serving(Path(sys.argv[1]), ServerOptions(slots=1, context=128, threads=1)) as url:
    print(url, flush=True)
    time.sleep(60)
"""
SMALL = ServerOptions(slots=2, context=128, threads=1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of one layer that has read nothing; a byte is a token."""
    pytest.importorskip("xllamacpp")
    gguf = pytest.importorskip("gguf")
    import numpy as np

    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    rows = np.random.default_rng(0)
    width, inner = 32, 64
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(b if b in visible else 256 + b - sum(v < b for v in visible)) for b in range(256)]
    vocabulary = [*letters, "<|im_start|>", "<|im_end|>"]
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(512)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(2)
    writer.add_rope_dimension_count(width // 2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(vocabulary)
    writer.add_token_types([1] * 256 + [3, 3])
    writer.add_token_merges(["! !"])
    writer.add_eos_token_id(257)
    writer.add_chat_template(
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "<|im_start|>assistant\n"
    )
    shapes = {
        "token_embd": (len(vocabulary), width), "output": (len(vocabulary), width), "output_norm": (width,),
        "blk.0.attn_norm": (width,), "blk.0.ffn_norm": (width,),
        **{f"blk.0.attn_{name}": (width, width) for name in ("q", "k", "v", "output")},
        "blk.0.ffn_gate": (inner, width), "blk.0.ffn_up": (inner, width), "blk.0.ffn_down": (width, inner),
    }
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", rows.normal(0, 0.3, shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def answers(url: str) -> bool:
    host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, int(port))) == 0


def test_answers_through_the_same_client_as_any_other(tiny: Path, tmp_path: Path) -> None:
    options = TeacherOptions(model=f"path:{tiny}", slots=2, context=128, threads=1)
    asked = Request(messages=(Message("user", "什么是 mutex?"),), max_tokens=8)
    with Loop() as loop, Journal(tmp_path / "j.sqlite") as journal:
        with open_teacher(options, journal, Budget(), loop) as teacher:
            reply = loop.run(teacher(asked))
            name = teacher.model
            busy = teacher.stats.paid
        assert busy == 1 and 0 < reply.completion_tokens <= 8 and reply.prompt_tokens > 8
        with open_teacher(options, journal, Budget(), loop) as teacher:
            assert loop.run(teacher(asked)) == reply and teacher.stats.paid == 0
    assert name == locate(f"path:{tiny}")[1] and name.startswith("tiny@")


def test_listens_on_loopback_only_and_ends_with_its_block(tiny: Path) -> None:
    with serving(tiny, SMALL) as url:
        assert url.startswith("http://127.0.0.1:") and answers(url)
    assert not answers(url)


def test_ends_with_a_parent_that_is_killed(tiny: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tiny)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout
    url = parent.stdout.readline().strip()
    assert answers(url)
    parent.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    parent.communicate()
    deadline = time.monotonic() + 5
    while answers(url) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not answers(url)


def test_a_file_that_is_no_model_is_told_with_the_end_of_the_log(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF and nothing more")
    with pytest.raises(TeacherError, match="broken.gguf: the server of llama.cpp did not start; its log ends: ") as stop:
        serving(broken, SMALL).__enter__()
    assert "\n" not in str(stop.value) and "Traceback" not in str(stop.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match="no.gguf: the model cannot be read: No such file"):
        locate(f"path:{tmp_path / 'no.gguf'}")


def test_the_name_in_the_journal_tells_contents_not_places(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    first, moved, other = tmp_path / "a.gguf", tmp_path / "elsewhere" / "a.gguf", tmp_path / "elsewhere" / "b.gguf"
    first.write_bytes(b"weights" * 1000)
    moved.write_bytes(b"weights" * 1000)
    other.write_bytes(b"weightz" * 1000)
    names = [locate(f"path:{file}")[1] for file in (first, moved, other)]
    assert names[0] == names[1] and names[0].split("@")[1] != names[2].split("@")[1]
