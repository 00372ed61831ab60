"""The `sql` source against real databases: PostgreSQL, MariaDB and SQLite."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from exporter.errors import ExporterError, IntakeFull, StoreUnavailable
from exporter.sources.sql.database import ROWS
from tests.servers import MariaServer, PostgresServer
from tests.sources.logged import logged
from tests.sources.outbox import Application, Scene, application
from tests.sources.twins import NOW


async def test_rows_are_taken_in_with_their_times_as_they_come(outbox: Application) -> None:
    scene = Scene(outbox.url)
    sql = "insert into outbox (id, request_id, created_at) values (1, 'a', '2026-02-02 02:39:00')"
    await outbox.execute(sql)
    async with scene.running():
        (first,) = scene.intake.entries
        await outbox.insert(2)
        await scene.look()
    assert (first.request_id, first.account, first.api, first.submitted) == ("a", "acme", "lead_update", NOW - 60)
    assert first.where == "row with id 1"
    assert scene.intake.ids == ["a", "id-2"]
    assert scene.rest.taken == [10.0, 10.0]
    assert scene.health.story == ["orders up"]


async def test_a_row_whose_time_lies_ahead_is_taken_without_it_and_counted_once(outbox: Application) -> None:
    scene = Scene(outbox.url)
    for number, minute in ((1, 46), (2, 39)):
        row = f"({number}, 'id-{number}', '2026-02-02 02:{minute}:00')"
        await outbox.execute(f"insert into outbox (id, request_id, created_at) values {row}")
    async with scene.running():
        for _ in range(3):
            await scene.look(later=100.0)
    assert [(one.request_id, one.submitted) for one in scene.intake.entries] == [("id-1", None), ("id-2", NOW - 60)]
    assert scene.health.story == ["orders refused 1: the time lies ahead: row with id 1", "orders up"]
    assert scene.health.kinds == ["impossible_time"]


async def test_a_column_may_tell_the_reference(outbox: Application) -> None:
    scene = Scene(outbox.url, references=True)
    await outbox.insert(1, 2)
    query = "select id, request_id, case when id = 1 then 'order-1' end as reference from outbox where id > :cursor order by id"
    async with scene.running(query=query):
        pass
    assert [one.reference for one in scene.intake.entries] == ["order-1", None]


async def test_a_column_with_references_is_refused_unless_they_are_allowed(outbox: Application) -> None:
    scene = Scene(outbox.url)
    await outbox.insert(1)
    query = "select id, request_id, 'order-1' as reference from outbox where id > :cursor order by id"
    async with scene.running(query=query):
        pass
    why = "which is refused unless references: true stands in the configuration"
    assert scene.health.story == [f"orders down: the query brings the column reference, {why}"]
    assert scene.intake.ids == []


async def test_the_columns_may_name_account_and_api_and_the_cursor_may_be_selected(outbox: Application) -> None:
    scene = Scene(outbox.url)
    await outbox.insert(1, 2)
    await outbox.execute("update outbox set api = 'call_log' where id = 2")
    query = "select o.id, request_id, 'acme' as account, api from outbox o where o.id > :cursor order by o.id;"
    async with scene.running(query=query, cursor="o.id"):
        pass
    assert [(entry.account, entry.api) for entry in scene.intake.entries] == [
        ("acme", "lead_update"),
        ("acme", "call_log"),
    ]


async def test_thousands_of_rows_are_read_in_pages_and_none_twice(outbox: Application) -> None:
    scene = Scene(outbox.url)
    await outbox.insert(*range(1, 2 * ROWS + 500))
    async with scene.running():
        assert len(scene.intake.ids) == 2 * ROWS + 499
    assert [count for _, count in scene.intake.calls] == [ROWS - 1, ROWS - 1, 501]


async def test_rows_with_one_value_of_the_cursor_are_never_parted(outbox: Application) -> None:
    scene = Scene(outbox.url)
    await outbox.insert(*range(1, ROWS + 3000))
    query = (
        "select request_id, step from (select request_id, floor(id / 3000.0) as step from outbox) o "
        "where step > :cursor order by step"
    )
    async with scene.running(query=query, cursor="step", start="-1"):
        pass
    assert len(scene.intake.ids) == ROWS + 2999


async def test_a_row_that_is_committed_later_than_one_with_a_higher_number_is_not_skipped(pg: Application) -> None:
    scene = Scene(pg.url)
    await pg.insert(1)
    async with pg.engine.connect() as slow:
        await slow.execute(text("insert into outbox (id, request_id) values (2, 'slow')"))
        await pg.insert(3)
        async with scene.running():
            assert scene.intake.ids == ["id-1", "id-3"]
            await slow.commit()
            await scene.look()
            assert scene.intake.ids == ["id-1", "id-3", "slow"]


async def test_the_position_is_kept_when_nothing_can_turn_up_behind_it(outbox: Application) -> None:
    scene = Scene(outbox.url)
    await outbox.insert(1, 2)
    async with scene.running():
        await scene.look(later=299.0)
        assert scene.intake.positions == {}
        await outbox.insert(3)
        await scene.look(later=2.0)
        assert scene.intake.positions == {"id": "int 2"}
        await scene.look(later=301.0)
        assert scene.intake.positions == {"id": "int 3"}
    await outbox.execute("delete from outbox where id = 3")
    again = Scene(outbox.url, intake=scene.intake)
    await outbox.insert(4)
    async with again.running():
        assert scene.intake.ids == ["id-1", "id-2", "id-3", "id-4"]


async def test_without_looking_back_the_position_is_kept_with_each_page(outbox: Application) -> None:
    scene = Scene(outbox.url)
    await outbox.insert(1, 2)
    async with scene.running(look_back=0.0):
        assert scene.intake.positions == {"id": "int 2"}


async def test_the_first_start_may_begin_later(outbox: Application) -> None:
    scene = Scene(outbox.url)
    await outbox.insert(1, 2, 3)
    async with scene.running(start="2"):
        assert scene.intake.ids == ["id-3"]


@pytest.mark.parametrize("refusal", [IntakeFull("no room"), StoreUnavailable("the disk is full")])
async def test_while_the_intake_refuses_no_row_is_passed_over(outbox: Application, refusal: ExporterError) -> None:
    scene = Scene(outbox.url)
    scene.intake.refusals = [refusal] * 2
    await outbox.insert(1)
    async with scene.running(look_back=0.0):
        assert scene.intake.positions == {}
        await scene.look()
        await scene.look()
        assert scene.intake.ids == ["id-1"]
    assert scene.health.story == [f"orders down: {refusal}"] * 2 + ["orders up"]


@pytest.mark.parametrize("look_back", [0.0, 300.0])
async def test_as_many_rows_are_taken_as_there_is_room_for(outbox: Application, look_back: float) -> None:
    scene = Scene(outbox.url)
    scene.intake.room = 2000
    await outbox.insert(*range(1, 3001))
    async with scene.running(look_back=look_back):
        assert len(scene.intake.ids) == 2000
        scene.intake.room = 2500
        await scene.look()
        assert len(scene.intake.ids) == 2500
        assert scene.intake.positions == {}
        scene.intake.room = None
        await scene.look()
        assert len(scene.intake.ids) == 3000
    assert [story.partition(":")[0] for story in scene.health.story] == ["orders down", "orders down", "orders up"]
    assert (scene.intake.positions == {"id": "int 3000"}) is (look_back == 0.0)


async def test_a_row_that_does_not_fit_is_told_once_and_passed_over(outbox: Application) -> None:
    scene = Scene(outbox.url)
    await outbox.insert(1, 3)
    await outbox.insert(2, request_id="not one")
    async with scene.running():
        await scene.look()
        await scene.look()
    assert scene.intake.ids == ["id-1", "id-3"]
    rule = "row with id 2: request_id: must be 1 to 128 characters of A-Z a-z 0-9 . _ -, got a text of 7 characters"
    assert scene.health.story == [f"orders refused 1: {rule}", "orders up"]


async def test_every_row_that_does_not_fit_is_in_the_log_with_its_cursor(tmp_path: Path) -> None:
    async with application(f"sqlite:///{tmp_path}/application.db") as one:
        scene = Scene(one.url)
        await one.insert(1, 2, 3, request_id="not one")
        with logged() as log:
            async with scene.running():
                await one.insert(4, request_id="not one")
                await scene.look()
    lines = log.getvalue().splitlines()
    assert [[number for number in range(1, 5) if f"row with id {number}: " in line] for line in lines] == [
        [1, 2, 3],
        [4],
    ]


async def test_a_time_and_a_uuid_can_be_cursors(pg: Application) -> None:
    await pg.execute("drop table outbox")
    await pg.execute("create table outbox (at timestamptz, naive timestamp, key uuid, request_id uuid)")
    names = sorted(uuid.UUID(int=number) for number in range(1, 4))
    sql = (
        "insert into outbox values (timestamptz '2026-02-01T00:00:00Z' + make_interval(hours => :n), "
        "timestamp '2026-02-01' + make_interval(hours => :n), :key, :key)"
    )
    await pg.execute(sql, *({"n": number, "key": name} for number, name in enumerate(names)))
    query = "select request_id from outbox where {0} > :cursor order by {0}"
    starts = {"at": "2026-02-01T00:00:00Z", "naive": "2026-02-01T00:00:00", "key": str(names[0])}
    kept = {"at": "time 2026-02-01T02:00:00+00:00", "naive": "time 2026-02-01T02:00:00", "key": f"uuid {names[2]}"}
    for column, start in starts.items():
        scene = Scene(pg.url)
        for _ in range(2):
            async with scene.running(query=query.format(column), cursor=column, start=start, look_back=0.0):
                assert scene.intake.ids == [str(name) for name in names[1:]]
        assert scene.intake.positions == {column: kept[column]}


TROUBLES: dict[str, tuple[dict[str, Any], str]] = {
    "table": (
        {"query": "select request_id, id from outbux where id > :cursor order by id"},
        "the query names a table that is not there",
    ),
    "column": (
        {"query": "select request_it, id from outbox where id > :cursor order by id"},
        "the query or cursor names a column that is not there",
    ),
    "syntax": (
        {"query": "select request_id, id frm outbox wher id > :cursor order by id"},
        "the database does not understand the query",
    ),
    "other column": (
        {"query": "select request_id, id, 'x@example.com' as mail from outbox where id > :cursor order by id"},
        "the query brings the column mail; allowed: request_id, submitted_at, submitted, created_at, account, api, id",
    ),
    "no request": (
        {"query": "select id from outbox where id > :cursor order by id"},
        "the query brings no column request_id; name it with AS request_id",
    ),
    "order": (
        {"query": "select request_id, id from outbox where id > :cursor order by id desc"},
        "the query has to be ordered by id, ascending and without NULL",
    ),
}


@pytest.mark.parametrize("name", TROUBLES)
async def test_a_query_that_can_not_be_used_is_told_with_what_to_do(outbox: Application, name: str) -> None:
    changes, told = TROUBLES[name]
    scene = Scene(outbox.url)
    await outbox.insert(1, 2)
    async with scene.running(**changes):
        pass
    assert scene.health.story == [f"orders down: {told}"]
    assert scene.health.kinds == ["refused"]
    assert 0.5 <= scene.rest.taken[0] <= 1.0


SLEEPS = {
    "postgresql": "select pg_sleep(20), request_id, id from outbox where id > :cursor order by id",
    "mysql": "select sleep(20) as account, request_id, id from outbox where id > :cursor order by id",
    "sqlite": "with recursive n(i) as (select 1 union all select i + 1 from n) "
    "select request_id, id from outbox where id > :cursor and exists (select 1 from n where i < 0) order by id",
}


async def test_a_query_that_takes_too_long_is_ended_by_the_database(outbox: Application) -> None:
    scene = Scene(outbox.url)
    await outbox.insert(1)
    async with asyncio.timeout(10), scene.running(query=SLEEPS[outbox.url.partition(":")[0]], timeout=0.5):
        pass
    told = "the query takes longer than timeout; an index on the cursor column may help"
    assert scene.health.story == [f"orders down: {told}"]
    assert scene.health.kinds == ["timeout"]


async def test_nothing_can_be_written(pg: Application) -> None:
    await pg.insert(1)
    await pg.execute(
        "create or replace function spoil() returns text language plpgsql as "
        "$$ begin delete from outbox; return 'a'; end $$"
    )
    scene = Scene(pg.url)
    async with scene.running(query="select spoil() as request_id, id from outbox where id > :cursor order by id"):
        pass
    assert scene.health.story == ["orders down: the query wants to write; it runs in a read-only transaction"]


@pytest.mark.parametrize(
    ("url", "told", "kind"),
    [
        (
            "postgresql://nobody:s3cr3t@127.0.0.1:{port}/postgres",
            "the database refuses the user or the password; check the source's url",
            "refused",
        ),
        (
            "postgresql://postgres:s3cr3t@127.0.0.1:{port}/nothing",
            "there is no such database; check the source's url",
            "refused",
        ),
        (
            "postgresql://postgres:s3cr3t@127.0.0.1:1/postgres",
            "the database can't be reached, or has closed the connection; check the source's url",
            "unreachable",
        ),
        (
            "postgresql://postgres:s3cr3t@127.0.0.1:{port}/postgres?sslmode=require",
            "the database can't be reached, or has closed the connection; check the source's url",
            "unreachable",
        ),
        (
            "mysql://tester:s3cr3t@127.0.0.1:{maria}/test",
            "the database refuses the user or the password; check the source's url",
            "refused",
        ),
        (
            "mysql://tester:s3cr3t@127.0.0.1:1/test",
            "the database can't be reached, or has closed the connection; check the source's url",
            "unreachable",
        ),
        (
            "mysql://tester:s3cr3t@127.0.0.1:{maria}/test?speed=high",
            "the source's url has an option that the driver does not know",
            "unreadable",
        ),
        (
            "sqlite:////nowhere/s3cr3t.db",
            "the database file is not there, or may not be read; check the source's url",
            "unreachable",
        ),
    ],
)
async def test_a_database_that_can_not_be_had_is_told_without_secrets(
    postgres: PostgresServer, maria: MariaServer, url: str, told: str, kind: str
) -> None:
    scene = Scene(url.format(port=postgres.port, maria=maria.port))
    async with scene.running():
        pass
    assert scene.health.story == [f"orders down: {told}"]
    assert scene.health.kinds == [kind]


async def test_a_restart_of_the_database_is_survived(pg: Application, postgres: PostgresServer) -> None:
    scene = Scene(pg.url)
    await pg.insert(1)
    async with scene.running():
        await asyncio.to_thread(postgres.stop)
        await scene.look()
        await asyncio.to_thread(postgres.start)
        await pg.engine.dispose()
        await pg.insert(2)
        await scene.look()
    assert scene.intake.ids == ["id-1", "id-2"]
    reach = "orders down: the database can't be reached, or has closed the connection; check the source's url"
    assert scene.health.story == ["orders up", reach, "orders up"]
