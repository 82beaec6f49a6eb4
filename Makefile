# `make demo` sets up and runs the main job; `make test` sets up and runs the tests. Nothing else is needed.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow check benchmarks clean

demo: .venv/ready
	$(BIN)/seedbed models pull qwen2.5-coder-1.5b-instruct
	$(BIN)/seedbed models pull smollm2-135m-instruct
	$(BIN)/seedbed run configs/quickstart.yaml

test: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/mypy

benchmarks: .venv/ready
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.gate
	$(BIN)/python -m benchmarks.teacher
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.memory --generator preference
	$(BIN)/python -m benchmarks.memory --generator evol_instruct
	$(BIN)/seedbed models pull use-multilingual-v3
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.encode

# Written last: an installation broken off in the middle is made anew.
.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --progress-bar on -c constraints.txt -e ".[all,dev]"
	touch .venv/ready

clean:
	rm -rf .venv runs dist
