"""The statements of the store."""

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from exporter.core.change import Change
from exporter.core.cursor import Cursor
from exporter.core.ledger import Counter, Histogram, Labels, Observation, Tally, discovered, removed
from exporter.core.request import Cause, Progress, Record, State, Status, Submission, Transition
from exporter.store.connection import Connection, translated
from exporter.store.memory import KEPT_TRANSITIONS, trimmed
from exporter.store.names import PendingNames
from exporter.store.schema import SCHEMA
from exporter.store.store import RENEWED_SECONDS, Contents, Found, Query, SpentCalls

PRUNE_CHUNK = 500
_SHORTEST_LINE = 20

_COLUMNS = (
    "request_id, account, api, source, submitted, first_seen, sequence, state, status, current_step, last_step, polls, "
    "answered, unfinished, errored, errored_after, failed, not_found, reason, cause, finished_after, finished, reference"
)
_UPDATE = """
    UPDATE requests SET state = ?, status = ?, current_step = ?, last_step = ?, polls = ?, answered = ?, unfinished = ?,
    errored = ?, errored_after = ?, failed = ?, not_found = ?, reason = ?, cause = ?, finished_after = ?, finished = ?,
    transitions = transitions || ?, submitted = iif(?, ?, submitted), first_seen = iif(?, ?, first_seen)
    WHERE sequence = ? AND request_id = ?
"""
# No index has the pending ones: memory knows them, and theirs would be most of the work of an intake.
_ENDED = "SELECT 1 FROM requests INDEXED BY requests_named WHERE state <> 'pending' AND request_id = "
_HAS_ENDED = f"{_ENDED} ?"
_ENDED_AMONG = f"SELECT value FROM json_each(?) AS name WHERE EXISTS ({_ENDED} name.value)"  # noqa: S608
# As the index has it, word for word.
_KNOWN_SINCE = "max(finished, coalesce(handed_in, 0))"
_RENEW = f"""UPDATE requests INDEXED BY requests_named SET handed_in = ? WHERE state <> 'pending'
    AND request_id IN (SELECT value FROM json_each(?)) AND {_KNOWN_SINCE} < ?"""  # noqa: S608
_BEGINNING = "request_id >= ? AND request_id < ?"
_NAMED = f"""sequence IN (SELECT sequence FROM requests WHERE state <> 'pending' AND {_BEGINNING}
    UNION ALL SELECT sequence FROM requests WHERE state = 'pending' AND {_BEGINNING}
    UNION ALL SELECT sequence FROM requests WHERE reference >= ? AND reference < ?)"""  # noqa: S608
_PENDING_NAMES = "SELECT request_id FROM requests WHERE state = 'pending'"
_PENDING_AND_ENDED = (
    f"SELECT sequence FROM requests AS one WHERE state = 'pending' AND EXISTS ({_ENDED} one.request_id)"  # noqa: S608
)
_INTAKE = "sequence, request_id, account, api, source, submitted, first_seen, reference"
_COUNT = "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count"
_DISCOVERED = str(Counter.DISCOVERED)
# SQLite allows 32,766 parameters; larger statements than this are not faster.
_MOST_ROWS = 512


