"""What TRL, transformers and PEFT call things: the one place that changes when they rename between versions."""

from __future__ import annotations

from typing import Any

from train.job import Job
from train.launch.shares import share
from train.options import Options


def arguments(job: Job, fresh: bool) -> Any:
    """The settings of a training on labelled rows; `fresh` when it does not go on from a checkpoint."""
    from trl import SFTConfig

    return SFTConfig(**_common(job, fresh), dataset_kwargs={"skip_prepare_dataset": True})


def preference_arguments(job: Job, fresh: bool) -> Any:
    """The settings of a training on preference pairs."""
    from trl import DPOConfig

    options = job.options
    term = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, options.sft_weight]} if options.sft_weight else {}
    return DPOConfig(**_common(job, fresh), beta=options.beta, precompute_ref_log_probs=True, **term)


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
        warmup_steps=options.warmup,  # below 1 it is a share
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
        load_best_model_at_end=validating and options.patience > 0,
        metric_for_best_model="loss",
        restore_callback_states_from_checkpoint=not fresh,
        logging_steps=1,
        logging_nan_inf_filter=False,  # it would hide a loss that is no number
        report_to="none",
        disable_tqdm=True,
    )


def lora(options: Options) -> Any:
    """PEFT's configuration of the adapter."""
    from peft import LoraConfig

    return LoraConfig(
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

    return PromptTuningConfig(num_virtual_tokens=options.virtual_tokens, task_type="CAUSAL_LM")
