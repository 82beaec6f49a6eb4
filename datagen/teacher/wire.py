"""HTTP/1.1 to one base URL, as much of it as a chat completion needs: one request, one whole answer, kept connections.

The usual stack (openai over httpx2 over httpcore2) takes 2.3 s of CPU for 1,000 calls, so that 64 calls of 200 ms at
once keep a core busy to 75 %, and replies wait for it. This takes 0.6 s, all that the teacher does included (measured,
benchmarks/teacher.md). h11 does the protocol here too; what is left out is not used: redirects, cookies, streaming.
Behind a proxy, or with a user's name in the URL, httpx2 is used, by `Usual`.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import h11
import msgspec

_CONNECTING = 10.0  # seconds; the call itself is timed by the teacher
_AT_ONCE = 1 << 16  # bytes read in one go
LOCAL = ("localhost", "127.0.0.1", "::1")


class NoConnection(Exception):
    """Nobody listens there, or not with a certificate that holds."""


class Dropped(Exception):
    """The line went dead in the middle, or what came is no HTTP."""


class Answer(msgspec.Struct, frozen=True):
    """A whole answer; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Carrier(Protocol):
    """Takes a body to `path` below the base URL. Raises NoConnection or Dropped."""

    async def ask(self, method: str, path: str, body: bytes = b"") -> Answer: ...

    async def aclose(self) -> None: ...


def carrier(url: str, headers: Mapping[str, str]) -> Carrier:
    """The way to `url`. Make and use it on one event loop."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    # No proxy on the way to this machine.
    proxied = host not in LOCAL and not proxy_bypass(host) and bool({parts.scheme, "all"} & getproxies().keys())
    plain = parts.scheme in ("http", "https") and host and parts.username is None
    return Wire(url, headers) if plain and not proxied else Usual(url, headers)


class _Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.http = h11.Connection(h11.CLIENT)

    @property
    def fresh(self) -> bool:
        """Whether it can take another request: the other side may have hung up while nobody used it."""
        return not (self.reader.at_eof() or self.writer.transport.is_closing())

    async def ask(self, request: h11.Request, body: bytes) -> Answer:
        http = self.http
        said = [http.send(request), http.send(h11.Data(data=body)) if body else b"", http.send(h11.EndOfMessage())]
        self.writer.write(b"".join(part for part in said if part))
        response: h11.Response | None = None
        parts: list[bytes] = []
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await self.reader.read(_AT_ONCE))
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                parts.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                assert response is not None
                headers = {name.decode(): value.decode("latin-1") for name, value in response.headers}
                return Answer(response.status_code, headers, _unpacked(b"".join(parts), headers))
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionResetError("the connection was closed without an answer")

    def again(self) -> bool:
        """Makes it ready for the next request; False when this was its last."""
        if self.http.our_state is not h11.DONE or self.http.their_state is not h11.DONE:
            return False
        self.http.start_next_cycle()
        return True


def _unpacked(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Some gateways pack what nobody asked them to pack."""
    return zlib.decompress(body, 47) if headers.get("content-encoding") in ("gzip", "deflate") else body


class Wire:
    """The direct way. As many connections as there are calls at once; the last one used is used next."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._host, self._tls = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 80)
        self._path, self._query = parts.path.rstrip("/"), f"?{parts.query}" if parts.query else ""
        self._headers = [("host", parts.netloc), *headers.items(), ("accept-encoding", "identity")]
        self._certificates: ssl.SSLContext | None = None
        self._idle: list[_Line] = []

    async def ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        target = f"{self._path}{path}{self._query}"
        size = [("content-length", str(len(body)))] if method == "POST" else []
        request = h11.Request(method=method, target=target, headers=self._headers + size)
        line = self._kept() or await self._connect()
        try:
            answer = await line.ask(request, body)
        except (OSError, h11.RemoteProtocolError, zlib.error) as error:
            line.writer.close()
            raise Dropped(f"{type(error).__name__}: {error}") from error
        except BaseException:  # given up by the caller: the rest of the answer must not meet the next request
            line.writer.close()
            raise
        if line.again():
            self._idle.append(line)
        else:
            line.writer.close()
        return answer

    async def aclose(self) -> None:
        for line in self._idle:
            line.writer.close()
        await asyncio.gather(*(line.writer.wait_closed() for line in self._idle), return_exceptions=True)
        self._idle.clear()

    def _kept(self) -> _Line | None:
        while self._idle:
            line = self._idle.pop()
            if line.fresh:
                return line
            line.writer.close()
        return None

    async def _connect(self) -> _Line:
        if self._tls and self._certificates is None:
            import httpx2

            self._certificates = httpx2.create_ssl_context()  # with those that the environment names
        try:
            async with asyncio.timeout(_CONNECTING):
                opened = asyncio.open_connection(self._host, self._port, ssl=self._certificates, limit=1 << 20)
                return _Line(*await opened)
        except OSError as error:  # also a TimeoutError, a name nobody knows and a bad certificate
            why = str(error) or f"no connection within {_CONNECTING:g} s"
            raise NoConnection(f"{type(error).__name__}: {why}") from error


class Usual:
    """The way through httpx2, which knows proxies."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        import httpx2

        self._url = httpx2.URL(url)
        self._client = httpx2.AsyncClient(headers=dict(headers), timeout=httpx2.Timeout(None, connect=_CONNECTING))

    async def ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        import httpx2

        url = self._url.copy_with(path=self._url.path.rstrip("/") + path)
        try:
            answer = await self._client.request(method, url, content=body or None)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            raise NoConnection(f"{type(error).__name__}: {error}".rstrip(": ")) from error
        except httpx2.HTTPError as error:
            raise Dropped(f"{type(error).__name__}: {error}".rstrip(": ")) from error
        return Answer(answer.status_code, answer.headers, answer.content)

    async def aclose(self) -> None:
        await self._client.aclose()
