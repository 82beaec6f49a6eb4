"""Direct preference optimisation (Rafailov et al. 2023) on TRL's DPOTrainer, fed with token ids of our own.

    loss = -log sigmoid(beta × ((chosen − reference) − (rejected − reference))) + sft_weight × loss of the chosen answer

- The reference is the model as it stands before the first step: the base, or the adapter that `from` names. Its
  log-probabilities are taken once, before, and kept beside the checkpoints: no second model in memory, one forward pass
  a step instead of two, and the same numbers after a kill.
- They are taken in the batches of the first epoch. In bf16 a sequence's log-probability depends a little on what it is
  padded with; so the first epoch's margins start at exactly 0.
- TRL tokenises whatever it is given (`_prepare_dataset`); ids pass when that step is left out, and its collator wants
  just `prompt_ids`, `chosen_ids`, `rejected_ids`.
- The second term is Llama 3's (Dubey et al. 2024, section 4.1.4): DPO alone is content when both answers become
  unlikely and the rejected one more so.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from seedbed import jsonl
from seedbed.context import Context
from seedbed.errors import TrainingError
from seedbed.record import Record
from seedbed.repeats import repeated
from train.evaluation import preferences
from train.evaluation.preferences import Score
from train.job import Job, newest, step_of
from train.names import preference_arguments
from train.objectives.material import Material, drawn, general
from train.objectives.start import begun, holding
from train.options import Options
from train.rows import pairs
from train.rows.batches import LengthGrouped
from train.rows.data import Fit
from train.rows.template import Template
from train.students import methods
from train.watching.attending import attended
from train.watching.telling import callbacks


def gather(training: list[Record], watching: list[Record], template: Template, options: Options, context: Context
           ) -> Material:
    """The pairs among the records; chat records and texts are counted as `no_pair`."""
    again = list(repeated(training))
    length, cache = Fit(options.max_length, options.too_long), context.folder / "tokens"
    rows, counts = pairs.prepare(again, template, length, cache)
    watched = [record for record in watching if record.rejected is not None]
    validation, seen = pairs.prepare(drawn(watched, options.validation_limit, context.seed), template, length, cache)
    longest, both = pairs.lengths(rows)
    found = [record for record in again if record.rejected is not None]
    return Material(rows, counts, validation if seen.rows else None, seen, general(found), longest, both, wide=2)


def fit(job: Job, model: Any) -> Any:
    """Trains, from the newest whole checkpoint if there is one, and returns the finished trainer.

    Raises TrainingError as soon as the loss, or a log-probability of the reference, is no number.
    """
    from transformers import PrinterCallback

    resume = newest(job.checkpoints)
    model = begun(model, job.options)
    make_ready = holding(model, job.options)
    trainer = attended(_trainer_class(job), job)(
        model,
        args=preference_arguments(job, fresh=resume is None),
        train_dataset=job.rows,
        eval_dataset=job.validation,
        processing_class=job.tokenizer,
        peft_config=None if job.options.from_ else methods.adapter(job.options),
        callbacks=callbacks(job),
    )
    trainer.remove_callback(PrinterCallback)
    if "ref" in getattr(trainer.model, "peft_config", {}):
        trainer.model.delete_adapter("ref")  # TRL's copy of the adapter it began at; the reference is taken already
    make_ready(trainer.model, job.tokenizer)
    if resume:
        job.context.progress.say(f"going on from step {step_of(resume)} of {job.plan.steps}")
    watched = _Watched(job, trainer.model)
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    watched.note(trainer)
    return trainer


def _trainer_class(job: Job) -> Any:
    from trl import DPOTrainer

    class Trainer(DPOTrainer):  # type: ignore[misc]
        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def _get_train_sampler(self, train_dataset: Any = None) -> LengthGrouped:
            return job.sampler

        def create_model_card(self, *args: Any, **kwargs: Any) -> None:
            """None: the run directory says what was trained, and each checkpoint would get one."""

        def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
            """The pairs with the reference's log-probabilities, from beside the checkpoints if they are there."""
            kept = job.checkpoints / f"reference-{Path(dataset.cache_files[0]['filename']).stem}.json"
            there = kept.exists()
            self.accelerator.wait_for_everyone()  # with several processes, all of them see the same
            if not there:
                batches = job.sampler.batches(0) if name == "train" else _in_turn(len(dataset), batch_size)
                found = self._reference(dataset, batches)
                if self.accelerator.is_main_process:
                    jsonl.write_text(kept, msgspec.json.encode(found).decode())
                self.accelerator.wait_for_everyone()
            chosen, rejected = zip(*msgspec.json.decode(kept.read_bytes(), type=list[tuple[float, float]]), strict=True)
            return dataset.add_column("ref_chosen_logps", chosen).add_column("ref_rejected_logps", rejected)

        def _reference(self, dataset: Any, batches: Sequence[Sequence[int]]) -> list[tuple[float, float]]:
            found = [(0.0, 0.0)] * len(dataset)
            self.model.eval()
            for number, batch in enumerate(batches):
                job.context.progress.update(number, len(batches), "log-probabilities before")
                inputs = self._prepare_inputs(self.data_collator([dataset[i] for i in batch]))
                both = zip(*(side.tolist() for side in self.compute_ref_log_probs(self.model, inputs)), strict=True)
                for i, pair in zip(batch, both, strict=True):
                    if not all(map(math.isfinite, pair)):
                        said = f"the student's log-probability of record {dataset[i]['record']} is no number"
                        raise TrainingError(said, where="train", next_step="Take another student: this one is broken")
                    found[i] = pair
            return found

    return Trainer


