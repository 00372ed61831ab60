"""Applications that write to a stream and to a list of a real Redis, which is killed and started again, or fails over."""

import asyncio
import time
from contextlib import suppress
from typing import Any, Protocol

from redis.asyncio import Redis as Client
from redis.exceptions import RedisError

from tests.chaos.exporter import Source
from tests.chaos.faults import Fault
from tests.chaos.scene import Scene
from tests.chaos.threads import in_thread
from tests.chaos.truth import Handing
from tests.servers import RedisSentinel, RedisServer

KEYS = {"stream": "lsq", "list": "lsq-list"}
WAIT_MILLISECONDS = 500


class Place(Protocol):
    """Where Redis is. `url` is for the exporter, `primary` for the applications."""

    fault: str
    copies: int

    @property
    def url(self) -> str: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def primary(self) -> str: ...

    def strike(self, lasting: float) -> None:
        """Until all is well again."""


class OneServer:
    fault, copies = "kill -9 of redis", 0

    def __init__(self, scene: Scene) -> None:
        self._server = RedisServer(scene.folder)
        self.url = self._server.url
        self.stop = self._server.stop

    def start(self) -> None:
        self._server.start()
        # An answer must not come before what it answers to is in the file, not even while another flush takes long.
        self._server.command("CONFIG", "SET", "appendfsync", "always")

    def primary(self) -> str:
        return self.url

    def strike(self, lasting: float) -> None:
        self.stop()
        time.sleep(lasting)
        self.start()


class Replicated:
    """What an application has written and seen at the replica survives the primary."""

    fault, copies = "failover of redis", 1

    def __init__(self, scene: Scene) -> None:
        self._servers = RedisSentinel(scene.folder)
        self.url = self._servers.url
        self.start = self._servers.start
        self.stop = self._servers.stop

    def primary(self) -> str:
        return self._servers.primary().url

    def strike(self, lasting: float) -> None:
        self._servers.fail_over()


class Redis:
    def __init__(self, scene: Scene, place: Place, *, account: str) -> None:
        self.name = scene.name
        self._scene = scene
        self._account = account
        self._place = place
        self._client: Any = None
        self._turning = asyncio.Lock()
        shared = {"type": "redis", "account": account, "url": place.url, "claim_after": "3s"}
        for kind, key in KEYS.items():
            scene.exporter.add(Source(self._way(kind), {**shared, kind: key}))

    async def open(self) -> None:
        await in_thread(self._place.start)
        await self._connect()

    async def run(self, ended: asyncio.Event) -> None:
        await asyncio.gather(*(self._write(ended, kind) for kind in KEYS))

    async def settle(self) -> None:
        """What Redis has answered to is in its file, or at its replica. Nothing was trimmed, so nothing may be told as lost."""
        if "were trimmed or deleted" in await in_thread((self._scene.folder.parent / "exporter.log").read_text):
            self._scene.truth.complain(f"{self.name}: a loss is told that is none")

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
        await in_thread(self._place.stop)

    def faults(self) -> list[Fault]:
        return [Fault(self._place.fault, self._strike, 1, 2)]

    def _way(self, kind: str) -> str:
        return f"{self.name}-{kind}"

    async def _strike(self, lasting: float) -> None:
        async with self._turning:
            for kind in KEYS:
                self._scene.truth.tell(self._place.fault, way=self._way(kind))
            await in_thread(lambda: self._place.strike(lasting))

    async def _connect(self) -> None:
        if self._client is not None:
            await self._client.aclose()
        self._client = Client.from_url(await in_thread(self._place.primary))

    async def _write(self, ended: asyncio.Event, kind: str) -> None:
        while not ended.is_set():
            count = self._scene.chance.randrange(1, 4)
            for handing in await self._scene.submit(self._account, way=self._way(kind), count=count):
                await self._hand_over(handing, kind)
            await self._scene.pause(0.1, 0.5)

    async def _hand_over(self, handing: Handing, kind: str) -> None:
        """Again where no answer came, or no copy was made: it may be there twice then."""
        while not await self._is_handed_over(handing.request_id, kind):
            await self._scene.pause(0.1, 0.3)
        self._scene.truth.durable(handing)

    async def _is_handed_over(self, request_id: str, kind: str) -> bool:
        client = self._client
        with suppress(RedisError, OSError):
            async with client.pipeline(transaction=False) as pipeline:
                if kind == "stream":
                    pipeline.xadd(KEYS[kind], {"request_id": request_id})
                else:
                    pipeline.lpush(KEYS[kind], request_id)
                pipeline.wait(self._place.copies, WAIT_MILLISECONDS)
                _, copies = await pipeline.execute()
            return bool(copies >= self._place.copies)
        async with self._turning:
            if client is self._client:
                await self._connect()
        return False
