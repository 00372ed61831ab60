"""What becomes of a source that ends by a defect."""

import asyncio
from dataclasses import replace

from exporter.config.settings import Source as Settings
from exporter.config.settings import StaticSource
from exporter.core.retention import UNREAD
from exporter.feed import Feed
from tests.sources.logged import logged
from tests.sources.twins import Health
from tests.sources.waiting import until

ONE = StaticSource(account="acme", api="lead_update", request_ids=("a",), name="one")


class Source:
    """Fails as often as it is told to, each time as a task of a group, and works after that."""

    def __init__(self, name: str, failures: list[Exception]) -> None:
        self.name = name
        self._failures = failures

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._work())

    async def _work(self) -> None:
        if self._failures:
            raise self._failures.pop()
        await asyncio.Event().wait()


async def test_a_source_that_ends_by_a_defect_is_logged_and_down_and_begins_anew_on_reload() -> None:
    health = Health()
    failures: list[Exception] = [ValueError("a line with lead data")]

    def build(source: Settings) -> Source:
        return Source(source.name, failures)

    feed = Feed(build, health)
    with logged() as log:
        await feed.apply((ONE,))
        await until(lambda: bool(health.story))
    assert health.story == ["one down: a line with lead data"]
    assert "level=error" in log.getvalue()
    assert "source=one problem=ValueError" in log.getvalue()
    assert "lead data" not in log.getvalue()
    assert feed.dead() == "one"
    await feed.apply((ONE,))
    await asyncio.sleep(0)
    assert feed.dead() is None
    await feed.stop()
    assert len(health.story) == 1


class Rereader(Source):
    read_since = 7.0


async def test_sources_that_may_hand_in_again_are_asked_since_when_they_know_what() -> None:
    feed = Feed(lambda source: (Rereader if source.name == "one" else Source)(source.name, []), Health())
    assert feed.read_since() == [UNREAD]
    await feed.apply((ONE, replace(ONE, name="two")))
    assert feed.read_since() == [7.0]
    await feed.apply(())
    assert feed.read_since() == []
