"""Submissions that were refused, until they are taken in."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from exporter.core.parts import grouped
from exporter.errors import InvalidEntry
from exporter.log import get_logger
from exporter.sources.backoff import FIRST
from exporter.sources.delivery import Delivery, Sleep
from exporter.sources.source import Entry, Intake, SourceHealth

# What waits for a store that has been down for hours must not fill the memory.
MOST_LATE = 100_000
CLOSE_SECONDS = 1.0

log = get_logger(__name__)


class Late:
    """`add` is called with each; `run` hands them in later. `source` is the name that the gateway has now."""

    def __init__(self, source: str, *, intake: Intake, health: SourceHealth, sleep: Sleep) -> None:
        self.source = source
        self._intake = intake
        self._health = health
        self._sleep = sleep
        self._waiting: dict[str, Entry] = {}
        self._wanted = asyncio.Event()

    def add(self, entry: Entry) -> None:
        if len(self._waiting) < MOST_LATE:
            self._waiting[entry.request_id] = entry
            self._wanted.set()

    async def run(self) -> None:
        """For as long as the gateway runs, whatever its settings become."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._sleep(FIRST)
            await self._hand_in()

    async def close(self) -> None:
        """The gateway ends: what can't be handed in now is lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._hand_in()
        if self._waiting:
            log.error("submissions that waited for the store are lost", count=len(self._waiting), source=self.source)

    async def _hand_in(self) -> None:
        if not self._waiting:
            return
        # Each account and API by itself: one that is no longer configured must not take the others with it.
        for group in grouped(list(self._waiting.values()), lambda one: (one.account, one.api)).values():
            await self._hand_in_group(group)
        self._health.up(self.source)

    async def _hand_in_group(self, group: Sequence[Entry]) -> None:
        delivery = Delivery(self.source, intake=self._intake, health=self._health, sleep=self._sleep)
        left = len(group)
        try:
            async for batch in delivery.hand_in(group):
                self._forget(batch)
                left -= len(batch)
                log.info("submissions recorded later", count=len(batch), **self._where(group))
        except InvalidEntry as error:
            self._forget(group)
            log.error("submissions are no longer taken in", error=str(error), count=left, **self._where(group))

    def _forget(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._waiting.pop(entry.request_id, None)

    def _where(self, group: Sequence[Entry]) -> dict[str, str]:
        return {"source": self.source, "account": group[0].account}
