"""The last step of a source: its entries go to the intake, however long that takes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from random import Random, SystemRandom

from exporter.core.cursor import Cursor
from exporter.errors import IntakeFull, StoreError
from exporter.log import get_logger
from exporter.sources.backoff import Backoff
from exporter.sources.source import Entry, Intake, SourceHealth

BATCH = 5_000

Sleep = Callable[[float], Awaitable[object]]

log = get_logger(__name__)


class Delivery:
    """Hands in batch after batch. While the intake is full or the store can't be written, it waits and tries again.

    The intake takes all of a batch or nothing. Where it has no room for one it gets half of it next, so that the last room is
    used, and a batch larger than storage.max_pending is taken at all.
    """

    def __init__(
        self, source: str, *, intake: Intake, health: SourceHealth, sleep: Sleep, random: Random | None = None
    ) -> None:
        self._source = source
        self._intake = intake
        self._health = health
        self._backoff = Backoff(random or SystemRandom())
        self._sleep = sleep

    async def hand_in(
        self, entries: Sequence[Entry], cursors: Sequence[Cursor] = (), *, most: int = BATCH
    ) -> AsyncIterator[Sequence[Entry]]:
        """Yields each batch once it is durable; the last one takes the cursors with it.

        Raises InvalidEntry where the intake refuses one for good.
        """
        done, size = 0, most
        while done < len(entries) or cursors:
            batch = entries[done : done + size]
            is_last = done + len(batch) == len(entries)
            try:
                await self._intake.accept(self._source, batch, cursors if is_last else ())
            except (IntakeFull, StoreError) as error:
                await self._wait(error)
                size = max(1, len(batch) // 2) if isinstance(error, IntakeFull) else size
                continue
            self._backoff.reset()
            done, size = done + len(batch), min(size * 2, most)
            yield batch
            if is_last:
                return

    async def offer(self, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> AsyncIterator[Sequence[Entry]]:
        """As `hand_in`, for a source that can read again and keeps nothing meanwhile: raises IntakeFull or StoreError instead of
        waiting, IntakeFull where there is no room for a single one."""
        done, size = 0, len(entries)
        while done < len(entries) or cursors:
            batch = entries[done : done + size]
            is_last = done + len(batch) == len(entries)
            try:
                await self._intake.accept(self._source, batch, cursors if is_last else ())
            except IntakeFull:
                if len(batch) <= 1:
                    raise
                size = len(batch) // 2
                continue
            done, size = done + len(batch), size * 2
            yield batch
            if is_last:
                return

    async def _wait(self, error: IntakeFull | StoreError) -> None:
        pause = self._backoff.pause()
        log.warning("intake refuses; tried again later", source=self._source, error=str(error), pause=round(pause, 1))
        self._health.down(self._source, error)
        await self._sleep(pause)
