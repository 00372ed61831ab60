# ruff: noqa: ASYNC220, ASYNC221, ASYNC240
"""What the SQLite store does when its file can't be used: real files, real locks, a real limit of the file size."""

import asyncio
import json
import resource
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.core.cursor import Cursor
from exporter.core.ledger import Counter
from exporter.core.request import Submission
from exporter.errors import StoreError, StoreUnavailable, StoreUnusable
from exporter.store.database import Database
from exporter.store.schema import APPLICATION_ID, MIGRATIONS, SCHEMA
from exporter.store.spool import SCHEMA as SPOOL_SCHEMA
from exporter.store.spool import SqliteSpool
from exporter.store.sqlite import SqliteStore
from exporter.store.store import Query, SpentCalls
from tests.store.build import BEGINNING, admitted, finished, submission
from tests.store.conftest import ignore

LABELS = ("acme", "lead_update", "push")


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    """Loaded; closed at the end unless the trouble left it unusable."""
    store = SqliteStore(str(path), on_commit=ignore)
    await store.load()
    yield store
    try:
        async with asyncio.timeout(5):
            await store.close([])
    except (StoreError, TimeoutError):
        pass


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process can grow past `size`: what a full disk does to a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def counted(path: Path) -> tuple[int, int]:
    """Discovered by the counters, and rows, after a restart."""
    store = SqliteStore(str(path), on_commit=ignore)
    contents = await store.load()
    rows = len(list(contents.pending))
    await store.close([])
    return contents.counters.get((Counter.DISCOVERED, LABELS), 0), rows


async def test_a_full_disk_refuses_the_whole_call_and_later_ones_work(store: SqliteStore, path: Path) -> None:
    await store.admit([submission("before")])
    with largest_file(path.with_name("state.db-wal").stat().st_size):
        with pytest.raises(StoreUnavailable):
            await store.admit([submission(f"refused-{number}") for number in range(2000)])
        with pytest.raises(StoreUnavailable):
            await store.commit([finished(admitted("before", 1), time=BEGINNING)])
        assert await store.find("before", 1) is not None
    assert await store.find("refused-0", 2) is None
    assert None not in await store.admit([submission("after")])
    await store.close([])
    assert await counted(path) == (2, 2)


async def test_a_lock_of_another_program_is_waited_for_briefly_and_told(store: SqliteStore, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StoreUnavailable, match="locked by another program"):
            await store.admit([submission("a")])
        assert await store.page(Query()) == []
    finally:
        other.close()
    assert await store.admit([submission("a")]) == [1]


async def test_a_damaged_file_is_refused(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)
    store = SqliteStore(str(path), on_commit=ignore)
    with pytest.raises(StoreUnusable, match="damaged"):
        await store.load()


async def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "missing" / "state.db"), on_commit=ignore)
    with pytest.raises(StoreUnusable, match="there is no such folder"):
        await store.load()


async def test_a_folder_that_can_not_be_written_is_told_with_what_to_do(path: Path) -> None:
    path.with_name(f"{path.name}.lock").mkdir()
    store = SqliteStore(str(path), on_commit=ignore)
    with pytest.raises(
        StoreUnavailable, match=r"storage\.url must name a file in a folder that this user can write to"
    ):
        await store.load()


async def test_a_file_of_a_newer_version_is_refused_with_what_to_do(path: Path) -> None:
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    store = SqliteStore(str(path), on_commit=ignore)
    with pytest.raises(StoreUnusable, match="run that version"):
        await store.load()


async def test_an_empty_file_becomes_a_database(path: Path) -> None:
    path.touch()
    store = SqliteStore(str(path), on_commit=ignore)
    await store.load()
    assert await store.admit([submission("a")]) == [1]
    await store.close([])


async def test_a_new_file_is_read_by_its_owner_only(store: SqliteStore, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_second_process_on_the_same_file_is_refused(store: SqliteStore, path: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from exporter.store.sqlite import SqliteStore\n"
        "asyncio.run(SqliteStore(sys.argv[1], on_commit=print).load())\n"
    )
    second = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=20)
    assert "StoreUnusable" in second.stderr
    assert "is used by another process" in second.stderr


async def test_each_transaction_is_measured(path: Path) -> None:
    seconds: list[float] = []
    store = SqliteStore(str(path), on_commit=seconds.append)
    await store.load()
    await store.admit([submission("a")])
    await store.close([])
    assert len(seconds) == 2
    assert all(0 < one < 5 for one in seconds)


