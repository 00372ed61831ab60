"""Which ways in a round has: drawn from the seed."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from tests.chaos.leadsquared import ACCOUNTS
from tests.chaos.scene import Scene, Way
from tests.chaos.ways.crowd import Crowd
from tests.chaos.ways.gateway import Gateway
from tests.chaos.ways.logs.daily import DailyLog
from tests.chaos.ways.logs.rotated import RotatedLogs
from tests.chaos.ways.logs.rotation import NAMES, ROTATIONS
from tests.chaos.ways.push import Push

LOGS = 2


def cast(scene: Scene, seed: int) -> list[Way]:
    """Each with a folder and a chance of its own, so that one more or less leaves the others as they are."""
    return list(_Casting(scene, seed).ways())


class _Casting:
    def __init__(self, scene: Scene, seed: int) -> None:
        self._scene = scene
        self._seed = seed
        self._chance = Random(f"{seed}/cast")

    def ways(self) -> Iterator[Way]:
        yield Push(self._of("push"))
        yield Gateway(self._of("gateway"), account=self._account())
        yield Crowd(self._of("crowd"), account=self._account())
        yield DailyLog(self._of("daily"), name="daily", account=self._account(), banner=self._chance.random() < 0.5)
        yield from self._logs()
        yield from self._neighbours()

    def _logs(self) -> Iterator[Way]:
        for number, names in enumerate(self._chance.sample(NAMES, LOGS)):
            name = f"log-{number}"
            scene = self._of(name)
            yield RotatedLogs(
                scene,
                name=name,
                account=self._account(),
                folder=scene.folder / "logs",
                names=names,
                paths=names[0] if len(names) == 1 else "*.log",
                rotation=self._chance.choice(ROTATIONS),
                banner=self._chance.random() < 0.3,
            )

    def _neighbours(self) -> Iterator[Way]:
        """Two sources in one folder, of two accounts."""
        folder = self._of("neighbours").folder / "logs"
        rotation = self._chance.choice([one for one in ROTATIONS if "extension" not in one.directives])
        for account, names, paths in (
            (ACCOUNTS[0], ("app.log",), "app.log"),
            (ACCOUNTS[1], ("app-1.log", "app-2.log"), "app-*.log"),
        ):
            name = f"neighbour-of-{account}"
            scene = self._of(name)
            yield RotatedLogs(
                scene,
                name=name,
                account=account,
                folder=folder,
                names=names,
                paths=paths,
                rotation=rotation,
                banner=False,
            )

    def _account(self) -> str:
        return self._chance.choice(ACCOUNTS)

    def _of(self, name: str) -> Scene:
        folder = self._scene.folder / name
        folder.mkdir(exist_ok=True)
        return replace(self._scene, folder=folder, chance=Random(f"{self._seed}/{name}"))
