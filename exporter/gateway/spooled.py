"""Submissions that went through and could not be recorded: they wait in the spool until the intake takes them."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice
from random import Random, SystemRandom

from exporter.core.parts import grouped
from exporter.core.request import Submission
from exporter.errors import InvalidEntry, StoreError
from exporter.log import get_logger
from exporter.sources.backoff import Backoff
from exporter.sources.delivery import BATCH, Delivery, Sleep
from exporter.sources.source import Entry, Intake, SourceHealth
from exporter.store.spool import Spool

# A store that has been away for hours must not fill the disk, nor the memory where the disk is full too.
MOST = 1_000_000
MOST_IN_MEMORY = 100_000

log = get_logger(__name__)


class Spooled:
    """One for the process: gateways `add`, and `run` hands on what they added, in this life or in an earlier one.

    What the disk refuses waits in memory, and is tried again with the next that is handed on.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        intake: Callable[[], Intake],
        health: SourceHealth,
        now: Callable[[], float],
        random: Random | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._spool = spool
        self._intake = intake
        self._health = health
        self._now = now
        self._random = random or SystemRandom()
        self._sleep = sleep
        self._on_disk = 0
        self._in_memory: dict[str, Submission] = {}
        self._wanted = asyncio.Event()

    def __len__(self) -> int:
        return self._on_disk + len(self._in_memory)

    async def open(self) -> None:
        """Never an error: the gateways have to come up."""
        try:
            self._on_disk = await self._spool.open()
        except StoreError as error:
            log.error("the spool can't be read; submissions that wait there are not recorded", error=str(error))
        if self._on_disk:
            log.info("submissions wait in the spool", count=self._on_disk)
            self._wanted.set()

    async def add(self, source: str, entry: Entry) -> None:
        """Returns when it is durable, or when it can't be; never an error."""
        one = Submission(
            entry.request_id, entry.account, entry.api, source, entry.submitted, self._now(), entry.reference
        )
        if not await self._put([one]):
            self._keep(one)
        self._wanted.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        backoff = Backoff(self._random)
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._sleep(backoff.pause())
            await self.hand_on()
            if len(self):
                self._wanted.set()
            else:
                backoff.reset()

    async def hand_on(self) -> None:
        """All that waits, however long that takes, or what the spool lets be read."""
        while kept := list(islice(self._in_memory.values(), BATCH)):
            await self._hand_on(kept)
            for one in kept:
                self._in_memory.pop(one.request_id, None)
        while found := await self._oldest():
            await self._hand_on(found)
            # What can't be deleted stays in the file, and is known when it comes again.
            if not await self._forget(found):
                return

    async def close(self) -> None:
        """What is in memory alone has its last chance."""
        kept = list(self._in_memory.values())
        if kept and await self._put(kept):
            self._in_memory.clear()
        await self._spool.close()
        if self._in_memory:
            log.error("submissions that waited for the store are lost", count=len(self._in_memory))
        if self._on_disk:
            log.warning("submissions wait in the spool for the next start", count=self._on_disk)

    async def _put(self, submissions: Sequence[Submission]) -> bool:
        if self._on_disk + len(submissions) > MOST:
            return False
        try:
            await self._spool.put(submissions)
        except StoreError as error:
            log.error("the spool can't be written", error=str(error))
            return False
        self._on_disk += len(submissions)
        return True

    def _keep(self, one: Submission) -> None:
        if len(self._in_memory) < MOST_IN_MEMORY:
            self._in_memory[one.request_id] = one

    async def _oldest(self) -> Sequence[Submission]:
        if not self._on_disk:
            return ()
        try:
            found = await self._spool.oldest(BATCH)
        except StoreError as error:
            log.error("the spool can't be read", error=str(error))
            return ()
        if not found:
            self._on_disk = 0
        return found

    async def _forget(self, submissions: Sequence[Submission]) -> bool:
        try:
            await self._spool.forget(submissions)
        except StoreError as error:
            log.error("the spool can't be written", error=str(error))
            return False
        self._on_disk = max(0, self._on_disk - len(submissions))
        return True

    async def _hand_on(self, submissions: Sequence[Submission]) -> None:
        # Each account and API by itself: one that is no longer configured must not take the others with it.
        for group in grouped(submissions, lambda one: (one.source, one.account, one.api)).values():
            await self._hand_on_group(group)

    async def _hand_on_group(self, group: Sequence[Submission]) -> None:
        source, account = group[0].source, group[0].account
        where = f"gateway {source}"
        entries = [Entry(one.request_id, one.account, one.api, one.submitted, where, one.reference) for one in group]
        delivery = Delivery(source, intake=self._intake(), health=self._health, sleep=self._sleep)
        left = len(entries)
        try:
            async for batch in delivery.hand_in(entries):
                left -= len(batch)
                log.info("submissions recorded later", count=len(batch), source=source, account=account)
        except InvalidEntry as error:
            log.error(
                "submissions are no longer taken in", error=str(error), count=left, source=source, account=account
            )
        else:
            self._health.up(source)
