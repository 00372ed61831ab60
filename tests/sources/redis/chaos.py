"""A stream or a list under seeded trouble, and what was handed over beside what was taken in or told as lost.

`python -m tests.sources.redis.chaos SEED [ROUNDS]` runs one seed again, or so many from it on: even ones with a stream, odd ones
with a list.
"""

import asyncio
import logging
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from exporter.core.cursor import Cursor
from exporter.errors import IntakeFull, StoreUnavailable
from exporter.sources.redis import report
from exporter.sources.source import Accepted, Entry
from tests.servers import RedisServer, redis_server
from tests.sources.redis.scene import PART, Scene, pending
from tests.sources.twins import Health, MemoryIntake, Naps
from tests.sources.waiting import until

STEPS = 60
# Sixty milliseconds.
_BUSY = """
local first = redis.call('time')
repeat local now = redis.call('time') until (now[1] - first[1]) * 1000000 + now[2] - first[2] > 60000
"""
_GAP = re.compile(r"orders refused (\d+): .*before they were delivered")
_GONE = re.compile(r"orders refused \d+: (.*): entries were trimmed .*acknowledged")


class Mortal(MemoryIntake):
    """Refuses, or dies after the commit and before it answers. `lost` is what was told up to the last position: what a process
    tells and dies before it keeps it is told again."""

    def __init__(self, chance: Random, health: Health) -> None:
        super().__init__()
        self.chance = chance
        self.health = health
        self.calm = False
        self.lost = 0
        self._seen = 0

    def forget(self) -> None:
        self._seen = len(self.health.story)

    async def accept(self, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> Accepted:
        fate = 1.0 if self.calm else self.chance.random()
        await asyncio.sleep(0)
        if fate < 0.05:
            raise StoreUnavailable("locked")
        if fate < 0.1 and entries:
            raise IntakeFull("no room")
        accepted = await super().accept(source, entries, cursors)
        if cursors:
            told = (_GAP.match(one) for one in self.health.story[self._seen :])
            self.lost += sum(int(one[1]) for one in told if one is not None)
            self.forget()
        if fate < 0.2:
            raise asyncio.CancelledError
        return accepted


class Chaos:
    """One consumer, on a server that writes its file before it answers."""

    def __init__(self, server: RedisServer, seed: int) -> None:
        self.chance = Random(seed)
        self.is_stream = seed % 2 == 0
        health = Health()
        self.intake = Mortal(self.chance, health)
        self.scene = Scene(server.url, intake=self.intake, health=health, naps=Naps(1_000_000), pause=0.01)
        self.handed: dict[str, str] = {}
        self._server = server
        # Nothing is added twice because an answer got lost.
        self._client: Any = Redis.from_url(server.url, decode_responses=True, retry=Retry(NoBackoff(), 0))
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        self._client.flushall()
        # A process that dies in between can only say that it does not know.
        self.intake.calm = True
        await self._start()
        await until(lambda: not self.is_stream or PART in self.intake.positions)
        self.intake.calm = False
        for _ in range(STEPS):
            await self.chance.choices(*zip(*self._steps(), strict=True))[0]()
            for _ in range(self.chance.randrange(30)):
                await asyncio.sleep(0)
            await asyncio.sleep(self.chance.choice((0.0, 0.0, 0.01, 0.03)))
        await self._finish()
        self._client.close()

    def silent(self) -> int:
        """How many were lost without a word (negative: told, and not lost)."""
        missing = self.handed.keys() - set(self.intake.ids)
        told = [found[1] for one in self.scene.health.story if (found := _GONE.match(one))]
        gone = {where.removeprefix("lsq ") for one in told for where in one.split("; ")}
        return len(missing) - self.intake.lost - sum(self.handed[name] in gone for name in missing)

    def _steps(self) -> list[tuple[Callable[[], Awaitable[None]], int]]:
        trims = [(self._add_and_trim, 6), (self._trim, 6), (self._delete, 6)]
        return [
            (self._add, 30),
            (self._kill, 10),
            (self._start, 20),
            (self._kill_server, 3),
            (self._busy, 2),
            *(trims if self.is_stream else ()),
        ]

    async def _add(self, **options: Any) -> None:
        for _ in range(self.chance.randrange(1, 12)):
            name = f"id-{len(self.handed)}"
            self.handed[name] = self._hand_in(name, **options)

    def _hand_in(self, name: str, **options: Any) -> str:
        if self.is_stream:
            return str(self._client.xadd("lsq", {"request_id": name}, **options))
        return str(self._client.lpush("lsq", name))

    def _is_read(self) -> bool:
        return not (pending(self._client) if self.is_stream else self._client.exists("lsq", "lsq:processing"))

    async def _add_and_trim(self) -> None:
        await self._add(maxlen=self.chance.randrange(1, 20), approximate=False)

    async def _trim(self) -> None:
        self._client.xtrim("lsq", maxlen=self.chance.randrange(20), approximate=False)

    async def _delete(self) -> None:
        keys = [key for key, _ in self._client.xrange("lsq")]
        for key in self.chance.sample(keys, min(len(keys), self.chance.randrange(4))):
            self._client.xdel("lsq", key)

    async def _start(self) -> None:
        if self._task is None or self._task.done():
            self.intake.forget()
            self._task = asyncio.create_task(self.scene.source(is_stream=self.is_stream).run())

    async def _kill(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _kill_server(self) -> None:
        self._server.stop()
        await asyncio.sleep(self.chance.choice((0.0, 0.05)))
        await asyncio.to_thread(self._server.start)
        self._client.close()

    async def _busy(self) -> None:
        """Redis answers nothing but that it is busy."""
        self._client.config_set("busy-reply-threshold", 1)
        await asyncio.to_thread(self._client.eval, _BUSY, 0)

    async def _finish(self) -> None:
        self.intake.calm = True
        # What is under way may be doomed already.
        await self._kill()
        for name in ("end-1", "end-2"):
            await self._start()
            self._hand_in(name)
            await until(lambda: name in self.intake.ids and self._is_read())  # noqa: B023
        await self._kill()


async def play(server: RedisServer, seed: int) -> Chaos:
    chaos = Chaos(server, seed)
    # Each by its name, however many they are.
    with patch.object(report, "MOST_SHOWN", 1_000_000):
        await chaos.run()
    return chaos


def main() -> None:
    first, rounds = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder), "--appendfsync", "always") as server:
        for seed in range(first, first + rounds):
            logging.disable()
            chaos = asyncio.run(play(server, seed))
            print(
                f"seed {seed}: {len(chaos.handed)} handed over, {len(chaos.intake.ids)} taken in, silent {chaos.silent()}",
                flush=True,
            )


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, RedisError):
        main()
