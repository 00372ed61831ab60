import asyncio

import pytest

from exporter.config import settings
from exporter.core.retention import UNREAD
from exporter.errors import IntakeFull, StoreUnavailable, UnknownAccount
from exporter.sources.environment import Environment
from exporter.sources.static import StaticSource
from tests.sources.twins import FIRST, SECOND, Clock, Health, MemoryIntake, Naps, Steady

SETTINGS = settings.StaticSource(account="acme", api="lead_update", request_ids=(FIRST, SECOND), name="static-0")


async def settle(source: StaticSource) -> asyncio.Task[None]:
    task = asyncio.ensure_future(source.run())
    for _ in range(20):
        await asyncio.sleep(0)
    return task


async def test_the_ids_are_handed_in_once_and_the_source_stays() -> None:
    intake, health = MemoryIntake(), Health()
    task = await settle(
        StaticSource(SETTINGS, Environment(intake=intake, health=health, random=Steady(), clock=Clock(), apis=dict))
    )
    assert intake.ids == [FIRST, SECOND]
    assert intake.entries[1].where == "static-0.request_ids[1]"
    assert health.story == ["static-0 up"]
    assert not task.done()
    task.cancel()


async def test_what_still_stands_in_the_configuration_is_handed_in_again_every_hour() -> None:
    intake, health, clock, naps = MemoryIntake(), Health(), Clock(), Naps(most=3)
    source = StaticSource(
        SETTINGS,
        Environment(intake=intake, health=health, random=Steady(), clock=clock, apis=dict, sleep=naps),
    )
    assert source.read_since == UNREAD
    with pytest.raises(asyncio.CancelledError):
        await source.run()
    assert naps.taken == [3600.0] * 3
    assert intake.calls == [("static-0", 2)] * 3
    assert intake.ids == [FIRST, SECOND]
    assert source.read_since == clock.time


async def test_a_refusing_intake_is_tried_again_ever_more_slowly() -> None:
    naps = Naps()
    intake, health = MemoryIntake(StoreUnavailable("disk full"), IntakeFull("full"), IntakeFull("full")), Health()
    task = await settle(
        StaticSource(
            SETTINGS, Environment(intake=intake, health=health, random=Steady(), sleep=naps, clock=Clock(), apis=dict)
        )
    )
    assert naps.taken[:4] == [1.0, 2.0, 4.0, 3600.0]
    assert intake.ids == [FIRST, SECOND]
    assert health.story == ["static-0 down: disk full", "static-0 down: full", "static-0 down: full", "static-0 up"]
    task.cancel()


async def test_the_pause_ends_at_a_minute() -> None:
    naps = Naps(most=8)
    source = StaticSource(
        SETTINGS,
        Environment(
            intake=MemoryIntake(*[IntakeFull("full")] * 9),
            health=Health(),
            random=Steady(),
            sleep=naps,
            clock=Clock(),
            apis=dict,
        ),
    )
    with pytest.raises(asyncio.CancelledError):
        await source.run()
    assert naps.taken == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


async def test_what_is_refused_for_good_is_told_and_not_tried_again() -> None:
    intake, health = MemoryIntake(UnknownAccount("not taken in", ["no account 'acme'"])), Health()
    task = await settle(
        StaticSource(SETTINGS, Environment(intake=intake, health=health, random=Steady(), clock=Clock(), apis=dict))
    )
    assert health.story == ["static-0 down: not taken in; no account 'acme'"]
    assert intake.ids == []
    assert not task.done()
    task.cancel()
