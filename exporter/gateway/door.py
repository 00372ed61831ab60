"""An address where a gateway listens, and the connections that came in there."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from exporter import address
from exporter.gateway.messages import problem
from exporter.server import Server

# An application that keeps its connections longer than this between two calls opens a new one.
KEEP_ALIVE_SECONDS = 75.0
STOP_SECONDS = 3.0
_LONGEST_HEADER = 64 * 1024
_MOST_HEADERS = 512

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Door:
    """`url` is None until it is open. Needs a running event loop."""

    def __init__(self, listen: str, handle: Handle) -> None:
        self.listen = listen
        self.url: str | None = None
        self._server = _server(handle)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=STOP_SECONDS)

    async def open(self, *, option: str) -> None:
        """Raises StartupError."""
        bound = await address.bound(self.listen, option=option)
        await self._runner.setup()
        await web.SockSite(self._runner, bound, backlog=address.BACKLOG).start()
        self.url = address.url("http", bound)

    async def retire(self) -> None:
        """Nobody comes in any more. Whoever is in is served once more and told to come no more, so that no call breaks off."""
        self.url = None
        self._server.retire()
        for site in self._runner.sites:
            await site.stop()

    @property
    def in_use(self) -> bool:
        return bool(self._server.connections)

    async def close(self) -> None:
        """No new connections, and a few seconds for the calls under way."""
        self.url = None
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * STOP_SECONDS):
                await self._runner.cleanup()


def _server(handle: Handle) -> Server:
    """Bodies stay as they are, and nothing that the library logs is shown: it would quote what was sent."""
    silent = logging.getLogger("exporter.gateway.server")
    silent.setLevel(logging.CRITICAL + 1)
    return Server(
        handle,
        refuse=_refused,
        access_log=None,
        logger=silent,
        auto_decompress=False,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        max_line_size=_LONGEST_HEADER,
        max_field_size=_LONGEST_HEADER,
        max_headers=_MOST_HEADERS,
    )


def _refused(status: int, error: BaseException | None) -> web.StreamResponse:
    """What can't be parsed can't be passed on, and what fails in here was perhaps sent: it is not for us to know."""
    if status < web.HTTPInternalServerError.status_code:
        return problem(status, "not HTTP; nothing was sent to LeadSquared")
    return problem(status, "internal error of the gateway; LeadSquared may have had the call")
