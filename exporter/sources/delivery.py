"""The last step of a source: its entries go to the intake, however long that takes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from exporter.errors import IntakeFull, StoreError
from exporter.log import get_logger
from exporter.sources.source import Entry, Intake, SourceHealth

BATCH = 5_000
PAUSE_FIRST = 1.0
PAUSE_LAST = 60.0

Sleep = Callable[[float], Awaitable[object]]

log = get_logger(__name__)


class Delivery:
    """Hands in batch after batch. While the intake is full or the store can't be written, it waits 1 s, 2 s, 4 s … 60 s."""

    def __init__(self, source: str, *, intake: Intake, health: SourceHealth, sleep: Sleep) -> None:
        self._source = source
        self._intake = intake
        self._health = health
        self._sleep = sleep

    async def hand_in(self, entries: Sequence[Entry]) -> AsyncIterator[Sequence[Entry]]:
        """Yields each batch once it is durable. Raises InvalidEntry where the intake refuses one for good."""
        for start in range(0, len(entries), BATCH):
            batch = entries[start : start + BATCH]
            await self._insist(batch)
            yield batch

    async def _insist(self, batch: Sequence[Entry]) -> None:
        pause = PAUSE_FIRST
        while True:
            try:
                await self._intake.accept(self._source, batch)
            except (IntakeFull, StoreError) as error:
                log.warning("intake refuses; tried again later", source=self._source, error=str(error), pause=pause)
                self._health.down(self._source, error)
                await self._sleep(pause)
                pause = min(pause * 2, PAUSE_LAST)
            else:
                return
