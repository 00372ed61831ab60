"""Where every way in ends: RequestIDs become watched requests, durably."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from exporter.clock import Clock
from exporter.core.cursor import Cursor
from exporter.core.ledger import Ledger, discovered
from exporter.core.parts import grouped, parts
from exporter.core.request import Submission
from exporter.engine.answers import Answers
from exporter.engine.poller import Poller
from exporter.errors import IntakeFull, UnknownAccount
from exporter.sources.source import Accepted, Entry
from exporter.store.store import Store

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
        # Shielded: a client that hangs up between the commit and what follows it must not leave a request unwatched.
        accepted = await asyncio.shield(self.begin(source, entries, cursors))
        return Accepted(accepted, len(entries) - accepted)

    def begin(
        self, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor] = (), *, flush: bool = True
    ) -> asyncio.Future[int]:
        """The same for those who wait in their own way, and must not cancel it: how many are new. Without `flush` what was
        taken in survives the death of this process, and a moment later that of the machine."""
        self._check(entries)
        fresh = self._fresh(entries)
        if fresh:
            self._check_room(len(fresh))
        self._coming += len(fresh)
        return asyncio.ensure_future(self._admit(source, fresh, cursors, flush=flush))

    def positions(self, source: str) -> dict[str, str]:
        """How far the source had read at its last commit, by part."""
        return {part: position for (name, part), position in self._positions.items() if name == source}

    def restore(self, positions: Mapping[tuple[str, str], str]) -> None:
        """What the store remembers, by source and part."""
        self._positions = dict(positions)

    @property
    def pending(self) -> int:
        return sum(len(poller.watch.tracker) for poller in self._pollers.values())

    async def _admit(self, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor], *, flush: bool) -> int:
        coming = len(entries)
        if not entries and not cursors:
            return 0
        try:
            submissions = await self._submissions(source, entries)
            sequences = await self._store.admit(submissions, cursors, flush=flush)
            self._move(cursors)
            taken = [(one, number) for one, number in zip(submissions, sequences, strict=True) if number is not None]
            for part in parts(taken, PART):
                self._watch(part)
                coming -= len(part)
                self._coming -= len(part)
                await _breathe(taken)
        finally:
            self._coming -= coming
        return len(taken)

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


async def _breathe(whole: Sequence[object]) -> None:
    """Others get their turn between the parts of a long one; a short one has none."""
    if len(whole) > PART:
        await asyncio.sleep(0)
