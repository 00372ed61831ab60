"""What a source is given by the process that it runs in."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol, TypeVar

from exporter.clock import Clock
from exporter.errors import ImpossibleTime
from exporter.log import get_logger
from exporter.sources.delivery import Delivery, Sleep
from exporter.sources.groups import Terms, Untimed
from exporter.sources.retry import Retry
from exporter.sources.source import Intake, SourceHealth

log = get_logger(__name__)

Apis = Mapping[str, Collection[str]]
Result = TypeVar("Result")


class Runner(Protocol):
    """Runs what may block away from the event loop, as asyncio.to_thread does."""

    def __call__(self, function: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Awaitable[Result]: ...


class Named(Protocol):
    """The settings of any source that hands in for an account."""

    @property
    def name(self) -> str: ...

    @property
    def account(self) -> str | None: ...

    @property
    def api(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """`apis` tells the configured APIs by account, as they are now; `monotonic` counts seconds."""

    intake: Intake
    health: SourceHealth
    clock: Clock
    apis: Callable[[], Apis]
    random: Random
    sleep: Sleep = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    in_thread: Runner = asyncio.to_thread

    def terms(self, source: Named, *, file: str | None = None) -> Terms:
        """What is handed in now is checked against these."""
        return Terms(apis=self.apis(), now=self.clock.wall(), account=source.account, api=source.api, file=file)

    def tell_untimed(self, source: Named, untimed: Untimed) -> None:
        """Entries came with a time that lies too far ahead, and are taken in without it."""
        if not untimed.count:
            return
        told = "; ".join(untimed.wheres)
        log.warning(
            "entries are taken in without their time, which lies ahead; do the clocks differ?",
            source=source.name,
            count=untimed.count,
            entries=told,
        )
        self.health.refused(source.name, ImpossibleTime(f"the time lies ahead: {told}"), untimed.count)

    def delivery(self, source: Named) -> Delivery:
        return Delivery(source.name, intake=self.intake, health=self.health, random=self.random, sleep=self.sleep)

    def retry(self, source: Named) -> Retry:
        return Retry(source.name, health=self.health, random=self.random, sleep=self.sleep)
