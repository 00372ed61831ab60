"""Runs the sources that the configuration names."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from exporter.config import settings as config
from exporter.core.retention import UNREAD
from exporter.log import get_logger
from exporter.sources.source import Changeable, Rereading, Source, SourceHealth

log = get_logger(__name__)


class _Running(NamedTuple):
    source: Source
    task: asyncio.Task[None]


class Feed:
    """A task for each source; `apply` stops and starts only those whose settings changed or that have died, and those not that go
    on with others."""

    def __init__(self, build: Callable[[config.Source], Source | None], health: SourceHealth) -> None:
        self._build = build
        self._health = health
        self._running: dict[config.Source, _Running] = {}
        self._begun = False

    async def apply(self, sources: tuple[config.Source, ...]) -> None:
        for is_successor in (_listens_there, _has_the_name):
            self._change(sources, is_successor)
        gone = [source for source, one in self._running.items() if source not in sources or one.task.done()]
        await self._stop(gone)
        for source in sources:
            if source not in self._running and (built := self._build(source)) is not None:
                task = asyncio.create_task(built.run(), name=f"source {source.name}")
                task.add_done_callback(self._ended)
                self._running[source] = _Running(built, task)
        self._begun = True

    async def stop(self) -> None:
        await self._stop(list(self._running))

    def read_since(self) -> list[float]:
        """Of each source that may hand in again what it has read, as `Rereading` has it."""
        if not self._begun:
            return [UNREAD]
        sources = (one.source for one in self._running.values())
        return [source.read_since for source in sources if isinstance(source, Rereading)]

    def find(self, name: str) -> Source | None:
        return next((one.source for source, one in self._running.items() if source.name == name), None)

    def dead(self) -> str | None:
        """The name of a source whose task has ended by a defect."""
        ended = ((source.name, one.task) for source, one in self._running.items() if one.task.done())
        return next((name for name, task in ended if task.exception()), None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Trouble never ends a source: what does is a defect, and nobody awaits its task to hear of it."""
        name = next((source.name for source, one in self._running.items() if one.task is task), None)
        error = None if task.cancelled() else task.exception()
        if error is None or name is None:
            return
        cause = _cause(error)
        # Its text may hold anything, a line of a log too.
        what = type(cause).__name__
        log.error("source has a defect and has ended; a reload starts it again", source=name, problem=what)
        self._health.down(name, cause)

    def _change(
        self, sources: tuple[config.Source, ...], is_successor: Callable[[config.Source, config.Source], bool]
    ) -> None:
        for source in sources:
            gone = [] if source in self._running else [one for one in self._running if one not in sources]
            former = next((one for one in gone if is_successor(one, source)), None)
            if former is None:
                continue
            running = self._running[former].source
            if isinstance(running, Changeable) and not self._running[former].task.done():
                running.change(source)
                self._running[source] = self._running.pop(former)

    async def _stop(self, sources: list[config.Source]) -> None:
        tasks = [self._running.pop(source).task for source in sources]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _cause(error: BaseException) -> Exception:
    """What a group of tasks ended by, instead of the group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, Exception) else RuntimeError(type(error).__name__)


def _listens_there(former: config.Source, source: config.Source) -> bool:
    """Names that nobody gave move when another gateway is put before it, and the application looks at the address."""
    if not isinstance(former, config.GatewaySource) or not isinstance(source, config.GatewaySource):
        return False
    return former.listen == source.listen and not source.listen.endswith(":0")


def _has_the_name(former: config.Source, source: config.Source) -> bool:
    return type(former) is type(source) and former.name == source.name
