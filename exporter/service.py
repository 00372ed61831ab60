"""The exporter put together: engine, sources, meters and what the web shows of them."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from random import Random

from exporter.clock import Clock
from exporter.config import settings as config
from exporter.config.settings import PushSource, Settings
from exporter.core.request import Record
from exporter.engine.engine import Engine
from exporter.errors import ConfigurationError, StoreError
from exporter.feed import Feed
from exporter.leadsquared.transport import Transport
from exporter.log import get_logger
from exporter.metrics.collector import Collector
from exporter.metrics.meters import Meters
from exporter.metrics.scrape import scrape
from exporter.metrics.snapshot import AccountView
from exporter.sources.file import FileSource
from exporter.sources.source import Source
from exporter.sources.static import StaticSource
from exporter.store.store import Found, Query, Store
from exporter.web.backend import Removal

log = get_logger(__name__)


class Service:
    """Implements the web's Backend. `load` reads the configuration again; `stopping` is set when the process should end."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        transport: Transport,
        clock: Clock,
        meters: Meters,
        load: Callable[[], Settings],
        random: Random,
    ) -> None:
        self.stopping = asyncio.Event()
        self.meters = meters
        self.engine = Engine(settings, store=store, transport=transport, clock=clock, meter=meters, random=random)
        self.intake = self.engine.intake
        self._clock = clock
        self._load = load
        self._transport = transport
        self._feed = Feed(self._build_source)
        self._collector = Collector(self.engine.ledger, meters, self.engine.views)
        self._unready: str | None = "starting: the store is being read"
        self._declare()

    async def start(self) -> None:
        """Read the store, begin to poll, and open the ways in. Raises StoreError."""
        await self.engine.start()
        await self._feed.apply(self.engine.settings.sources)
        self.meters.config_reload(ok=True, time=self._clock.now())
        self._unready = None

    async def stop(self) -> None:
        """Close the ways in, commit, mark the stop as clean. Raises StoreError."""
        self._unready = "stopping"
        await self._feed.stop()
        try:
            await self.engine.stop()
        finally:
            await self._transport.close()

    def now(self) -> float:
        return self._clock.now()

    @property
    def stuck_after(self) -> float:
        return self.engine.settings.polling.stuck_after

    def views(self) -> Sequence[AccountView]:
        return self.engine.views()

    def apis(self) -> Mapping[str, Collection[str]]:
        return {account.name: tuple(account.apis) for account in self.engine.settings.accounts}

    def push_sources(self) -> Sequence[PushSource]:
        return [source for source in self.engine.settings.sources if isinstance(source, PushSource)]

    def unhealthy(self) -> str | None:
        if self._unready is not None:
            return None
        dead = self._feed.dead()
        return self.engine.unhealthy() or (f"source {dead} has a defect" if dead else None)

    def unready(self) -> str | None:
        return self._unready

    async def scrape(
        self, accept: str | None, accept_encoding: str | None, names: Collection[str]
    ) -> tuple[bytes, dict[str, str]]:
        return await scrape(self._collector, accept=accept, accept_encoding=accept_encoding, names=frozenset(names))

    async def find(self, request_id: str) -> Found | None:
        return await self.engine.find(request_id)

    async def page(self, query: Query) -> list[Record]:
        return await self.engine.page(query)

    async def remove(self, request_id: str) -> Removal:
        if await self.engine.remove(request_id):
            return Removal.REMOVED
        return Removal.UNKNOWN if await self.engine.find(request_id) is None else Removal.ENDED

    async def reload(self) -> None:
        """Take over the configuration file as it is now. Raises ConfigurationError, and everything stays as it was."""
        try:
            settings = self._load()
        except ConfigurationError:
            self.meters.config_reload(ok=False, time=self._clock.now())
            raise
        self.engine.apply(settings)
        self._declare()
        await self._feed.apply(settings.sources)
        self.meters.config_reload(ok=True, time=self._clock.now())
        log.info("configuration reloaded", accounts=len(settings.accounts), sources=len(settings.sources))

    def quit(self) -> None:
        self.stopping.set()
