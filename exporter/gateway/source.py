"""The `gateway` source: listens where the application looks for LeadSquared."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from exporter.config import settings
from exporter.errors import StartupError
from exporter.gateway.account import AccountTraffic, GatewayMeter
from exporter.gateway.door import Door
from exporter.gateway.forward import Forwarder
from exporter.gateway.recorder import Recorder
from exporter.gateway.reference import ReferenceHeader
from exporter.gateway.spooled import Spooled
from exporter.gateway.unknown import Unknown
from exporter.gateway.upstream import Upstream
from exporter.http.request import Reply, Request
from exporter.http.room import Room
from exporter.log import get_logger
from exporter.sources.source import SourceHealth

AGAIN_SECONDS = 5.0

log = get_logger(__name__)


class Gateway:
    """A Source that takes over new settings without a pause. A taken port is tried again. When it ends, `grace` is how many
    seconds it waits for what is being recorded."""

    def __init__(
        self,
        source: settings.GatewaySource,
        *,
        traffic: Callable[[str], AccountTraffic],
        spooled: Spooled,
        health: SourceHealth,
        meter: GatewayMeter,
        unknown: Unknown,
        room: Room,
        grace: float,
    ) -> None:
        self._source = source
        self._room = room
        self._traffic = traffic
        self._health = health
        self._meter = meter
        self._unknown = unknown
        self._grace = grace
        self._recorder = Recorder(
            source.name, record_timeout=source.record_timeout, spooled=spooled, health=health, meter=meter
        )
        self._upstream = Upstream(timeout=source.timeout)
        self._forwarder = self._forwards()
        self._door: Door | None = None
        self._retired: list[Door] = []
        self._changed = asyncio.Event()

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def url(self) -> str | None:
        """None while it does not listen where it should."""
        return self._door.url if self._door is not None and self._door.listen == self._source.listen else None

    def change(self, source: settings.GatewaySource) -> None:
        """Calls that begin from now on pass under these settings; those under way end under the former ones."""
        self._source = source
        self._recorder.change(source.name, record_timeout=source.record_timeout)
        self._upstream.change(timeout=source.timeout)
        self._forwarder = self._forwards()
        self._changed.set()

    async def run(self) -> None:
        try:
            await self._listen()
        finally:
            await self._close()

    def _forwards(self) -> Forwarder:
        return Forwarder(
            self._source,
            traffic=self._traffic(self._source.account),
            recorder=self._recorder,
            upstream=self._upstream,
            meter=self._meter,
            unknown=self._unknown,
            reference=ReferenceHeader(self._source.reference_header, source=self.name, health=self._health),
        )

    def _handle(self, request: Request) -> Awaitable[Reply | None]:
        return self._forwarder.handle(request)

    async def _listen(self) -> None:
        deaf = True
        while True:
            self._changed.clear()
            try:
                await self._move()
            except StartupError as error:
                deaf = True
                log.error("gateway does not listen; tried again", source=self.name, error=str(error))
                self._health.down(self.name, error)
            else:
                if deaf:
                    self._health.up(self.name)
                deaf = False
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_SECONDS if deaf else None):
                    await self._changed.wait()

    async def _move(self) -> None:
        """The new address is open before the former one closes. Raises StartupError, and what is open stays so."""
        former = self._door
        if former is not None and former.listen == self._source.listen:
            return
        if former is not None and _port(former.listen) == _port(self._source.listen):
            # Nobody can listen on one port of all addresses and of one of them at once.
            await self._leave(former)
            former = None
        door = Door(self._source.listen, self._handle, room=self._room, name=self.name)
        await door.open(option=f"gateway {self.name}")
        self._door = door
        log.info("gateway listens", source=self.name, account=self._source.account, url=door.url)
        if former is not None:
            await self._leave(former)

    async def _leave(self, door: Door) -> None:
        if door is self._door:
            self._door = None
        await door.retire()
        self._retired = [one for one in (*self._retired, door) if one.in_use]

    async def _close(self) -> None:
        doors = [*self._retired, *([] if self._door is None else [self._door])]
        await asyncio.gather(*(door.close() for door in doors))
        await self._recorder.drain(self._grace)
        await self._upstream.close()


def _port(listen: str) -> str:
    return listen.rpartition(":")[2]
