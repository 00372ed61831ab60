"""A `redis` source whose server moves: behind Sentinels, and in a cluster."""

import asyncio
from collections.abc import Iterator

import pytest
from redis import Redis

from tests.servers import RedisCluster, RedisSentinel, redis_cluster, redis_sentinel
from tests.sources.redis.scene import Scene
from tests.sources.twins import Naps
from tests.sources.waiting import until


@pytest.fixture(scope="module")
def sentinel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSentinel]:
    with redis_sentinel(tmp_path_factory.mktemp("sentinel")) as servers:
        yield servers


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with redis_cluster(tmp_path_factory.mktemp("cluster")) as servers:
        yield servers


def hand_in(url: str, key: str, names: list[str], *, is_stream: bool = True, copies: int = 0) -> None:
    with Redis.from_url(url, decode_responses=True) as client:
        for name in names:
            client.xadd(key, {"request_id": name}) if is_stream else client.lpush(key, name)
        if copies:
            assert client.wait(copies, 5000) >= copies


def remaining(url: str, key: str, *, is_stream: bool) -> int:
    with Redis.from_url(url, decode_responses=True) as client:
        if is_stream:
            count: int = client.xpending(key, "exporters")["pending"]
            return count
        return int(client.llen(key) + client.llen(f"{key}:processing"))


@pytest.mark.parametrize("is_stream", [True, False])
async def test_the_source_goes_on_at_the_new_primary_after_a_failover(sentinel: RedisSentinel, is_stream: bool) -> None:
    key = "stream" if is_stream else "list"
    scene = Scene(sentinel.url, naps=Naps(10_000), pause=0.1)
    async with scene.running(key=key, is_stream=is_stream):
        for turn in range(2):
            names = [f"{turn}-{number}" for number in range(20)]
            await asyncio.to_thread(hand_in, sentinel.primary().url, key, names, is_stream=is_stream, copies=1)
            await asyncio.to_thread(sentinel.fail_over)
            later = [f"{turn}-{number}" for number in range(20, 40)]
            await asyncio.to_thread(hand_in, sentinel.primary().url, key, later, is_stream=is_stream, copies=1)
            await until(lambda: len(scene.intake.ids) == 40 * (turn + 1))  # noqa: B023
        await until(lambda: remaining(sentinel.primary().url, key, is_stream=is_stream) == 0)
    assert sorted(scene.intake.ids) == sorted(f"{turn}-{number}" for turn in range(2) for number in range(40))


async def test_the_source_follows_a_failover_that_an_operator_asks_for(sentinel: RedisSentinel) -> None:
    scene = Scene(sentinel.url, naps=Naps(10_000), pause=0.1)
    async with scene.running(key="asked"):
        await until(lambda: "orders up" in scene.health.story)
        former = sentinel.primary()
        sentinel.command("SENTINEL", "FAILOVER", "orders")
        await until(lambda: sentinel.primary() is not former)
        primary = sentinel.primary()
        await until(lambda: primary.command("ROLE").startswith("master"))
        # As Sentinel itself does ten seconds later.
        former.command("REPLICAOF", "127.0.0.1", str(primary.port))
        hand_in(sentinel.primary().url, "asked", ["a"])
        await until(lambda: scene.intake.ids == ["a"])


async def test_a_service_that_no_sentinel_knows_is_told(sentinel: RedisSentinel) -> None:
    scene = Scene(f"redis+sentinel://127.0.0.1:{sentinel.port}/other")
    async with scene.running():
        await until(lambda: bool(scene.health.story))
    told = "the Sentinels know no service of this name; check the source's url"
    assert scene.health.story[0] == f"orders down: {told}"
    assert scene.health.kinds[0] == "refused"


async def test_sentinels_that_are_gone_are_told(sentinel: RedisSentinel) -> None:
    scene = Scene("redis+sentinel://127.0.0.1:1,127.0.0.1:2/orders")
    async with scene.running():
        await until(lambda: bool(scene.health.story))
    assert scene.health.kinds[0] == "unreachable"


@pytest.mark.parametrize("is_stream", [True, False])
async def test_in_a_cluster_the_source_follows_its_keys_to_another_node(cluster: RedisCluster, is_stream: bool) -> None:
    key = "{stream}" if is_stream else "{list}"
    scene = Scene(cluster.url, naps=Naps(10_000), pause=0.1)
    async with scene.running(key=key, is_stream=is_stream):
        for turn in range(3):
            hand_in(cluster.owner(key).url, key, [f"{turn}-1", "not one"], is_stream=is_stream)
            await until(lambda: len(scene.intake.ids) == 2 * turn + 1)  # noqa: B023
            target = await asyncio.to_thread(cluster.move, key)
            hand_in(target.url, key, [f"{turn}-2"], is_stream=is_stream)
            await until(lambda: len(scene.intake.ids) == 2 * turn + 2)  # noqa: B023
        await until(lambda: remaining(cluster.owner(key).url, key, is_stream=is_stream) == 0)
    assert scene.intake.ids == [f"{turn}-{number}" for turn in range(3) for number in (1, 2)]
    assert sum("refused 1" in told for told in scene.health.story) == 3


async def test_a_node_of_a_cluster_that_does_not_have_the_key_says_what_to_do(cluster: RedisCluster) -> None:
    owner = cluster.owner("lsq")
    other = next(server for server in cluster.servers if server is not owner)
    scene = Scene(other.url)
    async with scene.running():
        await until(lambda: bool(scene.health.story))
    told = "this node of a Redis cluster does not have the key; url has to be redis+cluster://HOST:PORT"
    assert scene.health.story[0] == f"orders down: {told}"
