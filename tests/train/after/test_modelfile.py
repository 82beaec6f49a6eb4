"""Modelfiles: the Go template must render what the tokenizer's own does, or be left out."""

from __future__ import annotations

import pytest

from tests.train.rows.test_template import GEMMA, LLAMA3, MISTRAL, PHI3
from tests.train.tiny import CHATML, tokenizer
from train.after import gotemplate, modelfile
from train.rows.template import Template

SMOL = "{% if messages[0].role != 'system' %}<|im_start|>system\nBe kind. 请友好。<|im_end|>\n{% endif %}" + CHATML
SAID = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "端口？"},
    {"role": "assistant", "content": "4711"},
    {"role": "user", "content": "And?"},
]


def template(text: str, begin: str | None = None) -> Template:
    made = tokenizer(text)
    made.bos_token = begin
    return Template(made)


@pytest.mark.parametrize(
    ("text", "begin", "kind"),
    [(CHATML, None, "ChatML"), (LLAMA3, "<|begin_of_text|>", "Llama 3"), (MISTRAL, "<s>", "Mistral v0.3"),
     (GEMMA, "<bos>", "Gemma")],
)
def test_the_known_kinds_are_recognised_and_render_the_same(text: str, begin: str | None, kind: str) -> None:
    own = template(text, begin)
    chosen = modelfile.recognise(own)
    assert chosen and (chosen.kind, chosen.system) == (kind, "")
    assert gotemplate.render(chosen.go, SAID) == own.prompt(SAID)
    assert gotemplate.render(chosen.go, SAID[1:]) == own.prompt(SAID[1:])


def test_a_system_text_of_the_templates_own_becomes_the_modelfiles() -> None:
    written = modelfile.text("m-q8_0.gguf", template(SMOL, "<|im_start|>"), ["<|im_end|>"])
    assert written.startswith("FROM ./m-q8_0.gguf\n# ChatML")
    assert 'SYSTEM """Be kind. 请友好。"""' in written
    assert 'PARAMETER stop "<|im_end|>"' in written and '<|im_end|>\n{{ end }}<|im_start|>assistant\n"""' in written


def test_an_unknown_template_is_left_out_with_a_word() -> None:
    written = modelfile.text("m.gguf", template(PHI3), ["<|end|>"], adapter="a.gguf")
    assert "TEMPLATE" not in written.replace("# No TEMPLATE", "") and "# No TEMPLATE" in written
    assert written.splitlines()[:2] == ["FROM ./m.gguf", "ADAPTER ./a.gguf"]


def test_a_template_that_differs_by_one_blank_is_of_no_kind() -> None:
    assert modelfile.recognise(template(CHATML.replace("}}<|im_end|>", "}} <|im_end|>"))) is None


@pytest.mark.parametrize(
    ("go", "expected"),
    [
        ("a {{- .System }} b", "aBe brief. b"),
        ("a {{ .System -}} b", "a Be brief.b"),
        ("{{ range $i, $m := .Messages }}{{ if and $.System (le $i 1) }}{{ $i }}{{ $m.Content }}{{ end }}{{ end }}",
         "0Be brief.1端口？"),
        ('{{ range .Messages }}{{ if eq .Role "user" }}U{{ else if eq .Role "system" }}S{{ else }}A{{ end }}{{ end }}', "SUAU"),
        ('{{ range .Messages }}{{ if not (eq .Role "user") }}{{ .Content }};{{ end }}{{ end }}', "Be brief.;4711;"),
    ],
)
def test_go_templates_are_rendered_as_go_does(go: str, expected: str) -> None:
    assert gotemplate.render(go, SAID) == expected
