"""Listens on addresses, tells where, and stops within a bound."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress

from aiohttp import web

from exporter import address
from exporter.errors import StartupError
from exporter.http.reception import Reception
from exporter.http.room import Room, Seat
from exporter.web.protocol import Handler, occupy
from exporter.web.security import Security

STOP_SECONDS = 3.0
OPTION = "--web.listen-address"


class Listeners:
    """The application on one or more addresses: `:10040` is all interfaces, `[::1]:10040` and `localhost:0` are possible too.

    With `security` that has TLS, all of them speak TLS. `room` is for the connections of all listeners of the process, `path` where
    the application begins, for the URLs.
    """

    def __init__(
        self,
        application: web.Application,
        addresses: Sequence[str],
        *,
        security: Security | None = None,
        room: Room | None = None,
        path: str = "",
    ) -> None:
        application.middlewares.insert(0, occupy)
        self.urls: list[str] = []
        self._room = room or Room()
        self._addresses = addresses
        self._security = security
        self._path = path
        # aiohttp waits so long twice: for answers under way, and again after it cancelled them.
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=STOP_SECONDS / 3)
        self._logger = _silent()
        self._reception: Reception | None = None

    async def start(self) -> list[str]:
        """Bind everything, then serve. Returns the URLs, with the ports that were found for port 0. Raises StartupError."""
        bound = await self._bind()
        context = self._security.tls() if self._security else None
        await self._runner.setup()
        self._reception = Reception(self._handler, self._room, name="web", tls=context)
        for one in bound:
            self._reception.listen(one)
        scheme = "https" if context else "http"
        self.urls = [address.url(scheme, one) + self._path for one in bound]
        return self.urls

    async def stop(self) -> None:
        """No new connections, and a few seconds for what is being answered."""
        if self._reception is not None:
            self._reception.close()
            await self._reception.closed()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._runner.cleanup()
        if self._reception is not None:
            self._reception.end()

    def _handler(self, seat: Seat) -> Handler:
        if self._runner.server is None:
            raise StartupError(f"{OPTION}: a connection came before the application was there")
        return Handler(self._runner.server, self._logger, seat)

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
    """The library's errors about broken requests quote them; what matters is logged by the application itself."""
    logger = logging.getLogger("exporter.web.server")
    logger.setLevel(logging.CRITICAL + 1)
    return logger
