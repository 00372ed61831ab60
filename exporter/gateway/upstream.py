"""Calls LeadSquared for the application: once, whatever comes of it.

This stands one step below aiohttp's session, which would spend more on a call than all else that is done to it here: on
redirects, cookies, passwords, retries and headers of its own, none of which a gateway may have. Connections, TLS, parsing and
flow control are aiohttp's.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.helpers import _EXC_SENTINEL
from aiohttp.http import RawResponseMessage, StreamWriter
from yarl import URL

from exporter.errors import CallTimeout, ConnectionFailed, InvalidResponse
from exporter.leadsquared.network import open_connector

_LONGEST_HEADER = 64 * 1024
# What aiohttp raises where a connection, or what came over it, is at fault.
FAILURES = (aiohttp.ClientError, aiohttp.http.HttpProcessingError, TimeoutError, OSError)

# The body of a request: whole, or in parts as they come.
Body = bytes | AsyncIterator[bytes]


class Answer:
    """An answer whose headers are there. Once its content is there too, the connection is free for another call."""

    __slots__ = ("_connection", "_upload", "content", "headers", "raw_headers", "reason", "status")

    def __init__(
        self,
        message: RawResponseMessage,
        content: aiohttp.StreamReader,
        connection: Connection,
        upload: asyncio.Task[None] | None,
    ) -> None:
        self.status = message.code
        self.reason = message.reason
        self.headers = message.headers
        self.raw_headers = message.raw_headers
        self.content = content
        self._connection = connection
        self._upload = upload
        content.on_eof(self._release)

    @property
    def length(self) -> int | None:
        """As the headers tell it."""
        given = self.headers.get("Content-Length")
        return None if given is None else int(given)

    def close(self) -> None:
        """What was not read to its end closes the connection, and so does a request that was answered before its own end."""
        if self._upload is not None:
            self._upload.cancel()
        self._connection.close()

    def _release(self) -> None:
        if self._upload is None or self._upload.done():
            self._connection.release()
        else:
            self.close()


class Upstream:
    """`timeout` seconds may pass without a byte. Needs a running event loop."""

    def __init__(self, *, timeout: float) -> None:
        self._connector = open_connector()
        self._connector._factory = partial(Line, loop=asyncio.get_running_loop())  # type: ignore[assignment]
        self._place: _Place | None = None
        self.change(timeout=timeout)

    def change(self, *, timeout: float) -> None:
        """For the calls that begin from now on."""
        self._timeout = aiohttp.ClientTimeout(total=None, connect=timeout, sock_read=timeout)

    async def call(
        self, base_url: str, method: str, target: str, *, headers: bytes, body: Body, chunked: bool
    ) -> Answer:
        """The answer, once its headers are there. Raises CallTimeout, ConnectionFailed or InvalidResponse."""
        if self._place is None or self._place.base_url != base_url:
            self._place = _Place(base_url)
        head = self._place.head(method, target, headers)
        try:
            connection = await self._connector.connect(self._place.request, [], self._timeout)
            try:
                return await self._ask(connection, method, head, body, chunked=chunked)
            except BaseException:
                connection.close()
                raise
        except FAILURES as error:
            raise translated(error) from error

    async def close(self) -> None:
        await self._connector.close()

    async def _ask(self, connection: Connection, method: str, head: bytes, body: Body, *, chunked: bool) -> Answer:
        protocol = cast(Line, connection.protocol)
        if protocol.read_timeout != self._timeout.sock_read:
            protocol.cancel_timer()
        protocol.set_response_params(
            skip_payload=method == "HEAD",
            read_until_eof=True,
            auto_decompress=False,
            read_timeout=self._timeout.sock_read,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )
        if isinstance(body, bytes):
            _write(protocol, head + (_one_chunk(body) if chunked else body))
            protocol.start_timeout()
            return Answer(*await _answer(protocol), connection, None)
        protocol.uploading = True
        upload = asyncio.create_task(_send(protocol, head, body, chunked=chunked, timeout=self._timeout.sock_read))
        try:
            return Answer(*await _answer(protocol), connection, upload)
        except BaseException:
            upload.cancel()
            raise


class Line(ResponseHandler):
    """A connection to LeadSquared.

    Its timer is left running from call to call, and when it is due looks how long nothing has come: to set it anew for each
    call, and again for its answer, costs a tenth of what it costs to pass a call on.
    """

    # Within a request that is still on its way nobody waits longer than for its next part: LeadSquared may be silent meanwhile.
    uploading = False
    _quiet_since: float | None = None

    def is_connected(self) -> bool:
        """Whether a call may use it. What came while nobody had asked would be taken for the answer."""
        return super().is_connected() and not self.should_close

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self.cancel_timer()

    def set_exception(self, exc: BaseException, exc_cause: BaseException = _EXC_SENTINEL) -> None:
        """An answer that has begun hears of it too: aiohttp tells whoever waits for the headers, and ends the timer."""
        super().set_exception(exc, exc_cause)
        content = self._payload
        if content is not None and not content.is_eof() and content.exception() is None:
            content.set_exception(exc, exc_cause)

    def close(self) -> None:
        """What LeadSquared does not read any more must not keep the connection open until it does."""
        if self.transport is not None and self.transport.get_write_buffer_size():
            self.abort()
        else:
            super().close()

    def cancel_timer(self) -> None:
        """Where the next call may wait for another time, the timer would look too late."""
        if self._read_timeout_handle is not None:
            self._read_timeout_handle.cancel()
            self._read_timeout_handle = None

    def _reschedule_timeout(self) -> None:
        self._quiet_since = self._loop.time()
        if self._read_timeout_handle is None:
            self._look_later(self._quiet_since)

    def _drop_timeout(self) -> None:
        self._quiet_since = None

    def _look_later(self, quiet_since: float) -> None:
        if self._read_timeout is not None:
            self._read_timeout_handle = self._loop.call_at(quiet_since + self._read_timeout, self._look, quiet_since)

    def _look(self, quiet_since: float) -> None:
        self._read_timeout_handle = None
        if self.uploading:
            self._look_later(self._loop.time())
        elif self._quiet_since == quiet_since:
            self._on_read_timeout()
        elif self._quiet_since is not None:
            self._look_later(self._quiet_since)


class _Place:
    """Where LeadSquared is."""

    def __init__(self, base_url: str) -> None:
        url = URL(base_url, encoded=True)
        self.base_url = base_url
        # What the connector knows a place by; it is never sent.
        self.request = aiohttp.ClientRequest("GET", url, loop=asyncio.get_running_loop())
        self._host = self.request.headers["Host"]

    def head(self, method: str, target: str, headers: bytes) -> bytes:
        first = f"{method} {target} HTTP/1.1\r\nHost: {self._host}\r\n"
        return b"%b%b\r\n" % (first.encode("utf-8", "surrogateescape"), headers)


def _write(protocol: ResponseHandler, message: bytes) -> None:
    """A new connection may be gone already when its call comes to it."""
    if protocol.transport is None or protocol.transport.is_closing():
        raise aiohttp.ClientConnectionResetError
    protocol.transport.write(message)


async def _answer(protocol: ResponseHandler) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    """The final one: those before it are about this connection only. Raises InvalidResponse."""
    while True:
        message, content = await protocol.read()
        if message.code == 101 or not 100 <= message.code < 200:
            break
        protocol.start_timeout()
    # Nobody asked for another one, and passed on as it is the body could be read by nobody.
    if message.headers.get("Transfer-Encoding", "chunked").lower() not in ("chunked", "identity"):
        raise InvalidResponse("LeadSquared's answer has a transfer coding that nobody asked for")
    return message, content


def _one_chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"


async def _send(
    protocol: Line, head: bytes, parts: AsyncIterator[bytes], *, chunked: bool, timeout: float | None
) -> None:
    """What goes wrong here is told to whoever waits for the answer, or for more of it."""
    writer = StreamWriter(protocol, asyncio.get_running_loop())
    try:
        await writer.write(head)
        if chunked:
            writer.enable_chunking()
        async for part in parts:
            async with asyncio.timeout(timeout):
                await writer.write(part)
        async with asyncio.timeout(timeout):
            await writer.write_eof()
    except TimeoutError as error:
        protocol.set_exception(aiohttp.SocketTimeoutError("the request is not read"), error)
    except Exception as error:  # noqa: BLE001  (it is the answer's: this task is awaited by nobody)
        protocol.set_exception(aiohttp.ClientConnectionError("the request broke off"), error)
    else:
        protocol.uploading = False
        protocol.start_timeout()


def translated(error: Exception) -> CallTimeout | ConnectionFailed | InvalidResponse:
    """What went wrong on the way to LeadSquared, before or within the answer."""
    if isinstance(error, TimeoutError):
        return CallTimeout("LeadSquared does not answer in time")
    if isinstance(error, aiohttp.ClientConnectorError):
        return ConnectionFailed(f"no connection to LeadSquared: {error.os_error}", sent=False)
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.http.HttpProcessingError):
        return InvalidResponse("LeadSquared's answer breaks HTTP or breaks off")
    return ConnectionFailed(f"the connection to LeadSquared broke: {type(error).__name__}")
