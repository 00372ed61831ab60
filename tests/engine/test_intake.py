"""What the gate lets others do while it takes in, and what it refuses."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from exporter.core.cursor import Cursor
from exporter.core.ledger import Counter
from exporter.engine.engine import Engine
from exporter.engine.intake import PART
from exporter.errors import IntakeFull
from exporter.leadsquared.network import NetworkTransport
from exporter.metrics.meters import Meters
from exporter.sources.source import Accepted, Entry
from exporter.store.memory import MemoryStore
from tests.engine.test_removal import SETTINGS


def entries(beginning: str, count: int) -> list[Entry]:
    return [
        Entry(request_id=f"{beginning}{number}", account="acme", api="lead_update", submitted=None)
        for number in range(count)
    ]


class Still:
    """A clock that stands still; the window of the dead process stays full, and nothing is polled."""

    def now(self) -> float:
        return 1_770_000_000.0


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    transport = NetworkTransport()
    made = Engine(SETTINGS, store=MemoryStore(), transport=transport, clock=Still(), meter=Meters(), random=Random(1))
    await made.start()
    yield made
    await made.stop()
    await transport.close()


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


async def test_a_position_moves_with_known_entries_too_and_stays_where_they_are_refused(engine: Engine) -> None:
    engine.intake.max_pending = 2
    for position in ("1", "2"):
        await engine.intake.accept("log", entries("a", 2), [Cursor(source="log", part="one", position=position)])
    assert engine.intake.positions("log") == {"one": "2"}
    with pytest.raises(IntakeFull):
        await engine.intake.accept("log", entries("b", 1), [Cursor(source="log", part="one", position="3")])
    assert engine.intake.positions("log") == {"one": "2"}
    await engine.intake.accept("log", [], [Cursor(source="log", part="one", position=None)])
    assert engine.intake.positions("log") == {}