def _in_turn(count: int, size: int) -> list[range]:
    return [range(first, min(first + size, count)) for first in range(0, count, size)]


class _Watched:
    """Some trained and the held-out pairs, scored before the first step; `note` scores them again and compares."""

    def __init__(self, job: Job, model: Any) -> None:
        self.job = job
        limit = min(len(job.rows), job.options.validation_limit)
        some = random.Random(job.context.seed).sample(range(len(job.rows)), limit)
        self.pairs = {"train": pairs.read(job.rows, some)}
        if job.validation is not None:
            self.pairs["validation"] = pairs.read(job.validation, range(len(job.validation)))
        self.before = self._scores(model)

    def note(self, trainer: Any) -> None:
        """Puts the comparison, and its course over the validations, into the figures; warns of a collapse."""
        after, context = self._scores(trainer.model), self.job.context
        found = {
            name: preferences.compared(self.before[name], after[name], context.seed) for name in self.pairs
        }
        context.figures["preferences"] = found | {
            "beta": self.job.options.beta,
            "course": [_point(entry) for entry in trainer.state.log_history if "eval_rewards/accuracies" in entry],
        }
        for name, figures in found.items():
            context.progress.say(f"  {name} pairs: {preferences.sentence(figures)}")
        if any(figures["collapsed"] for figures in found.values()):
            context.progress.say("  warning: raise sft_weight or beta, or lower learning_rate or epochs")

    def _scores(self, model: Any) -> dict[str, list[Score]]:
        was_training = model.training
        model.eval()
        scored = {
            name: preferences.score(model, self.job.tokenizer, several, lambda _: None)
            for name, several in self.pairs.items()
        }
        model.train(was_training)
        return scored


def _point(entry: dict[str, Any]) -> dict[str, float]:
    """One validation on the way: reward accuracy, margin with beta, and mean log-probability of an answer."""
    names = {"accuracy": "rewards/accuracies", "margin": "rewards/margins", "chosen": "logps/chosen",
             "rejected": "logps/rejected"}
    return {"step": int(entry["step"])} | {own: round(float(entry[f"eval_{its}"]), 4) for own, its in names.items()}
