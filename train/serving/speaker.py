"""A trained student that answers: as it is now, and as it was before its training.

One answer at a time: to speak as the base switches the adapter off in the model itself, for everybody. Prompts are
rendered and tokenised by the very code that makes training rows (train/rows/template.py), so that the model is asked in
the tokens that it learned.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from seedbed.context import Progress
from seedbed.errors import InputError
from train.rows.conversation import Tools
from train.rows.template import Template, Turns
from train.students import model, trained

TUNED, BASE = "tuned", "base"


class Manner(msgspec.Struct, frozen=True):
    """How to answer. A temperature of 0 always takes the likeliest token."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 512
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass
class Said:
    """An answer under way: its pieces as they come, and afterwards what it took.

    prompt, completion   tokens
    finish               "stop" where the model ended by itself, "length" where it was cut
    """

    pieces: Iterator[str]
    prompt: int
    completion: int = 0
    finish: str = "stop"


@dataclass
class Speaker:
    """`sides` are the names that it answers to, the first one where nobody names any."""

    name: str
    sides: tuple[str, ...]
    _template: Template
    _models: Any  # a `Trained`, or the model itself
    window: int
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def say(self, turns: Turns, side: str, manner: Manner, tools: Tools | None = None) -> Said:
        """The answer to a conversation. Raises InputError where it does not fit, TemplateError where it is none."""
        ids = self._template.prompt_ids(self._template.prompt(turns, tools))
        room = self.window - len(ids)
        if room < 1:
            raise InputError(f"the conversation has {len(ids)} tokens, and the model reads {self.window}",
                             next_step="Shorten it")
        said = Said(iter(()), len(ids))
        said.pieces = self._pieces(ids, side, manner, min(manner.max_tokens, room), said)
        return said

    def _pieces(self, ids: list[int], side: str, manner: Manner, most: int, said: Said) -> Iterator[str]:
        import torch
        from transformers import StoppingCriteriaList, TextIteratorStreamer

        tokenizer, left = self._template.tokenizer, threading.Event()
        streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
        failed: list[BaseException] = []

        def generate(speaking: Any) -> None:
            try:
                given = torch.tensor([ids], device=speaking.device)
                made = speaking.generate(
                    input_ids=given, attention_mask=torch.ones_like(given), streamer=streamer, tokenizer=tokenizer,
                    generation_config=_config(speaking, tokenizer, manner, most),
                    stopping_criteria=StoppingCriteriaList([lambda *_: torch.tensor([left.is_set()])]),
                )
                said.completion = _new(made[0], len(ids))
                said.finish = "length" if said.completion >= most and not _ended(made[0], speaking) else "stop"
            except BaseException as error:  # noqa: BLE001  told to the thread that waits for the answer
                failed.append(error)
            finally:
                streamer.end()

        with self._lock, self._side(side) as speaking:
            if manner.seed is not None:
                torch.manual_seed(manner.seed)
            worker = threading.Thread(target=generate, args=(speaking,), daemon=True)
            worker.start()
            try:
                yield from _without_stop(filter(None, streamer), manner.stop)
            finally:
                left.set()  # whoever listened has gone: the rest is not worth making
                worker.join()
        if failed:
            raise failed[0]

    def _side(self, side: str) -> AbstractContextManager[Any]:
        is_pair = isinstance(self._models, trained.Trained)
        return self._models.side(side) if is_pair else nullcontext(self._models)


def open_speaker(given: Path, progress: Progress, student: str = "") -> Speaker:
    """The student of a run, a training's folder or an adapter, with its base; or a model's folder, a merged one say.

    Call it within `libraries.prepared()`. Raises InputError where there is neither.
    """
    if (given / "config.json").is_file() and not (given.parent / trained.NOTED).is_file():
        tokenizer = model.load_tokenizer(given)
        alone = model.load(given, "lora", tokenizer).eval()
        return Speaker(given.name, (given.name,), Template(tokenizer, given.name), alone, _window(alone))
    both = trained.load(given, progress, student)
    template = Template(both.tokenizer, both.noted.student)
    return Speaker(both.noted.student, (TUNED, BASE), template, both, _window(both.tuned))


def _window(loaded: Any) -> int:
    return int(getattr(loaded.config.get_text_config(), "max_position_embeddings", None) or 1 << 20)


def _config(speaking: Any, tokenizer: Any, manner: Manner, most: int) -> Any:
    from transformers import GenerationConfig

    known = speaking.generation_config.eos_token_id
    ends = {*(known if isinstance(known, list) else [known]), tokenizer.eos_token_id} - {None}
    drawn = {"temperature": manner.temperature, "top_p": manner.top_p} if manner.temperature > 0 else {}
    return GenerationConfig(
        do_sample=manner.temperature > 0, max_new_tokens=most, eos_token_id=sorted(ends),
        pad_token_id=tokenizer.pad_token_id, stop_strings=list(manner.stop) or None, **drawn,
    )


def _new(made: Any, prompt: int) -> int:
    # With virtual tokens PEFT gives back the new tokens alone.
    return len(made) - prompt if len(made) > prompt else len(made)


def _ended(made: Any, speaking: Any) -> bool:
    known = speaking.generation_config.eos_token_id
    return int(made[-1]) in (known if isinstance(known, list) else [known])


def _without_stop(pieces: Iterator[str], stop: tuple[str, ...]) -> Iterator[str]:
    """The text up to the first stop string, and not the string itself. Held back is what may begin one."""
    held, longest = "", max(map(len, stop), default=0)
    for piece in pieces:
        held += piece
        found = [at for one in stop if (at := held.find(one)) >= 0]
        if found:
            yield held[: min(found)]
            return
        sure = len(held) - max(0, longest - 1)
        if sure > 0:
            yield held[:sure]
            held = held[sure:]
    yield held
