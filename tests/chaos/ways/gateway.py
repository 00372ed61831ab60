"""An application whose submissions pass the gateway."""

import asyncio
import json

import aiohttp

from tests.chaos import spans
from tests.chaos.exporter import Source
from tests.chaos.faults import Fault
from tests.chaos.leadsquared import KEYS
from tests.chaos.scene import Scene
from tests.chaos.truth import Handing
from tests.e2e.processes import free_port

CALLERS = 2
# `record_timeout` is 250 ms.
SLOW = 0.2
LATE = 3.0
_EXCUSE = "the store was too slow or refused, and a kill took what waited to be recorded"


class Gateway:
    def __init__(self, scene: Scene, *, account: str) -> None:
        self.name = scene.name
        self._scene = scene
        self._account = account
        self._url = f"http://127.0.0.1:{free_port()}"
        self._handings: list[Handing] = []
        listen = self._url.removeprefix("http://")
        scene.exporter.add(Source(self.name, {"type": "gateway", "account": account, "listen": listen}))

    async def open(self) -> None:
        """Nothing but the exporter is needed."""

    async def run(self, ended: asyncio.Event) -> None:
        await asyncio.gather(*(self._call(ended) for _ in range(CALLERS)))

    async def settle(self) -> None:
        for handing in self._handings:
            if handing.durable is not None and self._may_be_lost(handing.began, handing.durable):
                handing.excuse = _EXCUSE

    async def close(self) -> None:
        """Nothing was opened."""

    def faults(self) -> list[Fault]:
        return []

    async def submit(self) -> Handing | None:
        """Nothing is handed over when the call breaks: what became of the submission its application does not know."""
        truth, began = self._scene.truth, self._scene.truth.now()
        headers = {"x-api-key": KEYS[self._account]}
        url = f"{self._url}/lead/update?accessKey=k"
        try:
            async with self._scene.session.post(url, data=b"[]", headers=headers) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None
        if answer.status != 200:
            if answer.status not in (502, 504):
                truth.complain(f"the gateway answers {answer.status}", repr(body[:300]))
            return None
        handing = truth.begin(json.loads(body)["RequestID"], account=self._account, way=self.name)
        handing.began = began
        truth.durable(handing)
        self._handings.append(handing)
        return handing

    async def _call(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            await self.submit()
            await self._scene.pause(0.02, 0.3)

    def _may_be_lost(self, began: float, answered: float) -> bool:
        """Recorded once the store comes to it, or works again and is asked again."""
        known, until = self._scene.spans, answered
        if answered - began >= SLOW:
            until += LATE
        if known.touched(spans.STORE_TROUBLE, since=began, until=answered):
            until = max(until, known.over(spans.RECOVERY, since=began, until=answered))
        return known.killed(since=answered, until=until)
