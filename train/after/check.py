"""Is a GGUF file the model that it was made from? Both are asked the same and compared.

tokens    token ids of texts in English, Chinese, code, figures, emoji: `tokenizer.ggml.pre` wrong shows here
prompts   conversations as the server renders them, beside the chat template of the tokenizer
loss      mean loss of answers (nats a token), each token given those before it
greedy    answers at temperature 0: how many begin alike, and for how many tokens

llama.cpp runs in a process of its own (`seedbed.llama_server`). It reports no loss of a prompt, but the probability of
what it generates: so each token of an answer is forced by a bias on it, which the reported probability leaves out.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from seedbed.context import Progress
from seedbed.errors import InputError, TemplateError
from seedbed.llama_server import ServerOptions, serving
from seedbed.record import Record, chat
from train.after.words import WORDS
from train.checks import memory
from train.evaluation import answers
from train.rows.conversation import Conversation, conversation
from train.rows.template import Row, Template

TEXTS = (
    "The pump P-20 stops below 1.8 bar; it doesn't restart by itself, we'll see.",
    "泵 P-20 在压力低于 1.8 bar 时停机。传感器使用 4711 端口，请勿带电操作！",
    "def area(r: float) -> float:\n    return 3.14159 * r ** 2  # m²\n\n\tif x != None: pass\r\n",
    "1234567 3,141.59 2026-11-23 ½ Ⅷ １２３ 0x7fFF 10⁻³",
    "Done 😀👍🏽 👩‍👩‍👧 ✅ — “quoted” … naïve café Straße ΑΒΓ Привет ИВАНОВ こんにちは 안녕",
    "  two blanks,   three\n\n\nlines\t\ttabs   \n  ",
    "SELECT * FROM 表 WHERE `端口`=4711; -- 注释",
)
_BIAS = 1e4  # above any difference of two logits
_LIKELIEST = (1000, 10**6)  # tokens asked for: nearly always enough, and more than there are
_GREEDY = 32  # tokens of each answer that are compared
_PATIENCE = 600.0  # seconds for one reply: a large model reads a long prompt on a CPU
DEFAULT = (
    chat("Which port does the sensor of pump P-20 use?", "The sensor of pump P-20 uses port 4711.", language="en"),
    chat("泵 P-20 的传感器使用哪个端口？", "泵 P-20 的传感器使用 4711 端口。", language="zh"),
)


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What the check found. `loss` is that of transformers, `loss_gguf` that of llama.cpp, over `tokens` tokens.
    `passed_over`: records that the template refuses or the model cannot read whole, as a training counts them."""

    texts: int
    texts_alike: int
    prompts: int
    prompts_alike: int
    tokens: int
    loss: float
    loss_gguf: float
    greedy: int
    greedy_alike: int
    greedy_tokens: float
    differing: list[str] = []
    passed_over: int = 0

    @property
    def difference(self) -> float:
        """How much more the file loses, as a share of the model's loss."""
        return self.loss_gguf / self.loss - 1 if self.loss else 0.0

    @property
    def sound(self) -> bool:
        """Whether the file reads the same tokens as the model. How near the loss is depends on the type chosen."""
        return self.texts == self.texts_alike

    def sentence(self, language: str = "en") -> str:
        """The figures in words."""
        return WORDS[language]["checked"].format(difference=self.difference, **msgspec.structs.asdict(self))


class Server:
    """A llama.cpp server, asked for tokens, prompts, probabilities and answers."""

    def __init__(self, url: str) -> None:
        self._root = url.removesuffix("/v1")

    def _ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        data = json.dumps(body).encode()
        request = urllib.request.Request(self._root + path, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE) as reply:
                return dict(json.loads(reply.read()))
        except OSError as error:
            raise InputError(f"llama.cpp does not answer {path}: {error}", where="check") from error

    def tokens(self, text: str) -> list[int]:
        """The ids of a text with nothing put before or after it."""
        body = {"content": text, "add_special": False, "parse_special": True}
        return list(self._ask("/tokenize", body)["tokens"])

    def prompt(self, said: Conversation) -> str:
        """A conversation as the server's template engine writes it."""
        tools = {"tools": said.tools} if said.tools else {}
        sent = {"messages": [_as_sent(turn) for turn in said.turns]}
        return str(self._ask("/apply-template", sent | tools)["prompt"])

    def log_probability(self, before: list[int], token: int) -> float:
        """Of `token` after `before`, in nats. What it read last time is not read again."""
        said = self._forced(before, token, 1)
        if said is None:  # half a character: the server waits for the rest of it and reports nothing
            said = self._among(before, token)
        if said["id"] != token:
            raise InputError(f"llama.cpp gave token {said['id']} where {token} was forced", where="check")
        return float(said["logprob"])

    def _among(self, before: list[int], token: int) -> dict[str, Any]:
        """The same, looked up among the likeliest, and then among all, where a whole character is forced instead."""
        whole = self.tokens("!")[-1]
        for many in _LIKELIEST:
            said = self._forced(before, whole, many) or {"top_logprobs": []}
            if found := [one for one in said["top_logprobs"] if one["id"] == token]:
                return dict(found[0])
        raise InputError(f"llama.cpp knows no token {token}", where="check")

    def _forced(self, before: list[int], token: int, many: int) -> dict[str, Any] | None:
        body = {"prompt": before, "n_predict": 1, "n_probs": many, "temperature": 0, "cache_prompt": True,
                "logit_bias": [[token, _BIAS]]}
        found = self._ask("/completion", body).get("completion_probabilities")
        return dict(found[0]) if found else None

    def greedy(self, prompt: list[int], most: int) -> list[int]:
        """The ids of an answer at temperature 0."""
        body = {"prompt": prompt, "n_predict": most, "temperature": 0, "cache_prompt": True, "return_tokens": True}
        return list(self._ask("/completion", body)["tokens"])


