"""A `redis` source and what is around it, on a real server."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from redis import ResponseError

from exporter.config.secret import InlineSecret
from exporter.config.settings import RedisSource as Settings
from exporter.sources.environment import Environment
from exporter.sources.redis.source import RedisSource
from tests.sources.twins import Clock, Health, MemoryIntake, Naps

APIS = {"acme": ("lead_update", "call_log")}
PART = "exporters lsq"


@dataclass
class Scene:
    """One source and what is around it. Where a server takes its time, a nap takes `pause`."""

    url: str
    intake: MemoryIntake = field(default_factory=MemoryIntake)
    health: Health = field(default_factory=Health)
    naps: Naps = field(default_factory=Naps)
    at_nap: Callable[[], object] = object
    seen: list[object] = field(default_factory=list)
    pause: float = 0.0
    references: bool = False

    async def sleep(self, seconds: float) -> None:
        """Notes what there is to see while the source waits."""
        self.seen.append(self.at_nap())
        await self.naps(seconds)
        await asyncio.sleep(self.pause)

    def source(self, **changes: Any) -> RedisSource:
        given: dict[str, Any] = {
            "account": None,
            "api": "lead_update",
            "url": InlineSecret(self.url),
            "key": "lsq",
            "is_stream": True,
            "group": "exporters",
            "consumer": "one",
            "payload": "payload",
            "claim_after": 300.0,
            "name": "orders",
        }
        return RedisSource(
            Settings(**(given | changes)),
            Environment(
                intake=self.intake,
                health=self.health,
                clock=Clock(),
                apis=lambda: APIS,
                random=Random(1),
                sleep=self.sleep,
                references=lambda: self.references,
            ),
            kept=self.intake.positions.get(PART),
        )

    @asynccontextmanager
    async def running(self, **changes: Any) -> AsyncIterator[None]:
        task = asyncio.create_task(self.source(**changes).run())
        try:
            yield
        finally:
            task.cancel()
            async with asyncio.timeout(5):
                await asyncio.gather(task, return_exceptions=True)


def pending(redis: Any) -> int | None:
    """Entries of the group that are not acknowledged; None while there is no group."""
    try:
        count: int = redis.xpending("lsq", "exporters")["pending"]
    except ResponseError:
        return None
    return count


def lost(scene: Scene) -> list[int]:
    """How many, each time that it was told."""
    told = (re.match(r"orders refused (\d+): .*before they were", one) for one in scene.health.story)
    return [int(one[1]) for one in told if one is not None]
