"""Times of tables in zones of all kinds, among them the hour that comes twice when summer time ends."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.servers import MariaServer
from tests.sources.outbox import Application, Scene, application

BERLIN = ZoneInfo("Europe/Berlin")
SUMMER_TIME_ENDS = datetime(2026, 10, 25, 1, tzinfo=UTC)
EVENING = SUMMER_TIME_ENDS - timedelta(hours=2)
# Two hours before to two hours and more after: at 02:59:59 and 02:00 too.
WRITTEN = sorted(
    {EVENING + timedelta(minutes=7 * number) for number in range(40)}
    | {SUMMER_TIME_ENDS + timedelta(seconds=second) for second in (-1, 0, 1, 3599, 3600)}
)
LOCAL = {"postgresql": "timestamp", "mysql": "datetime(6)", "sqlite": "text"}
NAMES = {"postgresql": "timestamptz", "mysql": "timestamp(6)", "sqlite": "text"}
BY_TIME = "select request_id, created_at from outbox where created_at > :cursor order by created_at"


@contextmanager
def server_zone(maria: MariaServer, zone: str) -> Iterator[None]:
    maria.run(f"set global time_zone = '{zone}'")
    assert maria.run("select @@global.time_zone") == zone
    try:
        yield
    finally:
        maria.run("set global time_zone = 'SYSTEM'")


@pytest.fixture
def berlin(maria: MariaServer) -> Iterator[None]:
    command = ("mysql_tzinfo_to_sql", "/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin")
    maria.run(f"use mysql; {subprocess.run(command, check=True, capture_output=True, text=True).stdout}")
    with server_zone(maria, "Europe/Berlin"):
        yield


async def write(one: Application, moment: datetime, local: ZoneInfo) -> None:
    """As an application does whose clock is in that zone."""
    shown = moment.astimezone(local).replace(tzinfo=None)
    value = str(shown) if one.url.startswith("sqlite") else shown
    row = {"id": int(moment.timestamp()), "request_id": f"id-{moment.timestamp():.0f}", "at": value}
    await one.execute("insert into outbox (id, request_id, created_at) values (:id, :request_id, :at)", row)


async def local_times(one: Application) -> None:
    kind = LOCAL[one.url.partition(":")[0]]
    await one.execute("drop table outbox")
    await one.execute(f"create table outbox (id bigint, request_id varchar(200), created_at {kind})")


def taken(scene: Scene) -> dict[str, float | None]:
    return {entry.request_id: entry.submitted for entry in scene.intake.entries}


ALL = {f"id-{moment.timestamp():.0f}": moment.timestamp() for moment in WRITTEN}


@pytest.mark.parametrize("zone", ["+05:30", "-08:00", "+00:00"])
async def test_a_timestamp_is_the_moment_that_it_is_in_whatever_zone_the_server_lives(
    maria: MariaServer, zone: str
) -> None:
    with server_zone(maria, zone):
        async with application(maria.url) as one:
            scene = Scene(maria.url)
            at = scene.clock.time - 60
            sql = "insert into outbox (id, request_id, created_at) values (1, 'a', from_unixtime(:at))"
            await one.execute(sql, {"at": at})
            async with scene.running(timezone="Asia/Kolkata"):
                assert taken(scene) == {"a": at}
                # A connection that breaks gives place to one of the same zone.
                maria.run("select concat('kill ', id) from information_schema.processlist where user = 'tester'")
                await scene.look()
                await one.execute(sql.replace("1, 'a'", "2, 'b'"), {"at": at + 1})
                await scene.look()
            assert taken(scene) == {"a": at, "b": at + 1}
            assert scene.health.kinds == []


@pytest.mark.parametrize("look_back", [0.0, 300.0])
@pytest.mark.usefixtures("berlin")
async def test_a_timestamp_as_cursor_goes_on_through_the_end_of_summer_time(
    maria: MariaServer, look_back: float
) -> None:
    async with application(maria.url):
        scene = Scene(maria.url)
        scene.clock.time = WRITTEN[0].timestamp()
        query = {"query": BY_TIME, "cursor": "created_at", "start": "2026-10-01T00:00:00Z", "look_back": look_back}
        async with scene.running(**query):
            for moment in WRITTEN:
                # As the server's own clock sets it: what is written as local time may be either of the two hours.
                row = f"({moment.timestamp():.0f}, 'id-{moment.timestamp():.0f}', current_timestamp, null)"
                maria.run(f"use test; set timestamp = {moment.timestamp():.0f}; insert into outbox values {row}")
                await scene.look(later=moment.timestamp() + 1 - scene.clock.time)
        assert taken(scene) == ALL
        if look_back == 0.0:
            kept = "time 2026-10-25T03:33:00+00:00"
            assert scene.intake.positions == {"created_at": kept}


@pytest.mark.parametrize("look_back", [0.0, 300.0])
async def test_local_times_as_cursor_lose_no_row_of_the_hour_that_comes_twice(
    outbox: Application, look_back: float
) -> None:
    await local_times(outbox)
    scene = Scene(outbox.url)
    scene.clock.time = WRITTEN[0].timestamp()
    query = {
        "query": BY_TIME,
        "cursor": "created_at",
        "start": "2026-10-01 00:00:00",
        "look_back": look_back,
        "timezone": "Europe/Berlin",
    }
    # Again and again a process dies, and another one goes on from what was kept.
    for moments in (WRITTEN[:18], WRITTEN[18:23], WRITTEN[23:30], WRITTEN[30:]):
        async with scene.running(**query):
            for moment in moments:
                await write(outbox, moment, BERLIN)
                await scene.look(later=moment.timestamp() + 1 - scene.clock.time)
    assert taken(scene) == ALL
    async with scene.running(**query):
        for _ in range(3):
            await scene.look(later=3600.0)
    (kept,) = scene.intake.positions.values()
    assert kept is not None
    assert "2026-10-25" in kept
    assert "04:33:00" in kept


async def test_a_column_without_offsets_is_read_in_the_zone_of_the_source(outbox: Application) -> None:
    await local_times(outbox)
    scene = Scene(outbox.url)
    moment = datetime.fromtimestamp(scene.clock.time - 60, UTC)
    await write(outbox, moment, ZoneInfo("Asia/Kolkata"))
    query = "select request_id, created_at from outbox where id > :cursor order by id"
    async with scene.running(query=query, timezone="Asia/Kolkata"):
        assert taken(scene) == {f"id-{moment.timestamp():.0f}": moment.timestamp()}
    assert scene.health.story == ["orders up"]
    unset = Scene(outbox.url)
    async with unset.running(query=query):
        pass
    told = f"the time lies ahead: row with id {moment.timestamp():.0f}"
    assert unset.health.story == [f"orders refused 1: {told}", "orders up"]
    assert [one.submitted for one in unset.intake.entries] == [None]


async def test_what_a_query_makes_of_a_moment_does_not_hang_on_the_zone_of_the_user(pg: Application) -> None:
    await pg.execute("drop table outbox")
    await pg.execute("create table outbox (id bigint, request_id text, created_at timestamptz)")
    await pg.execute("alter role postgres set timezone = 'Asia/Kolkata'")
    try:
        scene = Scene(pg.url)
        sql = "insert into outbox values (1, 'a', to_timestamp(:at))"
        await pg.execute(sql, {"at": scene.clock.time - 60})
        query = "select request_id, created_at::timestamp as created_at, id from outbox where id > :cursor order by id"
        async with scene.running(query=query.replace("::", "\\:\\:")):
            assert taken(scene) == {"a": scene.clock.time - 60}
    finally:
        await pg.execute("alter role postgres reset timezone")


NUMBERS = [
    ("1769999940", 1_769_999_940.0),
    ("1769999940.5", 1_769_999_940.5),
    ("'2026-02-02 02:39:00'", 1_769_999_940.0),
    ("'2026-02-02T08:09:00+05:30'", 1_769_999_940.0),
]


@pytest.mark.parametrize(("value", "submitted"), NUMBERS)
async def test_sqlite_has_times_as_text_or_as_seconds_since_1970(
    outbox_file: Application, value: str, submitted: float
) -> None:
    scene = Scene(outbox_file.url)
    await outbox_file.execute(f"insert into outbox (id, request_id, created_at) values (1, 'a', {value})")
    async with scene.running():
        assert taken(scene) == {"a": submitted}


@pytest.mark.parametrize("value", ["20260131", "2461071.5", "1769999940000", "'soon'", "-1", "0"])
async def test_a_number_that_is_no_time_since_1970_is_told_and_no_time_is_made_of_it(
    outbox_file: Application, value: str
) -> None:
    scene = Scene(outbox_file.url)
    await outbox_file.execute(f"insert into outbox (id, request_id, created_at) values (1, 'a', {value})")
    async with scene.running():
        pass
    rule = "submitted_at: must be RFC 3339 with an offset, such as 2026-01-31T12:00:00Z"
    assert scene.health.story == [f"orders refused 1: row with id 1: {rule}", "orders up"]


async def test_a_position_from_a_session_in_the_zone_of_the_server_skips_no_row(maria: MariaServer) -> None:
    with server_zone(maria, "+05:30"):
        async with application(maria.url) as one:
            scene = Scene(maria.url)
            at = scene.clock.time - 3600
            await one.execute("insert into outbox values (1, 'a', from_unixtime(:at), null)", {"at": at})
            shown = datetime.fromtimestamp(at - 1, UTC) + timedelta(hours=5.5)
            scene.intake.positions = {"created_at": f"time {shown.replace(tzinfo=None).isoformat()}"}
            async with scene.running(query=BY_TIME, cursor="created_at", look_back=0.0):
                assert taken(scene) == {"a": at}
            assert scene.intake.positions == {"created_at": f"time {datetime.fromtimestamp(at, UTC).isoformat()}"}
