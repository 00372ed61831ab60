"""What the gate lets others do while it takes in, and what it refuses."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from exporter.clock import Clock
from exporter.config.settings import Settings
from exporter.core.cursor import Cursor
from exporter.core.ledger import Counter
from exporter.core.request import Submission
from exporter.engine.engine import Engine
from exporter.engine.intake import PART
from exporter.errors import IntakeFull, StoreError, StoreUnavailable
from exporter.leadsquared.network import NetworkTransport
from exporter.metrics.meters import Meters
from exporter.sources.source import Accepted, Entry
from exporter.store.memory import Durable, MemoryStore
from exporter.store.sqlite import SqliteStore
from exporter.store.store import Store
from tests.engine.test_removal import SETTINGS
from tests.store.conftest import ignore
from tests.store.test_trouble import with_doubles


def entries(beginning: str, count: int) -> list[Entry]:
    return [
        Entry(request_id=f"{beginning}{number}", account="acme", api="lead_update", submitted=None)
        for number in range(count)
    ]


class Still(Clock):
    """A clock that stands still; the window of the dead process stays full, and nothing is polled."""

    def now(self) -> float:
        return 1_770_000_000.0


@asynccontextmanager
async def running(store: Store, settings: Settings = SETTINGS) -> AsyncIterator[Engine]:
    transport = NetworkTransport()
    made = Engine(settings, store=store, transport=transport, clock=Still(), meter=Meters(), random=Random(1))
    await made.start()
    yield made
    await made.stop()
    await transport.close()


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with running(MemoryStore()) as made:
        yield made


async def test_a_large_call_lets_scrapes_in_and_each_one_adds_up(engine: Engine) -> None:
    whole = 20 * PART
    taking = asyncio.create_task(engine.intake.accept("push", entries("r", whole)))
    seen: list[int] = []
    while not taking.done():
        (view,) = engine.views()
        (api,) = view.apis
        seen.append(sum(api.pending.values()))
        assert sum(engine.ledger.counters[Counter.DISCOVERED].values()) == seen[-1]
        await asyncio.sleep(0)
    assert taking.result() == Accepted(whole, 0)
    assert len({count for count in seen if 0 < count < whole}) >= 10


async def test_two_calls_at_once_can_not_both_have_the_last_room(engine: Engine) -> None:
    engine.intake.max_pending = 10
    calls = [engine.intake.accept("push", entries(beginning, 6)) for beginning in "ab"]
    first, second = await asyncio.gather(*calls, return_exceptions=True)
    assert first == Accepted(6, 0)
    assert isinstance(second, IntakeFull)
    assert await engine.intake.accept("push", entries("c", 4)) == Accepted(4, 0)
    with pytest.raises(IntakeFull):
        await engine.intake.accept("push", entries("d", 1))


class Held(MemoryStore):
    """A store whose intakes wait until they are let go, or fail."""

    def __init__(self) -> None:
        super().__init__()
        self.gates: list[asyncio.Future[None]] = []

    async def admit(self, submissions: Sequence[Submission], cursors: Sequence[Cursor] = ()) -> list[int | None]:
        if submissions:
            self.gates.append(asyncio.get_running_loop().create_future())
            await self.gates[-1]
        return await super().admit(submissions, cursors)


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("fails", [False, True])
async def test_what_two_calls_hand_in_at_once_is_taken_once_and_known_when_it_is_durable(fails: bool) -> None:
    store = Held()
    async with running(store) as engine:
        first = asyncio.create_task(engine.intake.accept("push", entries("r", 3)))
        second = asyncio.create_task(engine.intake.accept("push", entries("r", 4)))
        await settled()
        assert (len(store.gates), second.done()) == (1, False)
        if fails:
            store.gates[0].set_exception(StoreUnavailable("the disk is full"))
        else:
            store.gates[0].set_result(None)
        await settled()
        store.gates[1].set_result(None)
        results = await asyncio.gather(first, second, return_exceptions=True)
        if fails:
            assert isinstance(results[0], StoreUnavailable)
        else:
            assert results[0] == Accepted(3, 0)
        assert results[1] == (Accepted(4, 0) if fails else Accepted(1, 3))
        assert engine.intake.pending == len(store.durable.records) == 4


async def test_what_is_twice_in_a_call_or_pending_for_another_account_is_not_taken_again() -> None:
    other = replace(SETTINGS.accounts[0], name="other")
    async with running(MemoryStore(), replace(SETTINGS, accounts=(*SETTINGS.accounts, other))) as engine:
        assert await engine.intake.accept("push", [*entries("r", 2), *entries("r", 3)]) == Accepted(3, 2)
        theirs = [entry._replace(account="other") for entry in entries("r", 4)]
        assert await engine.intake.accept("push", theirs) == Accepted(1, 3)


async def test_a_position_moves_with_known_entries_too_and_stays_where_they_are_refused(engine: Engine) -> None:
    engine.intake.max_pending = 2
    for position in ("1", "2"):
        await engine.intake.accept("log", entries("a", 2), [Cursor(source="log", part="one", position=position)])
    assert engine.intake.positions() == {"log": {"one": "2"}}
    with pytest.raises(IntakeFull):
        await engine.intake.accept("log", entries("b", 1), [Cursor(source="log", part="one", position="3")])
    assert engine.intake.positions() == {"log": {"one": "2"}}
    await engine.intake.accept("log", [], [Cursor(source="log", part="one", position=None)])
    assert engine.intake.positions() == {}


async def test_a_call_that_loses_the_race_is_answered_when_the_winner_is_durable() -> None:
    store = Held()
    async with running(store) as engine:
        first = asyncio.create_task(engine.intake.accept("push", entries("r", 3)))
        await settled()
        second = asyncio.create_task(engine.intake.accept("gateway", entries("r", 1)))
        await settled()
        assert not second.done()
        store.gates[0].set_result(None)
        assert (await first, await second) == (Accepted(3, 0), Accepted(0, 1))
        assert (len(store.gates), engine.intake.pending) == (1, 3)


class Trusting(MemoryStore):
    """A store that takes what it is given, with a turn of the loop before and after."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []

    async def admit(self, submissions: Sequence[Submission], cursors: Sequence[Cursor] = ()) -> list[int | None]:
        await asyncio.sleep(0)
        self.taken += [one.request_id for one in submissions]
        await asyncio.sleep(0)
        return await super().admit(submissions, cursors)


