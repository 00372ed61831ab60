"""Applications that write the table of a database: transactions that overlap, take long, are rolled back, or break with
the database. What is in the table in the end was handed over, and nothing else."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from tests.chaos.exporter import Source
from tests.chaos.faults import Fault
from tests.chaos.scene import Scene
from tests.chaos.truth import Handing

WRITERS = 2
# A transaction holds its numbers for so long at most.
LONGEST = 2.0
LOOK_BACK = "8s"


class Database(Protocol):
    """`query`, `cursor` and `start` are those of the source. `insert` says whether the transaction was committed; None: its
    shell does not know."""

    url: str
    query: str
    cursor: str
    start: str
    restarts: bool

    async def create(self) -> None:
        """The server and its table."""

    async def start_again(self) -> None: ...

    async def stop(self) -> None:
        """Without a word to its clients; whatever it was doing."""

    async def remove(self) -> None: ...

    async def insert(self, request_ids: Sequence[str], *, lasting: float, commit: bool) -> bool | None: ...

    async def rows(self) -> set[str]: ...


class Outbox:
    def __init__(self, scene: Scene, database: Database, *, account: str) -> None:
        self.name = scene.name
        self._scene = scene
        self._account = account
        self._database = database
        self._turning = asyncio.Lock()
        self._handings: list[Handing] = []
        settings = {
            "type": "sql",
            "account": account,
            "url": database.url,
            "query": database.query,
            "cursor": database.cursor,
            "start": database.start,
            "interval": "200ms",
            "look_back": LOOK_BACK,
        }
        scene.exporter.add(Source(self.name, settings))

    async def open(self) -> None:
        await self._database.create()

    async def run(self, ended: asyncio.Event) -> None:
        await asyncio.gather(*(self._write(ended) for _ in range(WRITERS)))

    async def settle(self) -> None:
        rows = await self._database.rows()
        for handing in self._handings:
            if handing.durable is not None and handing.request_id not in rows:
                self._scene.truth.complain(f"{self.name} has lost what it committed", handing.request_id)
            if handing.durable is None and handing.request_id in rows:
                self._scene.truth.durable(handing)
            handing.withdrawn = handing.request_id not in rows

    async def close(self) -> None:
        await self._database.stop()
        await self._database.remove()

    def faults(self) -> list[Fault]:
        return [Fault(f"restart of {self.name}", self._restart, 1, 2, 1.5)] if self._database.restarts else []

    async def _restart(self, lasting: float) -> None:
        async with self._turning:
            self._scene.truth.tell("the server is ended without a word", way=self.name)
            await self._database.stop()
            await asyncio.sleep(lasting)
            await self._database.start_again()
            self._scene.truth.tell("the server is up again", way=self.name)

    async def _write(self, ended: asyncio.Event) -> None:
        chance = self._scene.chance
        while not ended.is_set():
            handings = await self._scene.submit(self._account, way=self.name, count=chance.randrange(1, 4))
            self._handings += handings
            lasting = chance.uniform(0.1, LONGEST) if chance.random() < 0.4 else 0.0
            ids = [one.request_id for one in handings]
            if await self._database.insert(ids, lasting=lasting, commit=chance.random() < 0.85):
                self._scene.truth.durable(*handings)
            await self._scene.pause(0.1, 0.5)
