"""What a source does after trouble: it says so, waits, and begins anew."""

from collections.abc import Awaitable, Callable
from random import Random

from exporter.errors import IntakeError, SourceUnreadable, StoreError
from exporter.log import get_logger
from exporter.sources.backoff import Backoff
from exporter.sources.delivery import Sleep
from exporter.sources.source import SourceHealth

log = get_logger(__name__)


class Retry:
    """For a source that works until it meets trouble, and then has to connect anew."""

    def __init__(self, source: str, *, health: SourceHealth, random: Random, sleep: Sleep) -> None:
        self._source = source
        self._health = health
        self._backoff = Backoff(random)
        self._sleep = sleep

    async def forever(self, work: Callable[[], Awaitable[None]]) -> None:
        """Trouble is what its counterpart, the intake or the store cause; anything else is a defect and ends it."""
        while True:
            try:
                await work()
            except (SourceUnreadable, IntakeError, StoreError) as error:
                await self._wait(error)

    def well(self) -> None:
        """The source works."""
        self._health.up(self._source)
        self.moved()

    def moved(self) -> None:
        """Something was taken in, whatever becomes of the rest: the next pause is a short one."""
        self._backoff.reset()

    async def _wait(self, error: SourceUnreadable | IntakeError | StoreError) -> None:
        pause = self._backoff.pause()
        told = error.in_full
        log.warning("can't go on; tried again later", source=self._source, problem=told, pause=round(pause, 1))
        self._health.down(self._source, error)
        await self._sleep(pause)
