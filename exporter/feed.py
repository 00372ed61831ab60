"""Runs the sources that the configuration names."""

import asyncio
from collections.abc import Callable

from exporter.config import settings as config
from exporter.sources.source import Source


class Feed:
    """A task for each source; `apply` stops and starts only those whose settings changed."""

    def __init__(self, build: Callable[[config.Source], Source | None]) -> None:
        self._build = build
        self._running: dict[config.Source, asyncio.Task[None]] = {}

    async def apply(self, sources: tuple[config.Source, ...]) -> None:
        gone = [source for source in self._running if source not in sources]
        await self._stop(gone)
        for source in sources:
            if source not in self._running and (built := self._build(source)) is not None:
                self._running[source] = asyncio.create_task(built.run(), name=f"source {source.name}")

    async def stop(self) -> None:
        await self._stop(list(self._running))

    def dead(self) -> str | None:
        """The name of a source whose task has ended by a defect."""
        return next((source.name for source, task in self._running.items() if task.done() and task.exception()), None)

    async def _stop(self, sources: list[config.Source]) -> None:
        tasks = [self._running.pop(source) for source in sources]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
