"""A Modelfile for Ollama: the GGUF file, the chat template in Go's language, and where to stop.

Ollama does not read a model's own (Jinja) template in general, and a model asked in another form than it learned
answers worse without a word. So for each kind of template there is one in Go's language here, and it is taken only
where it renders exactly what the tokenizer's own does, on conversations with and without a system text. Where none
does, TEMPLATE is left out and the file says so: Ollama then goes by what it recognises of the model's own.
"""

from __future__ import annotations

from typing import Any

import msgspec

from seedbed.errors import TemplateError
from train.after import gotemplate
from train.rows.template import Template

# A system text where a family has no role for it: before the first question, as train.rows.template puts it there.
_QUESTION = "{{ if and $.System (le $i 1) }}{{ $.System }}\n\n{{ end }}{{ $m.Content }}"


def _mistral(closing: str, opening: str) -> str:
    return (
        '{{- range $i, $m := .Messages }}{{ if eq $m.Role "user" }}[INST] ' + _QUESTION + closing
        + '{{ else if eq $m.Role "assistant" }}' + opening + "{{ $m.Content }}</s>{{ end }}{{ end }}"
    )


KINDS = {
    "ChatML": "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}"
    "<|im_start|>assistant\n",
    "Llama 3": "{{- range .Messages }}<|start_header_id|>{{ .Role }}<|end_header_id|>\n\n{{ .Content }}<|eot_id|>"
    "{{ end }}<|start_header_id|>assistant<|end_header_id|>\n\n",
    "Mistral v0.1": _mistral(" [/INST]", ""),
    "Mistral v0.2": _mistral(" [/INST]", " "),
    "Mistral v0.3": _mistral("[/INST]", " "),
    "Gemma": '{{- range $i, $m := .Messages }}{{ if eq $m.Role "user" }}<start_of_turn>user\n' + _QUESTION
    + '<end_of_turn>\n{{ else if eq $m.Role "assistant" }}<start_of_turn>model\n{{ $m.Content }}<end_of_turn>\n'
    "{{ end }}{{ end }}<start_of_turn>model\n",
}
_ASKED = [{"role": "user", "content": "Which port? 端口？"}]
_TALK = [*_ASKED, {"role": "assistant", "content": "Port 4711。"}, {"role": "user", "content": "And the pump?"}]
_SYSTEM = {"role": "system", "content": "Answer briefly. 简短回答。"}


class Chosen(msgspec.Struct, frozen=True):
    """The kind of a chat template, its text in Go's language, and the system text that it brings itself."""

    kind: str
    go: str
    system: str = ""


def recognise(template: Template) -> Chosen | None:
    """The kind whose Go template renders what the tokenizer's own does; None where there is none."""
    begin, added = template.tokenizer.bos_token or "", _adds_begin(template)

    def ours(turns: list[dict[str, str]]) -> str | None:
        try:
            return template.prompt(turns).removeprefix(begin if added else "")  # llama.cpp and Ollama put it there
        except TemplateError:
            return None

    for kind, plain in KINDS.items():
        for go in dict.fromkeys((plain, plain if added else begin + plain)):
            system = _default_system(ours(_ASKED), go)
            if system is not None and all(
                ours(turns) == gotemplate.render(go, _with(system, turns))
                for turns in (_ASKED, _TALK, [_SYSTEM, *_ASKED], [_SYSTEM, *_TALK])
            ):
                return Chosen(kind, go, system)
    return None


def _adds_begin(template: Template) -> bool:
    """Whether the tokenizer puts its begin token before a plain text, so that llama.cpp does so too."""
    tokenizer = template.tokenizer
    return tokenizer.bos_token is not None and list(tokenizer("1")["input_ids"])[:1] == [tokenizer.bos_token_id]


def _default_system(written: str | None, go: str) -> str | None:
    """The system text that a template brings itself; empty where it brings none, None where it is of another kind."""
    if written is None or written == gotemplate.render(go, _ASKED):
        return None if written is None else ""
    before, _, after = gotemplate.render(go, [_SYSTEM | {"content": "\0"}, *_ASKED]).partition("\0")
    if not (after and written.startswith(before) and written[len(before) :].endswith(after)):
        return None
    return written[len(before) : len(written) - len(after)]


def _with(system: str, turns: list[dict[str, str]]) -> list[dict[str, str]]:
    """The turns as Ollama hands them over: SYSTEM of the Modelfile stands where the user gives none."""
    return turns if not system or turns[0]["role"] == "system" else [{"role": "system", "content": system}, *turns]


def text(file: str, template: Template, stops: list[str], adapter: str = "") -> str:
    """The Modelfile for the GGUF `file` beside it, and for the GGUF `adapter` on it if there is one."""
    chosen = recognise(template)
    lines = [f"FROM ./{file}" if "/" not in file else f"FROM {file}"]
    lines += [f"ADAPTER ./{adapter}"] if adapter else []
    if chosen:
        lines += [f"# {chosen.kind}: renders what the tokenizer's own chat template does.",
                  f'TEMPLATE """{chosen.go}"""']
        lines += [f'SYSTEM """{chosen.system}"""'] if chosen.system else []
    else:
        lines += ["# No TEMPLATE: the model's own chat template is of no kind that is known here. Ollama goes by what",
                  "# it recognises of it; compare an answer with `seedbed chat` before you rely on it."]
    lines += [f"PARAMETER stop {_quoted(stop)}" for stop in stops]
    lines += ["PARAMETER temperature 0"]  # facts are asked for; and it is how the model was evaluated
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def stops(template: Template, model_ends: list[int]) -> list[str]:
    """The texts at which an answer ends: the tokenizer's end token, and the others that the model stops at."""
    tokenizer = template.tokenizer
    ends: list[Any] = [tokenizer.eos_token_id, *model_ends]
    return list(dict.fromkeys(str(tokenizer.convert_ids_to_tokens(end)) for end in ends if end is not None))
