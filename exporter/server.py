"""An HTTP server as aiohttp has it, but for what can't be parsed: that gets the errors that everything else gets.

aiohttp answers it before anything of ours is asked, with a text that quotes the request.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.http import RawRequestMessage

# Makes the answer from the HTTP status and the error.
Refuse = Callable[[int, BaseException | None], web.StreamResponse]


class Server(web.Server):
    """`options` are those of web.Server."""

    def __init__(self, handler: Any, *, refuse: Refuse, request_factory: Any = None, **options: Any) -> None:
        super().__init__(handler, request_factory=request_factory, **options)
        self._make: Callable[..., web.BaseRequest] = self.request_factory
        self.request_factory = self._request
        self._refuse = refuse
        self._options = options
        self._retired = False

    def retire(self) -> None:
        """Each connection ends with its next answer."""
        self._retired = True

    def __call__(self) -> web.RequestHandler:
        return _Handler(self, self._refuse, loop=asyncio.get_running_loop(), **self._options)

    def _request(self, message: RawRequestMessage, *context: Any) -> web.BaseRequest:
        # The parser forgets what came in one piece with the end of a request that asks for another protocol; where the
        # connection ends with the answer, the client knows what had none.
        if self._retired or message.upgrade:
            message = message._replace(should_close=True)
        return self._make(message, *context)


class _Handler(web.RequestHandler):
    __slots__ = ("_refuse",)

    def __init__(self, server: Server, refuse: Refuse, **options: Any) -> None:
        super().__init__(server, **options)
        self._refuse = refuse

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Raises ConnectionError where part of an answer is on its way already."""
        super().handle_error(request, status, exc, message)
        answer = self._refuse(status, exc)
        answer.force_close()
        return answer
