"""Prepares torch and the libraries around it for a stage: cores, silence, no network."""

from __future__ import annotations

import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from seedbed.errors import MissingExtra, TrainingError

# Without these, waiting threads of OpenMP spin. Beside any other busy process a step then takes thirty times as long
# (measured: 1.3 s alone, 4 s with this, over 100 s without it at a load of 8); alone it costs nothing.
_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false"}
_NEEDED = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "bitsandbytes")
_NO_MEMORY = ("not enough memory", "DefaultCPUAllocator", "Cannot allocate memory", "out of memory")
_NOISY = (*_NEEDED, "huggingface_hub")


def out_of_memory(error: BaseException) -> bool:
    """Whether this is how torch, or Python, says that there is no more memory: on a CPU by the text of the error."""
    import torch

    said = str(error)
    return isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) or (
        isinstance(error, RuntimeError | OSError) and any(mark in said for mark in _NO_MEMORY)
    )


@contextmanager
def prepared(threads: int = 0, lower: str = "") -> Iterator[None]:
    """`threads` cores for torch (0: all), and quiet libraries: errors are raised, not logged beside the progress bar.

    Raises MissingExtra when one of them is not installed, and TrainingError when the memory does not suffice, with
    `lower`, what the user can do about it. (A training tells by how much; see train/stage.py.)
    """
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        raise MissingExtra(missing[0], "train")
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)  # must be there before torch is first imported
    levels = {name: logging.getLogger(name).level for name in _NOISY}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in _NOISY:
            logging.getLogger(name).setLevel(logging.ERROR)
        import datasets
        import torch
        import transformers

        transformers.utils.logging.disable_progress_bar()
        transformers.utils.logging.set_verbosity_error()
        datasets.disable_progress_bars()
        torch.set_num_threads(threads or os.cpu_count() or 1)
        try:
            yield
        except (RuntimeError, MemoryError, OSError) as error:
            if not out_of_memory(error):
                raise
            step = f"{lower or 'Take a smaller student'}, or end what else runs here"
            raise TrainingError("the memory did not suffice", next_step=step) from error
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
