"""The models that are compared, one in memory at a time where they are several: base, tuned, merged, GGUF.

Whatever it is, it is measured on the same rows of token ids, so that a difference is the model's alone. A merged model
and a GGUF file are compared with the tuned model that they were made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from seedbed.context import Progress
from seedbed.errors import InputError
from seedbed.llama_server import ServerOptions, serving
from train.after.check import TEXTS, Server
from train.evaluation import answers
from train.rows.template import IGNORED, Row, Template
from train.students import model

Tick = Callable[[int], None]
BASE, TUNED = "base", "tuned"
_LEAST_CONTEXT = 512  # tokens: llama.cpp gives hardly anything back for less
KINDS = ("merged", "gguf")  # what a training's own folder is searched for by name


class Subject(Protocol):
    """A model that measures rows and answers prompts. `tick` is told rows or answers done."""

    def losses(self, rows: Sequence[Row], tick: Tick) -> list[float]: ...

    def answers(self, prompts: Sequence[list[int]], max_new_tokens: int, tick: Tick) -> list[str]: ...


@dataclass(frozen=True)
class Loaded:
    """A model of transformers in memory; `side` puts it into the state that is measured."""

    tokenizer: Any
    side: Callable[[], AbstractContextManager[Any]]

    def losses(self, rows: Sequence[Row], tick: Tick) -> list[float]:
        with self.side() as ready:
            return answers.row_losses(ready, self.tokenizer, rows, tick)

    def answers(self, prompts: Sequence[list[int]], max_new_tokens: int, tick: Tick) -> list[str]:
        with self.side() as ready:
            return answers.generated(ready, self.tokenizer, prompts, max_new_tokens, tick)


@dataclass(frozen=True)
class Gguf:
    """A GGUF file behind llama.cpp, which is asked for one token after the other: exact, and as slow as writing."""

    tokenizer: Any
    server: Server

    def losses(self, rows: Sequence[Row], tick: Tick) -> list[float]:
        found = []
        for row in rows:
            learned = [(place, label) for place, label in enumerate(row.labels) if label != IGNORED and place]
            found.append(-sum(self.server.log_probability(row.input_ids[:place], label) for place, label in learned))
            tick(1)
        return found

    def answers(self, prompts: Sequence[list[int]], max_new_tokens: int, tick: Tick) -> list[str]:
        found = []
        for prompt in prompts:
            found.append(answers.text_of(self.tokenizer, self.server.greedy(prompt, max_new_tokens)))
            tick(1)
        return found


@contextmanager
def opened(path: Path, template: Template, context: int, threads: int) -> Iterator[Subject]:
    """A merged model's folder or a GGUF file, in memory within the block.

    Raises InputError where it has not the vocabulary of the student.
    """
    if path.suffix == ".gguf":
        with serving(path, ServerOptions(slots=1, context=max(_LEAST_CONTEXT, context), threads=threads)) as url:
            server = Server(url)
            # The file's vocabulary cannot be asked for, but texts of every kind that it cuts in the same way tell.
            if any(server.tokens(text) != template.prompt_ids(text) for text in TEXTS):
                raise _other_vocabulary(path, "GGUF file")
            yield Gguf(template.tokenizer, server)
        return
    own = Template(model.load_tokenizer(path), str(path))
    if own.tokenizer.get_vocab() != template.tokenizer.get_vocab():
        raise _other_vocabulary(path, "merged model")
    loaded = model.load(path, "lora", template.tokenizer).eval()

    @contextmanager
    def as_it_is() -> Iterator[Any]:
        yield loaded

    yield Loaded(template.tokenizer, as_it_is)


def _other_vocabulary(path: Path, kind: str) -> InputError:
    return InputError("has another vocabulary than the student, so the two cannot be compared", where=str(path),
                      next_step=f"Name the {kind} of this training")


def found(name: str, training: Path) -> Path | None:
    """Where the model called `name` is: a path, or `merged` and `gguf` in the training's folder; None where that was
    not made yet. Raises InputError for a path with no model, and for several GGUF files."""
    if name not in KINDS:
        path = Path(name)
        if not (path.is_file() if path.suffix == ".gguf" else (path / "config.json").is_file()):
            raise InputError("no such model", where=name, next_step="Name a folder with config.json, or a .gguf file")
        return path
    if name == "merged":
        return training / name if (training / name / "config.json").is_file() else None
    several = sorted(file for file in (training / name).glob("*.gguf") if "adapter" not in file.name)
    if len(several) > 1:
        names = ", ".join(file.name for file in several)
        raise InputError(f"`also` names gguf, and there are {names}", where=str(training / name),
                         next_step="Name one of them by its path")
    return several[0] if several else None


def made(name: str, training: Path, student: str, progress: Progress) -> Path:
    """As `found`; what was not made yet is made: merged into the base as it was trained on, and GGUF as q8_0."""
    from train.after.export import gguf_run, merge_run

    if there := found(name, training):
        return there
    if name == "merged":
        merge_run(training, "dequantised", None, student, progress)
    else:
        gguf_run(training, "q8_0", False, None, False, "dequantised", student, progress)
    there = found(name, training)
    assert there is not None
    return there
