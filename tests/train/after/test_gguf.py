"""GGUF files: read back by the `gguf` library here, and by llama.cpp itself where it is installed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seedbed.context import Silent
from seedbed.errors import InputError
from seedbed.record import Message, chat, make
from tests.train.after import made
from tests.train.tiny import tokenizer
from train.after import architecture, check, export, gguf_adapter, gguf_file, pretokenizers, vocabulary
from train.evaluation.subjects import opened
from train.rows.template import Template
from train.students import model, trained

gguf = pytest.importorskip("gguf")
slow = pytest.mark.slow  # each comparison starts a server of llama.cpp: half a second and more
QWEN = {"model_type": "qwen2", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 512, "max_position_embeddings": 2048,
        "tie_word_embeddings": False, "initializer_range": 0.25}

WITH_CALLS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.tool_calls %}{% for call in m.tool_calls %}"
    "{{ call.function.name }} {{ call.function.arguments | tojson }}{% endfor %}{% else %}{{ m.content }}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def written(folder: Path, out: Path, type_: str = "f32") -> Any:
    gguf_file.write(folder, out, type_, {"name": "tiny", "license": "mit", "base_model": "base"}, Silent())
    return gguf.GGUFReader(str(out))


def values(reader: Any) -> dict[str, Any]:
    return {name: field.contents() for name, field in reader.fields.items()}


def qwen(folder: Path, kind: str = "qwen2", **sizes: Any) -> Path:
    """A Qwen of two layers, with biases that matter."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    words = tokenizer()
    config = AutoConfig.for_model(**(QWEN | {"model_type": kind, "eos_token_id": words.eos_token_id} | sizes))
    torch.manual_seed(0)
    ready = AutoModelForCausalLM.from_config(config).to(torch.bfloat16)
    for name, value in ready.named_parameters():
        if name.endswith(".bias"):
            value.data = torch.randn_like(value)
    ready.save_pretrained(str(folder))
    words.save_pretrained(str(folder))
    return folder


def compared(folder: Path, file: Path, lora: Path | None = None, tuned: Any = None) -> check.Checked:
    pytest.importorskip("xllamacpp")
    words = model.load_tokenizer(folder)
    ready = tuned or model.load(folder, "lora", words).eval()
    return check.check(file, ready, Template(words), check.DEFAULT, Silent(), lora)


def test_keys_that_llama_cpp_needs(sharp: Path, tmp_path: Path) -> None:
    reader = written(sharp, tmp_path / "m.gguf", "q8_0")
    said, words = values(reader), model.load_tokenizer(sharp)
    wanted = {
        "general.architecture": "llama", "general.type": "model", "general.license": "mit",
        "general.base_model.0.name": "base", "general.file_type": 7, "llama.block_count": 2,
        "llama.context_length": 2048, "llama.embedding_length": 64, "llama.feed_forward_length": 128,
        "llama.attention.head_count": 2, "llama.attention.head_count_kv": 1, "llama.rope.dimension_count": 32,
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.eos_token_id": words.eos_token_id, "tokenizer.ggml.padding_token_id": words.pad_token_id,
        "tokenizer.chat_template": words.chat_template,
    }
    assert {name: said[name] for name in wanted} == wanted
    assert len(said["tokenizer.ggml.tokens"]) == 512
    kinds = said["tokenizer.ggml.token_type"]
    assert kinds[words.convert_tokens_to_ids("<|im_end|>")] == 3 and kinds[400] == 1


def test_tied_embeddings_are_written_once_and_norms_stay_in_32_bits(sharp: Path, tmp_path: Path) -> None:
    tensors = {one.name: one for one in written(sharp, tmp_path / "m.gguf", "q4_0").tensors}
    assert "output.weight" not in tensors and len(tensors) == 2 + 2 * 9
    assert tensors["token_embd.weight"].tensor_type.name == "Q8_0"
    assert tensors["blk.0.attn_norm.weight"].tensor_type.name == "F32"
    assert tensors["blk.0.ffn_down.weight"].tensor_type.name == "Q4_0"


def test_rows_of_q_and_k_are_woven_and_others_are_not(sharp: Path, tmp_path: Path) -> None:
    from train.after.tensors import Tensors

    tensors, there = Tensors(sharp), {one.name: one.data for one in written(sharp, tmp_path / "m.gguf").tensors}
    q = tensors.get("model.layers.0.self_attn.q_proj.weight").float().numpy()
    assert (there["blk.0.attn_q.weight"][:4] == q[[0, 16, 1, 17]]).all()  # two heads of 32: halves of 16
    v = tensors.get("model.layers.0.self_attn.v_proj.weight").float().numpy()
    assert (there["blk.0.attn_v.weight"] == v).all()


