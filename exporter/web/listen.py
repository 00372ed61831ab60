"""Listens on addresses, tells where, and stops within a bound."""

import asyncio
import errno
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress

from aiohttp import web

from exporter.errors import StartupError
from exporter.web.security import Security

BACKLOG = 1024
STOP_SECONDS = 3.0
_HIGHEST_PORT = 65535


class Listeners:
    """The application on one or more addresses: `:10040` is all interfaces, `[::1]:10040` and `localhost:0` are possible too.

    With `security` that has TLS, all of them speak TLS.
    """

    def __init__(
        self, application: web.Application, addresses: Sequence[str], *, security: Security | None = None
    ) -> None:
        self.urls: list[str] = []
        self._addresses = addresses
        self._security = security
        # Compressed bodies are refused, so they are not to be unpacked either. aiohttp's access log holds query strings.
        # Its errors about broken requests quote them; what matters is logged by the application itself.
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=_silent(),
            auto_decompress=False,
            # aiohttp waits so long twice: for answers under way, and again after it cancelled them.
            shutdown_timeout=STOP_SECONDS / 3,
        )

    async def start(self) -> list[str]:
        """Bind everything, then serve. Returns the URLs, with the ports that were found for port 0. Raises StartupError."""
        bound = await self._bind()
        context = self._security.tls() if self._security else None
        await self._runner.setup()
        for one in bound:
            await web.SockSite(self._runner, one, ssl_context=context, backlog=BACKLOG).start()
        scheme = "https" if context else "http"
        self.urls = [_url(scheme, one) for one in bound]
        return self.urls

    async def stop(self) -> None:
        """No new connections, and a few seconds for what is being answered."""
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._runner.cleanup()

    async def _bind(self) -> list[socket.socket]:
        bound: list[socket.socket] = []
        try:
            for address in self._addresses:
                bound.append(await _bound(address))  # noqa: PERF401  (those bound so far are closed when one fails)
        except StartupError:
            for one in bound:
                one.close()
            raise
        return bound


async def _bound(address: str) -> socket.socket:
    host, port = _parsed(address)
    try:
        family, where = await _resolved(host, port)
        dual_stack = family == socket.AF_INET6 and not host
        return socket.create_server(where, family=family, backlog=BACKLOG, dualstack_ipv6=dual_stack)
    except OSError as error:
        raise StartupError(f"--web.listen-address: {address}: {_reason(error)}") from error


def _parsed(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    fits = colon and port.isascii() and port.isdigit() and int(port) <= _HIGHEST_PORT and (bracketed or ":" not in host)
    if not fits:
        raise StartupError(
            f"--web.listen-address: {address}: must be HOST:PORT such as :10040, 127.0.0.1:10040 or [::1]:10040"
        )
    return (host[1:-1] if bracketed else host), int(port)


async def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """The first address of a name, IPv4 before IPv6; without a host all interfaces of both where the machine has both."""
    if not host:
        return (socket.AF_INET6 if _has_both() else socket.AF_INET), ("", port)
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, where = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, (str(where[0]), int(where[1]))


def _has_both() -> bool:
    """A machine may know IPv6 and still have it turned off."""
    if not socket.has_dualstack_ipv6():
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is taken; stop what listens there, or choose another one"
    if error.errno == errno.EACCES:
        return "this user may not open the port; choose one above 1023"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine does not have the address"
    return error.strerror or "can't listen there"


def _url(scheme: str, bound: socket.socket) -> str:
    """With all interfaces the one of this machine, so that the URL can be opened."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}.get(host, host)  # noqa: S104
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _silent() -> logging.Logger:
    logger = logging.getLogger("exporter.web.server")
    logger.setLevel(logging.CRITICAL + 1)
    return logger
