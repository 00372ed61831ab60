"""An application that answers with a list of what is pending, by entity tag, by date alone, or as it comes; and now and
then not at all."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial

from aiohttp import web

from tests.chaos.exporter import Source
from tests.chaos.faults import Fault
from tests.chaos.scene import Scene
from tests.chaos.truth import Handing
from tests.e2e.processes import free_port

KINDS = ("tagged", "dated", "plain")


class PulledList:
    def __init__(self, scene: Scene, *, account: str, kind: str) -> None:
        self.name = scene.name
        self._scene = scene
        self._account = account
        self._kind = kind
        self._listed: list[Handing] = []
        self._changed = datetime.now(UTC)
        self._ailing = ""
        self._coming: list[Handing] = []
        self._port = free_port()
        self._runner: web.ServerRunner | None = None
        url = f"http://127.0.0.1:{self._port}/pending"
        scene.truth.tell(f"answers are {kind}", way=self.name)
        scene.exporter.add(Source(self.name, {"type": "http", "account": account, "url": url, "interval": "1s"}))

    async def open(self) -> None:
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def run(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            self._list(*await self._scene.submit(self._account, way=self.name))
            await self._scene.pause(0.1, 0.6)
        await self._change_around_an_answer()

    async def settle(self) -> None:
        """What is listed stays."""

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def faults(self) -> list[Fault]:
        kinds = ("unavailable", "broken", "silent")
        return [Fault(f"{kind} {self.name}", partial(self._ail, kind), 0, 1, 3.0) for kind in kinds]

    def _list(self, *handings: Handing) -> None:
        self._listed += handings
        self._changed = datetime.now(UTC)
        self._scene.truth.durable(*handings)

    async def _change_around_an_answer(self) -> None:
        """The last changes: one right before an answer and one right after it, nearly always within the same second."""
        before, after = await self._scene.submit(self._account, way=self.name, count=2)
        self._coming.append(before)
        while self._coming:  # noqa: ASYNC110  (it goes when the exporter asks)
            await asyncio.sleep(0.01)
        self._list(after)

    async def _ail(self, kind: str, lasting: float) -> None:
        self._scene.truth.tell(f"is {kind} for {lasting:.1f} s", way=self.name)
        self._ailing = kind
        await asyncio.sleep(lasting)
        self._ailing = ""

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._ailing == "unavailable":
            return web.Response(status=503)
        if self._ailing == "silent":
            await asyncio.sleep(2.0)
        if self._coming:
            self._list(self._coming.pop())
        body = json.dumps([{"request_ids": [one.request_id for one in self._listed]}]).encode()
        if self._ailing == "broken":
            return web.Response(body=body[: len(body) // 2], content_type="application/json")
        headers = self._validators(body)
        same = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}
        is_same = any(request.headers.get(same[name]) == value for name, value in headers.items())
        if is_same:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type="application/json", headers=headers)

    def _validators(self, body: bytes) -> dict[str, str]:
        if self._kind == "tagged":
            return {"ETag": f'"{hashlib.sha256(body).hexdigest()}"'}
        return {"Last-Modified": format_datetime(self._changed, usegmt=True)} if self._kind == "dated" else {}
