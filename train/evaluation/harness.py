"""Tasks of lm-eval (EleutherAI's evaluation harness), by name, through its own library: base against tuned.

The library draws documents, builds prompts and counts; here it is handed the two models and its counts of each
document are compared in pairs, which its own standard errors are not. Nothing is fetched while it runs: a task whose
data set is not here is an error. Tasks of one's own are YAML files in a folder, with their data beside them.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import TYPE_CHECKING, Any

from seedbed.context import Context
from seedbed.errors import InputError
from train.evaluation import intervals
from train.evaluation.subjects import BASE, TUNED
from train.students.trained import Trained

if TYPE_CHECKING:
    from train.evaluation.stage import Options

_BATCH = 8
_LOWER = ("perplexity", "bits_per_byte", "ter", "brier_score")  # measures whose smaller value is the better one


def measured(both: Trained, options: Options, context: Context) -> list[dict[str, Any]]:
    """For each task and measure: both models' values, the difference with its interval, and a sentence.

    Raises InputError for a task that is not known or whose data are not here.
    """
    from lm_eval.tasks import TaskManager

    with _quiet():
        manager = TaskManager(include_path=options.tasks_folder or None)
        _known(options.tasks, manager)
        found = {}
        for side in (BASE, TUNED):
            context.progress.update(0, None, f"{side} model, lm-eval: {', '.join(options.tasks)}")
            with both.side(side) as model:  # type: ignore[arg-type]
                found[side] = _evaluated(model, both, options, manager, context.seed)
    return [line for task in found[BASE]["samples"] for line in _compared(task, found, context.seed)]


def _known(names: tuple[str, ...], manager: Any) -> None:
    unknown = [name for name in names if not manager.match_tasks([name])]
    if unknown:
        step = "`lm-eval ls tasks` lists those of the library; `tasks_folder` names a folder with your own"
        raise InputError(f"lm-eval has no task {', '.join(unknown)}", where="evaluate: tasks", next_step=step)


def _evaluated(model: Any, both: Trained, options: Options, manager: Any, seed: int) -> dict[str, Any]:
    import lm_eval
    from datasets.exceptions import DatasetNotFoundError
    from lm_eval.models.huggingface import HFLM

    wrapped = HFLM(pretrained=model, tokenizer=both.tokenizer, batch_size=_BATCH, max_length=both.noted.max_length)
    try:
        found = lm_eval.simple_evaluate(
            model=wrapped, tasks=list(options.tasks), task_manager=manager, limit=options.tasks_limit or None,
            log_samples=True, bootstrap_iters=0, random_seed=seed, numpy_random_seed=seed, torch_random_seed=seed,
            fewshot_random_seed=seed,
        )  # fmt: skip
    except (DatasetNotFoundError, ConnectionError, FileNotFoundError) as error:
        what, step = f"the data of a task are not here: {error}", "Fetch them once with lm-eval itself"
        raise InputError(what, where="evaluate: tasks", next_step=f"{step}, or name a task of your own") from error
    assert found is not None
    return dict(found)


def _compared(task: str, found: dict[str, Any], seed: int) -> Iterator[dict[str, Any]]:
    """A line for each measure that is a number for each document."""
    each = {side: sorted(found[side]["samples"][task], key=lambda sample: sample["doc_id"]) for side in found}
    for measure in each[BASE][0].get("metrics", []):
        values = {side: [sample.get(measure) for sample in several] for side, several in each.items()}
        if not all(isinstance(value, int | float) for several in values.values() for value in several):
            continue
        yield _line(task, measure, values, seed)


def _line(task: str, measure: str, values: dict[str, list[float]], seed: int) -> dict[str, Any]:
    count = len(values[BASE])
    base, tuned = (round(float(sum(values[side]) / count), 4) for side in (BASE, TUNED))
    apart = intervals.mean([after - before for before, after in zip(values[BASE], values[TUNED], strict=True)], seed)
    better = (apart.mean > 0) != (measure in _LOWER)
    said = f"{task}, {measure}: {base:.3f} before, {tuned:.3f} after"
    if apart.low is None or apart.high is None:
        said += f"; {count} documents are too few to tell that from chance."
    else:
        said += f" (95 % interval of the difference {apart.low:+.3f} to {apart.high:+.3f}, {count} documents): "
        verdict = "better" if better else "worse"
        said += f"{verdict}, more than chance explains." if apart.real else "that may be chance."
    return {"task": task, "measure": measure, "records": count, "base": base, "tuned": tuned,
            "difference": apart.noted(), "real": apart.real, "sentence": said}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's own log and bars, and without the network."""
    import datasets

    noisy = logging.getLogger("lm_eval")
    level, offline = noisy.level, datasets.config.HF_DATASETS_OFFLINE
    noisy.setLevel(logging.ERROR)
    datasets.config.HF_DATASETS_OFFLINE = True
    try:
        with redirect_stderr(io.StringIO()):  # where its progress bars go
            yield
    finally:
        noisy.setLevel(level)
        datasets.config.HF_DATASETS_OFFLINE = offline
