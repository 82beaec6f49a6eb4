"""What a model makes of records: the loss of the reference answers, and answers of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from seedbed.record import Record
from train.rows.conversation import conversation
from train.rows.data import Counts, Fit, rows
from train.rows.template import IGNORED, Row, Template
from train.rows.texts import windows

# Tokens in a batch of loss: bounds the logits to 1 GB for a vocabulary of 150,000 (bf16 and a 32-bit copy of a part).
_BATCH_TOKENS = 2048
_SLICE = 256  # positions whose logits are turned to 32 bits at once
# Answers generated side by side: on a CPU 24 take hardly longer than 8, the time is in the layers' calls. Fewer where
# prompts are long, so that what is kept of all tokens stays small.
_ANSWERS, _ANSWER_TOKENS = 24, 16_384


def fitting(records: Sequence[Record], template: Template, fit: Fit) -> list[tuple[str, Row]]:
    """The rows of the records that fit the template and the length, each with its record's id; of running text all."""
    texts, chats = [record for record in records if not record.messages], [r for r in records if r.messages]
    found = [(record.id, row) for record, row in rows(chats, template, fit, Counts())]
    return found + list(windows(texts, template.tokenizer, fit.max_length))


def by_record(found: Sequence[tuple[str, Row]], lost: Sequence[float]) -> dict[str, tuple[float, int]]:
    """Record id -> summed cross-entropy of its answers' tokens (nats), and their number."""
    summed: dict[str, tuple[float, int]] = {}
    for (key, row), loss in zip(found, lost, strict=True):
        before, tokens = summed.get(key, (0.0, 0))
        summed[key] = before + loss, tokens + row.learned
    return summed


def losses(
    model: Any, template: Template, records: Sequence[Record], fit: Fit, tick: Callable[[int], None]
) -> dict[str, tuple[float, int]]:
    """Record id -> summed cross-entropy of its answers' tokens (nats), and their number. `tick` is told rows done.

    Records that do not fit the template or the length are missing.
    """
    found = fitting(records, template, fit)
    return by_record(found, row_losses(model, template.tokenizer, [row for _, row in found], tick))


def row_losses(model: Any, tokenizer: Any, rows: Sequence[Row], tick: Callable[[int], None]) -> list[float]:
    """The summed cross-entropy of each row's learned tokens (nats), in the order of the rows. Rows of like length share
    a batch; `tick` is told rows done."""
    longest_first = sorted(range(len(rows)), key=lambda number: -len(rows[number].input_ids))
    lost = [0.0] * len(rows)
    while longest_first:
        size = max(1, _BATCH_TOKENS // len(rows[longest_first[0]].input_ids))
        batch, longest_first = longest_first[:size], longest_first[size:]
        for number, loss in zip(batch, _batch_losses(model, tokenizer, [rows[n] for n in batch]), strict=True):
            lost[number] = loss
        tick(len(batch))
    return lost


def _batch_losses(model: Any, tokenizer: Any, batch: list[Row]) -> list[float]:
    import torch

    longest = max(len(row.input_ids) for row in batch)
    ids = torch.full((len(batch), longest), tokenizer.pad_token_id)
    labels, mask = torch.full_like(ids, IGNORED), torch.zeros_like(ids)
    for i, row in enumerate(batch):
        size = len(row.input_ids)
        ids[i, :size], labels[i, :size], mask[i, :size] = torch.tensor(row.input_ids), torch.tensor(row.labels), 1
    ids, labels, mask = (tensor.to(model.device) for tensor in (ids, labels, mask))
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    logits = logits[:, -longest:]  # virtual tokens (prompt tuning) stand before the row's own
    lost = [0.0] * len(batch)
    for i in range(len(batch)):
        wanted = labels[i, 1:]
        where = (wanted != IGNORED).nonzero().squeeze(1)
        for piece in torch.split(where, _SLICE):
            said = logits[i, piece].float()
            lost[i] += float(torch.nn.functional.cross_entropy(said, wanted[piece], reduction="sum"))
    return lost


def answer(model: Any, template: Template, records: Sequence[Record], max_new_tokens: int) -> list[str]:
    """The model's own last answer to each record, greedily and without any repetition guard, at most so many tokens."""
    return generated(model, template.tokenizer, prompts(template, records), max_new_tokens, lambda _: None)


def prompts(template: Template, records: Sequence[Record]) -> list[list[int]]:
    """The token ids after which the model writes its last answer to each record: those that stand before it in
    training, tools and calls included."""
    found = [conversation(record) for record in records]
    return [template.prompt_ids(template.prompt(said.turns[:-1], said.tools)) for said in found]


def generated(
    model: Any, tokenizer: Any, prompts: Sequence[list[int]], max_new_tokens: int, tick: Callable[[int], None]
) -> list[str]:
    """The greedy answer to each prompt, in their order. Prompts of like length share a batch; `tick` is told answers
    done."""
    longest_first = sorted(range(len(prompts)), key=lambda number: -len(prompts[number]))
    made = [""] * len(prompts)
    while longest_first:
        room = _ANSWER_TOKENS // (len(prompts[longest_first[0]]) + max_new_tokens)
        size = min(_ANSWERS, max(1, room))
        batch, longest_first = longest_first[:size], longest_first[size:]
        texts = _generate(model, tokenizer, [prompts[number] for number in batch], max_new_tokens)
        for number, text in zip(batch, texts, strict=True):
            made[number] = text
        tick(len(batch))
    return made


def _generate(model: Any, tokenizer: Any, prompts: list[list[int]], max_new_tokens: int) -> list[str]:
    import torch
    from transformers import GenerationConfig

    longest = max(map(len, prompts))
    pads = [longest - len(prompt) for prompt in prompts]  # on the left: the answers start side by side
    ids = torch.tensor([[tokenizer.pad_token_id] * pad + prompt for pad, prompt in zip(pads, prompts, strict=True)])
    mask = torch.tensor([[0] * pad + [1] * (longest - pad) for pad in pads])
    greedy = GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=_stops(model, tokenizer),
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.no_grad():
        made = model.generate(
            input_ids=ids.to(model.device), attention_mask=mask.to(model.device), generation_config=greedy
        )
    return [text_of(tokenizer, row) for row in made[:, longest:]]


def text_of(tokenizer: Any, ids: Any) -> str:
    """The answer that generated ids are."""
    text: str = tokenizer.decode(ids, skip_special_tokens=True)
    return text.rstrip("\ufffd").strip()  # the limit may cut a Chinese character in two


def _stops(model: Any, tokenizer: Any) -> list[int]:
    given = model.generation_config.eos_token_id
    known = given if isinstance(given, list) else [given]
    return sorted({token for token in (*known, tokenizer.eos_token_id) if token is not None})
