"""One OpenAI-compatible endpoint: a `Request` goes out over the wire, a `Reply` or a fault comes back.

    Fault
    ├── Refused       429: too much at once; only this request waits
    ├── Broken        5xx, a dropped line, a reply that is no reply: worth another try
    ├── Unreachable   no connection at all
    └── BadRequest    400: this request cannot be answered, and asking again will not help

What cannot be mended by trying again (401, 402, 403, 404) is a TeacherError. An endpoint that does not know an option
(JSON schemas, `max_tokens`, a sampling parameter) is asked without it from then on. Retrying is `client`'s business.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec

from datagen.teacher.options import TeacherOptions
from datagen.teacher.wire import LOCAL, Answer, Dropped, NoConnection, carrier
from seedbed import prompts
from seedbed.chat import Reply, Request
from seedbed.errors import TeacherError
from seedbed.text import language

if TYPE_CHECKING:
    import openai

Mode = Literal["json_schema", "json_object", "none"]
_WEAKER: dict[Mode, Mode] = {"json_schema": "json_object", "json_object": "none"}
_NO_SCHEMA = re.compile(r"response_format|json.?schema|json.?object|json mode|structured|grammar|guided", re.I)
_NO_OPTION = re.compile(r"unsupported|not support|unknown|unrecognized|unexpected|not permitted|extra inputs", re.I)
_ABOUT_THIS = re.compile(r"context|too long|maximum|exceed|content.?(?:filter|policy|manag)|safety|长度|超|敏感", re.I)
_NO_MODEL = re.compile(r"model\b.*(?:not exist|not found|unknown)|(?:unknown|no such) model|模型不存在", re.I)
_OPTIONAL = ("temperature", "top_p", "presence_penalty", "logprobs")


class Fault(Exception):
    """A call that was not answered. `why` is one line; `retry_after` is what the endpoint asked for, in seconds."""

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.why, self.retry_after = why, retry_after


class Refused(Fault):
    """Too many requests."""


class Broken(Fault):
    """The endpoint failed; another try may do."""


class Unreachable(Fault):
    """Nobody listens there."""


class BadRequest(Fault):
    """The endpoint will not answer this request. `certain` when it said something that is about this request alone."""

    def __init__(self, why: str, certain: bool = False) -> None:
        super().__init__(why)
        self.certain = certain


def scrub(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` without the given secrets, and without what looks like a key in a URL, a header or an error message."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = re.sub(r"(?<=//)[^/@\s]+(?=@)", "***", text)
    text = re.sub(r"(?i)((?:api[-_]?key|key|token|secret|password)=)[^&\s\"']+", r"\1***", text)
    return re.sub(r"\b(?:sk|pk|rk)-[\w*-]{6,}|(?i:bearer)\s+[\w.~+/=*-]{6,}", "***", text)


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Token(msgspec.Struct):
    token: str = ""
    logprob: float = -100.0


class _Logprobs(msgspec.Struct):
    content: list[_Token] | None = None


class _Choice(msgspec.Struct):
    message: _Message = msgspec.field(default_factory=_Message)
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(msgspec.Struct):
    """The part of a chat completion that is used. Decoding it this way costs a tenth of the client's own models."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    """The endpoint's list of models."""

    data: list[_Model]


_DECODER = msgspec.json.Decoder(_Completion, strict=False)


def _tokens(logprobs: _Logprobs | None) -> tuple[tuple[str, float], ...]:
    """The reply's tokens with their log-probabilities; empty where none were given."""
    tokens = logprobs.content if logprobs else None
    return tuple((t.token, round(t.logprob, 4)) for t in tokens or ())


class Form(NamedTuple):
    """How an endpoint is asked: the strongest form that it was found to know."""

    mode: Mode
    max_tokens: str = "max_tokens"
    without: frozenset[str] = frozenset()


def _secret(variable: str) -> str:
    """What an environment variable holds, less the line break that a file or a shell leaves behind it. What no header
    can carry is refused by the variable's name: further down, an error would show the secret itself."""
    held = os.environ.get(variable, "").strip()
    if not (held.isascii() and held.isprintable()):
        raise TeacherError("holds characters that no key has (a line break, or typographic quotes)", where=variable,
                           next_step=f"Set the environment variable {variable} to the bare key")
    return held


