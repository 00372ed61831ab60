"""Sees to it that the RequestIDs that pass are taken in: before the answer goes on if that is possible, else later."""

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial

from exporter.errors import IntakeError, IntakeFull, InvalidEntry, StoreError
from exporter.gateway.account import AccountTraffic, GatewayMeter
from exporter.gateway.late import Late
from exporter.log import get_logger
from exporter.sources.source import Entry, SourceHealth

DRAIN_SECONDS = 1.0

log = get_logger(__name__)

# Answers that are held, and when each goes on at the latest. They wait equally long, so that the first is due first.
Held = deque[tuple[float, "asyncio.Future[None]"]]


class Recorder:
    """`record` is called with each submission. What was refused waits in `late`."""

    def __init__(
        self, source: str, *, record_timeout: float, late: Late, health: SourceHealth, meter: GatewayMeter
    ) -> None:
        self._source = source
        self._record_timeout = record_timeout
        self._late = late
        self._health = health
        self._meter = meter
        self._under_way = 0
        self._held: Held = deque()
        self._ailing = True
        self._settled = asyncio.Event()
        self._settled.set()

    def change(self, source: str, *, record_timeout: float) -> None:
        """Answers that are held already go on when they would have."""
        self._source = source
        self._record_timeout = record_timeout
        self._held = deque()

    def record(self, entry: Entry, traffic: AccountTraffic) -> asyncio.Future[None]:
        """Done when the request is durable, when that was refused, or after `record_timeout`; never an error."""
        handed_on = self._hold()
        self._under_way += 1
        self._settled.clear()
        told = partial(self._told, entry, handed_on)
        try:
            traffic.take_in(self._source, entry, told)
        except IntakeError as error:
            told(error)
        return handed_on

    def miss(self, account: str, why: str) -> None:
        """A submission went through, and its RequestID could not be read."""
        self._count(account, why)
        self._health.refused(self._source, InvalidEntry(why))

    async def drain(self) -> None:
        """Let what is being recorded end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._settled.wait()

    def _hold(self) -> "asyncio.Future[None]":
        """One alarm for all that wait: nearly always they end before it."""
        loop = asyncio.get_running_loop()
        handed_on = loop.create_future()
        self._held.append((loop.time() + self._record_timeout, handed_on))
        if len(self._held) == 1:
            loop.call_at(self._held[0][0], self._give_up, self._held)
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
            self._health.up(self._source)

    def _give_up(self, held: Held) -> None:
        """No answer is held any longer that is overdue; the alarm is set for the next."""
        loop = asyncio.get_running_loop()
        while held and (held[0][1].done() or held[0][0] <= loop.time()):
            self._hand_on(held.popleft()[1])
        if held:
            loop.call_at(held[0][0], self._give_up, held)

    def _hand_on(self, handed_on: "asyncio.Future[None]") -> None:
        if not handed_on.done():
            handed_on.set_result(None)
            log.warning(
                "the store is slow; an answer was handed on before its request was recorded", source=self._source
            )

    def _refused(self, entry: Entry, error: IntakeError | StoreError) -> None:
        self._ailing = True
        self._count(entry.account, str(error))
        self._health.down(self._source, error)
        if isinstance(error, IntakeFull | StoreError):
            self._late.add(entry)

    def _count(self, account: str, why: str) -> None:
        log.warning("a submission went through and is not recorded", problem=why, source=self._source, account=account)
        self._meter.unrecorded_submission(account)
