"""The real process on a real Redis: both are killed and started again, and every RequestID is counted once."""

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.e2e.processes import eventually
from tests.e2e.stage import Stage
from tests.servers import RedisServer, redis_server

SOURCES = """\
sources:
  - {{type: redis, account: acme, name: stream, url: {url}, stream: lsq}}
  - {{type: redis, account: acme, name: list, url_file: redis.url, list: lsq-list}}
"""


@pytest.fixture
def server(stage: Stage) -> Iterator[RedisServer]:
    with redis_server(stage.folder) as server:
        (stage.folder / "redis.url").write_text(f"{server.url}\n")
        configuration = (stage.folder / "config.yaml").read_text()
        before, _, rest = configuration.partition("sources:\n")
        after = rest[rest.index("polling:") :]
        (stage.folder / "config.yaml").write_text(before + SOURCES.format(url=server.url) + after)
        yield server


@pytest.fixture
def redis(server: RedisServer) -> Iterator[Any]:
    with Redis.from_url(server.url, decode_responses=True) as client:
        yield client


def hand_in(redis: Any, request_ids: list[str]) -> None:
    """Half to the stream and half to the list."""
    for number, request_id in enumerate(request_ids):
        if number % 2:
            redis.lpush("lsq-list", request_id)
        else:
            redis.xadd("lsq", {"request_id": request_id})


def test_no_killed_exporter_or_redis_loses_a_request_or_counts_it_twice(
    stage: Stage, server: RedisServer, redis: Any
) -> None:
    stage.start_upstream()
    chance = random.Random(5)
    for turn in range(4):
        exporter = stage.start_exporter()
        for _ in range(chance.randrange(1, 6)):
            hand_in(redis, stage.submit(4))
            time.sleep(chance.uniform(0.0, 0.1))
        if turn % 2:
            server.stop()
            server.start()
            hand_in(redis, stage.submit(4))
        exporter.kill()
        exporter.wait()
    stage.start_exporter()
    eventually(
        lambda: stage.total("leadsquared_requests_finished_total"),
        fits=lambda count: count >= len(stage.submitted),
        seconds=60.0,
    )
    metrics = stage.metrics()
    discovered = {name: metrics[discovered_by(name)] for name in ("stream", "list")}
    assert discovered == {"stream": len(stage.submitted) / 2, "list": len(stage.submitted) / 2}
    assert stage.total("leadsquared_requests_finished_total") == len(stage.submitted)
    assert redis.xpending("lsq", "leadsquared-exporter")["pending"] == 0
    assert redis.exists("lsq-list", "lsq-list:processing", "lsq:poison", "lsq-list:poison") == 0


def discovered_by(source: str) -> str:
    return f'leadsquared_requests_discovered_total{{account="acme",api="lead_update",source="{source}"}}'


def test_an_outage_of_redis_is_a_state_that_ends_and_a_reload_changes_the_source(
    stage: Stage, server: RedisServer, redis: Any
) -> None:
    stage.start_upstream()
    exporter = stage.start_exporter()
    up = 'leadsquared_exporter_source_up{source="stream",type="redis"}'
    errors = 'leadsquared_exporter_source_errors_by_kind_total{kind="unreachable",source="stream",type="redis"}'
    eventually(lambda: stage.metrics()[up], fits=lambda value: value == 1)
    server.stop()
    eventually(stage.metrics, fits=lambda found: found[up] == 0 and found[errors] >= 1)
    server.start()
    redis.xadd("lsq", {"request_id": stage.submit(1)[0]})
    eventually(stage.metrics, fits=lambda found: found[up] == 1 and found[discovered_by("stream")] == 1)
    path = stage.folder / "config.yaml"
    path.write_text(path.read_text().replace("stream: lsq}", "stream: other}"))
    redis.xadd("other", {"request_id": stage.submit(1)[0]})
    exporter.send_signal(signal.SIGHUP)
    eventually(lambda: stage.metrics()[discovered_by("stream")], fits=lambda value: value == 2)
    exporter.send_signal(signal.SIGTERM)
    assert exporter.wait(10.0) == 0


def test_the_password_of_a_url_is_in_no_output(stage: Stage, server: RedisServer, redis: Any) -> None:
    stage.start_upstream()
    path = stage.folder / "config.yaml"
    path.write_text(path.read_text().replace(f"url: {server.url}", f"url: {server.url.replace('//', '//:s3cr3t@')}"))
    log = stage.folder / "exporter.log"
    stage.start_exporter()
    eventually(log.read_text, fits=lambda told: "refuses the user or the password" in told)
    told = log.read_text() + "".join(stage.metrics())
    assert "prefer url_file or url_env; whoever reads this file has the password" in told
    assert "s3cr3t" not in told


def test_a_bad_entry_is_logged_with_where_it_came_from(stage: Stage, redis: Any) -> None:
    stage.start_upstream()
    key = redis.xadd("lsq", {"request_id": "no good"})
    stage.start_exporter()
    refused = 'leadsquared_exporter_source_errors_by_kind_total{kind="invalid_entry",source="stream",type="redis"}'
    eventually(lambda: stage.metrics()[refused], fits=lambda count: count == 1)
    told = Path(stage.folder / "exporter.log").read_text()
    assert f'entries=1 moved_to=lsq:poison problem="lsq {key}: request_id: must be' in told
