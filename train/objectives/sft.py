"""TRL's SFTTrainer, set up for rows that are tokenised already, with what differs here from its defaults.

- batches in an order that survives a resumption (train/rows/batches.py);
- adapters trained in 32 bits: TRL turns those on a quantised base to bf16, whose steps are as coarse as the updates;
- on a CPU the loss from the logits of the learned positions: TRL's tiled head scores every position, and twice, which
  there costs a fifth of the time (measured: 4.0 s a step against 3.2 s);
- one voice: progress through the stage's context, nothing on the console.
"""

from __future__ import annotations

import math
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedbed.context import Context
from seedbed.errors import TrainingError
from train.checks.memory import LOGIT, LOGITS
from train.options import Options
from train.rows.batches import LengthGrouped, Plan
from train.rows.template import IGNORED

_WHOLE = "seedbed-whole"  # written into a checkpoint when all of it is there


@dataclass
class Job:
    """Everything that one training needs. `validation` may be None."""

    options: Options
    context: Context
    tokenizer: Any
    rows: Any
    validation: Any
    sampler: LengthGrouped
    plan: Plan
    checkpointing: bool

    @property
    def checkpoints(self) -> Path:
        return self.context.folder / "checkpoints"

    @property
    def eval_steps(self) -> int:
        """Steps between two validations: twice an epoch unless the user says otherwise."""
        return self.options.eval_steps or math.ceil(self.plan.steps_an_epoch / 2)

    @property
    def save_steps(self) -> int:
        """Steps between two checkpoints; with validations a multiple of theirs, or the best could not be kept."""
        wanted = self.options.save_steps or self.eval_steps
        return math.ceil(wanted / self.eval_steps) * self.eval_steps if self.validation is not None else wanted


def fit(job: Job, model: Any) -> Any:
    """Trains, from the newest whole checkpoint if there is one, and returns the finished trainer.

    Raises TrainingError as soon as the loss is no number.
    """
    from transformers import PrinterCallback

    resume = newest(job.checkpoints)
    trainer = _trainer_class()(
        model,
        args=_arguments(job, fresh=resume is None),
        train_dataset=job.rows,
        eval_dataset=job.validation,
        processing_class=job.tokenizer,
        peft_config=lora(job.options),
        callbacks=_callbacks(job),
    )
    trainer.sampler = job.sampler
    trainer.remove_callback(PrinterCallback)
    for parameter in trainer.model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    if resume:
        job.context.progress.say(f"going on from step {step_of(resume)} of {job.plan.steps}")
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    return trainer


def lora(options: Options) -> Any:
    """PEFT's configuration of the adapter."""
    from peft import LoraConfig

    return LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=options.dropout,
        target_modules=options.targets if isinstance(options.targets, str) else list(options.targets),
        task_type="CAUSAL_LM",
    )


def newest(checkpoints: Path) -> Path | None:
    """The newest checkpoint that was written to its end; those that were not are deleted."""
    whole = []
    for folder in checkpoints.glob("checkpoint-*"):
        if (folder / _WHOLE).exists():
            whole.append(folder)
        else:
            shutil.rmtree(folder)
    return max(whole, key=step_of, default=None)


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was written."""
    return int(checkpoint.name.rpartition("-")[2])


def _arguments(job: Job, fresh: bool) -> Any:
    import torch
    from trl import SFTConfig

    options, validating = job.options, job.validation is not None
    return SFTConfig(
        output_dir=str(job.checkpoints),
        seed=job.context.seed,
        use_cpu=not torch.cuda.is_available(),
        bf16=True,
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch,
        per_device_eval_batch_size=options.batch,
        gradient_accumulation_steps=options.accumulation,
        learning_rate=options.learning_rate,
        lr_scheduler_type=options.schedule,
        warmup_steps=options.warmup,  # below 1 it is a share
        weight_decay=options.weight_decay,
        activation_checkpointing=job.checkpointing,  # the old name of it is on by default in TRL
        max_length=None,  # rows have their length already
        dataset_kwargs={"skip_prepare_dataset": True},
        eval_strategy="steps" if validating else "no",
        eval_steps=job.eval_steps,
        eval_on_start=validating and fresh,
        save_strategy="steps",
        save_steps=job.save_steps,
        save_total_limit=2,
        load_best_model_at_end=validating and options.patience > 0,
        metric_for_best_model="loss",
        restore_callback_states_from_checkpoint=not fresh,
        logging_steps=1,
        logging_nan_inf_filter=False,  # it would hide a loss that is no number
        report_to="none",
        disable_tqdm=True,
    )


def _callbacks(job: Job) -> list[Any]:
    from transformers import EarlyStoppingCallback

    callbacks = [_teller(job)]
    if job.validation is not None and job.options.patience:
        callbacks.append(EarlyStoppingCallback(job.options.patience))
    return callbacks


def _trainer_class() -> Any:
    import torch
    from trl import SFTTrainer

    class Trainer(SFTTrainer):  # type: ignore[misc]
        sampler: LengthGrouped

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return self.sampler

        def create_model_card(self, *args: Any, **kwargs: Any) -> None:
            """None: the run directory says what was trained, and each checkpoint would get one."""

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            """Mean cross-entropy of the learned tokens (over all batches of a step, where their number is given)."""
            labels = inputs["labels"][:, 1:]
            learned = (labels != IGNORED).any(0).nonzero().squeeze(1)
            size = labels.shape[0] * len(learned) * model.config.get_text_config().vocab_size
            if labels.device.type != "cpu" or return_outputs or not 0 < LOGIT * size < LOGITS:
                return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            logits = model(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                logits_to_keep=learned,
                use_cache=False,
            ).logits
            wanted = labels[:, learned]
            total = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1).float(), wanted.flatten(), ignore_index=IGNORED, reduction="sum"
            )
            return total / ((wanted != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch)

    return Trainer


def _teller(job: Job) -> Any:
    """The callback that tells progress, marks whole checkpoints and refuses a loss that is no number."""
    from transformers import TrainerCallback

    class Teller(TrainerCallback):  # type: ignore[misc]
        began, first = time.monotonic(), 0

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.began, self.first = time.monotonic(), state.global_step

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            loss = (logs or {}).get("loss")
            if loss is None:
                return
            if not math.isfinite(loss):
                raise TrainingError(f"the loss is no number after step {state.global_step}", where="train",
                                    next_step="Lower learning_rate; if it stays so, look at the records of that step")
            job.context.progress.update(state.global_step, job.plan.steps, self.note(state.global_step, loss))

        def note(self, step: int, loss: float) -> str:
            done = sum(job.plan.step_tokens[self.first : step])
            return f"loss {loss:.2f}, {done / max(1e-9, time.monotonic() - self.began):.0f} tok/s"

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            (job.checkpoints / f"checkpoint-{state.global_step}" / _WHOLE).touch()

    return Teller()
