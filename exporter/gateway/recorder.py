"""Sees to it that the RequestIDs that pass are taken in: before the answer goes on if that is possible, else later."""

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial

from exporter.config.settings import GatewaySource
from exporter.errors import IntakeError, IntakeFull, InvalidEntry, StoreError
from exporter.gateway.account import AccountTraffic, GatewayMeter
from exporter.log import get_logger
from exporter.sources.backoff import FIRST
from exporter.sources.delivery import Delivery, Sleep
from exporter.sources.source import Entry, Intake, SourceHealth

# What waits for a store that has been down for hours must not fill the memory.
MOST_LATE = 100_000
DRAIN_SECONDS = 1.0

log = get_logger(__name__)


class Recorder:
    """`record` is called with each submission; `run` hands in later what was refused."""

    def __init__(
        self,
        source: GatewaySource,
        *,
        traffic: AccountTraffic,
        intake: Intake,
        health: SourceHealth,
        meter: GatewayMeter,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._source = source
        self._traffic = traffic
        self._health = health
        self._meter = meter
        self._sleep = sleep
        self._delivery = Delivery(source.name, intake=intake, health=health, sleep=sleep)
        self._under_way = 0
        self._held: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._ailing = True
        self._settled = asyncio.Event()
        self._settled.set()
        self._late: list[Entry] = []
        self._wanted = asyncio.Event()

    def record(self, entry: Entry) -> asyncio.Future[None]:
        """Done when the request is durable, when that was refused, or after `record_timeout`; never an error."""
        handed_on = self._hold()
        self._under_way += 1
        self._settled.clear()
        told = partial(self._told, entry, handed_on)
        try:
            self._traffic.take_in(self._source.name, entry, told)
        except IntakeError as error:
            told(error)
        return handed_on

    def miss(self, why: str) -> None:
        """A submission went through, and its RequestID could not be read."""
        self._count(why)
        self._health.refused(self._source.name, InvalidEntry(why))

    async def run(self) -> None:
        """For as long as the gateway runs."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._sleep(FIRST)
            await self._hand_in_late()

    async def drain(self) -> None:
        """Let what is being recorded end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._settled.wait()

    def _hold(self) -> "asyncio.Future[None]":
        """One alarm for all that wait: they do so equally long, and nearly always end before it."""
        loop = asyncio.get_running_loop()
        handed_on = loop.create_future()
        self._held.append((loop.time() + self._source.record_timeout, handed_on))
        if len(self._held) == 1:
            loop.call_at(self._held[0][0], self._give_up)
        return handed_on

    def _told(self, entry: Entry, handed_on: "asyncio.Future[None]", error: IntakeError | StoreError | None) -> None:
        """What came of a recording; the answer of its call goes on, unless it went before."""
        if not handed_on.done():
            handed_on.set_result(None)
        self._under_way -= 1
        if not self._under_way:
            self._settled.set()
        if error is not None:
            self._refused(entry, error)
        elif self._ailing:
            self._ailing = False
            self._health.up(self._source.name)

    def _give_up(self) -> None:
        """No answer is held any longer that is overdue; the alarm is set for the next."""
        loop = asyncio.get_running_loop()
        while self._held and (self._held[0][1].done() or self._held[0][0] <= loop.time()):
            self._hand_on(self._held.popleft()[1])
        if self._held:
            loop.call_at(self._held[0][0], self._give_up)

    def _hand_on(self, handed_on: "asyncio.Future[None]") -> None:
        if not handed_on.done():
            handed_on.set_result(None)
            log.warning("the store is slow; an answer was handed on before its request was recorded", **self._where())

    def _refused(self, entry: Entry, error: IntakeError | StoreError) -> None:
        self._ailing = True
        self._count(str(error))
        self._health.down(self._source.name, error)
        if isinstance(error, IntakeFull | StoreError) and len(self._late) < MOST_LATE:
            self._late.append(entry)
            self._wanted.set()

    def _count(self, why: str) -> None:
        log.warning("a submission went through and is not recorded", error=why, **self._where())
        self._meter.unrecorded_submission(self._source.account)

    async def _hand_in_late(self) -> None:
        late, self._late = self._late, []
        try:
            async for batch in self._delivery.hand_in(late):
                log.info("submissions recorded later", count=len(batch), **self._where())
        except InvalidEntry as error:
            log.warning("submissions are no longer taken in", error=str(error), **self._where())
        self._health.up(self._source.name)

    def _where(self) -> dict[str, str]:
        return {"source": self._source.name, "account": self._source.account}