async def test_calls_made_together_share_transactions(path: Path) -> None:
    seconds: list[float] = []
    store = SqliteStore(str(path), on_commit=seconds.append)
    await store.load()
    await asyncio.gather(*(store.admit([submission(f"request-{number}")]) for number in range(100)))
    assert len(seconds) < 50
    await store.close([])


async def test_a_value_that_does_not_fit_fails_its_call_only(store: SqliteStore) -> None:
    async with asyncio.timeout(3):
        bad, good = await asyncio.gather(
            store.admit([submission("fine"), submission("lone surrogate \ud800")]),
            store.admit([submission("good")]),
            return_exceptions=True,
        )
    assert isinstance(bad, StoreError)
    assert isinstance(good, list)
    assert await store.find("fine", 1) is None


async def test_a_value_that_does_not_fit_fails_alone_and_the_next_call_is_none_the_worse(store: SqliteStore) -> None:
    assert await store.admit([submission("a")]) == [1]
    with pytest.raises(StoreError):
        await store.admit([submission("lone surrogate \ud800")])
    assert await store.admit([submission("b"), submission("c")]) == [2, 3]


async def test_a_file_deleted_underneath_is_told_and_not_written_to(store: SqliteStore, path: Path) -> None:
    path.unlink()
    with pytest.raises(StoreUnusable):
        await store.admit([submission("a")])


async def test_a_file_replaced_underneath_is_told_and_not_written_to(store: SqliteStore, path: Path) -> None:
    path.rename(path.with_name("moved.db"))
    path.touch()
    with pytest.raises(StoreUnusable):
        await store.admit([submission("a")])