def check(
    file: Path, model: Any, template: Template, records: Sequence[Record], progress: Progress,
    adapter: Path | None = None,
) -> Checked:
    """Compares the GGUF `file` (with the GGUF `adapter`) with `model` on the last answers of `records`.

    Hand in a model in 32 bits where there is room (`precise`): llama.cpp computes in them, and what bf16 loses in each
    layer is otherwise a part of the difference (1.4 % of a loss of 0.73 with SmolLM2-135M).
    Both get the same token ids for loss and answers, so that a fault of the tokens does not hide one of the weights.
    """
    fit = _comparable(model, template, records)
    several = fit or _comparable(model, template, DEFAULT)
    if not several:
        raise InputError("the chat template takes neither the records nor two plain questions", where=str(file),
                         next_step="Look at it with `seedbed train --show 3`")
    rows = [row for row, _ in several]
    asked = [prompt for _, prompt in several]
    context = max(len(row.input_ids) for row in rows) + _GREEDY + 8
    options = ServerOptions(slots=1, context=max(512, context), adapter=str(adapter or ""))
    with serving(file, options) as url:
        server = Server(url)
        differing = [text for text in TEXTS if server.tokens(text) != template.prompt_ids(text)]
        prompts = [_same_prompt(server, template, said) for said in asked]
        theirs = sum(_loss(server, row, n, len(rows), progress) for n, row in enumerate(rows, 1))
        ours = sum(answers.row_losses(model, template.tokenizer, rows, lambda _: None))
        answered = [_alike(server, model, template, said) for said in asked]
    tokens = sum(row.learned for row in rows)
    return Checked(
        texts=len(TEXTS), texts_alike=len(TEXTS) - len(differing), prompts=len(prompts), prompts_alike=sum(prompts),
        tokens=tokens, loss=round(ours / tokens, 5), loss_gguf=round(theirs / tokens, 5),
        greedy=len(answered), greedy_alike=sum(whole for whole, _ in answered),
        greedy_tokens=round(sum(n for _, n in answered) / len(answered), 1), differing=differing,
        passed_over=len(records) - len(fit),
    )


def precise(model: Any) -> Any:
    """The model in 32 bits, where twice its size in memory leaves half of that free; else as it is."""
    size = 4 * sum(parameter.numel() for parameter in model.parameters())
    return model.float() if 2 * size < memory.available() else model


def _comparable(model: Any, template: Template, records: Sequence[Record]) -> list[tuple[Row, Conversation]]:
    """The last answer of each record as a row, and what stands before it."""
    window = getattr(model.config.get_text_config(), "max_position_embeddings", None) or 1 << 20
    found = []
    for record in records:
        said = conversation(record)
        with suppress(TemplateError):
            if rows := template.rows(said.turns, said.tools):
                row = template.tokens(rows[-1])
                if len(row.input_ids) + _GREEDY <= window:
                    found.append((row, Conversation(said.turns[:-1], said.tools)))
    return found


def _as_sent(turn: dict[str, Any]) -> dict[str, Any]:
    """A turn in OpenAI's form, in which arguments are JSON in a string; templates are given them as objects."""
    if not turn.get("tool_calls"):
        return turn
    calls = [
        call | {"function": call["function"] | {"arguments": json.dumps(call["function"]["arguments"])}}
        for call in turn["tool_calls"]
    ]
    return turn | {"tool_calls": calls}


def _same_prompt(server: Server, template: Template, said: Conversation) -> bool:
    wanted, written = template.prompt(said.turns, said.tools), server.prompt(said)
    begin = template.tokenizer.bos_token or ""
    # The server takes the template's begin token off where it will put it itself.
    return written == wanted or begin + written == wanted


def _loss(server: Server, row: Row, number: int, of: int, progress: Progress) -> float:
    lost = 0.0
    for place, label in enumerate(row.labels):
        if label >= 0 and place:
            lost -= server.log_probability(row.input_ids[:place], label)
    progress.update(number, of, "loss in llama.cpp")
    return lost


def _alike(server: Server, model: Any, template: Template, said: Conversation) -> tuple[bool, int]:
    """Whether both give the same answer, and for how many tokens they do."""
    prompt = template.prompt_ids(template.prompt(said.turns, said.tools))
    ends = _ends(model, template.tokenizer)
    ours, theirs = _greedy(model, template.tokenizer, prompt, ends), _until(server.greedy(prompt, _GREEDY), ends)
    same = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    return ours == theirs, same


def _ends(model: Any, tokenizer: Any) -> set[int]:
    given = model.generation_config.eos_token_id
    return {tokenizer.eos_token_id, *(given if isinstance(given, list) else [given])} - {None}


def _until(said: list[int], ends: set[int]) -> list[int]:
    """An answer without the token that ends it."""
    return said[: next((n for n, token in enumerate(said) if token in ends), len(said))]


def _greedy(model: Any, tokenizer: Any, prompt: list[int], ends: set[int]) -> list[int]:
    """transformers' answer at temperature 0."""
    import torch
    from transformers import GenerationConfig

    plain = GenerationConfig(do_sample=False, max_new_tokens=_GREEDY, eos_token_id=sorted(ends),
                             pad_token_id=tokenizer.pad_token_id)
    ids = torch.tensor([prompt], device=model.device)
    with torch.no_grad():
        made = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=plain)
    return _until(made[0, len(prompt) :].tolist(), ends)