@pytest.mark.parametrize("seed", range(50))
async def test_what_many_hand_in_at_once_reaches_the_store_once_at_every_interleaving(seed: int) -> None:
    random, store = Random(seed), Trusting()
    names = entries("r", 8)

    async def caller(engine: Engine, source: str) -> int:
        taken = 0
        for _ in range(10):
            for _ in range(random.randrange(6)):
                await asyncio.sleep(0)
            taken += (await engine.intake.accept(source, random.sample(names, random.randint(1, 5)))).accepted
        return taken

    async with running(store) as engine:
        taken = await asyncio.gather(*(caller(engine, source) for source in ("log", "push", "gateway", "file")))
    assert sorted(store.taken) == sorted({*store.taken})
    assert sum(taken) == len(store.taken)


async def test_a_caller_that_hangs_up_leaves_nothing_unheard_when_the_store_fails() -> None:
    store, heard = Held(), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
    async with running(store) as engine:
        call = asyncio.create_task(engine.intake.accept("push", entries("r", 1)))
        await settled()
        call.cancel()
        await settled()
        store.gates[0].set_exception(StoreUnavailable("the database is locked"))
        await settled()
        gc.collect()
        assert (await engine.intake.accept("push", [])).known == 0
    assert heard == []


async def test_a_value_that_does_not_fit_into_the_database_is_refused_alone(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "state.db"), on_commit=lambda _: None)
    async with running(store) as engine:
        calls = [
            engine.intake.accept("gateway", [Entry(request_id=name, account="acme", api="lead_update", submitted=None)])
            for name in ("good", "bad \ud800", "fine")
        ]
        good, bad, fine = await asyncio.gather(*calls, return_exceptions=True)
        assert (good, fine) == (Accepted(1, 0), Accepted(1, 0))
        assert isinstance(bad, StoreError)
        assert str(bad).endswith("a value does not fit into the database")
        assert engine.intake.pending == 2


async def test_a_database_with_doubles_starts_with_each_request_once_and_adds_up(tmp_path: Path) -> None:
    with_doubles(tmp_path / "state.db")
    async with running(SqliteStore(str(tmp_path / "state.db"), on_commit=lambda _: None)) as engine:
        counts = {counter: sum(series.values()) for counter, series in engine.ledger.counters.items()}
        assert (counts[Counter.DISCOVERED], engine.intake.pending) == (6, 2)
        # Of the six one has finished, one was removed before, and three were doubles.
        assert counts[Counter.ABANDONED] == 1 + 3


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_reference_is_kept_in_memory_and_across_a_restart(kind: str, tmp_path: Path) -> None:
    durable = Durable()

    def store() -> Store:
        return MemoryStore(durable) if kind == "memory" else SqliteStore(str(tmp_path / "s.db"), on_commit=ignore)

    referred = Entry("a", "acme", "lead_update", None, reference="shop:2026/81#2")
    for _ in range(2):
        async with running(store()) as engine:
            await engine.intake.accept("push", [referred, *entries("b", 3)])
            table = engine.pollers["acme"].watch.tracker.table
            records = [table.record(slot) for slot in table]
            assert [record.reference for record in records] == ["shop:2026/81#2", None, None, None]
            found = await engine.find("a")
            assert found is not None
            assert found.record.reference == "shop:2026/81#2"


async def test_a_slot_that_is_used_again_has_no_reference_of_the_former_request(engine: Engine) -> None:
    await engine.intake.accept("push", [Entry("a", "acme", "lead_update", None, reference="o-1")])
    assert await engine.remove("a")
    await engine.intake.accept("push", entries("b", 1))
    found = await engine.find("b0")
    assert found is not None
    assert found.record.reference is None
