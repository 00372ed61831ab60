"""What has to be done now and then, whatever else happens."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from exporter.clock import Clock
from exporter.config.settings import Settings
from exporter.core.retention import forgotten_before
from exporter.engine.poller import Poller
from exporter.engine.spending import KEPT_SECONDS
from exporter.errors import StoreError
from exporter.log import get_logger
from exporter.store.store import RENEWED_SECONDS, Store

SWEEP_SECONDS = 1.0
PRUNE_SECONDS = 600.0

log = get_logger(__name__)


class LagMeter(Protocol):
    def loop_lag(self, seconds: float) -> None: ...


class Upkeep:
    """Gives up what is overdue, wakes every account once a second, prunes what is past its retention, measures the lag."""

    def __init__(
        self,
        *,
        pollers: Mapping[str, Poller],
        store: Store,
        settings: Callable[[], Settings],
        read_since: Callable[[], Iterable[float]],
        lowest: Callable[[float], float],
        meter: LagMeter,
        clock: Clock,
    ) -> None:
        """`lowest` tells by how much the wall clock was ahead of the steady one since a time, at least."""
        self.swept = self._began = clock.now()
        self._pollers = pollers
        self._store = store
        self._settings = settings
        self._read_since = read_since
        self._lowest = lowest
        self._meter = meter
        self._clock = clock

    async def sweep(self) -> None:
        """Once a second. A forgotten wake-up costs a second so, and not a request."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + SWEEP_SECONDS
            await asyncio.sleep(SWEEP_SECONDS)
            self._meter.loop_lag(max(0.0, loop.time() - due))
            self.swept = self._clock.now()
            for poller in list(self._pollers.values()):
                poller.expire()
                poller.wake()

    async def prune(self) -> None:
        while True:
            now = self._clock.now()
            try:
                await self._store.prune(
                    finished_before=self._stored_before(self._forgotten_before(now)),
                    spent_before=self._stored_before(now - KEPT_SECONDS),
                )
            except StoreError as error:
                log.warning("store can't be pruned", error=str(error))
            await asyncio.sleep(PRUNE_SECONDS)

    def _stored_before(self, time: float) -> float:
        """What is stored has the times that the wall clock showed, however it was set then: nothing later than `time` is before
        this."""
        return time + self._lowest(time)

    def _forgotten_before(self, now: float) -> float:
        settings = self._settings()
        # What the cache of final answers knows is not asked of the store, so that it may be there unrenewed for so long.
        unrenewed = max(settings.cache.finished_ttl, RENEWED_SECONDS)
        kept = settings.storage.retention + unrenewed
        return forgotten_before(now, kept=kept, began=self._began, read_since=self._read_since())
