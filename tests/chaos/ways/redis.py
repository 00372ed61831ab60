"""Applications that write to a stream and to a list of a real Redis, which is killed and started again."""

import asyncio
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis as Client
from redis.exceptions import RedisError

from tests.chaos.exporter import Source
from tests.chaos.faults import Fault
from tests.chaos.scene import Scene
from tests.chaos.threads import in_thread
from tests.chaos.truth import Handing
from tests.servers import RedisServer


class Redis:
    def __init__(self, scene: Scene, *, account: str) -> None:
        self.name = scene.name
        self._scene = scene
        self._account = account
        self._server = RedisServer(scene.folder)
        self._client: Any = Client.from_url(self._server.url)
        self._turning = asyncio.Lock()
        for name, key in (("redis-stream", {"stream": "lsq"}), ("redis-list", {"list": "lsq-list"})):
            scene.exporter.add(
                Source(name, {"type": "redis", "account": account, "url": self._server.url, "claim_after": "3s", **key})
            )

    async def open(self) -> None:
        await in_thread(self._start)

    async def run(self, ended: asyncio.Event) -> None:
        await asyncio.gather(self._write(ended, "redis-stream"), self._write(ended, "redis-list"))

    async def settle(self) -> None:
        """What Redis has answered to is in its file."""

    async def close(self) -> None:
        await self._client.aclose()
        await in_thread(self._server.stop)

    def faults(self) -> list[Fault]:
        return [Fault("kill of redis", self._restart, 1, 2)]

    def _start(self) -> None:
        self._server.start()
        # An answer must not come before what it answers to is in the file, not even while another flush takes long.
        self._server.command("CONFIG", "SET", "appendfsync", "always")

    async def _restart(self, lasting: float) -> None:
        async with self._turning:
            self._scene.truth.tell("kill -9 of redis", way="redis-stream")
            self._scene.truth.tell("kill -9 of redis", way="redis-list")
            await in_thread(self._server.stop)
            await asyncio.sleep(lasting)
            await in_thread(self._start)

    async def _write(self, ended: asyncio.Event, way: str) -> None:
        while not ended.is_set():
            for handing in await self._scene.submit(self._account, way=way, count=self._scene.chance.randrange(1, 4)):
                await self._hand_over(handing)
            await self._scene.pause(0.1, 0.5)

    async def _hand_over(self, handing: Handing) -> None:
        """Again where no answer came: it may be there twice then."""
        while True:
            with suppress(RedisError, OSError):
                if handing.way == "redis-stream":
                    await self._client.xadd("lsq", {"request_id": handing.request_id})
                else:
                    await self._client.lpush("lsq-list", handing.request_id)
                break
            await self._scene.pause(0.1, 0.3)
        self._scene.truth.durable(handing)
