"""What the methods differ in: which values are learned, and in what form they are kept.

qlora and lora learn matrices beside the frozen weights; prompt_tuning learns vectors before the text and nothing in the
model; full learns every weight. Learned values are in 32 bits whatever the base is in: the steps of bf16 are coarser
than most updates.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seedbed import ranks
from train import names
from train.options import Options

# What the virtual tokens begin as where the user gives no text: words do better than vectors drawn at random (Lester et
# al. 2021, section 3.2).
_BEGIN = "Answer the question precisely and briefly, from what you know. 准确、简洁地回答问题。"


def adapter(options: Options) -> Any:
    """PEFT's configuration of what is learned beside the weights; None where the weights themselves are."""
    if options.method == "full":
        return None
    return names.prompt_tuning(options) if options.method == "prompt_tuning" else names.lora(options)


def make_ready(model: Any, options: Options, tokenizer: Any) -> None:
    """Puts what is learned into 32 bits, and the virtual tokens to the words that they begin as."""
    import torch

    sharded = ranks.sharded() and options.method != "full"  # FSDP spreads values of one kind only: the base's
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.bfloat16 if sharded else torch.float32)
    if options.method == "prompt_tuning":
        with torch.no_grad():
            _vectors(model).copy_(first_vectors(model, options, tokenizer))
        show_text_alone(model)


def first_vectors(model: Any, options: Options, tokenizer: Any) -> Any:
    """What the virtual tokens begin as: the embeddings of the text's tokens, repeated or cut to their number.

    Not left to PEFT, which reads the tokenizer once more, from a path that it then keeps in the adapter.
    """
    import torch

    ids = tokenizer(options.initial_text or _BEGIN, add_special_tokens=False)["input_ids"]
    repeated = (ids * (options.virtual_tokens // len(ids) + 1))[: options.virtual_tokens]
    words = model.get_base_model().get_input_embeddings().weight.detach()
    return words[torch.tensor(repeated, device=words.device)].float()


def show_text_alone(model: Any) -> None:
    """Takes the logits of virtual tokens away, so that those of the text stand at its own places, as everywhere.

    Does nothing to a model that has none.
    """
    virtual_tokens = getattr(model.active_peft_config, "num_virtual_tokens", None)
    if not virtual_tokens:
        return

    def hook(model: Any, args: Any, given: dict[str, Any], made: Any) -> Any:
        text, logits = given.get("input_ids"), getattr(made, "logits", None)
        if text is not None and logits is not None and logits.shape[1] == virtual_tokens + text.shape[1]:
            made.logits = logits[:, virtual_tokens:]
        return made

    model.register_forward_hook(hook, with_kwargs=True)


def save(model: Any, options: Options, folder: Path) -> None:
    """The adapter, or the whole model in the bf16 of its base."""
    import torch

    if options.method == "full":
        model.to(torch.bfloat16).save_pretrained(str(folder))
        return
    for config in model.peft_config.values():
        config.base_model_name_or_path = options.student  # a name, not this machine's path
    model.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)


def _vectors(model: Any) -> Any:
    return model.prompt_encoder[model.active_adapter].embedding.weight
