"""The prompts of training rows against those of a server: a small one made here, and llama.cpp's (slow)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from seedbed import models
from seedbed.context import Silent
from seedbed.errors import InputError, TemplateError
from seedbed.record import Message, chat, make
from tests.train.rows.conversations import CONVERSATIONS
from tests.train.tiny import CHATML, tokenizer
from train.options import Options
from train.rows.served import differences, learned_behind
from train.rows.show import show
from train.rows.template import Template

TWO = make(messages=(Message("user", "端口？"), Message("assistant", "4711。"), Message("user", "Sure?"),
                     Message("assistant", "Yes.")))


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(tokenizer(CHATML))


class Server(HTTPServer):
    """Answers as llama.cpp's server does, with a tokenizer of transformers."""

    template: Template
    begin: tuple[int, ...] = ()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server: Any = self.server
        said: dict[str, Any] = {}
        if self.path == "/apply-template":
            said = {"prompt": server.template.prompt(asked["messages"])}
        elif self.path == "/tokenize":
            said = {"tokens": [*server.begin, *server.template.prompt_ids(asked["content"])]}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(template: Template) -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), _Handler)
    made.template = template
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/v1"


def test_the_same_template_and_tokenizer_give_the_same_ids(template: Template, server: Server) -> None:
    assert differences(TWO, template, url(server)) == []
    assert differences(chat("Which port?", "\n\n4711"), template, url(server)) == []  # parted from its prompt


def test_every_learned_answer_has_the_ids_before_it(template: Template) -> None:
    (row,) = template.trained(TWO.turns()).rows
    first, second = learned_behind(row)
    assert template.tokenizer.decode(first).endswith("端口？<|im_end|>\n<|im_start|>assistant\n")
    assert template.tokenizer.decode(second).endswith("Sure?<|im_end|>\n<|im_start|>assistant\n")


def test_a_second_begin_token_is_found_at_its_place(template: Template, server: Server) -> None:
    server.begin = (3,)
    found = differences(TWO, template, url(server))
    assert [(one.answer, one.place) for one in found] == [(1, 0), (2, 0)]
    assert "from token 0 on it learned behind" in found[0].line()


def test_another_template_is_found_where_it_differs(template: Template, server: Server) -> None:
    server.template = Template(tokenizer(CHATML.replace("{% for", "<|im_start|>system\nBe kind.<|im_end|>\n{% for", 1)))
    (found,) = differences(chat("Which port?", "4711."), template, url(server))
    assert found.place == 1 and found.served.endswith("system\nBe") and "Which" in found.learned


def test_show_tells_of_each_example_whether_it_is_served_as_it_was_learned(
    student: Path, template: Template, server: Server
) -> None:
    options = Options(student=str(student))
    alike = "\n".join(show([TWO], options, 1, Silent(), colours=False, served=url(server)))
    assert "  served with the ids that it is learned behind" in alike
    server.begin = (3,)
    other = [line for line in show([TWO], options, 1, Silent(), colours=False, served=url(server)) if "served" in line]
    assert len(other) == 2 and all(line.startswith("  served otherwise: record") for line in other)


def test_what_is_no_such_server_is_one_clear_error(template: Template, server: Server) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(InputError, match=r"does not answer as llama.cpp's server"):
        differences(TWO, template, url(server))


# llama.cpp takes an assistant's turn at the end for one that it shall go on with, so it cannot be asked for another.
_CANNOT = {"two answers running"}
# Where its own tokenizer splits the same text otherwise than transformers': breaks of lines running, "</s>" as text.
_OTHERWISE = {
    "smollm2-135m-instruct": {"line breaks before"},
    "qwen2.5-coder-1.5b-instruct": {"marks of mistral everywhere"},
}


@pytest.mark.slow
@pytest.mark.parametrize("model", list(_OTHERWISE))
def test_llama_cpp_asks_with_the_ids_that_were_learned_behind(model: str) -> None:
    from transformers import AutoTokenizer

    from datagen.teacher.embedded import ServerOptions, serving

    path = models.pull(model)
    made = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name, local_files_only=True)
    template, differing, compared = Template(made, model), set(), 0
    with serving(path, ServerOptions(slots=1, context=512, threads=1)) as address:
        for name, record in CONVERSATIONS.items():
            try:
                found = differences(record, template, address)
            except TemplateError:
                continue
            compared += 1
            differing |= {name} if found else set()
    assert compared >= 60
    assert differing == _CANNOT | _OTHERWISE[model]
