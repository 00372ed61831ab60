"""The `gateway` source: listens where the application looks for LeadSquared."""

import asyncio
import logging
from contextlib import suppress

from aiohttp import web

from exporter import address
from exporter.config import settings
from exporter.errors import StartupError
from exporter.gateway.account import AccountTraffic, GatewayMeter
from exporter.gateway.forward import Forwarder
from exporter.gateway.messages import problem
from exporter.gateway.recorder import Recorder
from exporter.gateway.upstream import Upstream
from exporter.log import get_logger
from exporter.server import Server
from exporter.sources.delivery import Sleep
from exporter.sources.source import Intake, SourceHealth

# An application that keeps its connections longer than this between two calls opens a new one.
KEEP_ALIVE_SECONDS = 75.0
STOP_SECONDS = 3.0
AGAIN_SECONDS = 5.0
_LONGEST_HEADER = 64 * 1024
_MOST_HEADERS = 512

log = get_logger(__name__)


class Gateway:
    """A Source. `url` is None while it does not listen; a taken port is tried again."""

    def __init__(
        self,
        source: settings.GatewaySource,
        *,
        traffic: AccountTraffic,
        intake: Intake,
        health: SourceHealth,
        meter: GatewayMeter,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = source.name
        self.url: str | None = None
        self._source = source
        self._traffic = traffic
        self._health = health
        self._meter = meter
        self._sleep = sleep
        self._recorder = Recorder(source, traffic=traffic, intake=intake, health=health, meter=meter, sleep=sleep)

    async def run(self) -> None:
        upstream = Upstream(timeout=self._source.timeout)
        forwarder = Forwarder(
            self._source, traffic=self._traffic, recorder=self._recorder, upstream=upstream, meter=self._meter
        )
        runner = web.ServerRunner(_server(forwarder), shutdown_timeout=STOP_SECONDS)
        try:
            await self._listen(runner)
            await self._recorder.run()
        finally:
            self.url = None
            await _close(runner)
            await self._recorder.drain()
            await upstream.close()

    async def _listen(self, runner: web.ServerRunner) -> None:
        await runner.setup()
        while True:
            try:
                bound = await address.bound(self._source.listen, option=f"gateway {self.name}")
            except StartupError as error:
                log.error("gateway does not listen; tried again", source=self.name, error=str(error))
                self._health.down(self.name, error)
                await self._sleep(AGAIN_SECONDS)
            else:
                break
        await web.SockSite(runner, bound, backlog=address.BACKLOG).start()
        self.url = address.url("http", bound)
        log.info("gateway listens", source=self.name, account=self._source.account, url=self.url)
        self._health.up(self.name)


def _server(forwarder: Forwarder) -> web.Server:
    """Bodies stay as they are, and nothing that the library logs is shown: it would quote what was sent."""
    silent = logging.getLogger("exporter.gateway.server")
    silent.setLevel(logging.CRITICAL + 1)
    return Server(
        forwarder.handle,
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


async def _close(runner: web.ServerRunner) -> None:
    """No new connections, and a few seconds for the calls under way."""
    with suppress(TimeoutError):
        async with asyncio.timeout(2 * STOP_SECONDS):
            await runner.cleanup()
