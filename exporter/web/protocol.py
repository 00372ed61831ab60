"""HTTP as aiohttp speaks it, but for what can't be parsed: that gets the error that everything else gets.

aiohttp answers it before any application is asked, with a text that quotes the request.
"""

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod

from exporter.web.answers import HEADERS, Refusal, error_answer

METHODS = "DELETE, GET, HEAD, POST, PUT"


class Runner(web.AppRunner):
    """Runs an application; `options` are those of web.AppRunner."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made, **self._kwargs)


class _Server(web.Server):
    def __init__(self, made: web.Server, **options: Any) -> None:
        super().__init__(made.request_handler, request_factory=made.request_factory, **options)
        self._options = options

    def __call__(self) -> web.RequestHandler:
        return _Handler(self, loop=asyncio.get_running_loop(), **self._options)


class _Handler(web.RequestHandler):
    __slots__ = ()

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
        answer.headers.update(HEADERS)
        answer.force_close()
        return answer


def _refusal(status: int, error: BaseException | None) -> Refusal:
    if isinstance(error, BadHttpMethod):
        return Refusal(405, "no such method", [f"allowed: {METHODS}"], headers={"Allow": METHODS})
    return Refusal(status, "internal error" if status >= web.HTTPInternalServerError.status_code else "not HTTP")
