"""One connection to a server, and the call that is on it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from math import inf
from typing import cast

import httptools

from exporter.http.fields import LONGEST_HEAD, MOST_FIELDS, Field, tokens, too_long, values
from exporter.http.head import is_answer, visible
from exporter.http.outflow import Outflow
from exporter.http.stream import Stream
from exporter.http.trouble import (
    HttpTrouble,
    MalformedError,
    NoConnectionError,
    PatienceError,
    ServerDisconnectedError,
    UploadBrokenError,
)

RECEIVE_BYTES = 64 * 1024
# Event loops that count in milliseconds may ring that much early.
_EARLY = 0.001
_BLANK = ord(" ")
_REQUEST_TIMEOUT = 408
# Heads before that of the answer itself.
_MOST_INTERIM = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds: to connect, between two parts of an answer or of a request, and for a whole call."""

    connect: float
    silence: float = inf
    total: float = inf


class Answer:
    """`status` is 0 until the head is there, which `headed` tells; `body` is what comes behind it. `interim` are the heads that
    came before: status, reason and fields."""

    __slots__ = ("_connection", "body", "fields", "headed", "interim", "reason", "status")

    def __init__(self, connection: "Connection", headed: "asyncio.Future[None]") -> None:
        self.headed = headed
        self.status = 0
        self.reason = b""
        self.fields: list[Field] = []
        self.interim: list[tuple[int, bytes, list[Field]]] = []
        self.body = Stream(connection)
        self._connection = connection

    def values(self, name: bytes) -> list[bytes]:
        return values(self.fields, name)

    def close(self) -> None:
        """What was not read to its end ends the connection, and so does a request that was answered before its own end."""
        self._connection.abandon(self)


