"""Where every way in ends: RequestIDs become watched requests, durably."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from exporter.clock import Clock
from exporter.core.cursor import Cursor
from exporter.core.ledger import Ledger, discovered
from exporter.core.parts import grouped, parts
from exporter.core.request import Submission
from exporter.engine.answers import Answers
from exporter.engine.poller import Poller
from exporter.errors import IntakeFull, StoreError, UnknownAccount
from exporter.sources.source import Accepted, Entry
from exporter.store.store import Store

# None: it is committed.
Told = Callable[[StoreError | None], None]

# A body can hold two hundred thousand RequestIDs. Between so many of them, scrapes and polls get their turn.
PART = 500


class Gate:
    """Takes in all entries of a call or none of them, and answers after the commit."""

    def __init__(
        self,
        *,
        store: Store,
        pollers: Mapping[str, Poller],
        ledger: Ledger,
        answers: Callable[[], Answers],
        clock: Clock,
        max_pending: int,
    ) -> None:
        self.max_pending = max_pending
        self._store = store
        self._pollers = pollers
        self._ledger = ledger
        self._answers = answers
        self._clock = clock
        self._coming = 0
        self._positions: dict[tuple[str, str], str] = {}

    async def accept(self, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> Accepted:
        """Raises UnknownAccount, IntakeFull, StoreUnavailable or StoreUnusable."""
        fresh = self._reserve(entries)
        # Shielded: a client that hangs up between the commit and what follows it must not leave a request unwatched.
        accepted = await asyncio.shield(self._admit(source, fresh, cursors))
        return Accepted(accepted, len(entries) - accepted)

    def record(self, source: str, entry: Entry, told: Told) -> None:
        """Take in one for somebody who waits for its commit alone, and only until it survives the death of this process; a
        moment later it survives that of the machine. `told` hears of it, or why it failed. Raises UnknownAccount or
        IntakeFull."""
        if not self._reserve((entry,)):
            told(None)
            return
        name, account, api, submitted, _ = entry
        submission = Submission(name, account, api, source, submitted, self._clock.now())
        committing = asyncio.ensure_future(self._store.admit([submission], flush=False))
        committing.add_done_callback(partial(self._recorded, submission, told))

    def positions(self, source: str) -> dict[str, str]:
        """How far the source had read at its last commit, by part."""
        return {part: position for (name, part), position in self._positions.items() if name == source}

    def restore(self, positions: Mapping[tuple[str, str], str]) -> None:
        """What the store remembers, by source and part."""
        self._positions = dict(positions)

    @property
    def pending(self) -> int:
        return sum(len(poller.watch.tracker) for poller in self._pollers.values())

    def _reserve(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those that may be new; there is room for them until they are watched."""
        self._check(entries)
        fresh = self._fresh(entries)
        if fresh:
            self._check_room(len(fresh))
        self._coming += len(fresh)
        return fresh

    async def _admit(self, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor]) -> int:
        coming = len(entries)
        if not entries and not cursors:
            return 0
        try:
            taken = await self._commit(source, entries, cursors)
            for part in parts(taken, PART):
                self._watch(part)
                coming -= len(part)
                self._coming -= len(part)
                await _breathe(taken)
        finally:
            self._coming -= coming
        return len(taken)

    def _recorded(self, submission: Submission, told: Told, committing: "asyncio.Future[list[int | None]]") -> None:
        self._coming -= 1
        error = committing.exception()
        if error is None:
            told(None)
            # What waited for the commit goes first: an answer is on its way before anybody looks at what else there is to do.
            asyncio.get_running_loop().call_soon(self._watch, _new([submission], committing.result()))
        elif isinstance(error, StoreError):
            told(error)
        else:
            raise error

    async def _commit(
        self, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor]
    ) -> list[tuple[Submission, int]]:
        """Those that were new, and their numbers."""
        submissions = await self._submissions(source, entries)
        sequences = await self._store.admit(submissions, cursors)
        self._move(cursors)
        return _new(submissions, sequences)

    async def _submissions(self, source: str, entries: Sequence[Entry]) -> list[Submission]:
        now = self._clock.now()
        made: list[Submission] = []
        for part in parts(entries, PART):
            made += [Submission(name, account, api, source, time, now) for name, account, api, time, _ in part]
            await _breathe(entries)
        return made

    def _watch(self, taken: Sequence[tuple[Submission, int]]) -> None:
        """No await in here: a scrape sees a request as discovered and as pending, or as neither."""
        now = self._clock.now()
        for account, group in grouped(taken, lambda one: one[0].account).items():
            submissions, sequences = zip(*group, strict=True)
            self._pollers[account].watch.admit(submissions, sequences, now)
            self._ledger.count(discovered(submissions))
            self._pollers[account].wake()

    def _move(self, cursors: Sequence[Cursor]) -> None:
        for one in cursors:
            if one.position is None:
                self._positions.pop((one.source, one.part), None)
            else:
                self._positions[one.source, one.part] = one.position

    def _check(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            poller = self._pollers.get(entry.account)
            if poller is None or poller.retired or entry.api not in poller.account.apis:
                raise UnknownAccount(
                    "not taken in",
                    [f"{entry.where}: no account {entry.account!r} with api {entry.api!r} is configured"],
                )

    def _fresh(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those that memory does not know; the store knows the rest, and sees to duplicates within the call."""
        answers = self._answers()
        return [
            entry
            for entry in entries
            if entry.request_id not in self._pollers[entry.account].watch.tracker.table
            and entry.request_id not in answers
        ]

    def _check_room(self, fresh: int) -> None:
        if self.pending + self._coming + fresh > self.max_pending:
            raise IntakeFull(
                f"{self.pending} requests are pending and storage.max_pending is {self.max_pending}: "
                "try again later, or raise it"
            )


def _new(submissions: Sequence[Submission], sequences: Sequence[int | None]) -> list[tuple[Submission, int]]:
    return [(one, number) for one, number in zip(submissions, sequences, strict=True) if number is not None]


async def _breathe(whole: Sequence[object]) -> None:
    """Others get their turn between the parts of a long one; a short one has none."""
    if len(whole) > PART:
        await asyncio.sleep(0)
