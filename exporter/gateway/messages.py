"""Requests and answers as they pass: nothing is added to them and nothing taken away but what belongs to one connection."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.http import HttpVersion11

from exporter.gateway.headers import end_to_end

# A body up to this size is taken in before LeadSquared is called, and handed on in one piece.
SMALL = 64 * 1024

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# The library writes its own Host and Transfer-Encoding; an Expect is answered here.
_OURS = ("host", "expect")
BROKEN = (ConnectionError, web.RequestPayloadError, aiohttp.ClientPayloadError, aiohttp.http.HttpProcessingError)


class Passed(web.StreamResponse):
    """An answer of somebody else. aiohttp would add a Server and a Content-Type of its own."""

    async def _prepare_headers(self) -> None:
        missing = [name for name in ("Server", "Content-Type") if name not in self.headers]
        await super()._prepare_headers()
        for name in missing:
            self.headers.popall(name, None)


class PassedWhole(Passed, web.Response):
    """One whose body is there already."""


class Upload:
    """The body of a request on its way up. `broken` tells that the application went away, or broke HTTP, in the middle."""

    def __init__(self, request: web.BaseRequest) -> None:
        self.broken = False
        self._request = request
        length = request.content_length
        self._small = length is not None and length <= SMALL

    async def data(self) -> Any:
        """What to give to the client: bytes, an iterator, or None. Raises one of BROKEN."""
        if not self._request.body_exists:
            return None
        if not self._small:
            return self._parts()
        await self._invite()
        try:
            return await self._request.read()
        except BROKEN:
            self.broken = True
            raise

    async def _parts(self) -> AsyncIterator[bytes]:
        try:
            await self._invite()
            async for part in self._request.content.iter_any():
                yield part
        except BROKEN:
            self.broken = True
            raise

    async def _invite(self) -> None:
        """The body of a careful application comes when it is asked for."""
        request = self._request
        if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= HttpVersion11:
            await request.writer.write(_CONTINUE)
            request.writer.output_size = 0


def request_headers(request: web.BaseRequest) -> Any:
    chunked = "Transfer-Encoding" in request.headers
    return end_to_end(request.raw_headers, but=(*_OURS, "content-length") if chunked else _OURS)


def whole(answer: aiohttp.ClientResponse, body: bytes) -> PassedWhole:
    headers = end_to_end(answer.raw_headers, but=("content-length",))
    return PassedWhole(status=answer.status, reason=answer.reason, headers=headers, body=body)


def streamed(answer: aiohttp.ClientResponse) -> Passed:
    return Passed(status=answer.status, reason=answer.reason, headers=end_to_end(answer.raw_headers))


def json_answer(
    content: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """An answer of the gateway itself."""
    body = json.dumps(content, separators=(",", ":"))
    return web.Response(text=body, status=status, headers=headers, content_type="application/json")


def problem(status: int, error: str, *details: str) -> web.Response:
    return json_answer({"error": error, "details": details}, status=status)