@pytest.mark.parametrize(
    ("type_", "most"),
    [("f32", 0.002), pytest.param("bf16", 0.002, marks=slow), pytest.param("q8_0", 0.01, marks=slow),
     pytest.param("q5_1", 0.1, marks=slow), pytest.param("q4_0", 0.2, marks=slow)],
)
def test_llama_cpp_says_what_transformers_says(sharp: Path, tmp_path: Path, type_: str, most: float) -> None:
    written(sharp, tmp_path / "m.gguf", type_)
    found = compared(sharp, tmp_path / "m.gguf")
    assert found.sound and found.differing == [] and found.prompts_alike == found.prompts == 2
    assert abs(found.difference) < most and found.tokens > 20


@slow
def test_the_check_sees_a_file_whose_heads_are_in_the_wrong_order(
    sharp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(architecture, "weave", lambda rows, name, config: rows)
    written(sharp, tmp_path / "m.gguf")
    assert abs(compared(sharp, tmp_path / "m.gguf").difference) > 0.02


@slow
def test_the_check_sees_a_wrong_way_of_cutting_words(
    sharp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretokenizers, "name_of", lambda said, where: "smollm")
    written(sharp, tmp_path / "m.gguf")
    found = compared(sharp, tmp_path / "m.gguf")
    assert not found.sound and any("4711" in text for text in found.differing)
    words = Template(model.load_tokenizer(sharp))
    with (
        pytest.raises(InputError, match="has another vocabulary than the student.*Name the GGUF file of this training"),
        opened(tmp_path / "m.gguf", words, 512, 1),
    ):
        pass


@slow
def test_calls_are_checked_as_they_were_learned_and_what_cannot_be_is_passed_over(sharp: Path, tmp_path: Path) -> None:
    folder = tmp_path / "with calls"
    shutil.copytree(sharp, folder)
    words = model.load_tokenizer(folder)
    words.chat_template = WITH_CALLS
    words.save_pretrained(str(folder))
    written(folder, tmp_path / "m.gguf", "f32")
    function = {"name": "port_of", "arguments": '{"device": "P-20"}'}
    call = Message("assistant", "", {"tool_calls": [{"id": "call-1", "type": "function", "function": function}]})
    with_call = make(messages=(
        Message("user", "Which port does P-20 use? 哪个端口？"), call, Message("tool", "4711", {"tool_call_id": "call-1"}),
        Message("assistant", "Port 4711."),
    ))  # fmt: skip
    long = chat("Why? " * 3000, "So.")
    ready = model.load(folder, "lora", words).eval()
    found = check.check(tmp_path / "m.gguf", ready, Template(words), [with_call, long], Silent())
    assert (found.prompts, found.prompts_alike, found.passed_over) == (1, 1, 1) and abs(found.difference) < 0.01
    without = check.check(tmp_path / "m.gguf", ready, Template(words), [long], Silent())
    assert (without.prompts, without.passed_over) == (len(check.DEFAULT), 1)


@pytest.mark.parametrize("kind", ["qwen2", pytest.param("qwen3", marks=slow)])
def test_qwen_keeps_the_halves_and_has_biases_or_norms(tmp_path: Path, kind: str) -> None:
    sizes = {"head_dim": 32} if kind == "qwen3" else {}
    folder = qwen(tmp_path / "q", kind, **sizes)
    reader = written(folder, tmp_path / "m.gguf")
    names = {one.name for one in reader.tensors}
    assert values(reader)["general.architecture"] == kind and "output.weight" in names
    assert ("blk.1.attn_k.bias" in names) == (kind == "qwen2")
    assert ("blk.1.attn_k_norm.weight" in names) == (kind == "qwen3")
    assert abs(compared(folder, tmp_path / "m.gguf").difference) < 0.002


@slow
@pytest.mark.parametrize(
    "rope",
    [
        {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0},
        {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
         "original_max_position_embeddings": 64, "rope_theta": 10000.0},
        {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "rope_theta": 10000.0},
    ],
    ids=["linear", "llama3", "yarn"],
)
def test_stretched_rope(tmp_path: Path, rope: dict[str, Any]) -> None:
    folder = made.student(tmp_path / "s", rope_parameters=rope)
    written(folder, tmp_path / "m.gguf")
    assert abs(compared(folder, tmp_path / "m.gguf").difference) < 0.002


@slow
def test_a_head_whose_size_is_not_the_width_over_the_heads(tmp_path: Path) -> None:
    folder = made.student(tmp_path / "s", head_dim=64, attention_bias=True)
    said = values(written(folder, tmp_path / "m.gguf"))
    assert said["llama.attention.key_length"] == 64
    assert abs(compared(folder, tmp_path / "m.gguf").difference) < 0.002


@pytest.mark.parametrize(
    "lora",
    [
        {},
        pytest.param({"use_rslora": True}, marks=slow),
        pytest.param({"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"down_proj": 64}}, marks=slow),
    ],
    ids=["lora", "rslora", "patterns"],
)
def test_an_adapter_beside_its_base(sharp: Path, tmp_path: Path, lora: dict[str, Any]) -> None:
    run = made.training(tmp_path / "01-train", sharp, method="lora", **lora)
    written(sharp, tmp_path / "base.gguf")
    gguf_adapter.write(run / "adapter", sharp, tmp_path / "adapter.gguf", {"name": "a"}, Silent())
    said = values(gguf.GGUFReader(str(tmp_path / "adapter.gguf")))
    assert (said["general.type"], said["adapter.type"], said["adapter.lora.alpha"]) == ("adapter", "lora", 16.0)
    tuned = model.with_adapter(model.load(sharp, "lora", model.load_tokenizer(sharp)), run / "adapter")
    with_it = compared(sharp, tmp_path / "base.gguf", tmp_path / "adapter.gguf", tuned)
    without = compared(sharp, tmp_path / "base.gguf", None, tuned)
    assert abs(with_it.difference) < 0.002 < 0.01 < abs(without.difference)


def test_dora_has_no_adapter_file(sharp: Path, tmp_path: Path) -> None:
    run = made.training(tmp_path / "01-train", sharp, use_dora=True)
    with pytest.raises(InputError, match="DoRA adapter has no form in GGUF. Merge it"):
        gguf_adapter.write(run / "adapter", sharp, tmp_path / "adapter.gguf", {}, Silent())
    assert not (tmp_path / "adapter.gguf").exists()


def test_unknown_architectures_are_refused_with_those_that_are_known(tmp_path: Path) -> None:
    import torch
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    sizes = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    GPTNeoXForCausalLM(GPTNeoXConfig(vocab_size=512, **sizes)).to(torch.bfloat16).save_pretrained(str(tmp_path / "m"))
    tokenizer().save_pretrained(str(tmp_path / "m"))
    with pytest.raises(InputError, match="GPTNeoXForCausalLM cannot be written.*Known are LlamaForCausalLM, Mistral"):
        written(tmp_path / "m", tmp_path / "m.gguf")
    assert not list(tmp_path.glob("*.gguf*"))


def test_unknown_ways_of_cutting_words_are_refused(sharp: Path) -> None:
    import tokenizers

    words = tokenizer()
    words.backend_tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    with pytest.raises(InputError, match=r"no known name in llama.cpp \(Whitespace\).*smollm"):
        vocabulary.read(words, 512, [], "here")


def test_rope_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    folder = made.student(tmp_path / "s", rope_parameters=rope)
    with pytest.raises(InputError, match="rope scaling of the kind dynamic"):
        written(folder, tmp_path / "m.gguf")


def test_embeddings_without_a_token_are_filled_up(tmp_path: Path) -> None:
    folder = qwen(tmp_path / "q", vocab_size=520)
    said = values(written(folder, tmp_path / "m.gguf"))
    assert said["tokenizer.ggml.tokens"][-1] == "[PAD519]" and said["tokenizer.ggml.token_type"][-1] == 5


def test_the_command_leaves_file_modelfile_and_cards(trained_run: Path, tmp_path: Path) -> None:
    lines = export.gguf_run(trained_run, "q8_0", False, tmp_path / "out", False, "dequantised", "", Silent())
    assert lines[0].startswith("Written: ") and any("llama-server -m" in line for line in lines)
    there = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert there[:3] == ["Modelfile", "README.md", "README.zh.md"] and there[3].endswith("-tuned-q8_0.gguf")
    assert f"FROM ./{there[3]}" in (tmp_path / "out" / "Modelfile").read_text()
    for name in ("README.md", "README.zh.md"):
        assert str(tmp_path) not in (tmp_path / "out" / name).read_text(encoding="utf-8")


@slow
def test_the_checked_command_keeps_its_figures(sharp: Path, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    run = made.training(tmp_path / "01-train", sharp, method="lora")
    lines = export.gguf_run(run, "f16", True, None, True, "dequantised", "", Silent())
    assert "Checked: 7 of 7 texts have the same tokens" in lines[2]
    noted = json.loads((run / "gguf-adapter" / "check.json").read_text())
    assert noted["texts_alike"] == 7 and abs(noted["difference"]) < 0.01
    assert "7 段文本中 7 段切分相同" in (run / "gguf-adapter" / "README.zh.md").read_text(encoding="utf-8")
    assert "ADAPTER ./" in (run / "gguf-adapter" / "Modelfile").read_text()


def test_types_that_only_llama_cpp_makes(trained_run: Path) -> None:
    with pytest.raises(InputError, match="no such type: q4_k_m.*llama-quantize on the f16 file"):
        export.gguf_run(trained_run, "q4_k_m", False, None, False, "dequantised", "", Silent())


def test_a_model_of_full_fine_tuning_needs_no_merge(sharp: Path, tmp_path: Path) -> None:
    run = tmp_path / "01-train"
    shutil.copytree(sharp, run / "model")
    noted = trained.Training(student="base", method="full", rank=0, alpha=0, seed=1, max_length=64, template="")
    (run / "training.json").write_bytes(msgspec.json.encode(noted))
    lines = export.gguf_run(tmp_path, "f16", False, None, False, "dequantised", "", Silent())
    assert (run / "gguf" / "base-tuned-f16.gguf").is_file() and "base-tuned-f16.gguf" in lines[0]
