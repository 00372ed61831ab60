"""A table that an application writes, in any of the databases, and a `sql` source that reads it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from exporter.config.secret import InlineSecret
from exporter.config.settings import SqlSource as Settings
from exporter.sources.environment import Environment
from exporter.sources.sql.source import SqlSource
from tests.sources.twins import Clock, Health, MemoryIntake
from tests.sources.waiting import until

APIS = {"acme": ("lead_update", "call_log")}
QUERY = "select request_id, created_at from outbox where id > :cursor order by id"
DRIVERS = {"postgresql": "postgresql+asyncpg", "mysql": "mysql+asyncmy", "sqlite": "sqlite+aiosqlite"}
TABLE = (
    "create table outbox (id bigint primary key, request_id varchar(200), created_at timestamp null, api varchar(40))"
)


@dataclass
class Application:
    """Who writes the table."""

    url: str
    engine: AsyncEngine

    async def execute(self, sql: str, *rows: Mapping[str, Any]) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(text(sql), list(rows) or None)

    async def insert(self, *ids: int, request_id: str = "id-{}") -> None:
        rows = [{"id": number, "request_id": request_id.format(number)} for number in ids]
        await self.execute("insert into outbox (id, request_id) values (:id, :request_id)", *rows)


@asynccontextmanager
async def application(url: str) -> AsyncIterator[Application]:
    scheme, _, rest = url.partition("://")
    engine = create_async_engine(f"{DRIVERS[scheme]}://{rest}")
    one = Application(url, engine)
    try:
        await one.execute("drop table if exists outbox")
        await one.execute(TABLE)
        yield one
    finally:
        await engine.dispose()


@dataclass
class Rest:
    """A sleep that lasts until the test lets it end; what the source sleeps for is noted."""

    taken: list[float] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        await self.over.wait()
        self.over.clear()


@dataclass
class Scene:
    """One source and what is around it. `look` lets it look once more."""

    url: str
    intake: MemoryIntake = field(default_factory=MemoryIntake)
    health: Health = field(default_factory=Health)
    clock: Clock = field(default_factory=Clock)
    rest: Rest = field(default_factory=Rest)
    references: bool = False

    def source(self, **changes: Any) -> SqlSource:
        given: dict[str, Any] = {
            "account": None,
            "api": "lead_update",
            "url": InlineSecret(self.url),
            "query": QUERY,
            "cursor": "id",
            "name": "orders",
            "look_back": 300.0,
        }
        return SqlSource(
            Settings(**(given | changes)),
            Environment(
                intake=self.intake,
                health=self.health,
                clock=self.clock,
                apis=lambda: APIS,
                random=Random(1),
                sleep=self.rest,
                references=lambda: self.references,
            ),
            positions={part: where for part, where in self.intake.positions.items() if where is not None},
        )

    @asynccontextmanager
    async def running(self, **changes: Any) -> AsyncIterator[None]:
        """From its first look to its end."""
        self.rest = Rest()
        task = asyncio.create_task(self.source(**changes).run())
        try:
            await until(lambda: len(self.rest.taken) == 1)
            yield
        finally:
            task.cancel()
            async with asyncio.timeout(5):
                await asyncio.gather(task, return_exceptions=True)

    async def look(self, *, later: float = 10.0) -> None:
        self.clock.time += later
        looks = len(self.rest.taken)
        self.rest.over.set()
        await until(lambda: len(self.rest.taken) > looks)
