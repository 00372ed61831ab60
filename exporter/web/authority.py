"""Who may write: hand RequestIDs in, and stop watching them."""

from urllib.parse import urlsplit

from aiohttp import web

from exporter.config.settings import PushSource
from exporter.errors import SourceUnreadable
from exporter.sources import push
from exporter.web.answers import Refusal, unavailable
from exporter.web.backend import Backend


def writer(request: web.Request, backend: Backend) -> PushSource:
    """The push source that the request writes as. Raises Refusal (401, 503)."""
    sources = backend.push_sources()
    refuse_other_sites(request, loopback_only=not push.needs_token(sources))
    authorization = request.headers.get("Authorization")
    try:
        source = push.authorised(sources, authorization=authorization, remote=request.remote, health=backend.health)
    except SourceUnreadable as closed:
        raise unavailable(str(closed)) from closed
    if source is not None:
        return source
    if push.needs_token(sources):
        error = "writing needs the header Authorization: Bearer TOKEN with the token of the push source"
    else:
        error = "writing is allowed from the loopback interface only; give the push source a token_file to allow it from elsewhere"
    raise _unauthorised(error)


def refuse_other_sites(request: web.Request, *, loopback_only: bool) -> None:
    """Keep out pages of other sites that a browser on this machine shows; programs send no Origin.

    The origin is compared with the host that was asked. Where being on this machine is all that is needed, the host has
    to be a name of this machine too: a foreign name can be made to resolve to 127.0.0.1 (DNS rebinding), and then both
    agree. Raises Refusal (401).
    """
    origin = request.headers.get("Origin")
    if origin is None and request.headers.get("Sec-Fetch-Site") in (None, "same-origin", "none"):
        return
    if origin is None or _netloc(origin) != request.host.lower():
        raise _unauthorised("pages of other sites may not write here")
    if loopback_only and not push.is_loopback(_hostname(request.host)):
        raise _unauthorised("without a token, pages may write only under localhost or a loopback address")


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def _hostname(netloc: str) -> str | None:
    try:
        return urlsplit(f"//{netloc}").hostname
    except ValueError:
        return None


def _unauthorised(error: str) -> Refusal:
    return Refusal(401, error, headers={"WWW-Authenticate": 'Bearer realm="leadsquared-exporter"'})
