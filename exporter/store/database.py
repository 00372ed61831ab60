"""All SQL: plain synchronous SQLite, one transaction a group of calls."""

import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from time import monotonic
from typing import Any

from exporter.core.change import Change
from exporter.core.cursor import Cursor
from exporter.core.ledger import Counter, Histogram, Labels, Observation, Tally, discovered
from exporter.core.request import Cause, Progress, Record, State, Status, Submission, Transition
from exporter.errors import StoreError, StoreUnavailable, StoreUnusable
from exporter.store.memory import KEPT_TRANSITIONS, trimmed
from exporter.store.schema import APPLICATION_ID, MIGRATIONS
from exporter.store.store import Contents, Found, Query, SpentCalls

BUSY_SECONDS = 0.5
# So often those look whether the file is still there who don't wait for the disk either; the others do so each time.
LOOK_SECONDS = 1.0
# A checkpoint every 32 MB: random RequestIDs touch the same pages of the index again and again between two of them.
_CHECKPOINT_PAGES = 8000
_CACHE_KIBIBYTES = 16_000
PRUNE_CHUNK = 500
_SHORTEST_LINE = 20

_COLUMNS = (
    "request_id, account, api, source, submitted, first_seen, sequence, state, status, current_step, last_step, polls, "
    "answered, unfinished, errored, errored_after, failed, not_found, reason, cause, finished_after, finished"
)
_UPDATE = """
    UPDATE requests SET state = ?, status = ?, current_step = ?, last_step = ?, polls = ?, answered = ?, unfinished = ?,
    errored = ?, errored_after = ?, failed = ?, not_found = ?, reason = ?, cause = ?, finished_after = ?, finished = ?,
    transitions = transitions || ? WHERE sequence = ? AND request_id = ?
"""
# No index has the pending ones: memory knows them, and theirs would be most of the work of an intake.
_ENDED = "SELECT 1 FROM requests INDEXED BY requests_named WHERE state <> 'pending' AND request_id = "
_HAS_ENDED = f"{_ENDED} ?"
_ENDED_AMONG = f"SELECT value FROM json_each(?) AS name WHERE EXISTS ({_ENDED} name.value)"  # noqa: S608
_BEGINNING = "request_id >= ? AND request_id < ?"
_NAMED = f"""sequence IN (SELECT sequence FROM requests WHERE state <> 'pending' AND {_BEGINNING}
    UNION ALL SELECT sequence FROM requests WHERE state = 'pending' AND {_BEGINNING})"""  # noqa: S608
_INTAKE = "sequence, request_id, account, api, source, submitted, first_seen"
_COUNT = "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count"
_DISCOVERED = str(Counter.DISCOVERED)
# SQLite allows 32,766 parameters; larger statements than this are not faster.
_MOST_ROWS = 512


