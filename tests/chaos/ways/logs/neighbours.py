"""Two applications that log into one folder, each followed by a source of its own, for an account of its own."""

import asyncio

from tests.chaos.faults import Fault
from tests.chaos.leadsquared import ACCOUNTS
from tests.chaos.scene import Scene
from tests.chaos.ways.logs.rotated import RotatedLogs
from tests.chaos.ways.logs.rotation import ROTATIONS

# By the path of the source.
_LOGS = {"app.log": ("app.log",), "app-*.log": ("app-1.log", "app-2.log")}


class Neighbours:
    """What rotation makes of the one is named by no path of the other."""

    def __init__(self, scene: Scene) -> None:
        self.name = scene.name
        rotation = scene.chance.choice([one for one in ROTATIONS if not one.directives.endswith("extension .log")])
        self._ways = [
            RotatedLogs(
                scene, name=f"of-{account}", account=account, names=names, paths=paths, rotation=rotation, banner=False
            )
            for account, (paths, names) in zip(ACCOUNTS, _LOGS.items(), strict=True)
        ]

    async def open(self) -> None:
        for way in self._ways:
            await way.open()

    async def run(self, ended: asyncio.Event) -> None:
        await asyncio.gather(*(way.run(ended) for way in self._ways))

    async def settle(self) -> None:
        for way in self._ways:
            await way.settle()

    async def close(self) -> None:
        for way in self._ways:
            await way.close()

    def faults(self) -> list[Fault]:
        return [fault for way in self._ways for fault in way.faults()]
