"""What a list still holds, or a table is still looked back at for, counts once: however short the retention, however long the
process was away."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config.settings import FileSource as FileSettings
from exporter.core.cursor import Cursor
from exporter.core.request import State, Submission
from exporter.core.retention import UNREAD, forgotten_before
from exporter.sources.environment import Environment
from exporter.sources.file import FileSource
from exporter.sources.source import Accepted, Entry
from exporter.sources.sql.progress import Progress
from exporter.store.memory import Durable, MemoryStore
from tests.sources.twins import Clock, Health, Naps, Steady, at_once
from tests.store.build import finished

STEP = 600.0
KEPT = 7200.0
LOOK_BACK = 3600.0


class StoreIntake:
    """An intake that asks the store for everything. `taken` has each RequestID as often as it counted."""

    def __init__(self, store: MemoryStore, clock: Clock) -> None:
        self.store = store
        self.taken: list[str] = []
        self._clock = clock

    async def accept(self, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> Accepted:
        now = self._clock.now()
        made = [Submission(one.request_id, one.account, one.api, source, one.submitted, now) for one in entries]
        numbers = await self.store.admit(made, cursors)
        new = [one.request_id for one, number in zip(made, numbers, strict=True) if number is not None]
        self.taken += new
        return Accepted(len(new), len(made) - len(new))


class Table:
    """Rows by their numbers, and a reader that loses its place to the last one that was kept."""

    def __init__(self, intake: StoreIntake) -> None:
        self.rows: list[str] = []
        self.reachable = True
        self._intake = intake
        self._kept = 0
        self.restart()

    def restart(self) -> None:
        self.progress = Progress(self._kept, look_back=LOOK_BACK)

    async def look(self, now: float) -> None:
        last = self.progress.begin(now)
        if not self.reachable:
            return
        rows = [Entry(name, "acme", "lead_update", None) for name in self.rows[last:]]
        if rows:
            await self._intake.accept("table", rows)
            last = len(self.rows)
            self.progress.read(last, now)
        self.progress.end(last, now)
        self._kept = self.progress.settled


class World:
    """A file and a table, one process after the other, and a store that outlives them."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.intake = StoreIntake(MemoryStore(Durable()), self.clock)
        self.path = folder / "list.txt"
        self.path.write_text("")
        self.listed: list[str] = []
        self.table = Table(self.intake)
        self.names = 0
        self.start()

    def start(self) -> None:
        self.began = self.clock.now()
        self.file = FileSource(
            FileSettings(account="acme", api=None, paths=(str(self.path),), name="file"),
            Environment(
                intake=self.intake,
                health=Health(),
                clock=self.clock,
                apis=lambda: {"acme": ["lead_update"]},
                random=Steady(),
                sleep=Naps(),
                monotonic=self.clock.now,
                in_thread=at_once,
            ),
        )
        self.table.restart()

    def new(self, count: int) -> list[str]:
        self.names += count
        return [f"id-{number}" for number in range(self.names - count, self.names)]

    def write(self, *, broken: bool = False) -> None:
        self.path.write_text("".join(f"{name}\n" for name in self.listed) + ("not one\n" if broken else ""))

    async def end(self) -> None:
        pending = [one for one in self.intake.store.durable.records.values() if one.state is State.PENDING]
        await self.intake.store.commit([finished(one, time=self.clock.now()) for one in pending])

    async def pass_by(self, steps: int) -> None:
        for _ in range(steps):
            self.clock.time += STEP
            await self.end()
            for _ in range(2):
                await self.file.look()
            await self.table.look(self.clock.now())
            before = forgotten_before(
                self.clock.now(),
                kept=KEPT,
                began=self.began,
                read_since=(self.file.read_since, self.table.progress.since),
            )
            await self.intake.store.prune(finished_before=before, spent_before=0.0)

    async def do(self, what: str, count: int) -> None:
        match what:
            case "list":
                self.listed += self.new(count)
                self.write()
            case "shorten":
                del self.listed[:count]
                self.write()
            case "break":
                self.write(broken=True)
                await self.pass_by(count + 5)
                self.write()
            case "rows":
                self.table.rows += self.new(count)
            case "both":
                self.table.rows += self.listed[:count]
            case "cut":
                self.table.reachable = False
                await self.pass_by(count + 8)
                self.table.reachable = True
            case "restart":
                self.clock.time += count * KEPT / 3
                self.start()
            case "restart while cut":
                self.table.reachable = False
                self.clock.time += count * KEPT / 3
                self.start()
                await self.pass_by(min(count, 9))
                self.table.reachable = True


KINDS = ["list", "shorten", "break", "rows", "both", "cut", "restart", "restart while cut"]
DEEDS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 12), st.integers(1, 30)), max_size=12)


@settings(max_examples=200, deadline=None)
@given(DEEDS)
def test_what_is_listed_or_looked_back_at_counts_once(deeds: list[tuple[str, int, int]]) -> None:
    async def live() -> tuple[list[str], int]:
        with TemporaryDirectory() as folder:
            world = World(Path(folder))
            for what, count, steps in deeds:
                await world.do(what, count)
                await world.pass_by(steps)
            await world.end()
            await world.pass_by(50)
            listed, kept = set(world.listed), set(world.intake.store.durable.records)
            # What no source shows is forgotten: the store does not grow for ever.
            assert kept == listed
            return world.intake.taken, world.names

    taken, names = asyncio.run(live())
    assert sorted(taken) == sorted({*taken})
    assert len(taken) <= names


def test_after_a_start_the_sources_are_waited_for_as_long_as_a_request_is_remembered() -> None:
    asked = {
        now: forgotten_before(now, kept=100.0, began=1000.0, read_since=[UNREAD, 1010.0])
        for now in (1020.0, 1099.0, 1100.0)
    }
    assert asked == {1020.0: UNREAD, 1099.0: UNREAD, 1100.0: 900.0}


def test_what_was_known_at_the_last_reading_is_kept_for_the_retention_and_once_more() -> None:
    asked = [
        forgotten_before(now, kept=100.0, began=0.0, read_since=[1000.0, 1050.0])
        for now in (1000.0, 1060.0, 1100.0, 1150.0)
    ]
    assert asked == [900.0, 900.0, 900.0, 950.0]


def test_without_a_source_that_reads_again_the_retention_alone_counts() -> None:
    assert forgotten_before(1000.0, kept=100.0, began=990.0, read_since=[]) == 900.0
