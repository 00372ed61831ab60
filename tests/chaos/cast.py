"""Which ways in a round has: drawn from the seed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

from tests.chaos.leadsquared import ACCOUNTS
from tests.chaos.scene import Scene, Way
from tests.chaos.ways.crowd import Crowd
from tests.chaos.ways.gateway import Gateway
from tests.chaos.ways.lists import Lists
from tests.chaos.ways.logs.daily import DailyLog
from tests.chaos.ways.logs.neighbours import Neighbours
from tests.chaos.ways.logs.rotated import RotatedLogs
from tests.chaos.ways.logs.rotation import NAMES, ROTATIONS
from tests.chaos.ways.pulled import KINDS, PulledList
from tests.chaos.ways.push import Push
from tests.chaos.ways.redis import OneServer, Redis, Replicated
from tests.chaos.ways.sql.mariadb import Mariadb
from tests.chaos.ways.sql.outbox import Outbox
from tests.chaos.ways.sql.postgresql import Postgresql
from tests.chaos.ways.sql.sqlite import Sqlite

LOGS = 2
# More would be too much for two processors.
MOST_SERVERS = 2

CURSORS = ("id", "created_at")

Maker = Callable[[Scene], Way]


def cast(scene: Scene, seed: int, *, only: Sequence[str] = ()) -> list[Way]:
    """Each with a folder and a chance of its own, so that one more or less leaves the others as they are. `only` are the
    names of those that shall be there, all if there is none."""
    drawn = _drawn(Random(f"{seed}/cast"))
    makers = {name: {**drawn, **SERVERS}[name] for name in only} if only else drawn
    return [make(_own(scene, seed, name)) for name, make in makers.items()]


def _drawn(chance: Random) -> Mapping[str, Maker]:
    logs = {f"log-{number}": _logs(names) for number, names in enumerate(chance.sample(NAMES, LOGS))}
    return {
        "push": Push,
        "gateway": lambda scene: Gateway(scene, account=_account(scene)),
        "crowd": lambda scene: Crowd(scene, account=_account(scene)),
        "daily": lambda scene: DailyLog(scene, account=_account(scene), banner=scene.chance.random() < 0.5),
        **logs,
        "neighbours": Neighbours,
        "lists": lambda scene: Lists(scene, account=_account(scene)),
        "pulled": lambda scene: PulledList(scene, account=_account(scene), kind=scene.chance.choice(KINDS)),
        "sqlite": _sqlite,
        **{name: SERVERS[name] for name in chance.sample(sorted(SERVERS), MOST_SERVERS)},
    }


def _own(scene: Scene, seed: int, name: str) -> Scene:
    folder = scene.folder / name
    folder.mkdir()
    return replace(scene, name=name, folder=folder, chance=Random(f"{seed}/{name}"))


def _account(scene: Scene) -> str:
    return scene.chance.choice(ACCOUNTS)


def _logs(names: Sequence[str]) -> Maker:
    def make(scene: Scene) -> Way:
        return RotatedLogs(
            scene,
            name=scene.name,
            account=_account(scene),
            names=names,
            paths=names[0] if len(names) == 1 else "*.log",
            rotation=scene.chance.choice([one for one in ROTATIONS if one.suits(names)]),
            banner=scene.chance.random() < 0.3,
        )

    return make


def _redis(scene: Scene) -> Way:
    return Redis(scene, OneServer(scene), account=_account(scene))


def _sentinel(scene: Scene) -> Way:
    return Redis(scene, Replicated(scene), account=_account(scene))


def _sqlite(scene: Scene) -> Way:
    database = Sqlite(scene.folder, journal=scene.chance.choice(("wal", "delete")))
    return Outbox(scene, database, account=_account(scene))


def _postgresql(scene: Scene) -> Way:
    cursor = scene.chance.choice(CURSORS)
    scene.truth.tell(f"{cursor} is the cursor", way=scene.name)
    return Outbox(scene, Postgresql(cursor=cursor), account=_account(scene))


def _mariadb(scene: Scene) -> Way:
    zone, cursor = scene.chance.choice(("+05:30", "-08:00", "+00:00")), scene.chance.choice(CURSORS)
    scene.truth.tell(f"{cursor} is the cursor, in the zone {zone}", way=scene.name)
    return Outbox(scene, Mariadb(scene.folder, zone=zone, cursor=cursor), account=_account(scene))


SERVERS: Mapping[str, Maker] = {"redis": _redis, "sentinel": _sentinel, "postgresql": _postgresql, "mariadb": _mariadb}
