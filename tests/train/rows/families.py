"""What each family of templates writes, and what of it is learned, written out by hand: the oracle of the masks.

It shares nothing with train/rows/template.py: no template is rendered here and no prefix is compared. Each family is a
function from turns to pieces of text, each piece learned or not.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Turns = list[dict[str, Any]]
Piece = tuple[str, bool]
Write = Callable[[Turns, Turns], list[Piece]]

_SMOL = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
_QWEN = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."


class Refused(Exception):
    """The family's template does not take this conversation, or loses some of it."""


@dataclass(frozen=True)
class Family:
    """A template's file, its first and end-of-text tokens, its marks that are single tokens, and its writing by hand.

    several   whether a conversation of several answers is one row; one a turn otherwise
    """

    name: str
    bos: str
    eos: str
    marks: tuple[str, ...]
    write: Write
    several: Callable[[Turns, Turns], bool] = lambda turns, tools: True


def says(turn: dict[str, Any]) -> bool:
    return turn["role"] == "assistant" and bool(turn["content"].strip() or turn.get("tool_calls"))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _no_tools(turns: Turns, tools: Turns) -> None:
    if tools or any(turn.get("tool_calls") for turn in turns):
        raise Refused("knows no tools")


def _only(turns: Turns, *roles: str) -> None:
    if any(turn["role"] not in roles for turn in turns):
        raise Refused("an unknown role")


def _alternate(turns: Turns) -> None:
    for number, turn in enumerate(turns):
        if (turn["role"] == "user") != (number % 2 == 0):
            raise Refused("roles must alternate")


def chatml(turns: Turns, tools: Turns) -> list[Piece]:
    _no_tools(turns, tools)
    pieces = []
    for turn in turns:
        pieces += [(f"<|im_start|>{turn['role']}\n", False), (turn["content"] + "<|im_end|>", says(turn)), ("\n", False)]
    return pieces


def smollm2(turns: Turns, tools: Turns) -> list[Piece]:
    own = [] if turns[0]["role"] == "system" else [(f"<|im_start|>system\n{_SMOL}<|im_end|>\n", False)]
    return own + chatml(turns, tools)


def phi4(turns: Turns, tools: Turns) -> list[Piece]:
    _no_tools(turns, tools)
    _only(turns, "system", "user", "assistant")
    pieces = []
    for turn in turns:
        pieces += [(f"<|im_start|>{turn['role']}<|im_sep|>", False), (turn["content"] + "<|im_end|>", says(turn))]
    return pieces


def phi3(turns: Turns, tools: Turns) -> list[Piece]:
    _no_tools(turns, tools)
    _only(turns, "system", "user", "assistant")
    pieces = []
    for turn in turns[:-1]:
        pieces += [(f"<|{turn['role']}|>\n", False), (turn["content"] + "<|end|>", says(turn)), ("\n", False)]
    last = turns[-1]
    return [*pieces, (f"<|{last['role']}|>\n", False), (last["content"] + "<|end|>\n<|endoftext|>", says(last))]


def llama3(turns: Turns, tools: Turns) -> list[Piece]:
    system, rest = (turns[0]["content"].strip(), turns[1:]) if turns[0]["role"] == "system" else ("", turns)
    told = "Functions, to be called as JSON:\n" + "".join(_json(tool) + "\n\n" for tool in tools) if tools else ""
    day = "Today Date: 26 Jul 2024"
    pieces = [(f"<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n{day}\n\n", False),
              (f"{told}{system}<|eot_id|>", False)]
    for turn in rest:
        role, said = turn["role"], turn["content"].strip()
        if calls := turn.get("tool_calls"):
            if len(calls) > 1 or said:
                raise Refused("one call, and no words beside it")
            call = calls[0]["function"]
            said = f'{{"name": "{call["name"]}", "parameters": {_json(call["arguments"])}}}'
        elif role == "tool":
            role, said = "ipython", _json(turn["content"])
        pieces += [(f"<|start_header_id|>{role}<|end_header_id|>\n\n", False), (said + "<|eot_id|>", says(turn))]
    return pieces


