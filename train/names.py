"""What TRL, transformers and PEFT call things: the one place that changes when they rename between versions.

They rename often: between transformers 4 and 5 `warmup_ratio` and `logging_dir` went, `group_by_length` became
`train_sampling_strategy`, and TRL took `activation_checkpointing` beside `gradient_checkpointing`. An argument that is
gone is told with its name and the version; a method that we override and that nobody calls any more would be silence,
so those are looked for as well (`OVERRIDDEN`).
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import math
from collections.abc import Iterator
from typing import Any

from seedbed.errors import SeedbedError
from train.job import Job
from train.launch.shares import share
from train.options import Options
from train.watching.stopping import KEPT

# What is overridden in the trainers, or called back by them: module, class, names.
OVERRIDDEN = (
    ("trl", "SFTTrainer", ("_get_train_sampler", "create_model_card", "compute_loss", "training_step", "evaluate",
                           "_run_epoch")),
    ("trl", "DPOTrainer", ("_prepare_dataset", "_get_train_sampler", "create_model_card", "_precompute_ref_logps",
                           "compute_ref_log_probs")),
    ("transformers", "TrainerCallback", ("on_train_begin", "on_log", "on_save", "on_step_end")),
    ("transformers", "PrinterCallback", ()),
    ("peft", "PeftModel", ("disable_adapter", "get_prompt_embedding_to_save", "active_peft_config")),
)  # fmt: skip


def missing() -> Iterator[str]:
    """What of `OVERRIDDEN` the installed versions do not have any more."""
    for library, kind, names in OVERRIDDEN:
        found = getattr(importlib.import_module(library), kind, None)
        if found is None:
            yield f"{library}.{kind}"
        yield from (f"{library}.{kind}.{name}" for name in names if found is not None and not hasattr(found, name))


def refuse_missing() -> None:
    """Raises SeedbedError where an installed library has another name for something that is needed."""
    if gone := list(missing()):
        raise _unknown(gone[0].partition(".")[0], f"has no `{gone[0].partition('.')[2]}`")


def made(kind: Any, **settings: Any) -> Any:
    """`kind(**settings)`, or SeedbedError with the name of the setting that the installed version does not know."""
    known = inspect.signature(kind).parameters
    for name in settings:
        if name not in known:
            raise _unknown(kind.__module__.partition(".")[0], f"has no setting `{name}` of {kind.__name__}")
    return kind(**settings)


def _unknown(library: str, what: str) -> SeedbedError:
    version = importlib.metadata.version(library)
    return SeedbedError(f"{library} {version} {what}", where="train",
                        next_step="Install the versions that seedbed was tested with: pip install -c constraints.txt …")


def arguments(job: Job, fresh: bool) -> Any:
    """The settings of a training on labelled rows; `fresh` when it does not go on from a checkpoint."""
    from trl import SFTConfig

    return made(SFTConfig, **_common(job, fresh), dataset_kwargs={"skip_prepare_dataset": True})


def preference_arguments(job: Job, fresh: bool) -> Any:
    """The settings of a training on preference pairs."""
    from trl import DPOConfig

    options = job.options
    term = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, options.sft_weight]} if options.sft_weight else {}
    return made(DPOConfig, **_common(job, fresh), beta=options.beta, precompute_ref_log_probs=True, **term)


def _common(job: Job, fresh: bool) -> dict[str, Any]:
    import torch

    options, validating, part = job.options, job.validation is not None, share(job.options)
    return dict(
        output_dir=str(job.checkpoints),
        seed=job.context.seed,
        use_cpu=not torch.cuda.is_available(),
        bf16=True,
        num_train_epochs=options.epochs,
        per_device_train_batch_size=part.batch,
        per_device_eval_batch_size=part.batch if part.world > 1 else options.batch,
        gradient_accumulation_steps=part.accumulation,
        ddp_find_unused_parameters=False,
        learning_rate=options.learning_rate,
        lr_scheduler_type=options.schedule,
        warmup_steps=_warmup(job),
        weight_decay=options.weight_decay,
        neftune_noise_alpha=options.neftune or None,
        activation_checkpointing=job.checkpointing,  # the old name of it is on by default in TRL
        max_length=None,  # rows have their length already
        eval_strategy="steps" if validating else "no",
        eval_steps=job.eval_steps,
        eval_on_start=validating and fresh,
        save_strategy="steps",
        save_steps=job.save_steps,
        save_total_limit=2,
        load_best_model_at_end=job.keeps_best,
        metric_for_best_model=KEPT,
        restore_callback_states_from_checkpoint=not fresh,
        logging_steps=1,
        logging_nan_inf_filter=False,  # it would hide a loss that is no number
        report_to="none",
        disable_tqdm=True,
    )


def _warmup(job: Job) -> int:
    """In steps. The first of them is made at a rate of 0, so that one step alone must do without."""
    return min(math.ceil(job.options.warmup * job.plan.steps), job.plan.steps - 1)


def lora(options: Options) -> Any:
    """PEFT's configuration of the adapter."""
    from peft import LoraConfig

    return made(
        LoraConfig,
        r=options.rank,
        lora_alpha=options.alpha,
        use_dora=options.dora,
        use_rslora=options.rslora,
        lora_dropout=options.dropout,
        target_modules=options.targets if isinstance(options.targets, str) else list(options.targets),
        task_type="CAUSAL_LM",
    )


def prompt_tuning(options: Options) -> Any:
    """PEFT's configuration of vectors before the text; what they begin as is set in train/students/methods.py."""
    from peft import PromptTuningConfig

    return made(PromptTuningConfig, num_virtual_tokens=options.virtual_tokens, task_type="CAUSAL_LM")


def is_varlen(model: Any) -> bool:
    """Whether the model's attention takes packed rows in one line, without a mask and without padding."""
    return "flash" in str(getattr(model.config, "_attn_implementation", ""))


def in_one_line(pad: int) -> Any:
    """TRL's collator for such a model: one line of all rows of a batch, with the borders that its kernels want."""
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    return DataCollatorForLanguageModeling(pad_token_id=pad, padding_free=True)
