"""Listens on a socket, and hands over the requests that come in."""

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast

import httptools

from exporter.http import head
from exporter.http.connection import RECEIVE_BYTES
from exporter.http.fields import LONGEST_HEAD, MOST_FIELDS, Field, too_long
from exporter.http.outflow import Outflow
from exporter.http.reception import KEEP_ALIVE_SECONDS, UNREAD_SECONDS, Reception
from exporter.http.request import Reply, Request
from exporter.http.room import Room, Seat
from exporter.http.trouble import BrokenOffError, MalformedError

# How long what is left of a request is read although it is answered: closing at once could take the answer with it.
LINGER_SECONDS = 10.0

# Answers a request; None: the answer is written already, or broke off.
Handle = Callable[[Request], Awaitable[Reply | None]]
# The answer to what is no HTTP, or none that is spoken here, by a status below 500 or 501, and to a defect, by status 500.
Refuse = Callable[[int], Reply]


class Server:
    """Needs a running event loop."""

    def __init__(self, handle: Handle, refuse: Refuse, *, room: Room | None = None, name: str = "") -> None:
        self.handle = handle
        self.refuse = refuse
        self.retired = False
        self.connections: set[ServerConnection] = set()
        self._buffer = bytearray(RECEIVE_BYTES)
        self._name = name
        self._room = room or Room()
        self._reception: Reception | None = None

    def listen(self, bound: socket.socket) -> None:
        self._reception = Reception(self._connection, self._room, name=self._name)
        self._reception.listen(bound)

    def retire(self) -> None:
        """Nobody comes in any more. Each client that is in is served once more and told to come no more."""
        self.retired = True
        if self._reception is not None:
            self._reception.close()

    async def deaf(self) -> None:
        """Once the address of a retired server is free for another one."""
        if self._reception is not None:
            await self._reception.closed()

    async def close(self, grace: float) -> None:
        """Retire; `grace` seconds for what is being answered, and as long again for it to end when it is told to."""
        self.retire()
        await self.deaf()
        for connection in list(self.connections):
            connection.rest()
        await self._ended(grace)
        for connection in list(self.connections):
            connection.cancel()
        await self._ended(grace)
        for connection in list(self.connections):
            connection.abort()
        if self._reception is not None:
            self._reception.end()
        # An abort takes effect in the next turns of the event loop.
        for _ in range(3):
            await asyncio.sleep(0)

    async def _ended(self, seconds: float) -> None:
        tasks = [connection.task for connection in self.connections if connection.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    def _connection(self, seat: Seat) -> "ServerConnection":
        return ServerConnection(self, self._buffer, seat)


class ServerConnection(asyncio.BufferedProtocol):
    """Requests are answered one after the other, in the order of their coming."""

    def __init__(self, server: Server, buffer: bytearray, seat: Seat) -> None:
        self.task: asyncio.Task[None] | None = None
        self._server = server
        self._seat = seat
        self._loop = asyncio.get_running_loop()
        self._buffer = memoryview(buffer)
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._outflow = Outflow()
        self._url = b""
        self._fields: list[Field] = []
        # The request whose body still comes, and those that wait for the one before them.
        self._arriving: Request | None = None
        self._waiting: deque[Request] = deque()
        self._lingers: Request | None = None
        self._refused = self._deaf = self._ends = self._heard_all = False
        self._status = 400
        self._goes_on = self._skips = self._progress = False
        self._barren = self._count = 0
        self._full = self._paused = self._heard = False

    # What a request needs.

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    async def drained(self) -> None:
        if self._transport.is_closing():
            raise ConnectionResetError
        await self._outflow.drained()

    def break_off(self) -> None:
        """What was written still goes out, unless it is not read."""
        self._transport.close()
        self._loop.call_later(LINGER_SECONDS, self._transport.abort)

    def pause(self) -> None:
        self._full = True
        self._flow()

    def resume(self) -> None:
        self._full = False
        self._flow()

    # What the server tells.

    def rest(self) -> None:
        """End where nothing is being answered."""
        if self.task is None:
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._seat.end = self._transport.abort
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._seat.leave()
        self._waiting.clear()
        self._outflow.fail(ConnectionResetError())
        self._break(BrokenOffError("the client went away"))

    def eof_received(self) -> bool:
        """Who sends no more may still read."""
        self._ends = self._heard_all = True
        self._break(BrokenOffError("the client sends no more"))
        return self.task is not None

    def pause_writing(self) -> None:
        self._outflow.pause()
        self._seat.work(until=self._loop.time() + UNREAD_SECONDS)

    def resume_writing(self) -> None:
        self._outflow.resume()
        self._occupy()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if not self._heard:
            self._heard = True
            self._occupy()
        if not self._deaf:
            self._feed(self._buffer[:nbytes])

    def _feed(self, data: memoryview) -> None:
        self._count, self._progress = len(data), False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._follow(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse()
        else:
            self._barren = 0 if self._progress else self._barren + self._count
            if self._barren > LONGEST_HEAD:
                self._status = self._too_long(self._url)
                self._refuse()

    def _refuse(self) -> None:
        """What can't be parsed is the end; what came before it is answered first."""
        if self._deaf:
            return
        self._deaf = True
        if self._arriving is not None:
            self._break(BrokenOffError("the request breaks HTTP"))
            return
        self._refused = True
        if self.task is None:
            self._next()

    def _follow(self, rest: memoryview) -> None:
        """The parser stops where another protocol was asked for. It is not spoken here: the body comes as it was announced, and
        behind it there is nothing."""
        request = self._arriving
        if self._goes_on or request is None:
            self._deaf = True
            return
        self._goes_on = self._skips = True
        self._parser = httptools.HttpRequestParser(self)
        framing = b"Transfer-Encoding: chunked" if request.chunked else b"Content-Length: %d" % (request.length or 0)
        self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % framing)
        self._skips = False
        if self._arriving is not None:
            self._feed(rest)

    # What the parser tells. An error here ends the parsing.

    def on_message_begin(self) -> None:
        if self._goes_on and not self._skips:
            raise MalformedError("what comes behind a wish for another protocol")

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        self._progress = True
        fields, url = self._fields, self._url
        self._fields, self._url = [], b""
        if self._skips:
            return
        parser = self._parser
        version = parser.get_http_version()
        self._check(version, url, fields)
        request = Request(
            self,
            parser.get_method().decode("ascii"),
            url.decode("latin-1"),
            fields,
            is_1_1=version == "1.1",
            persists=parser.should_keep_alive() and not parser.should_upgrade() and not self._server.retired,
        )
        self._arriving = request
        if self.task is None and self._lingers is None:
            self._start(request)
        else:
            self._waiting.append(request)
            self._flow()

    def on_body(self, body: bytes) -> None:
        self._progress = True
        if self._arriving is not None:
            self._arriving.body.feed(body)

    def on_message_complete(self) -> None:
        self._fields = []
        request = self._arriving
        if request is None or self._skips or (self._parser.should_upgrade() and request.has_body):
            return
        self._arriving = None
        request.body.end()
        if self._lingers is request:
            self._next()

    def _check(self, version: str, url: bytes, fields: list[Field]) -> None:
        """Raises MalformedError, and `_status` is what is answered then."""
        if self._barren + self._count > LONGEST_HEAD and (len(url) > LONGEST_HEAD or too_long(fields)):
            self._status = self._too_long(url)
        elif len(fields) <= MOST_FIELDS:
            fault = head.fault(self._parser.get_method(), version, fields)
            if fault is None:
                return
            self._status = fault
        raise MalformedError("a request that can't be one")

    @staticmethod
    def _too_long(url: bytes) -> int:
        return 414 if len(url) > LONGEST_HEAD else 400

    def _break(self, error: BrokenOffError) -> None:
        if self._arriving is not None:
            self._arriving.body.fail(error)
            self._arriving = None

    # The answers.

    def _start(self, request: Request) -> None:
        self.task = self._loop.create_task(self._serve(request))
        self._seat.work()

    async def _serve(self, request: Request) -> None:
        try:
            reply = await self._server.handle(request)
        except Exception:  # noqa: BLE001  (the edge: whatever it is, the client gets an answer)
            reply = None if request.begun else self._server.refuse(500)
        except asyncio.CancelledError:
            self._transport.abort()
            raise
        if reply is None or self._transport.is_closing():
            self.task = None
            self.break_off()
            return
        self._transport.write(reply.message)
        with suppress(ConnectionError):
            # Who sends requests and reads no answers gets no further ones.
            await self._outflow.drained()
        self.task = None
        self._answered(request, reply)

    def _answered(self, request: Request, reply: Reply) -> None:
        if not reply.keeps:
            self._waiting.clear()
            self._ends = True
        if self._arriving is request and not self._transport.is_closing():
            self._linger(request)
        else:
            self._next()

    def _linger(self, request: Request) -> None:
        """The rest of a request that is answered already."""
        self._lingers = request
        if self._ends and self._transport.can_write_eof():
            self._transport.write_eof()
        request.body.discard()
        self._loop.call_later(LINGER_SECONDS, self._give_up, request)

    def _leave(self) -> None:
        """Nothing more is said, and what still comes is read and forgotten: closed on something unread, a connection is reset, and
        a reset can take the answer with it."""
        self._deaf = True
        if self._heard_all or not self._transport.can_write_eof():
            self._transport.close()
        else:
            self._transport.write_eof()
            self._loop.call_later(LINGER_SECONDS, self._transport.abort)

    def _give_up(self, request: Request) -> None:
        if self._lingers is request:
            self._transport.abort()

    def _next(self) -> None:
        """The next request, if it is there, or the end, if there will be none."""
        self._lingers = None
        if self._transport.is_closing():
            return
        if self._waiting:
            self._start(self._waiting.popleft())
        elif self._ends:
            self._leave()
        elif self._refused:
            self._transport.write(self._server.refuse(self._status).message)
            self._leave()
        else:
            self._occupy()
        self._flow()

    def _flow(self) -> None:
        """No more is read than is being answered."""
        full = self._full or bool(self._waiting)
        if full != self._paused and not self._transport.is_closing():
            self._paused = full
            if full:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _occupy(self) -> None:
        """What nothing whole comes over for too long is closed."""
        if self.task is not None or self._lingers is not None:
            self._seat.work()
        else:
            self._seat.rest(until=self._loop.time() + KEEP_ALIVE_SECONDS)