def mistral(turns: Turns, tools: Turns) -> list[Piece]:
    system, rest = (turns[0]["content"] + "\n\n", turns[1:]) if turns[0]["role"] == "system" else ("", turns)
    _alternate([turn for turn in rest if turn["role"] in ("user", "assistant") and not turn.get("tool_calls")])
    _only(rest, "user", "assistant", "tool")
    asked = [turn for turn in rest if turn["role"] == "user"]
    pieces = [("<s>", False)]
    for turn in rest:
        if turn["role"] == "user":
            # By content, as the template compares: a question asked twice is the last one both times.
            last = turn == asked[-1]
            offered = f"[AVAILABLE_TOOLS] {_json(tools)}[/AVAILABLE_TOOLS]" if last and tools else ""
            pieces.append((f"{offered}[INST] {system if last else ''}{turn['content']}[/INST]", False))
        elif turn["role"] == "tool":
            told = f'{{"content": {_json(turn["content"])}, "call_id": "{turn["tool_call_id"]}"}}'
            pieces.append((f"[TOOL_RESULTS] {told}[/TOOL_RESULTS]", False))
        elif calls := turn.get("tool_calls"):
            if turn["content"]:
                raise Refused("no words beside a call")
            written = [f'{{"name": "{c["function"]["name"]}", "arguments": {_json(c["function"]["arguments"])}, '
                       f'"id": "{c["id"]}"}}' for c in calls]
            pieces.append((f"[TOOL_CALLS] [{', '.join(written)}]</s>", True))
        else:
            pieces.append((f" {turn['content']}</s>", says(turn)))
    return pieces


def _mistral_several(turns: Turns, tools: Turns) -> bool:
    """The system text and the tools move along with the last question."""
    asked = [turn["content"] for turn in turns if turn["role"] == "user"]
    moves = tools or turns[0]["role"] == "system"
    first = next((number for number, turn in enumerate(turns) if says(turn)), 0)
    return not moves or not any(turn["role"] == "user" for turn in turns[first:]) or len(set(asked)) == 1


def gemma(turns: Turns, tools: Turns) -> list[Piece]:
    """The system text is moved by train/rows, or by Gemma 3's own template: to the same place, but trimmed otherwise."""
    if turns[0]["role"] == "system":
        joined = f"{turns[0]['content']}\n\n{turns[1]['content']}".strip()
        turns = [turns[1] | {"content": joined}, *turns[2:]]
    return _gemma(turns, tools, "")


def gemma3(turns: Turns, tools: Turns) -> list[Piece]:
    if turns[0]["role"] == "system":
        return _gemma(turns[1:], tools, turns[0]["content"] + "\n\n")
    return _gemma(turns, tools, "")


def _gemma(turns: Turns, tools: Turns, prefix: str) -> list[Piece]:
    _no_tools(turns, tools)
    _alternate(turns)
    _only(turns, "user", "assistant")
    pieces = [("<bos>", False)]
    for number, turn in enumerate(turns):
        role = "model" if turn["role"] == "assistant" else turn["role"]
        opened = f"<start_of_turn>{role}\n{prefix if number == 0 else ''}"
        pieces += [(opened, False), (turn["content"].strip() + "<end_of_turn>", says(turn)), ("\n", False)]
    return pieces


def _calls(turn: dict[str, Any]) -> list[str]:
    return [f'<tool_call>\n{{"name": "{call["function"]["name"]}", '
            f'"arguments": {_json(call["function"]["arguments"])}}}\n</tool_call>' for call in turn["tool_calls"]]


def _results(turns: Turns, number: int) -> list[Piece]:
    """The results of neighbouring calls share one user turn."""
    before = turns[number - 1]["role"] if number else ""
    after = turns[number + 1]["role"] if number + 1 < len(turns) else ""
    told = f"\n<tool_response>\n{turns[number]['content']}\n</tool_response>"
    return [("" if before == "tool" else "<|im_start|>user", False), (told, False),
            ("" if after == "tool" else "<|im_end|>\n", False)]


def _own_qwen(tools: Turns) -> str:
    return "\n\n# Tools\n\n<tools>" + "".join("\n" + _json(tool) for tool in tools) + "\n</tools>" if tools else ""


def qwen25(turns: Turns, tools: Turns, told: Callable[[Turns], str] = _own_qwen) -> list[Piece]:
    own = turns[0]["role"] == "system"
    pieces = [(f"<|im_start|>system\n{turns[0]['content'] if own else _QWEN}{told(tools)}<|im_end|>\n", False)]
    for number, turn in enumerate(turns):
        if turn["role"] == "tool":
            pieces += _results(turns, number)
        elif turn.get("tool_calls"):
            said = "\n".join(([turn["content"]] if turn["content"] else []) + _calls(turn))
            pieces += [("<|im_start|>assistant\n", False), (said + "<|im_end|>", True), ("\n", False)]
        elif number or not own:
            opened = f"<|im_start|>{turn['role']}\n"
            pieces += [(opened, False), (turn["content"] + "<|im_end|>", says(turn)), ("\n", False)]
    return pieces