class Database:
    """One SQLite file. Every method raises StoreUnavailable or StoreUnusable; those that are called within `transact` may raise
    sqlite3.Error too."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._connection = Connection(path, SCHEMA)
        self._pending_connection: sqlite3.Connection | None = None
        self._names: PendingNames | None = None

    def open(self) -> None:
        """Lock the file against other processes, create or migrate it."""
        self._connection.open()

    def close(self) -> None:
        if self._pending_connection is not None:
            self._pending_connection.close()
            self._pending_connection = None
        self._connection.close()

    def transact(self, work: Callable[[], None]) -> None:
        """All of it or nothing."""
        try:
            self._connection.transact(work)
        except BaseException:
            if self._names is not None:
                self._names.undo()
            raise
        if self._names is not None:
            self._names.keep()

    def load(self) -> Contents:
        with translated(self.path):
            doubles: list[Record] = []
            contents = Contents(pending=self._pending(doubles), doubles=doubles)
            for counter, labels, count in self._connection.run("SELECT counter, labels, count FROM counters"):
                contents.counters[Counter(counter), _labels(labels)] = count
            for histogram, labels, bound, count in self._connection.run(
                "SELECT histogram, labels, bound, count FROM buckets"
            ):
                contents.buckets[Histogram(histogram), _labels(labels), bound] = count
            for histogram, labels, total in self._connection.run("SELECT histogram, labels, total FROM totals"):
                contents.totals[Histogram(histogram), _labels(labels)] = total
            for account, window, key, calls, time in self._connection.run(
                "SELECT account, window, key, calls, time FROM spent_calls"
            ):
                contents.spent.append(SpentCalls(account=account, window=window, key=key, calls=calls, time=time))
            for source, part, position in self._connection.run("SELECT source, part, position FROM cursors"):
                contents.cursors[source, part] = position
            contents.stopped_cleanly = bool(
                self._connection.one("SELECT value FROM meta WHERE name = 'stopped_cleanly'")
            )
            self._connection.run("UPDATE meta SET value = 0 WHERE name = 'stopped_cleanly'")
            return contents

    def admit(self, submissions: Sequence[Submission], cursors: Sequence[Cursor]) -> list[int | None]:
        if submissions:
            self._connection.require_room()
        sequences = [self._admit_one(submissions[0])] if len(submissions) == 1 else self._admit_many(submissions)
        self._move(cursors)
        return sequences

    def _admit_one(self, one: Submission) -> int | None:
        """As many, without what makes many cheap: an answer on its way waits for this, at caches gone cold."""
        run, pending = self._connection.run, self._pending_names()
        if one.request_id in pending:
            return None
        if run(_HAS_ENDED, (one.request_id,)).fetchone() is not None:
            self._renew([one.request_id], one.first_seen)
            return None
        sequence = self._connection.take_numbers(1)
        run(_insertion(1), (sequence, *one))
        pending.add((one.request_id,))
        run(_COUNT, (_DISCOVERED, _text((one.account, one.api, one.source)), 1))
        return sequence

    def _admit_many(self, submissions: Sequence[Submission]) -> list[int | None]:
        new: dict[str, Submission] = {}
        pending = self._pending_names()
        for one in submissions:
            if one.request_id not in pending:
                new.setdefault(one.request_id, one)
        ended = [name for (name,) in self._connection.run(_ENDED_AMONG, (json.dumps(list(new)),)).fetchall()]
        if ended:
            self._renew(ended, new[ended[0]].first_seen)
        for name in ended:
            del new[name]
        first = self._connection.take_numbers(len(new))
        self._insert(new, first)
        pending.add(new)
        sequences = {name: first + place for place, name in enumerate(new)}
        self._count(discovered(new.values()))
        # pop: a RequestID that is in the call twice is taken once.
        return [sequences.pop(one.request_id, None) for one in submissions]

    def commit(self, changes: Sequence[Change], spent: Sequence[SpentCalls], *, anew: bool) -> None:
        pending = self._pending_names()
        self._connection.run_many(_UPDATE, [_row(change) for change in changes])
        # A request has no more transitions than polls, so most need not be looked at.
        moved = (change.record for change in changes if change.transition is not None)
        for sequence in {record.sequence for record in moved if record.polls > KEPT_TRANSITIONS}:
            self._trim(sequence)
        self._count(tally for change in changes for tally in change.tallies)
        self._observe(one for change in changes for one in change.observations)
        self._spend(spent, anew=anew)
        for change in changes:
            if change.record.state is not State.PENDING:
                pending.end(change.record.request_id)

    def find(self, request_id: str, sequence: int | None) -> Found | None:
        place = "state <> 'pending'" if sequence is None else "sequence = ?"
        sql = f"SELECT {_COLUMNS}, transitions FROM requests WHERE request_id = ? AND {place}"  # noqa: S608
        row = self._connection.run(sql, (request_id,) if sequence is None else (request_id, sequence)).fetchone()
        return None if row is None else Found(_record(row[:-1]), _transitions(row[-1]))

    def page(self, query: Query) -> list[Record]:
        where, values = _conditions(query)
        sql = f"SELECT {_COLUMNS} FROM requests {where} ORDER BY sequence DESC LIMIT ?"  # noqa: S608
        return [_record(row) for row in self._connection.run(sql, (*values, query.limit))]

    def prune_requests(self, finished_before: float) -> int:
        """Delete some of what is past its retention; fewer than PRUNE_CHUNK when that was the rest."""
        sql = f"""DELETE FROM requests WHERE sequence IN
                 (SELECT sequence FROM requests WHERE state <> 'pending' AND {_KNOWN_SINCE} < ? LIMIT ?)"""  # noqa: S608
        return self._connection.run(sql, (finished_before, PRUNE_CHUNK)).rowcount

    def prune_spent(self, before: float) -> None:
        self._connection.run("DELETE FROM spent_calls WHERE time < ?", (before,))

    def stop_cleanly(self, spent: Sequence[SpentCalls]) -> None:
        self._spend(spent, anew=True)
        self._connection.run("UPDATE meta SET value = 1 WHERE name = 'stopped_cleanly'")

    def _renew(self, names: Sequence[str], now: float) -> None:
        self._connection.run(_RENEW, (now, json.dumps(names), now - RENEWED_SECONDS))

    def _pending_names(self) -> PendingNames:
        """Read once, as a rule while the watch reads what is pending."""
        if self._names is None:
            self._names = PendingNames({name for (name,) in self._connection.run(_PENDING_NAMES)})
        return self._names

    def _pending(self, doubles: list[Record]) -> Iterator[Record]:
        """Of a RequestID that is there several times the first row, or none where it has ended; the others go to `doubles`."""
        if self._pending_connection is not None:
            self._pending_connection.close()
        self._names = None
        ended = self._pending_and_ended()
        connection = self._pending_connection = self._connection.snapshot()
        return self._records(connection, ended, doubles)

    def _records(
        self, connection: sqlite3.Connection, ended: Collection[int], doubles: list[Record]
    ) -> Iterator[Record]:
        names: set[str] = set()
        try:
            sql = f"SELECT {_COLUMNS} FROM requests WHERE state = 'pending' ORDER BY sequence"  # noqa: S608
            with translated(self.path):
                for row in connection.execute(sql):
                    record = _record(row)
                    if record.request_id in names or record.sequence in ended:
                        doubles.append(record)
                        continue
                    # The same string as in the record, or the names would take three times the memory.
                    names.add(record.request_id)
                    yield record
        finally:
            connection.close()
        if self._names is None:
            self._names = PendingNames(names)

    def _pending_and_ended(self) -> Collection[int]:
        """The rows of requests that were taken in again after they had ended, which only an earlier version did."""
        if self._connection.one("SELECT count(*) FROM meta WHERE name = 'singles'"):
            return ()
        found = {sequence for (sequence,) in self._connection.run(_PENDING_AND_ENDED)}
        if not found:
            self._connection.run("INSERT INTO meta VALUES ('singles', 1)")
        return found

    def end_doubles(self, doubles: Sequence[Record]) -> None:
        self._connection.run_many("DELETE FROM requests WHERE sequence = ?", [(one.sequence,) for one in doubles])
        self._count(removed(doubles))

    def _insert(self, submissions: Mapping[str, Submission], first: int) -> None:
        """A statement takes many rows, because after each one the thread has to win back the interpreter lock from a busy
        event loop; powers of two keep the number of statements to prepare small."""
        rows = [(first + place, *one) for place, one in enumerate(submissions.values())]
        start = 0
        while start < len(rows):
            size = min(_MOST_ROWS, 1 << ((len(rows) - start).bit_length() - 1))
            values = [value for row in rows[start : start + size] for value in row]
            self._connection.run(_insertion(size), values)
            start += size

    def _move(self, cursors: Sequence[Cursor]) -> None:
        for one in cursors:
            if one.position is None:
                self._connection.run("DELETE FROM cursors WHERE source = ? AND part = ?", (one.source, one.part))
            else:
                self._connection.run(
                    "INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", (one.source, one.part, one.position)
                )

    def _trim(self, sequence: int) -> None:
        """Keep the first and the last transitions of a request that flaps."""
        sql = "SELECT transitions FROM requests WHERE sequence = ? AND length(transitions) > ?"
        row = self._connection.run(sql, (sequence, KEPT_TRANSITIONS * _SHORTEST_LINE)).fetchone()
        if row is not None:
            lines = row[0].splitlines(keepends=True)
            kept = "".join(trimmed(lines))
            self._connection.run("UPDATE requests SET transitions = ? WHERE sequence = ?", (kept, sequence))

    def _count(self, tallies: Iterable[Tally]) -> None:
        counts: dict[tuple[str, str], int] = {}
        for tally in tallies:
            key = (str(tally.counter), _text(tally.labels))
            counts[key] = counts.get(key, 0) + tally.amount
        self._connection.run_many(_COUNT, [(*key, count) for key, count in counts.items()])

    def _observe(self, observations: Iterable[Observation]) -> None:
        found = [(str(one.histogram), _text(one.labels), one.bound, one.value) for one in observations]
        buckets = "INSERT INTO buckets VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1"
        totals = "INSERT INTO totals VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET total = total + excluded.total"
        self._connection.run_many(buckets, [one[:3] for one in found])
        self._connection.run_many(totals, [(one[0], one[1], one[3]) for one in found])

    def _spend(self, spent: Sequence[SpentCalls], *, anew: bool) -> None:
        if anew:
            self._connection.run("DELETE FROM spent_calls")
        sql = "INSERT OR REPLACE INTO spent_calls VALUES (?, ?, ?, ?, ?)"
        self._connection.run_many(sql, [(one.account, one.window, one.key, one.calls, one.time) for one in spent])


@cache
def _insertion(size: int) -> str:
    rows = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * size)
    return f"INSERT INTO requests ({_INTAKE}) VALUES {rows}"  # noqa: S608


def _row(change: Change) -> tuple[object, ...]:
    record, moved = change.record, change.transition
    line = "" if moved is None else json.dumps([moved.time, *moved.progress]) + "\n"
    return (
        record.state, *record.progress, record.polls, record.answered, record.unfinished, record.errored,
        record.errored_after, record.failed, record.not_found, record.reason, record.cause, record.finished_after,
        record.finished, line, change.dates_intake, record.submitted, change.dates_intake,
        record.first_seen, record.sequence, record.request_id,
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
        reference=row[22],
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
        # As ranges, which the indexes can answer; neither RequestIDs nor references hold anything beyond ASCII.
        wanted.append((_NAMED, (query.prefix, query.prefix + "\x7f") * 3))
    if query.stuck_before is not None:
        wanted.append(("state = 'pending' AND coalesce(submitted, first_seen) < ?", (query.stuck_before,)))
    if query.before is not None:
        wanted.append(("sequence < ?", (query.before,)))
    values = [value for _, some in wanted for value in some]
    where = " AND ".join(condition for condition, _ in wanted)
    return (f"WHERE {where}" if where else ""), values
