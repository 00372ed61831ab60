"""Applications that push, and repeat a call until it is answered 202, some with the same RequestIDs at the same time."""

import asyncio
import json
from collections.abc import Sequence

import aiohttp

from tests.chaos.exporter import Source
from tests.chaos.faults import Fault
from tests.chaos.leadsquared import ACCOUNTS
from tests.chaos.scene import Scene
from tests.chaos.truth import Handing

CALLERS = 2


async def push(scene: Scene, handings: Sequence[Handing]) -> None:
    """Until they are taken in."""
    body = json.dumps({"account": handings[0].account, "request_ids": [one.request_id for one in handings]})
    headers = {"Content-Type": "application/json"}
    while True:
        try:
            async with scene.session.post(
                f"{scene.exporter.url}/api/v1/requests", data=body.encode(), headers=headers
            ) as answer:
                told = await answer.read()
            if answer.status == 202:
                break
            if answer.status != 503:
                scene.truth.complain(f"a push is answered {answer.status}", repr(told[:300]))
                return
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass
        await scene.pause(0.05, 0.3)
    scene.truth.durable(*handings)


class Push:
    def __init__(self, scene: Scene) -> None:
        self.name = scene.name
        self._scene = scene
        scene.exporter.add(Source(self.name, {"type": "push"}, stays=True))

    async def open(self) -> None:
        """Nothing but the exporter is needed."""

    async def run(self, ended: asyncio.Event) -> None:
        await asyncio.gather(*(self._call(ended) for _ in range(CALLERS)))

    async def settle(self) -> None:
        """A 202 is the last word."""

    async def close(self) -> None:
        """Nothing was opened."""

    def faults(self) -> list[Fault]:
        return []

    async def _call(self, ended: asyncio.Event) -> None:
        scene = self._scene
        while not ended.is_set():
            account = scene.chance.choice(ACCOUNTS)
            handings = await scene.submit(account, way=self.name, count=scene.chance.randrange(1, 6))
            callers = 1 if scene.chance.random() < 0.5 else 2
            await asyncio.gather(*(push(scene, handings) for _ in range(callers)))
            await scene.pause(0.1, 0.5)
