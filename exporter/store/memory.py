"""Everything in memory: for tests, and for `memory://`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from exporter.core.change import Change
from exporter.core.cursor import Cursor
from exporter.core.ledger import Counter, Histogram, Labels, Tally, discovered
from exporter.core.request import Record, State, Submission, Transition
from exporter.store.store import RENEWED_SECONDS, Contents, Found, Query, SpentCalls

KEPT_FIRST, KEPT_LAST = 20, 30
KEPT_TRANSITIONS = KEPT_FIRST + KEPT_LAST
Entry = TypeVar("Entry")


def trimmed(entries: list[Entry]) -> list[Entry]:
    """The beginning and the end of a long history; a request that flaps for days would fill a page with the rest."""
    if len(entries) <= KEPT_TRANSITIONS:
        return entries
    return [*entries[:KEPT_FIRST], *entries[-KEPT_LAST:]]


@dataclass(slots=True)
class Durable:
    """What a disk would hold: it outlives the store in front of it."""

    records: dict[str, Record] = field(default_factory=dict)
    handed_in: dict[str, float] = field(default_factory=dict)
    transitions: dict[str, list[Transition]] = field(default_factory=dict)
    counters: dict[tuple[Counter, Labels], int] = field(default_factory=dict)
    buckets: dict[tuple[Histogram, Labels, float], int] = field(default_factory=dict)
    totals: dict[tuple[Histogram, Labels], float] = field(default_factory=dict)
    spent: dict[tuple[str, str, int], SpentCalls] = field(default_factory=dict)
    cursors: dict[tuple[str, str], str] = field(default_factory=dict)
    stopped_cleanly: bool = False
    last_sequence: int = 0


class MemoryStore:
    """A Store over a Durable. Every call is atomic, because none awaits."""

    def __init__(self, durable: Durable | None = None) -> None:
        self.durable = durable or Durable()

    async def load(self) -> Contents:
        durable = self.durable
        contents = Contents(
            pending=[record for record in durable.records.values() if record.state is State.PENDING],
            counters=dict(durable.counters),
            buckets=dict(durable.buckets),
            totals=dict(durable.totals),
            spent=list(durable.spent.values()),
            cursors=dict(durable.cursors),
            stopped_cleanly=durable.stopped_cleanly,
        )
        durable.stopped_cleanly = False
        return contents

    async def admit(self, submissions: Sequence[Submission], cursors: Sequence[Cursor] = ()) -> list[int | None]:
        sequences = self._admit_all(submissions)
        for cursor in cursors:
            self._move(cursor)
        return sequences

    async def commit(self, changes: Sequence[Change], spent: Sequence[SpentCalls] = (), *, anew: bool = False) -> None:
        for change in changes:
            self._commit(change)
        self._spend(spent, anew=anew)

    async def end_doubles(self, doubles: Sequence[Record]) -> None:
        """There are none: records are kept by their RequestID."""

    async def find(self, request_id: str, sequence: int | None = None) -> Found | None:
        record = self.durable.records.get(request_id)
        hidden = record is None or (record.state is State.PENDING if sequence is None else record.sequence != sequence)
        return None if record is None or hidden else Found(record, tuple(self.durable.transitions.get(request_id, ())))

    async def page(self, query: Query) -> list[Record]:
        # In the order in which they were taken, and so of their sequence. Not one more is looked at than the page needs.
        newest = reversed(self.durable.records.values())
        return list(islice((record for record in newest if _fits(record, query)), query.limit))

    async def prune(self, *, finished_before: float, spent_before: float) -> int:
        durable = self.durable
        past = [
            record.request_id
            for record in durable.records.values()
            if record.state is not State.PENDING and self._known_since(record) < finished_before
        ]
        for request_id in past:
            del durable.records[request_id]
            durable.handed_in.pop(request_id, None)
            durable.transitions.pop(request_id, None)
        kept = {key: one for key, one in durable.spent.items() if one.time is None or one.time >= spent_before}
        durable.spent = kept
        return len(past)

    async def close(self, spent: Sequence[SpentCalls]) -> None:
        self._spend(spent, anew=True)
        self.durable.stopped_cleanly = True

    def _admit_all(self, submissions: Sequence[Submission]) -> list[int | None]:
        sequences = [self._admit(one) for one in submissions]
        taken = zip(submissions, sequences, strict=True)
        self._count(discovered(one for one, number in taken if number is not None))
        return sequences

    def _admit(self, one: Submission) -> int | None:
        known = self.durable.records.get(one.request_id)
        if known is not None:
            if known.state is not State.PENDING and self._known_since(known) < one.first_seen - RENEWED_SECONDS:
                self.durable.handed_in[one.request_id] = one.first_seen
            return None
        self.durable.last_sequence += 1
        self.durable.records[one.request_id] = Record(
            request_id=one.request_id,
            account=one.account,
            api=one.api,
            source=one.source,
            submitted=one.submitted,
            first_seen=one.first_seen,
            sequence=self.durable.last_sequence,
            reference=one.reference,
        )
        return self.durable.last_sequence

    def _known_since(self, record: Record) -> float:
        return max(record.finished or 0.0, self.durable.handed_in.get(record.request_id, 0.0))

    def _move(self, cursor: Cursor) -> None:
        key = (cursor.source, cursor.part)
        if cursor.position is None:
            self.durable.cursors.pop(key, None)
        else:
            self.durable.cursors[key] = cursor.position

    def _commit(self, change: Change) -> None:
        durable, request_id = self.durable, change.record.request_id
        if (stored := durable.records.get(request_id)) is not None:
            durable.records[request_id] = _as_taken_in(change, stored)
        if change.transition is not None:
            transitions = durable.transitions.get(request_id, [])
            durable.transitions[request_id] = trimmed([*transitions, change.transition])
        self._count(change.tallies)
        for one in change.observations:
            bucket, total = (one.histogram, one.labels, one.bound), (one.histogram, one.labels)
            durable.buckets[bucket] = durable.buckets.get(bucket, 0) + 1
            durable.totals[total] = durable.totals.get(total, 0.0) + one.value

    def _count(self, tallies: Iterable[Tally]) -> None:
        for tally in tallies:
            key = (tally.counter, tally.labels)
            self.durable.counters[key] = self.durable.counters.get(key, 0) + tally.amount

    def _spend(self, spent: Sequence[SpentCalls], *, anew: bool) -> None:
        if anew:
            self.durable.spent.clear()
        for one in spent:
            self.durable.spent[one.account, one.window, one.key] = one


def _as_taken_in(change: Change, stored: Record) -> Record:
    """What was told at the intake stays as it is, but for its times where the change says so."""
    told = change.record if change.dates_intake else stored
    return change.record._replace(submitted=told.submitted, first_seen=told.first_seen, reference=stored.reference)


def _fits(record: Record, query: Query) -> bool:
    origin = record.first_seen if record.submitted is None else record.submitted
    stuck = query.stuck_before is None or (record.state is State.PENDING and origin < query.stuck_before)
    before = query.before is None or record.sequence < query.before
    names = (record.request_id, record.reference or "")
    named = not query.prefix or any(name.startswith(query.prefix) for name in names)
    return stuck and before and named and _has(record, query)


def _has(record: Record, query: Query) -> bool:
    wanted = (
        (query.account, record.account),
        (query.api, record.api),
        (query.status, record.progress.status),
        (query.state, record.state),
        (query.reason, record.reason),
    )
    return all(want is None or want == value for want, value in wanted)
