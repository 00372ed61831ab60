"""Requests and answers as they pass: nothing is added to them and nothing taken away but what belongs to one connection."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any

from exporter.gateway.headers import HOP_BY_HOP, end_to_end
from exporter.gateway.upstream import Body
from exporter.http.connection import Answer
from exporter.http.request import Reply, Request, connection, date, whole
from exporter.http.trouble import BrokenOffError

# A body up to this size is taken in before LeadSquared is called, and handed on in one piece.
SMALL = 64 * 1024

_CHUNKED = b"Transfer-Encoding: chunked\r\n"
_LAST_CHUNK = b"0\r\n\r\n"
_JSON = (b"Content-Type", b"application/json; charset=utf-8")
# LeadSquared gets a Host of its own; an Expect is answered here.
_OURS = HOP_BY_HOP | {b"host", b"expect"}
_COUNTING = ("OPTIONS", "TRACE")
_MOST_DIGITS = 9
_UNFRAMED = HOP_BY_HOP | {b"content-length"}
_COUNTED = _OURS | {b"max-forwards"}
# The others tell that they have no body by their name (RFC 9110, 8.6).
_MAY_HAVE_BODY = frozenset(("POST", "PUT", "PATCH", "DELETE"))


def passed(request: Request, answer: Answer, body: bytes) -> Reply:
    """An answer of LeadSquared whose body is here already."""
    framing = b"" if _is_framed(request, answer) else b"Content-Length: %d\r\n" % len(body)
    keeps = request.keeps
    return Reply(_head(request, answer, framing, keeps=keeps) + body, keeps)


class Passing:
    """An answer of LeadSquared whose body is handed on in parts."""

    def __init__(self, request: Request, answer: Answer) -> None:
        self._request = request
        framed = _is_framed(request, answer)
        self._chunked = not framed and request.is_1_1
        # Without either, only the end of the connection tells that of the body.
        self._keeps = request.keeps and (framed or self._chunked)
        self._first = _head(request, answer, _CHUNKED if self._chunked else b"", keeps=self._keeps)

    async def write(self, part: bytes) -> None:
        """Raises ConnectionError where the application is gone."""
        first, self._first = self._first, b""
        framed = b"%x\r\n%b\r\n" % (len(part), part) if self._chunked and part else part
        await self._request.write(first + framed)

    def end(self) -> Reply:
        return Reply(self._first + (_LAST_CHUNK if self._chunked else b""), self._keeps)


def _is_framed(request: Request, answer: Answer) -> bool:
    """Whether a header of the answer tells the end of its body, or there is none."""
    return bool(answer.values(b"content-length")) or request.method == "HEAD" or answer.status in (204, 304)


def _head(request: Request, answer: Answer, framing: bytes, *, keeps: bool) -> bytes:
    """A Date is added where there is none (RFC 9110, 6.6.1), and 204 has no length (8.6)."""
    but = _UNFRAMED if answer.status == HTTPStatus.NO_CONTENT else HOP_BY_HOP
    return b"%bHTTP/1.%d %d %b\r\n%b%b%b%b\r\n" % (
        _interim(answer) if request.is_1_1 else b"",
        request.is_1_1,
        answer.status,
        answer.reason,
        end_to_end(answer.fields, but=but),
        framing,
        b"" if answer.values(b"date") else date(int(time.time())),
        connection(keeps=keeps, is_1_1=request.is_1_1),
    )


def _interim(answer: Answer) -> bytes:
    """What came before the answer, such as hints (RFC 9110, 15.2)."""
    heads = (b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, why, end_to_end(fields)) for status, why, fields in answer.interim)
    return b"".join(heads)


class Upload:
    """The body of a request on its way up. `broken` tells that the application went away, or broke HTTP, in the middle; or that
    no byte came for `timeout` seconds, which is `silent` too. The headers `kept`, by their names in lower case, end here."""

    def __init__(self, request: Request, *, timeout: float, kept: frozenset[bytes] = frozenset()) -> None:
        self.broken = False
        self.silent = False
        self.chunked = request.chunked
        self._request = request
        self._timeout = timeout
        self._kept = kept

    def headers(self) -> bytes:
        request = self._request
        left = hops_left(request)
        ours = _OURS if left is None else _COUNTED
        lines = end_to_end(request.fields, but=ours | self._kept if self._kept else ours)
        if left is not None:
            lines += b"Max-Forwards: %d\r\n" % (left - 1)
        if self.chunked:
            return lines + _CHUNKED
        if request.length is None and request.method in _MAY_HAVE_BODY:
            return lines + b"Content-Length: 0\r\n"
        return lines

    async def body(self, *, ahead: bool) -> Body:
        """Whole where it is there, or small; else in parts, the first SMALL bytes of which are waited for if it is read `ahead`.
        Raises BrokenOffError."""
        request = self._request
        if not request.has_body:
            return b""
        if request.body.ended:
            return request.body.take()
        parts = self._parts()
        is_small = request.length is not None and request.length <= SMALL
        return await _gathered(parts) if ahead or is_small else parts

    async def _parts(self) -> AsyncGenerator[bytes, None]:
        try:
            self._request.invite()
            while part := await self._next():
                yield part
        except BrokenOffError:
            self.broken = True
            raise

    async def _next(self) -> bytes:
        """What has come, once something has; nothing at the end."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._request.body.next()
        except TimeoutError as error:
            self.silent = True
            raise BrokenOffError("nothing more comes") from error


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


def hops_left(request: Request) -> int | None:
    """By how many the call may still be handed on (RFC 9110, 7.6.2); None where it does not say."""
    told = request.values(b"max-forwards") if request.method in _COUNTING else []
    return int(told[0][:_MOST_DIGITS]) if len(told) == 1 and told[0].isdigit() else None


def json_answer(request: Request, content: Mapping[str, Any], *, age: int) -> Reply:
    """An answer of the gateway itself, `age` seconds old."""
    return request.reply(200, (_JSON, (b"Age", b"%d" % age)), _json(content))


def problem(request: Request, status: int, error: str, *, keeps: bool | None = None) -> Reply:
    return request.reply(status, (_JSON,), _problem(error), keeps=keeps)


def refusal(status: int, error: str) -> Reply:
    """What is answered where there is no request that could be read; the connection ends with it."""
    return whole(status, (_JSON,), _problem(error), keeps=False)


def _problem(error: str) -> bytes:
    return _json({"error": error, "details": []})


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
