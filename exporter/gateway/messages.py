"""Requests and answers as they pass: nothing is added to them and nothing taken away but what belongs to one connection."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion11

from exporter.gateway.headers import HOP_BY_HOP, end_to_end
from exporter.gateway.upstream import Answer, Body

# A body up to this size is taken in before LeadSquared is called, and handed on in one piece.
SMALL = 64 * 1024

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
# LeadSquared gets a Host of its own; an Expect is answered here.
_OURS = HOP_BY_HOP | {b"host", b"expect"}
# The others tell that they have no body by their name (RFC 9110, 8.6).
_MAY_HAVE_BODY = frozenset(("POST", "PUT", "PATCH", "DELETE"))
BROKEN = (ConnectionError, web.RequestPayloadError, aiohttp.ClientPayloadError, aiohttp.http.HttpProcessingError)


class Passed(web.StreamResponse):
    """An answer of somebody else to `request`, written as it came: aiohttp would add to its headers, and take what is not UTF-8
    out of them. `whole` is its body where that is there already."""

    def __init__(self, request: web.BaseRequest, answer: Answer, whole: bytes | None = None) -> None:
        super().__init__(status=answer.status, reason=answer.reason)
        framing = _framing(request, answer, whole)
        self._kept = request.keep_alive and framing is not None
        self._chunked_here = framing is _CHUNKED
        self._first = _head(request, answer, framing or b"", kept=self._kept) + (whole or b"")
        self._writer = request.writer

    @property
    def keep_alive(self) -> bool:
        return self._kept

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        first, self._first = self._first, b""
        if first:
            await self._writer.write(first)
            if self._chunked_here:
                self._writer.enable_chunking()
        return self._writer

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        await self._writer.write(data)

    async def write_eof(self, data: bytes = b"") -> None:
        await self._writer.write_eof(data)


def _framing(request: web.BaseRequest, answer: Answer, whole: bytes | None) -> bytes | None:
    """What tells the end of the body, where no header of the answer does; None: only the end of the connection."""
    if "Content-Length" in answer.headers or request.method == "HEAD" or _is_empty(answer.status):
        return b""
    if whole is not None:
        return b"Content-Length: %d\r\n" % len(whole)
    return _CHUNKED if request.version >= HttpVersion11 else None


def _head(request: web.BaseRequest, answer: Answer, framing: bytes, *, kept: bool) -> bytes:
    version = request.version
    first = f"HTTP/{version.major}.{version.minor} {answer.status} {answer.reason}\r\n"
    return b"%b%b%b%b%b\r\n" % (
        first.encode("utf-8", "surrogateescape"),
        end_to_end(answer.raw_headers),
        framing,
        b"" if "Date" in answer.headers else _date(int(time.time())),
        _connection(kept, unless_said=version >= HttpVersion11),
    )


def _is_empty(status: int) -> bool:
    return status < 200 or status in (204, 304)


def _connection(kept: bool, *, unless_said: bool) -> bytes:
    if kept == unless_said:
        return b""
    return b"Connection: keep-alive\r\n" if kept else b"Connection: close\r\n"


@lru_cache(maxsize=1)
def _date(now: int) -> bytes:
    """Whoever passes on an answer without a Date adds it (RFC 9110, 6.6.1)."""
    return f"Date: {formatdate(now, usegmt=True)}\r\n".encode()


class Upload:
    """The body of a request on its way up. `broken` tells that the application went away, or broke HTTP, in the middle; or that
    no byte came for `timeout` seconds, which is `silent` too. The headers `kept`, by their names in lower case, end here."""

    def __init__(self, request: web.BaseRequest, *, timeout: float, kept: frozenset[bytes] = frozenset()) -> None:
        self.broken = False
        self.silent = False
        self.chunked = "Transfer-Encoding" in request.headers
        self._request = request
        self._timeout = timeout
        self._kept = kept

    def headers(self) -> bytes:
        request = self._request
        passed = end_to_end(request.raw_headers, but=_OURS | self._kept if self._kept else _OURS)
        if self.chunked:
            return passed + _CHUNKED
        if "Content-Length" not in request.headers and request.method in _MAY_HAVE_BODY:
            return passed + b"Content-Length: 0\r\n"
        return passed

    async def body(self, *, ahead: bool) -> Body:
        """Whole where it is there, or small; else in parts, the first SMALL bytes of which are waited for if it is read `ahead`.
        Raises one of BROKEN."""
        request = self._request
        if not request.body_exists:
            return b""
        if request.content.is_eof():
            return self._rest()
        length = request.content_length
        parts = self._parts()
        return await _gathered(parts) if ahead or (length is not None and length <= SMALL) else parts

    def _rest(self) -> bytes:
        try:
            return self._request.content.read_nowait()
        except BROKEN:
            self.broken = True
            raise

    async def _parts(self) -> AsyncGenerator[bytes, None]:
        try:
            await self._invite()
            while part := await self._next():
                yield part
        except BROKEN:
            self.broken = True
            raise

    async def _next(self) -> bytes:
        """What has come, once something has; nothing at the end."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._request.content.readany()
        except TimeoutError as error:
            self.silent = True
            raise web.RequestPayloadError("nothing more comes") from error

    async def _invite(self) -> None:
        """The body of a careful application comes when it is asked for."""
        request = self._request
        if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= HttpVersion11:
            await request.writer.write(_CONTINUE)
            request.writer.output_size = 0


async def _gathered(parts: AsyncGenerator[bytes, None]) -> Body:
    first: list[bytes] = []
    size = 0
    async for part in parts:
        first.append(part)
        size += len(part)
        if size > SMALL:
            return _joined(b"".join(first), parts)
    return b"".join(first)


async def _joined(first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in parts:
        yield part


def json_answer(
    content: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """An answer of the gateway itself."""
    body = json.dumps(content, separators=(",", ":"))
    return web.Response(text=body, status=status, headers=headers, content_type="application/json")


def problem(status: int, error: str, *details: str) -> web.Response:
    return json_answer({"error": error, "details": details}, status=status)
