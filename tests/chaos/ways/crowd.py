"""An application whose RequestIDs arrive by several ways at once: its submissions pass the gateway, stand in a log that
several sources follow, and are pushed by two of its workers."""

import asyncio
from dataclasses import replace

from tests.chaos.exporter import Source
from tests.chaos.faults import Fault
from tests.chaos.scene import Scene
from tests.chaos.truth import Handing
from tests.chaos.ways.gateway import Gateway
from tests.chaos.ways.logs.pattern import PATTERN, line
from tests.chaos.ways.push import push

FOLLOWERS = 6
CALLERS = 2


class Crowd:
    def __init__(self, scene: Scene, *, account: str) -> None:
        self.name = scene.name
        self._scene = scene
        self._account = account
        self._gateway = Gateway(replace(scene, name="crowd-gateway"), account=account)
        self._log = scene.folder / "crowd.log"
        for number in range(FOLLOWERS):
            settings = {"type": "log", "account": account, "paths": [str(self._log)], "pattern": PATTERN}
            scene.exporter.add(Source(f"crowd-log-{number}", settings))

    async def open(self) -> None:
        self._log.touch()

    async def run(self, ended: asyncio.Event) -> None:
        await asyncio.gather(*(self._call(ended) for _ in range(CALLERS)))

    async def settle(self) -> None:
        await self._gateway.settle()

    async def close(self) -> None:
        """Nothing was opened."""

    def faults(self) -> list[Fault]:
        return []

    async def _call(self, ended: asyncio.Event) -> None:
        scene = self._scene
        while not ended.is_set():
            if scene.chance.random() < 0.5:
                passed = await self._gateway.submit()
                request_id = passed.request_id if passed is not None else None
            else:
                request_id = await scene.leadsquared.submit(self._account)
            if request_id is not None:
                await self._hand_over(request_id)
            await scene.pause(0.05, 0.3)

    async def _hand_over(self, request_id: str) -> None:
        """In the log alone, or pushed as well."""
        truth = self._scene.truth
        written = truth.begin(request_id, account=self._account, way="crowd-log")
        self._write(written)
        if self._scene.chance.random() < 0.5:
            pushed = truth.begin(request_id, account=self._account, way="crowd-push")
            await self._scene.pause(0.0, 0.5)
            await asyncio.gather(push(self._scene, [pushed]), push(self._scene, [pushed]))

    def _write(self, handing: Handing) -> None:
        with self._log.open("a") as file:
            file.write(line(handing.request_id))
        self._scene.truth.durable(handing)