def qwen3(turns: Turns, tools: Turns) -> list[Piece]:
    own = turns[0]["role"] == "system"
    system = turns[0]["content"] if own else ""
    pieces = [(f"<|im_start|>system\n{system}<|im_end|>\n", False)] if own else []
    if tools:
        offered = "# Tools\n\n<tools>" + "".join("\n" + _json(tool) for tool in tools) + "\n</tools>"
        pieces = [(f"<|im_start|>system\n{system}{chr(10) * 2 if own else ''}{offered}<|im_end|>\n", False)]
    if any(one["role"] == two["role"] == "assistant" for one, two in zip(turns, turns[1:], strict=False)):
        raise Refused("an answer is written otherwise while it is the last")
    asked = max((number for number, turn in enumerate(turns) if turn["role"] == "user"), default=-1)
    for number, turn in enumerate(turns):
        if turn["role"] == "tool":
            pieces += _results(turns, number)
        elif turn["role"] == "assistant":
            thought, said = _thought(turn["content"])
            if number > asked and (number == len(turns) - 1 or thought):
                said = said.lstrip("\n")
                opened = f"<think>\n{thought}\n</think>\n\n"
            else:
                opened = ""
            said = "\n".join(([said] if said else []) + (_calls(turn) if turn.get("tool_calls") else []))
            pieces += [("<|im_start|>assistant\n", False), (f"{opened}{said}<|im_end|>", says(turn)), ("\n", False)]
        elif number or not own:
            pieces += [(f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>\n", False)]
    return pieces


def _thought(content: str) -> tuple[str, str]:
    if "</think>" not in content:
        return "", content
    thought = content.split("</think>")[0].rstrip("\n").split("<think>")[-1].lstrip("\n")
    return thought.strip("\n"), content.split("</think>")[-1].lstrip("\n")


def deepseek(turns: Turns, tools: Turns) -> list[Piece]:
    _no_tools(turns, tools)
    _only(turns, "system", "user", "assistant")
    pieces = [("<｜begin▁of▁sentence｜>", False)]
    pieces += [(turn["content"], False) for turn in turns if turn["role"] == "system"]
    for turn in turns:
        if turn["role"] == "user":
            pieces.append((f"<｜User｜>{turn['content']}", False))
        elif turn["role"] == "assistant":
            pieces += [("<｜Assistant｜>", False), (turn["content"] + "<｜end▁of▁sentence｜>", says(turn))]
    return pieces


def _deepseek_several(turns: Turns, tools: Turns) -> bool:
    """A system text in the middle moves to the front."""
    return not any(turn["role"] == "system" for turn in turns[1:])


def _never(turns: Turns, tools: Turns) -> bool:
    return False


_IM = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
FAMILIES = (
    Family("chatml", "", "<|im_end|>", _IM, chatml),
    Family("smollm2", "", "<|im_end|>", _IM, smollm2),
    Family("llama3", "<|begin_of_text|>", "<|eot_id|>",
           ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"), llama3),
    Family("mistral", "<s>", "</s>", ("<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]", "[AVAILABLE_TOOLS]",
           "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"), mistral, _mistral_several),
    Family("gemma", "<bos>", "<end_of_turn>", ("<bos>", "<start_of_turn>", "<end_of_turn>"), gemma),
    Family("gemma3", "<bos>", "<end_of_turn>", ("<bos>", "<start_of_turn>", "<end_of_turn>"), gemma3),
    Family("phi3", "", "<|endoftext|>", ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|endoftext|>"), phi3,
           _never),
    Family("phi4", "", "<|im_end|>", (*_IM, "<|im_sep|>"), phi4),
    Family("qwen25", "", "<|im_end|>", (*_IM, "<tool_call>", "</tool_call>"), qwen25),
    Family("qwen3", "", "<|im_end|>", (*_IM, "<think>", "</think>", "<tool_call>", "</tool_call>"), qwen3, _never),
    Family("deepseek", "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>",
           ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"), deepseek,
           _deepseek_several),
)
