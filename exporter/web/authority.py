"""Who may write: hand RequestIDs in, and stop watching them."""

from aiohttp import web

from exporter.config.settings import PushSource
from exporter.errors import SourceUnreadable
from exporter.sources import push
from exporter.web.answers import Refusal, unavailable
from exporter.web.backend import Backend
from exporter.web.names import Names

# What proxies add: the call came from elsewhere, whatever is written in them.
_PASSED_ON = (
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Real-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
)


def writer(request: web.Request, backend: Backend, names: Names) -> PushSource:
    """The push source that the request writes as. Raises Refusal (401, 503)."""
    sources = backend.push_sources()
    needs_token = push.needs_token(sources)
    refuse_other_sites(request, names, loopback_only=not needs_token)
    if not needs_token:
        _refuse_elsewhere(request, names)
    authorization = request.headers.get("Authorization")
    try:
        source = push.authorised(sources, authorization=authorization, remote=request.remote, health=backend.health)
    except SourceUnreadable as closed:
        raise unavailable(str(closed)) from closed
    if source is not None:
        return source
    if needs_token:
        error = "writing needs the header Authorization: Bearer TOKEN with the token of the push source"
    else:
        error = "writing is allowed from the loopback interface only; give the push source a token_file to allow it from elsewhere"
    raise _unauthorised(error)


def refuse_other_sites(request: web.Request, names: Names, *, loopback_only: bool) -> None:
    """Keep out pages of other sites that a browser shows; programs send neither Origin nor Sec-Fetch-Site.

    A page has to be one of the exporter's own, and the name that was asked for a known one: a foreign name can be made to
    resolve to this machine (DNS rebinding), and then its pages are of the same origin. Raises Refusal (401).
    """
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is None and site is None:
        return
    host = request.headers.get("Host", "")
    if site not in (None, "same-origin", "none") and origin is None:
        raise _unauthorised("pages of other sites may not write here")
    if origin is not None and not names.is_origin(origin, host=host):
        raise _unauthorised("pages of other sites may not write here")
    if not (names.is_own(host) if loopback_only else names.is_known(host)):
        raise _unauthorised(_UNKNOWN_NAME)


def _refuse_elsewhere(request: web.Request, names: Names) -> None:
    """Being on this machine is all that is needed, so there must be no doubt about it. Raises Refusal (401)."""
    if any(name in request.headers for name in _PASSED_ON):
        raise _unauthorised("a call that came through a proxy needs a token; give the push source a token_file")
    if not names.is_own(request.headers.get("Host", "localhost")):
        raise _unauthorised(_UNKNOWN_NAME)


_UNKNOWN_NAME = (
    "writing needs a name that is known here: localhost, a loopback address, this machine's own name, "
    "or one that --web.external-url or --web.listen-address names"
)


def _unauthorised(error: str) -> Refusal:
    return Refusal(401, error, headers={"WWW-Authenticate": 'Bearer realm="leadsquared-exporter"'})
