"""The Batch API itself: upload, create, poll, download; each asked until it answers, or refuses for good."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from datagen.teacher.endpoint import BadRequest, OpenAIEndpoint
from datagen.teacher.options import Pace, TeacherOptions
from datagen.teacher.patience import AGAIN
from seedbed.errors import TeacherError

if TYPE_CHECKING:
    from openai.types import Batch

T = TypeVar("T")
_OVER = ("completed", "failed", "expired", "cancelled")


class Response(msgspec.Struct):
    status_code: int = 200
    body: msgspec.Raw = msgspec.Raw(b"{}")


class Row(msgspec.Struct):
    """A line of an output or error file."""

    custom_id: str = ""
    response: Response | None = None
    error: dict[str, Any] | None = None


class RefusedForGood(TeacherError):
    """The endpoint says no, and will again; nothing was begun. `error` is what the user is told."""

    def __init__(self, error: TeacherError) -> None:
        super().__init__(error.what, where=error.where, next_step=error.next_step)
        self.error = error


class BatchApi:
    """Batches at one endpoint. Every method raises RefusedForGood, or TeacherError after long silence."""

    def __init__(self, endpoint: OpenAIEndpoint, options: TeacherOptions, pace: Pace) -> None:
        self._endpoint, self._options, self._pace = endpoint, options, pace

    async def create(self, token: str, data: bytes) -> str:
        """Uploads the file and creates the batch; after a line that dropped, looks first whether it is there."""
        import openai

        sdk = self._endpoint.sdk()
        file = await self._patiently(lambda: sdk.files.create(file=(f"seedbed-{token}.jsonl", data), purpose="batch"))

        async def begin() -> str:
            try:
                batch = await sdk.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions",
                                                 completion_window="24h", metadata={"seedbed": token})
                return batch.id
            except (openai.APIConnectionError, openai.InternalServerError):
                if id_ := await self.find(token, 0.0):
                    return id_
                raise

        return await self._patiently(begin)

    async def find(self, token: str, since: float) -> str:
        """The id of the batch made under a token; empty where there is none."""
        sdk = self._endpoint.sdk()

        async def look() -> str:
            async for batch in sdk.batches.list(limit=100):
                if (batch.metadata or {}).get("seedbed") == token:
                    return batch.id
                if batch.created_at < since - 3600:  # the newest come first; clocks differ
                    break
            return ""

        return await self._patiently(look)

    async def finished(self, id_: str) -> Batch:
        """The batch when it has come to its end, good or bad."""
        sdk = self._endpoint.sdk()
        while (batch := await self._patiently(lambda: sdk.batches.retrieve(id_))).status not in _OVER:
            await asyncio.sleep(self._options.batch_poll)
        return batch

    async def rows(self, batch: Batch) -> dict[str, Row]:
        """What came of each request, by its custom id; none for those whose turn never came."""
        sdk, rows = self._endpoint.sdk(), dict[str, Row]()
        for file in filter(None, (batch.output_file_id, batch.error_file_id)):
            content = await self._patiently(partial(sdk.files.content, file))
            for line in content.content.splitlines():
                try:
                    row = msgspec.json.decode(line, type=Row)
                except ValueError:
                    continue  # it is asked for again, as one that is missing
                rows[row.custom_id] = row
        return rows

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Asks until the endpoint answers. Raises TeacherError when it refuses, or is silent for too long."""
        import openai

        waited, tries = 0.0, 0
        while True:
            try:
                return await ask()
            except openai.APIConnectionError as error:
                why = f"{type(error.__cause__ or error).__name__}: {error.__cause__ or error}"
            except openai.APIStatusError as error:
                told = self._endpoint.explain(error.status_code, error.response.content, error.response.headers)
                if isinstance(told, TeacherError):
                    raise RefusedForGood(told) from None
                if isinstance(told, BadRequest):
                    step = "If it has no Batch API, take `batch` out of the job"
                    raise RefusedForGood(TeacherError(f"the batch is refused ({told.why})", where=self._endpoint.name,
                                                next_step=step)) from None
                why = told.why
            tries += 1
            wait = self._pace.backoff(tries)
            if (waited := waited + wait) > self._options.patience:
                raise TeacherError(f"the teacher is out of reach: {tries} tries, the last one: {why}",
                                   where=self._endpoint.name, next_step=AGAIN)
            await asyncio.sleep(wait)


def failure(batch: Batch) -> str:
    """Why a batch did not pass validation, with the first line that is at fault."""
    for error in (batch.errors.data or []) if batch.errors else []:
        line = f" (line {error.line})" if error.line else ""
        return f"{error.code}: {error.message}{line}"
    return ""
