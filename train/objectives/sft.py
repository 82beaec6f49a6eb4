"""TRL's SFTTrainer, set up for rows that are tokenised already, with what differs here from its defaults.

- batches in an order that survives a resumption (train/rows/batches.py);
- adapters trained in 32 bits: TRL turns those on a quantised base to bf16, whose steps are as coarse as the updates;
- on a CPU the loss from the logits of the learned positions: TRL's tiled head scores every position, and twice, which
  there costs a fifth of the time (measured: 4.0 s a step against 3.2 s);
- one voice: progress through the stage's context, nothing on the console.
"""

from __future__ import annotations

from typing import Any

from train.checks.memory import LOGIT, LOGITS
from train.job import Job, newest, step_of
from train.names import arguments
from train.rows.batches import LengthGrouped
from train.rows.template import IGNORED
from train.students import methods
from train.watching.telling import callbacks


def fit(job: Job, model: Any) -> Any:
    """Trains, from the newest whole checkpoint if there is one, and returns the finished trainer.

    Raises TrainingError as soon as the loss is no number.
    """
    from transformers import PrinterCallback

    resume = newest(job.checkpoints)
    trainer = _trainer_class(job)(
        model,
        args=arguments(job, fresh=resume is None),
        train_dataset=job.rows,
        eval_dataset=job.validation,
        processing_class=job.tokenizer,
        peft_config=methods.adapter(job.options),
        callbacks=callbacks(job),
    )
    trainer.sampler = job.sampler
    trainer.remove_callback(PrinterCallback)
    methods.make_ready(trainer.model, job.options, job.tokenizer)
    if resume:
        job.context.progress.say(f"going on from step {step_of(resume)} of {job.plan.steps}")
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    return trainer


def _trainer_class(job: Job) -> Any:
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
                logits_to_keep=learned + job.options.virtual_tokens,  # those stand before the text
                use_cache=False,
            ).logits
            wanted = labels[:, learned]
            total = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1).float(), wanted.flatten(), ignore_index=IGNORED, reduction="sum"
            )
            return total / ((wanted != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch)

    return Trainer
