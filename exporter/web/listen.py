"""Listens on addresses, tells where, and stops within a bound."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress

from aiohttp import web

from exporter import address
from exporter.errors import StartupError
from exporter.web.protocol import Runner
from exporter.web.security import Security

STOP_SECONDS = 3.0
OPTION = "--web.listen-address"


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
        self._runner = Runner(
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
            await web.SockSite(self._runner, one, ssl_context=context, backlog=address.BACKLOG).start()
        scheme = "https" if context else "http"
        self.urls = [address.url(scheme, one) for one in bound]
        return self.urls

    async def stop(self) -> None:
        """No new connections, and a few seconds for what is being answered."""
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._runner.cleanup()

    async def _bind(self) -> list[socket.socket]:
        bound: list[socket.socket] = []
        try:
            for one in self._addresses:
                bound.append(await address.bound(one, option=OPTION))  # noqa: PERF401  (those bound so far are closed when one fails)
        except StartupError:
            for listening in bound:
                listening.close()
            raise
        return bound


def _silent() -> logging.Logger:
    logger = logging.getLogger("exporter.web.server")
    logger.setLevel(logging.CRITICAL + 1)
    return logger
