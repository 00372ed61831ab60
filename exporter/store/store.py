"""The seam between what decides and what survives."""

from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from exporter.core.change import Change
from exporter.core.cursor import Cursor
from exporter.core.ledger import Counter, Histogram, Labels
from exporter.core.request import Record, State, Status, Submission, Transition

# So old what is remembered of the last time that an ended request was handed in may be: to write it each time would cost a page
# for each row that a source looks back at.
RENEWED_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpentCalls:
    """Calls that count against a window of an account: `calls` of them, the last one over at `time` at the latest.

    A reservation is written before its calls are made, with `time` None: after a crash nobody knows when they were made,
    so they count as made at the restart.
    """

    account: str
    window: str
    key: int
    calls: int
    time: float | None


@dataclass(slots=True)
class Contents:
    """All that a start needs. `pending` is read lazily, in the order of `sequence`, once; `cursors` are positions by source
    and part. `doubles` are complete once `pending` is read: rows of requests that an earlier version took in twice."""

    pending: Iterable[Record]
    counters: dict[tuple[Counter, Labels], int] = field(default_factory=dict)
    buckets: dict[tuple[Histogram, Labels, float], int] = field(default_factory=dict)
    totals: dict[tuple[Histogram, Labels], float] = field(default_factory=dict)
    spent: list[SpentCalls] = field(default_factory=list)
    cursors: dict[tuple[str, str], str] = field(default_factory=dict)
    stopped_cleanly: bool = False
    doubles: list[Record] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which requests a page shows; None takes all. `before` continues below that sequence; `stuck_before` asks for
    pending requests whose age origin (submitted, else first_seen) lies before that time.
    `prefix` is the beginning of a RequestID or of a reference."""

    account: str | None = None
    api: str | None = None
    status: Status | None = None
    state: State | None = None
    reason: str | None = None
    prefix: str | None = None
    stuck_before: float | None = None
    before: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Found:
    """One request with its transitions, oldest first."""

    record: Record
    transitions: tuple[Transition, ...]


class Store(Protocol):
    """Everything awaits durability: when a call returns, a `kill -9` can't undo it. Times are what the wall clock showed.

    Any call may raise StoreUnavailable (nothing was done; the same call may work later) or StoreUnusable.
    """

    async def load(self) -> Contents:
        """Open (creating or migrating what is there) and read. Clears the mark of a clean stop."""

    def admit(self, submissions: Sequence[Submission], cursors: Sequence[Cursor] = ()) -> Awaitable[list[int | None]]:
        """Take in all of them or none. For each: its new sequence number, or None where the store has it already, pending or ended.
        One that has ended is remembered as long as if it had ended now, or RENEWED_SECONDS ago.

        The DISCOVERED tallies of those taken are part of the same transaction, and so are `cursors`, which tell how far
        their source has read with these. A RequestID twice in one call is taken once. The work may begin before it is
        awaited.
        """

    async def commit(self, changes: Sequence[Change], spent: Sequence[SpentCalls] = (), *, anew: bool = False) -> None:
        """Write records but for what was told at their intake, or with its times where the change says so; transitions, tallies and
        observations; and upsert spent calls (by account, window, key), or replace all of them where they are told `anew`."""

    async def end_doubles(self, doubles: Sequence[Record]) -> None:
        """Delete rows that `load` found to be doubles, and count each as abandoned, cause removed."""

    async def find(self, request_id: str, sequence: int | None = None) -> Found | None:
        """A request that has ended; a pending one by its sequence number too, which its watcher knows."""

    async def page(self, query: Query) -> list[Record]:
        """Newest first (largest sequence first), at most `limit`."""

    async def prune(self, *, finished_before: float, spent_before: float) -> int:
        """Delete requests that ended and were last handed in before, and spent calls whose time lies before; how many requests
        went."""

    async def close(self, spent: Sequence[SpentCalls]) -> None:
        """Replace all spent calls by these, mark a clean stop, and close."""