class Database:
    """One SQLite file and its lock. Every method raises StoreUnavailable or StoreUnusable."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._lock: int | None = None
        self._file: tuple[int, int] | None = None
        self._doubt: StoreUnusable | None = None
        self._committing = False
        self._mark: int | None = None
        self._sequence = 0
        self._waits = True
        self._looked = -LOOK_SECONDS
        self._pending_connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Lock the file against other processes, create or migrate it."""
        folder = Path(self.path).resolve().parent
        if not folder.is_dir():
            raise StoreUnusable(f"{folder}: there is no such folder; storage.url names a file in it")
        with translated(self.path):
            self._take_lock()
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self._file = self._identity()
            self._connect()
            self._migrate()

    def close(self) -> None:
        for connection in (self._pending_connection, self._connection):
            if connection is not None:
                connection.close()
        self._pending_connection = self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def mark(self) -> int:
        """Grows with each transaction that takes effect: by the numbers that it gave to requests, or else by one."""
        return self._last_sequence() + int(self._one("SELECT value FROM meta WHERE name = 'batch'"))

    def transact(self, work: Callable[[], None], *, flush: bool) -> None:
        """All of it or nothing. After an error that left a doubt whether the commit took effect, the mark tells.
        Without `flush` the commit does not wait for the disk."""
        mark = 0
        try:
            self._wait_for_disk(wait=flush)
            mark = self._begin()
            first = self._sequence
            work()
            given = self._sequence - first
            if not given:
                self.run("UPDATE meta SET value = value + 1 WHERE name = 'batch'")
            self._committing = True
            self.run("COMMIT")
            self._committing = False
            self._mark = mark + (given or 1)
        except BaseException as error:
            if not self._took_effect(mark):
                raise _ours(self.path, error) from error

    @contextmanager
    def part(self) -> Iterator[None]:
        """One caller's part of a transaction: undone alone when it fails."""
        self.run("SAVEPOINT part")
        sequence = self._sequence
        try:
            yield
        except BaseException:
            self._sequence = sequence
            if self.in_transaction:
                self.run("ROLLBACK TO part")
                self.run("RELEASE part")
            raise
        self.run("RELEASE part")

    @property
    def in_transaction(self) -> bool:
        """False after an error that made SQLite undo the whole transaction, as a full disk does."""
        return self._connection is not None and self._connection.in_transaction

    def load(self) -> Contents:
        with translated(self.path):
            contents = Contents(pending=self._pending(self._snapshot()))
            for counter, labels, count in self.run("SELECT counter, labels, count FROM counters"):
                contents.counters[Counter(counter), _labels(labels)] = count
            for histogram, labels, bound, count in self.run("SELECT histogram, labels, bound, count FROM buckets"):
                contents.buckets[Histogram(histogram), _labels(labels), bound] = count
            for histogram, labels, total in self.run("SELECT histogram, labels, total FROM totals"):
                contents.totals[Histogram(histogram), _labels(labels)] = total
            for account, window, key, calls, time in self.run(
                "SELECT account, window, key, calls, time FROM spent_calls"
            ):
                contents.spent.append(SpentCalls(account=account, window=window, key=key, calls=calls, time=time))
            for source, part, position in self.run("SELECT source, part, position FROM cursors"):
                contents.cursors[source, part] = position
            contents.stopped_cleanly = bool(self._one("SELECT value FROM meta WHERE name = 'stopped_cleanly'"))
            self.run("UPDATE meta SET value = 0 WHERE name = 'stopped_cleanly'")
            return contents

    def admit(self, submissions: Sequence[Submission], cursors: Sequence[Cursor]) -> list[int | None]:
        sequences = [self._admit_one(submissions[0])] if len(submissions) == 1 else self._admit_many(submissions)
        self._move(cursors)
        return sequences

    def _admit_one(self, one: Submission) -> int | None:
        """As many, without what makes many cheap: an answer on its way waits for this, at caches gone cold."""
        execute = self._open().execute
        if execute(_HAS_ENDED, (one.request_id,)).fetchone() is not None:
            return None
        sequence = 1 + self._sequence
        execute(
            _insertion(1),
            (sequence, one.request_id, one.account, one.api, one.source, one.submitted, one.first_seen),
        )
        self._sequence = sequence
        execute(_COUNT, (_DISCOVERED, _text((one.account, one.api, one.source)), 1))
        return sequence

    def _admit_many(self, submissions: Sequence[Submission]) -> list[int | None]:
        new: dict[str, Submission] = {}
        for one in submissions:
            new.setdefault(one.request_id, one)
        for (name,) in self.run(_ENDED_AMONG, (json.dumps(list(new)),)).fetchall():
            del new[name]
        first = 1 + self._sequence
        self._insert(new, first)
        sequences = {name: first + place for place, name in enumerate(new)}
        self._sequence = first + len(new) - 1
        self._count(discovered(new.values()))
        # pop: a RequestID that is in the call twice is taken once.
        return [sequences.pop(one.request_id, None) for one in submissions]

    def commit(self, changes: Sequence[Change], spent: Sequence[SpentCalls]) -> None:
        connection = self._open()
        connection.executemany(_UPDATE, [_row(change) for change in changes])
        # A request has no more transitions than polls, so most need not be looked at.
        moved = (change.record for change in changes if change.transition is not None)
        for sequence in {record.sequence for record in moved if record.polls > KEPT_TRANSITIONS}:
            self._trim(sequence)
        self._count(tally for change in changes for tally in change.tallies)
        self._observe(one for change in changes for one in change.observations)
        self._spend(spent)

    def find(self, request_id: str, sequence: int | None) -> Found | None:
        place = "state <> 'pending'" if sequence is None else "sequence = ?"
        sql = f"SELECT {_COLUMNS}, transitions FROM requests WHERE request_id = ? AND {place}"  # noqa: S608
        row = self.run(sql, (request_id,) if sequence is None else (request_id, sequence)).fetchone()
        return None if row is None else Found(_record(row[:-1]), _transitions(row[-1]))

    def page(self, query: Query) -> list[Record]:
        where, values = _conditions(query)
        sql = f"SELECT {_COLUMNS} FROM requests {where} ORDER BY sequence DESC LIMIT ?"  # noqa: S608
        return [_record(row) for row in self.run(sql, (*values, query.limit))]

    def prune_requests(self, finished_before: float) -> int:
        """Delete some of what is past its retention; fewer than PRUNE_CHUNK when that was the rest."""
        sql = """DELETE FROM requests WHERE sequence IN
                 (SELECT sequence FROM requests WHERE state <> 'pending' AND finished < ? LIMIT ?)"""
        return self.run(sql, (finished_before, PRUNE_CHUNK)).rowcount

    def prune_spent(self, before: float) -> None:
        self.run("DELETE FROM spent_calls WHERE time < ?", (before,))

    def stop_cleanly(self, spent: Sequence[SpentCalls]) -> None:
        self.run("DELETE FROM spent_calls")
        self._spend(spent)
        self.run("UPDATE meta SET value = 1 WHERE name = 'stopped_cleanly'")

    def run(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        return self._open().execute(sql, values)

    def _last_sequence(self) -> int:
        return int(self._one("SELECT coalesce(max(seq), 0) FROM sqlite_sequence"))

    def _insert(self, submissions: Mapping[str, Submission], first: int) -> None:
        """A statement takes many rows, because after each one the thread has to win back the interpreter lock from a busy
        event loop; powers of two keep the number of statements to prepare small."""
        rows = [
            (first + place, name, one.account, one.api, one.source, one.submitted, one.first_seen)
            for place, (name, one) in enumerate(submissions.items())
        ]
        start = 0
        while start < len(rows):
            size = min(_MOST_ROWS, 1 << ((len(rows) - start).bit_length() - 1))
            values = [value for row in rows[start : start + size] for value in row]
            self.run(_insertion(size), values)
            start += size

    def _move(self, cursors: Sequence[Cursor]) -> None:
        for one in cursors:
            if one.position is None:
                self.run("DELETE FROM cursors WHERE source = ? AND part = ?", (one.source, one.part))
            else:
                self.run("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", (one.source, one.part, one.position))

    def _trim(self, sequence: int) -> None:
        """Keep the first and the last transitions of a request that flaps."""
        sql = "SELECT transitions FROM requests WHERE sequence = ? AND length(transitions) > ?"
        row = self.run(sql, (sequence, KEPT_TRANSITIONS * _SHORTEST_LINE)).fetchone()
        if row is not None:
            lines = row[0].splitlines(keepends=True)
            kept = "".join(trimmed(lines))
            self.run("UPDATE requests SET transitions = ? WHERE sequence = ?", (kept, sequence))

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._connection.in_transaction:
            return self._connection  # It was looked at when the transaction began.
        if self._doubt is not None:
            raise self._doubt
        self._look_for_file()
        if self._connection is None:
            self._connect()
        assert self._connection is not None  # noqa: S101
        return self._connection

    def _look_for_file(self) -> None:
        now = monotonic()
        if now < self._looked + LOOK_SECONDS:
            return
        if self._file is not None and self._file != self._identity():
            raise StoreUnusable(f"{self.path}: was deleted or replaced while in use; put it back and restart")
        self._looked = now

    def _connect(self) -> None:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            # A container's root is read-only: there is no place for temporary files.
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._waits = True

    def _take_lock(self) -> None:
        if self._lock is not None:
            return  # An earlier start failed after it.
        # The lock belongs to the open file and so to the process: kill -9 releases it.
        self._lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise StoreUnusable(f"{self.path}: is used by another process; give each its own storage.url") from None

    def _migrate(self) -> None:
        version = int(self._one("PRAGMA user_version"))
        if int(self._one("PRAGMA application_id")) != APPLICATION_ID and self._one(
            "SELECT count(*) FROM sqlite_master"
        ):
            raise StoreUnusable(f"{self.path}: is a database of another program; give another storage.url")
        if version > len(MIGRATIONS):
            raise StoreUnusable(
                f"{self.path}: was written by a newer version (schema {version}, this one knows {len(MIGRATIONS)}); "
                "run that version, or give another storage.url"
            )
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            # With the mark in the same transaction, or a first start that is killed in between leaves a file that looks foreign.
            marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}"
            self._open().executescript(f"BEGIN; {script}; {marks}; COMMIT;")

    def _wait_for_disk(self, *, wait: bool) -> None:
        if wait:
            self._looked = -LOOK_SECONDS
        if wait != self._waits:
            self.run(f"PRAGMA synchronous = {'FULL' if wait else 'NORMAL'}")
            self._waits = wait

    def _begin(self) -> int:
        """The mark before the transaction. Nobody else writes, so that it is read once a connection."""
        self.run("BEGIN IMMEDIATE")
        if self._mark is None:
            self._sequence = self._last_sequence()
            self._mark = self.mark()
        return self._mark

    def _took_effect(self, mark: int) -> bool:
        """A connection that has failed is given up, and a new one asked for what the file says."""
        committing = self._committing
        self._committing = False
        self._mark = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if not committing:
            return False
        try:
            return self.mark() > mark
        except (sqlite3.Error, StoreError) as error:
            # Neither answer would be safe: tried again it may be counted twice, taken for done it may be lost.
            self._doubt = StoreUnusable(
                f"{self.path}: it can't be read whether the last transaction took effect; mend the disk and restart"
            )
            raise self._doubt from error

    def _one(self, sql: str) -> Any:
        return self.run(sql).fetchone()[0]

    def _identity(self) -> tuple[int, int]:
        try:
            found = os.stat(self.path)  # noqa: PTH116
        except FileNotFoundError:
            return (0, 0)
        return (found.st_dev, found.st_ino)

    def _snapshot(self) -> sqlite3.Connection:
        """A connection of its own, whose view is fixed now: writing may begin before the last row is read."""
        if self._pending_connection is not None:
            self._pending_connection.close()
        connection = self._pending_connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("BEGIN")
        connection.execute("SELECT 1 FROM meta").fetchone()
        return connection

    def _pending(self, connection: sqlite3.Connection) -> Iterator[Record]:
        try:
            sql = f"SELECT {_COLUMNS} FROM requests WHERE state = 'pending' ORDER BY sequence"  # noqa: S608
            with translated(self.path):
                for row in connection.execute(sql):
                    yield _record(row)
        finally:
            connection.close()

    def _count(self, tallies: Iterable[Tally]) -> None:
        counts: dict[tuple[str, str], int] = {}
        for tally in tallies:
            key = (str(tally.counter), _text(tally.labels))
            counts[key] = counts.get(key, 0) + tally.amount
        self._open().executemany(_COUNT, [(*key, count) for key, count in counts.items()])

    def _observe(self, observations: Iterable[Observation]) -> None:
        found = [(str(one.histogram), _text(one.labels), one.bound, one.value) for one in observations]
        buckets = "INSERT INTO buckets VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1"
        totals = "INSERT INTO totals VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET total = total + excluded.total"
        self._open().executemany(buckets, [one[:3] for one in found])
        self._open().executemany(totals, [(one[0], one[1], one[3]) for one in found])

    def _spend(self, spent: Sequence[SpentCalls]) -> None:
        sql = "INSERT OR REPLACE INTO spent_calls VALUES (?, ?, ?, ?, ?)"
        self._open().executemany(sql, [(one.account, one.window, one.key, one.calls, one.time) for one in spent])


