"""The real process on a real PostgreSQL: both are killed and started again, and every RequestID is counted once."""

import random
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.processes import eventually
from tests.e2e.stage import Stage
from tests.servers import PostgresServer, postgres_server

SOURCE = """\
sources:
  - type: sql
    account: acme
    name: outbox
    url_file: database.url
    query: select request_id, created_at from outbox where id > :cursor order by id
    cursor: id
    interval: 200ms
    look_back: 3s
"""
DISCOVERED = 'leadsquared_requests_discovered_total{account="acme",api="lead_update",source="outbox"}'
UP = 'leadsquared_exporter_source_up{source="outbox",type="sql"}'


class Outbox:
    """The table of an application, written with psql, each call one transaction."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._run(
            "create table outbox (id bigserial primary key, request_id text, created_at timestamptz default now())"
        )

    def insert(self, request_ids: list[str], *, lasting: float = 0.0) -> "subprocess.Popen[bytes]":
        """Rows of one transaction, which ends `lasting` seconds after it took their numbers."""
        values = ", ".join(f"('{one}')" for one in request_ids)
        sql = f"begin; insert into outbox (request_id) values {values}; select pg_sleep({lasting}); commit"
        return subprocess.Popen(("psql", "-q", "-X", self._server.url, "-c", sql), stdout=subprocess.DEVNULL)

    def _run(self, sql: str) -> None:
        subprocess.run(("psql", "-q", "-X", self._server.url, "-c", sql), check=True)


@pytest.fixture
def server(stage: Stage) -> Iterator[PostgresServer]:
    with postgres_server() as server:
        (stage.folder / "database.url").write_text(server.url.replace("postgres@", "postgres:s3cr3t@") + "\n")
        before, _, rest = (stage.folder / "config.yaml").read_text().partition("sources:\n")
        (stage.folder / "config.yaml").write_text(before + SOURCE + rest[rest.index("polling:") :])
        yield server


def test_no_killed_exporter_or_database_loses_a_row_or_counts_it_twice(stage: Stage, server: PostgresServer) -> None:
    stage.start_upstream()
    outbox = Outbox(server)
    chance = random.Random(7)
    for turn in range(4):
        exporter = stage.start_exporter()
        slow = outbox.insert(stage.submit(2), lasting=chance.uniform(0.2, 1.0))
        for _ in range(chance.randrange(1, 5)):
            outbox.insert(stage.submit(4)).wait()
        slow.wait()
        if turn % 2:
            server.stop()
            server.start()
            outbox.insert(stage.submit(3)).wait()
            eventually(lambda: stage.metrics()[DISCOVERED], fits=lambda count: count == len(stage.submitted))
        exporter.kill()
        exporter.wait()
    stage.start_exporter()
    eventually(
        lambda: stage.total("leadsquared_requests_finished_total"),
        fits=lambda count: count >= len(stage.submitted),
        seconds=60.0,
    )
    assert stage.metrics()[DISCOVERED] == len(stage.submitted)
    assert stage.total("leadsquared_requests_finished_total") == len(stage.submitted)
    assert "s3cr3t" not in (stage.folder / "exporter.log").read_text() + "".join(stage.metrics())


def test_an_outage_of_the_database_is_a_state_that_ends_and_a_reload_a_new_query(
    stage: Stage, server: PostgresServer
) -> None:
    stage.start_upstream()
    outbox = Outbox(server)
    exporter = stage.start_exporter()
    eventually(lambda: stage.metrics()[UP], fits=lambda value: value == 1)
    server.stop()
    errors = 'leadsquared_exporter_source_errors_by_kind_total{kind="unreachable",source="outbox",type="sql"}'
    eventually(stage.metrics, fits=lambda found: found[UP] == 0 and found[errors] >= 1)
    server.start()
    outbox.insert(["'' no good", *stage.submit(1)]).wait()
    eventually(stage.metrics, fits=lambda found: found[UP] == 1 and found[DISCOVERED] == 1)
    told = (stage.folder / "exporter.log").read_text()
    assert (
        'msg="rows that do not fit were passed over" source=outbox rows=1 problem="row with id 1: request_id: must be'
        in told
    )
    path = stage.folder / "config.yaml"
    path.write_text(path.read_text().replace("from outbox where", "from archive where"))
    exporter.send_signal(signal.SIGHUP)
    log = stage.folder / "exporter.log"
    eventually(log.read_text, fits=lambda told: "the query names a table that is not there" in told)
    exporter.send_signal(signal.SIGTERM)
    assert exporter.wait(10.0) == 0
