"""A day's calls count, whatever became of the configuration and of the process since."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from exporter.clock import Clock
from exporter.config.settings import RateLimit, Settings
from exporter.engine.engine import Engine
from exporter.leadsquared.network import NetworkTransport
from exporter.metrics.meters import Meters
from exporter.simulator.virtual_time import EPOCH
from exporter.store.memory import Durable, MemoryStore
from exporter.store.sqlite import SqliteStore
from exporter.store.store import Store
from tests.clocks import STEPS, Machine
from tests.engine.test_removal import SETTINGS
from tests.store.conftest import ignore

(ACME,) = SETTINGS.accounts
BURST = RateLimit(calls=1000, period=5.0)
DAILY = Settings(accounts=(replace(ACME, rate_limit=replace(BURST, daily=200)),))
NO_DAILY = Settings(accounts=(replace(ACME, rate_limit=BURST),))
NO_ACME = Settings(accounts=(replace(ACME, name="other"),))

Open = Callable[[], Store]


class Hands:
    """A clock that is moved by hand, on a machine on which it may be set."""

    def __init__(self) -> None:
        self.time = EPOCH
        self.machine = Machine(lambda: self.time)
        self.process = self.machine.process()

    def begin(self) -> Clock:
        self.process = self.machine.process()
        return self.process

    def now(self) -> float:
        return self.process.now()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    durable = Durable()
    if request.param == "memory":
        return lambda: MemoryStore(durable)
    return lambda: SqliteStore(str(tmp_path / "state.db"), on_commit=ignore)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@asynccontextmanager
async def run(settings: Settings, store: Store, clock: Hands) -> AsyncIterator[Engine]:
    """One life of the process, with a clean stop; nothing is pending, so it makes no calls of its own."""
    transport = NetworkTransport()
    engine = Engine(settings, store=store, transport=transport, clock=clock.begin(), meter=Meters(), random=Random(1))
    try:
        await engine.start()
        yield engine
        await engine.stop()
    finally:
        await transport.close()


def call(engine: Engine, clock: Hands, calls: int) -> None:
    budget = engine.pollers["acme"].watch.budget
    for _ in range(calls):
        budget.start()
        budget.end(clock.now())


def used(engine: Engine) -> dict[str, int]:
    (view,) = [view for view in engine.views() if view.account == "acme"]
    return {window.name: window.used for window in view.windows}


@pytest.mark.parametrize("between", [NO_ACME, NO_DAILY], ids=["the account", "daily"])
async def test_a_run_without_it_does_not_make_the_day_begin_afresh(
    store: Open, clock: Hands, between: Settings
) -> None:
    async with run(DAILY, store(), clock) as engine:
        call(engine, clock, 60)
    for _ in range(2):
        clock.time += 3600.0
        async with run(between, store(), clock):
            pass
    clock.time += 3600.0
    async with run(DAILY, store(), clock) as engine:
        assert used(engine)["daily"] == 60


async def test_what_was_called_while_there_was_no_daily_limit_counts_when_it_comes(store: Open, clock: Hands) -> None:
    async with run(NO_DAILY, store(), clock) as engine:
        call(engine, clock, 60)
        assert list(used(engine)) == ["burst"]
        engine.apply(DAILY)
        assert used(engine)["daily"] == 60
        engine.apply(NO_DAILY)
        call(engine, clock, 7)
    async with run(DAILY, store(), clock) as engine:
        assert used(engine)["daily"] == 67


async def test_an_account_that_a_reload_brings_back_has_its_day_and_a_full_burst_window(
    store: Open, clock: Hands
) -> None:
    async with run(DAILY, store(), clock) as engine:
        call(engine, clock, 60)
    clock.time += 3600.0
    async with run(NO_ACME, store(), clock) as engine:
        engine.apply(DAILY)
        assert used(engine) == {"burst": 500, "daily": 60}
        engine.apply(NO_ACME)
        clock.time += 3600.0
        engine.apply(DAILY)
        assert used(engine) == {"burst": 0, "daily": 60}


async def test_calls_that_were_only_reserved_when_the_process_died_count_when_the_account_comes_back(
    clock: Hands,
) -> None:
    durable = Durable()
    async with run(DAILY, MemoryStore(durable), clock) as engine:
        call(engine, clock, 60)
        stated = engine.journal._spending.state()
        await MemoryStore(durable).commit([], stated.spent, anew=stated.anew)
        stated.stored()
        killed = replace(durable, spent=dict(durable.spent))
    clock.time += 3600.0
    async with run(NO_ACME, MemoryStore(killed), clock):
        pass
    clock.time += 86400.0 - 3600.0 + 120.0
    async with run(DAILY, MemoryStore(killed), clock) as engine:
        assert used(engine)["daily"] == 1, "the calls are a day old, the reservation is not"


async def test_what_is_a_day_old_is_kept_for_nobody(store: Open, clock: Hands) -> None:
    async with run(DAILY, store(), clock) as engine:
        call(engine, clock, 60)
    async with run(NO_ACME, store(), clock):
        clock.time += 86400.0 + 120.0
    last = store()
    assert [one for one in (await last.load()).spent if one.account == "acme"] == []
    await last.close([])


async def kept(engine: Engine, store: Store) -> None:
    """The journal writes what the budgets want to have stored."""
    stated = engine.journal._spending.state()
    await store.commit([], stated.spent, anew=stated.anew)
    stated.stored()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
async def test_the_calls_of_a_day_count_for_a_day_however_the_clock_is_set(
    clock: Hands, step: float, kill: bool
) -> None:
    durable = Durable()
    store = MemoryStore(durable)
    async with run(DAILY, store, clock) as engine:
        call(engine, clock, 30)
        await kept(engine, store)
        clock.time += 3600.0
        call(engine, clock, 5)
        await kept(engine, store)
        clock.machine.set(step)
        engine._clock_was_set(engine.wall.look())
        call(engine, clock, 7)
        await kept(engine, store)
        killed = replace(durable, spent=dict(durable.spent))
    reserved = 1 if kill else 0
    async with run(DAILY, MemoryStore(killed if kill else durable), clock) as engine:
        await kept(engine, store)
        assert used(engine)["daily"] == 42 + reserved
        clock.time += 86400.0 - 3600.0 - 100.0
        assert used(engine)["daily"] == 42 + reserved
        clock.time += 200.0
        assert used(engine)["daily"] == 12 + reserved
        clock.time += 3600.0
        assert used(engine)["daily"] == 0


@pytest.mark.parametrize("step", STEPS)
async def test_calls_are_not_forgotten_by_a_clock_that_shows_the_same_hour_again(clock: Hands, step: float) -> None:
    durable = Durable()
    store = MemoryStore(durable)
    for _ in range(4):
        async with run(DAILY, store, clock) as engine:
            for _ in range(10):
                call(engine, clock, 1)
                await kept(engine, store)
                clock.time += 60.0
            clock.machine.set(clock.machine.offset + step)
            engine._clock_was_set(engine.wall.look())
            durable = replace(durable, spent=dict(durable.spent), cursors=dict(durable.cursors))
        store = MemoryStore(durable)
        clock.time += 5.0
    async with run(DAILY, store, clock) as engine:
        assert 40 <= used(engine)["daily"] <= 44, "and a call that was reserved in each of four lives"