@contextmanager
def translated(path: str) -> Iterator[None]:
    """SQLite's errors as ours. What a full or locked disk causes may pass; a damaged file does not."""
    try:
        yield
    except Exception as error:
        raise _ours(path, error) from error


def _ours(path: str, error: BaseException) -> StoreError:
    """Raises the error itself where it is ours already, or a mistake of this program."""
    if isinstance(error, sqlite3.Error):
        return _translation(path, error)
    if isinstance(error, OverflowError | UnicodeError | TypeError | ValueError):
        return StoreError(f"{path}: a value does not fit into the database")
    if isinstance(error, OSError):
        return StoreUnavailable(
            f"{path}: {error.strerror}; storage.url must name a file in a folder that this user can write to"
        )
    raise error


def _translation(path: str, error: sqlite3.Error) -> StoreError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_SCHEMA")):
        return StoreUnusable(f"{path}: the database is damaged ({error}); restore it, or move it away to start anew")
    # Without a name it is the Python module that refuses a value.
    if not name or name.startswith(("SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH")):
        return StoreError(f"{path}: a value does not fit into the database")
    if name.startswith("SQLITE_FULL"):
        return StoreUnavailable(f"{path}: the disk is full; make room")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreUnavailable(f"{path}: the database is locked by another program")
    if name.startswith("SQLITE_READONLY"):
        return StoreUnavailable(f"{path}: the database can't be written; check the file's and the folder's permissions")
    return StoreUnavailable(f"{path}: {error}")


