"""TLS, basic authentication and headers by the web configuration file, read again whenever it changes."""

import asyncio
import ssl
from base64 import b64decode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from exporter.config.settings import PushSource
from exporter.errors import ConfigurationError
from exporter.http.room import peer
from exporter.log import get_logger
from exporter.sources import push
from exporter.web.answers import Refusal
from exporter.web.backend import Rejected
from exporter.web.limit import Limit
from exporter.web.operations import HEALTHY, READY

if TYPE_CHECKING:
    from exporter.web.settings import WebSettings

_WRITES = ("POST", "DELETE")
_WRITE_PATH = "/api/v1/requests"

_State = tuple[tuple[int, ...] | None, ...]

log = get_logger(__name__)


class Security:
    """One web configuration file and the certificates that it names.

    A look at their state comes before every handshake and every answer; it costs a few microseconds. A file that can't be
    used any more is logged once, and what was read before stays. Turning TLS on or off takes a restart.
    """

    def __init__(self, path: Path) -> None:
        """Raises ConfigurationError."""
        self.rejected: Rejected | None = None
        self._path = path
        self._state: _State = ()
        from exporter.web.passwords import Passwords

        self._settings, self._context = self._read()
        self._passwords = Passwords(self._settings.users)
        self._limit = Limit(self._settings.rate)
        self._state = self._look()

    def tls(self) -> ssl.SSLContext | None:
        """A context that follows the file; None without tls_server_config."""
        if self._context is None:
            return None
        from exporter.web import tls

        return tls.following(self._current_context)

    def headers(self) -> Mapping[str, str]:
        self._refresh()
        return self._settings.headers

    async def authenticate(self, request: web.Request, path: str, sources: Sequence[PushSource]) -> None:
        """`path` is that of the request without the prefix. Raises Refusal (401, 429).

        The health checks need no password: a kubelet has none.

        A caller that writes with the token of a push source needs none either: both want the same header.
        """
        self._refresh()
        if path not in (HEALTHY, READY):
            self._limit.check(asyncio.get_running_loop().time())
        if not self._passwords.in_use or path in (HEALTHY, READY) or _has_token(request, path, sources):
            return
        user, password = _credentials(request.headers.get("Authorization", ""))
        if user is None or not await self._passwords.fit(user, password, peer=peer(request.remote or "")):
            raise Refusal(
                401, "user and password are needed", headers={"WWW-Authenticate": 'Basic realm="leadsquared-exporter"'}
            )

    def _current_context(self) -> ssl.SSLContext:
        self._refresh()
        if self._context is None:
            raise ssl.SSLError("no certificate")
        return self._context

    def _refresh(self) -> None:
        state = self._look()
        if state == self._state:
            return
        self._state = state
        try:
            settings, context = self._read()
        except ConfigurationError as error:
            log.error("web configuration can't be used; the old one stays", file=str(self._path), error=str(error))
            self._reject(error.problems)
            return
        if (context is None) is not (self._context is None):
            log.error("turning TLS on or off takes a restart; the old web configuration stays", file=str(self._path))
            self._reject(["turning TLS on or off takes a restart"])
            return
        if settings.rate != self._settings.rate:
            self._limit = Limit(settings.rate)
        self._settings, self._context = settings, context
        self._passwords.change(settings.users)
        self.rejected = None
        # Other certificates may be named now.
        self._state = self._look()
        log.info("web configuration reloaded", file=str(self._path))

    def _reject(self, problems: Sequence[str]) -> None:
        self.rejected = Rejected(what="web configuration", problems=problems)

    def _read(self) -> "tuple[WebSettings, ssl.SSLContext | None]":
        """Raises ConfigurationError. What only a web configuration needs is imported here."""
        from exporter.web import settings, tls

        read = settings.read(self._path)
        return read, tls.build(read.tls) if read.tls else None

    def _look(self) -> _State:
        tls = self._settings.tls
        return tuple(_state(path) for path in (self._path, *(tls.files if tls else ())))


def _state(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)


def _has_token(request: web.Request, path: str, sources: Sequence[PushSource]) -> bool:
    """Whether the handler itself is going to refuse or accept the caller by its token."""
    writes = request.method in _WRITES and path.startswith(_WRITE_PATH)
    bearer = request.headers.get("Authorization", "").lower().startswith("bearer ")
    return writes and bearer and push.needs_token(sources)


def _credentials(authorization: str) -> tuple[str | None, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None, ""
    try:
        user, colon, password = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None, ""
    return (user, password) if colon else (None, "")
