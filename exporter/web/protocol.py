"""What can't be parsed gets the error that everything else gets.

aiohttp answers it before anything of ours is asked, with a text that quotes the request.
"""

import asyncio
import logging

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod

from exporter.web.answers import HEADERS, Refusal, error_answer

METHODS = "DELETE, GET, HEAD, POST, PUT"


class Handler(web.RequestHandler):
    """One connection to the `server` of a runner."""

    __slots__ = ()

    def __init__(self, server: web.Server, logger: logging.Logger) -> None:
        # Compressed bodies are refused, so they are not to be unpacked either. aiohttp's access log holds query strings.
        loop = asyncio.get_running_loop()
        super().__init__(server, loop=loop, access_log=None, logger=logger, auto_decompress=False)  # type: ignore[arg-type]

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
