"""What vanishes from a stream before it is taken in, on a real Redis."""

import asyncio
from typing import Any

from tests.servers import RedisServer
from tests.sources.logged import logged
from tests.sources.redis.scene import Scene, lost, pending
from tests.sources.waiting import until


def add(redis: Any, count: int, **options: Any) -> list[str]:
    """RequestIDs id-0, id-1 …, after those that were added before; the IDs of their entries."""
    first = redis.incrby("added", count) - count
    return [redis.xadd("lsq", {"request_id": f"id-{number}"}, **options) for number in range(first, first + count)]


async def all_read(redis: Any, scene: Scene) -> None:
    """To the end of the stream, and once more."""
    redis.incr("added")
    redis.xadd("lsq", {"request_id": f"end-{redis.get('added')}"})
    await until(lambda: f"end-{redis.get('added')}" in scene.intake.ids and pending(redis) == 0)


async def test_entries_trimmed_before_they_were_delivered_are_told_and_counted(redis: Any, scene: Scene) -> None:
    async with scene.running():
        add(redis, 3)
        await all_read(redis, scene)
    last = redis.xinfo_groups("lsq")[0]["last-delivered-id"]
    keys = add(redis, 10)
    redis.xtrim("lsq", maxlen=4, approximate=False)
    with logged() as log:
        async with scene.running():
            await all_read(redis, scene)
    assert lost(scene) == [6]
    told = f'before they were delivered" source=orders entries=6 problem="after {last}, before {keys[6]}"'
    assert told in log.getvalue()


async def test_a_stream_that_was_trimmed_to_nothing_tells_what_was_in_it(redis: Any, scene: Scene) -> None:
    async with scene.running():
        await all_read(redis, scene)
    add(redis, 5)
    redis.xtrim("lsq", maxlen=0, approximate=False)
    for _ in range(2):
        async with scene.running():
            await all_read(redis, scene)
    assert lost(scene) == [5]


async def test_a_loss_is_told_once_however_often_the_exporter_starts(redis: Any, scene: Scene) -> None:
    for _ in range(3):
        async with scene.running():
            await all_read(redis, scene)
        add(redis, 10)
        redis.xtrim("lsq", maxlen=7, approximate=False)
        for _ in range(2):
            async with scene.running():
                await all_read(redis, scene)
    assert lost(scene) == [3] * 3


async def test_trims_and_deletions_of_what_was_delivered_are_no_loss(redis: Any, scene: Scene) -> None:
    for _ in range(3):
        async with scene.running():
            keys = add(redis, 10)
            await all_read(redis, scene)
            redis.xdel("lsq", *keys[3:7])
            await all_read(redis, scene)
        redis.xdel("lsq", keys[9])
        redis.xtrim("lsq", maxlen=0, approximate=False)
        add(redis, 3)
    async with scene.running():
        await all_read(redis, scene)
    assert lost(scene) == []


async def test_entries_deleted_one_by_one_before_they_were_delivered_are_counted(redis: Any, scene: Scene) -> None:
    async with scene.running():
        await all_read(redis, scene)
    keys = add(redis, 10)
    redis.xdel("lsq", *keys[2:5])
    async with scene.running():
        await all_read(redis, scene)
        await all_read(redis, scene)
    assert lost(scene) == [3]


async def test_what_was_trimmed_before_the_group_was_made_is_no_loss(redis: Any, scene: Scene) -> None:
    add(redis, 50)
    redis.xtrim("lsq", maxlen=5, approximate=False)
    for _ in range(2):
        async with scene.running():
            await all_read(redis, scene)
    assert lost(scene) == []
    assert len(scene.intake.ids) == 7


async def test_an_application_that_trims_ahead_of_the_exporter_loses_nothing_unseen(redis: Any, scene: Scene) -> None:
    async with scene.running():
        await all_read(redis, scene)
        for _ in range(20):
            with redis.pipeline() as pipeline:
                for _ in range(60):
                    pipeline.xadd("lsq", {"request_id": "x"}, maxlen=50, approximate=False)
                pipeline.execute()
            await asyncio.sleep(0.001)
        await all_read(redis, scene)
    taken = sum(count for _, count in scene.intake.calls)
    told = sum(lost(scene))
    assert taken + told == 20 * 60 + 2
    assert told >= 20 * 10


async def test_of_two_exporters_in_a_group_the_one_that_reads_on_tells_of_a_loss(
    redis: Any, server: RedisServer, scene: Scene
) -> None:
    other = Scene(server.url)
    async with scene.running(), other.running(consumer="two"):
        await until(lambda: bool(scene.health.story and other.health.story))
        for _ in range(20):
            add(redis, 7, maxlen=5, approximate=False)
            await asyncio.sleep(0.01)
        redis.xadd("lsq", {"request_id": "end"})
        await until(lambda: "end" in scene.intake.ids + other.intake.ids and pending(redis) == 0)
    assert not set(scene.intake.ids) & set(other.intake.ids)
    told = sum(lost(scene) + lost(other))
    assert len(scene.intake.ids) + len(other.intake.ids) + told == 141


async def test_a_group_that_is_gone_at_the_start_is_told(redis: Any, scene: Scene) -> None:
    async with scene.running():
        await all_read(redis, scene)
    redis.delete("lsq")
    async with scene.running():
        await all_read(redis, scene)
    told = "the stream or its group was gone, with all that was not read yet; it is made anew"
    assert f"orders down: {told}" in scene.health.story


async def test_where_redis_has_lost_count_a_possible_loss_is_told_and_not_counted(redis: Any, scene: Scene) -> None:
    keys = add(redis, 10)
    redis.xgroup_create("lsq", "exporters", id=keys[2])
    redis.xtrim("lsq", maxlen=4, approximate=False)
    with logged() as log:
        async with scene.running():
            await all_read(redis, scene)
    assert f'Redis does not know" source=orders problem="after {keys[2]}, before {keys[6]}"' in log.getvalue()
    assert lost(scene) == []


async def test_a_group_that_an_operator_made_late_tells_of_no_loss(redis: Any, scene: Scene) -> None:
    redis.xadd("lsq", {"request_id": "old"}, id="1-1")
    redis.xtrim("lsq", maxlen=0, approximate=False)
    redis.xgroup_create("lsq", "exporters", id="$")
    assert redis.xinfo_groups("lsq")[0]["entries-read"] is None
    async with scene.running():
        await all_read(redis, scene)
    assert scene.health.story == ["orders up"]
