"""A connection to the web: when it is idle, and what is answered to something that is no HTTP.

What can't be parsed gets the error that everything else gets.

aiohttp answers it before anything of ours is asked, with a text that quotes the request.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod
from aiohttp.typedefs import Handler as Answers

from exporter.http.reception import KEEP_ALIVE_SECONDS, UNREAD_SECONDS
from exporter.http.room import Seat
from exporter.web.answers import HEADERS, SERVER, Refusal, error_answer

METHODS = "DELETE, GET, HEAD, POST, PUT"


class Handler(web.RequestHandler):
    """One connection to the `server` of a runner, and its `seat`."""

    __slots__ = ("_answering", "_heard", "_now", "_seat", "_unread")

    def __init__(self, server: web.Server, logger: logging.Logger, seat: Seat) -> None:
        loop = asyncio.get_running_loop()
        self._seat = seat
        self._now = loop.time
        self._answering = 0
        self._heard = self._unread = False
        # Compressed bodies are refused, so they are not to be unpacked either. aiohttp's access log holds query strings.
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]
            logger=logger,
            auto_decompress=False,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
        )

    @contextmanager
    def answering(self) -> Iterator[None]:
        """For as long as a request is being answered, the connection makes room for nobody."""
        self._answering += 1
        self._occupy()
        try:
            yield
        finally:
            self._answering -= 1
            self._occupy()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._seat.end = cast(asyncio.Transport, transport).abort
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._seat.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._heard:
            self._heard = True
            self._occupy()
        super().data_received(data)

    def pause_writing(self) -> None:
        self._unread = True
        self._occupy()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._unread = False
        self._occupy()
        super().resume_writing()

    def _occupy(self) -> None:
        if self._unread:
            self._seat.work(until=self._now() + UNREAD_SECONDS)
        elif self._answering:
            self._seat.work()
        else:
            self._seat.rest(until=self._now() + KEEP_ALIVE_SECONDS)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Raises ConnectionError where part of an answer is on its way already."""
        super().handle_error(request, status, exc, message)
        answer = error_answer(_refusal(status, exc))
        answer.headers.update({**HEADERS, "Server": SERVER})
        answer.force_close()
        return answer


@web.middleware
async def occupy(request: web.Request, handler: Answers) -> web.StreamResponse:
    """The outermost of all: what is being answered is told to the connection."""
    protocol = request.protocol
    if not isinstance(protocol, Handler):
        return await handler(request)
    with protocol.answering():
        return await handler(request)


def _refusal(status: int, error: BaseException | None) -> Refusal:
    if isinstance(error, BadHttpMethod):
        return Refusal(405, "no such method", [f"allowed: {METHODS}"], headers={"Allow": METHODS})
    return Refusal(status, "internal error" if status >= web.HTTPInternalServerError.status_code else "not HTTP")