class Connection(asyncio.BufferedProtocol):
    """Takes one call after the other. `freed` hears when it can take the next, `lost` when it is gone.

    Its timer is left running from call to call, and looks when it rings how long nothing has come: setting it anew for each call
    would cost more than reading the answer.
    """

    def __init__(
        self,
        buffer: bytearray,
        *,
        freed: Callable[["Connection"], None],
        lost: Callable[["Connection"], None],
    ) -> None:
        self.transport: asyncio.Transport
        self.began = self.freed_at = 0.0
        self.gone = False
        self._loop = asyncio.get_running_loop()
        self._buffer = memoryview(buffer)
        self._freed = freed
        self._lost = lost
        self._parser = _parser(self)
        self._answer: Answer | None = None
        self._upload: asyncio.Task[None] | None = None
        self._outflow = Outflow()
        self._fields: list[Field] = []
        self._reason = b""
        self._without_body = self._tunnels = False
        self._complete = self._kept = self._progress = self._paused = False
        self._barren = self._count = 0
        self._silence = self._until = inf
        self._quiet_since = self._rings_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # The call.

    async def ask(self, message: bytes, *, without_body: bool, silence: float, until: float = inf) -> Answer:
        """Send a whole request; the answer, once its head is there. Raises HttpTrouble."""
        answer = self._begin(without_body, silence, until)
        self.transport.write(message)
        # As `_headed`, without another coroutine: this is the way of every poll.
        try:
            await answer.headed
        except BaseException:
            self._give_up(answer)
            raise
        return answer

    async def send(
        self, head: bytes, parts: AsyncIterator[bytes], *, chunked: bool, without_body: bool, silence: float
    ) -> Answer:
        """The same with a body that is still on its way here."""
        answer = self._begin(without_body, silence, inf)
        self._upload = self._loop.create_task(self._send(answer, head, parts, chunked, silence))
        return await self._headed(answer)

    async def tunnel(self, message: bytes) -> int:
        """Ask a proxy for a way through it; its status. Raises HttpTrouble."""
        self._tunnels = True
        answer = await self.ask(message, without_body=True, silence=inf)
        self._tunnels = False
        return answer.status

    def abandon(self, answer: Answer) -> None:
        if self._answer is answer:
            self._answer = None
            self.close()

    def close(self) -> None:
        """What is not read any more on the other side must not keep the connection open until it is."""
        if self._upload is not None:
            self._upload.cancel()
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def usable(self, freed_after: float, born_after: float) -> bool:
        return self.freed_at > freed_after and self.began > born_after and not self.transport.is_closing()

    def _begin(self, without_body: bool, silence: float, until: float) -> Answer:
        if self.transport.is_closing():
            raise NoConnectionError("it was closed before anything was sent")
        loop = self._loop
        answer = self._answer = Answer(self, loop.create_future())
        self._without_body = without_body
        self._silence, self._until = silence, until
        self._quiet_since = now = loop.time()
        due = now + silence
        if until < due:
            due = until
        if self._timer is None or due < self._rings_at:
            self._ring(due)
        return answer

    async def _headed(self, answer: Answer) -> Answer:
        try:
            await answer.headed
        except BaseException:
            self._give_up(answer)
            raise
        return answer

    def _give_up(self, answer: Answer) -> None:
        self.abandon(answer)
        if answer.headed.done() and not answer.headed.cancelled():
            # Who was cancelled in the same moment does not hear of it, and must not be told of as a defect.
            answer.headed.exception()

    async def _send(
        self, answer: Answer, head: bytes, parts: AsyncIterator[bytes], chunked: bool, silence: float
    ) -> None:
        """What goes wrong here is told to who waits for the answer, or for more of it."""
        try:
            self.transport.write(head)
            async for part in parts:
                if part:
                    self.transport.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
                    await self._drained(silence)
            if chunked:
                self.transport.write(b"0\r\n\r\n")
            await self._drained(silence)
        except TimeoutError:
            self._fail(answer, PatienceError("the request is not read"))
        except Exception as error:  # noqa: BLE001  (it is the answer's: this task is awaited by nobody)
            trouble = UploadBrokenError("the request broke off")
            trouble.__cause__ = error
            self._fail(answer, trouble)
        else:
            self._upload = None
            self._quiet_since = self._loop.time()

    async def _drained(self, silence: float) -> None:
        async with asyncio.timeout(None if silence == inf else silence):
            await self._outflow.drained()

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.began = self._loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        if self._timer is not None:
            self._timer.cancel()
        trouble = ServerDisconnectedError("the connection ended")
        trouble.__cause__ = exc
        self._outflow.fail(trouble)
        answer = self._answer
        if answer is not None:
            if not answer.status:
                self._fail(answer, trouble)
            elif exc is None and _ends_with_connection(answer):
                self._answer = None
                answer.body.end()
            else:
                self._fail(answer, MalformedError("the answer breaks off"))
        self._lost(self)

    def pause_writing(self) -> None:
        self._outflow.pause()

    def resume_writing(self) -> None:
        self._outflow.resume()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        answer = self._answer
        if answer is None:
            # What comes while nothing was asked would be taken for the next answer.
            self.transport.abort()
            return
        self._quiet_since = self._loop.time()
        self._count, self._progress = nbytes, False
        sound = True
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            sound = False
        if self._complete:
            self._over(answer, sound=sound)
        elif not sound:
            self._fail(answer, MalformedError("the answer breaks HTTP"))
        elif self._progress:
            self._barren = 0
        else:
            self._barren += nbytes
            if self._barren > LONGEST_HEAD:
                self._fail(answer, MalformedError("an answer with more around its body than the bound"))

    # What the parser tells. An error here ends the parsing.

    def on_message_begin(self) -> None:
        if self._complete:
            raise MalformedError("more than was asked for")

    def on_status(self, status: bytes) -> None:
        self._reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        if b"\0" in value:
            raise MalformedError("a value with NUL in it")
        # RFC 9112, 5.1: a blank before the colon is not handed on. Passed on, it would hide the field from some.
        self._fields.append((name.rstrip() if name[-1] == _BLANK else name, visible(value)))

    def on_headers_complete(self) -> None:
        answer, fields, status = self._answer, self._fields, self._parser.get_status_code()
        fits = is_answer(self._parser.get_http_version(), status, fields)
        if answer is None or not fits or len(fields) > MOST_FIELDS or self._is_too_long(fields):
            raise MalformedError("an answer that can't be one")
        if status < 200:
            # 100 is about this connection only.
            if len(answer.interim) >= _MOST_INTERIM:
                raise MalformedError("more before the answer than the bound")
            if status > 100:
                answer.interim.append((status, visible(self._reason), fields))
            self._fields, self._reason = [], b""
            return
        self._progress = True
        answer.status, answer.reason, answer.fields = status, visible(self._reason), fields
        self._fields, self._reason = [], b""
        if not answer.headed.done():
            answer.headed.set_result(None)
        if self._without_body:
            self._end(answer)

    def on_body(self, body: bytes) -> None:
        if self._complete or self._answer is None:
            raise MalformedError("more than was asked for")
        self._progress = True
        self._answer.body.feed(body)

    def on_message_complete(self) -> None:
        answer = self._answer
        if answer is not None and answer.status and not self._complete:
            self._end(answer)

    def _is_too_long(self, fields: list[Field]) -> bool:
        """Only what came in more bytes than the bound can be beyond it."""
        return self._barren + self._count > LONGEST_HEAD and (len(self._reason) > LONGEST_HEAD or too_long(fields))

    def _end(self, answer: Answer) -> None:
        self._complete = True
        # A 408 is told to a connection on which nothing was asked for long: it may have crossed the request, whose answer would
        # be taken for the next one's.
        self._kept = self._parser.should_keep_alive() and answer.status != _REQUEST_TIMEOUT
        answer.body.end()

    def _over(self, answer: Answer, *, sound: bool) -> None:
        """The answer is whole; the connection goes on where it can."""
        self._answer = None
        self._complete = False
        self._barren = 0
        self._fields = []
        if self._paused:
            self.resume()
        if self._without_body:
            # The parser still expects what the head promised.
            self._parser = _parser(self)
        if self._tunnels and sound and 200 <= answer.status < 300:
            return
        if self._kept and sound and self._upload is None and not self._tunnels:
            self._freed(self)
        else:
            self.close()

    def _fail(self, answer: Answer, trouble: HttpTrouble) -> None:
        if self._answer is not answer:
            return
        if not answer.headed.done():
            answer.headed.set_exception(trouble)
        else:
            answer.body.fail(trouble)
        self._answer = None
        if self._upload is not None:
            self._upload.cancel()
        self.transport.abort()

    # How much comes, and how fast.

    def pause(self) -> None:
        if not self._paused and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._quiet_since = self._loop.time()
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def _ring(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = due
        self._timer = None if due == inf else self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._timer = None
        answer, now = self._answer, self._loop.time()
        if answer is None:
            return
        # A request that is still on its way is answered later, and what is not fetched here can't be late.
        quiet_since = now if self._upload is not None or self._paused else self._quiet_since
        due = min(quiet_since + self._silence, self._until)
        if due <= now + _EARLY:
            self._fail(answer, PatienceError("no answer in time"))
        else:
            self._ring(due)


def _parser(connection: Connection) -> httptools.HttpResponseParser:
    """As lenient as browsers are: line ends without CR, blanks behind a name or the size of a chunk, and folded values."""
    parser = httptools.HttpResponseParser(connection)
    parser.set_dangerous_leniencies(
        lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
    )
    return parser


def _ends_with_connection(answer: Answer) -> bool:
    codings = tokens(answer.values(b"transfer-encoding"))
    return not answer.values(b"content-length") and codings[-1:] != [b"chunked"]