class OpenAIEndpoint:
    """A base URL and a model behind it. Make and use it on one event loop."""

    def __init__(self, url: str, options: TeacherOptions) -> None:
        # A server of our own asks for no key, and the user's is not for it.
        key = "" if options.local else _secret(options.key_env)
        headers = {header: _secret(variable) for header, variable in options.header_env.items()}
        self._options = options
        self._secrets = tuple(filter(None, [key, *headers.values(), urlsplit(url).password or ""]))
        self.name = scrub(url, self._secrets)
        self.form = Form("json_schema" if options.structured == "auto" else options.structured)
        self._proved = False  # a reply in this mode has come
        self._url, self._key, self._headers = url, key, headers
        self._sdk: openai.AsyncOpenAI | None = None
        self._carrier = carrier(url, {
            "accept": "application/json", "content-type": "application/json", "user-agent": "seedbed",
            "authorization": f"Bearer {key or 'none'}", **{name.lower(): value for name, value in headers.items()},
        })

    async def aclose(self) -> None:
        await self._carrier.aclose()
        if self._sdk is not None:
            await self._sdk.close()

    async def send(self, request: Request) -> Reply:
        """One reply. Raises a Fault, or TeacherError when the endpoint cannot be used at all."""
        form = self.form
        for _ in range(8):  # more than there are options to give up
            try:
                reply = await self._post(self.body(request, form))
            except BadRequest as fault:
                if self._proved and request.schema and form.mode != "none" and self._about_schema(fault):
                    form = form._replace(mode=_WEAKER[form.mode])  # this request alone
                elif self.adapts(fault, form, request):
                    form = self.form
                else:
                    raise
            else:
                self._proved = self._proved or (bool(request.schema) and form.mode == self.form.mode)
                return reply
        raise BadRequest("refused in every form")

    def adapts(self, fault: BadRequest, form: Form, request: Request) -> bool:
        """Whether a request refused in that form is worth asking in the form that is used from now on."""
        if self.form == form:
            if request.schema and form.mode != "none" and not self._proved and self._about_schema(fault):
                self.form = form._replace(mode=_WEAKER[form.mode])
            else:
                self._give_up_option(fault.why)
        return self.form != form

    def _about_schema(self, fault: BadRequest) -> bool:
        return self._options.structured == "auto" and bool(_NO_SCHEMA.search(fault.why))

    def body(self, request: Request, form: Form) -> dict[str, Any]:
        """The request as the endpoint is asked it in that form."""
        mode: Mode = form.mode if request.schema else "none"
        messages = [{"role": m.role, "content": m.content, **m.extra} for m in request.messages]
        body: dict[str, Any] = {
            "model": self._options.model, "messages": messages,
            form.max_tokens: request.max_tokens, "temperature": request.temperature,
        }
        if request.top_p != 1.0:
            body["top_p"] = request.top_p
        if request.presence_penalty:
            body["presence_penalty"] = request.presence_penalty
        if request.logprobs:
            body["logprobs"] = True
        if mode == "json_schema" and request.schema:
            shape = {"name": "reply", "schema": request.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": shape}
        elif request.schema:
            # The schema is said in words where it cannot be enforced.
            last = messages[-1]["content"]
            wish = prompts.load("zh" if language(last) == "zh" else "en", "parse/schema")
            messages[-1]["content"] = f"{last}\n\n{wish.render(schema=msgspec.json.encode(request.schema).decode())}"
            if mode == "json_object":
                body["response_format"] = {"type": "json_object"}
        for option in form.without:
            body.pop(option, None)
        return {**body, **self._options.extra}

    def sdk(self) -> openai.AsyncOpenAI:
        """The `openai` client for what is asked rarely: files and batches."""
        if self._sdk is None:
            import openai

            local = urlsplit(self._url).hostname in LOCAL
            self._sdk = openai.AsyncOpenAI(base_url=self._url, api_key=self._key or "none", max_retries=0,
                                           default_headers=self._headers,
                                           http_client=openai.DefaultAsyncHttpxClient(trust_env=not local))
        return self._sdk

    async def _post(self, body: dict[str, Any]) -> Reply:
        try:
            answer = await self._carrier.ask("POST", "/chat/completions", msgspec.json.encode(body))
        except NoConnection as error:
            raise Unreachable(self._line(str(error))) from None
        except Dropped as error:
            raise Broken(self._line(str(error))) from None
        if answer.status != 200:
            raise await self._explain(answer)
        return self.read(answer.body)

    def read(self, body: bytes) -> Reply:
        """The reply in the body of a chat completion. Raises a Fault where there is none in it."""
        try:
            completion = _decode(body)
        except ValueError:
            raise Broken(f"the reply is no chat completion but {self._line(_text(body)[:80])!r}") from None
        if not completion.choices:
            raise self._in_band(completion.error)
        choice, usage = completion.choices[0], completion.usage or _Usage()
        text, finish = choice.message.content or "", choice.finish_reason or "stop"
        if not text and choice.message.refusal:
            text, finish = choice.message.refusal, "content_filter"
        if not text.strip() and finish == "stop":
            finish = "empty"
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return Reply(text=text, finish=finish, prompt_tokens=usage.prompt_tokens or 0,
                     completion_tokens=usage.completion_tokens or 0, tokens=_tokens(choice.logprobs))

    def _in_band(self, error: Any) -> Fault:
        """Some gateways answer 200 and put the upstream's error into the body."""
        details = error if isinstance(error, dict) else {"message": error or "no choices"}
        why = self._line(str(details.get("message")))
        return Refused(why) if str(details.get("code")) == "429" else Broken(why)

    async def _explain(self, answer: Answer) -> Exception:
        """The fault behind an HTTP status, or the TeacherError."""
        if answer.status == 404:
            return await self._no_model()
        fault = self.explain(answer.status, answer.body, answer.headers)
        return await self._no_model() if isinstance(fault, BadRequest) and _NO_MODEL.search(fault.why) else fault

    def explain(self, status: int, body: bytes, headers: Mapping[str, str]) -> Fault | TeacherError:
        """What an HTTP status other than 200 means."""
        message, code = _complaint(body)
        why = self._line(message or _text(body) or "no reason given")
        if status == 429 and code != "insufficient_quota":
            return Refused(why, _retry_after(headers))
        if status in (401, 403):
            step = f"Put a valid key into the environment variable {self._options.key_env}"
            step += "" if self._key else ", which is not set"
            return TeacherError(f"the teacher refuses the key ({status})", where=self.name, next_step=step)
        if status in (402, 429):
            return TeacherError(f"the account has nothing left ({status}: {why})", where=self.name,
                                next_step="Top it up and run the same command again")
        if 300 <= status < 400:  # not followed: the key is meant for this host alone
            return TeacherError(f"the teacher has moved ({status})", where=self.name,
                                next_step=f"If you trust it, set `url` to {headers.get('location', 'its new place')}")
        if status in (408, 409, 425) or status >= 500:
            return Broken(f"{status}: {why}", _retry_after(headers))
        return BadRequest(f"{status}: {why}", certain=bool(_ABOUT_THIS.search(why)))

    async def _no_model(self) -> TeacherError:
        """Tells an unknown model from a wrong address by asking what there is."""
        model = self._options.model
        try:
            answer = await self._carrier.ask("GET", "/models")
            known = [entry.id for entry in msgspec.json.decode(answer.body, type=_Models).data]
        except (NoConnection, Dropped, ValueError):  # whatever else answers there is no list of models
            known = []
        if not known:
            return TeacherError("nothing answers there (404)", where=self.name,
                                next_step=f"Check the URL, which usually ends in /v1, and the model's name {model}")
        near = difflib.get_close_matches(model, known, n=1)
        step = (f"Did you mean {near[0]}? " if near else "") + f"It has: {', '.join(sorted(known)[:20])}"
        return TeacherError(f"unknown model {model}", where=self.name, next_step=step)

    def _give_up_option(self, why: str) -> None:
        """An option that the endpoint complains of, and that it can do without, is not sent again."""
        if "max_completion_tokens" in why and self.form.max_tokens == "max_tokens":
            self.form = self.form._replace(max_tokens="max_completion_tokens")
        elif _NO_OPTION.search(why):
            given_up = frozenset(option for option in _OPTIONAL if option in why)
            self.form = self.form._replace(without=self.form.without | given_up)

    def _line(self, text: str) -> str:
        return scrub(" ".join(text.split()), self._secrets)[:300]


def _text(body: bytes) -> str:
    return body[:2000].decode("utf-8", "replace")


def _complaint(body: bytes) -> tuple[str, str]:
    """Message and code of an error's body, which is `{"error": {…}}`, `{"error": "…"}` or `{"message": …}`."""
    try:
        said = msgspec.json.decode(body)
    except ValueError:
        return "", ""
    if isinstance(said, dict):
        said = said.get("error", said)
    if isinstance(said, dict):
        return str(said.get("message") or ""), str(said.get("code") or "")
    return (said, "") if isinstance(said, str) else ("", "")


def _decode(body: bytes) -> _Completion:
    """The body as a completion; half a character, as a reply cut inside an emoji can end in, becomes U+FFFD."""
    try:
        return _DECODER.decode(body)
    except ValueError:
        text = json.dumps(json.loads(body.decode("utf-8", "replace")), ensure_ascii=False)
        return _DECODER.decode(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from any of the three forms in use."""
    from email.utils import parsedate_to_datetime

    try:
        if value := headers.get("retry-after-ms"):
            return max(0.0, float(value) / 1000)
        value = headers.get("retry-after") or ""
        if not value:
            return None
        if value.replace(".", "", 1).strip().isdigit():
            return float(value)
        from datetime import UTC, datetime

        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
