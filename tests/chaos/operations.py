"""What is done to the exporter itself: kills, restarts, reloads, a locked store, a full disk."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from random import Random

from tests.chaos import spans
from tests.chaos.disk import Disk
from tests.chaos.exporter import Away, Exporter, Source
from tests.chaos.faults import Fault
from tests.chaos.spans import Spans
from tests.chaos.threads import in_thread
from tests.chaos.truth import Truth


class Operations:
    def __init__(self, exporter: Exporter, disk: Disk, *, truth: Truth, spans: Spans, chance: Random) -> None:
        self._exporter = exporter
        self._disk = disk
        self._truth = truth
        self._spans = spans
        self._chance = chance
        self._trouble = asyncio.Lock()

    def faults(self) -> list[Fault]:
        of_disk = [Fault("full disk", self._fill, 0, 1, 3.0)] if self._disk.can_be_filled else []
        reloads = [Fault("remove", self._remove, 1, 3, 3.0), Fault("rename", self._rename, 1, 3)]
        of_sources = reloads if self._movable() else []
        return [
            Fault("kill", self._kill, 2, 4, 1.5),
            Fault("terminate", self._terminate, 0, 2, 1.5),
            Fault("lock", self._hold, 1, 2, 4.0),
            Fault("stop under lock", self._stop_under_lock, 0, 1, 5.0),
            *of_disk,
            *of_sources,
        ]

    async def _kill(self, lasting: float) -> None:
        async with self._exporter.lock:
            await self._exporter.kill()
            await asyncio.sleep(lasting)
            await self._exporter.start()

    async def _terminate(self, lasting: float) -> None:
        async with self._exporter.lock:
            await self._exporter.stop()
            await asyncio.sleep(lasting)
            await self._exporter.start()

    async def _remove(self, lasting: float) -> None:
        source = self._chance.choice(self._movable())
        async with self._exporter.lock:
            self._truth.tell(f"source {source.name} is taken out")
            source.present = False
            await self._reload()
        await asyncio.sleep(lasting)
        async with self._exporter.lock:
            self._truth.tell(f"source {source.name} is put in again")
            source.present = True
            await self._reload()

    async def _rename(self, lasting: float) -> None:
        source = self._chance.choice(self._movable())
        async with AsyncExitStack() as held:
            may = await held.enter_async_context(source.calm())
            await held.enter_async_context(self._exporter.lock)
            if may and source.present:
                source.generation += 1
                self._truth.tell(f"source {source.name} is renamed, for the {source.generation}. time")
                await self._reload()

    async def _reload(self) -> None:
        """A process that can't tell whether it did has been told of the file at the latest by its next start."""
        try:
            await self._exporter.reload()
        except Away as error:
            self._truth.tell(f"nothing tells whether the reload was done: {error}")
        except TimeoutError:
            self._truth.complain("a reload was not done")

    def _movable(self) -> list[Source]:
        return [one for one in self._exporter.sources.values() if not one.stays]

    async def _hold(self, lasting: float) -> None:
        async with self._trouble:
            await self._in_trouble("the store is locked", lasting, self._disk.lock, self._disk.unlock)

    async def _stop_under_lock(self, lasting: float) -> None:
        """The lock goes while the exporter still has time to write what it holds."""
        async with self._trouble, self._exporter.lock:
            holding = asyncio.create_task(
                self._in_trouble("the store is locked", 1.5 + lasting, self._disk.lock, self._disk.unlock)
            )
            await asyncio.sleep(1.5)
            await self._exporter.stop()
            await holding
            await self._exporter.start()

    async def _fill(self, lasting: float) -> None:
        async with self._trouble:
            await self._in_trouble("the disk is full", lasting, self._disk.fill, self._disk.empty)

    async def _in_trouble(self, what: str, lasting: float, begin: Callable[[], None], end: Callable[[], None]) -> None:
        self._truth.tell(f"{what} for {lasting:.1f} s")
        for span in (spans.STORE_TROUBLE, spans.RECOVERY):
            self._spans.begin(span, self._truth.now())
        try:
            await in_thread(begin)
            await asyncio.sleep(lasting)
        finally:
            await in_thread(end)
            self._truth.tell(f"{what} no more")
            self._spans.end(spans.STORE_TROUBLE, self._truth.now())
            self._spans.end(spans.RECOVERY, self._truth.now() + 2.0 * lasting + 2.0)
