"""An application that begins a file of its own each day, with the same banner, and days that pass in seconds."""

import asyncio
from datetime import date, timedelta
from pathlib import Path

from tests.chaos.exporter import Source
from tests.chaos.faults import Fault
from tests.chaos.scene import Scene
from tests.chaos.ways.logs.pattern import BANNER, PATTERN, line

_FIRST = date(2026, 1, 30)


class DailyLog:
    def __init__(self, scene: Scene, *, account: str, banner: bool) -> None:
        self.name = scene.name
        self._scene = scene
        self._account = account
        self._banner = banner
        self._day = 0
        self._folder = scene.folder
        settings = {"type": "log", "account": account, "paths": [f"{self._folder}/app-*.log"], "pattern": PATTERN}
        scene.exporter.add(Source(self.name, settings))
        scene.truth.tell(f"app-*.log, one each day{', with a banner' if banner else ''}", way=self.name)

    async def open(self) -> None:
        """The application makes its logs."""

    async def run(self, ended: asyncio.Event) -> None:
        while not ended.is_set():
            for handing in await self._scene.submit(self._account, way=self.name):
                self._write(line(handing.request_id))
                self._scene.truth.durable(handing)
            await self._scene.pause(0.05, 0.3)

    async def settle(self) -> None:
        """What is written stays."""

    async def close(self) -> None:
        """Nothing was opened."""

    def faults(self) -> list[Fault]:
        return [Fault(f"midnight of {self.name}", self._midnight, 3, 6)]

    async def _midnight(self, lasting: float) -> None:
        self._day += 1
        self._scene.truth.tell(f"begins {self._path().name}", way=self.name)

    def _path(self) -> Path:
        return self._folder / f"app-{_FIRST + timedelta(days=self._day):%Y%m%d}.log"

    def _write(self, text: str) -> None:
        path = self._path()
        begins = self._banner and not path.exists()
        with path.open("a") as file:
            file.write(BANNER + text if begins else text)
