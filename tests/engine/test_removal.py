"""What becomes of an order to stop watching a request."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from exporter.config.secret import InlineSecret
from exporter.config.settings import Account, Api, RateLimit, Settings
from exporter.core.request import Cause, State
from exporter.engine.engine import Engine
from exporter.errors import StoreUnavailable
from exporter.leadsquared.endpoints import BY_NAME
from exporter.metrics.meters import Meters
from exporter.simulator.door import Account as RemoteAccount
from exporter.simulator.options import Options
from exporter.simulator.remote import Remote
from exporter.simulator.transport import MemoryTransport, Network, Wire
from exporter.simulator.virtual_time import VirtualLoop
from exporter.sources.source import Entry
from exporter.store.memory import MemoryStore
from tests.simulation.power import PoweredStore

LEAD_UPDATE = BY_NAME["lead_update"]
SETTINGS = Settings(
    accounts=(
        Account(
            name="acme",
            base_url="http://127.0.0.1",
            api_key=InlineSecret("acme-key"),
            rate_limit=RateLimit(calls=10, period=1.0),
            apis={"lead_update": Api(name="lead_update", status_path=LEAD_UPDATE.status_path, metrics_path=None)},
        ),
    ),
)

Scene = Callable[[Engine, PoweredStore], Awaitable[None]]


def play(scene: Scene, settings: Settings = SETTINGS) -> None:
    """The scene in virtual time, with one request `r1` that is pending at the vendor and was handed in."""
    loop = VirtualLoop()

    async def whole() -> None:
        store = PoweredStore(MemoryStore(), sleep=asyncio.sleep, random=Random(1))
        remote = Remote(
            Options(queue_service_time=86400.0),
            1,
            accounts=[RemoteAccount(name="acme", key="acme-key")],
            logged_calls=None,
        )
        remote.submit(account="acme", api="lead_update", now=loop.time(), request_id="r1")
        transport = MemoryTransport(Wire(remote), clock=loop, sleep=asyncio.sleep, seed=1, network=Network())
        engine = Engine(settings, store=store, transport=transport, clock=loop, meter=Meters(), random=Random(1))
        await engine.start()
        await engine.intake.accept("push", [Entry(request_id="r1", account="acme", api="lead_update", submitted=None)])
        await scene(engine, store)
        store.broken = False
        await engine.stop()

    try:
        loop.run_until_complete(whole())
    finally:
        loop.close()


async def settling(engine: Engine) -> None:
    """Wait until an answer about r1 was decided on and is not durable yet."""
    tracker = engine.pollers["acme"].watch.tracker
    while not tracker.settling(0):  # noqa: ASYNC110  (virtual time)
        await asyncio.sleep(0.001)


def test_a_removal_that_can_not_be_stored_is_refused_in_time_and_not_waited_for() -> None:
    async def scene(engine: Engine, store: PoweredStore) -> None:
        store.broken = True
        for _ in range(2):
            async with asyncio.timeout(10.0):
                with pytest.raises(StoreUnavailable):
                    await engine.remove("r1")

    play(scene)


def test_a_removal_that_comes_while_an_answer_is_being_stored_is_carried_out() -> None:
    async def scene(engine: Engine, _: PoweredStore) -> None:
        await settling(engine)
        assert await engine.remove("r1")
        found = await engine.find("r1")
        assert found is not None
        assert (found.record.state, found.record.cause) == (State.ABANDONED, Cause.REMOVED)

    play(scene)


def test_a_request_that_is_not_watched_is_not_removed() -> None:
    async def scene(engine: Engine, _: PoweredStore) -> None:
        assert not await engine.remove("r2")

    play(scene)
