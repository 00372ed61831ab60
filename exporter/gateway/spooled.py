"""Submissions that went through and could not be recorded: they wait in the spool until the intake takes them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from random import Random, SystemRandom

from exporter.core.parts import grouped
from exporter.core.request import Submission
from exporter.errors import ImpossibleTime, InvalidEntry, StoreError
from exporter.log import get_logger
from exporter.sources.backoff import Backoff
from exporter.sources.delivery import BATCH, Delivery, Sleep
from exporter.sources.groups import FURTHEST_AHEAD
from exporter.sources.source import Entry, Intake, SourceHealth
from exporter.store.spool import Spool

# A store that has been away for hours must not fill the disk, nor the memory where the disk is full too.
MOST = 1_000_000
MOST_IN_MEMORY = 100_000
AGAIN_SECONDS = 0.5

log = get_logger(__name__)


class Spooled:
    """One for the process: gateways `add`, and `run` hands on what they added, in this life or in an earlier one.

    What the disk refuses waits in memory. What an account that is not configured now had submitted waits for its return, as its
    requests do that are in the store.
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
        self._is_read = False
        self._on_disk: Counter[str] = Counter()
        self._in_memory: dict[str, Submission] = {}
        self._refused: set[tuple[str, str]] = set()
        self._wanted = asyncio.Event()

    def __len__(self) -> int:
        return self._on_disk.total() + len(self._in_memory)

    def counts(self) -> Mapping[str, int]:
        """How many wait, by account."""
        return self._on_disk + Counter(one.account for one in self._in_memory.values())

    async def open(self) -> None:
        """Never an error: the gateways have to come up."""
        if await self._read() and len(self):
            log.info("submissions wait in the spool", count=len(self))
        self._wanted.set()

    async def add(self, source: str, entry: Entry) -> None:
        """Returns when it is durable, or when it can't be; never an error."""
        one = Submission(
            entry.request_id, entry.account, entry.api, source, entry.submitted, self._now(), entry.reference
        )
        if not await self._put([one]) and len(self._in_memory) < MOST_IN_MEMORY:
            self._in_memory[one.request_id] = one
        self._wanted.set()

    def reconsider(self) -> None:
        """The configuration may have an account again that it had not."""
        self._refused.clear()
        self._wanted.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        backoff = Backoff(self._random)
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._sleep(backoff.pause())
            await self.hand_on()
            if len(self) or not self._is_read:
                self._wanted.set()
            else:
                backoff.reset()

    async def hand_on(self) -> None:
        """All that waits, however long that takes, or what the spool lets be read."""
        for kept in _batches(list(self._in_memory.values())):
            for one in await self._hand_on(kept):
                self._in_memory.pop(one.request_id, None)
        if not self._is_read and not await self._read():
            return
        while found := await self._oldest():
            taken = await self._hand_on(found)
            # What can't be deleted stays in the file, and is known when it comes again.
            if taken and not await self._forget(taken):
                return

    async def close(self, grace: float = 0.0) -> None:
        """What is in memory alone has `grace` seconds to get to the disk."""
        loop = asyncio.get_running_loop()
        end = loop.time() + grace
        while kept := list(self._in_memory.values()):
            if await self._put(kept):
                self._in_memory.clear()
            elif loop.time() < end:
                await self._sleep(AGAIN_SECONDS)
            else:
                break
        await self._spool.close()
        if self._in_memory:
            log.error("submissions that waited for the store are lost", count=len(self._in_memory))
        if waiting := self._on_disk.total():
            log.warning("submissions wait in the spool for the next start", count=waiting)

    async def _read(self) -> bool:
        """How much waits there from before. It may come to be readable later."""
        try:
            self._on_disk = Counter(await self._spool.open())
        except StoreError as error:
            log.error("the spool can't be read; what waits there is not recorded until it can", error=str(error))
            return False
        self._is_read = True
        return True

    async def _put(self, submissions: Sequence[Submission]) -> bool:
        if self._on_disk.total() + len(submissions) > MOST:
            return False
        try:
            await self._spool.put(submissions)
        except StoreError as error:
            log.error("the spool can't be written", error=str(error))
            return False
        self._on_disk.update(one.account for one in submissions)
        return True

    async def _oldest(self) -> Sequence[Submission]:
        if not self._on_disk:
            return ()
        try:
            found = await self._spool.oldest(BATCH, without=self._refused)
        except StoreError as error:
            log.error("the spool can't be read", error=str(error))
            return ()
        if not found and not self._refused:
            self._on_disk.clear()
        return found

    async def _forget(self, submissions: Sequence[Submission]) -> bool:
        try:
            await self._spool.forget(submissions)
        except StoreError as error:
            log.error("the spool can't be written", error=str(error))
            return False
        self._on_disk -= Counter(one.account for one in submissions)
        return True

    async def _hand_on(self, submissions: Sequence[Submission]) -> list[Submission]:
        """Those that the intake has. Each account and API by itself: one that is not configured must not keep the others."""
        taken: list[Submission] = []
        for group in grouped(submissions, lambda one: (one.source, one.account, one.api)).values():
            if (group[0].account, group[0].api) not in self._refused and await self._hand_on_group(group):
                taken += group
        return taken

    async def _hand_on_group(self, group: Sequence[Submission]) -> bool:
        source, account, api = group[0].source, group[0].account, group[0].api
        entries = [self._entry(one) for one in group]
        delivery = Delivery(source, intake=self._intake(), health=self._health, sleep=self._sleep)
        try:
            async for batch in delivery.hand_in(entries):
                log.info("submissions recorded later", count=len(batch), source=source, account=account)
        except InvalidEntry as error:
            self._refused.add((account, api))
            told = "submissions wait for their account and api to be configured"
            log.error(told, error=error.in_full, source=source, account=account, api=api)
            return False
        self._health.up(source)
        return True

    def _entry(self, one: Submission) -> Entry:
        """The clock may have been set back since, or the machine started again with another one."""
        submitted, where = one.submitted, f"gateway {one.source}"
        if submitted is not None and submitted > self._now() + FURTHEST_AHEAD:
            submitted = None
            why = f"{where}: the time lies ahead"
            log.warning("a submission is recorded without its time", source=one.source, problem=why)
            self._health.refused(one.source, ImpossibleTime(why))
        return Entry(one.request_id, one.account, one.api, submitted, where, one.reference)


def _batches(submissions: Sequence[Submission]) -> list[list[Submission]]:
    rest = iter(submissions)
    batches = []
    while batch := list(islice(rest, BATCH)):
        batches.append(batch)
    return batches
