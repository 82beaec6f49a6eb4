"""The same prompts through bespokelabs-curator and data-designer: run by `benchmarks.teacher --compare` in environments
of their own, so it imports nothing of seedbed.

    python other_teachers.py curator|data-designer URL WIDTH PROMPTS.json FOLDER

Prints one line of JSON: wall and CPU seconds (helper processes included), peak memory, prompts answered, and the
library's version. Both are given the same model, URL and concurrency, no caps, and are told to keep what they can when
calls fail; everything else is as they come.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any


def curator(url: str, width: int, prompts: list[str], folder: Path) -> Callable[[], int]:
    os.environ |= {"CURATOR_CACHE_DIR": str(folder), "TELEMETRY_ENABLED": "0", "CURATOR_DISABLE_RICH_DISPLAY": "1",
                   "OPENAI_API_KEY": "none", "HF_HUB_OFFLINE": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    _without_token_table()
    from bespokelabs import curator as library  # type: ignore[import-not-found]

    llm = library.LLM(
        model_name="fake", backend="openai", generation_params={"max_tokens": 200, "temperature": 0.7},
        backend_params={"base_url": url, "api_key": "none", "max_concurrent_requests": width,
                        "max_requests_per_minute": 10**9, "max_tokens_per_minute": 10**12,
                        "require_all_responses": False})

    def run() -> int:
        answered = llm(prompts)
        rows: Any = getattr(answered, "dataset", answered)
        return sum(bool(row["response"]) for row in rows)

    return run


def _without_token_table() -> None:
    """Offline, tiktoken cannot download its table, and curator does not start: then a quarter of the characters stands
    in for a count of tokens, which costs curator next to nothing."""
    import tiktoken  # type: ignore[import-not-found]

    class Quarter:
        def encode(self, text: str, *_: Any, **__: Any) -> range:
            return range(len(text) // 4)

    try:
        tiktoken.get_encoding("cl100k_base")
    except Exception:  # whatever the network does
        tiktoken.get_encoding = tiktoken.encoding_for_model = lambda *_: Quarter()


def data_designer(url: str, width: int, prompts: list[str], folder: Path) -> Callable[[], int]:
    os.environ |= {"NEMO_TELEMETRY_ENABLED": "false", "DATA_DESIGNER_HOME": str(folder), "HF_HUB_OFFLINE": "1"}
    import data_designer.config as library  # type: ignore[import-not-found]
    import pandas  # type: ignore[import-untyped]
    from data_designer.interface import DataDesigner  # type: ignore[import-not-found]

    provider = library.ModelProvider(name="fake", endpoint=url, api_key="none")
    asked = library.ChatCompletionInferenceParams(max_parallel_requests=width, max_tokens=200, temperature=0.7)
    model = library.ModelConfig(alias="fake", model="fake", provider="fake", inference_parameters=asked,
                                skip_health_check=True)
    designer = DataDesigner(artifact_path=folder, model_providers=[provider])
    designer.set_run_config(library.RunConfig(disable_early_shutdown=True))
    builder = library.DataDesignerConfigBuilder(model_configs=[model])
    builder.with_seed_dataset(library.DataFrameSeedSource(df=pandas.DataFrame({"prompt": prompts})))
    builder.add_column(library.LLMTextColumnConfig(name="reply", prompt="{{ prompt }}", model_alias="fake"))

    def run() -> int:
        results = designer.create(builder, num_records=len(prompts))
        return int(results.load_dataset()["reply"].astype(bool).sum())

    return run


def cpu() -> float:
    """Seconds of this process and of those it started and that have ended."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def peak_memory() -> float:
    """MiB that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    name, url, width, prompts, folder = sys.argv[1:]
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries say must not mix with the result
    prepare = {"curator": curator, "data-designer": data_designer}[name]
    run = prepare(url, int(width), json.loads(Path(prompts).read_text(encoding="utf-8")), Path(folder))
    wall, used = time.perf_counter(), cpu()
    answered = run()
    wall, used = time.perf_counter() - wall, cpu() - used
    package = {"curator": "bespokelabs-curator"}.get(name, name)
    out.write(json.dumps({"seconds": wall, "cpu": used, "memory": peak_memory(), "answered": answered,
                          "version": version(package)}) + "\n")
    out.flush()
    # data-designer's threads for measurements would keep the process for a while.
    os._exit(0)


if __name__ == "__main__":
    main()
