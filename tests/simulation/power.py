"""A store whose process can lose its power: what was committed stays, what was not is gone."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random

from exporter.core.change import Change
from exporter.core.cursor import Cursor
from exporter.core.request import Record, Submission
from exporter.errors import StoreUnavailable
from exporter.store.store import Contents, Found, Query, SpentCalls, Store


class PoweredStore:
    """Stands in front of a durable store for one life of the process.

    It waits before and after each write, so that a crash can fall on either side of the commit, and fails now and then.
    """

    def __init__(self, durable: Store, *, sleep: Callable[[float], Awaitable[None]], random: Random) -> None:
        self.broken = False
        self._durable = durable
        self._sleep = sleep
        self._random = random
        self._on = True
        self._followers: list[asyncio.Future[None]] = []

    def cut(self) -> None:
        """From here on nothing reaches the durable side."""
        self._on = False

    async def load(self) -> Contents:
        return await self._durable.load()

    async def admit(self, submissions: Sequence[Submission], cursors: Sequence[Cursor] = ()) -> list[int | None]:
        await self._before()
        sequences = await self._durable.admit(submissions, cursors)
        await self._pause()
        followers, self._followers = self._followers, []
        for one in followers:
            one.set_result(None)
        return sequences

    def admitted(self) -> "asyncio.Future[None]":
        """Ends in the turn of the loop in which an intake is told of its commit: who follows it closely finds the moment
        between the commit and what is done with it."""
        follower = asyncio.get_running_loop().create_future()
        self._followers.append(follower)
        return follower

    async def commit(self, changes: Sequence[Change], spent: Sequence[SpentCalls] = (), *, anew: bool = False) -> None:
        await self._before()
        await self._durable.commit(changes, spent, anew=anew)
        await self._pause()

    async def end_doubles(self, doubles: Sequence[Record]) -> None:
        await self._durable.end_doubles(doubles)

    async def find(self, request_id: str, sequence: int | None = None) -> Found | None:
        return await self._durable.find(request_id, sequence)

    async def page(self, query: Query) -> list[Record]:
        return await self._durable.page(query)

    async def prune(self, *, finished_before: float, spent_before: float) -> int:
        await self._before()
        return await self._durable.prune(finished_before=finished_before, spent_before=spent_before)

    async def close(self, spent: Sequence[SpentCalls]) -> None:
        await self._before(reliable=True)
        await self._durable.close(spent)

    async def _before(self, *, reliable: bool = False) -> None:
        await self._pause()
        if not self._on or (self.broken and not reliable):
            raise StoreUnavailable("the disk is full")

    async def _pause(self) -> None:
        # A disk stalls now and then: the longer a commit lasts, the more crashes fall into it.
        stalls = self._random.random() < 0.1
        await self._sleep(self._random.expovariate(1 / (1.0 if stalls else 0.005)))
