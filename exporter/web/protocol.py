"""What can't be parsed gets the error that everything else gets."""

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod

from exporter.server import Server
from exporter.web.answers import HEADERS, Refusal, error_answer

METHODS = "DELETE, GET, HEAD, POST, PUT"


class Runner(web.AppRunner):
    """Runs an application; `options` are those of web.AppRunner."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return Server(made.request_handler, request_factory=made.request_factory, refuse=_refused, **self._kwargs)


def _refused(status: int, error: BaseException | None) -> web.StreamResponse:
    answer = error_answer(_refusal(status, error))
    answer.headers.update(HEADERS)
    return answer


def _refusal(status: int, error: BaseException | None) -> Refusal:
    if isinstance(error, BadHttpMethod):
        return Refusal(405, "no such method", [f"allowed: {METHODS}"], headers={"Allow": METHODS})
    return Refusal(status, "internal error" if status >= web.HTTPInternalServerError.status_code else "not HTTP")
