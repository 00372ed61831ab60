"""What a source is given by the process that it runs in."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol, TypeVar

from exporter.clock import Clock
from exporter.errors import ImpossibleTime, InvalidEntry, UnfitReference
from exporter.log import get_logger
from exporter.sources.delivery import Delivery, Sleep
from exporter.sources.groups import REFERENCE_RULE, LeftOut, Terms
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
    """`apis` tells the configured APIs by account, and `references` whether requests may carry one, as it is configured now;
    `monotonic` counts seconds."""

    intake: Intake
    health: SourceHealth
    clock: Clock
    apis: Callable[[], Apis]
    random: Random
    references: Callable[[], bool] = bool
    sleep: Sleep = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic
    in_thread: Runner = asyncio.to_thread

    def terms(self, source: Named, *, file: str | None = None) -> Terms:
        """What is handed in now is checked against these."""
        return Terms(
            apis=self.apis(),
            now=self.clock.wall(),
            references=self.references(),
            account=source.account,
            api=source.api,
            file=file,
        )

    def tell_left_out(self, source: Named, left_out: LeftOut) -> None:
        """Entries are taken in without something of them."""
        times, references = left_out.times, left_out.references
        if times.count:
            told = "entries are taken in without their time, which lies ahead; do the clocks differ?"
            log.warning(told, source=source.name, count=times.count, entries="; ".join(times.wheres))
            error: InvalidEntry = ImpossibleTime(f"the time lies ahead: {'; '.join(times.wheres)}")
            self.health.refused(source.name, error, times.count)
        if references.count:
            told = f"entries are taken in without their reference, which {REFERENCE_RULE}"
            log.warning(told, source=source.name, count=references.count, entries="; ".join(references.wheres))
            error = UnfitReference(f"the reference {REFERENCE_RULE}: {'; '.join(references.wheres)}")
            self.health.refused(source.name, error, references.count)

    def delivery(self, source: Named) -> Delivery:
        return Delivery(source.name, intake=self.intake, health=self.health, random=self.random, sleep=self.sleep)

    def retry(self, source: Named) -> Retry:
        return Retry(source.name, health=self.health, random=self.random, sleep=self.sleep)