async def test_a_start_is_tried_again_after_the_trouble_is_gone(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    store = SqliteStore(str(path), on_commit=ignore)
    with pytest.raises(StoreUnavailable):
        await store.load()
    other.close()
    await store.load()
    assert await store.admit([submission("a")]) == [1]
    await store.close([])


async def test_a_store_that_was_never_loaded_answers_and_closes(path: Path) -> None:
    store = SqliteStore(str(path), on_commit=ignore)
    async with asyncio.timeout(3):
        with pytest.raises(StoreUnavailable):
            await store.admit([submission("a")])
        await store.close([])


async def test_what_is_admitted_after_the_load_is_not_among_what_was_pending(store: SqliteStore, path: Path) -> None:
    await store.admit([submission("before")])
    await store.close([])
    again = SqliteStore(str(path), on_commit=ignore)
    contents = await again.load()
    await again.admit([submission("after")])
    assert [record.request_id for record in contents.pending] == ["before"]
    await again.close([])


async def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE invoices (number INTEGER)")
    other.close()
    store = SqliteStore(str(path), on_commit=ignore)
    with pytest.raises(StoreUnusable):
        await store.load()


class Faulty(sqlite3.Connection):
    """Reports an error of the next commit, whether or not it took effect."""

    armed = took_effect = False

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        if sql == "COMMIT" and Faulty.armed:
            Faulty.armed = False
            if Faulty.took_effect:
                super().execute(sql)
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_IOERR, "SQLITE_IOERR"
            raise error
        return super().execute(sql, *values)  # type: ignore[arg-type]


@pytest.fixture(params=[True, False])
def faulty(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Faulty]:
    connect = sqlite3.connect
    monkeypatch.setattr(
        "exporter.store.connection.sqlite3.connect", lambda *a, **k: connect(*a, **{**k, "factory": Faulty})
    )
    monkeypatch.setattr(Faulty, "took_effect", request.param)
    return Faulty


async def test_a_commit_that_reports_an_error_is_counted_once(path: Path, faulty: type[Faulty]) -> None:
    store = SqliteStore(str(path), on_commit=ignore)
    await store.load()
    await store.admit([submission("a")])
    faulty.armed = True
    change = finished(admitted("a", 1), time=BEGINNING)
    if faulty.took_effect:
        await store.commit([change])
    else:
        with pytest.raises(StoreUnavailable):
            await store.commit([change])
        await store.commit([change])
    await store.close([])
    again = SqliteStore(str(path), on_commit=ignore)
    contents = await again.load()
    assert contents.counters[Counter.FINISHED, ("acme", "lead_update", "success", "created")] == 1
    await again.close([])


@pytest.mark.parametrize("count", [1, 3])
async def test_an_intake_whose_commit_reports_an_error_is_counted_once(
    path: Path, faulty: type[Faulty], count: int
) -> None:
    store = SqliteStore(str(path), on_commit=ignore)
    await store.load()
    await store.commit([], [SpentCalls(account="acme", window="burst", key=1, calls=1, time=None)])
    made = [submission(f"request-{number}") for number in range(count)]
    faulty.armed = True
    if not faulty.took_effect:
        with pytest.raises(StoreUnavailable):
            await store.admit(made)
        await store.admit([submission("other")])
        faulty.armed = True
        with pytest.raises(StoreUnavailable):
            await store.admit(made)
    assert None not in await store.admit(made)
    await store.close([])
    whole = count if faulty.took_effect else count + 1
    assert await counted(path) == (whole, whole)


async def test_a_commit_whose_fate_can_not_be_read_is_not_called_undone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dying(sqlite3.Connection):
        armed = dead = False

        def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
            if sql == "COMMIT" and Dying.armed:
                super().execute(sql)
                Dying.dead = True
            if Dying.dead:
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_IOERR, "SQLITE_IOERR"
                raise error
            return super().execute(sql, *values)  # type: ignore[arg-type]

    connect = sqlite3.connect
    monkeypatch.setattr(
        "exporter.store.connection.sqlite3.connect", lambda *a, **k: connect(*a, **{**k, "factory": Dying})
    )
    store = SqliteStore(str(path), on_commit=ignore)
    await store.load()
    await store.admit([submission("a")])
    change = finished(admitted("a", 1), time=BEGINNING)
    Dying.armed = True
    with pytest.raises(StoreUnusable):
        await store.commit([change])
    Dying.armed = Dying.dead = False
    with pytest.raises(StoreUnusable):
        await store.commit([change])
    with pytest.raises(StoreUnusable):
        await store.close([])


@pytest.mark.parametrize("done", range(len(MIGRATIONS)))
async def test_a_first_start_that_ends_between_two_migrations_is_gone_on_with(
    path: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    with monkeypatch.context() as changed:
        broken = (*MIGRATIONS[:done], "SELECT nothing FROM nowhere")
        changed.setattr("exporter.store.database.SCHEMA", replace(SCHEMA, migrations=broken))
        store = SqliteStore(str(path), on_commit=ignore)
        with pytest.raises(StoreUnavailable):
            await store.load()
    await store.close([])
    store = SqliteStore(str(path), on_commit=ignore)
    assert list((await store.load()).pending) == []
    await store.close([])


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
async def test_a_file_of_an_earlier_version_is_migrated_with_all_that_is_in_it(path: Path, version: int) -> None:
    old = sqlite3.connect(path)
    for script in MIGRATIONS[:version]:
        old.executescript(script)
    insert = (
        "INSERT INTO requests (request_id, account, api, source, first_seen, state) VALUES (?, 'acme', 'x', 'y', 1, ?)"
    )
    old.executemany(insert, [("a", "pending"), ("ended", "finished"), ("pruned", "finished")])
    old.execute("DELETE FROM requests WHERE request_id = 'pruned'")
    old.commit()
    old.executescript(f"PRAGMA user_version = {version}; PRAGMA application_id = {APPLICATION_ID}")
    old.close()
    store = SqliteStore(str(path), on_commit=ignore)
    assert [record.request_id for record in (await store.load()).pending] == ["a"]
    entries, position = [submission("b"), submission("ended")], Cursor(source="log", part="one", position="1")
    assert await store.admit(entries, [position]) == [4, None]
    await store.close([])


def with_doubles(path: Path) -> None:
    """What an earlier version could leave: rows 2 and 4 are doubles of a pending one, row 6 of one that has ended."""
    old = sqlite3.connect(path)
    for script in MIGRATIONS:
        old.executescript(script)
    insert = (
        "INSERT INTO requests (request_id, account, api, source, first_seen, state, finished) "
        "VALUES (?, 'acme', 'lead_update', 'push', 1, ?, 2)"
    )
    rows = [("a", "pending"), ("a", "pending"), ("b", "pending"), ("a", "pending"), ("c", "finished"), ("c", "pending")]
    old.executemany(insert, rows)
    old.execute("INSERT INTO counters VALUES ('discovered', ?, 6)", (json.dumps(LABELS),))
    old.execute("INSERT INTO counters VALUES ('abandoned', ?, 1)", (json.dumps(["acme", "lead_update", "removed"]),))
    old.commit()
    old.executescript(f"PRAGMA user_version = {len(MIGRATIONS)}; PRAGMA application_id = {APPLICATION_ID}")
    old.close()


async def test_rows_of_requests_that_were_taken_in_twice_end_as_removed(path: Path) -> None:
    with_doubles(path)
    store = SqliteStore(str(path), on_commit=ignore)
    contents = await store.load()
    assert [record.request_id for record in contents.pending] == ["a", "b"]
    assert [(one.sequence, one.request_id) for one in contents.doubles] == [(2, "a"), (4, "a"), (6, "c")]
    await store.end_doubles(contents.doubles)
    assert await store.admit([submission("a"), submission("c"), submission("d")]) == [None, None, 7]
    await store.close([])
    for _ in range(2):
        again = SqliteStore(str(path), on_commit=ignore)
        contents = await again.load()
        assert [record.request_id for record in contents.pending] == ["a", "b", "d"]
        assert contents.doubles == []
        assert contents.counters[Counter.DISCOVERED, LABELS] == 7
        assert contents.counters[Counter.ABANDONED, ("acme", "lead_update", "removed")] == 4
        await again.close([])


async def test_a_name_stays_free_when_the_commit_that_took_it_is_undone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(str(path), on_commit=ignore)
    await store.load()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable):
        await store.admit([submission("a")])
    other.close()
    assert await store.admit([submission("a")]) == [1]
    assert await store.admit([submission("a")]) == [None]
    await store.close([])


async def test_a_restarted_store_refuses_what_is_pending_even_before_it_was_read(path: Path) -> None:
    store = SqliteStore(str(path), on_commit=ignore)
    await store.load()
    await store.admit([submission("a"), submission("b")])
    await store.close([])
    again = SqliteStore(str(path), on_commit=ignore)
    await again.load()
    assert await again.admit([submission("b"), submission("c")]) == [None, 3]
    await again.close([])


async def test_a_second_try_to_start_keeps_the_log_of_changes(path: Path) -> None:
    store = SqliteStore(str(path), on_commit=ignore)
    await store.load()
    await store.close([])
    code = (
        "import sqlite3, sys\n"
        "other = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "other.execute('BEGIN IMMEDIATE')\n"
        "print('locked', flush=True)\n"
        "sys.stdin.readline()\n"
        "other.execute('ROLLBACK')\n"
        "other.close()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "locked\n"
    store = SqliteStore(str(path), on_commit=ignore)
    with pytest.raises(StoreUnavailable):
        await store.load()
    loading = asyncio.create_task(store.load())
    await asyncio.sleep(0.1)
    other.communicate("\n")
    contents = await loading
    assert list(contents.pending) == []
    # It closed the database as the last one would, if it could not see that this process has it open.
    before = path.with_name("state.db-wal").stat().st_ino
    await store.admit([submission("a")])
    assert path.with_name("state.db-wal").stat().st_ino == before
    with sqlite3.connect(path) as seen:
        assert seen.execute("SELECT request_id FROM requests").fetchall() == [("a",)]
    seen.close()
    await store.close([])


async def test_a_defect_in_a_transaction_ends_neither_its_callers_nor_the_writer(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context["exception"]))

    def burst(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as changed:
        changed.setattr(Database, "admit", burst)
        with pytest.raises(StoreUnavailable, match="a defect in the store: MemoryError"):
            await store.admit([submission("a")])
    assert await store.admit([submission("a")]) == [1]
    assert [type(one) for one in heard] == [MemoryError]


async def test_a_spool_of_an_earlier_version_is_read_and_takes_references(path: Path) -> None:
    old = sqlite3.connect(path)
    old.executescript(SPOOL_SCHEMA.migrations[0])
    columns = "request_id, account, api, source, submitted, first_seen"
    old.execute(f"INSERT INTO submissions ({columns}) VALUES ('a', 'acme', 'x', 'y', 1.0, 2.0)")
    old.commit()
    old.executescript(f"PRAGMA user_version = 1; PRAGMA application_id = {SPOOL_SCHEMA.application_id}")
    old.close()
    spool = SqliteSpool(str(path))
    assert await spool.open() == {"acme": 1}
    referred = submission("b", reference="o-1")
    await spool.put([referred])
    assert await spool.oldest(2) == [Submission("a", "acme", "x", "y", 1.0, 2.0), referred]
    await spool.close()
