"""How long a request is known after its end."""

import asyncio
from dataclasses import replace
from random import Random

import pytest

from exporter.config.settings import Source as SourceSettings
from exporter.config.settings import StaticSource as StaticSettings
from exporter.config.settings import Storage
from exporter.core.ledger import Counter
from exporter.engine.engine import Engine
from exporter.feed import Feed
from exporter.metrics.meters import Meters
from exporter.simulator.door import Account as RemoteAccount
from exporter.simulator.options import Options
from exporter.simulator.remote import Remote
from exporter.simulator.transport import MemoryTransport, Network, Wire
from exporter.simulator.virtual_time import VirtualLoop
from exporter.sources.environment import Environment
from exporter.sources.source import Entry
from exporter.sources.static import StaticSource
from exporter.store.memory import Durable, MemoryStore
from tests.clocks import STEPS, Machine
from tests.engine.test_removal import SETTINGS
from tests.sources.twins import Health

HOUR = 3600.0
LISTED = StaticSettings(account="acme", api="lead_update", request_ids=("listed",), name="list")


class World:
    """One process after the other, with one source, over a store and a vendor that outlive them."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.machine = Machine(loop.time)
        self.durable = Durable()
        self.remote = Remote(
            Options(queue_service_time=1.0), 1, accounts=[RemoteAccount(name="acme", key="acme-key")], logged_calls=None
        )
        for name in ("listed", "pushed"):
            self.remote.submit(account="acme", api="lead_update", now=loop.time(), request_id=name)

    async def live(self, seconds: float, *pushed: str, then: float | None = None) -> None:
        """`then`: what the clock is set to in the middle."""
        transport = MemoryTransport(Wire(self.remote), clock=self.loop, sleep=asyncio.sleep, seed=1, network=Network())
        self.clock = self.machine.process()
        feed = Feed(self._build, Health())
        self.engine = Engine(
            replace(SETTINGS, storage=Storage(url="memory://", retention=2 * HOUR)),
            store=MemoryStore(self.durable),
            transport=transport,
            clock=self.clock,
            meter=Meters(),
            random=Random(1),
            read_since=feed.read_since,
        )
        await self.engine.start()
        await feed.apply((LISTED,))
        if pushed:
            entries = [Entry(request_id=name, account="acme", api="lead_update", submitted=None) for name in pushed]
            await self.engine.intake.accept("push", entries)
        await asyncio.sleep(seconds / 2)
        self.machine.set(self.machine.offset if then is None else then)
        await asyncio.sleep(seconds / 2)
        await feed.stop()
        await self.engine.stop()

    def counted(self, counter: Counter) -> int:
        return sum(self.engine.ledger.counters[counter].values())

    def _build(self, source: SourceSettings) -> StaticSource:
        assert isinstance(source, StaticSettings)
        environment = Environment(
            intake=self.engine.intake,
            health=Health(),
            clock=self.clock,
            apis=lambda: {"acme": ("lead_update",)},
            random=Random(1),
        )
        return StaticSource(source, environment)


def test_what_is_listed_for_ever_counts_once_and_what_is_not_is_forgotten() -> None:
    loop = VirtualLoop()

    async def scene() -> None:
        world = World(loop)
        await world.live(30 * HOUR, "pushed")
        assert sorted(world.durable.records) == ["listed"]
        for _ in range(2):
            await asyncio.sleep(100 * HOUR)
            await world.live(HOUR)
            assert sorted(world.durable.records) == ["listed"]
        assert (world.counted(Counter.DISCOVERED), world.counted(Counter.FINISHED)) == (2, 2)
        await world.live(5 * HOUR, "pushed")
        assert (world.counted(Counter.DISCOVERED), world.counted(Counter.FINISHED)) == (3, 3)

    try:
        loop.run_until_complete(scene())
    finally:
        loop.close()


@pytest.mark.parametrize("step", [*STEPS, 1e6, 1e9])
@pytest.mark.parametrize("between", [False, True], ids=["while it runs", "between two processes"])
def test_a_clock_that_is_set_makes_the_exporter_forget_nothing_too_early(step: float, between: bool) -> None:
    loop = VirtualLoop()

    async def scene() -> None:
        world = World(loop)
        await world.live(1.5 * HOUR, "pushed", then=None if between else step)
        world.machine.set(step)
        await world.live(0.5 * HOUR, "pushed")
        assert sorted(world.durable.records) == ["listed", "pushed"]
        assert (world.counted(Counter.DISCOVERED), world.counted(Counter.FINISHED)) == (2, 2)
        await world.live(10 * HOUR + max(0.0, -step))
        assert sorted(world.durable.records) == ["listed"]

    try:
        loop.run_until_complete(scene())
    finally:
        loop.close()
