"""Where every way in ends: RequestIDs become watched requests, durably."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from exporter.clock import Clock
from exporter.core.cursor import Cursor
from exporter.core.ledger import Ledger, discovered
from exporter.core.parts import grouped, parts
from exporter.core.request import Submission
from exporter.core.shift import submission_on
from exporter.engine.answers import Answers
from exporter.engine.claims import Claims
from exporter.engine.owners import Owners
from exporter.engine.poller import Poller
from exporter.errors import IntakeFull, UnknownAccount
from exporter.sources.source import Accepted, Entry
from exporter.store.store import Store
from exporter.tasks import Tasks

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
        owners: Owners,
        clock: Clock,
        max_pending: int,
        on_numbered: Callable[[int, int, float], None],
    ) -> None:
        """`on_numbered` is told from which to which number was taken in, with times of a wall clock that was so far ahead."""
        self.max_pending = max_pending
        self._store = store
        self._pollers = pollers
        self._ledger = ledger
        self._answers = answers
        self._owners = owners
        self._clock = clock
        self._on_numbered = on_numbered
        self._claims = Claims()
        self._calls = Tasks("intake")
        self._positions: dict[tuple[str, str], str] = {}

    async def accept(self, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor] = ()) -> Accepted:
        """Raises UnknownAccount, IntakeFull, StoreUnavailable or StoreUnusable."""
        call = self._calls.start(self._take_in(source, entries, cursors))
        # It goes on when its caller is cancelled: one that hangs up between the commit and what follows it must not leave a
        # request unwatched.
        await asyncio.wait((call,))
        return call.result()

    async def drain(self) -> None:
        """Let the calls end that their callers have left."""
        await self._calls.ended()

    def positions(self) -> dict[str, dict[str, str]]:
        """How far the sources had read at their last commits, by what they are kept under and by part."""
        found: dict[str, dict[str, str]] = {}
        for (source, part), position in self._positions.items():
            found.setdefault(source, {})[part] = position
        return found

    def restore(self, positions: Mapping[tuple[str, str], str]) -> None:
        """What the store remembers, by source and part."""
        self._positions = dict(positions)

    @property
    def pending(self) -> int:
        return sum(len(poller.watch.tracker) for poller in self._pollers.values())

    async def _take_in(self, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor]) -> Accepted:
        self._check(entries)
        fresh = self._fresh(entries)
        while others := self._claims.others(fresh.keys()):
            await asyncio.wait(others)
            fresh = self._fresh(fresh.values())
        # No await since what is fresh was decided: the claim belongs to that decision.
        taken = await self._take_in_fresh(source, fresh, cursors) if fresh or cursors else 0
        if taken < len(entries):
            for part in parts(entries, PART):
                self._owners.compare(source, part)
                await _breathe(entries)
        return Accepted(taken, len(entries) - taken)

    async def _take_in_fresh(self, source: str, fresh: Mapping[str, Entry], cursors: Sequence[Cursor]) -> int:
        self._check_room(len(fresh))
        end = self._claims.take(fresh.keys())
        try:
            taken = await self._commit(source, tuple(fresh.values()), cursors)
            for part in parts(taken, PART):
                self._watch(part)
                self._claims.release(end, [submission.request_id for submission, _ in part])
                await _breathe(taken)
        finally:
            self._claims.release(end, fresh.keys())
            end.set_result(None)
        return len(taken)

    async def _commit(
        self, source: str, entries: Sequence[Entry], cursors: Sequence[Cursor]
    ) -> list[tuple[Submission, int]]:
        """Those that were new, and their numbers. What is stored has the wall clock's times, as what came in has; what is watched
        has steady ones."""
        ahead = self._clock.ahead()
        submissions = await self._submissions(source, entries, self._clock.now() + ahead)
        sequences = await self._store.admit(submissions, cursors)
        self._move(cursors)
        taken = [
            (submission_on(one, -ahead), number)
            for one, number in zip(submissions, sequences, strict=True)
            if number is not None
        ]
        if taken:
            self._on_numbered(taken[0][1], taken[-1][1], ahead)
        return taken

    async def _submissions(self, source: str, entries: Sequence[Entry], now: float) -> list[Submission]:
        made: list[Submission] = []
        for part in parts(entries, PART):
            made += [
                Submission(name, account, api, source, time, now, reference)
                for name, account, api, time, _, reference in part
            ]
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
        named = {(entry.account, entry.api) for entry in entries}
        unknown = {(account, api) for account, api in named if not self._takes(account, api)}
        if unknown:
            first = next(entry for entry in entries if (entry.account, entry.api) in unknown)
            raise UnknownAccount(
                "not taken in", [f"{first.where}: no account {first.account!r} with api {first.api!r} is configured"]
            )

    def _takes(self, account: str, api: str) -> bool:
        poller = self._pollers.get(account)
        return poller is not None and not poller.retired and api in poller.account.apis

    def _fresh(self, entries: Iterable[Entry]) -> Mapping[str, Entry]:
        """Those that memory does not know, each once, by RequestID; the store knows the others that have ended."""
        fresh: dict[str, Entry] = {}
        for entry in entries:
            fresh.setdefault(entry.request_id, entry)
        known = set(self._answers().among(fresh.keys()))
        for poller in self._pollers.values():
            known |= poller.watch.tracker.table.among(fresh.keys())
        return {name: entry for name, entry in fresh.items() if name not in known} if known else fresh

    def _check_room(self, fresh: int) -> None:
        if fresh and self.pending + len(self._claims) + fresh > self.max_pending:
            raise IntakeFull(
                f"{self.pending} requests are pending and storage.max_pending is {self.max_pending}: "
                "try again later, or raise it"
            )


async def _breathe(whole: Sequence[object]) -> None:
    """Others get their turn between the parts of a long one; a short one has none."""
    if len(whole) > PART:
        await asyncio.sleep(0)