@cache
def _insertion(size: int) -> str:
    rows = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * size)
    return f"INSERT INTO requests ({_INTAKE}) VALUES {rows}"  # noqa: S608


def _row(change: Change) -> tuple[object, ...]:
    record, moved = change.record, change.transition
    line = "" if moved is None else json.dumps([moved.time, *moved.progress]) + "\n"
    return (
        record.state, *record.progress, record.polls, record.answered, record.unfinished, record.errored,
        record.errored_after, record.failed, record.not_found, record.reason, record.cause, record.finished_after,
        record.finished, line, record.sequence, record.request_id,
    )  # fmt: skip


def _record(row: tuple[Any, ...]) -> Record:
    return Record(
        request_id=row[0],
        account=row[1],
        api=row[2],
        source=row[3],
        submitted=row[4],
        first_seen=row[5],
        sequence=row[6],
        state=_STATES[row[7]],
        progress=_progress(row[8], row[9], row[10]),
        polls=row[11],
        answered=row[12],
        unfinished=row[13],
        errored=row[14],
        errored_after=row[15],
        failed=bool(row[16]),
        not_found=row[17],
        reason=row[18],
        cause=None if row[19] is None else Cause(row[19]),
        finished_after=row[20],
        finished=row[21],
    )


_STATES = {state.value: state for state in State}
_PROGRESSES: dict[tuple[str, str, str], Progress] = {}


