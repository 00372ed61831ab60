from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from tests.servers import RedisServer, redis_server
from tests.sources.redis.scene import Scene


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(server: RedisServer) -> Iterator[Any]:
    with Redis.from_url(server.url, decode_responses=True, encoding_errors="surrogateescape") as client:
        client.flushall()
        yield client


@pytest.fixture
def scene(server: RedisServer) -> Scene:
    return Scene(server.url)
