"""Seeded trouble: nothing is lost without a word, whatever dies when."""

from collections.abc import Iterator

import pytest

from tests.servers import RedisServer, redis_server
from tests.sources.redis.chaos import play


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis"), "--appendfsync", "always") as server:
        yield server


@pytest.mark.parametrize("seed", range(12))
async def test_what_was_handed_over_is_taken_in_or_told_as_lost(server: RedisServer, seed: int) -> None:
    chaos = await play(server, seed)
    assert chaos.silent() == 0
    assert len(chaos.intake.ids) > 20
