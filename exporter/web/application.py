"""The aiohttp application: every path, and one place where errors become answers."""

import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler, Middleware

from exporter.errors import StartupError, StoreError
from exporter.http.head import is_hosted
from exporter.log import get_logger
from exporter.prefix import Prefix
from exporter.web.answers import HEADERS, SERVER, Refusal, error_answer, unavailable
from exporter.web.api import LARGEST_BODY, Api
from exporter.web.backend import Backend
from exporter.web.names import Names
from exporter.web.operations import Operations
from exporter.web.pages import Pages
from exporter.web.security import Security

_RESERVED = ("/-/", "/api/", "/requests", "/accounts/", "/runbooks", "/style.css", "/icon.svg")
_NO_PAGES = ("/-/", "/api/")

log = get_logger(__name__)


def build(
    backend: Backend,
    *,
    telemetry_path: str,
    enable_lifecycle: bool,
    security: Security | None = None,
    prefix: Prefix | None = None,
    names: Names | None = None,
) -> web.Application:
    """The application, under `prefix`; `security` adds basic authentication and headers, `names` are those that pages which write
    may be asked under. Raises StartupError for an unfit telemetry path."""
    _check(telemetry_path)
    prefix = prefix or Prefix()
    names = names or Names()
    pages = Pages(
        backend,
        telemetry_path=telemetry_path,
        prefix=prefix,
        rejected=lambda: security.rejected if security else None,
    )
    operations = Operations(backend, telemetry_path=telemetry_path, enable_lifecycle=enable_lifecycle, names=names)
    middlewares = [_answer_errors(pages, prefix)]
    if security is not None:
        middlewares.append(_authenticate(security, backend, prefix))
    application = web.Application(middlewares=middlewares, client_max_size=LARGEST_BODY + 1)
    routes = [*operations.routes(), *Api(backend, names).routes(), *pages.routes()]
    application.add_routes(_under(prefix, routes))
    application.on_response_prepare.append(_add_headers(security))
    return application


def _under(prefix: Prefix, routes: Sequence[web.RouteDef]) -> list[web.RouteDef]:
    """Who asks for the root, or leaves out the last slash, is sent on."""
    if not prefix.route:
        return list(routes)
    moved = [web.route(one.method, prefix.route + one.path, one.handler, **one.kwargs) for one in routes]
    return [*moved, web.get("/", _sent_on(prefix.route)), web.get(prefix.route, _sent_on(prefix.link))]


def _sent_on(place: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def send(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"{place}/"})

    return send


def _check(telemetry_path: str) -> None:
    if not telemetry_path.startswith("/") or not telemetry_path.isprintable() or set("{}?# ") & set(telemetry_path):
        raise StartupError(f"--web.telemetry-path: must be a path such as /metrics, got {telemetry_path!r}")
    if telemetry_path.startswith(_RESERVED):
        raise StartupError(f"--web.telemetry-path: {telemetry_path} is used for something else")


def _answer_errors(pages: Pages, prefix: Prefix) -> Middleware:
    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _require_host(request)
            return await handler(request)
        except Refusal as error:
            refusal = error
        except web.HTTPException as error:
            refusal = _translated(error)
        except StoreError as error:
            log.warning("store can't be read for an answer", error=str(error))
            refusal = unavailable("the store can't be read now")
        except Exception as defect:  # noqa: BLE001  (the edge: told, and answered like any other error)
            log.error("defect while answering", path=request.path, error=type(defect).__name__, where=_where(defect))
            refusal = Refusal(500, "internal error")
        return pages.error(refusal) if _wants_page(request, prefix) else error_answer(refusal)

    return answer


def _require_host(request: web.Request) -> None:
    """RFC 9112, 3.2: one, and one that can be. Raises Refusal (400)."""
    hosts = [host.encode("utf-8", "surrogateescape") for host in request.headers.getall("Host", ())]
    if not is_hosted("1.0" if request.version < HttpVersion11 else "1.1", hosts):
        raise Refusal(400, "not HTTP")


def _authenticate(security: Security, backend: Backend, prefix: Prefix) -> Middleware:
    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        await security.authenticate(request, prefix.inside(request.path), backend.push_sources())
        return await handler(request)

    return authenticate


def _add_headers(
    security: Security | None,
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    async def add(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        # aiohttp's own tells its version, and Python's.
        response.headers["Server"] = SERVER
        if security is not None:
            response.headers.update(security.headers())
        if "Upgrade" in request.headers:
            # The parser forgets what came in one piece with the end of a request that asks for another protocol; where the
            # connection ends with the answer, the client knows what had none.
            response.headers["Connection"] = "close"
            response.force_close()

    return add


def _translated(error: web.HTTPException) -> Refusal:
    """aiohttp's own errors are text; its 405 keeps the header that says what is allowed."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return Refusal(
            405, f"method {error.method} is not allowed here", [f"allowed: {allowed}"], headers={"Allow": allowed}
        )
    if isinstance(error, web.HTTPNotFound):
        return Refusal(404, "no such path")
    return Refusal(error.status, error.reason.lower())


def _where(defect: Exception) -> str:
    """The place in the code, and not the message, which may quote what was sent."""
    frame = traceback.extract_tb(defect.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"


def _wants_page(request: web.Request, prefix: Prefix) -> bool:
    """A browser that looks at a page gets its errors as pages too."""
    is_page = request.method in ("GET", "HEAD") and not prefix.inside(request.path).startswith(_NO_PAGES)
    return is_page and "text/html" in request.headers.get("Accept", "")
