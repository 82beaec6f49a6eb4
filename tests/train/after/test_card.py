"""The model card tells what the manifests hold, in both languages, and says what was not measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedbed import cli, run
from tests.train.after import made
from train.after import card, running
from train.students.trained import Training

NOTED = Training(student="smollm2-135m-instruct", method="qlora", rank=24, alpha=48, seed=1, max_length=512,
                 template="", objective="sft")


def a_run(folder: Path) -> Path:
    """Import, training and evaluation as their manifests tell of them; the training's folder."""
    for name, figures in (
        ("01-import", {}),
        ("02-train", {"steps": 30, "tokens_trained": 4711, "records": {"records": 40}, "preflight": [
            {"level": "warning", "name": "general_share", "figure": "0 %", "why": "It will forget"}]}),
        ("03-evaluate", {"sets": {"test_seen": {"records": 9, "base": {"loss": 3.5}, "tuned": {"loss": 0.25},
                                                "sentence": "Loss fell by 3.25."}}}),
    ):
        (folder / name).mkdir(parents=True)
        done = run.Manifest(stage=name[3:], fingerprint="x", read=50, kept=40, rejected=10, figures=figures)
        run.finish(folder / name, done)
    return folder / "02-train"


def test_a_card_from_the_manifests(tmp_path: Path) -> None:
    training = a_run(tmp_path / "run")
    card.Card("m", "merged_dequantised", NOTED, None, training, ["vllm serve merged"]).write(tmp_path)
    english, chinese = ((tmp_path / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md"))
    for said in (english, chinese):
        assert said.startswith("---\nlicense: apache-2.0\nbase_model: smollm2-135m-instruct\n")
        for figure in ("| import | 50 | 40 | 10 |", "| test_seen | 9 | 3.500 | 0.250 |", "4711", "0 %. It will forget",
                       "Apache-2.0", "vllm serve merged"):
            assert figure in said
    assert "## Limits" in english and "30 steps, 4711 tokens" in english and "Loss fell by 3.25." in english
    assert "## 局限" in chinese and "30 步，4711 个 token" in chinese


def test_what_was_not_measured_is_said(tmp_path: Path) -> None:
    card.Card("m", "gguf", None, None, None, [], "q8_0").write(tmp_path)
    english, chinese = ((tmp_path / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md"))
    assert "its data is not known" in english and "Not evaluated yet" in english and "Not compared yet" in english
    assert "数据来源不明" in chinese and "尚未评测" in chinese and "尚未对比" in chinese


def test_the_licence_of_a_base_is_read_beside_it_or_unknown(tmp_path: Path) -> None:
    assert card.licence("elsewhere/model", tmp_path) == "unknown"
    (tmp_path / "README.md").write_text("---\nlicense: gemma\n---\n# Model\nlicense: none\n")
    assert card.licence("elsewhere/model", tmp_path) == "gemma"


def test_a_base_is_named_without_the_folders_of_this_machine(tmp_path: Path) -> None:
    assert card.name_of(f"path:{tmp_path}/m.gguf") == "m.gguf" and card.name_of(str(tmp_path)) == tmp_path.name
    assert card.name_of("org/model") == "org/model"


def test_command_lines() -> None:
    (line,) = running.adapter(NOTED, Path("a b/adapter"))
    assert line == ("vllm serve smollm2-135m-instruct --quantization bitsandbytes --enable-lora --max-lora-rank 32 "
                    "--lora-modules tuned='a b/adapter'")
    assert running.gguf(Path("x/M.gguf"), Path("x/l.gguf"))[0] == "llama-server -m x/M.gguf --lora x/l.gguf --jinja"


def test_merge_and_gguf_on_the_command_line(
    sharp: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made.training(tmp_path / "run" / "02-train", sharp)
    assert cli.main(["merge", str(tmp_path / "run"), "--into", "original"]) == 0
    assert (folder / "merged-original" / "model.safetensors").is_file()
    assert cli.main(["gguf", str(folder / "merged-original"), "--type", "f16"]) == 0
    assert len(list((folder / "gguf").glob("*-tuned-f16.gguf"))) == 1
    assert "vllm serve" in capsys.readouterr().out
    for wrong in (["merge", str(tmp_path / "none")], ["merge", str(tmp_path)], ["merge", str(folder), "--into", "nf4"],
                  ["gguf", str(folder), "--type", "q9"]):
        assert cli.main(wrong) == 2
    assert capsys.readouterr().err.count("seedbed: ") == 4