def _progress(status: str, current_step: str, last_step: str) -> Progress:
    key = (status, current_step, last_step)
    found = _PROGRESSES.get(key)
    if found is None:
        found = _PROGRESSES[key] = Progress(Status(status), current_step, last_step)
    return found


def _transitions(text: str) -> tuple[Transition, ...]:
    lines = [json.loads(line) for line in trimmed(text.splitlines())]
    return tuple(Transition(line[0], _progress(line[1], line[2], line[3])) for line in lines)


@lru_cache(maxsize=4096)
def _text(labels: Labels) -> str:
    """The same few come with every transaction."""
    return json.dumps(labels)


def _labels(text: str) -> Labels:
    return tuple(json.loads(text))


def _conditions(query: Query) -> tuple[str, list[object]]:
    wanted: list[tuple[str, tuple[object, ...]]] = [
        (f"{name} = ?", (getattr(query, name),))
        for name in ("account", "api", "status", "state", "reason")
        if getattr(query, name) is not None
    ]
    if query.prefix:
        # As a range, which the index of RequestIDs can answer; they hold nothing beyond ASCII.
        wanted.append((_NAMED, (query.prefix, query.prefix + "\x7f") * 2))
    if query.stuck_before is not None:
        wanted.append(("state = 'pending' AND coalesce(submitted, first_seen) < ?", (query.stuck_before,)))
    if query.before is not None:
        wanted.append(("sequence < ?", (query.before,)))
    values = [value for _, some in wanted for value in some]
    where = " AND ".join(condition for condition, _ in wanted)
    return (f"WHERE {where}" if where else ""), values
