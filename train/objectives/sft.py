"""TRL's SFTTrainer, set up for rows that are tokenised already, with what differs here from its defaults.

- batches in an order that survives a resumption (train/rows/batches.py), or packed (train/rows/packing.py);
- adapters trained in 32 bits: TRL turns those on a quantised base to bf16, whose steps are as coarse as the updates;
- on a CPU the loss from the logits of the learned positions: TRL's tiled head scores every position, and twice, which
  there costs a fifth of the time (measured: 4.0 s a step against 3.2 s);
- one voice: progress through the stage's context, nothing on the console.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seedbed.context import Context
from seedbed.pairs import conversations
from seedbed.record import Record
from seedbed.repeats import repeated
from train.checks.memory import LOGIT, LOGITS
from train.job import Job, newest, step_of
from train.launch import together
from train.launch.shares import Dealt, shared, weighed
from train.names import arguments
from train.objectives.material import Material, drawn, general
from train.objectives.start import begun, holding
from train.options import Options
from train.rows.batches import Order
from train.rows.data import Fit, lengths, prepare
from train.rows.ordering import collating, items
from train.rows.template import IGNORED, Template
from train.students import methods
from train.watching.attending import attended
from train.watching.telling import callbacks


def gather(training: list[Record], watching: list[Record], template: Template, options: Options, context: Context
           ) -> Material:
    """The answers of chat records. The chosen one of a preference pair is learned once, from the chat record that the
    pair was made from if that is there."""
    return in_rows(prepare, training, watching, template, options, context)


def in_rows(prepare: Callable[..., Any], training: list[Record], watching: list[Record], template: Template,
            options: Options, context: Context) -> Material:
    """The material as `prepare` makes rows of records, for this objective and for `pretrain`."""
    learned = conversations(training)
    if left_out := len(training) - len(learned):
        context.figures["pairs_left_out"] = left_out
    again = list(repeated(learned))
    length, cache = Fit(options.max_length, options.too_long), context.folder / "tokens"
    rows, counts = prepare(again, template, length, cache)
    watched = drawn(conversations(watching), options.validation_limit, context.seed)
    validation, seen = prepare(watched, template, length, cache)
    sizes = lengths(rows)
    return Material(rows, counts, validation if seen.rows else None, seen, general(again), sizes, sizes)


def fit(job: Job, model: Any) -> Any:
    """Trains, from the newest whole checkpoint if there is one, and returns the finished trainer.

    Raises TrainingError as soon as the loss is no number.
    """
    from transformers import PrinterCallback

    with together.first_alone():
        resume = newest(job.checkpoints)
    model = begun(model, job.options)
    make_ready = holding(model, job.options)
    rows, validation, sampler = shared(job)
    trainer = attended(_trainer_class(job), job)(
        model,
        args=arguments(job, fresh=resume is None),
        train_dataset=rows,
        eval_dataset=validation,
        **collating(job, model),
        processing_class=job.tokenizer,
        peft_config=None if job.options.from_ else methods.adapter(job.options),
        callbacks=callbacks(job),
    )
    together.as_asked(trainer)
    trainer.sampler = sampler
    if job.options.packing:
        trainer.train_dataset = items(job)
    trainer.remove_callback(PrinterCallback)
    make_ready(trainer.model, job.tokenizer)
    if resume:
        job.context.progress.say(f"going on from step {step_of(resume)} of {job.plan.steps}")
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    return trainer


def _trainer_class(job: Job) -> Any:
    import torch
    from trl import SFTTrainer

    class Trainer(SFTTrainer):  # type: ignore[misc]
        sampler: Order | Dealt

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
            if not len(learned):
                learned = learned.new_zeros(1)  # empty rows: nothing is lost, and the gradients are there to average
            world = self.accelerator.num_processes
            if num_items_in_batch is None and world > 1:  # a validation: each process has a part of the batch
                num_items_in_batch = weighed(labels, self.accelerator, len(job.validation), len(self.eval_dataset))
            size = labels.shape[0] * len(learned) * self.model.config.get_text_config().vocab_size
            # Several processes must all go the same way: TRL's own speaks to the others.
            if labels.device.type != "cpu" or return_outputs or (world == 1 and not 0 < LOGIT * size < LOGITS):
                return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            logits = model(
                **{name: value for name, value in inputs.items() if name != "labels"},
                logits_to_keep=learned + job.options.virtual_tokens,  # those stand before the text
                use_cache=False,
            ).logits
            wanted = labels[:, learned]
            total = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1).float(), wanted.flatten(), ignore_index=IGNORED, reduction="sum"
            )
            if num_items_in_batch is None:
                return total / (wanted != IGNORED).sum()
            return total * world / num_items_in_batch  # of all processes, whose gradients are averaged

    return Trainer
