"""The house rules of design: who imports whom, and what `seedbed --help` may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WINGS = ("datagen", "curate", "train")
GROUND_THAT_NAMES_WINGS = {"commands.py", "commands_train.py", "stages.py", "pipeline.py"}
HEAVY = ("torch", "transformers", "spacy", "ray", "openai", "trl", "datasets", "numpy", "rich", "lxml")


def imports(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_never_imports_another(wing: str) -> None:
    crossing = {str(f.relative_to(ROOT)): imports(f) & (set(WINGS) - {wing}) for f in (ROOT / wing).rglob("*.py")}
    assert {name: found for name, found in crossing.items() if found} == {}


def test_the_ground_imports_no_wing() -> None:
    files = [f for f in (ROOT / "seedbed").rglob("*.py") if f.name not in GROUND_THAT_NAMES_WINGS]
    assert {f.name: imports(f) & set(WINGS) for f in files if imports(f) & set(WINGS)} == {}


def test_help_loads_nothing_heavy() -> None:
    probe = "import sys\nfrom seedbed.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
    probe += f"print('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "LOADED []" in said


def test_every_stage_has_function_options_and_version() -> None:
    from seedbed.stages import STAGES

    for stage in STAGES.values():
        assert callable(stage.function), stage.name
        assert isinstance(stage.version, int), stage.name
        stage.options()  # every option has a default


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "configs").glob("*.yaml")))
def test_every_shipped_job_is_understood(name: str) -> None:
    from seedbed.config import load
    from seedbed.pipeline import Pipeline

    assert [step.stage.name for step in Pipeline(load(ROOT / "configs" / name)).plan()][0] in ("ingest", "import", "self_instruct")


def test_prompts_exist_in_both_languages() -> None:
    english, chinese = (
        {p.relative_to(ROOT / "prompts" / lang).as_posix() for p in (ROOT / "prompts" / lang).rglob("*.md")}
        for lang in ("en", "zh")
    )
    assert english == chinese
